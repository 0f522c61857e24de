"""What a crowd may cost: the memory of the running proxy under each bomb, and a good client's time beside 2,000 others.

Rule of this file: measured on the real process from outside it. MB here are 2**20 bytes.
"""

import asyncio
import contextlib
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import psutil
import pytest
from tests.e2e.harness import World
from tests.gateway.doorkit import HOST, FakeGate, Opened, Wire, get, opened, until
from tests.gateway.gatekit import ORDERS, order, request

from pretrade.gateway.front.heads import MAX_HEAD
from pretrade.gateway.machine.stalls import MAX_IDLE, MAX_STALLED, Stalls
from pretrade.gateway.way.destination import MAX_BODY

CEILING_MB = 150
"""What an instance may use. An idle one has 108."""
CONNECT = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()


class Crowd:
    """Connections of somebody who means harm, dropped without a word at the end."""

    def __init__(self, way: Opened) -> None:
        self.way = way
        self.wires: list[Wire] = []

    async def join(self, *, base_url: bool = True) -> Wire:
        wire = await (self.way.base_url() if base_url else self.way.proxy())
        self.wires.append(wire)
        return wire

    async def send(self, count: int, data: bytes, *, base_url: bool = True) -> None:
        """So many connections that all send this and wait. What is not taken within 3 s is given up."""

        async def one() -> None:
            wire = await self.join(base_url=base_url)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(3):
                    await wire.send(data)

        for start in range(0, count, 50):
            await asyncio.gather(*(one() for _ in range(min(50, count - start))))


@asynccontextmanager
async def crowd(way: Opened) -> AsyncIterator[Crowd]:
    made = Crowd(way)
    try:
        yield made
    finally:
        for wire in made.wires:
            wire.writer.transport.abort()
        await asyncio.sleep(0)


class Meter:
    """The highest memory of the proxy while a block runs."""

    def __init__(self, world: World) -> None:
        self._process = psutil.Process(world.proxy.pid)
        self.highest_mb = 0.0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        self.measure()

    def measure(self) -> None:
        self.highest_mb = max(self.highest_mb, self._process.memory_info().rss / 2**20)

    async def _watch(self) -> None:
        while True:
            self.measure()
            await asyncio.sleep(0.02)

    def connections(self) -> int:
        return sum(one.status == psutil.CONN_ESTABLISHED for one in self._process.net_connections())


def head(*headers: str) -> bytes:
    return "\r\n".join([f"POST {ORDERS} HTTP/1.1", "Host: x", *headers, ""]).encode()


async def endless_heads(others: Crowd) -> None:
    await others.send(40, head() + b"X-A: 1\r\n" * 500_000)


async def one_endless_header(others: Crowd) -> None:
    await others.send(10, head() + b"X-A: " + b"a" * 20_000_000)


async def heads_up_to_the_bound(others: Crowd) -> None:
    await others.send(600, head() + b"X-A: " + b"a" * (MAX_HEAD - 200))


async def bodies_up_to_the_bound(others: Crowd) -> None:
    await others.send(300, head(f"Content-Length: {MAX_BODY}", "") + b"x" * (MAX_BODY - 1))


async def stated_lengths(others: Crowd) -> None:
    await others.send(200, head("Content-Length: 10000000000", "") + b"x" * 1_000_000)


async def compressed(others: Crowd) -> None:
    body = gzip.compress(bytes(40_000_000))
    await others.send(100, request(headers=("Content-Encoding: gzip",), body=body))


async def answers_never_read(others: Crowd) -> None:
    host = f"127.0.0.1:{others.way.base_url_port}"
    await others.send(50, get("/x", host) * 3_000)


async def an_endless_connect(others: Crowd) -> None:
    await others.send(100, b"CONNECT " + b"a" * 2_000_000, base_url=False)


async def bytes_before_the_tunnel_is_open(others: Crowd) -> None:
    await others.send(100, CONNECT + bytes(2_000_000), base_url=False)


