"""Both official SDKs, unmodified, against the exchange over TLS: configured with nothing but host, CA and key."""

import asyncio

import kalshi_python_sync as sdk_sync
import pytest
from tests.practice.sdkkit import KINDS, configuration, sdk_client
from tests.practice.support import BTC

from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault

REST = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
TAKE = REST | {"time_in_force": "immediate_or_cancel"}


@pytest.fixture(params=KINDS)
async def sdk(request, practice):
    async with sdk_client(request.param, practice) as client:
        yield client


async def test_reads(sdk):
    assert next(m.ticker for m in (await sdk("get_markets", limit=2)).markets) == BTC
    market = (await sdk("get_market", ticker=BTC)).market
    assert (market.status, market.yes_bid_dollars, market.yes_ask_dollars) == ("active", "0.5400", "0.5600")
    book = (await sdk("get_market_orderbook", ticker=BTC, depth=1)).orderbook_fp
    assert (book.yes_dollars[-1][0], book.no_dollars[-1][0]) == ("0.5400", "0.4400")
    books = (await sdk("get_market_orderbooks", tickers=[BTC, "KXHIGHNY-26NOV22-T52"])).orderbooks
    assert len(books) == 2
    event = await sdk("get_event", event_ticker=market.event_ticker, with_nested_markets=True)
    assert len(event.event.markets) == 3
    series = (await sdk("get_series", series_ticker=event.event.series_ticker)).series
    assert (series.fee_type, series.fee_multiplier) == ("quadratic", 1)
    assert (await sdk("get_exchange_status")).trading_active is True
    assert len((await sdk("get_exchange_schedule")).schedule.standard_hours) == 1
    assert (await sdk("get_user_data_timestamp")).as_of_time.tzinfo is not None
    assert (await sdk("get_account_api_limits")).write.refill_rate == 9_600
    assert (await sdk("get_account_endpoint_costs")).default_cost == 10
    assert {"full", "reader"} <= {key.api_key_id for key in (await sdk("get_api_keys")).api_keys}
    assert (await sdk("get_settlements")).settlements == []
    assert len((await sdk("get_events")).events) == 3
    assert len((await sdk("get_series_list")).series) == 3


async def test_an_order_fills_and_the_account_shows_it(sdk):
    placed = await sdk("create_order_v2", ticker=BTC, side="bid", count="2.50", price="0.6000", **TAKE)
    assert (placed.fill_count, placed.remaining_count, placed.average_fill_price) == ("2.50", "0.00", "0.5600")
    order = (await sdk("get_order", order_id=placed.order_id)).order
    assert (order.status, order.fill_count_fp, order.taker_fill_cost_dollars) == ("executed", "2.50", "1.400000")
    fill = (await sdk("get_fills")).fills[0]
    assert (fill.order_id, fill.count_fp, fill.is_taker, fill.fee_cost) == (placed.order_id, "2.50", True, "0.043200")
    position = (await sdk("get_positions")).market_positions[0]
    assert (position.position_fp, position.market_exposure_dollars) == ("2.50", "1.400000")
    balance = await sdk("get_balance")
    assert (balance.balance_dollars, balance.balance) == ("9998.5568", 999_855)
    trade = (await sdk("get_trades", ticker=BTC)).trades[0]
    assert (trade.count_fp, trade.yes_price_dollars, str(trade.taker_book_side.value)) == ("2.50", "0.5600", "bid")
    assert (await sdk("get_market", ticker=BTC)).market.open_interest_fp == "2.50"


