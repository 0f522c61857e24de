"""Writes of which nobody knows, places, money, and where the ledger begins."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, PLACE, TODAY, UNKNOWN, accepted, approve
from tests.risk.recordkit import BEGAN, MINUTE, Record, held, kinds, may_buy, there

from pretrade.model.drop_copy import ExchangeBalance, ExchangeGroup, ExchangePosition
from pretrade.model.facts import Place
from pretrade.model.orders import CancelAll, CancelOrder, CreateBatch, CreateOrder
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Money
from pretrade.risk.reconciling.reconciliation_round import APART_MS, COVER_MS, UNSEEN_MS

LOST_MS = 8_000
"""When the answer that never came was given up: the signature can be as young as that."""
LATE = LOST_MS + UNSEEN_MS
OURS = CreateOrder(order(client_order_id="c-1"))


def lost(write: object = OURS, at_ms: int = LOST_MS) -> Record:
    """A write whose answer was given up at this moment after NOW."""
    record = Record()
    approve(record.ledger, "d-1", write)  # type: ignore[arg-type]
    record.ledger.settle("d-1", UNKNOWN, NOW + at_ms)
    return record


@pytest.mark.parametrize(
    ("case", "moments", "is_absent"),
    [
        ("one late copy", (LATE,), False),
        ("two late copies", (LATE, LATE + APART_MS), True),
        ("two late copies, too near to each other", (LATE, LATE + APART_MS - 1), False),
        ("the first one too early", (LATE - 1, LATE - 1 + APART_MS), False),
        ("many that are too early", tuple(range(1_000, LATE, 1_000)), False),
        ("one early, two late", (LATE - 1, LATE, LATE + APART_MS), True),
    ],
)
def test_a_create_is_proven_absent_by_two_late_copies(case: str, moments: tuple[int, ...], *, is_absent: bool) -> None:
    """Catches: a hold that is freed by one read, by time alone, or while the exchange may still take the signature."""
    record = lost()
    for at_ms in moments:
        record.read(at_ms)
    assert (record.ledger.pending == {}) is is_absent, case
    assert may_buy(record.ledger) == (0 if is_absent else 1_000)
    days = record.ledger.live.days
    expected = (0, 0) if is_absent else (1, 5_600_000)
    assert (days.orders(TODAY, (None, "")), days.notional(TODAY, (None, ""))) == expected


def test_time_alone_frees_nothing() -> None:
    """A start long after proves nothing: its first copy has none before it. Catches an unknown order that is forgotten
    because it is old."""
    record = lost()
    found = record.read(100 * UNSEEN_MS, since_ms=NOW - MINUTE)
    assert kinds(found) == ["silent"]
    record.before_ms = None
    assert kinds(record.read(100 * UNSEEN_MS + 60_000, since_ms=NOW - MINUTE)) == []
    assert may_buy(record.ledger) == 1_000


@pytest.mark.parametrize(("since_ms", "is_absent"), [(-COVER_MS, True), (-COVER_MS + 1, False), (1, False)])
def test_a_copy_that_does_not_reach_back_far_enough_proves_nothing(since_ms: int, *, is_absent: bool) -> None:
    """Catches an order that is proven absent by a list that began after it was made."""
    record = lost()
    for at_ms in (LATE, LATE + 2_000, LATE + 4_000):
        record.read(at_ms, since_ms=NOW + since_ms)
    assert (record.ledger.pending == {}) is is_absent


def test_an_order_that_was_signed_late_is_waited_for_longer() -> None:
    """The disk stalled between approval and signature. Catches 30 s that are counted from the approval."""
    record = lost(at_ms=60_000)
    for at_ms in range(UNSEEN_MS, 60_000 + UNSEEN_MS, 1_000):
        record.read(at_ms)
        assert "d-1" in record.ledger.pending


def test_a_run_that_ended_may_have_signed_until_then() -> None:
    """Catches 30 s that are counted from the approval, where the run before signed at its very end."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.lose_sight(NOW + 60_000)
    for at_ms in (UNSEEN_MS, UNSEEN_MS + 2_000, 60_000 + UNSEEN_MS - 1):
        record.read(at_ms)
        assert "d-1" in record.ledger.pending
    for at_ms in (60_000 + UNSEEN_MS, 62_000 + UNSEEN_MS):
        record.read(at_ms)
    assert record.ledger.pending == {}


