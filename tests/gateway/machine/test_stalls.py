"""Who owes us a request is closed in the end, and the longest-owing first when there are too many."""

import asyncio
import time
from pathlib import Path

from tests.gateway.doorkit import FakeGate, Wire, get, opened, until

from pretrade.gateway.machine.stalls import MAX_STALLED, Stalls


async def test_time_is_up_for_what_is_still_owed() -> None:
    """Catches a timer that outlives its request, or that is started once and never anew."""
    closed: list[str] = []
    stalls = Stalls(closed.append, after_s=0.02)
    stalls.expect("owes")
    stalls.expect("paid")
    stalls.forget("paid")
    await until(lambda: bool(closed))
    assert closed == ["owes"]


async def test_for_one_too_many_the_longest_waiting_goes() -> None:
    """Catches a crowd of half-open connections in which nobody new gets a place. Seen red without the bound."""
    closed: list[str] = []
    stalls = Stalls(closed.append, after_s=60, most=3)
    for client in ("a", "b", "c", "a", "d", "e"):
        stalls.expect(client)
    assert closed == ["b", "c"], "a began anew, so b had waited longest"
    for client in ("a", "d", "e"):
        stalls.forget(client)


async def test_a_good_client_is_served_in_a_crowd(leaf: Path) -> None:
    """Catches a door that 1,300 half-open connections hold shut: none of a good client's requests may take a second of
    the processor, nor wait until one of them is given up."""
    gate = FakeGate()
    async with opened(gate, leaf, 2, stalled_s=30) as way:
        crowd: list[Wire] = []
        took: list[float] = []
        waited: list[float] = []
        for number in range(1_300):
            wire = await way.proxy()
            await wire.send(b"CONNECT api.elections" if number % 2 else b"")
            crowd.append(wire)
            if number % 100 == 0:
                began, used = time.monotonic(), time.process_time()
                answer = await way.try_tunnel(get(), "api.elections.kalshi.com:443")
                took.append(time.process_time() - used)
                waited.append(time.monotonic() - began)
                assert answer.code == "FROM_GATE"
        await until(lambda: len(way.doors._proxyserver.connections) <= MAX_STALLED + 1)
        await asyncio.gather(*(wire.close() for wire in crowd))
    assert max(took) < 1
    assert max(waited) < 15
