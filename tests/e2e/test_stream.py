"""The stream with real processes and unmodified libraries (kalshi-sdk's, pykalshi's and a plain one), against the
practice exchange's own WebSocket.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.e2e.harness import OPEN, World, order
from tests.sdks.clients import Client, Place
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pretrade.cli import init

WS_PATH = "/trade-api/ws/v2"
NAMES = ("external-api-ws.kalshi.com", "external-api-ws.demo.kalshi.co", "api.elections.kalshi.com")
PRIVATE = ("    subaccount: 0", "    subaccount: 0\n    private_channels: true")


def plain(world: World, door: str, name: str = NAMES[0]) -> connect:
    """A plain `websockets` client, as its own page says to use it."""
    headers = world.raw().signed("GET", WS_PATH)
    if door == "base_url":
        return connect(f"ws://127.0.0.1:{world.base_url_port}{WS_PATH}", additional_headers=headers, proxy=None)
    trust = ssl.create_default_context(cafile=str(world.folder / "certs" / "ca.crt"))
    proxy = f"http://127.0.0.1:{world.proxy_port}"
    return connect(f"wss://{name}{WS_PATH}", additional_headers=headers, proxy=proxy, ssl=trust)


def subscribe(*channels: str, number: int = 1) -> str:
    params = {"channels": list(channels), "market_tickers": [OPEN]}
    return json.dumps({"id": number, "cmd": "subscribe", "params": params})


async def hear(client: Any, *kinds: str) -> list[dict[str, Any]]:
    """Messages up to the first of the last kind, once one of every kind has come."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(15):
        while not set(kinds) <= {message["type"] for message in heard}:
            heard.append(json.loads(await client.recv()))
    return heard


FEED = """
import json, os, sys, threading
from pykalshi import KalshiClient
client = KalshiClient(api_key_id=os.environ["KALSHI_API_KEY_ID"], private_key_path=sys.argv[1])
came = threading.Event()
with client.feed() as feed:
    feed.on("orderbook_delta", lambda message: (print(message.market_ticker, flush=True), came.set()))
    feed.subscribe("orderbook_delta", market_ticker=sys.argv[2])
    sys.exit(0 if came.wait(15) else "nothing came")
"""
"""pykalshi's stream, whose address cannot be changed: a bot as its user writes it, under `pretrade exec`."""


def test_pykalshi_s_feed_is_led_here_by_its_environment(world: World) -> None:
    """Catches a library that goes round the proxy, and a bot that `exec` alone does not bring to its stream."""
    bot = (sys.executable, "-c", FEED, str(world.client_key), OPEN)
    done = world.pretrade("exec", "--client", init.CLIENT, "--", *bot)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == OPEN


@pytest.mark.parametrize(("door", "name"), [("base_url", ""), *(("proxy", name) for name in NAMES)])
def test_a_plain_client_follows_a_market(world: World, door: str, name: str) -> None:
    """Catches a name of the exchange's by which the stream cannot be reached, and a book that does not move."""

    async def follow() -> None:
        async with plain(world, door, name) as client:
            await client.send(subscribe("orderbook_delta"))
            heard = await hear(client, "subscribed", "orderbook_snapshot")
            assert [message["type"] for message in heard] == ["subscribed", "orderbook_snapshot"]
            made = await asyncio.to_thread(world.raw().send, "POST", "/trade-api/v2/portfolio/events/orders", order())
            assert made.status == 201
            assert (await hear(client, "orderbook_delta"))[-1]["msg"]["delta_fp"] == "1.00"

    asyncio.run(follow())


def test_an_order_on_the_stream_goes_nowhere(world: World) -> None:
    """Catches an order by the way that nobody judges; the exchange's own requests are counted."""

    async def try_it() -> tuple[str, int | None]:
        async with plain(world, "proxy") as client:
            await client.send(json.dumps({"id": 1, "cmd": "create_order", "params": order()}))
            words = json.loads(await client.recv())["msg"]["msg"]
            with contextlib.suppress(ConnectionClosed):
                await client.recv()
            return words, client.close_code

    with world.exchange_sees(0):
        words, code = asyncio.run(try_it())
    assert (words.partition(":")[0], code) == ("STREAM_COMMAND_NOT_ALLOWED", 1008)


