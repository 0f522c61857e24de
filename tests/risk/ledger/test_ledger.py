"""The ledger: what approvals and ends add up to, one event at a time."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import (
    NOT_SENT,
    NOW,
    REJECTED,
    TODAY,
    TOMORROW,
    UNKNOWN,
    accepted,
    approve,
    contracts,
    live_order,
    state,
)

from pretrade.model.facts import NamedOrder
from pretrade.model.instance import Mode
from pretrade.model.orders import CancelAll, CancelOrder, CreateBatch, CreateOrder, DecreaseOrder, Side, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Price
from pretrade.risk.ledger import ledger as ledger_module
from pretrade.risk.ledger.changes import OrderRead
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger, Pending
from pretrade.risk.ledger.live_order import OrderState

COST = 5_600_000
"""Ten contracts at 56 cents."""
ALL = (None, "")


def counted(ledger: Ledger, day: str = TODAY) -> tuple[int, int, int, int]:
    """(open orders, worst position, orders of the day, notional of the day)."""
    live = ledger.live
    return (
        live.open_orders(None),
        live.worst_position(None, TICKER),
        live.days.orders(day, ALL),
        live.days.notional(day, ALL),
    )


def rested(**changes: object) -> Ledger:
    """A ledger with one order, accepted as x-1 and resting."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateOrder(order(**changes)))
    ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    return ledger


def test_batch_legs_count_one_by_one_and_modes_and_days_apart() -> None:
    """Catches a batch that counts as one, and a dry run that uses up the live day."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order(), order())))
    approve(ledger, "d-2", CreateOrder(order()), mode=Mode.DRY_RUN)
    approve(ledger, "d-3", CancelAll(0))
    assert [ledger.day_orders(mode, TODAY) for mode in (Mode.LIVE, Mode.DRY_RUN)] == [3, 1]
    approve(ledger, "d-4", CreateOrder(order()), day=TOMORROW)
    assert [ledger.day_orders(Mode.LIVE, day) for day in (TODAY, TOMORROW)] == [3, 1]


def test_the_day_never_goes_back() -> None:
    """Catches a clock set back over midnight, which would give yesterday's unused orders to today."""
    ledger = Ledger()
    assert ledger.day_of(TODAY) == TODAY
    approve(ledger, "d-1", CreateOrder(order()), day=TOMORROW)
    assert ledger.day_of(TODAY) == TOMORROW
    approve(ledger, "d-2", CreateOrder(order()), day=TODAY)
    assert ledger.day_of(TODAY) == TOMORROW


@pytest.mark.parametrize("mode", Mode)
def test_an_exit_begins_its_day_too(mode: Mode) -> None:
    """Catches a day that only orders begin: after a cancel of tomorrow's, today's order would count on today again."""
    ledger = Ledger()
    approve(ledger, "d-1", CancelAll(0), day=TOMORROW, mode=mode)
    assert ledger.day_of(TODAY) == TOMORROW


def test_asking_for_the_day_does_not_move_it() -> None:
    """Catches a denied order, or a look at the status, under a clock that is wrong for a moment: it would use up the
    day that nothing was counted on."""
    ledger = Ledger()
    ledger.day_of("2999-01-01")
    assert ledger.day_of(TODAY) == TODAY


def test_unknown_stays_pending_and_every_other_end_does_not() -> None:
    """Unknown is not failed. Catches a hold that is let go because nobody answered."""
    for end in OutcomeState:
        ledger = Ledger()
        approve(ledger, "d-1")
        ledger.settle("d-1", Outcome(end), NOW)
        assert ("d-1" in ledger.pending) is (end is OutcomeState.UNKNOWN)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (None, (1, 1_000, 1, COST)),
        (UNKNOWN, (1, 1_000, 1, COST)),
        (Outcome(OutcomeState.ACCEPTED, 201), (1, 1_000, 1, COST)),  # a yes that tells nothing frees nothing
        (accepted(("x-1", 0, 1_000)), (1, 1_000, 1, COST)),
        (accepted(("x-1", 400, 600)), (1, 1_000, 1, COST)),
        (accepted(("x-1", 400, 0)), (0, 400, 1, COST * 4 // 10)),  # the rest was canceled at once
        (accepted(("x-1", 1_000, 0)), (0, 1_000, 1, COST)),
        (accepted(("x-1", 0, 0)), (0, 0, 1, 0)),
        (REJECTED, (0, 0, 1, 0)),
        (NOT_SENT, (0, 0, 0, 0)),
    ],
)
def test_what_counts_after_each_end(end: Outcome | None, expected: tuple[int, ...]) -> None:
    """A hold counts until its end is proven; rejected gives the notional back and keeps the number, not sent gives
    both back, what was canceled gives back the remainder's alone. Catches a hold dropped on an unknown, a resting
    order that does not count, a fill that is forgotten, notional that is returned twice or not at all."""
    ledger = Ledger()
    approve(ledger, "d-1")
    if end is not None:
        ledger.settle("d-1", end, NOW)
        ledger.settle("d-1", REJECTED, NOW) if "d-1" not in ledger.pending else None  # an end comes once
    assert counted(ledger) == expected


