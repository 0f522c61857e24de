from dataclasses import replace

import pytest
from tests.practice.support import FOK, IOC, NOW_US, Floor, order, raw_order

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, SelfTradePrevention, Side
from pretrade.model.units import Count, Price, parse_count, parse_price
from pretrade.practice.core import lifecycle
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.instruments import PriceStructure
from pretrade.practice.core.records import OrderStatus

RESTING, CANCELED, EXECUTED = OrderStatus.RESTING, OrderStatus.CANCELED, OrderStatus.EXECUTED
FUTURE = NOW_US // 1_000_000 + 60


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def me(floor):
    return floor.account("me", subaccounts=(2, 3, 7))


@pytest.fixture
def other(floor):
    return floor.account("other")


def amend_of(placed, price="0.40", count="10", **more):
    o = placed.order
    return AmendOrder(o.order_id, o.ticker, o.side, parse_price(price), parse_count(count), **more)


def refusal(call, *args):
    with pytest.raises(ExchangeError) as caught:
        call(*args)
    return caught.value.status, caught.value.code, caught.value.details


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (order("bid", "0.40", "1", ticker="NONE"), (404, "not_found", None)),
        (order("bid", "0.401", "1"), (400, "invalid_price", None)),
        (order("bid", "0.401", "1", ticker="B"), (400, "invalid_price", None)),
        (raw_order(0, 100, Side.BID), (400, "invalid_price", None)),
        (raw_order(10_000, 100, Side.BID), (400, "invalid_price", None)),
        (raw_order(4_000, 0, Side.BID), (400, "invalid_order_size", None)),
        (
            order("bid", "0.40", "1", expiration_time=NOW_US // 1_000_000),
            (400, "invalid_order", "Expiration timestamp must be in the future"),
        ),
        (
            order("bid", "0.40", "1", expiration_time=FUTURE, time_in_force=IOC),
            (400, "invalid_order", "expiration_time can only be used with good_till_canceled"),
        ),
        (
            order("bid", "0.40", "1", reduce_only=True),
            (400, "invalid_order", "reduce_only can only be used with immediate_or_cancel"),
        ),
        (
            order("bid", "0.40", "1", post_only=True, time_in_force=IOC),
            (400, "invalid_order", "post_only can only be used with good_till_canceled"),
        ),
        (order("bid", "0.40", "1", client_order_id="used"), (409, "order_already_exists", None)),
        (order("bid", "0.40", "1", order_group_id="g"), (404, "order_group_not_found", None)),
        (order("bid", "0.40", "2501"), (400, "insufficient_balance", None)),
        (order("bid", "0.60", "1", post_only=True), (400, "invalid_order", "post only cross")),
        (order("bid", "0.60", "11", time_in_force=FOK), (409, "fill_or_kill_insufficient_resting_volume", None)),
        (order("bid", "0.40", "1", exchange_index=1), (404, "not_found", None)),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_each_refusal_has_its_code_and_leaves_no_trace(floor, me, other, new, expected):
    floor.place(other, "ask", "0.60", "10")
    used = floor.place(me, "bid", "0.10", "1", client_order_id="used")
    floor.exchange.cancel(me, CancelOrder(used.order.order_id))
    before = (me.cash, me.held, len(floor.exchange.orders), len(floor.exchange.fills), set(me.client_order_ids))
    assert refusal(floor.exchange.create, me, new) == expected
    after = (me.cash, me.held, len(floor.exchange.orders), len(floor.exchange.fills), set(me.client_order_ids))
    assert after == before


@pytest.mark.parametrize("price", ["0.001", "0.099", "0.10", "0.11", "0.90", "0.901", "0.999"])
def test_a_tapered_grid_is_finer_at_its_edges(floor, me, price):
    assert floor.place(me, "bid", price, "1", ticker="B").order.status is RESTING


def test_the_pipeline_checks_in_its_order(floor, me):
    """Catches a reordered pipeline: an order with every fault is refused for the earliest, one after the other."""
    floor.place(me, "bid", "0.10", "1", client_order_id="used")
    wrong = order("bid", "0.401", "99999", client_order_id="used", expiration_time=1, ticker="NONE", post_only=True)
    steps = [
        ("trading_is_paused", {}),
        ("not_found", {"ticker": "A"}),
        ("invalid_price", {"price": Price(4_000)}),
        ("invalid_order", {"expiration_time": None}),
        ("order_already_exists", {"client_order_id": "fresh"}),
        ("insufficient_balance", {}),
    ]
    floor.exchange.pause(trading=False, exchange=True)
    for code, repair in steps:
        assert refusal(floor.exchange.create, me, wrong)[1] == code
        floor.exchange.pause(trading=True, exchange=True)
        wrong = replace(wrong, **repair)


def test_a_trade_happens_at_the_resting_price_and_the_taker_pays(floor, me, other):
    floor.place(other, "ask", "0.52", "3")
    result = floor.place(me, "bid", "0.99", "1", time_in_force=IOC)
    assert [(f.price, f.count, f.fee, f.is_taker) for f in result.fills] == [(5_200, 100, 17_500, True)]
    assert (result.order.price, result.order.status, result.order.taker_cost) == (9_900, EXECUTED, 520_000)
    assert (me.cash_of(0, 0), other.cash) == (1_000_000_000 - 537_500, 1_000_000_000 - 480_000)
    assert (me.count_of((0, "A")), other.count_of((0, "A"))) == (100, -100)


@pytest.mark.parametrize(
    ("tif", "count", "filled", "remaining", "status"),
    [
        (IOC, "5", "5", "0", EXECUTED),
        (IOC, "15", "10", "0", CANCELED),
        (FOK, "10", "10", "0", EXECUTED),
    ],
)
def test_time_in_force(floor, me, other, tif, count, filled, remaining, status):
    floor.place(other, "ask", "0.50", "10")
    result = floor.place(me, "bid", "0.50", count, time_in_force=tif)
    assert (result.order.filled, result.order.remaining) == (int(filled) * 100, int(remaining) * 100)
    assert (result.order.status, me.resting) == (status, {})


def test_an_ioc_that_meets_nothing_is_canceled_with_zero_and_zero(floor, me):
    got = floor.place(me, "bid", "0.50", "1", time_in_force=IOC).order
    assert (got.status, got.filled, got.remaining) == (CANCELED, 0, 0)


def test_what_remains_of_a_gtc_rests(floor, me, other):
    floor.place(other, "ask", "0.50", "10")
    got = floor.place(me, "bid", "0.50", "15").order
    assert (got.status, got.filled, got.remaining) == (RESTING, 1_000, 500)
    assert floor.exchange.markets["A"].book.depth(Side.BID) == [(5_000, 500)]


def test_taker_at_cross_ends_the_newcomer_and_leaves_the_resting_order(floor, me):
    resting = floor.place(me, "ask", "0.50", "10").order
    got = floor.place(me, "bid", "0.60", "5").order
    assert (got.status, got.filled, got.remaining, got.reason) == (CANCELED, 0, 0, "SelfTradeCancel")
    assert (resting.status, resting.remaining) == (RESTING, 1_000)


def test_maker_cancels_the_resting_own_order_across_subaccounts(floor, me, other):
    resting = floor.place(me, "ask", "0.50", "10", subaccount=2).order
    floor.place(other, "ask", "0.55", "10")
    got = floor.place(me, "bid", "0.60", "5", self_trade_prevention_type=SelfTradePrevention.MAKER).order
    assert (got.status, got.filled, resting.status, resting.reason) == (EXECUTED, 500, CANCELED, "SelfTradeCancel")


def test_a_fill_or_kill_that_meets_an_own_order_keeps_its_part(floor, me, other):
    floor.place(other, "ask", "0.50", "5")
    floor.place(me, "ask", "0.51", "5")
    got = floor.place(me, "bid", "0.51", "10", time_in_force=FOK).order
    assert (got.status, got.filled, got.remaining) == (CANCELED, 500, 0)


@pytest.mark.parametrize(
    ("position", "side", "filled"), [("bid", "ask", 300), ("ask", "bid", 300), ("bid", "bid", 0), (None, "ask", 0)]
)
def test_reduce_only_shrinks_to_the_opposite_position(floor, me, other, position, side, filled):
    """Catches a reduce-only order that opens the other side."""
    if position is not None:
        floor.place(other, "ask" if position == "bid" else "bid", "0.50", "3")
        floor.place(me, position, "0.50", "3", time_in_force=IOC)
    floor.place(other, "bid", "0.40", "50")
    floor.place(other, "ask", "0.60", "50")
    price = "0.60" if side == "bid" else "0.40"
    got = floor.place(me, side, price, "10", time_in_force=IOC, reduce_only=True).order
    assert (got.filled, got.remaining) == (filled, 0)


def test_a_client_order_id_is_never_freed(floor, me, other):
    for how in ("canceled", "executed"):
        placed = floor.place(me, "bid", "0.40", "1", client_order_id=how).order
        if how == "canceled":
            floor.exchange.cancel(me, CancelOrder(placed.order_id))
        else:
            floor.place(other, "ask", "0.40", "1")
        again = order("ask", "0.70", "2", client_order_id=how)
        assert refusal(floor.exchange.create, me, again)[:2] == (409, "order_already_exists")
    assert floor.place(other, "bid", "0.10", "1", client_order_id="canceled").order.status is RESTING


def test_selling_what_is_held_needs_no_cash(floor, other):
    poor = floor.account("poor", 11)
    floor.place(other, "ask", "0.50", "20")
    floor.place(poor, "bid", "0.50", "20", time_in_force=IOC)
    assert floor.place(poor, "ask", "0.90", "20").order.status is RESTING
    assert refusal(floor.exchange.create, poor, order("ask", "0.20", "10"))[1] == "insufficient_balance"


@pytest.mark.parametrize(("cash", "fits"), [(5_175_000, True), (5_174_900, False)])
def test_the_worst_fee_must_be_there_too(floor, other, cash, fits):
    """Catches an admission that forgets the fee: the account would end below zero."""
    floor.place(other, "ask", "0.50", "10")
    exact = floor.exchange.open_account("exact", cash)
    new = order("bid", "0.50", "10", time_in_force=IOC)
    if fits:
        assert floor.exchange.create(exact, new).order.filled == 1_000
        assert exact.cash == 0
    else:
        assert refusal(floor.exchange.create, exact, new)[1] == "insufficient_balance"


def test_amend_to_less_at_the_same_price_keeps_its_place(floor, me, other):
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "bid", "0.40", "10")
    floor.exchange.amend(me, amend_of(mine, count="5"))
    assert floor.exchange.markets["A"].book.ahead_of(mine.order) == 0
    assert (mine.order.initial, mine.order.remaining) == (500, 500)


