"""Matching: priority, self-trade prevention, what ends an order short, and what listeners are told of it."""

import pytest
from tests.practice.support import FOK, GTC, IOC, Floor

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.core import groups
from pretrade.practice.core.events import BookChanged, Filled, GroupChanged, OrderChanged, PositionChanged, Traded
from pretrade.practice.core.records import OrderStatus

RESTING, CANCELED, EXECUTED = OrderStatus.RESTING, OrderStatus.CANCELED, OrderStatus.EXECUTED
AT_CROSS, MAKER = SelfTradePrevention.TAKER_AT_CROSS, SelfTradePrevention.MAKER


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def me(floor):
    return floor.account("me", subaccounts=(2,))


@pytest.fixture
def other(floor):
    return floor.account("other")


def sold_by(result, floor):
    """Who sold how much to a taker, in the order in which it met them."""
    makers = {
        f.trade_id: floor.exchange.orders[f.order_id].client_order_id for f in floor.exchange.fills if not f.is_taker
    }
    return [(makers[fill.trade_id], fill.count) for fill in result.fills]


def test_better_prices_trade_first_and_then_the_older_order(floor, me, other):
    """Catches a book that walks its levels or a level's queue the wrong way."""
    for name, price in (("late", "0.50"), ("dear", "0.51"), ("later", "0.50")):
        floor.place(other, "ask", price, "1", client_order_id=name)
    bought = floor.place(me, "bid", "0.51", "2.5")
    assert sold_by(bought, floor) == [("late", 100), ("later", 100), ("dear", 50)]
    for name, price in (("low", "0.40"), ("high", "0.45")):
        floor.place(other, "bid", price, "1", client_order_id=name)
    assert sold_by(floor.place(me, "ask", "0.01", "1.5", time_in_force=IOC), floor) == [("high", 100), ("low", 50)]


@pytest.mark.parametrize(
    ("stp", "tif", "count", "bought", "status", "reason", "own"),
    [
        (AT_CROSS, GTC, "3", [("x", 100)], CANCELED, "SelfTradeCancel", RESTING),
        (AT_CROSS, IOC, "3", [("x", 100)], CANCELED, "SelfTradeCancel", RESTING),
        (AT_CROSS, FOK, "3", [("x", 100)], CANCELED, "SelfTradeCancel", RESTING),
        (AT_CROSS, GTC, "1", [("x", 100)], EXECUTED, "Trade", RESTING),
        (MAKER, GTC, "2", [("x", 100), ("y", 100)], EXECUTED, "Trade", CANCELED),
        (MAKER, FOK, "3", [("x", 100), ("y", 100)], CANCELED, "SelfTradeCancel", CANCELED),
        (MAKER, IOC, "3", [("x", 100), ("y", 100)], CANCELED, "Trade", CANCELED),
        (MAKER, GTC, "3", [("x", 100), ("y", 100)], RESTING, "Trade", CANCELED),
        (MAKER, GTC, "1", [("x", 100)], EXECUTED, "Trade", RESTING),
    ],
)
def test_self_trade_prevention(floor, me, other, stp, tif, count, bought, status, reason, own):
    """The own order lies between two others, in another subaccount. Catches a fill-or-kill taken back when it meets an
    own order, an own order canceled although the taker never came to it, and a type that acts like the other one."""
    floor.place(other, "ask", "0.50", "1", client_order_id="x")
    mine = floor.place(me, "ask", "0.51", "1", subaccount=2).order
    floor.place(other, "ask", "0.52", "1", client_order_id="y")
    got = floor.place(me, "bid", "0.52", count, time_in_force=tif, self_trade_prevention_type=stp)
    assert sold_by(got, floor) == bought
    assert (got.order.status, got.order.reason, mine.status) == (status, reason, own)
    assert mine.reason == ("SelfTradeCancel" if own is CANCELED else "")
    assert (got.order.remaining > 0) == (status is RESTING)


@pytest.mark.parametrize(
    ("more", "held", "filled", "status", "reason"),
    [
        ({"time_in_force": IOC, "reduce_only": True}, 300, 300, CANCELED, "ReduceOnlyCancel"),
        ({"time_in_force": IOC, "reduce_only": True}, 0, 0, CANCELED, "ReduceOnlyCancel"),
        ({"time_in_force": IOC, "reduce_only": True}, 500, 500, EXECUTED, "Trade"),
        ({"time_in_force": IOC}, 0, 500, EXECUTED, "Trade"),
    ],
)
def test_reduce_only_ends_with_its_reason(floor, me, other, more, held, filled, status, reason):
    if held:
        floor.place(other, "ask", "0.50", f"{held / 100:.2f}")
        floor.place(me, "bid", "0.50", f"{held / 100:.2f}", time_in_force=IOC)
    floor.place(other, "bid", "0.40", "50")
    got = floor.place(me, "ask", "0.40", "5", **more).order
    assert (got.filled, got.remaining, got.initial, got.status, got.reason) == (filled, 0, 500, status, reason)