async def test_an_order_rests_changes_and_goes(sdk):
    placed = await sdk(
        "create_order_v2", ticker=BTC, side="ask", count="10", price="0.9000", client_order_id="c", **REST
    )
    assert (placed.fill_count, placed.remaining_count, placed.client_order_id) == ("0.00", "10.00", "c")
    path = {"order_id": placed.order_id}
    amended = await sdk("amend_order_v2", **path, ticker=BTC, side="ask", price="0.8900", count="8")
    assert amended.remaining_count == "8.00"
    assert (await sdk("decrease_order_v2", **path, reduce_by="3")).remaining_count == "5.00"
    resting = (await sdk("get_orders", status="resting")).orders
    assert [(o.order_id, o.yes_price_dollars, o.remaining_count_fp) for o in resting] == [
        (placed.order_id, "0.8900", "5.00")
    ]
    assert (await sdk("get_order_queue_position", **path)).queue_position_fp.endswith(".00")
    assert (await sdk("cancel_order_v2", **path, market_ticker=BTC)).reduced_by == "5.00"
    with pytest.raises(sdk.errors.exceptions.NotFoundException):
        await sdk("cancel_order_v2", **path)


async def test_batches_and_cancel_all(sdk):
    entry = {"ticker": BTC, "side": "bid", "count": "1.00", "price": "0.1000"} | REST
    batch = [sdk.models.CreateOrderV2Request(**entry | more) for more in ({}, {"price": "0.1050"}, {"price": "0.2000"})]
    placed = (await sdk("batch_create_orders_v2", orders=batch)).orders
    assert [o.error.code if o.error else None for o in placed] == [None, "invalid_price", None]
    one = sdk.models.BatchCancelOrdersV2RequestOrdersInner(order_id=placed[0].order_id)
    none = sdk.models.BatchCancelOrdersV2RequestOrdersInner(order_id="unknown")
    canceled = (await sdk("batch_cancel_orders_v2", orders=[one, none])).orders
    assert [(o.reduced_by, o.error.code if o.error else None) for o in canceled] == [
        ("1.00", None),
        ("0.00", "not_found"),
    ]
    assert await sdk("cancel_all_orders", subaccount=0) is None
    assert (await sdk("get_orders", status="resting")).orders == []


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"price": "0.1050"}, "BadRequestException", "invalid_price"),
        ({"count": "99999999"}, "BadRequestException", "insufficient_balance"),
        ({"price": "0.9000", "post_only": True}, "BadRequestException", "post only cross"),
        ({"ticker": "KXNONE"}, "NotFoundException", "not_found"),
        ({"client_order_id": "used"}, "ConflictException", "order_already_exists"),
        (
            {"count": "5000", "price": "0.6000", "time_in_force": "fill_or_kill"},
            "ConflictException",
            "fill_or_kill_insufficient_resting_volume",
        ),
    ],
)
async def test_refusals_are_the_sdks_own_exceptions(sdk, change, error, code):
    entry = {"ticker": BTC, "side": "bid", "count": "1.00", "price": "0.1000"} | REST
    await sdk("create_order_v2", **entry, client_order_id="used")
    with pytest.raises(getattr(sdk.errors.exceptions, error)) as caught:
        await sdk("create_order_v2", **entry | change)
    assert code in caught.value.body


async def test_a_read_only_key_gets_a_403_it_can_read(practice):
    client = sdk_sync.KalshiClient(configuration(sdk_sync, practice, "reader"))
    with pytest.raises(sdk_sync.exceptions.ForbiddenException, match="insufficient_permissions"):
        await asyncio.to_thread(client.cancel_order_v2, order_id="00000000-0000-0000-0000-000000000000")
    client.rest_client.pool_manager.clear()


async def test_a_lost_answer_reaches_the_sdks_user_as_a_broken_connection(sdk, practice):
    practice.faults.add(Fault(FaultKind.CLOSE_AFTER_READ, method="POST", execute=True))
    entry = {"ticker": BTC, "side": "bid", "count": "1.00", "price": "0.1000"} | REST
    with pytest.raises(Exception, match=r"[Dd]isconnected|Connection aborted"):
        await sdk("create_order_v2", **entry)
    assert practice.log.count() == 1, "neither SDK re-sends a POST"
    assert len((await sdk("get_orders", status="resting")).orders) == 1