async def hellos(others: Crowd) -> None:
    await others.send(100, CONNECT + b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\x16" * 2_000_000, base_url=False)


async def large_answers_never_read(others: Crowd) -> None:
    """Lists of 3 MB, as the longest real ones are: a hundred asked for in one packet, and one each by sixty others."""
    host = f"127.0.0.1:{others.way.base_url_port}"

    def a_list() -> bytes:
        time.sleep(0.0011)
        return request("GET", "/trade-api/v2/markets?cursor=size-3000000", host=host)

    await others.send(1, b"".join(a_list() for _ in range(100)))
    for _ in range(60):
        await others.send(1, a_list())
    await asyncio.sleep(2)  # what was asked for goes on coming


async def idle(others: Crowd) -> None:
    """Each asked once, and stays."""
    host = f"127.0.0.1:{others.way.base_url_port}"

    async def one() -> None:
        await (await others.join()).ask(get("/x", host))

    for _ in range((MAX_IDLE + 200) // 20):
        await asyncio.gather(*(one() for _ in range(20)))


async def idle_in_tunnels(others: Crowd) -> None:
    """The same behind TLS."""

    async def one() -> None:
        wire = await others.way.tunnel()
        others.wires.append(wire)
        await wire.ask(get("/x"))

    for _ in range((MAX_IDLE + 100) // 20):
        await asyncio.gather(*(one() for _ in range(20)))


IN_EVERY_RUN = (stated_lengths, bodies_up_to_the_bound)
BOMBS = (
    endless_heads, one_endless_header, heads_up_to_the_bound, compressed, answers_never_read, an_endless_connect,
    bytes_before_the_tunnel_is_open, hellos, idle, idle_in_tunnels,
)  # fmt: skip


@pytest.fixture
def fresh(world: World) -> World:
    """The world with its proxy started anew, as a person does: what one bomb leaves in the allocator is not the next
    one's, and what only other programs import is not the proxy's."""
    world.is_cold = True
    world.restart()
    world.is_cold = False
    return world


@pytest.mark.parametrize(
    "bomb",
    [*IN_EVERY_RUN, *(pytest.param(bomb, marks=pytest.mark.long) for bomb in BOMBS)],
    ids=lambda bomb: bomb.__name__,
)
async def test_memory_stays_bounded(fresh: World, way: Opened, bomb: Callable[[Crowd], Awaitable[None]]) -> None:
    """Catches anything that a client can make grow: the proxy stays under its ceiling and serves a good client.
    Seen red with sockets read as asyncio does (two bombs, 155 and 164 MB) and with TLS that keeps its buffers (151)."""
    async with Meter(fresh) as meter, crowd(way) as others:
        await bomb(others)
        good = await way.try_tunnel(request(), f"{HOST}:443")
    print(f"{bomb.__name__}: {meter.highest_mb:.0f} MB")
    assert good.status == 201
    assert meter.highest_mb < CEILING_MB


async def test_of_too_many_idle_connections_the_oldest_go(world: World, way: Opened) -> None:
    """Catches connections that nobody counts because they owe nothing: each holds memory and a file handle."""
    async with Meter(world) as meter, crowd(way) as others:
        await until(lambda: meter.connections() < MAX_IDLE, 20)
        await idle(others)
        assert meter.connections() <= MAX_IDLE + 20
        assert (await others.wires[0].answer()).status == 0
        host = f"127.0.0.1:{way.base_url_port}"
        assert (await others.wires[-1].ask(get("/x", host))).status == 403


async def test_idle_ones_are_counted_apart() -> None:
    """Catches a count that forgets who asked again, or closes somebody who owes nothing for somebody who does."""
    closed: list[str] = []
    stalls = Stalls(closed.append, after_s=60, most=1, most_idle=2)
    for client in ("a", "b"):
        stalls.rest(client)
    stalls.expect("a")
    stalls.rest("c")
    assert closed == []
    stalls.rest("a")
    assert closed == ["b"]
    stalls.forget("c")
    stalls.rest("d")
    assert closed == ["b"]


HALF_OPEN: list[tuple[bytes, bool]] = [
    (b"", True), (b"", False), (b"CONNECT api.elections", False), (CONNECT, False), (CONNECT + b"\x16\x03\x01", False),
    (head(), True), (head("Content-Length: 100", "") + b"{", True),
]  # fmt: skip


async def p99_beside_a_crowd(world: World, way: Opened) -> float:
    """The seconds that one of a hundred of a good client's orders takes longer than, on a kept connection and on new
    ones, while 2,000 half-open connections come and while they sit there; the proxy stays under its ceiling."""
    took: list[float] = []

    async def trade(kept: Wire) -> None:
        began = time.monotonic()
        assert (await kept.ask(request(body=order()))).status == 201
        middle = time.monotonic()
        assert (await way.try_tunnel(request(body=order()), f"{HOST}:443")).status == 201
        took.extend([middle - began, time.monotonic() - middle])

    async with crowd(way) as others, Meter(world) as meter:
        kept = await way.tunnel()
        for number in range(2_000):
            data, base_url = HALF_OPEN[number % len(HALF_OPEN)]
            await (await others.join(base_url=base_url)).send(data)
            if number % 50 == 0:
                await trade(kept)
        for _ in range(20):
            await trade(kept)
        await kept.close()
        assert meter.connections() <= MAX_STALLED + MAX_IDLE
    p99 = sorted(took)[int(len(took) * 0.99)]
    print(f"p99 {p99 * 1000:.0f} ms of {len(took)} orders, {meter.highest_mb:.0f} MB")
    assert meter.highest_mb < CEILING_MB
    return p99


async def test_a_good_client_beside_2000_half_open_connections(fresh: World, way: Opened) -> None:
    """Catches a door that a crowd holds shut: p99 of a good client's orders stays under a second. A busy machine may
    pause in one crowd and in the next; a door that is held shut is so in each of three."""
    for _ in range(3):
        if await p99_beside_a_crowd(fresh, way) < 1:
            return
    pytest.fail("a good client waited for a second and longer beside each of three crowds")


class Waits:
    """An addon that keeps every CONNECT waiting, as a host does that nobody answers at."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def pretrade_connect(self, asked: object) -> None:
        await self.go_on.wait()


async def test_what_comes_before_a_tunnel_is_open_is_bounded(leaf: Path) -> None:
    """Catches bytes that pile up for as long as a CONNECT waits. Seen red without the bound."""
    waits = Waits()
    async with opened(FakeGate(), leaf, 20, stalled_s=20) as way:
        way.add_addons(before=waits)
        wire = await way.proxy()
        await wire.send(CONNECT)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await wire.send(bytes(65_536))
                await asyncio.sleep(0)
        await until(lambda: not way.doors._proxyserver.connections or wire.reader.at_eof() or wire.writer.is_closing())
        waits.go_on.set()
        assert (await wire.answer()).status == 0
        await wire.close()
