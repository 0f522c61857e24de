"""Fills through the whole exchange: who pays what, what is set aside, and what is told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.practice.support import GTC, IOC, NOW_US, Floor, raw_order

from pretrade.model.markets import FeeType
from pretrade.model.orders import CancelOrder, SelfTradePrevention, Side
from pretrade.practice.core import clearing, groups, lifecycle
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.events import Filled, PositionChanged
from pretrade.practice.core.fees import CENT_STEP, FeeModel
from pretrade.practice.core.instruments import PriceStructure

MAKER_FEES, COMBO = FeeType.QUADRATIC_WITH_MAKER_FEES, FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def me(floor):
    return floor.account("me")


@pytest.fixture
def other(floor):
    return floor.account("other")


def waive(floor, until_us):
    state = floor.exchange.markets["A"]
    state.market = replace(state.market, fee_waiver_us=until_us)


@pytest.mark.parametrize(
    ("fee_type", "multiplier", "taker", "maker"),
    [
        (None, None, 17_500, 0),
        (FeeType.QUADRATIC, 200, 35_000, 0),
        (MAKER_FEES, None, 17_500, 4_400),
        (COMBO, 100, 17_500, 4_400),
        (FeeType.FLAT, 300, 30_000, 0),
        (MAKER_FEES, 0, 0, 0),
    ],
)
def test_taker_and_maker_pay_what_the_event_says(floor, me, other, fee_type, multiplier, taker, maker):
    lifecycle.set_event_fee(floor.exchange, "E", fee_type, multiplier)
    resting = floor.place(other, "ask", "0.50", "1").order
    taken = floor.place(me, "bid", "0.50", "1")
    assert [fill.fee for fill in taken.fills] == [taker]
    assert (taken.order.taker_fees, taken.order.maker_fees) == (taker, 0)
    assert (resting.taker_fees, resting.maker_fees) == (0, maker)
    assert (me.cash, other.cash) == (1_000_000_000 - 500_000 - taker, 1_000_000_000 - 500_000 - maker)
    assert (me.position((0, "A")).fees, other.position((0, "A")).fees) == (taker, maker)
    assert floor.exchange.fees_collected == taker + maker


def test_a_waived_market_is_free_until_the_waiver_ends(floor, me, other):
    waive(floor, NOW_US + 1_000_000)
    floor.place(other, "ask", "0.50", "2")
    assert floor.place(me, "bid", "0.50", "1").fills[0].fee == 0
    floor.clock.advance(1)
    assert floor.place(me, "bid", "0.50", "1").fills[0].fee == 17_500


def test_balances_of_non_direct_members_stay_in_whole_cents(floor, other):
    """The page's own fill: 0.30 at $0.50 changes the balance by a whole number of cents, the rest is a fee."""
    cents = floor.account("cents", 10)
    cents.balance_step = CENT_STEP
    floor.place(other, "ask", "0.50", "0.90")
    placed = floor.place(cents, "bid", "0.50", "0.30")
    assert placed.fills[0].fee == 10_000
    assert cents.cash == 10_000_000 - 160_000


def test_a_rebate_comes_back_within_one_order_across_its_fills(floor, other):
    """Catches an accumulator per fill, or one per account: the next order starts anew."""
    cents = floor.account("cents", 100)
    cents.balance_step = CENT_STEP
    for _ in range(6):
        floor.place(other, "ask", "0.50", "0.30")
    # each piece pays 0.0053 and 0.0047 of rounding; the third takes that over a cent
    assert [fill.fee for fill in floor.place(cents, "bid", "0.50", "0.90").fills] == [10_000, 10_000, 0]
    assert [fill.fee for fill in floor.place(cents, "bid", "0.50", "0.60").fills] == [10_000, 10_000]