def test_an_end_of_nothing_is_no_news() -> None:
    """Catches an answer to an unknown decision that changes a figure, or raises."""
    ledger = Ledger()
    approve(ledger, "d-1")
    ledger.settle("d-0", NOT_SENT, NOW)
    ledger.sending("d-0")
    assert counted(ledger) == (1, 1_000, 1, COST)


def test_each_leg_of_a_batch_has_its_own_end() -> None:
    """Catches a batch whose legs all take the first one's end, and a rejected leg that still counts."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order("5"), order("3"))))
    yes, no = accepted(("x-1", 200, 800)).legs[0], LegOutcome(OutcomeState.REJECTED, code="invalid_price")
    ledger.settle("d-1", Outcome(OutcomeState.ACCEPTED, 201, (yes, no, accepted(("x-3", 0, 300)).legs[0])), NOW)
    assert counted(ledger) == (2, 1_300, 3, COST + 3 * 560_000)
    assert [order.order_id for order in ledger.live.orders.values()] == ["x-1", "x-3"]
    assert ledger.pending == {}


def test_a_leg_that_the_answer_leaves_out_keeps_counting() -> None:
    """Missing is not zero. Catches a leg without a word that is taken for rejected: it may rest."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order("5"))))
    ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    assert counted(ledger)[:2] == (2, 1_500)


def test_one_unknown_leg_keeps_the_batch_pending() -> None:
    """Catches a batch that is done although nobody knows about one of its legs."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order("5"))))
    legs = (accepted(("x-1", 0, 1_000)).legs[0], LegOutcome(OutcomeState.UNKNOWN))
    ledger.settle("d-1", Outcome(OutcomeState.UNKNOWN, 201, legs), NOW)
    states = {key: one.state for key, one in ledger.live.orders.items()}
    assert states == {"d-1/0": OrderState.RESTING, "d-1/1": OrderState.UNKNOWN}
    assert ledger.pending["d-1"].state is OrderState.UNKNOWN
    assert counted(ledger)[:2] == (2, 1_500)


AMEND = amend("20.00", "0.3000", order_id="x-1")


@pytest.mark.parametrize(
    ("end", "remaining", "price", "notional"),
    [
        (None, 2_000, 5_600, 8_600_000),
        (UNKNOWN, 2_000, 5_600, 8_600_000),
        (accepted(("x-1", 0, 2_000)), 2_000, 5_600, 8_600_000),  # both terms, until a read proves the new ones
        (REJECTED, 1_000, 5_600, COST),
        (NOT_SENT, 1_000, 5_600, COST),
    ],
)
def test_an_amend_counts_the_worse_of_both_terms(
    end: Outcome | None, remaining: int, price: int, notional: int
) -> None:
    """Ten at 56 cents may fill before the amend, and ten more at 30 after it. Catches an amend that takes the new
    terms only, one whose terms stay after a refusal, and notional that it keeps or gives back twice."""
    ledger = rested()
    approve(ledger, "d-2", AMEND)
    if end is not None:
        ledger.settle("d-2", end, NOW)
    (one,) = ledger.live.orders.values()
    assert (one.remaining, one.price) == (remaining, price)
    assert counted(ledger) == (1, remaining, 1, notional)
    assert ("d-2" in ledger.pending) is (end in (None, UNKNOWN))


def test_an_amend_counts_on_its_own_day() -> None:
    """Catches an order of yesterday that is amended upwards all day while today's notional never grows."""
    ledger = rested()
    approve(ledger, "d-2", amend("10.00", "0.9600", order_id="x-1"), day=TOMORROW)
    assert counted(ledger)[3] == COST
    assert counted(ledger, TOMORROW)[2:] == (0, 4_000_000)
    ledger.settle("d-2", REJECTED, NOW)  # of another day than the order's: kept, which is the safe side
    assert [counted(ledger, day)[3] for day in (TODAY, TOMORROW)] == [COST, 4_000_000]