@pytest.mark.parametrize(("price", "count"), [("0.40", "11"), ("0.41", "5")])
def test_amend_to_more_or_elsewhere_goes_to_the_back(floor, me, other, price, count):
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "bid", "0.40", "10")
    floor.place(other, "bid", "0.41", "10")
    floor.exchange.amend(me, amend_of(mine, price=price, count=count))
    assert floor.exchange.markets["A"].book.ahead_of(mine.order) == (2_000 if price == "0.40" else 1_000)


def test_amend_counts_what_has_filled_and_may_fill_at_once(floor, me, other):
    """Catches an amend whose count is read as the remainder."""
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "ask", "0.40", "4")
    floor.place(other, "ask", "0.50", "100")
    result = floor.exchange.amend(me, amend_of(mine, price="0.50", count="12"))
    assert (result.order.filled, result.order.remaining, result.order.status) == (1_200, 0, EXECUTED)
    assert [(f.price, f.count) for f in result.fills] == [(5_000, 800)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ticker": "B"}, "order_ticker_mismatch"),
        ({"side": Side.ASK}, "order_side_mismatch"),
        ({"client_order_id": "not-mine"}, "order_id_and_client_order_id_mismatch"),
        ({"updated_client_order_id": "used"}, "order_already_exists"),
        ({"price": Price(4_001)}, "invalid_price"),
        ({"count": Count(400)}, "invalid_order_size"),
        ({"count": Count(300_000)}, "insufficient_balance"),
        ({"expiration_time": 1}, "invalid_order"),
        ({"subaccount": 1}, "not_found"),
        ({"order_id": "none"}, "not_found"),
        ({"exchange_index": 2}, "not_found"),
    ],
)
def test_a_refused_amend_changes_nothing(floor, me, other, change, code):
    mine = floor.place(me, "bid", "0.40", "10", client_order_id="mine")
    floor.place(me, "bid", "0.10", "1", client_order_id="used")
    floor.place(other, "ask", "0.40", "4")
    before = replace(mine.order)
    assert refusal(floor.exchange.amend, me, replace(amend_of(mine), **change))[1] == code
    assert mine.order == before