@pytest.mark.parametrize("state", ["held", "sending"])
def test_what_this_run_has_in_flight_is_left_alone(state: str) -> None:
    """Catches a write that hangs in our own queue and is proven absent before it is sent."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    if state == "sending":
        record.ledger.sending("d-1")
    for at_ms in (LATE, LATE + 2_000, LATE + 4_000):
        record.read(at_ms)
    assert may_buy(record.ledger) == 1_000


def test_a_batch_is_over_when_each_of_its_orders_is_known() -> None:
    """Catches a batch of which one order was found and the other is free too early, or never."""
    record = lost(CreateBatch((order(client_order_id="c-1"), order(client_order_id="c-2"))))
    record.read(1_000, there(client_order_id="c-1"))
    assert (may_buy(record.ledger), list(record.ledger.pending)) == (2_000, ["d-1"])
    for at_ms in (LATE, LATE + 2_000):
        record.read(at_ms, there(client_order_id="c-1"))
    assert (may_buy(record.ledger), record.ledger.pending) == (1_000, {})


def test_a_batch_whose_first_leg_was_refused_waits_for_the_other_alone() -> None:
    """Catches a refused leg that is looked for, and counted, again."""
    record = Record()
    approve(record.ledger, "d-1", CreateBatch((order(client_order_id="c-1"), order(client_order_id="c-2"))))
    legs = (LegOutcome(OutcomeState.REJECTED, client_order_id="c-1"), LegOutcome(OutcomeState.UNKNOWN))
    record.ledger.settle("d-1", Outcome(OutcomeState.UNKNOWN, 200, legs), NOW)
    assert may_buy(record.ledger) == 1_000
    record.read(1_000, there(client_order_id="c-2"))
    assert record.ledger.pending == {}


@pytest.mark.parametrize("write", [CancelOrder("x-1", TICKER), CancelAll(0)])
def test_an_unknown_exit_is_over_when_it_can_no_longer_come(write: object) -> None:
    """Catches an unknown cancel that stands in the status for ever."""
    record = lost(write)
    record.read(LATE - 1)
    record.read(LATE)
    assert "d-1" in record.ledger.pending
    assert "write_resolved" in kinds(record.read(LATE + 1_000))


def test_an_unknown_amend_of_an_order_that_has_ended_is_over() -> None:
    """Catches an amend that nobody can find out about any more and that stays unknown."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    approve(record.ledger, "d-2", amend("20.00", order_id="x-1"))
    record.ledger.settle("d-2", UNKNOWN, NOW)
    shown = there(status="executed", filled=Count(1_000), remaining=Count(0))
    assert kinds(record.read(1_000, shown))[:2] == ["order_read", "write_resolved"]


def test_an_unknown_amend_stays_as_long_as_its_order_is_not_read() -> None:
    """Catches an amend given up for old although nobody has seen its order: the dearer terms may hold."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    approve(record.ledger, "d-2", amend("20.00", order_id="x-1"))
    record.ledger.settle("d-2", UNKNOWN, NOW)
    for number in range(5):
        record.read(LATE + number * 2_000)
    assert "d-2" in record.ledger.pending
    assert may_buy(record.ledger) == 2_000


# Places, money, the beginning


ELSEWHERE = Place("KXOTHER-1", "E2", "S2", 10_000)


@pytest.mark.parametrize(
    ("positions", "fails"),
    [((held(100, ticker="KXOTHER-1"),), True), ((held(0, ticker="KXOTHER-1"),), False), ((), False)],
)
def test_what_is_held_where_nobody_knows_fails_as_a_whole(
    positions: tuple[ExchangePosition, ...], *, fails: bool
) -> None:
    """Its exposure would be in no event and no series. Catches half a copy that is taken in before it fails, and one
    that fails over a market in which nothing is held any more."""
    record = Record()
    before = record.ledger.live.places.copy()
    if fails:
        with pytest.raises(KeyError, match="KXOTHER-1"):
            record.read(1_000, there(), positions=positions)
        assert record.ledger.live.places == before
        assert record.ledger.live.orders == {}
    else:
        record.read(1_000, there(), positions=positions)
        assert may_buy(record.ledger) == 1_000


def test_a_place_that_is_known_is_enough_when_it_cannot_be_read_now() -> None:
    """Catches a reconciliation that stops because one market of an old position cannot be read."""
    record = Record()
    places = {TICKER: PLACE, "KXOTHER-1": ELSEWHERE}
    record.read(1_000, positions=(held(100, ticker="KXOTHER-1"),), places=places)
    assert record.ledger.live.exposure((None, "event", "E2")) == 0
    record.read(2_000, positions=(held(100, 700, ticker="KXOTHER-1"),))
    assert record.ledger.live.worst_position(None, "KXOTHER-1") == 100


def test_money_and_groups_are_told_when_they_change() -> None:
    """Catches a row every second about the same cash; realised profit that is another subaccount's."""
    record = Record()
    cash, groups = (ExchangeBalance(0, Money(9)), ExchangeBalance(1, Money(8))), (ExchangeGroup("g", 1),)
    earned = ExchangePosition(1, TICKER, Count(0), Money(0), Money(-5), Money(2))
    found = record.read(1_000, positions=(earned,), balances=cash, groups=groups)
    assert [one.kind for one in found.changes] == ["money_read", "money_read", "groups_read"]
    assert record.ledger.money == {0: (9, 0, 0), 1: (8, -5, 2)}
    assert record.ledger.live.groups.owners() == {"g": 1}
    assert record.read(2_000, positions=(earned,), balances=cash, groups=groups).changes == []


def test_a_ledger_with_rows_of_its_own_begins_without_taking_positions_blindly() -> None:
    """The row that said where it begins was lost. Catches a stale position that is taken over our own fill."""
    record = Record(is_new=True)
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", accepted(("x-1", 1_000, 0)), NOW)
    found = record.read(1_000)
    assert "position_adopted" not in kinds(found)
    assert record.ledger.live.worst_position(0, TICKER) == 1_000
    assert record.ledger.baseline_ms == NOW + 1_000
    assert BEGAN < NOW
