import itertools
from dataclasses import replace

import pytest
from tests.practice.support import DAY_US, NOW_US, Floor, order

from pretrade.model.markets import FeeType, MarketStatus
from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, Side
from pretrade.model.units import Count, Price
from pretrade.practice.core import lifecycle
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.events import EventFeeChanged, Lifecycle, MarketChanged, OrderChanged
from pretrade.practice.core.fees import FeeModel, fee_model
from pretrade.practice.core.instruments import Market, PriceStructure, SettlementBounds
from pretrade.practice.core.records import OrderStatus

SECOND = 1_000_000
ACTS = {
    "pause": lambda x: lifecycle.pause_market(x, "A"),
    "resume": lambda x: lifecycle.resume_market(x, "A"),
    "close": lambda x: lifecycle.close_market(x, "A"),
    "reopen": lambda x: lifecycle.move_close(x, "A", x.clock() + DAY_US),
    "determine": lambda x: lifecycle.determine(x, "A", "yes"),
    "dispute": lambda x: lifecycle.dispute(x, "A"),
    "settle": lambda x: lifecycle.settle(x, "A"),
    "structure": lambda x: lifecycle.set_structure(x, "A", PriceStructure.DECI_CENT),
}
# the acts that lead to each state, and what each act makes of it (None: refused)
ROADS = {
    "active": (),
    "inactive": ("pause",),
    "closed": ("close",),
    "determined": ("determine",),
    "disputed": ("determine", "dispute"),
    "amended": ("determine", "dispute", "determine"),
    "finalized": ("determine", "settle"),
}
TABLE = {
    #            pause       resume    close     reopen    determine     dispute     settle       structure
    "active": ("inactive", None, "closed", "active", "determined", None, None, "active"),
    "inactive": (None, "active", "closed", "inactive", "determined", None, None, "inactive"),
    "closed": (None, None, None, "active", "determined", None, None, "closed"),
    "determined": (None, None, None, None, None, "disputed", "finalized", None),
    "disputed": (None, None, None, None, "amended", None, None, None),
    "amended": (None, None, None, None, None, "disputed", "finalized", None),
    "finalized": (None, None, None, None, None, None, None, None),
}


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def exchange(floor):
    return floor.exchange


@pytest.fixture
def me(floor):
    return floor.account("me")


@pytest.fixture
def told(exchange):
    heard = []

    def listen(event):
        if isinstance(event, MarketChanged):
            heard.append(event.kind)

    exchange.listeners.append(listen)
    return heard


def status(exchange):
    return exchange.market("A").status(exchange.clock())


def refusal(act, *args):
    with pytest.raises(ExchangeError) as caught:
        act(*args)
    return caught.value.code, caught.value.details


@pytest.mark.parametrize(
    ("state", "act", "after"),
    [(state, act, after) for state, row in TABLE.items() for act, after in zip(ACTS, row, strict=True)],
)
def test_what_each_act_makes_of_each_state(exchange, state, act, after):
    """Catches a transition that is missing, and one that should not be."""
    for step in ROADS[state]:
        ACTS[step](exchange)
    assert status(exchange) == state
    if after is None:
        code, details = refusal(ACTS[act], exchange)
        assert code == "market_state_conflict"
        assert "market A" in details
        assert status(exchange) == state
    else:
        ACTS[act](exchange)
        assert status(exchange) == after


@pytest.mark.parametrize(
    ("acts", "kinds"),
    [
        (("pause", "resume"), ["deactivated", "activated"]),
        (("close",), ["close_date_updated"]),
        (("close", "reopen"), ["close_date_updated", "close_date_updated", "activated"]),
        (("determine", "settle"), ["close_date_updated", "determined", "settled"]),
        (("determine", "dispute", "determine"), ["close_date_updated", "determined", "determined"]),
        (("structure",), ["price_level_structure_updated"]),
        (("structure", "structure"), ["price_level_structure_updated"]),
    ],
)
def test_each_act_is_told_as_the_channel_names_it(exchange, told, acts, kinds):
    for act in acts:
        ACTS[act](exchange)
    assert told == [Lifecycle(kind) for kind in kinds]