@pytest.mark.parametrize(
    "write",
    [CancelOrder("x-1"), DecreaseOrder("x-1", reduce_to=Count(1)), CancelAll(0)],
    ids=lambda w: type(w).__name__,
)
@pytest.mark.parametrize("end", [None, UNKNOWN, accepted(("x-1", 0, 0)), REJECTED], ids=str)
def test_the_answer_to_an_exit_frees_nothing(write: Write, end: Outcome | None) -> None:
    """Catches a cancel or decrease that is believed: the order may have filled first, or the answer may be wrong."""
    ledger = rested()
    before = counted(ledger)
    approve(ledger, "d-2", write)
    if end is not None:
        ledger.settle("d-2", end, NOW)
    assert counted(ledger) == before


def test_states_are_shown_and_change_no_figure() -> None:
    """Held, sending and unknown count in full. Catches a state that is lost or that frees."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order())))
    seen = [(ledger.pending["d-1"].state, counted(ledger))]
    for step in (lambda: ledger.sending("d-1"), ledger.lose_sight):
        step()
        seen.append((ledger.pending["d-1"].state, counted(ledger)))
        assert {one.state for one in ledger.live.orders.values()} == {ledger.pending["d-1"].state}
    assert [state for state, _ in seen] == [OrderState.HELD, OrderState.SENDING, OrderState.UNKNOWN]
    assert {figures for _, figures in seen} == {(2, 2_000, 2, 2 * COST)}


@pytest.mark.parametrize("more", [(), ("d-0", "d-9")], ids=["alone", "beside others"])
def test_an_order_that_came_and_went_leaves_what_one_does_that_rested_and_ended(more: tuple[str, ...]) -> None:
    """Answered with nothing filled and nothing left, which is the end of most immediate-or-cancel orders. Catches a
    total, an index, a day or an owner that the short way forgets."""
    ledgers = Ledger(), Ledger()
    for ledger in ledgers:
        for decision_id in ("d-0", "d-1", "d-9") if more else ("d-1",):
            approve(ledger, decision_id, CreateOrder(order(client_order_id="mine")))
        ledger.sending("d-1")
    short, long = ledgers
    short.settle("d-1", accepted(("x-1", 0, 0)), NOW + 1)
    long.settle("d-1", accepted(("x-1", 0, 1_000)), NOW + 1)
    long.end("d-1/0", NOW + 1)
    assert state(short) == state(long)
    assert short.named("x-1", "momentum-bot", 0, shares=True) == NamedOrder("x-1", "momentum-bot")
    assert [one.key for one in short.live.with_client_order_id("mine")] == [f"{name}/0" for name in more]
    assert counted(short) == (len(more), 1_000 * len(more), 1 + len(more), COST * len(more))


def test_losing_sight_leaves_what_is_known_alone() -> None:
    """Catches an order that rests and is called unknown after a restart, when only its amend is."""
    ledger = rested()
    approve(ledger, "d-2", AMEND)
    ledger.lose_sight()
    assert [one.state for one in ledger.live.orders.values()] == [OrderState.RESTING]
    assert ledger.pending == {"d-2": Pending("d-2", "momentum-bot", 0, AMEND, NOW, OrderState.UNKNOWN)}


def test_what_is_pending_says_whose_and_since_when() -> None:
    """Catches a hold without its client, its subaccount or its time: nobody could find it again."""
    ledger, write = Ledger(), CreateOrder(order())
    approve(ledger, "d-1", write, client="other", subaccount=3, now_ms=NOW + 5)
    assert ledger.pending == {"d-1": Pending("d-1", "other", 3, write, NOW + 5, OrderState.HELD, 0)}


def test_a_dry_run_is_never_pending() -> None:
    """Nothing was sent, so nothing is open."""
    ledger = Ledger()
    approve(ledger, "d-1", mode=Mode.DRY_RUN)
    assert ledger.pending == {}
    assert len(ledger.dry_run.resting(NOW)) == 1
    assert ledger.live.open_orders(None) == 0


@pytest.mark.parametrize("last", [None, "x-1"], ids=["shown by a read first", "in order"])
def test_a_late_answer_does_not_undo_an_amend(last: str | None) -> None:
    """An order that a read has shown was amended since; the answer to its create comes last. Catches a late answer
    that takes the order for what it was."""
    ledger = Ledger()
    approve(ledger, "d-1")
    if last is None:
        learn(ledger, OrderRead("d-1/0", "x-1", Count(0), contracts(10), Price(5_600), is_open=True, at_ms=NOW))
    else:
        ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    approve(ledger, "d-2", AMEND)
    ledger.settle("d-1", accepted(("x-1", 100, 900)), NOW)
    (one,) = ledger.live.orders.values()
    assert one.remaining == (1_900 if last is None else 2_000)


OWN = NamedOrder("x-1", "momentum-bot", TICKER, Side.BID)


@pytest.mark.parametrize(
    ("order_id", "client", "shares", "expected"),
    [
        ("x-1", "momentum-bot", False, OWN),
        ("x-1", "other", False, OWN),  # named by another: its owner is told, and the check denies
        ("x-2", "momentum-bot", False, NamedOrder("x-2", "momentum-bot")),  # it has ended
        ("x-2", "other", True, NamedOrder("x-2", "momentum-bot")),
        ("x-3", "momentum-bot", False, NamedOrder("x-3", None)),
    ],
)
def test_whose_an_order_is(order_id: str, client: str, shares: bool, expected: NamedOrder) -> None:
    """Catches an order that belongs to whoever names it, and one that is nobody's once it has ended."""
    ledger = rested()
    approve(ledger, "d-2")
    ledger.settle("d-2", accepted(("x-2", 1_000, 0)), NOW)
    assert ledger.named(order_id, client, 0, shares=shares) == expected


