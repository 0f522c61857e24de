"""What the Enforcer reads off a connection, what it says to what is no request, and what it tells the gate then."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.gateway.doorkit import HOST, FakeGate, Opened, get, opened, post, until
from tests.gateway.gatekit import BASE_URL_HOST, RealGate, chunked, request

from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.way.attempts import Ticket
from pretrade.journal.events import EventKind

NAME = f"{HOST}:443"


async def test_a_request_is_read_as_its_bytes_said_it(leaf: Path) -> None:
    """Catches a request that somebody's convenience has prettied: its path, Host, repeated headers."""
    gate = FakeGate()
    line = (
        b"POST /a//b/../c?x=1&x=%41 HTTP/1.1\r\nHOST: evil.example\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\n{}"
    )
    async with opened(gate, leaf) as way:
        await way.try_tunnel(line, "127.0.0.1:9")
    (handled,) = gate.handled
    assert [end and end[0] for end in (handled.peer, handled.at)] == ["127.0.0.1", "127.0.0.1"]
    assert [replace(handled, peer=None, at=None)] == [
        RawRequest(
            door=Door.PROXY,
            method="POST",
            target="/a//b/../c?x=1&x=%41",
            http_version="HTTP/1.1",
            headers=(("host", "evil.example"), ("x-a", "1"), ("x-a", "2"), ("content-length", "2")),
            body=b"{}",
            connect=("127.0.0.1", 9),
            sni=HOST,
        )
    ]


async def test_the_base_url_door_says_so(leaf: Path) -> None:
    """Catches two doors that look alike to the gate: each has an address check of its own."""
    gate = FakeGate()
    async with opened(gate, leaf) as way:
        wire = await way.base_url()
        await wire.ask(get(host="x"))
        await wire.close()
    (raw,) = gate.handled
    assert (raw.door, raw.scheme, raw.connect, raw.sni) == (Door.BASE_URL, "http", None, None)


PAGES: dict[str, tuple[bytes, int, str]] = {
    "no request line": (b"\0\1\2\r\n\r\n", 400, "REQUEST_MALFORMED"),
    "a bad header": (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "REQUEST_MALFORMED"),
    "length and chunked": (request(headers=("Transfer-Encoding: chunked",)), 400, "REQUEST_MALFORMED"),
    "too large": (request(body=b"x" * 200_000), 413, "BODY_TOO_LARGE"),
    "chunked": (chunked(b"x" * 200_000), 400, "REQUEST_MALFORMED"),
    "a body that waits for our word": (request(headers=("Expect: 100-continue",), body=b""), 400, "REQUEST_MALFORMED"),
    "a head without an end": (b"GET /" + b"a" * 60_000, 400, "REQUEST_MALFORMED"),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("door", ["proxy", "base_url"])
async def test_what_is_no_request_is_refused_in_words(leaf: Path, tmp_path: Path, name: str, door: str) -> None:
    """Catches a refusal that is lost with a reset connection, names the program, or leaves no row.

    Seen red with the connection closed at once, its unread bytes in it.
    """
    data, status, code = PAGES[name]
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        if door == "proxy":
            answer = await way.try_tunnel(data, NAME)
        else:
            wire = await way.base_url()
            answer = await wire.ask(data.replace(HOST.encode(), BASE_URL_HOST.encode()))
            await wire.close()
        await until(lambda: not way.doors.enforcer.in_flight)
    assert (answer.status, answer.code) == (status, code)
    assert b"mitmproxy" not in answer.head + answer.body
    assert b"connection: close" in answer.head.lower()
    decision_id = json.loads(answer.body)["decision_id"]
    assert [(kind, body["code"]) for kind, body, row_id in gate.journal.rows if row_id == decision_id] == [
        (EventKind.REFUSAL, code)
    ]


async def leaves_at_once(way: Opened, release: asyncio.Event) -> None:
    """Hang up while the gate is at work."""
    wire = await way.tunnel()
    await wire.send(post())
    await until(lambda: bool(way.doors.enforcer.in_flight))
    wire.writer.transport.abort()
    await until(lambda: not any(h.client.connected for h in way.doors._proxyserver.connections.values()))
    release.set()


async def leaves_in_the_body(way: Opened, release: asyncio.Event) -> None:
    """Hang up in the middle of a body."""
    wire = await way.tunnel()
    await wire.send(post()[:-1])
    await until(lambda: bool(way.doors.enforcer.in_flight))
    wire.writer.transport.abort()


async def reads_it(way: Opened, release: asyncio.Event) -> None:
    """Wait for the answer."""
    release.set()
    assert (await way.try_tunnel(post(), NAME)).code == "FROM_GATE"


@pytest.mark.parametrize(
    ("client", "delivered"),
    [(reads_it, [True]), (leaves_at_once, [False]), (leaves_in_the_body, [])],
)
async def test_the_gate_learns_what_became_of_each_answer(
    leaf: Path, client: Callable[[Opened, asyncio.Event], object], delivered: list[bool]
) -> None:
    """Catches an unread answer taken for a read one, and a request that stays in flight for ever.

    Seen red with delivered=True, and without the discard in `client_disconnected` (hung up in the body).
    """
    release = asyncio.Event()

    async def handle(raw: RawRequest, ticket: Ticket) -> Answer:
        await release.wait()
        return Answer(200, b'{"code": "FROM_GATE"}')

    gate = FakeGate(handle)
    async with opened(gate, leaf, 5, stalled_s=0.2) as way:
        await client(way, release)
        await until(lambda: not way.doors.enforcer.in_flight and not way.doors._proxyserver.connections)
        await until(lambda: len(gate.delivered) == len(delivered))
    assert gate.delivered == delivered


async def test_an_open_outcome_settles_nothing(leaf: Path) -> None:
    """Catches a 504 that closes the order for the gate, after which its copy would be sent."""

    async def handle(raw: RawRequest, ticket: Ticket) -> Answer:
        return Answer(504, b'{"code": "OUTCOME_UNKNOWN"}', outcome_unknown=True)

    gate = FakeGate(handle)
    async with opened(gate, leaf) as way:
        assert (await way.try_tunnel(post(), NAME)).code == "OUTCOME_UNKNOWN"
    assert gate.delivered == []
