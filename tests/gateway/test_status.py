"""What an operator sees: the figures that the gate itself goes by."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.fakes import LIVE, Disk, Hanging, World, always, open_world, until

from pretrade.gateway.assemble import Listening
from pretrade.gateway.status import status
from pretrade.gateway.trading import HALT_FILE
from pretrade.journal.events import canonical
from pretrade.kalshi.client import Unknown
from pretrade.policy.fields import Endpoint

LISTENING = Listening(Endpoint("127.0.0.1", 8080), Endpoint("127.0.0.1", 8081))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    world.instance.started_ms = world.time.clock.now_ms()
    yield world
    await world.close()


async def test_a_fresh_proxy_says_what_it_is(world: World) -> None:
    world.time.pass_ms(61_999)
    shown = status(world.instance, LISTENING)
    assert shown == {
        "role": "W",
        "mode": "live",
        "environment": "practice",
        "trading_state": "ACTIVE",
        "policy": "ab" * 32,
        "proxy": "127.0.0.1:8080",
        "base_url": "http://127.0.0.1:8081/trade-api/v2",
        "uptime_s": 61,
        "day": "2026-11-21",
        "day_orders": 0,
        "max_day_orders": 25,
        "clients": ["bot", "other", "rsa-bot"],
        "in_flight": 0,
        "unknown": [],
        "journal": "ok",
    }
    assert canonical(shown)


async def test_what_is_used_in_flight_and_unknown_is_told_apart(world: World) -> None:
    """Catches an order in flight shown as unknown, and an unknown one shown as done."""
    world.upstream.on_send = always(Unknown("no answer"))
    lost = await world.ask(world.order(client_order_id="c-1"))
    hanging = world.upstream.on_send = Hanging()
    asking = asyncio.create_task(world.ask(world.order(client_order_id="c-2")))
    await hanging.reached.wait()
    shown = status(world.instance, LISTENING)
    assert (shown["day_orders"], shown["in_flight"], shown["unknown"]) == (2, 1, [lost.decision_id])
    hanging.go_on.set()
    await asking
    shown = status(world.instance, LISTENING)
    assert (shown["in_flight"], shown["unknown"]) == (0, [lost.decision_id])


async def test_a_halt_file_and_a_broken_journal_show(world: World, tmp_path: Path) -> None:
    """Catches an operator who is told ACTIVE and ok while nothing can be traded."""
    (tmp_path / HALT_FILE).mkdir()
    assert status(world.instance, LISTENING)["trading_state"] == "HALTED"
    Disk(world).error = OSError("disk full")
    await world.ask(world.order())
    await until(lambda: not world.instance.journal.healthy)
    assert "disk full" in str(status(world.instance, LISTENING)["journal"])
