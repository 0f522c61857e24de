"""Other hosts as a way out: to the exchange by another address, to this machine's own services, or for ever more bytes.

What is listed here leads to a server on loopback, so that what reaches it can be seen.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.doorkit import HOST, Opened, Wire, opened, until
from tests.gateway.front.test_through import listing, through, weather
from tests.gateway.gatekit import RealGate, request

from pretrade.gateway.front import doors, enforcer
from pretrade.gateway.front import through as room
from pretrade.gateway.front.bounded import MAX_HELLO
from pretrade.gateway.front.doors import _unread
from pretrade.gateway.front.through import asks_for_exchange, misled
from pretrade.journal.events import EventKind


def details(gate: RealGate) -> list[str]:
    return [body["detail"] for kind, body, _ in gate.journal.rows if kind is EventKind.REFUSAL]


def hello(name: str) -> bytes:
    """What OpenSSL says first to a host of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def in_records(message: bytes, step: int) -> bytes:
    """The same hello, cut into records of so many bytes."""
    body = message[5:]
    parts = [body[start : start + step] for start in range(0, len(body), step)]
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(part)) + part for part in parts)


def two_names(message: bytes) -> bytes:
    """A hello whose server names are two: parsers take the first, the last, or none. Only the lengths are mended."""
    name = HOST.encode()
    old = struct.pack("!HHBH", len(name) + 5, len(name) + 3, 0, len(name)) + name
    entry = struct.pack("!BH", 0, 3) + b"a.b"
    new = struct.pack("!HH", len(name) + 5 + 6, len(name) + 3 + 6) + entry + old[4:]
    assert old in message
    made = bytearray(message.replace(old, new))
    for place in (3, 7):
        made[place : place + 2] = struct.pack("!H", int.from_bytes(made[place : place + 2]) + 6)
    return bytes(made)


TO_THE_EXCHANGE = {
    "whole": hello(HOST), "another of its names": hello("anything.kalshi.co"), "upper case": hello(HOST.upper()),
    "in records of 7": in_records(hello(HOST), 7), "in records of 100": in_records(hello(HOST), 100),
    "two names": two_names(hello(HOST)), "spoilt": b"\x16\x03\x01\x00\x02\x01\x00" + b"GET / HTTP/1.1\r\n\r\n",
    "without an end": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(MAX_HELLO + 100),
    "empty records": b"\x16\x03\x01\x00\x00" + hello(HOST),
}  # fmt: skip


@pytest.mark.parametrize("step", [1, 600, 100_000])
@pytest.mark.parametrize("name", TO_THE_EXCHANGE)
async def test_a_tunnel_to_another_host_never_leads_to_the_exchange(
    leaf: Path, tmp_path: Path, name: str, step: int
) -> None:
    """Catches a client with a live key of its own that reaches the exchange at the address of a listed host, as content
    networks serve many names at one. Not a byte passes, and the log has a row. Seen red without the look: all."""
    async with weather() as (port, told):
        gate = listing(tmp_path, ("localhost", port))
        async with opened(gate.gate, leaf, 2) as way:
            wire, status = await through(way, f"localhost:{port}")
            assert status == 200
            data = TO_THE_EXCHANGE[name] if step > 1 else TO_THE_EXCHANGE[name][:200]
            for start in range(0, len(data), step):
                await wire.send(data[start : start + step])
                await asyncio.sleep(0)
            await until(lambda: bool(details(gate)))
            assert (await wire.answer()).status == 0
            await wire.close()
    assert told == []
    assert "first TLS message" in details(gate)[0]


@pytest.mark.parametrize("step", [300, 100_000])
async def test_a_hello_to_the_listed_host_passes_as_it_is(leaf: Path, tmp_path: Path, step: int) -> None:
    """Catches a look that loses, doubles or cuts what it has looked at; and a server that speaks first."""
    data = hello("api.weather.gov") + b"and more" * 1_000
    async with weather() as (port, told), opened(listing(tmp_path, ("localhost", port)).gate, leaf, 2) as way:
        wire, _ = await through(way, f"localhost:{port}")
        for start in range(0, len(data), step):
            await wire.send(data[start : start + step])
            await asyncio.sleep(0.001)
        assert len(await asyncio.wait_for(wire.reader.readexactly(len(data)), 5)) == len(data)
        await wire.close()
    assert b"".join(told) == data


def test_only_what_begins_as_tls_is_held_back() -> None:
    """Catches another protocol that waits for ever, and a hello that passes before its name was seen."""
    assert [asks_for_exchange(data) for data in (b"", b"\x00", b"SSH-2.0-x", b"GET / HTTP/1.1")] == [False] * 4
    whole = hello(HOST)
    assert {asks_for_exchange(whole[:cut]) for cut in range(1, len(whole))} == {None}