@pytest.mark.parametrize(
    ("is_open", "subaccount", "shares", "mine"),
    [
        (True, 0, False, True),
        (True, 1, False, False),
        (True, 0, True, False),
        (False, 0, False, True),
        (False, 0, True, False),
    ],
)
def test_an_orphan_is_the_clients_only_where_it_has_the_subaccount_alone(
    is_open: bool, subaccount: int, shares: bool, mine: bool
) -> None:
    """An order without a row is the client's of its subaccount, unless others trade there. Catches an orphan that
    nobody may cancel, and one that a stranger may."""
    ledger = Ledger()
    orphan = live_order("exchange/x-9", client=None, order_id="x-9")
    ledger.live.put(orphan, NOW)
    if not is_open:
        ledger.end(orphan.key, NOW)
    named = ledger.named("x-9", "momentum-bot", subaccount, shares=shares)
    assert named.owner == ("momentum-bot" if mine else "")


def test_ended_orders_are_forgotten_only_when_old_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches an order that filled a moment ago and is taken for an orphan by the next read, because many ended."""
    monkeypatch.setattr(ledger_module, "ENDED_KEPT", 2)
    ledger = Ledger()
    for number in range(5):
        approve(ledger, f"d-{number}")
        ledger.settle(f"d-{number}", accepted((f"x-{number}", 1_000, 0)), NOW)
    assert len(ledger.ended) == 5
    approve(ledger, "d-9")
    ledger.settle("d-9", accepted(("x-9", 1_000, 0)), NOW + ledger_module.ENDED_KEPT_MS)
    assert list(ledger.ended) == ["x-4", "x-9"]


def test_of_orders_that_have_ended_never_more_than_a_bound_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a memory that grows as fast as a bot can have its orders end."""
    monkeypatch.setattr(ledger_module, "ENDED_KEPT", 1)
    monkeypatch.setattr(ledger_module, "MOST_ENDED", 3)
    ledger = Ledger()
    for number in range(5):
        approve(ledger, f"d-{number}")
        ledger.settle(f"d-{number}", accepted((f"x-{number}", 1_000, 0)), NOW)
    assert list(ledger.ended) == ["x-2", "x-3", "x-4"]
