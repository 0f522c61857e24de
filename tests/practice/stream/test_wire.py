"""The stream over real sockets: handshake, compression, heartbeat, slow readers, faults on the wire, stop."""

import asyncio
import contextlib
import json
import socket as socket_of_this_machine
import ssl

import pytest
from aiohttp import web
from tests.practice.rawclient import Client, signed_headers
from tests.practice.stream.kit import MirrorBook, book_as_shown
from tests.practice.support import BTC, Floor
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.frames import Opcode

from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.stream.faults import StreamFault, StreamFaultKind
from pretrade.practice.stream.hub import Hub
from pretrade.practice.stream.session import Member, StreamLimits
from pretrade.practice.stream.wire import PATH, StreamServer, Timing

SOON = 5.0


class Wire:
    """A stream on a free port of this machine, without TLS; the member is named in a header."""

    def __init__(self, floor, timing, limits):
        self.floor = floor
        self.hub = Hub(floor.exchange, limits=limits)
        self.server = StreamServer(self.hub, self._admit, timing)

    @staticmethod
    def _admit(headers, path):
        if "Who" not in headers:
            raise ExchangeError(401, "signature_is_missing_from_headers")
        return Member(headers["Who"])

    async def __aenter__(self):
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self.server.handle)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{self.runner.addresses[0][1]}{PATH}"
        return self

    async def __aexit__(self, *_):
        await self.server.stop()
        await self.runner.cleanup()

    def connect(self, **more):
        return connect(self.url, additional_headers={"Who": "alice"}, ping_interval=None, **more)


def wire(timing=None, **limits):
    floor = Floor()
    floor.account("alice", cash_dollars=10**6)
    return Wire(floor, timing, StreamLimits(**({"commands_a_second": 10**6} | limits)))


async def say(socket, cmd, **params):
    await socket.send(json.dumps({"id": 1, "cmd": cmd, "params": params}))


async def read(socket, count=1):
    return [json.loads(await asyncio.wait_for(socket.recv(), SOON)) for _ in range(count)]


def place(floor):
    floor.place(floor.account("alice"), "bid", "0.4", "1")


def watch_pongs(socket, *, lets_out):
    """The payloads of the pongs that a client would send; with `lets_out` they are sent."""
    pongs, send = [], socket.protocol.send_frame

    def send_frame(frame):
        if frame.opcode is Opcode.PONG:
            pongs.append(bytes(frame.data))
            if not lets_out:
                return
        send(frame)

    socket.protocol.send_frame = send_frame
    return pongs


def narrow(served):
    """A client that takes little into its buffers, so that what it does not read stays with the server."""
    sock = socket_of_this_machine.socket()
    sock.setsockopt(socket_of_this_machine.SOL_SOCKET, socket_of_this_machine.SO_RCVBUF, 4_096)
    sock.connect(served.runner.addresses[0])
    return served.connect(sock=sock, compression=None, max_queue=1)


async def fill_the_buffers(served, slow):
    """Have a client ask for so many snapshots of a deep book, without reading one, that the server cannot send on."""
    for cents in range(1, 99):
        served.floor.place(served.floor.account("alice"), "bid", f"0.{cents:02}", "1")
    await say(slow, "subscribe", channels=["orderbook_delta"], market_ticker="A")
    await read(slow, 2)
    session = served.hub.sessions[0]
    slow.transport.pause_reading()
    while session.subscriptions and session.subscriptions[1].waiting < 50:
        for _ in range(50):
            await say(slow, "update_subscription", sid=1, action="get_snapshot", market_ticker="A")
        await asyncio.sleep(0)


