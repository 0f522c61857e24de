"""The relay under attack: its port, its token, its handshake, its commands, and an exchange that answers anything."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.doorkit import Response, until
from tests.gateway.relaykit import (
    DOORS,
    SUBSCRIBE,
    Running,
    closed_with,
    running,
)
from tests.kalshi.stream_server import FakeExchange, exchange, raw_exchange
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.http11 import Response as WsResponse

from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.relay import relay as relay_room
from pretrade.gateway.relay.streams import TOKEN_MS, StreamLimits
from pretrade.journal.events import EventKind

TRADE = b"POST /trade-api/v2/portfolio/events/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[FakeExchange]:
    (tmp_path / "exchange").mkdir()
    async with exchange(tmp_path / "exchange") as fake:
        yield fake


@pytest.fixture
async def proxy(tmp_path: Path, leaf: Path, venue: FakeExchange) -> AsyncIterator[Running]:
    async with running(tmp_path, leaf, venue.port, venue.ca_file) as started:
        yield started


def with_token(token: str | None, *more: str) -> bytes:
    """A handshake for the relay's own port."""
    lines = [
        "GET /trade-api/ws/v2 HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==", *more,
    ]  # fmt: skip
    lines += [f"Pretrade-Token: {token}"] if token is not None else []
    return "\r\n".join([*lines, "", ""]).encode()


async def codes(proxy: Running) -> list[str]:
    return [body["code"] for body in await proxy.world.bodies(EventKind.REFUSAL)]


async def at_relay(proxy: Running, data: bytes) -> Response:
    wire = await proxy.wire()
    answer = await wire.ask(data)
    await wire.close()
    return answer


# The relay's port and its tokens


@pytest.mark.parametrize("token", [None, "", "guess", "x" * 43])
async def test_the_port_gives_nothing_without_a_token(proxy: Running, venue: FakeExchange, token: str | None) -> None:
    """Catches a live-signed stream for any process on this machine."""
    answer = await at_relay(proxy, with_token(token))
    assert (answer.status, answer.code) == (403, "DESTINATION_NOT_ALLOWED")
    assert await codes(proxy) == ["DESTINATION_NOT_ALLOWED"]
    assert venue.handshakes == []


async def test_a_token_is_good_once_and_not_for_long(proxy: Running, venue: FakeExchange) -> None:
    """Catches a token that opens a second stream, one that never ages, and a seat lost with a token nobody showed."""
    streams, client = proxy.world.instance.streams, proxy.world.instance.clients["bot-key"]
    raw = proxy.world.request("GET", "/trade-api/ws/v2")
    token = streams.admit(client, raw, "d-1")
    assert isinstance(token, str)
    wire = await proxy.wire()
    await wire.send(with_token(token))
    assert b"101 " in await wire.reader.readuntil(b"\r\n\r\n")
    assert (await at_relay(proxy, with_token(token))).status == 403
    late = streams.admit(client, raw, "d-2")
    assert isinstance(late, str)
    assert streams.count == 2
    proxy.world.time.pass_ms(TOKEN_MS + 1)
    assert (await at_relay(proxy, with_token(late))).status == 403
    assert streams.count == 1
    assert len(venue.handshakes) == 1
    await wire.close()


async def test_two_tokens_in_one_handshake_are_none(proxy: Running, venue: FakeExchange) -> None:
    """Catches a second header that is looked at when the first is wrong."""
    client = proxy.world.instance.clients["bot-key"]
    token = proxy.world.instance.streams.admit(client, proxy.world.request("GET", "/trade-api/ws/v2"), "d-1")
    for lines in (
        (f"Pretrade-Token: {token}", "Pretrade-Token: guess"),
        ("Pretrade-Token: guess", f"Pretrade-Token: {token}"),
    ):
        answer = await at_relay(proxy, with_token(None, *lines))
        assert (answer.status, venue.handshakes) == (403, [])


