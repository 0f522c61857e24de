"""Positions of the record, held against ours."""

import pytest
from tests.builders import TICKER, order
from tests.risk.kit import NOW, REJECTED, UNKNOWN, accepted, approve, contracts
from tests.risk.recordkit import Record, broken, ended, held, kinds, there

from pretrade.model.drop_copy import ExchangeOrder, ExchangePosition, OrderStatus
from pretrade.model.orders import CreateOrder, Side
from pretrade.model.units import Count, Price
from pretrade.risk.reconciling.reconciled_positions import PATIENCE_MS
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS

SUBJECT = f"{TICKER} of subaccount 0"
BOUGHT = 560_000 * 10
QUIET = 2 * SETTLE_MS
"""A moment after which nothing of ours is recent."""


def holding(count: int = 1_000) -> Record:
    """Ten contracts that one order of ours bought at 56 cents, at NOW; the exchange's basis was not read yet."""
    record = Record()
    approve(record.ledger, "d-1", CreateOrder(order(client_order_id="c-1")))
    record.ledger.settle("d-1", accepted(("x-1", count, 1_000 - count)), NOW)
    return record


def worst(record: Record) -> int:
    return record.ledger.live.worst_position(0, TICKER)


def test_equal_figures_take_the_exchanges_basis_once_nothing_of_ours_is_recent() -> None:
    """Catches: a basis taken from a copy that has not seen our last fill; one never taken, so that exposure stays at
    the limit price for good."""
    record = holding()
    cheaper = (held(1_000, 5_000_000),)
    found = record.read(SETTLE_MS - 1, positions=cheaper)
    assert (kinds(found), found.soon) == ([], True)
    found = record.read(SETTLE_MS, positions=cheaper)
    assert (kinds(found), found.soon) == (["position_adopted"], False)
    assert record.ledger.live.exposure((0, "market", TICKER)) == 5_000_000
    assert kinds(record.read(SETTLE_MS + 1_000, positions=cheaper)) == [], "it is taken once"


def test_a_fill_that_the_orders_do_not_show_yet_is_waited_for_once() -> None:
    """Orders are read before positions: what fills in between is in one and not in the other. Catches a break, and a
    position counted beside the order that may fill, for every such fill (exits would not reduce any more)."""
    record = holding(0)
    rests, filled = there(), there(filled=Count(300), remaining=Count(700))
    found = record.read(QUIET, rests, positions=(held(300, 1_680_000),))
    assert (kinds(found), broken(found), found.soon) == ([], [], True)
    assert worst(record) == 1_000
    found = record.read(QUIET + 1_000, filled, positions=(held(300, 1_680_000),))
    assert broken(found) == []
    assert worst(record) == 1_000


def test_what_the_orders_still_do_not_show_in_a_later_copy_counts_beside_them() -> None:
    """Catches an outside purchase that hides behind an order of ours for as long as that rests."""
    record = holding(0)
    record.read(QUIET, there(), positions=(held(300),))
    found = record.read(QUIET + 1_000, there(), positions=(held(300),))
    assert kinds(found) == ["position_seen"]
    assert broken(found) == [("position", SUBJECT)]
    assert worst(record) == 1_300


@pytest.mark.parametrize("outside", [1, -1], ids=["more", "less"])
def test_what_nothing_explains_counts_at_once_and_is_told_by_the_second_copy(outside: int) -> None:
    """Catches a position past us that waits for a proof before it counts. The larger of both counts."""
    record = holding()
    seen = (held(1_000 + outside * 200, 100),)
    found = record.read(QUIET, positions=seen)
    assert (kinds(found), found.soon) == (["position_seen"], True)
    assert worst(record) == max(1_000, 1_000 + outside * 200)
    found = record.read(QUIET + 1_000, positions=seen)
    assert broken(found) == [("position", SUBJECT)]
    assert kinds(found) == [], "the same figure is no news"


@pytest.mark.parametrize(("second_ms", "is_taken"), [(QUIET + SETTLE_MS - 1, False), (QUIET + SETTLE_MS, True)])
def test_the_exchanges_figure_is_taken_after_two_copies_apart(second_ms: int, *, is_taken: bool) -> None:
    """Catches: a difference that counts for ever; one that is given up for a single read, which lag may explain."""
    record = holding()
    record.read(QUIET, positions=())
    found = record.read(second_ms, positions=())
    assert ("position_adopted" in kinds(found)) is is_taken
    assert worst(record) == (0 if is_taken else 1_000)


