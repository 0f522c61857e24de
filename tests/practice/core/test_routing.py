"""Shards: which one a request goes to, whose cash it uses, and what a paused one does."""

import random

import pytest
from tests.practice.support import DAY_US, IOC, NOW_US, ONE_DOLLAR, FakeClock, order

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, Side
from pretrade.model.units import Count, Price
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import Event, Market, Series
from pretrade.practice.core.records import OrderStatus
from pretrade.practice.core.state import World


@pytest.fixture
def exchange():
    markets = [
        Market(t, "E", t, t, NOW_US - DAY_US, NOW_US + DAY_US, 5_000, exchange_index=s) for t, s in (("A", 0), ("C", 2))
    ]
    world = World((Series("S", "s", "Tests", "custom"),), (Event("E", "S", "e", "e"),), tuple(markets))
    return Exchange(world, FakeClock(), random.Random(7))


@pytest.fixture
def me(exchange):
    account = exchange.open_account("me", 100 * ONE_DOLLAR)
    account.deposit(0, 2, 100 * ONE_DOLLAR)
    return account


@pytest.fixture
def here(exchange, me):
    return exchange.create(me, order("bid", "0.40", "10")).order


@pytest.fixture
def there(exchange, me):
    return exchange.create(me, order("bid", "0.40", "10", ticker="C")).order


def outcome(call, *args):
    try:
        call(*args)
    except ExchangeError as error:
        return error.code
    return "ok"


@pytest.mark.parametrize(("index", "said"), [(None, "ok"), (-1, "ok"), (2, "ok"), (0, "not_found"), (1, "not_found")])
def test_a_create_and_an_amend_go_where_their_market_is(exchange, me, there, index, said):
    assert outcome(exchange.create, me, order("bid", "0.40", "1", ticker="C", exchange_index=index)) == said
    change = AmendOrder(there.order_id, "C", Side.BID, Price(4_100), Count(1_000), exchange_index=index)
    assert outcome(exchange.amend, me, change) == said
    assert there.exchange_index == 2


@pytest.mark.parametrize(
    ("ticker", "index", "said"),
    [
        (None, None, "not_found"),
        (None, 0, "not_found"),
        (None, 2, "ok"),
        (None, 1, "not_found"),
        (None, -1, "bad_request"),
        ("C", None, "ok"),
        ("C", -1, "ok"),
        ("C", 2, "ok"),
        ("C", 0, "not_found"),
        ("A", None, "not_found"),
        ("NONE", None, "not_found"),
    ],
)
def test_an_exit_without_a_route_goes_to_shard_0(exchange, me, there, ticker, index, said):
    """Catches an exchange that finds an order on any shard: clients would never learn to name the market."""
    assert outcome(exchange.decrease, me, DecreaseOrder(there.order_id, Count(100), None, index, ticker)) == said
    assert outcome(exchange.cancel, me, CancelOrder(there.order_id, index, ticker)) == said
    assert (there.status is OrderStatus.CANCELED) == (said == "ok")


def test_an_order_on_shard_0_needs_no_route(exchange, me, here):
    assert outcome(exchange.cancel, me, CancelOrder(here.order_id)) == "ok"


def test_each_shard_has_its_own_cash(exchange, me):
    exchange.create(me, order("bid", "0.50", "150", ticker="C"))
    assert (me.available(0, 0), me.available(0, 2)) == (100 * ONE_DOLLAR, 25 * ONE_DOLLAR)
    assert outcome(exchange.create, me, order("bid", "0.50", "60", ticker="C")) == "insufficient_balance"
    assert outcome(exchange.create, me, order("bid", "0.50", "60")) == "ok"


@pytest.mark.parametrize(
    ("trading", "live", "create", "cancel"),
    [(True, True, "ok", "ok"), (False, True, "trading_is_paused", "ok"), (True, False, *["exchange_is_paused"] * 2)],
)
def test_a_paused_shard_stops_its_own_markets_only(exchange, me, here, there, trading, live, create, cancel):
    exchange.pause(trading=trading, exchange=live, shard=2)
    assert outcome(exchange.create, me, order("bid", "0.40", "1", ticker="C")) == create
    assert outcome(exchange.cancel, me, CancelOrder(there.order_id, market_ticker="C")) == cancel
    assert outcome(exchange.create, me, order("bid", "0.40", "1")) == "ok"
    assert outcome(exchange.cancel, me, CancelOrder(here.order_id)) == "ok"
    assert exchange.switches_of(2).trading == (trading and live)


def test_a_shard_pause_pulls_the_orders_there_that_asked_for_it(exchange, me):
    pulled = [exchange.create(me, order("bid", "0.40", "1", ticker=t, cancel_order_on_pause=True)).order for t in "AC"]
    exchange.pause(trading=False, exchange=True, shard=2)
    assert [o.reason for o in pulled] == ["", "HaltCancel"]


def test_cancel_all_reaches_every_shard_but_a_paused_one(exchange, me, here, there):
    exchange.pause(trading=True, exchange=False, shard=2)
    exchange.cancel_all(me, None)
    assert (here.status, there.status) == (OrderStatus.CANCELED, OrderStatus.RESTING)
    exchange.pause(trading=True, exchange=True, shard=2)
    exchange.cancel_all(me, None)
    assert there.status is OrderStatus.CANCELED


def test_a_trade_pays_from_the_shard_of_its_market(exchange, me):
    other = exchange.open_account("other", 0)
    other.deposit(0, 2, 100 * ONE_DOLLAR)
    exchange.create(me, order("ask", "0.60", "10", ticker="C"))
    exchange.create(other, order("bid", "0.60", "10", ticker="C", time_in_force=IOC))
    assert (me.cash_of(0, 0), me.cash_of(0, 2)) == (100 * ONE_DOLLAR, 96 * ONE_DOLLAR)
    assert other.cash_of(0, 0) == 0


def test_an_unknown_shard_cannot_be_paused(exchange):
    assert outcome(lambda: exchange.pause(trading=False, exchange=True, shard=7)) == "not_found"