async def test_strangers_at_the_port_are_hung_up_on(proxy: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a port that a local process can fill: the oldest goes for each new one, and nobody stays without a token.

    A client that trades gets its stream meanwhile.
    """
    most = relay_room.MAX_STRANGERS
    wires = [await proxy.wire() for _ in range(most + 20)]
    await until(lambda: len(proxy.relay._legs) == most)
    async with proxy.connect() as client:
        await client.send(SUBSCRIBE)
        await until(lambda: proxy.world.instance.streams.count == 1)
        assert await wires[0].reader.read() == b""
        proxy.relay._strangers._after_s = 0.05
        last = await proxy.wire()
        assert await asyncio.wait_for(last.reader.read(), 5) == b""
        await last.close()
    for wire in wires:
        await wire.close()


# The handshake


HANDSHAKES: dict[str, tuple[dict[str, str], tuple[str, ...], str]] = {
    "another upgrade": ({"Upgrade": "h2c"}, (), "HANDSHAKE_MALFORMED"),
    "two upgrades": ({"Upgrade": "websocket, h2c"}, (), "HANDSHAKE_MALFORMED"),
    "a second Upgrade header": ({}, ("Upgrade: websocket",), "HANDSHAKE_MALFORMED"),
    "no upgrade": ({"Upgrade": ""}, (), "HANDSHAKE_MALFORMED"),
    "no Connection": ({"Connection": "keep-alive"}, (), "HANDSHAKE_MALFORMED"),
    "another version": ({"Sec-WebSocket-Version": "8"}, (), "HANDSHAKE_MALFORMED"),
    "no key": ({"Sec-WebSocket-Key": ""}, (), "HANDSHAKE_MALFORMED"),
    "a short key": ({"Sec-WebSocket-Key": "aGVsbG8="}, (), "HANDSHAKE_MALFORMED"),
    "two keys": ({}, ("Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==",), "HANDSHAKE_MALFORMED"),
    "a length": ({}, ("Content-Length: 0",), "HANDSHAKE_MALFORMED"),
    "chunked": ({}, ("Transfer-Encoding: chunked",), "REQUEST_MALFORMED"),
    "from a web page": ({}, ("Origin: http://x.example",), "DESTINATION_NOT_ALLOWED"),
    "a client nobody knows": ({"KALSHI-ACCESS-KEY": "who"}, (), "CLIENT_UNKNOWN"),
    "no signature": ({"KALSHI-ACCESS-SIGNATURE": ""}, (), "SIGNATURE_MISSING"),
    "a signature of something else": ({"KALSHI-ACCESS-SIGNATURE": "AAAA"}, (), "SIGNATURE_INVALID"),
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_handshake_that_is_not_exactly_one_is_refused(proxy: Running, venue: FakeExchange, name: str) -> None:
    """Catches an upgrade to anything else, and one of a stranger, before the relay or the exchange hear of it."""
    headers, more, code = HANDSHAKES[name]
    wire = await proxy.way.base_url()
    assert (await wire.ask(proxy.handshake(*more, headers=headers))).code == code
    await wire.close()
    assert await codes(proxy) == [code]
    assert (venue.handshakes, proxy.relay._legs) == ([], {})


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/trade-api/ws/v2?x=1", "HANDSHAKE_MALFORMED"),
        ("/trade-api/ws/v2/margin", "WEBSOCKET_NOT_AVAILABLE"),
        ("/trade-api/ws/v2/", "ENDPOINT_UNKNOWN"),
        ("/trade-api/v2/markets", "REQUEST_MALFORMED"),
        ("/trade-api/ws/v3", "ENDPOINT_UNKNOWN"),
    ],
)
async def test_only_the_one_path_is_relayed(proxy: Running, venue: FakeExchange, target: str, code: str) -> None:
    """Catches the margin stream, or any other path, opened with the live key."""
    wire = await proxy.way.base_url()
    headers = proxy.headers(path=target.partition("?")[0])
    assert (await wire.ask(proxy.handshake(headers=headers, target=target))).code == code
    await wire.close()
    assert venue.handshakes == []


async def test_an_old_signature_opens_nothing(proxy: Running, venue: FakeExchange) -> None:
    """Catches a captured handshake used later."""
    headers = proxy.headers()
    proxy.world.time.pass_ms(6_000)
    status, body = await proxy.refused(additional_headers=headers)
    assert (status, json.loads(body)["code"]) == (403, "SIGNATURE_STALE")
    assert venue.handshakes == []


@pytest.mark.parametrize("key_id", ["bot-key", "rsa-key"])
async def test_a_signature_opens_one_stream(proxy: Running, venue: FakeExchange, key_id: str) -> None:
    """Catches a captured handshake sent again at once: a stream would outlive its signature by hours."""
    headers = proxy.headers(key_id)
    async with proxy.connect(additional_headers=headers):
        for door in DOORS:
            status, body = await proxy.refused(door, additional_headers=headers)
            assert (status, json.loads(body)["code"]) == (403, "SIGNATURE_REPLAYED")
    assert len(venue.handshakes) == 1


async def test_a_request_behind_the_handshake_is_refused(proxy: Running, venue: FakeExchange) -> None:
    """Catches a second request smuggled through where nobody reads HTTP any more."""
    wire = await proxy.way.base_url()
    assert (await wire.ask(proxy.handshake() + TRADE)).code == "REQUEST_MALFORMED"
    await wire.close()
    assert venue.handshakes == []


async def test_a_body_behind_the_handshake_is_refused(proxy: Running, venue: FakeExchange) -> None:
    """Catches an upgrade with a body, whose bytes would be the stream's first."""
    wire = await proxy.way.base_url()
    assert (await wire.ask(proxy.handshake("Content-Length: 2") + b"{}")).code == "REQUEST_MALFORMED"
    await wire.close()
    assert venue.handshakes == []


@pytest.mark.parametrize(
    "data", [TRADE, Frame(Opcode.TEXT, SUBSCRIBE.encode()).serialize(mask=True)], ids=["a request", "a frame"]
)
async def test_bytes_before_the_answer_end_the_connection(proxy: Running, venue: FakeExchange, data: bytes) -> None:
    """Catches what a client sends while we dial being kept, or read as a command of a stream that is not open yet."""
    asked = asyncio.Event()

    async def slowly(side: Any, request: Request) -> None:
        asked.set()
        await side.wait_closed()

    venue.on_request = slowly
    wire = await proxy.way.base_url()
    await wire.send(proxy.handshake())
    await asked.wait()
    await wire.send(data)
    assert await wire.answer() == Response(0)
    await wire.close()
    await until(lambda: not proxy.relay._legs)
    assert venue.frames == []


@pytest.mark.parametrize(
    "data",
    [TRADE, b"\x00" * 64, Frame(Opcode.TEXT, SUBSCRIBE.encode()).serialize(mask=False)],
    ids=["a request", "zeros", "an unmasked frame"],
)
async def test_bytes_that_are_no_client_s_frames_end_the_stream(
    proxy: Running, venue: FakeExchange, data: bytes
) -> None:
    """Catches HTTP, junk or an unmasked frame passed on once the stream is open."""
    wire = await proxy.way.base_url()
    await wire.send(proxy.handshake())
    assert b"101 " in await wire.reader.readuntil(b"\r\n\r\n")
    await wire.send(data)
    rest = await asyncio.wait_for(wire.reader.read(), 5)
    assert rest[2:4] == (1002).to_bytes(2)
    await wire.close()
    await proxy.over()
    assert venue.frames == []
    assert len(venue.handshakes) == 1


# Commands


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "frame",
    [
        '{"id":1,"cmd":"create_order","params":{"ticker":"X"}}',
        '{"id":1,"cmd":"subscribe","cmd":"create_order","params":{"channels":["ticker"]}}',
        SUBSCRIBE.encode(),
        "not json",
        " " * 20_000 + SUBSCRIBE,
    ],
    ids=["create_order", "twice", "binary", "junk", "too large"],
)
async def test_what_is_no_command_goes_nowhere(
    proxy: Running, venue: FakeExchange, door: str, frame: str | bytes
) -> None:
    """Catches anything but the four commands at the exchange, and a refusal that neither client nor log can read."""
    async with proxy.connect(door) as client:
        await client.send(frame)
        await client.send(SUBSCRIBE)
        error = json.loads(await client.recv())
        assert (error["type"], error["msg"]["msg"].partition(":")[0]) == ("error", "STREAM_COMMAND_NOT_ALLOWED")
        assert (error["msg"]["retryable"], "retry_at" in error["msg"]) == (False, False)
        assert await closed_with(client) == (1008, "pretrade: STREAM_COMMAND_NOT_ALLOWED; retryable=false")
    await proxy.over()
    assert venue.frames == []
    assert await codes(proxy) == ["STREAM_COMMAND_NOT_ALLOWED"]