def test_the_accumulator_goes_on_when_a_taker_becomes_a_maker(floor, other):
    cents = floor.account("cents", 100)
    cents.balance_step = CENT_STEP
    floor.place(other, "ask", "0.50", "0.15")
    order = floor.place(cents, "bid", "0.50", "0.30").order
    taken = order.rounding
    floor.place(other, "ask", "0.50", "0.15")
    assert 0 < taken < order.rounding
    assert order.maker_fees == order.rounding - taken == 5_000


def test_a_maker_sets_its_fee_aside_and_gets_it_back(floor, me):
    lifecycle.set_event_fee(floor.exchange, "E", MAKER_FEES, None)
    order = floor.place(me, "bid", "0.50", "10").order
    assert (order.fee_reserve, me.held) == (43_800, 5_043_800)
    floor.exchange.cancel(me, CancelOrder(order.order_id))
    assert (me.held, me.available(0, 0)) == (0, 1_000_000_000)


@pytest.mark.parametrize(("cash", "fits"), [(5_043_800, True), (5_043_799, False)])
def test_a_makers_fee_must_be_there_when_it_enters(floor, cash, fits):
    """Catches an admission that asks a maker for its collateral alone: the fee could not be paid at the fill."""
    lifecycle.set_event_fee(floor.exchange, "E", MAKER_FEES, None)
    exact = floor.exchange.open_account("exact", cash)
    if fits:
        floor.place(exact, "bid", "0.50", "10")
        assert exact.available(0, 0) == 0
        return
    with pytest.raises(ExchangeError, match="insufficient_balance"):
        floor.place(exact, "bid", "0.50", "10")


def test_what_a_maker_cannot_pay_is_waived_and_takes_nothing_below_zero(floor, other):
    """Many tiny fills round up more often than one; the purse ends at zero, not below."""
    lifecycle.set_event_fee(floor.exchange, "E", MAKER_FEES, None)
    poor = floor.exchange.open_account("poor", 500_000 + 4_400)
    order = floor.place(poor, "bid", "0.50", "1").order
    for _ in range(100):
        floor.place(other, "ask", "0.50", "0.01", time_in_force=IOC)
        assert poor.available(0, 0) >= 0
    assert (order.maker_fees, poor.cash) == (4_400, 0)


@pytest.mark.parametrize(("cash", "fits"), [(127_600, True), (127_599, False)])
def test_many_tiny_fills_must_be_paid_for_when_an_order_enters(floor, other, cash, fits):
    """0.15 at $0.50 in five pieces: $0.075, a trade fee of $0.0027 at most in one piece, $0.0001 more for each other
    piece, and up to $0.0099 of rounding for each. Catches a bound that takes them for one fill."""
    for _ in range(5):
        floor.place(other, "ask", "0.50", "0.03")
    exact = floor.exchange.open_account("exact", cash)
    exact.balance_step = CENT_STEP
    if fits:
        fills = floor.place(exact, "bid", "0.50", "0.15", time_in_force=IOC).fills
        assert sum(fill.fee for fill in fills) == 25_000
        return
    with pytest.raises(ExchangeError, match="insufficient_balance"):
        floor.place(exact, "bid", "0.50", "0.15", time_in_force=IOC)