def test_opening_and_closing_by_time_are_not_told(floor, exchange, told):
    """As the docs have it: these two happen by the clock alone."""
    early = replace(exchange.markets["A"].market, ticker="NEW", open_us=NOW_US + DAY_US // 2)
    lifecycle.create_market(exchange, early)
    del told[:]
    seen = []
    for _ in range(3):
        exchange.advance()
        seen.append(exchange.market("NEW").status(exchange.clock()))
        floor.clock.advance(DAY_US // 2 // SECOND)
    assert seen == [MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.CLOSED]
    assert told == []


def test_a_close_cancels_at_its_own_moment_however_late_somebody_asks(floor, exchange, me):
    """Catches a close that is stamped with the time of the next request."""
    placed = floor.place(me, "bid", "0.40", "1").order
    floor.clock.advance(2 * DAY_US // SECOND)
    exchange.advance()
    assert (placed.status, placed.reason, placed.updated_us) == (OrderStatus.CANCELED, "CloseCancel", NOW_US + DAY_US)
    assert me.held == 0


def test_a_close_that_was_moved_cancels_at_the_new_moment_only(floor, exchange, me):
    """Catches a timer for the old close that still goes off."""
    placed = floor.place(me, "bid", "0.40", "1").order
    lifecycle.move_close(exchange, "A", NOW_US + 2 * DAY_US)
    floor.clock.advance(DAY_US // SECOND + 1)
    exchange.advance()
    assert placed.status is OrderStatus.RESTING
    floor.clock.advance(DAY_US // SECOND)
    exchange.advance()
    assert (placed.reason, placed.updated_us) == ("CloseCancel", NOW_US + 2 * DAY_US)


@pytest.mark.parametrize("ended", ["close", "determine"])
def test_after_the_close_new_orders_and_cancels_are_refused(floor, exchange, me, ended):
    """The docs: once a market has closed, cancels are refused as well (MARKET_INACTIVE)."""
    placed = floor.place(me, "bid", "0.40", "1").order
    ACTS[ended](exchange)
    assert refusal(exchange.create, me, order("bid", "0.40", "1"))[0] in {"MARKET_NOT_ACTIVE", "MARKET_INACTIVE"}
    for act, which in (
        (exchange.cancel, CancelOrder(placed.order_id)),
        (exchange.decrease, DecreaseOrder(placed.order_id, reduce_by=Count(1))),
    ):
        assert refusal(act, me, which)[0] == "MARKET_INACTIVE"


def test_orders_stay_through_a_pause_and_go_when_it_ends(floor, exchange, me):
    placed = [floor.place(me, "bid", price, "1").order for price in ("0.40", "0.30")]
    lifecycle.pause_market(exchange, "A")
    assert refusal(exchange.create, me, order("bid", "0.40", "1"))[0] == "MARKET_NOT_ACTIVE"
    exchange.cancel(me, CancelOrder(placed[1].order_id))
    assert placed[0].status is OrderStatus.RESTING
    lifecycle.resume_market(exchange, "A")
    assert (placed[0].status, placed[0].reason) == (OrderStatus.CANCELED, "HaltCancel")
    assert floor.place(me, "bid", "0.40", "1").order.status is OrderStatus.RESTING


@pytest.mark.parametrize(("early", "moved"), [(True, None), (False, "market A cannot close early")])
def test_a_market_closes_early_only_where_it_may(exchange, early, moved):
    state = exchange.markets["A"]
    state.market = replace(state.market, can_close_early=early)
    if moved is None:
        lifecycle.close_market(exchange, "A")
        assert status(exchange) == MarketStatus.CLOSED
        return
    assert moved in refusal(lifecycle.close_market, exchange, "A")[1]
    lifecycle.move_close(exchange, "A", NOW_US + 2 * DAY_US)
    assert state.market.close_us == NOW_US + 2 * DAY_US


def test_a_close_takes_one_reading_of_a_running_clock(floor, exchange, me):
    """Catches a close at a moment that has passed by the time it is checked."""
    placed = floor.place(me, "bid", "0.40", "1").order
    running = itertools.count(NOW_US)
    exchange._clock = lambda: next(running)
    lifecycle.close_market(exchange, "A")
    lifecycle.determine(exchange, "B", "yes")
    assert placed.reason == "CloseCancel"
    assert [exchange.market(t).status(exchange.clock()) for t in "AB"] == ["closed", "determined"]


def test_a_close_cannot_lie_in_the_past(exchange):
    assert "before the present" in refusal(lifecycle.move_close, exchange, "A", NOW_US - 1)[1]


def test_a_later_close_moves_the_latest_expiration_along(exchange):
    state = exchange.markets["A"]
    state.market = replace(state.market, latest_expiration_us=NOW_US + DAY_US)
    lifecycle.move_close(exchange, "A", NOW_US + 2 * DAY_US)
    assert state.market.latest_expiration_us == NOW_US + 2 * DAY_US


@pytest.mark.parametrize(
    ("result", "value", "says"),
    [
        ("maybe", None, "result must be yes, no or scalar, was 'maybe'"),
        ("scalar", None, "a value goes with the result scalar"),
        ("yes", 10_000, "a value goes with the result scalar"),
        ("scalar", 10_001, "pays from 0.0000 to 1 dollar"),
        ("scalar", -1, "pays from 0.0000 to 1 dollar"),
    ],
)
def test_a_result_that_cannot_be_is_refused_and_closes_nothing(exchange, result, value, says):
    code, details = refusal(lifecycle.determine, exchange, "A", result, value)
    assert (code, says in details) == ("invalid_parameters", True)
    assert status(exchange) == MarketStatus.ACTIVE


def test_a_market_settles_by_itself_when_its_timer_has_run(floor, exchange, told):
    lifecycle.determine(exchange, "A", "no", expiration_value="99")
    floor.clock.advance(299)
    exchange.advance()
    assert status(exchange) == MarketStatus.DETERMINED
    floor.clock.advance(10)
    exchange.advance()
    market = exchange.markets["A"]
    assert (status(exchange), market.settled_us) == (MarketStatus.FINALIZED, NOW_US + 300 * SECOND)
    assert (market.outcome.result, market.outcome.value, market.outcome.expiration_value) == ("no", 0, "99")
    assert told[-1] == Lifecycle.SETTLED


def test_a_dispute_stops_the_timer_and_an_amendment_starts_it_again(floor, exchange):
    """Catches a timer of the first result that settles by the second, too early."""
    lifecycle.determine(exchange, "A", "yes")
    floor.clock.advance(200)
    lifecycle.dispute(exchange, "A")
    floor.clock.advance(50)
    lifecycle.determine(exchange, "A", "no")
    floor.clock.advance(250)
    exchange.advance()
    assert status(exchange) == MarketStatus.AMENDED
    floor.clock.advance(50)
    exchange.advance()
    assert status(exchange) == MarketStatus.FINALIZED
    assert exchange.markets["A"].settled_us == NOW_US + 550 * SECOND


def test_a_disputed_market_does_not_settle(floor, exchange):
    lifecycle.determine(exchange, "A", "yes")
    lifecycle.dispute(exchange, "A")
    floor.clock.advance(400)
    exchange.advance()
    assert status(exchange) == MarketStatus.DISPUTED


def test_orders_off_a_new_grid_stay_and_new_ones_are_checked(floor, exchange, me):
    lifecycle.set_structure(exchange, "A", PriceStructure.DECI_CENT)
    off = floor.place(me, "bid", "0.401", "1").order
    lifecycle.set_structure(exchange, "A", PriceStructure.LINEAR_CENT)
    assert off.status is OrderStatus.RESTING
    assert refusal(exchange.create, me, order("bid", "0.402", "1"))[0] == "invalid_price"
    change = AmendOrder(off.order_id, "A", Side.BID, Price(4_020), Count(100))
    assert refusal(exchange.amend, me, change)[0] == "invalid_price"
    assert exchange.markets["A"].market.finest_step == 10


def test_a_rising_floor_cancels_what_is_at_or_below_it(floor, exchange, me, told):
    state = exchange.markets["A"]
    assert "settlement bounds default" in refusal(lifecycle.raise_floor, exchange, "A", 3_000)[1]
    state.market = replace(state.market, settlement_bounds=SettlementBounds.FLOOR)
    orders = [floor.place(me, "bid", price, "1").order for price in ("0.29", "0.30", "0.31")]
    orders.append(floor.place(me, "ask", "0.40", "1").order)
    lifecycle.raise_floor(exchange, "A", 3_000)
    assert [o.reason for o in orders] == ["SettlementBoundsCancel", "SettlementBoundsCancel", "", ""]
    assert refusal(exchange.create, me, order("bid", "0.30", "1"))[0] == "invalid_price"
    assert "only rises" in refusal(lifecycle.raise_floor, exchange, "A", 2_999)[1]
    assert "pays from 0.3000" in refusal(lifecycle.determine, exchange, "A", "no")[1]
    assert told == [Lifecycle.METADATA_UPDATED]


def test_fees_change_at_once_and_leave_a_history(exchange):
    heard = []
    exchange.listeners.append(heard.append)
    lifecycle.set_series_fee(exchange, "S", FeeType.QUADRATIC_WITH_MAKER_FEES, 50)
    lifecycle.set_event_fee(exchange, "E", None, 70)
    assert fee_model(exchange.series["S"], exchange.events["E"]) == FeeModel(FeeType.QUADRATIC_WITH_MAKER_FEES, 70)
    lifecycle.set_event_fee(exchange, "E", None, None)
    assert fee_model(exchange.series["S"], exchange.events["E"]) == FeeModel(FeeType.QUADRATIC_WITH_MAKER_FEES, 50)
    history = [(c.series_ticker, c.event_ticker, c.fee_type, c.multiplier) for c in exchange.fee_changes]
    assert history == [
        ("S", None, FeeType.QUADRATIC_WITH_MAKER_FEES, 50),
        ("S", "E", None, 70),
        ("S", "E", None, None),
    ]
    assert heard == [EventFeeChanged("E", NOW_US)] * 2
    for act in (
        lambda: lifecycle.set_event_fee(exchange, "NONE", None, 1),
        lambda: lifecycle.set_event_fee(exchange, "E", None, -1),
        lambda: lifecycle.set_series_fee(exchange, "NONE", FeeType.FLAT, 1),
    ):
        assert refusal(act)[0] == "invalid_parameters"
    assert len(exchange.fee_changes) == 3


def test_a_new_market_on_a_new_shard_can_be_traded_at_once(floor, exchange, me, told):
    new = Market("NEW", "E", "n", "n", NOW_US, NOW_US + DAY_US, 5_000, exchange_index=2)
    lifecycle.create_market(exchange, new)
    me.deposit(0, 2, 1_000_000)
    assert floor.place(me, "bid", "0.40", "1", ticker="NEW").order.exchange_index == 2
    assert told == [Lifecycle.CREATED]
    assert "exists already" in refusal(lifecycle.create_market, exchange, new)[1]
    assert "event NONE" in refusal(lifecycle.create_market, exchange, replace(new, ticker="X", event_ticker="NONE"))[1]


def test_cancels_by_a_close_are_told(floor, exchange, me):
    floor.place(me, "bid", "0.40", "1")
    heard = []
    exchange.listeners.append(heard.append)
    lifecycle.close_market(exchange, "A")
    assert [e.order.reason for e in heard if isinstance(e, OrderChanged)] == ["CloseCancel"]


def test_a_market_paused_and_closed_is_open_when_it_is_opened_again(exchange):
    """Catches a pause that outlives the close and makes a market inactive that was said to be activated."""
    for act in ("pause", "close", "reopen"):
        ACTS[act](exchange)
    assert status(exchange) == MarketStatus.ACTIVE


def test_a_market_may_be_closed_before_it_opens(exchange, told):
    """Catches a market that nobody can determine because it still waits to be opened after it was closed."""
    coming = replace(exchange.markets["A"].market, ticker="N", open_us=NOW_US + 1_000_000)
    lifecycle.create_market(exchange, coming)
    assert exchange.markets["N"].status(NOW_US) == MarketStatus.INITIALIZED
    lifecycle.close_market(exchange, "N")
    assert exchange.markets["N"].status(NOW_US) == MarketStatus.CLOSED
    lifecycle.move_close(exchange, "N", NOW_US + DAY_US)
    assert exchange.markets["N"].status(NOW_US) == MarketStatus.INITIALIZED
    assert Lifecycle.ACTIVATED not in told, "it is not open yet"
    lifecycle.determine(exchange, "N", "no")
    assert exchange.markets["N"].status(NOW_US) == MarketStatus.DETERMINED
