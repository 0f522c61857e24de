"""Another host that the policy lists: its bytes pass as they are, and nothing else gets out by this way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from mitmproxy.connection import Client, Server
from mitmproxy.proxy.server_hooks import ServerConnectHook, ServerConnectionHookData
from tests.gateway.doorkit import HOST, Counter, Opened, Wire, opened
from tests.gateway.gatekit import RealGate, request


@asynccontextmanager
async def weather() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server of another protocol, which says everything back, backwards; and what it was told."""
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            told.append(data)
            writer.write(data[::-1])
        writer.write(b"you hung up")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        server.close()


def listing(tmp_path: Path, *others: tuple[str, int]) -> RealGate:
    gate = RealGate(tmp_path)
    gate.instance.destinations = replace(gate.instance.destinations, other_hosts=frozenset(others))
    return gate


async def through(way: Opened, target: str) -> tuple[Wire, int]:
    wire = await way.proxy()
    return wire, (await wire.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())).status


async def test_bytes_pass_as_they_are(leaf: Path, tmp_path: Path) -> None:
    """Catches a listed host that is decrypted, parsed or cut off: odd bytes both ways, and half a close."""
    async with weather() as (port, told):
        gate = listing(tmp_path, ("localhost", port))
        async with opened(gate.gate, leaf, 2) as way:
            wire, status = await through(way, f"localhost:{port}")
            assert status == 200
            sent = b"\x17\x03\x00GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 4_000
            for start in range(0, len(sent), 50_000):
                await wire.send(sent[start : start + 50_000])
            back = await asyncio.wait_for(wire.reader.readexactly(len(sent)), 10)
            wire.writer.write_eof()
            assert await asyncio.wait_for(wire.reader.read(), 10) == b"you hung up"
            await wire.close()
    assert b"".join(told) == sent
    assert sorted(back) == sorted(sent)
    assert gate.journal.rows == []


async def test_only_what_is_listed_passes(leaf: Path, tmp_path: Path) -> None:
    """Catches another port, another name or an address of a listed host, and the listing used for the exchange itself.

    Seen red with `_may_dial` taken for any server.
    """
    async with Counter() as other:
        gate = listing(tmp_path, ("localhost", other.port), (HOST, 443))
        async with opened(gate.gate, leaf, 2) as way:
            for target in (
                f"127.0.0.1:{other.port}",
                f"LOCALHOST:{other.port}",
                "localhost:1",
                f"x.localhost:{other.port}",
            ):
                wire, status = await through(way, target)
                assert status == 403, target
                await wire.close()
            listed, status = await through(way, f"localhost:{other.port}")
            assert status == 200
            await listed.close()
            assert (await way.try_tunnel(request(), f"{HOST}:443")).status == 201, "judged, and sent by us"
    assert other.connections == 1
    assert gate.journal.outcomes() == ["accepted"]


async def test_a_listed_host_that_is_not_there(leaf: Path, tmp_path: Path) -> None:
    """Catches a client that waits for ever, and a door that is spoilt for the next one."""
    gate = listing(tmp_path, ("localhost", 1))
    async with opened(gate.gate, leaf, 2) as way:
        wire, status = await through(way, "localhost:1")
        assert status == 502
        await wire.close()
        assert (await way.try_tunnel(request(), f"{HOST}:443")).status == 201
    assert way.doors.enforcer._may_dial == {}


async def test_a_long_silence_is_not_cut(leaf: Path, tmp_path: Path) -> None:
    """Catches the timer for stalled requests at work on somebody else's connection."""
    async with weather() as (port, _), opened(listing(tmp_path, ("localhost", port)).gate, leaf, 2, 0.05) as way:
        wire, _status = await through(way, f"localhost:{port}")
        await asyncio.sleep(0.2)  # the time that must not matter
        assert await wire.ask_raw(b"ab") == b"ba"
        await wire.close()


async def test_only_a_listed_host_may_be_dialled_from_another_address_than_loopback(leaf: Path, tmp_path: Path) -> None:
    """Catches a backstop that keeps the way to real hosts shut, and one that is gone for all: it binds every socket of
    mitmproxy's to loopback, from where nothing outside can be reached."""
    async with opened(listing(tmp_path).gate, leaf, 2) as way:
        listed, other = Server(address=("api.weather.gov", 443)), Server(address=("api.weather.gov", 443))
        way.doors.enforcer.may_dial(listed)
        for server in (listed, other):
            data = ServerConnectionHookData(client=Client(peername=("", 0), sockname=("", 0)), server=server)
            await way.doors._master.addons.trigger_event(ServerConnectHook(data))
    assert (listed.sockname, listed.error) == (None, None)
    assert (other.sockname, other.error) == (("127.0.0.1", 0), "pretrade never lets mitmproxy dial")