def test_a_stranger_is_refused(world: World) -> None:
    """Catches a stream for whoever has no registered key. Nothing is asked of the exchange."""

    async def try_it() -> InvalidStatus:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"ws://127.0.0.1:{world.base_url_port}{WS_PATH}", proxy=None):
                pass
        return caught.value

    response = asyncio.run(try_it()).response
    assert (response.status_code, json.loads(response.body or b"")["code"]) == (403, "SIGNATURE_MISSING")


@pytest.fixture
def private(make_world: Callable[..., World]) -> World:
    return make_world(PRIVATE)


@pytest.fixture
async def sdk(private: World) -> AsyncIterator[Callable[[str], Any]]:
    """`kalshi-sdk`'s stream as its user has it, by either door."""
    started: list[Client] = []

    async def start(door: str) -> Client:
        ca_file = private.folder / "certs" / "ca.crt"
        if door == "proxy":
            url, proxy = f"https://{NAMES[0]}/trade-api/v2", f"http://127.0.0.1:{private.proxy_port}"
        else:
            url, proxy = f"http://127.0.0.1:{private.base_url_port}/trade-api/v2", None
        place = Place(url, ca_file, init.CLIENT_KEY_ID, private.client_key, proxy)
        started.append(await Client.start("kalshi-sdk stream", place))
        return started[-1]

    yield start
    for client in started:
        await client.kill()


async def test_the_sdk_s_stream_sees_the_book_and_its_own_fill(private: World, sdk: Callable[[str], Any]) -> None:
    """Catches a relay that an unmodified library cannot use, by either door: its own models read every message."""
    for door in ("proxy", "base_url"):
        client = await sdk(door)
        for channel, tickers in (("orderbook_delta", [OPEN]), ("fill", [])):
            followed = await client.ask("follow", {"channel": channel, "tickers": tickers})
            assert followed.ok, followed.text
        body = order(price="0.6000", time_in_force="immediate_or_cancel")
        made = await asyncio.to_thread(private.raw().send, "POST", "/trade-api/v2/portfolio/events/orders", body)
        assert made.status == 201, made.body
        heard = await client.ask("heard", {"kinds": ["orderbook_snapshot", "fill"]})
        assert heard.ok, heard.text
        assert made.body["order_id"] in heard.all("order_id")
        await client.end()


def test_a_stop_with_streams_open_is_quick_and_clean(make_world: Callable[..., World]) -> None:
    """Catches a stop that waits for streams, a client left without a goodbye, and a stream without its closed row."""
    world = make_world()

    async def follow() -> tuple[int | None, float]:
        async with plain(world, "proxy") as one, plain(world, "base_url") as two:
            for client in (one, two):
                await client.send(subscribe("ticker"))
                await hear(client, "subscribed")
            began = time.monotonic()
            code = await asyncio.to_thread(world.proxy.end)
            took = time.monotonic() - began
            assert code == 0
            for client in (one, two):
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        await client.recv()
                assert client.close_code == 1001
            return one.close_code, took

    _, took = asyncio.run(follow())
    assert took < 8, "less than what orders in flight are waited for"
    rows = world.events("stream")
    assert [row.body["state"] for row in rows].count("closed") == 2
    assert {row.body["code"] for row in rows if row.body["state"] == "closed"} == {1001}


def test_the_exchange_leaves_and_comes_back(make_world: Callable[..., World]) -> None:
    """Catches a client that is not told, one that is told nothing useful while the exchange is away, and a relay that
    does not find it again."""
    world = make_world()

    async def follow() -> None:
        async with plain(world, "proxy") as client:
            await client.send(subscribe("ticker"))
            await hear(client, "subscribed")
            await asyncio.to_thread(world.stop_exchange)
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await client.recv()
            assert client.close_code in (1001, 1012)
        with pytest.raises(InvalidStatus) as caught:
            async with plain(world, "proxy"):
                pass
        assert caught.value.response.status_code == 503
        assert json.loads(caught.value.response.body or b"")["code"] == "EXCHANGE_UNREACHABLE"

        world.exchange = world._start_exchange()
        await asyncio.to_thread(world.exchange.wait_ready)
        async with plain(world, "proxy") as client:
            await client.send(subscribe("ticker"))
            await hear(client, "subscribed")

    asyncio.run(follow())
    states = [row.body["state"] for row in world.events("stream")]
    assert states[:5] == ["asked", "opened", "closed", "asked", "refused"]
