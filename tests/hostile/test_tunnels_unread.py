"""What tunnels to other hosts may cost while nobody reads: not the client, and not the host.

Rule of this file: measured on the real process from outside it. MB here are 2**20 bytes.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.e2e.harness import World
from tests.gateway.doorkit import HOST, Opened, Wire
from tests.gateway.gatekit import KEY, request
from tests.hostile.conftest import GENEROUS
from tests.hostile.test_crowd import CEILING_MB, Crowd, Meter, crowd

from pretrade.gateway.front.through import MAX_THROUGH
from pretrade.kalshi.keys import public_pem_of

MUCH = bytes(16 * 1024 * 1024)
"""What each side sends: more than the kernel keeps. One object: no transport keeps a copy of it."""
LITTLE = 4_096
"""Of which the kernel keeps so much where nobody reads: what it cannot pass on stays with the proxy."""


class ColdWorld(World):
    """A world whose proxy is started as a person does."""

    is_cold = True


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def listed(listener: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that passes a port of this machine through."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "bot.pub.pem").write_bytes(public_pem_of(KEY.public_key()))
    changes = (
        *GENEROUS,
        ("keys/momentum-bot.pub.pem", str(folder / "bot.pub.pem")),
        ("certs_dir: certs", f'other_hosts: ["localhost:{listener.getsockname()[1]}"]\ncerts_dir: certs'),
    )
    with ColdWorld(folder, *changes, tap=True) as running:
        yield running


@pytest.fixture
async def spouting(listener: socket.socket) -> AsyncIterator[int]:
    """A host that says much at once and never reads."""
    open_ones: list[asyncio.StreamWriter] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(MUCH)

    server = await asyncio.start_server(serve, sock=listener, backlog=MAX_THROUGH)
    yield listener.getsockname()[1]
    server.close()
    for writer in open_ones:
        writer.transport.abort()


async def _open(others: Crowd, port: int) -> Wire | None:
    """A tunnel whose client says much and never reads, or None where there is no room for one more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
    client.connect(("127.0.0.1", others.way.proxy_port))
    wire = Wire(*await asyncio.open_connection(sock=client))
    others.wires.append(wire)
    await wire.send(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 30)
    if b" 200 " not in head:
        return None
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    wire.writer.write(MUCH)
    return wire


async def _until_still(sizes: list[Wire]) -> None:
    """Until nothing more is taken from any of them."""
    before = -1
    while (left := sum(wire.writer.transport.get_write_buffer_size() for wire in sizes)) != before:
        before = left
        await asyncio.sleep(0.5)  # how long nothing may move until it counts as still


@pytest.mark.long
async def test_tunnels_that_nobody_reads_stay_under_the_ceiling(listed: World, spouting: int) -> None:
    """Catches tunnels that keep what neither their clients nor their hosts read. A good client is served meanwhile.
    Seen red with asyncio's own measures and 256 tunnels: 204 MB."""
    way = Opened(None, listed.proxy_port, listed.base_url_port)  # type: ignore[arg-type]
    async with Meter(listed) as meter, crowd(way) as others:
        made = [await _open(others, spouting) for _ in range(MAX_THROUGH + 1)]
        tunnels = [wire for wire in made if wire is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                await _until_still(tunnels)
        good = await way.try_tunnel(request(), f"{HOST}:443")
    print(f"{len(tunnels)} tunnels: {meter.highest_mb:.0f} MB")
    assert len(tunnels) == MAX_THROUGH
    assert good.status == 201
    assert meter.highest_mb < CEILING_MB