def test_amend_sets_keeps_and_clears_the_expiry(floor, me):
    mine = floor.place(me, "bid", "0.40", "10", expiration_time=FUTURE)
    for given, then in ((None, FUTURE), (FUTURE + 5, FUTURE + 5), (0, None)):
        floor.exchange.amend(me, amend_of(mine, expiration_time=given))
        assert mine.order.expiration_time == then
    floor.clock.advance(3_600)
    floor.exchange.advance()
    assert mine.order.status is RESTING


def test_amend_renames_an_order_for_good_and_may_repeat_its_name(floor, me):
    """Catches a repeated amend refused because of the order's own name, and a former name that is free again."""
    mine = floor.place(me, "bid", "0.40", "10", client_order_id="one")
    for _ in range(2):
        floor.exchange.amend(me, amend_of(mine, updated_client_order_id="two"))
        assert mine.order.client_order_id == "two"
    with pytest.raises(ExchangeError, match="order_already_exists"):
        floor.exchange.amend(me, amend_of(mine, updated_client_order_id="one"))


@pytest.mark.parametrize(
    ("change", "remaining", "status"),
    [
        ({"reduce_by": Count(300)}, 700, RESTING),
        ({"reduce_to": Count(300)}, 300, RESTING),
        ({"reduce_to": Count(1_000)}, 1_000, RESTING),
        ({"reduce_to": Count(0)}, 0, CANCELED),
        ({"reduce_by": Count(5_000)}, 0, CANCELED),
    ],
)
def test_decrease(floor, me, change, remaining, status):
    mine = floor.place(me, "bid", "0.40", "10")
    got = floor.exchange.decrease(me, DecreaseOrder(mine.order.order_id, **change)).order
    assert (got.remaining, got.status, me.held) == (remaining, status, remaining * 4_000)