async def test_a_command_in_fragments_is_one_command(proxy: Running, venue: FakeExchange) -> None:
    """Catches a check that looks at pieces: in pieces this is allowed, put together it is not; and the other way."""
    async with proxy.connect() as client:
        await client.send([SUBSCRIBE[:9], SUBSCRIBE[9:20], "", SUBSCRIBE[20:]])
        await until(lambda: venue.frames == [SUBSCRIBE])
        await client.send([SUBSCRIBE, SUBSCRIBE])
        assert (await closed_with(client))[0] == 1008
    assert venue.frames == [SUBSCRIBE]


async def test_a_message_of_endless_size_is_not_even_kept(proxy: Running, venue: FakeExchange) -> None:
    """Catches memory that a client can fill with one message."""
    async with proxy.connect() as client:
        await client.send("x" * (relay_room.MAX_FRAME + 1))
        assert (await closed_with(client))[0] == 1009
    await proxy.over()
    assert (await proxy.states())[-1]["by"] == "client"
    assert venue.frames == []


async def test_ten_thousand_commands_are_not_taken(proxy: Running, venue: FakeExchange) -> None:
    """Catches a bot in a loop that has the exchange shut the account's streams."""
    async with proxy.connect() as client:
        sending = asyncio.create_task(_flood(client))
        code, reason = await closed_with(client)
        await sending
    assert (code, reason) == (1008, "pretrade: STREAM_COMMANDS_EXCEED_MAXIMUM; retryable=true")
    await proxy.over()
    assert 0 < len(venue.frames) <= 100
    assert await codes(proxy) == ["STREAM_COMMANDS_EXCEED_MAXIMUM"]