MISLED = [
    ("localhost", "127.0.0.1", None),
    ("model.localhost", "::1", None),
    ("weatherbox", "127.0.1.1", None),
    ("api.weather.gov", "127.0.0.1", "leads to this machine"),
    ("api.weather.gov", "127.9.9.9", "leads to this machine"),
    ("api.weather.gov", "::1", "leads to this machine"),
    ("api.weather.gov", "::ffff:127.0.0.1", "leads to this machine"),
    ("api.weather.gov", "169.254.169.254", "where nothing"),
    ("api.weather.gov", "::ffff:169.254.169.254", "where nothing"),
    ("localhost", "169.254.169.254", "where nothing"),
    ("api.weather.gov", "fe80::1%eth0", "where nothing"),
    ("api.weather.gov", "0.0.0.0", "where nothing"),  # noqa: S104
    ("api.weather.gov", "::", "where nothing"),
    ("api.weather.gov", "224.0.0.1", "where nothing"),
    ("api.weather.gov", "10.1.2.3", None),
    ("api.weather.gov", "23.1.2.3", None),
]


@pytest.mark.parametrize(("host", "address", "problem"), MISLED)
def test_where_a_listed_name_may_lead(host: str, address: str, problem: str | None) -> None:
    """Catches a name whose owner lets it lead to this machine's services or to a cloud's metadata (DNS rebinding)."""
    for far_ends in ([(address, 443)], [("23.1.2.3", 443), (address, 443)]):
        seen = misled(host, far_ends)
        assert (seen is None) == (problem is None)
        assert problem is None or problem in str(seen)


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def found(host: str, port: int) -> tuple[tuple[str, int], ...]:
        return tuple((address, port) for address in addresses)

    monkeypatch.setattr(enforcer, "find", found)