@settings(max_examples=60)
@given(
    resting=st.lists(st.tuples(st.integers(1, 9_999), st.integers(1, 400)), min_size=1, max_size=6),
    side=st.sampled_from(Side),
    limit=st.integers(1, 9_999),
    count=st.integers(1, 1_500),
    model=st.builds(FeeModel, st.sampled_from(FeeType), st.integers(0, 300)),
    step=st.sampled_from([100, CENT_STEP]),
    structure=st.sampled_from([PriceStructure.CENTER_CENTI_EDGE_CENTI_CENT, PriceStructure.LINEAR_CENT]),
)
def test_no_order_pays_more_than_its_worst_fee(resting, side, limit, count, model, step, structure):
    """Catches a bound that forgets that each of many small fills rounds up, or the rounding fee, or a fee type."""
    floor = Floor()
    lifecycle.set_structure(floor.exchange, "A", PriceStructure.CENTER_CENTI_EDGE_CENTI_CENT)
    lifecycle.set_event_fee(floor.exchange, "E", model.fee_type, model.multiplier)
    other, me = floor.account("other", 10**6), floor.account("me", 10**6)
    me.balance_step = step
    facing = Side.ASK if side is Side.BID else Side.BID
    for price, size in resting:
        floor.exchange.create(other, raw_order(price, size, facing))
    lifecycle.set_structure(floor.exchange, "A", structure)
    limit = max(100, limit - limit % 100)
    before = me.available(0, 0)
    draft = floor.exchange.create(me, raw_order(limit, count, side, client_order_id="x")).order
    fills = [fill for fill in me.fills if fill.is_taker]
    entered = replace(draft, remaining=count)
    bound = clearing.worst_fee(floor.exchange, me, entered, len(fills))
    paid = sum(fill.fee for fill in fills)
    assert paid + draft.fee_reserve <= bound
    assert before - me.available(0, 0) <= (limit if side is Side.BID else 10_000 - limit) * count + bound


def test_each_half_of_a_trade_is_told_with_the_position_after_it(floor, me, other):
    told = []
    floor.place(other, "ask", "0.50", "3")
    floor.exchange.listeners.append(told.append)
    floor.place(me, "bid", "0.50", "2")
    floor.place(me, "bid", "0.50", "1")
    fills = [(e.fill.account, e.fill.is_taker, e.post_position) for e in told if isinstance(e, Filled)]
    assert fills == [("me", True, 200), ("other", False, -200), ("me", True, 300), ("other", False, -300)]
    moved = [(e.account, e.subaccount, e.ticker, e.at_us) for e in told if isinstance(e, PositionChanged)]
    assert moved == [(name, 0, "A", NOW_US) for name in ("me", "other") * 2]
    assert floor.exchange.fills == [fill for pair in zip(me.fills, other.fills, strict=True) for fill in pair]


def test_open_interest_counts_what_is_held_once(floor, me, other):
    third = floor.account("third")
    floor.place(other, "ask", "0.50", "3")
    floor.place(me, "bid", "0.50", "3")
    assert floor.exchange.open_interest("A") == 300
    floor.place(me, "ask", "0.50", "2", time_in_force=GTC)
    floor.place(third, "bid", "0.50", "2")
    assert floor.exchange.open_interest("A") == 300
    floor.place(me, "ask", "0.60", "1")
    floor.place(other, "bid", "0.60", "1")
    assert floor.exchange.open_interest("A") == 200


@pytest.mark.parametrize(("crowd", "needed"), [("other", 527_400), ("me", 527_400), ("grouped", 537_400)])
def test_only_orders_that_can_be_met_are_reckoned_with(floor, me, other, crowd, needed):
    """One contract costs $0.50 and $0.0175 and, in cents, up to $0.0099 a fill. Catches fees set aside for everybody
    who waits at a price; and for too few, where own orders and grouped ones may make way for those behind them."""
    group = groups.create(floor.exchange, other, 100).group_id if crowd == "grouped" else None
    first = me if crowd == "me" else other
    poor = floor.account("poor", 0) if crowd != "me" else me
    floor.place(first, "ask", "0.50", "1", order_group_id=group)
    for _ in range(20):
        floor.place(other, "ask", "0.50", "1")
    poor.balance_step = CENT_STEP
    held = poor.held
    poor.purse(0, 0).cash = held + needed - 100
    bid = {"time_in_force": IOC, "self_trade_prevention_type": SelfTradePrevention.MAKER}
    with pytest.raises(ExchangeError, match="insufficient_balance"):
        floor.place(poor, "bid", "0.50", "1", **bid)
    poor.purse(0, 0).cash += 100
    assert floor.place(poor, "bid", "0.50", "1", **bid).order.filled == 100
