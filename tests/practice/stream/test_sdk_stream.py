"""kalshi-sdk's own stream client, unmodified, over TLS: every channel in its models, its recovery from faults."""

import asyncio
from decimal import Decimal

import pytest
from kalshi.auth import KalshiAuth
from kalshi.errors import KalshiConnectionError, KalshiOrderbookUnavailableError, KalshiSubscriptionError
from kalshi.ws.client import KalshiWebSocket
from tests.practice.rawclient import API, Client
from tests.practice.support import BTC, rsa_key

from kalshi import KalshiConfig
from pretrade.model.markets import FeeType
from pretrade.practice.core import groups, lifecycle
from pretrade.practice.stream.faults import StreamFault, StreamFaultKind

SOON = 10.0


@pytest.fixture
def stream(practice, monkeypatch):
    """Opens the SDK's client, told nothing but where the exchange is, its CA and a key."""
    monkeypatch.setenv("SSL_CERT_FILE", str(practice.ca_file))

    def opened(key_id="full"):
        config = KalshiConfig(
            base_url=practice.base_url,
            ws_base_url=practice.origin.replace("https:", "wss:") + "/trade-api/ws/v2",
            allow_unknown_host=True,
        )
        return KalshiWebSocket(KalshiAuth(key_id, rsa_key()), config).connect()

    return opened


async def following(messages, kind=None):
    """The next message (of a type) of a subscription."""
    async with asyncio.timeout(SOON):
        async for message in messages:
            if kind is None or message.type == kind:
                return message
    raise AssertionError("the subscription ended")


async def take(client, price="0.9900"):
    """Buy one contract from the market maker at once."""
    return await client.create(price=price, count="1.00", time_in_force="immediate_or_cancel")


async def following_book(books):
    """The SDK's copy of the book after its next message, None while it is on its way back from a gap."""
    try:
        book = await anext(books)
    except KalshiOrderbookUnavailableError:
        return None
    return {side: {level.price: level.quantity for level in getattr(book, side)} for side in ("yes", "no")}


async def rest_book(client):
    """The order book as REST shows it, in the words of the SDK's book."""
    body = (await client.call("GET", f"{API}/markets/{BTC}/orderbook"))[1]["orderbook_fp"]
    return {side: {Decimal(p): Decimal(c) for p, c in body[f"{side}_dollars"]} for side in ("yes", "no")}


async def test_public_channels(practice, stream):
    async with stream() as session, Client(practice) as client:
        tickers, trades = await session.subscribe_ticker(tickers=[BTC]), await session.subscribe_trade(tickers=[BTC])
        books = await session.subscribe_orderbook_delta(tickers=[BTC])
        snapshot = await following(books)
        assert await take(client)
        trade, delta, ticker = await following(trades), await following(books), await following(tickers)
    assert (snapshot.type, snapshot.seq, snapshot.msg.market_ticker) == ("orderbook_snapshot", 1, BTC)
    assert (delta.type, delta.seq, delta.msg.side) == ("orderbook_delta", 2, "no")
    assert (trade.msg.count, trade.msg.taker_outcome_side) == (1, "yes")
    assert ticker.msg.price == trade.msg.yes_price == 1 - delta.msg.price
    assert ticker.msg.volume == ticker.msg.open_interest == 1


async def test_private_channels(practice, stream):
    async with stream() as session, Client(practice) as client:
        fills, orders = await session.subscribe_fill(), await session.subscribe_user_orders()
        positions, updates = await session.subscribe_market_positions(), await session.subscribe_order_group()
        _, made = await take(client)
        group = groups.create(practice.exchange, practice.exchange.accounts["main"], 500)
        fill, order = await following(fills), await following(orders)
        position, update = await following(positions), await following(updates)
        read = (await client.call("GET", f"{API}/portfolio/fills"))[1]["fills"][0]
    assert fill.msg.order_id == order.msg.order_id == made["order_id"]
    assert (fill.msg.trade_id, fill.msg.fee_cost) == (read["trade_id"], Decimal(read["fee_cost"]))
    assert (order.msg.status, order.msg.fill_count) == ("executed", 1)
    assert (position.msg.position, fill.msg.post_position) == (1, 1)
    assert (update.msg.event_type, update.msg.order_group_id, update.msg.contracts_limit) == (
        "created",
        group.group_id,
        5,
    )


async def test_the_life_of_markets(practice, stream):
    exchange = practice.exchange
    event = exchange.market(BTC).market.event_ticker
    async with stream() as session:
        told = await session.subscribe_market_lifecycle()
        lifecycle.pause_market(exchange, BTC)
        lifecycle.set_event_fee(exchange, event, FeeType.QUADRATIC, 200)
        paused, fee = await following(told), await following(told)
    assert (paused.msg.event_type, paused.msg.is_deactivated) == ("deactivated", True)
    assert (fee.type, fee.msg.fee_multiplier_override) == ("event_fee_update", 2)


async def test_silent_channels_can_be_subscribed_to_and_left(stream):
    async with stream() as session:
        await session.subscribe_multivariate_lifecycle()
        await session.subscribe_communications(shard_factor=4, shard_key=1)
        await session.subscribe_cfbenchmarks_value(index_ids=["BRTI"])
        await session.subscribe_cfbenchmarks_value_5hz()
        await session.subscribe("pyth_value")
        for client_id in range(1, 6):
            await session.unsubscribe(client_id)


async def test_a_refused_subscription_is_raised_with_its_code(stream):
    async with stream() as session:
        with pytest.raises(KalshiSubscriptionError) as refused:
            await session.subscribe_ticker(tickers=["KXNOPE-1"])
    assert refused.value.error_code == 11


async def test_a_key_that_may_not_read_is_not_let_in(stream):
    with pytest.raises(KalshiConnectionError):
        async with stream("mover"):
            pass


@pytest.mark.parametrize("kind", [StreamFaultKind.GAP, StreamFaultKind.GARBAGE, StreamFaultKind.DUPLICATE])
async def test_its_book_is_right_again_after_a_fault(practice, stream, kind):
    """The client that people use recovers by itself; catches numbers that its own tracker does not understand."""
    async with stream() as session, Client(practice) as client:
        books = await session.orderbook(BTC)
        await following_book(books)
        practice.practice.hub.faults.add(StreamFault(kind, "orderbook_delta"))
        for price in ("0.0100", "0.0200", "0.0300"):
            assert (await client.create(price=price))[0] == 201
        wanted = await rest_book(client)
        async with asyncio.timeout(SOON):
            while await following_book(books) != wanted:
                pass
    assert practice.practice.hub.faults.waiting() == ()


@pytest.mark.parametrize("kind", [StreamFaultKind.CLOSE, StreamFaultKind.ABORT])
async def test_it_connects_again_after_a_close(practice, stream, kind):
    """Catches a close code that the client takes for permanent: it would give up instead of coming back."""
    async with stream() as session, Client(practice) as client:
        orders = await session.subscribe_user_orders()
        hub = practice.practice.hub
        before = set(hub.sessions)
        hub.faults.add(StreamFault(kind, "user_orders"))
        await client.create(client_order_id="lost")
        async with asyncio.timeout(SOON):
            while not any(again.subscriptions for again in set(hub.sessions) - before):
                await asyncio.sleep(0.02)
        await client.create(client_order_id="heard")
        assert (await following(orders)).msg.client_order_id == "heard"