@pytest.mark.parametrize("end", ["held", "sending", "unknown"])
def test_no_figure_is_taken_while_anything_of_ours_is_open_there(end: str) -> None:
    """An order under way may fill between the copies. Catches a position that is taken and then filled on top."""
    record = holding()
    approve(record.ledger, "d-2", CreateOrder(order(client_order_id="c-2")))
    if end == "sending":
        record.ledger.sending("d-2")
    if end == "unknown":
        record.ledger.settle("d-2", UNKNOWN, NOW)
    for number in range(6):
        found = record.read(QUIET + number * 2 * SETTLE_MS // 6, positions=(held(500),))
        assert "position_adopted" not in kinds(found)
    assert worst(record) == 2_000


def test_a_figure_of_before_our_last_fill_proves_nothing() -> None:
    """Catches: a break whenever we trade faster than the exchange's record; a fill that a stale copy takes back."""
    record = holding()
    found = record.read(SETTLE_MS - 1, positions=())
    assert (kinds(found), broken(found), found.soon) == ([], [], True)
    found = record.read(SETTLE_MS - 1 + 1_000, positions=(held(1_000, BOUGHT),))
    assert kinds(found) == []
    assert worst(record) == 1_000


def test_equal_counts_prove_nothing_while_our_own_fill_may_have_made_them_equal() -> None:
    """Somebody else bought 10: seen 10, ours 0. We buy 10, and a copy of before that shows 10. Catches taking this for
    agreement: 20 are held."""
    record = Record()
    record.read(0, positions=(held(1_000, 100),))
    assert worst(record) == 1_000
    approve(record.ledger, "d-1", CreateOrder(order(client_order_id="c-1")), now_ms=NOW + 1_000)
    record.ledger.settle("d-1", accepted(("x-1", 1_000, 0)), NOW + 1_000)
    record.read(2_000, positions=(held(1_000, 100),))
    assert worst(record) == 2_000
    for number in range(3):
        record.read(20_000 + number * SETTLE_MS, positions=(held(2_000, 100),))
    assert worst(record) == 2_000
    assert not record.ledger.live.book(0, TICKER).has_seen


def test_what_lag_explains_all_the_time_counts_in_the_end() -> None:
    """Catches an outside position that hides for ever in a market where we trade without a pause."""
    record = holding(0)
    for step in range(PATIENCE_MS // 1_000 + 2):
        now_ms = NOW + QUIET + step * 1_000
        approve(record.ledger, f"d-{step + 2}", CreateOrder(order(client_order_id=f"c-{step + 2}")), now_ms=now_ms)
        record.ledger.settle(f"d-{step + 2}", accepted((f"y-{step}", 0, 1_000)), now_ms)
        live = [_shown(one.order_id or "") for one in record.ledger.live.orders.values()]
        found = record.read(QUIET + step * 1_000, *live, positions=(held(100 + step),))
        assert broken(found) == []
        if step < PATIENCE_MS // 1_000:
            assert not record.ledger.live.book(0, TICKER).has_seen
    assert record.ledger.live.book(0, TICKER).has_seen


def _shown(order_id: str) -> ExchangeOrder:
    return there(order_id)


def test_a_settlement_is_no_break() -> None:
    """A market is decided and its position is gone. Catches an alarm for every market that ends."""
    record = holding()
    for at_ms in (QUIET, QUIET + SETTLE_MS):
        found = record.read(at_ms, settled=(TICKER,))
        assert broken(found) == []
    assert kinds(found) == ["position_adopted"]
    assert record.ledger.live.books() == ()


@pytest.mark.parametrize(("positions", "subaccount_read"), [((), True), ((held(700, 1, subaccount=1),), True)])
def test_a_subaccount_is_held_against_its_own_positions(
    positions: tuple[ExchangePosition, ...], *, subaccount_read: bool
) -> None:
    """Catches one subaccount's position that is taken for another's."""
    record = holding()
    record.read(QUIET, positions=(held(1_000, BOUGHT), *positions))
    assert record.ledger.live.worst_position(0, TICKER) == 1_000
    assert record.ledger.live.worst_position(1, TICKER) == sum(one.count for one in positions)


def test_a_short_position_counts_on_its_own_side() -> None:
    """Catches a NO position that is taken for YES contracts, or for none."""
    record = Record()
    record.read(QUIET, positions=(held(-contracts(5), 2_000_000),))
    book = record.ledger.live.book(0, TICKER)
    assert worst(record) == 500
    assert not book.reduces(Side.ASK, 100)
    assert book.exposure() == 2_000_000


def test_a_suspicion_of_before_our_last_move_begins_again() -> None:
    """Catches a difference that counts for good because something of ours moved the book after it was first seen."""
    record = holding()
    record.read(QUIET, positions=(held(500),))
    approve(record.ledger, "d-2", CreateOrder(order(client_order_id="c-2")), now_ms=NOW + QUIET + 1_000)
    record.ledger.settle("d-2", REJECTED, NOW + QUIET + 1_000)
    later = QUIET + 1_000 + SETTLE_MS
    assert "position_adopted" not in kinds(record.read(later, positions=(held(500),)))
    assert "position_adopted" in kinds(record.read(later + SETTLE_MS, positions=(held(500),)))
    assert worst(record) == 500


def closed(record: Record, at_ms: int) -> None:
    """An ask of ours that closes the ten contracts, answered then."""
    approve(record.ledger, "d-2", CreateOrder(order(side=Side.ASK, price="0.50", client_order_id="c-2")), now_ms=at_ms)
    record.ledger.settle("d-2", accepted(("x-2", 1_000, 0)), at_ms)


def test_a_position_of_before_our_own_exit_is_late_and_no_news() -> None:
    """The reading began before the exit, or shows what lags behind it. Catches what was closed counted once more, as if
    somebody traded past us: nothing is held there any more, so that nothing told when it was moved."""
    record = holding()
    record.read(QUIET, positions=(held(1_000, BOUGHT),))
    closed(record, NOW + QUIET + 2_000)
    for after_ms in (1_000, 2_000 + SETTLE_MS - 1):
        found = record.read(QUIET + after_ms, positions=(held(1_000, BOUGHT),))
        assert (kinds(found), broken(found), found.soon) == ([], [], True)
        assert worst(record) == 0
    assert kinds(record.read(QUIET + 2_000 + SETTLE_MS)) == []


def test_a_position_that_is_still_there_after_our_exit_counts() -> None:
    """Catches a purchase past us that hides behind an exit of ours for good."""
    record = holding()
    record.read(QUIET, positions=(held(1_000, BOUGHT),))
    closed(record, NOW + QUIET + 2_000)
    found = record.read(QUIET + 2_000 + SETTLE_MS, positions=(held(1_000, BOUGHT),))
    assert kinds(found) == ["position_seen"]
    assert worst(record) == 1_000


def sold(order_id: str, dollars_a_leg: int) -> ExchangeOrder:
    """An ask past us that sold a contract, at a NO leg of so many $0.0001."""
    price = Price(10_000 - dollars_a_leg)
    done = {"status": OrderStatus.EXECUTED, "filled": Count(100), "remaining": Count(0)}
    return there(order_id, side=Side.ASK, price=price, created_ms=NOW - 1_000, **done)


def ours(record: Record, number: int, side: Side, dollars: str, filled: int) -> None:
    """An order of ours for one contract, answered at NOW."""
    new = order(side=side, price=dollars, count="1", client_order_id=f"c-{number}")
    approve(record.ledger, f"d-{number}", CreateOrder(new))
    record.ledger.settle(f"d-{number}", accepted((f"x-{number}", filled, 100 - filled)), NOW)


def exposure(record: Record) -> int:
    return record.ledger.live.exposure((0, "market", TICKER))


def test_a_basis_above_ours_counts_at_once() -> None:
    """Two asks past us sold at NO legs of $0.90 and $0.70; then a bid of ours closed one of the two, at their average.
    We learn of our bid first, so the first ask seems to close it, and its price to be history. Catches exposure below
    the exchange's own basis for as long as anything of ours is recent."""
    record = Record()
    ours(record, 3, Side.BID, "0.10", 100)
    past_us = (sold("x-1", 9_000), sold("x-2", 7_000))
    found = record.read(1_000, *past_us, positions=(held(-100, 800_000),))
    assert kinds(found) == ["orphan_order", "orphan_order", "position_seen"]
    assert (exposure(record), worst(record)) == (800_000, 100)
    assert kinds(record.read(QUIET, *past_us, positions=(held(-100, 800_000),))) == ["position_adopted"]


def test_a_basis_above_ours_counts_at_once_after_a_round_trip_of_ours() -> None:
    """A contract bought past us for $0.10 before we bought one for $0.90 and sold one: what is left is half of both.
    Catches a round trip that is forgotten although what it closed was not all that was held."""
    record = Record()
    ours(record, 1, Side.BID, "0.90", 100)
    ours(record, 2, Side.ASK, "0.90", 100)
    assert exposure(record) == 0
    filled = ended("x-3", 100, price=Price(1_000), created_ms=NOW - 1_000)
    record.read(1_000, filled, positions=(held(100, 500_000),))
    assert exposure(record) == 500_000


def test_a_basis_of_trades_past_us_waits_for_no_fill_of_ours() -> None:
    """As above, and one more bid of ours has filled since its orders were read, which would explain that the positions
    differ. Catches the dearer basis hidden until the orders show that fill."""
    record = Record()
    ours(record, 1, Side.BID, "0.90", 100)
    ours(record, 2, Side.ASK, "0.90", 100)
    ours(record, 4, Side.BID, "0.10", 0)
    filled = ended("x-3", 100, price=Price(1_000), created_ms=NOW - 1_000)
    rests = there("x-4", price=Price(1_000), remaining=Count(100))
    record.read(1_000, rests, filled, positions=(held(200, 600_000),))
    assert exposure(record) >= 600_000