async def closed(socket):
    """How the server ended the connection: its close code, 1006 for none."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), SOON)
    except ConnectionClosed as end:
        return 1006 if end.rcvd is None else end.rcvd.code


def open_stream(practice, key="full", headers=None, **more):
    context = ssl.create_default_context(cafile=str(practice.ca_file))
    sent = signed_headers("GET", PATH, key) if headers is None else headers
    url = practice.origin.replace("https:", "wss:") + PATH
    return connect(url, additional_headers=sent, ssl=context, **more)


@pytest.mark.parametrize("key", ["full", "reader", "ed", "sub3"])
async def test_a_signed_handshake_opens_a_connection(practice, key):
    async with open_stream(practice, key) as socket:
        await say(socket, "subscribe", channels=["fill", "orderbook_delta"], market_ticker=BTC)
        frames = await read(socket, 3)
    assert [frame["type"] for frame in frames] == ["subscribed", "subscribed", "orderbook_snapshot"]


@pytest.mark.parametrize(
    ("signed", "status", "error"),
    [
        (None, 401, {"code": "signature_is_missing_from_headers"}),
        (("POST", PATH), 401, {"details": "INCORRECT_API_KEY_SIGNATURE"}),
        (("GET", PATH + "/margin"), 401, {"details": "INCORRECT_API_KEY_SIGNATURE"}),
        (("GET", PATH, "nobody"), 401, {"details": "NOT_FOUND"}),
        (("GET", PATH, "full", -60_000), 401, {"code": "header_timestamp_expired"}),
        (("GET", PATH, "mover"), 403, {"code": "insufficient_permissions"}),
        (("GET", PATH, "balance-only"), 403, {"code": "insufficient_permissions"}),
    ],
)
async def test_a_bad_handshake_is_answered_with_the_exchanges_body_before_the_upgrade(practice, signed, status, error):
    """Catches a stream that opens for everybody, and one that refuses after a 101, where clients see no reason."""
    headers = {} if signed is None else signed_headers(*signed)
    with pytest.raises(InvalidStatus) as refused:
        async with open_stream(practice, headers=headers):
            pass
    response = refused.value.response
    assert response.status_code == status
    assert json.loads(response.body)["error"].items() >= error.items()


async def test_a_fault_of_the_http_side_can_hit_the_handshake(practice):
    practice.faults.add(Fault(FaultKind.STATUS, path=PATH, status=503))
    with pytest.raises(InvalidStatus) as refused:
        async with open_stream(practice):
            pass
    assert refused.value.response.status_code == 503


async def test_a_plain_request_to_the_path_is_told_what_is_missing(practice):
    async with Client(practice) as client:
        assert (await client.call("GET", PATH, key=None))[0] == 401
        status, body = await client.call("GET", PATH)
    assert (status, body["error"]["code"]) == (400, "bad_request")


async def test_orders_placed_over_rest_are_heard_on_the_stream(practice):
    """The whole way: REST order in, private and public messages out, by real keys; a bound key hears nothing of it."""
    async with open_stream(practice) as mine, open_stream(practice, "sub3") as bound, Client(practice) as client:
        for socket in (mine, bound):
            await say(socket, "subscribe", channels=["user_orders", "fill", "market_positions"])
            await read(socket, 3)
        _, made = await client.create(client_order_id="heard")
        frames = await read(mine)
        await say(bound, "list_subscriptions")
        assert [frame["type"] for frame in await read(bound)] == ["ok"]
    assert (frames[0]["type"], frames[0]["msg"]["order_id"]) == ("user_order", made["order_id"])
    assert frames[0]["msg"]["client_order_id"] == "heard"


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_compression_is_agreed_on_only_with_who_offers_it(compression):
    async with wire() as served, served.connect(compression=compression) as socket:
        agreed = socket.response.headers.get("Sec-WebSocket-Extensions", "")
        await say(socket, "subscribe", channels=["orderbook_delta"], market_tickers=["A", "B"])
        assert len(await read(socket, 3)) == 3
    assert ("permessage-deflate" in agreed) is (compression == "deflate")


async def test_the_server_pings_with_heartbeat_and_answers_pings():
    async with wire(Timing(heartbeat=0.05)) as served, served.connect() as socket:
        pongs = watch_pongs(socket, lets_out=True)
        answered = await socket.ping(b"hello")
        await asyncio.wait_for(answered, SOON)
        async with asyncio.timeout(SOON):
            while len(pongs) < 3:
                await asyncio.sleep(0.01)
    assert set(pongs) == {b"heartbeat"}


async def test_who_does_not_answer_a_ping_is_closed_by_the_time_of_the_next():
    """Catches a connection that stays open for ever although its client is dead."""
    async with wire(Timing(heartbeat=0.05)) as served, served.connect() as socket:
        watch_pongs(socket, lets_out=False)
        assert await closed(socket) == 1011


async def test_who_answers_stays():
    async with wire(Timing(heartbeat=0.02)) as served, served.connect() as socket:
        for _ in range(10):
            await asyncio.sleep(0.02)
            await say(socket, "list_subscriptions")
            await read(socket)


async def test_commands_that_cannot_be_read_are_answered_and_the_connection_lives():
    async with wire() as served, served.connect() as socket:
        for message in ("nonsense", b"\x00\xff", "{}"):
            await socket.send(message)
        codes = [frame["msg"]["code"] for frame in await read(socket, 3)]
        await socket.send(b'{"id": 4, "cmd": "list_subscriptions"}')
        listed = await read(socket)
    assert codes == [1, 1, 5]
    assert (listed[0]["type"], listed[0]["id"]) == ("ok", 4), "a binary frame is read like text"


async def test_a_slow_reader_loses_the_subscription_while_a_fast_one_hears_everything():
    """Catches a slow client that holds up another, or that makes the exchange keep everything for it.

    The slow one asks for snapshots of a deep book and reads none: that fills the buffers of the system soonest.
    """
    async with wire(buffer=100) as served, narrow(served) as slow, served.connect() as fast:
        await fill_the_buffers(served, slow)
        await say(fast, "subscribe", channels=["orderbook_delta"], market_ticker="A")
        await read(fast, 2)
        slow_session, fast_session = served.hub.sessions
        for number in range(2, 1_000):
            place(served.floor)
            assert [frame["seq"] for frame in await read(fast)] == [number]
            if not slow_session.subscriptions:
                break
        assert not slow_session.subscriptions
        assert fast_session.subscriptions
        slow.transport.abort()


@pytest.mark.parametrize(
    ("kind", "code"), [(StreamFaultKind.CLOSE, 1001), (StreamFaultKind.ABORT, 1006)], ids=["close", "abort"]
)
async def test_a_closing_fault_ends_the_connection_with_or_without_a_close_frame(kind, code):
    async with wire() as served, served.connect() as socket:
        await say(socket, "subscribe", channels=["orderbook_delta"], market_ticker="A")
        await read(socket, 2)
        served.hub.faults.add(StreamFault(kind, "orderbook_delta"))
        place(served.floor)
        assert await closed(socket) == code


async def test_a_delayed_message_is_overtaken_and_arrives():
    async with wire() as served, served.connect() as socket:
        await say(socket, "subscribe", channels=["orderbook_delta"], market_ticker="A")
        await read(socket, 2)
        served.hub.faults.add(StreamFault(StreamFaultKind.DELAY, "orderbook_delta", seconds=0.05))
        place(served.floor)
        place(served.floor)
        assert [frame["seq"] for frame in await read(socket, 2)] == [3, 2]


async def test_garbage_arrives_as_text_that_is_not_json():
    async with wire() as served, served.connect() as socket:
        await say(socket, "subscribe", channels=["orderbook_delta"], market_ticker="A")
        await read(socket, 2)
        served.hub.faults.add(StreamFault(StreamFaultKind.GARBAGE, "orderbook_delta"))
        place(served.floor)
        with pytest.raises(json.JSONDecodeError):
            await read(socket)
        place(served.floor)
        assert [frame["seq"] for frame in await read(socket)] == [3]


async def test_a_silent_connection_stays_open_and_says_nothing_more():
    """Catches a silence that a heartbeat, an answer or a pong still breaks, or that is felt by other connections."""
    async with wire(Timing(heartbeat=0.05)) as served, served.connect() as socket, served.connect() as other:
        for one in (socket, other):
            await say(one, "subscribe", channels=["orderbook_delta"], market_ticker="A")
            await read(one, 2)
        served.hub.faults.add(StreamFault(StreamFaultKind.SILENCE, "orderbook_delta"))
        place(served.floor)
        assert [frame["type"] for frame in await read(other)] == ["orderbook_delta"]
        await say(socket, "list_subscriptions")
        pong = await socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.3)
        assert not pong.done()
        assert len(served.hub.sessions) == 2


async def test_a_copy_of_the_book_is_right_over_the_wire():
    async with wire() as served, served.connect() as socket:
        book = MirrorBook()
        await say(socket, "subscribe", channels=["orderbook_delta"], market_ticker="A", use_yes_price=True)
        for frame in (await read(socket, 2))[1:]:
            book.read(frame)
        for price in ("0.40", "0.41", "0.40"):
            served.floor.place(served.floor.account("alice"), "bid", price, "1")
        for frame in await read(socket, 3):
            book.read(frame)
        assert book.levels == book_as_shown(served.floor.exchange, "A", use_yes_price=True)
        assert not book.is_lost


async def test_a_client_that_leaves_is_forgotten():
    """Catches sessions that pile up: every message would be made for connections that are gone."""
    async with wire() as served:
        for way in ("close", "abort"):
            socket = await served.connect()
            await say(socket, "subscribe", channels=["trade"])
            await read(socket)
            if way == "close":
                await socket.close()
            else:
                socket.transport.abort()
                with contextlib.suppress(ConnectionClosedError):
                    await socket.wait_closed()
        async with asyncio.timeout(SOON):
            while served.hub.sessions:
                await asyncio.sleep(0.01)


async def test_stopping_closes_the_connections_with_going_away_and_waits_for_nobody():
    """Catches a stop that hangs on a client that reads nothing."""
    async with wire(Timing(close=0.2)) as served, narrow(served) as slow, served.connect() as socket:
        await fill_the_buffers(served, slow)
        await asyncio.wait_for(served.server.stop(), SOON)
        assert await closed(socket) == 1001
        assert served.hub.sessions == ()
        slow.transport.abort()


async def test_a_connection_too_many_is_refused_before_the_upgrade():
    async with wire(connections=1) as served, served.connect():
        with pytest.raises(InvalidStatus) as refused:
            async with served.connect():
                pass
    assert refused.value.response.status_code == 429