def test_decrease_never_makes_an_order_larger(floor, me):
    mine = floor.place(me, "bid", "0.40", "10")
    larger = DecreaseOrder(mine.order.order_id, reduce_to=Count(1_001))
    assert refusal(floor.exchange.decrease, me, larger)[1] == "invalid_order_size"


def test_what_is_over_cannot_be_canceled_and_answers_like_what_never_was(floor, me, other):
    canceled = floor.place(me, "bid", "0.40", "1").order.order_id
    floor.exchange.cancel(me, CancelOrder(canceled))
    executed = floor.place(me, "bid", "0.41", "1").order.order_id
    floor.place(other, "ask", "0.41", "1")
    foreign = floor.place(other, "bid", "0.20", "1").order.order_id
    for order_id in (canceled, executed, foreign, "unknown"):
        assert refusal(floor.exchange.cancel, me, CancelOrder(order_id)) == (404, "not_found", None)


def test_a_cancel_reaches_its_own_subaccount_only(floor, me):
    mine = floor.place(me, "bid", "0.40", "1", subaccount=3).order
    assert refusal(floor.exchange.cancel, me, CancelOrder(mine.order_id))[1] == "not_found"
    assert floor.exchange.cancel(me, CancelOrder(mine.order_id, subaccount=3)).reduced_by == 100