async def _flood(client: Any) -> None:
    with contextlib.suppress(ConnectionClosed):
        for number in range(10_000):
            await client.send(SUBSCRIBE.replace("1", str(number + 1)))


async def test_streams_are_counted(proxy: Running, venue: FakeExchange) -> None:
    """Catches a client that opens streams without end, alone or with others, at once or one after the other."""
    streams = proxy.world.instance.streams
    streams.limits = StreamLimits(for_client=2, in_all=3, a_minute=4)
    clients = [await proxy.connect().__aenter__() for _ in range(2)]
    assert await _refused(proxy) == ("STREAMS_EXCEED_MAXIMUM", True, None)
    clients.append(await proxy.connect(key_id="other-key").__aenter__())
    assert await _refused(proxy, "rsa-key") == ("STREAMS_EXCEED_MAXIMUM", True, None)
    for client in clients:
        await client.close()
    await proxy.over()
    for _ in range(2):
        async with proxy.connect():
            pass
        await proxy.over()
    code, retryable, at = await _refused(proxy)
    assert (code, retryable) == ("STREAMS_EXCEED_MAXIMUM", True)
    _pass_until(proxy, at, short_ms=5)  # each request takes a millisecond of its own
    assert await _refused(proxy) == (code, True, at)
    _pass_until(proxy, at)
    async with proxy.connect():
        pass
    assert len(venue.handshakes) == 6


async def test_a_closed_stream_says_when_another_may_be_opened(proxy: Running, venue: FakeExchange) -> None:
    """Catches a bot told to come again that is then refused for as long as it keeps coming; the frame that names what
    it did says the same, and both fit their form."""
    proxy.world.instance.streams.limits = StreamLimits(a_minute=1)
    async with proxy.connect() as client:
        sending = asyncio.create_task(_flood(client))
        error = json.loads(await client.recv())
        code, reason = await closed_with(client)
        await sending
    at = error["msg"]["retry_at"]
    assert (code, reason) == (1008, f"pretrade: STREAM_COMMANDS_EXCEED_MAXIMUM; retryable=true; retry_at={at}")
    assert len(reason or "") <= 123
    await proxy.over()
    _pass_until(proxy, at)
    async with proxy.connect():
        pass
    assert len(venue.handshakes) == 2


def _pass_until(proxy: Running, moment: str | None, short_ms: int = 0) -> None:
    at_ms = datetime.fromisoformat(moment or "").timestamp() * 1_000
    proxy.world.time.pass_ms(max(round(at_ms) - proxy.world.time.clock.now_ms() - short_ms, 0))


async def _refused(proxy: Running, key_id: str = "bot-key") -> tuple[str, bool, str | None]:
    """Code, `retryable` and `retry_at` of a handshake that must not be let in."""
    status, page = await proxy.refused(key_id=key_id)
    assert status == 403
    body = json.loads(page)
    return body["code"], body["retryable"], body.get("retry_at")


