"""Clients that ask and never read, and more connections than anybody needs: what they can make the proxy hold."""

import asyncio
import contextlib
import gc
from pathlib import Path

import pytest
from tests.gateway.doorkit import PATIENCE_S, FakeGate, Opened, Wire, get, opened, until

from pretrade.gateway.front import doors
from pretrade.gateway.front.layers import LARGE_ANSWER
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.way.attempts import Ticket

MB = 2**20


def answering(size: int) -> FakeGate:
    async def answer(raw: RawRequest, ticket: Ticket) -> Answer:
        return Answer(200, bytes(size))

    return FakeGate(on_handle=answer)


def held(way: Opened) -> int:
    """Bytes that wait in the doors for clients to take them."""
    return sum(writer.transport.get_write_buffer_size() for writer in way.doors._writers)


async def join(way: Opened, door: str) -> Wire:
    return await (way.base_url() if door == "base_url" else way.tunnel())


@pytest.mark.parametrize("door", ["base_url", "proxy"])
async def test_requests_behind_a_large_answer_are_not_looked_at(leaf: Path, door: str) -> None:
    """Catches a client that asks a hundred times in one packet and never reads: a hundred answers of 3 MB were kept for
    one connection (762 MB). The first is given, and the connection ends with it. Seen red."""
    gate = answering(3 * MB)
    async with opened(gate, leaf, 5, stalled_s=5) as way:
        wire = await join(way, door)
        await wire.send(get() * 100)
        await until(lambda: bool(gate.delivered))
        assert held(way) <= 4 * MB
        first = await wire.answer()
        assert (first.status, len(first.body)) == (200, 3 * MB)
        assert b"Connection: close" in first.head
        assert (await wire.answer()).status == 0
        await wire.close()
    assert len(gate.handled) == 1


async def test_what_comes_while_a_large_answer_is_made_counts_as_well(leaf: Path) -> None:
    """Catches the same client with its requests in one packet each."""
    go_on = asyncio.Event()

    async def answer(raw: RawRequest, ticket: Ticket) -> Answer:
        await go_on.wait()
        return Answer(200, bytes(3 * MB))

    gate = FakeGate(on_handle=answer)
    async with opened(gate, leaf, 5, stalled_s=5) as way:
        wire = await way.base_url()
        for _ in range(20):
            await wire.send(get())
            await asyncio.sleep(0.002)
        go_on.set()
        assert len((await wire.answer()).body) == 3 * MB
        assert (await wire.answer()).status == 0
        await wire.close()
    assert len(gate.handled) == 1


@pytest.mark.parametrize("size", [100, LARGE_ANSWER])
async def test_small_answers_do_not_end_a_connection(leaf: Path, size: int) -> None:
    """Catches a bound that falls on clients that ask several small things at once."""
    async with opened(answering(size), leaf, 5, stalled_s=5) as way:
        wire = await way.base_url()
        await wire.send(get() * 20)
        assert [len((await wire.answer()).body) for _ in range(20)] == [size] * 20
        await wire.close()


async def test_a_large_answer_alone_does_not_end_a_connection(leaf: Path) -> None:
    """Catches the same for a client that waits for each of its answers."""
    async with opened(answering(MB), leaf, 5, stalled_s=5) as way:
        wire = await way.base_url()
        for _ in range(5):
            assert len((await wire.ask(get())).body) == MB
        await wire.close()