def test_several_reduce_only_orders_do_not_flip_a_position_together(floor, me, other):
    """Catches a cap taken from the position before the first of them."""
    floor.place(other, "ask", "0.50", "3")
    floor.place(me, "bid", "0.50", "3", time_in_force=IOC)
    floor.place(other, "bid", "0.40", "50")
    filled = [floor.place(me, "ask", "0.40", "2", time_in_force=IOC, reduce_only=True).order.filled for _ in range(3)]
    assert (filled, me.count_of((0, "A"))) == ([200, 100, 0], 0)


@pytest.mark.parametrize(("count", "reason", "status"), [("5", "", CANCELED), ("3", "Trade", CANCELED)])
def test_an_ioc_that_finds_too_little_keeps_the_reason_of_its_last_trade(floor, me, other, count, reason, status):
    if reason:
        floor.place(other, "ask", "0.50", "1")
    got = floor.place(me, "bid", "0.50", count, time_in_force=IOC).order
    assert (got.status, got.reason) == (status, reason)


def test_a_group_that_triggers_on_the_way_takes_its_orders_out_of_reach(floor, me, other):
    """Catches a plan made before the first trade: the group's second order is gone when the taker would come to it."""
    group = groups.create(floor.exchange, other, 100)
    for name in ("first", "second"):
        floor.place(other, "ask", "0.50", "2", client_order_id=name, order_group_id=group.group_id)
    floor.place(other, "ask", "0.51", "2", client_order_id="alone")
    got = floor.place(me, "bid", "0.51", "3", time_in_force=IOC)
    assert sold_by(got, floor) == [("first", 200), ("alone", 100)]
    assert (group.triggered, group.orders, other.held) == (True, {}, other.held)


def test_a_taker_whose_own_group_triggers_stops_and_is_canceled(floor, me, other):
    group = groups.create(floor.exchange, me, 100)
    bystander = floor.place(me, "bid", "0.30", "1", order_group_id=group.group_id).order
    for _ in range(3):
        floor.place(other, "ask", "0.50", "1")
    got = floor.place(me, "bid", "0.50", "3", order_group_id=group.group_id).order
    assert (got.filled, got.remaining, got.status, got.reason) == (200, 0, CANCELED, "")
    assert bystander.status is CANCELED


def test_what_is_told_of_a_trade_and_in_which_order(floor, me, other):
    """Catches a book change told before the trade that caused it, and one told with the wrong sign or size."""
    floor.place(other, "ask", "0.50", "1", client_order_id="gone")
    floor.place(other, "ask", "0.50", "2", client_order_id="left")
    told = []
    floor.exchange.listeners.append(lambda event: told.append(_short(event)))
    floor.place(me, "bid", "0.50", "2.5", client_order_id="taker")
    one = [("trade", 100), ("book", "ask", -100, "gone"), ("fill", "taker"), ("position", "me"), ("fill", "gone")]
    two = [("trade", 150), ("book", "ask", -150, "left"), ("fill", "taker"), ("position", "me"), ("fill", "left")]
    assert told == [
        *one, ("position", "other"), ("order", "gone", "executed"),
        *two, ("position", "other"), ("order", "left", "resting"),
        ("order", "taker", "executed"),
    ]  # fmt: skip


def test_what_is_told_of_an_order_that_rests_and_leaves(floor, me):
    told = []
    floor.exchange.listeners.append(lambda event: told.append(_short(event)))
    floor.place(me, "bid", "0.50", "2.5", client_order_id="mine")
    floor.exchange.cancel_all(me, None)
    assert told == [
        ("book", "bid", 250, "mine"), ("order", "mine", "resting"),
        ("book", "bid", -250, "mine"), ("order", "mine", "canceled"),
    ]  # fmt: skip


def test_the_told_book_changes_add_up_to_the_book(floor, me, other):
    totals = {}

    def listen(event):
        if isinstance(event, BookChanged):
            totals[event.side, event.price] = totals.get((event.side, event.price), 0) + event.delta
            assert totals[event.side, event.price] == dict(floor.exchange.markets["A"].book.depth(event.side)).get(
                event.price, 0
            )

    floor.exchange.listeners.append(listen)
    for number in range(60):
        side, price = ("bid", 40 + number % 7) if number % 3 else ("ask", 44 + number % 5)
        floor.place((me, other)[number % 2], side, f"0.{price}", "2.5", self_trade_prevention_type=MAKER)
    assert {key: total for key, total in totals.items() if total} == {
        (side, price): total for side in Side for price, total in floor.exchange.markets["A"].book.depth(side)
    }


def _short(event):
    match event:
        case Traded(trade):
            return ("trade", trade.count)
        case BookChanged(side=side, delta=delta, order=order):
            return ("book", str(side), delta, order.client_order_id)
        case Filled(order=order):
            return ("fill", order.client_order_id)
        case PositionChanged(account=account):
            return ("position", account)
        case OrderChanged(order):
            return ("order", order.client_order_id, str(order.status))
        case GroupChanged(kind=kind):
            return ("group", str(kind))
    return (type(event).__name__,)


def test_a_match_of_any_size_is_one_trade(floor):
    """Catches a large match that is cut to pieces, each with fees rounded up on its own."""
    rich, other = floor.account("rich", 10_000_000), floor.account("richer", 10_000_000)
    floor.place(other, "ask", "0.50", "1000000")
    assert [fill.count for fill in floor.place(rich, "bid", "0.50", "1000000").fills] == [100_000_000]