# An exchange that answers anything


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "LIVE_KEY_REFUSED"),
        (200, "STREAM_NOT_OPENED"),
        (403, "STREAM_NOT_OPENED"),
        (429, "STREAM_NOT_OPENED"),
        (500, "STREAM_NOT_OPENED"),
        (302, "STREAM_NOT_OPENED"),
    ],
)
async def test_an_exchange_that_does_not_open_the_stream(
    proxy: Running, venue: FakeExchange, status: int, code: str
) -> None:
    """Catches a redirect that is followed with a live signature, and a client told 401, which it would take for its own
    key, or 101."""
    elsewhere = f"wss://127.0.0.1:{venue.port}/elsewhere"

    async def refuse(side: Any, request: Request) -> WsResponse:
        headers = Headers({"Location": elsewhere, "Content-Length": "0", "Connection": "close"})
        return WsResponse(status, "x", headers)

    venue.on_request = refuse
    told, body = await proxy.refused()
    assert (told, json.loads(body)["code"]) == (503, code)
    assert len(venue.handshakes) == 1
    assert [(row["state"], row.get("status")) for row in await proxy.states()] == [("asked", None), ("refused", status)]
    assert await codes(proxy) == [code]
    assert proxy.world.instance.streams.count == 0


ACCEPT = b"Sec-WebSocket-Accept: %b\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00garbage\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n", UPGRADED + ACCEPT % b"wrong" + b"\r\n", b"HTTP/1.1 200"],
)
async def test_an_exchange_that_answers_with_no_handshake(tmp_path: Path, leaf: Path, answer: bytes) -> None:
    """Catches a half or forged 101 taken for an open stream."""
    (tmp_path / "exchange").mkdir()
    async with (
        raw_exchange(tmp_path / "exchange", answer) as (port, heads),
        running(tmp_path, leaf, port, tmp_path / "exchange" / "ca.crt") as proxy,
    ):
        told, body = await proxy.refused()
        assert (told, json.loads(body)["code"]) == (503, "STREAM_NOT_OPENED")
        assert len(heads) == 1
        assert proxy.world.instance.streams.count == 0


async def test_an_exchange_that_is_another(tmp_path: Path, leaf: Path, venue: FakeExchange) -> None:
    """Catches a live handshake sent to whoever answers at the address: its certificate must be the pinned CA's."""
    (tmp_path / "other").mkdir()
    async with exchange(tmp_path / "other") as other, running(tmp_path, leaf, other.port, venue.ca_file) as proxy:
        told, body = await proxy.refused()
        assert (told, json.loads(body)["code"]) == (503, "EXCHANGE_UNREACHABLE")
        assert other.handshakes == []


async def test_a_fault_after_the_gate_s_word_hands_nothing_over(proxy: Running, venue: FakeExchange) -> None:
    """Catches a handshake that goes on though something failed on it."""

    class Broken:
        async def pretrade_request(self, asked: Any) -> None:
            raise RuntimeError("after ours")

    proxy.way.add_addons(after=Broken())
    wire = await proxy.way.base_url()
    assert (await wire.ask(proxy.handshake())).code == "INTERNAL_FAULT"
    await wire.close()
    assert (venue.handshakes, proxy.relay._legs) == ([], {})


async def test_a_fault_of_ours_while_dialling_is_told(proxy: Running, venue: FakeExchange) -> None:
    """Catches a handshake that waits for an answer nobody gives, a seat lost with it, and a fault told as a stop."""

    async def fail(now_ms: int) -> None:
        raise RuntimeError("no signer")

    broken = type("Broken", (), {"sign_handshake": staticmethod(fail), "close": lambda self: None})()
    proxy.world.instance.signers = Signers.of_policy(proxy.world.instance.policy, broken)
    status, body = await proxy.refused()
    assert (status, json.loads(body)["code"]) == (503, "INTERNAL_FAULT")
    assert (proxy.world.instance.streams.count, venue.handshakes) == (0, [])


async def test_a_stop_before_the_first_step_is_told(
    proxy: Running, venue: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches the same for a stream that was given up before it began."""
    begin = proxy.relay._begin

    def begin_and_give_up(leg: Any, admission: Any) -> Any:
        life = begin(leg, admission)
        next(iter(proxy.relay._tasks)).cancel()
        return life

    monkeypatch.setattr(proxy.relay, "_begin", begin_and_give_up)
    status, _ = await proxy.refused()
    assert (status, proxy.world.instance.streams.count, venue.handshakes) == (503, 0, [])


async def test_a_relay_that_is_not_there(proxy: Running, venue: FakeExchange) -> None:
    """Catches a client that waits for ever when the relay has failed, and a fault without a trace."""
    streams = proxy.world.instance.streams
    assert streams.relay is not None
    streams.relay = ("127.0.0.1", 1)
    status, body = await proxy.refused()
    assert (status, json.loads(body)["code"]) == (503, "INTERNAL_FAULT")
    proxy.world.gate.flush()
    assert await codes(proxy) == ["INTERNAL_FAULT"]
    assert proxy.way.doors.enforcer.in_flight == set()