@pytest.mark.parametrize(("subaccount", "left"), [(0, 1), (3, 1), (None, 0), (7, 2)])
def test_cancel_all_takes_one_subaccount_or_all(floor, me, other, subaccount, left):
    floor.place(me, "bid", "0.40", "1")
    floor.place(me, "bid", "0.40", "1", subaccount=3, ticker="B")
    theirs = floor.place(other, "bid", "0.30", "1").order
    floor.exchange.cancel_all(me, subaccount)
    assert (sum(len(orders) for orders in me.resting.values()), theirs.status) == (left, RESTING)


def test_a_lingering_cancel_all_takes_what_was_placed_within_its_time(floor, me, other):
    """Catches one that ends at once, one that never ends, and one that reaches other subaccounts or accounts."""
    floor.exchange.cancel_all_lingers_us = 60_000_000
    floor.exchange.cancel_all(me, 0)
    floor.clock.advance(59)
    late = [floor.place(me, "bid", "0.40", "1", subaccount=number).order for number in (0, 3)]
    theirs = floor.place(other, "bid", "0.30", "1").order
    assert [o.status for o in late] == [RESTING, RESTING]
    floor.clock.advance(61)
    later = floor.place(me, "bid", "0.40", "1").order
    assert [o.status for o in (*late, theirs, later)] == [CANCELED, RESTING, RESTING, RESTING]
    assert late[0].updated_us == NOW_US + 60_000_000


def test_a_cancel_all_takes_at_most_so_many(floor, me):
    floor.exchange.cancel_all_most = 2
    placed = [floor.place(me, "bid", "0.40", "1").order for _ in range(3)]
    floor.exchange.cancel_all(me, None)
    assert [o.status for o in placed] == [CANCELED, CANCELED, RESTING]


def test_a_decreased_order_that_an_amend_makes_larger_goes_to_the_back(floor, me, other):
    """Catches an amend that compares with what was asked for first, not with what is left: place kept, size grown."""
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "bid", "0.40", "10")
    floor.exchange.decrease(me, DecreaseOrder(mine.order.order_id, reduce_to=Count(500)))
    assert mine.order.initial == 1_000
    floor.exchange.amend(me, amend_of(mine, count="8"))
    assert floor.exchange.markets["A"].book.ahead_of(mine.order) == 1_000


def test_an_amend_may_use_what_its_former_self_holds(floor):
    """Catches an amend that must find its collateral or its fee reserve a second time."""
    exact = floor.exchange.open_account("exact", 4_000_000 + 90)
    mine = floor.place(exact, "bid", "0.40", "10", ticker="B")
    assert (mine.order.fee_reserve, exact.available(0, 0)) == (90, 0)
    floor.exchange.amend(exact, amend_of(mine, price="0.20", count="20"))
    assert refusal(floor.exchange.amend, exact, amend_of(mine, price="0.21", count="20"))[1] == "insufficient_balance"


def test_an_amend_that_moves_only_the_expiry_keeps_its_place(floor, me, other):
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "bid", "0.40", "10")
    floor.exchange.amend(me, amend_of(mine, expiration_time=FUTURE))
    assert (floor.exchange.markets["A"].book.ahead_of(mine.order), mine.order.expiration_time) == (0, FUTURE)


def test_an_amend_that_meets_an_own_order_ends_there(floor, me, other):
    mine = floor.place(me, "bid", "0.40", "10")
    floor.place(other, "ask", "0.49", "2")
    own = floor.place(me, "ask", "0.50", "10").order
    result = floor.exchange.amend(me, amend_of(mine, price="0.50"))
    assert (result.order.filled, result.order.status, result.order.reason) == (200, CANCELED, "SelfTradeCancel")
    assert own.status is RESTING