async def test_a_misled_name_is_refused_undialled(leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a check that comes after the dial, or that another answer of the name service gets round."""
    leads_to(monkeypatch, "127.0.0.1")
    async with weather() as (port, told):
        gate = listing(tmp_path, ("api.weather.gov", port))
        async with opened(gate.gate, leaf, 2) as way:
            wire, status = await through(way, f"api.weather.gov:{port}")
            await wire.close()
    assert (status, told) == (403, [])
    assert "leads to this machine" in details(gate)[0]


async def test_what_was_checked_is_what_is_dialled(leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a name that is looked up once more when it is dialled; and a second address that is never tried."""
    leads_to(monkeypatch, "127.7.7.7", "127.0.0.1")
    async with weather() as (port, _), opened(listing(tmp_path, ("nosuchname", port)).gate, leaf, 2) as way:
        wire, status = await through(way, f"nosuchname:{port}")
        assert status == 200
        assert await wire.ask_raw(b"ab") == b"ba"
        await wire.close()


async def test_a_name_that_leads_nowhere(leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a client that waits for ever for a name that nobody knows."""
    leads_to(monkeypatch)
    async with opened(listing(tmp_path, ("nosuchname", 443)).gate, leaf, 2) as way:
        wire, status = await through(way, "nosuchname:443")
        assert status == 502
        await wire.close()


@pytest.fixture
async def unanswering() -> AsyncIterator[int]:
    """A port that takes no more connections and refuses none: what is dialled there hangs."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in (first, second):
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_host_that_hangs_is_given_up(
    leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unanswering: int
) -> None:
    """Catches a seat and a file handle held for as long as the kernel tries to connect (two minutes)."""
    leads_to(monkeypatch, "127.0.0.1")
    async with opened(listing(tmp_path, ("nosuchname", unanswering)).gate, leaf, 2, 0.3) as way:
        wire, status = await through(way, f"nosuchname:{unanswering}")
        assert status == 0
        await wire.close()
        await until(lambda: not way.doors.enforcer.passing)


async def seats(way: Opened, port: int, count: int) -> list[tuple[Wire, int]]:
    return [await through(way, f"localhost:{port}") for _ in range(count)]


async def test_tunnels_to_other_hosts_are_counted(leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a bot that opens one connection to its model after the other: 2,500 of them held 5,000 file handles, and
    the exchange's own were next. A seat is free again when its tunnel has ended, whichever way."""
    monkeypatch.setattr(enforcer, "MAX_THROUGH", 3)
    async with weather() as (port, _):
        gate = listing(tmp_path, ("localhost", port), ("localhost", 1))
        async with opened(gate.gate, leaf, 2) as way:
            for _ in range(5):
                wire, status = await through(way, "localhost:1")
                assert status == 502
                await wire.close()
            await until(lambda: not way.doors.enforcer.passing)
            taken = await seats(way, port, 5)
            assert [status for _, status in taken] == [200, 200, 200, 403, 403]
            assert "no more may be" in details(gate)[0]
            rows = [body for kind, body, _ in gate.journal.rows if kind is EventKind.REFUSAL]
            assert [(row["code"], row["retryable"]) for row in rows] == [("TUNNELS_EXCEED_MAXIMUM", True)] * 2
            assert (await way.try_tunnel(request(), f"{HOST}:443")).status == 201
            for wire, _ in taken:
                await wire.close()
            await until(lambda: not way.doors.enforcer.passing)
            for wire, status in await seats(way, port, 3):
                assert status == 200
                await wire.close()


async def test_of_what_nobody_reads_little_is_kept(leaf: Path, tmp_path: Path) -> None:
    """Catches a tunnel that keeps what it cannot pass on: the client's end and the host's say much, and neither reads.
    Counted in the buffers themselves; 128 such tunnels hold what an instance may have. Seen red without `narrow`."""
    much = bytes(16 * 1024 * 1024)
    hosts: list[asyncio.StreamWriter] = []

    async def spout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append(writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(much)

    server = await asyncio.start_server(spout, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(listing(tmp_path, ("localhost", port)).gate, leaf, 2) as way:
        wire, status = await through(way, f"localhost:{port}")
        assert status == 200
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.writer.write(much)
        handler = next(iter(way.doors._proxyserver.connections.values()))
        sides = list(handler.transports.values())
        assert len(sides) == 2
        await until(lambda: all(side.reader._paused for side in sides), 10)  # type: ignore[union-attr]
        kept = [len(side.reader._buffer) + _unread(side.writer) for side in sides]  # type: ignore[union-attr,arg-type]
        for writer in (wire.writer, *hosts):
            writer.transport.abort()
    server.close()
    assert sum(kept) <= 160 * 1024


@pytest.mark.parametrize("how", ["reset", "killed", "said all"])
async def test_a_client_that_has_gone_leaves_its_seat(
    leaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Catches a seat that is kept, two minutes long, for a client that is not there any more, because its host does not
    read; and a tunnel that is cut although its client has only said all that it had to say. Seen red. Of a client that
    is killed, the kernel says nothing while the host does not read: there `tcp_timeout` is the end."""
    monkeypatch.setattr(doors, "LINGER_S", 0.05)
    hosts: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        hosts.append((reader, writer))

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(listing(tmp_path, ("localhost", port)).gate, leaf, 2) as way:
        wire, _ = await through(way, f"localhost:{port}")
        handler = next(iter(way.doors._proxyserver.connections.values()))
        ours, said, looks = handler.transports[handler.client].reader, 0, counted(monkeypatch)
        async with asyncio.timeout(20):
            while not ours._paused:  # type: ignore[union-attr]
                await wire.send(bytes(50_000))  # in pieces, so that all of them, and the end, are with our kernel
                said += 50_000
                await asyncio.sleep(0.001)
        if how == "said all":
            wire.writer.write_eof()
            seen = len(looks) + 3
            await until(lambda: len(looks) > seen)
            reader, writer = hosts[0]
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len(await asyncio.wait_for(reader.read(), 20)) == said
        else:
            end = struct.pack("ii", 1, 0) if how == "reset" else struct.pack("ii", 0, 0)
            wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, end)
            wire.writer.transport.abort()
            if how == "killed":
                await handler.on_timeout()
            await until(lambda: not way.doors.enforcer.passing, 10)
        await wire.close()
        for _, writer in hosts:
            writer.transport.abort()
    server.close()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each look at the tunnels from now on."""
    looks: list[None] = []
    look = doors.end_left_tunnels

    def looking(*given: Any) -> None:
        looks.append(None)
        look(*given)

    monkeypatch.setattr(doors, "end_left_tunnels", looking)
    return looks


async def test_a_stop_does_not_wait_for_other_hosts(leaf: Path, tmp_path: Path) -> None:
    """Catches a tunnel that counts as a request under way: a stop took 9 s with one open. Seen red."""
    async with weather() as (port, _), opened(listing(tmp_path, ("localhost", port)).gate, leaf, 2) as way:
        wire, _ = await through(way, f"localhost:{port}")
        assert await wire.ask_raw(b"ab") == b"ba"
        assert way.doors.enforcer.in_flight == set()
        await wire.close()


def test_the_room_of_tunnels_is_smaller_than_that_of_connections() -> None:
    """Catches tunnels that may fill every place a client has."""
    assert room.MAX_THROUGH * 2 < doors.MAX_CONNECTIONS
