"""Orders of ours, held against reads of them."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOT_SENT, NOW, TODAY, UNKNOWN, accepted, approve
from tests.risk.recordkit import Record, broken, ended, kinds, may_buy, terms, there

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.model.orders import CancelOrder, CreateOrder, Side
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciliation_round import APART_MS, SETTLE_MS, UNSEEN_MS

OURS = CreateOrder(order(client_order_id="c-1"))
PRICE = 5_600


def resting() -> Record:
    """An order of ten contracts at 56 cents that rests as x-1 since NOW."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    return record


def lost() -> Record:
    """The same order; its answer never came."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", UNKNOWN, NOW)
    return record


@pytest.mark.parametrize(
    ("shown", "left", "position"),
    [
        (there(), 1_000, 0),
        (there(filled=Count(300), remaining=Count(700)), 700, 300),
        (ended(filled=300), 0, 300),
        (ended(), 0, 0),
        (there(status=OrderStatus.EXECUTED, filled=Count(1_000), remaining=Count(0)), 0, 1_000),
    ],
)
@pytest.mark.parametrize("make", [resting, lost])
def test_an_order_is_what_a_read_shows(make: type, shown: ExchangeOrder, left: int, position: int) -> None:
    """Catches: an order that ended and still counts; a fill that is not counted; an unknown one not known again by its
    client's id."""
    record = make()
    record.read(SETTLE_MS, ExchangeOrder(**{**_fields(shown), "client_order_id": "c-1"}))
    book = record.ledger.live.book(0, TICKER)
    assert (book.may_fill(Side.BID), book.position) == (left, position)
    assert record.ledger.pending == {}
    assert record.ledger.live.open_orders(None) == bool(left)


def _fields(shown: ExchangeOrder) -> dict[str, object]:
    return {name: getattr(shown, name) for name in ExchangeOrder.__slots__}


def test_an_end_is_believed_however_early_it_is_read() -> None:
    """What has ended cannot rest again. Catches a canceled order that counts until the read is late enough."""
    record = resting()
    record.read(-60_000, ended())
    assert record.ledger.live.orders == {}


@pytest.mark.parametrize(("at_ms", "left"), [(SETTLE_MS - 1, 2_000), (SETTLE_MS, 1_000)])
def test_a_read_of_before_the_last_answer_lowers_nothing(at_ms: int, left: int) -> None:
    """An amend to more was answered, and the read shows the order as it was before: true once it is late enough, and
    stale until then. Catches: an exchange's lag that frees what may fill."""
    record = resting()
    approve(record.ledger, "d-2", amend("20.00", "0.5600", order_id="x-1"))
    record.ledger.settle("d-2", accepted(("x-1", 0, 2_000)), NOW)
    found = record.read(at_ms, there())
    assert may_buy(record.ledger) == left
    assert found.soon is (left == 2_000)


def test_a_cheaper_read_of_before_the_last_answer_frees_nothing_of_the_price() -> None:
    """Catches a read that is too early and takes the price down: exposure would be too low."""
    record = resting()
    record.read(SETTLE_MS - 1, there(price=Price(1_000), remaining=Count(500)))
    assert terms(record.ledger) == [(PRICE, 1_000)]
    record.read(SETTLE_MS, there(price=Price(1_000), remaining=Count(500)))
    assert terms(record.ledger) == [(1_000, 500)]


def test_a_cancel_that_was_answered_frees_nothing_until_it_is_read() -> None:
    """The exchange's yes to a cancel has been wrong. Catches a cancel's answer that is believed."""
    record = resting()
    approve(record.ledger, "d-2", CancelOrder("x-1", TICKER))
    record.ledger.settle("d-2", accepted(), NOW)
    record.read(10_000, there())
    assert may_buy(record.ledger) == 1_000
    record.read(11_000, ended())
    assert may_buy(record.ledger) == 0


def test_a_decrease_frees_once_it_is_read_and_gives_the_notional_back() -> None:
    """Catches a day's notional that a proven smaller order keeps for ever."""
    record = resting()
    record.read(SETTLE_MS, there(remaining=Count(400)))
    assert may_buy(record.ledger) == 400
    assert record.ledger.live.days.notional(TODAY, (None, "")) == 400 * PRICE


def test_nothing_new_is_no_change_and_asks_for_nothing() -> None:
    """Catches a row and a round every second about orders that merely rest."""
    record = resting()
    found = record.read(20_000, there())
    assert (kinds(found), found.soon, broken(found)) == ([], False, [])