def test_a_post_only_order_stays_as_it_is_when_an_amend_would_cross(floor, me, other):
    mine = floor.place(me, "bid", "0.40", "10", post_only=True)
    floor.place(other, "ask", "0.50", "2")
    before = replace(mine.order)
    assert refusal(floor.exchange.amend, me, amend_of(mine, price="0.50"))[2] == "post only cross"
    assert mine.order == before


def test_orders_off_a_new_grid_stay_and_new_ones_are_checked(floor, me, other):
    stray = floor.place(me, "bid", "0.012", "10", ticker="B").order
    lifecycle.set_structure(floor.exchange, "B", PriceStructure.LINEAR_CENT)
    again = order("bid", "0.012", "1", ticker="B")
    assert (stray.status, refusal(floor.exchange.create, me, again)[1]) == (RESTING, "invalid_price")
    assert floor.place(other, "ask", "0.01", "4", ticker="B", time_in_force=IOC).fills[0].price == 120
    assert floor.exchange.cancel(me, CancelOrder(stray.order_id)).reduced_by == 600


def test_expiry_cancels(floor, me):
    mine = floor.place(me, "bid", "0.40", "1", expiration_time=FUTURE).order
    floor.clock.advance(59)
    floor.exchange.advance()
    assert mine.status is RESTING
    floor.clock.advance(1)
    floor.exchange.advance()
    assert (mine.status, mine.reason, me.held) == (CANCELED, "ExpiryCancel", 0)


def test_a_pause_stops_places_and_amends_but_not_cancels(floor, me):
    mine = floor.place(me, "bid", "0.40", "2")
    pulled = floor.place(me, "bid", "0.41", "1", cancel_order_on_pause=True).order
    floor.exchange.pause(trading=False, exchange=True)
    assert pulled.status is CANCELED
    assert refusal(floor.exchange.create, me, order("bid", "0.40", "1"))[:2] == (409, "trading_is_paused")
    assert refusal(floor.exchange.amend, me, amend_of(mine))[:2] == (409, "trading_is_paused")
    floor.exchange.decrease(me, DecreaseOrder(mine.order.order_id, reduce_by=Count(50)))
    floor.exchange.pause(trading=True, exchange=False)
    assert refusal(floor.exchange.cancel, me, CancelOrder(mine.order.order_id))[:2] == (409, "exchange_is_paused")
    floor.exchange.pause(trading=False, exchange=True)
    assert floor.exchange.cancel(me, CancelOrder(mine.order.order_id)).reduced_by == 150


def test_a_closed_market_cancels_its_orders_and_refuses_everything(floor, me):
    mine = floor.place(me, "bid", "0.40", "2").order
    floor.clock.advance(86_400)
    assert refusal(floor.exchange.create, me, order("bid", "0.40", "1"))[:2] == (400, "MARKET_NOT_ACTIVE")
    assert (mine.status, mine.reason) == (CANCELED, "CloseCancel")
    assert refusal(floor.exchange.cancel, me, CancelOrder(mine.order_id))[:2] == (400, "MARKET_INACTIVE")


def test_a_visitor_fills_a_resting_order_at_its_price(floor, me):
    mine = floor.place(me, "bid", "0.40", "10").order
    fill = floor.exchange.fill_by_visitor(mine.order_id, 400).fills[0]
    assert (fill.account, fill.price, fill.count, fill.is_taker, fill.fee) == ("me", 4_000, 400, False, 0)
    floor.exchange.fill_by_visitor(mine.order_id)
    assert (mine.status, mine.filled, me.count_of((0, "A"))) == (EXECUTED, 1_000, 1_000)
    assert refusal(floor.exchange.fill_by_visitor, mine.order_id)[1] == "not_found"