async def test_of_clients_that_do_not_read_the_oldest_go(leaf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches sixty connections that leave 8 MB each unread (1.5 GB), and a client that goes though it reads."""
    monkeypatch.setattr(doors, "MAX_UNREAD", 16 * MB)
    async with opened(answering(8 * MB), leaf, 5, stalled_s=5) as way:
        wires, most = [], 0
        for _ in range(12):
            wire = await way.base_url()
            wires.append(wire)
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(ConnectionError):
                await wire.send(get())
            good = await way.base_url()
            assert len((await good.ask(get())).body) == 8 * MB
            await good.close()
            most = max(most, held(way))
        assert most <= 16 * MB + 8 * MB
        for wire in wires:
            wire.writer.transport.abort()
        await until(lambda: not way.doors._proxyserver.connections)


@pytest.mark.parametrize("half", [True, False])
async def test_a_closed_connection_whose_client_does_not_read_is_over_soon(
    leaf: Path, monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    """Catches an answer and a file handle kept for a connection that is closed but not read, and that nobody counts any
    more: who asks, says that it is done and never reads, could do so for ever. Seen red."""
    monkeypatch.setattr(doors, "LINGER_S", 0.1)
    async with opened(answering(8 * MB), leaf, 5, stalled_s=0.5) as way:
        wire = await way.base_url()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(get())
        await until(lambda: held(way) > 0)
        assert half or way.doors._proxyserver.connections
        if half:
            wire.writer.write_eof()
        else:
            doors.close_clients(way.doors._proxyserver)
        await until(lambda: not way.doors._writers)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await wire.answer()).body) == 0, "cut off: what was kept for it is gone"
        await wire.close()


async def test_who_closes_its_half_and_reads_gets_all_of_its_answer(leaf: Path) -> None:
    """Catches an answer that is cut off though its client reads it."""
    async with opened(answering(8 * MB), leaf, 5, stalled_s=0.5) as way:
        wire = await way.base_url()
        await wire.send(get())
        wire.writer.write_eof()
        assert len((await wire.answer()).body) == 8 * MB
        await wire.close()


async def test_one_connection_too_many_is_closed(leaf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a crowd with a request under way each, which no other count holds, that takes every file handle; and
    a place that is never free again."""
    monkeypatch.setattr(doors, "MAX_CONNECTIONS", 5)
    waiting = asyncio.Event()

    async def answer(raw: RawRequest, ticket: Ticket) -> Answer:
        await waiting.wait()
        return Answer(200, b"{}")

    gate = FakeGate(on_handle=answer)
    async with opened(gate, leaf, 5, stalled_s=5) as way:
        wires = [await way.base_url() for _ in range(5)]
        for wire in wires:
            await wire.send(get())
        await until(lambda: len(gate.handled) == 5)
        for join_too in (way.base_url, way.proxy):
            late = await join_too()
            assert (await late.ask(get())).status == 0
            await late.close()
        waiting.set()
        assert [(await wire.answer()).status for wire in wires] == [200] * 5
        await wires.pop().close()
        await until(lambda: len(way.doors._writers) == 4)
        again = await way.base_url()
        assert (await again.ask(get())).status == 200
        await again.close()
        for wire in wires:
            await wire.close()


async def test_who_reads_slowly_outlives_those_who_never_do(leaf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a slow client that is cut off though it reads, because it has been behind for longer than the crowd that
    does not. Seen red."""
    monkeypatch.setattr(doors, "MAX_UNREAD", 40 * MB)
    gate = answering(16 * MB)
    async with opened(gate, leaf, 5, stalled_s=5) as way:
        slow = await way.base_url()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await slow.send(get())
        await until(lambda: held(way) > 0)
        wires = [await never_reads(way, gate)]
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        before = held(way)
        await slow.reader.readuntil(b"\r\n\r\n")
        await slow.reader.readexactly(6 * MB)
        await until(lambda: held(way) < before)
        wires += [await never_reads(way, gate) for _ in range(5)]
        async with asyncio.timeout(PATIENCE_S):
            assert len(await slow.reader.readexactly(10 * MB)) == 10 * MB
        for wire in [slow, *wires]:
            wire.writer.transport.abort()
        await until(lambda: not way.doors._proxyserver.connections)


async def never_reads(way: Opened, gate: FakeGate) -> Wire:
    """A client that has asked for a large answer, which has been given, and does not read it."""
    wire = await way.base_url()
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    given = len(gate.delivered)
    await wire.send(get())
    await until(lambda: len(gate.delivered) > given)
    return wire


async def test_nothing_is_left_of_an_answer_whose_client_went(leaf: Path) -> None:
    """Catches answers that live on in the traceback of their failed writing, until the collector comes by. Seen
    red."""
    go_on = asyncio.Event()

    async def answer(raw: RawRequest, ticket: Ticket) -> Answer:
        await go_on.wait()
        return Answer(200, bytes(8 * MB))

    gate = FakeGate(on_handle=answer)
    gc.collect()
    gc.disable()
    try:
        async with opened(gate, leaf, 5, stalled_s=5) as way:
            for _ in range(5):
                wire = await way.base_url()
                await wire.send(get())
                await until(lambda: len(gate.handled) > len(gate.delivered))
                wire.writer.transport.abort()
                go_on.set()
                await until(lambda: not way.doors._writers)
                go_on.clear()
            left = [one for one in gc.get_objects() if isinstance(one, Answer) and len(one.body) > MB]
            assert left == []
    finally:
        gc.enable()
