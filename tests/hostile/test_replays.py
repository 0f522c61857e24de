"""Old signatures after clocks that are set back, and the memory of signatures under a bot that never stops."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.fakes import CLIENTS, LIVE, World, open_world, shown

from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.identity import Identified
from pretrade.gateway.way.replay import KEEP_READ_MS, KEEP_WRITE_MS, KEPT_WRITES, Replays

MINUTE = 60_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = open_world(tmp_path, LIVE)
    yield made
    await made.close()


def set_back(world: World, by_ms: int) -> None:
    """Somebody sets the wall clock back; the monotonic one goes on."""
    world.time.utc_ns -= by_ms * 1_000_000


@pytest.mark.parametrize("minutes", [4, 6, 10])
async def test_an_order_captured_before_a_clock_was_set_back_is_never_sent_again(world: World, minutes: int) -> None:
    """Catches a signature that is fresh once more, when its own write is forgotten. Seen red: after six minutes and a
    clock set back by six, the captured order was sent a second time."""
    captured = world.order(client_order_id="c-1")
    assert (await world.ask(captured)).status == 201
    world.time.pass_ms(minutes * MINUTE)
    assert (await world.ask(world.order(client_order_id="c-2"))).status == 201  # it makes room, and forgets
    set_back(world, minutes * MINUTE)
    answer = await world.ask(captured)
    assert shown(answer) in [(201, ""), (403, "SIGNATURE_STALE")], "the first one's answer, or none"
    assert len(world.upstream.writes) == 2


async def test_a_cancel_passes_a_clock_that_was_set_back(world: World) -> None:
    """Catches an exit that is trapped by what is only about orders; those pass once the clock is past the forgotten."""
    assert (await world.ask(world.order(client_order_id="c-1"))).status == 201
    world.time.pass_ms(6 * MINUTE)
    assert (await world.ask(world.order(client_order_id="c-2"))).status == 201
    set_back(world, 7 * MINUTE)
    assert shown(await world.ask(world.order(client_order_id="c-3"))) == (403, "SIGNATURE_STALE")
    assert (await world.ask(world.cancel())).status == 200
    world.time.pass_ms(2 * MINUTE)
    assert (await world.ask(world.order(client_order_id="c-4"))).status == 201


def seen(number: int, at_ms: int) -> Identified:
    return Identified(CLIENTS["rsa-key"], at_ms, f"signature-{number}")


@pytest.mark.parametrize("every_ms", [1, 10, 100])
async def test_a_bot_that_asks_without_end_is_not_remembered_without_end(every_ms: int) -> None:
    """Catches 140,000 answers kept for a bot that is denied 470 times a second (230 MB). None is forgotten while its
    signature could still be taken. Seen red without the bound."""
    replays, most = Replays(), 0
    for number in range(24_000):
        now = number * every_ms
        replays.remember(seen(number, now), b"", Attempt(f"d-{number}", None, None), now)  # type: ignore[arg-type]
        most = max(most, len(replays._writes))
        oldest = max(0, number - KEEP_READ_MS // every_ms)
        assert replays.earlier(seen(oldest, oldest * every_ms), b"")[0]
    assert most <= max(KEPT_WRITES, KEEP_READ_MS // every_ms) + 1
    assert most <= KEEP_WRITE_MS // every_ms + 1
