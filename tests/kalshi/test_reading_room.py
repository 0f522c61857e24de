"""Large answers that come at once: held within a bound, all of them end, and writes never wait."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.kalshi.fault_server import NAME, answers, fault_server, make_ca_and_leaf

from pretrade.kalshi.client import Address, Answer, Lane, Unknown, Upstream, tls_context
from pretrade.kalshi.reading_room import ReadingRoom
from pretrade.kalshi.signing import SIGNATURE_HEADERS, SignedRequest

HEADERS = tuple((name, f"value-{number}") for number, name in enumerate(SIGNATURE_HEADERS))
READ = SignedRequest("GET", "/trade-api/v2/markets?limit=5", HEADERS)
WRITE = SignedRequest("POST", "/trade-api/v2/portfolio/events/orders", HEADERS, b'{"ticker":"T"}')
MB = 2**20
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * MB) + bytes(2 * MB)
PIECE = 512 * 1024
"""What asyncio hands over at once, and what TLS has read ahead when it is told to wait."""


@dataclass(eq=False)
class Waiter:
    """An answer that notes whether it waits."""

    waits: bool = False
    asked: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.waits = True
        self.asked.append("pause")

    def resume(self) -> None:
        self.waits = False
        self.asked.append("resume")


def test_past_the_bound_all_but_the_first_wait() -> None:
    """Catches a bound that stops the one answer that could make room: nothing would ever end."""
    room, (first, second, third) = ReadingRoom(10, share=0), (Waiter(), Waiter(), Waiter())
    for one, size in ((first, 4), (second, 6), (third, 1), (first, 100), (second, 7)):
        room.hold(one, size, "a")
    assert (room.bytes, [one.waits for one in (first, second, third)]) == (108, [False, True, True])


def test_who_leaves_makes_room_for_the_others() -> None:
    """Catches answers that wait for good, and room that is given back twice or never."""
    room, (first, second, third) = ReadingRoom(10, share=0), (Waiter(), Waiter(), Waiter())
    for one, size in ((first, 4), (second, 8), (third, 7)):
        room.hold(one, size, "a")
    room.leave(first)
    assert (room.bytes, second.waits, third.waits) == (15, False, True)
    room.leave(first)
    room.leave(second)
    assert (room.bytes, third.waits) == (7, False)
    room.leave(third)
    assert room.bytes == 0


def test_whoever_holds_no_more_than_a_share_never_waits() -> None:
    """Catches a small answer that waits for another client's lists. Seen red without the share."""
    room, (large, larger, small, more) = ReadingRoom(10, share=3), (Waiter(), Waiter(), Waiter(), Waiter())
    for one, size, reader in ((large, 100, "a"), (larger, 100, "a"), (small, 2, "b"), (more, 2, "b")):
        room.hold(one, size, reader)
    assert [one.waits for one in (large, larger, small, more)] == [False, True, False, True]
    room.leave(small)
    assert (room.bytes, more.waits, larger.waits) == (202, False, True)


def test_readers_take_turns() -> None:
    """Catches one reader's row of lists that all go before another's only one. Seen red with the oldest chosen."""
    room, (first, second, third, other) = ReadingRoom(10, share=0), (Waiter(), Waiter(), Waiter(), Waiter())
    for one, reader in ((first, "a"), (second, "a"), (third, "a"), (other, "b")):
        room.hold(one, 20, reader)
    in_turn = (first, other, second, third)
    for number, one in enumerate(in_turn):
        assert [waiter.waits for waiter in in_turn[number:]] == [False, *[True] * (3 - number)]
        room.leave(one)
    assert room.bytes == 0


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_ca_and_leaf(tmp_path_factory.mktemp("tls"), NAME)


@asynccontextmanager
async def upstream_with(port: int, ca: Path, most: int, timeout_s: float = 20.0) -> AsyncIterator[Upstream]:
    upstream = Upstream(Address("127.0.0.1", port, NAME), tls_context(ca), answer_timeout=timeout_s)
    upstream._room = ReadingRoom(most, share=0)
    try:
        yield upstream
    finally:
        await upstream.close()


async def highest(room: ReadingRoom) -> int:
    """The most that was held, until it is cancelled."""
    most = 0
    try:
        while True:
            most = max(most, room.bytes)
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        return most


async def test_many_large_answers_are_held_within_the_bound_and_all_arrive(tls: tuple[Path, Path]) -> None:
    """Catches 32 answers of 3 MB on their way at once, in two copies each (285 MB), and answers that are made to
    wait and never go on."""
    ca, leaf = tls
    with fault_server(leaf, answers(LARGE)) as server:
        async with upstream_with(server.port, ca, 3 * MB) as upstream:
            watch = asyncio.create_task(highest(upstream._room))
            got = await asyncio.gather(*(upstream.send(READ, lane=Lane.READ) for _ in range(12)))
            watch.cancel()
            assert [len(answer.body) for answer in got] == [2 * MB] * 12
            assert upstream._room.bytes == 0
            assert await watch <= 3 * MB + 2 * MB + 12 * PIECE


async def test_an_answer_that_stops_half_way_gives_its_room_back(tls: tuple[Path, Path]) -> None:
    """Catches room that a dead answer keeps: the next ones would wait for it until they are given up."""
    ca, leaf = tls
    half = answers(LARGE[:MB], keep=False)
    with fault_server(leaf, half) as server:
        async with upstream_with(server.port, ca, MB // 2) as upstream:
            got = await asyncio.gather(*(upstream.send(READ, lane=Lane.READ) for _ in range(4)), return_exceptions=True)
            assert all(isinstance(one, Unknown) for one in got)
            assert upstream._room.bytes == 0


async def test_a_write_never_waits_for_the_reads_of_clients(tls: tuple[Path, Path]) -> None:
    """Catches one room for reads and writes: whoever asks for large lists would hold up orders."""
    ca, leaf = tls
    with fault_server(leaf, answers(LARGE)) as server:
        async with upstream_with(server.port, ca, 0, timeout_s=5.0) as upstream:
            upstream._room.hold(Waiter(), 1, "a")
            assert (await upstream.send(WRITE, lane=Lane.ORDER)).status == 200
            assert upstream._room.bytes == 1


@pytest.mark.parametrize("sent", [LARGE, LARGE[:-1]], ids=["whole", "broken off"])
async def test_nothing_is_left_of_an_answer(tls: tuple[Path, Path], sent: bytes) -> None:
    """Catches answers that stay in a ring with their parser until the collector comes by: sixty lists of 3 MB were kept
    for minutes after the last of their clients had gone. Seen red."""
    ca, leaf = tls
    gc.collect()
    gc.disable()
    try:
        with fault_server(leaf, answers(sent, keep=False)) as server:
            async with upstream_with(server.port, ca, MB) as upstream:
                for _ in range(3):
                    with contextlib.suppress(Unknown):
                        assert (await upstream.send(READ, lane=Lane.READ)).status == 200
        kept = [one for one in gc.get_objects() if isinstance(one, Answer | list) and _bytes_in(one) > MB]
        assert not kept
    finally:
        gc.enable()


def _bytes_in(one: Answer | list[object]) -> int:
    parts = [one.body] if isinstance(one, Answer) else one
    return sum(len(part) for part in parts if isinstance(part, bytes) and not part.startswith(b"HTTP"))
