"""What an operator sees: the figures that the gate itself goes by."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, Disk, Hanging, World, always, open_world, until
from tests.waived import NEW_CHECKS

from pretrade.gateway.assemble import Listening
from pretrade.gateway.operator.status import status
from pretrade.gateway.stops.halt_file import HALT_FILE
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
    limits = shown.pop("limits")
    assert shown == {
        "role": "W",
        "mode": "live",
        "environment": "practice",
        "trading_state": "ACTIVE",
        "client_states": {},
        "stopped_by": {},
        "stopped_since": {},
        "policy": "ab" * 32,
        "proxy": "127.0.0.1:8080",
        "base_url": "http://127.0.0.1:8081/trade-api/v2",
        "uptime_s": 61,
        "day": "2026-11-21",
        "day_orders": 0,
        "max_day_orders": 25,
        "clients": ["bot", "other", "rsa-bot"],
        "keys": [
            {
                "key": "signing",
                "key_id": "live-key",
                "algorithm": "ed25519",
                "subaccount": None,
                "clients": ["bot", "other", "rsa-bot"],
            }
        ],
        "own_groups": [],
        "in_flight": 0,
        "streams": 0,
        "unknown": [],
        "feed": {
            "open_s": None,
            "age_ms": None,
            "books": 0,
            "openings": 0,
            "gaps": 0,
            "drifts": 0,
            "messages": 0,
            "problem": "not opened yet",
            "refused": {},
        },
        "exchange": "trading",
        "day_loss": [],
        "to_confirm": [],
        "notices": [],
        "left_out": [f"{limit} until 2999-12-31" for limit in NEW_CHECKS],
        "observed": [],
        "notify": {"runs": 0, "failed": 0, "dropped": 0, "problem": ""},
        "journal": "ok",
        "disk": "ok",
        "preflight": {"verdict": "none yet", "findings": []},
        "exposure": "$0.00",
        "books": [],
        "more_books": 0,
        "orders": {"held": 0, "sending": 0, "unknown": 0, "resting": 0, "not_ours": 0},
        "unknown_writes": [],
        "reconciliation": {"age_s": 0, "rounds": 0, "problem": "", "breaks": []},
    }
    assert canonical(shown | {"limits": limits})
    unused = {row["rule"]: (row["used"], row["left"], row["client"], row["of"]) for row in limits}
    assert unused["limits.day.max_orders"] == ("0", "25", "", "")
    assert unused["limits.account.max_exposure"] == ("$0.00", "$1000.00", "", "")
    assert unused["limits.market.max_position"] == ("0.00", "100.00", "", "")
    assert len(unused) == 8


async def test_what_is_held_and_what_is_left_of_each_limit_is_what_orders_are_judged_by(world: World) -> None:
    """Catches a status that reckons by itself: its figures must be those of the checks, resting orders included."""
    await world.ask(world.order(client_order_id="c-1", count="4.00", price="0.4000"))
    world.upstream.on_send = always(Unknown("no answer"))
    lost = await world.ask(world.order(client_order_id="c-2", side="ask", count="1.00", price="0.6000"))
    world.time.pass_ms(9_500)
    shown = status(world.instance, LISTENING)
    (book,) = shown["books"]
    assert (book["position"], book["may_buy"], book["may_sell"]) == ("0.00", "4.00", "1.00")
    assert shown["orders"] == {"held": 0, "sending": 0, "unknown": 1, "resting": 1, "not_ours": 0}
    assert shown["unknown_writes"] == [
        {"decision_id": lost.decision_id, "client": "bot", "type": "create_order", "age_s": 9}
    ]
    rows = {row["rule"]: row for row in shown["limits"]}
    assert rows["limits.market.max_position"] | {"limit": "", "client": ""} == {
        "rule": "limits.market.max_position", "client": "", "of": TICKER, "used": "4.00", "limit": "", "left": "96.00",
    }  # fmt: skip
    assert rows["limits.day.max_notional"]["used"] == "$2.00"
    assert rows["limits.market.max_exposure"]["used"] == book["exposure"] == shown["exposure"]
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