@pytest.mark.parametrize("state", ["held", "sending"])
def test_an_order_whose_answer_is_on_the_way_is_left_alone(state: str) -> None:
    """Catches a fill that counts twice: once by the read and once by the answer; and one taken for another's."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    if state == "sending":
        record.ledger.sending("d-1")
    found = record.read(1_000, there(client_order_id="c-1", filled=Count(400), remaining=Count(600)))
    assert kinds(found) == []
    assert record.ledger.live.orders["d-1/0"].state == OrderState(state)


def test_an_order_of_ours_that_has_ended_is_no_orphan() -> None:
    """Catches an alarm, and fills counted twice, for every order that filled a moment ago."""
    record = resting()
    record.read(SETTLE_MS, ended(filled=1_000))
    found = record.read(SETTLE_MS + 1_000, ended(filled=1_000))
    assert broken(found) == []
    assert record.ledger.live.orders == {}
    assert record.ledger.live.book(0, TICKER).position == 1_000


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [({}, False), ({"price": Price(5_700)}, True), ({"remaining": Count(900)}, True)],
)
def test_an_unknown_order_with_other_terms_counts_as_it_is_and_is_told(
    changes: dict[str, object], is_told: bool
) -> None:
    """Catches an exchange, or somebody between, that makes another order of ours."""
    record = lost()
    shown = there(client_order_id="c-1", **changes)
    found = record.read(1_000, shown)
    assert terms(record.ledger) == [(shown.price, shown.remaining)]
    assert broken(found) == ([("terms", "x-1")] if is_told else [])


def test_an_id_of_ours_on_another_order_is_told_and_both_count() -> None:
    """Catches: an order in another market that is taken for ours; an unknown order that is proven absent although the
    exchange has something under its id."""
    record = lost()
    odd = there(client_order_id="c-1", side=Side.ASK, created_ms=NOW + 1)
    for number in range(4):
        found = record.read(UNSEEN_MS * 2 + number * 2_000, odd)
    assert ("orphan", "x-1") in broken(found)
    assert set(record.ledger.live.orders) == {"d-1/0", "exchange/x-1"}
    assert "d-1" in record.ledger.pending


def test_of_two_with_one_client_order_id_only_one_is_found_and_the_other_absent() -> None:
    """A client that repeats its own id after a lost answer has two rows and one order. Catches: the duplicate that
    counts for ever because "its" id is shown."""
    record = lost()
    approve(record.ledger, "d-2", OURS)
    record.ledger.settle("d-2", UNKNOWN, NOW)
    for number in range(3):
        record.read(UNSEEN_MS + number * 2_000, there(client_order_id="c-1"))
    assert record.ledger.pending == {}
    assert may_buy(record.ledger) == 1_000


# What the exchange does not show


def test_an_order_that_is_not_shown_keeps_counting_and_is_asked_for_again() -> None:
    """Catches a page that was lost and frees what was on it."""
    record = resting()
    found = record.read(10 * UNSEEN_MS)
    assert (kinds(found), broken(found), found.soon) == ([], [], True)
    assert may_buy(record.ledger) == 1_000


@pytest.mark.parametrize(
    ("moments", "is_told"),
    [
        ((UNSEEN_MS - 1, UNSEEN_MS - 1 + APART_MS), False),  # the first came too early to say anything
        ((UNSEEN_MS, UNSEEN_MS + APART_MS - 1), False),  # too near to each other
        ((UNSEEN_MS, UNSEEN_MS + APART_MS), True),
        ((UNSEEN_MS,), False),
    ],
)
def test_a_ghost_is_told_after_two_readings_and_counts_on(moments: tuple[int, ...], is_told: bool) -> None:
    """Catches an order that the exchange has forgotten and that nobody hears of, or that stops counting by itself."""
    record = resting()
    for at_ms in moments:
        found = record.read(at_ms, gone=("x-1",))
    assert broken(found) == ([("ghost", "x-1")] if is_told else [])
    assert may_buy(record.ledger) == 1_000
    if is_told:
        assert broken(record.read(moments[-1] + 60_000, gone=("x-1",))) == [("ghost", "x-1")], "until it is settled"


def test_a_ghost_that_comes_back_is_none() -> None:
    """Catches a suspicion that outlives its refutation: the next single miss would be told at once."""
    record = resting()
    record.read(UNSEEN_MS, gone=("x-1",))
    record.read(UNSEEN_MS + 2_000, there())
    assert broken(record.read(UNSEEN_MS + 4_000, gone=("x-1",))) == []


def test_what_was_never_sent_is_not_looked_for() -> None:
    """Catches a hold that was given back and comes back."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", NOT_SENT, NOW)
    assert kinds(record.read(UNSEEN_MS)) == []
