"""What people and clients read of the policy's `inject`: the rules with their keys, the groups, and the fields of an
order before it is sent."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, World, open_world
from tests.gateway.operator.test_status import LISTENING
from tests.gateway.way.test_inject import INJECT, Exchange, again

from pretrade.gateway.operator.status import status
from pretrade.gateway.questions.questions import Questions
from pretrade.gateway.stops.auto_halt_memory import recall
from pretrade.gateway.way import group_trips
from pretrade.journal.events import EventKind, utc_text

TIGHTER = ("    subaccount: 0\n", '    subaccount: 0\n    inject: {order_group: "20"}\n')
"""The first client's own rule beside everybody's."""
ASKED = {"ticker": TICKER, "side": "bid", "price": "0.5000", "client": "bot"}
HEADROOM = f"/pretrade/headroom?ticker={TICKER}&side=bid&price=0.5000"


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def world(tmp_path: Path, exchange: Exchange) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, INJECT, TIGHTER)
    world.upstream.on_send = exchange
    yield world
    await world.close()


async def get(world: World, target: str, key_id: str = "bot-key") -> dict[str, Any]:
    answer = await world.ask(world.request("GET", target, key_id=key_id))
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


async def test_a_client_sees_what_is_written_into_its_orders_and_by_which_key(world: World) -> None:
    """Catches a client that is told everybody's rule where its own is tighter, or a rule without its key."""
    others = [
        {"field": "cancel_order_on_pause", "rule": "inject.cancel_order_on_pause", "value": True},
        {"field": "expiration_time", "rule": "inject.expiration_within", "within_s": 3_600},
    ]
    own = {"field": "order_group_id", "rule": "clients.bot.inject.order_group", "contracts": "20.00", "within_s": 15}
    assert (await get(world, "/pretrade/limits"))["inject"] == [own, *others]
    told = await get(world, "/pretrade/limits", "other-key")
    assert told["inject"] == [own | {"rule": "inject.order_group", "contracts": "50.00"}, *others]
    assert (await Questions(world.instance).market("kim", {"ticker": TICKER, "client": "bot"}))["inject"] == [
        own,
        *others,
    ]


async def test_what_a_question_says_is_written_in_is_what_is_written_in(world: World) -> None:
    """By the row of the very order. Catches a figure of its own that could differ, and an endpoint that says other than
    the command."""
    await world.ask(world.order(price="0.4000"))
    told = await get(world, HEADROOM)
    asked = await Questions(world.instance).headroom("kim", ASKED)
    assert asked["injected"] == told["injected"]
    assert (await world.ask(world.order(count=asked["headroom"], price="0.5000"))).status == 201
    row = (await world.bodies(EventKind.DECISION))[-1]
    assert [[one["field"], one["value"]] for one in told["injected"]] == [
        [field, after] for _, field, _, after in row["injected"]
    ]
    assert {one["field"]: one["rule"] for one in told["injected"]} == {
        "order_group_id": "clients.bot.inject.order_group",
        "cancel_order_on_pause": "inject.cancel_order_on_pause",
        "expiration_time": "inject.expiration_within",
    }


async def test_a_group_that_is_not_there_yet_is_told_as_that(world: World, exchange: Exchange) -> None:
    """Catches a question that makes a group, and one that says nothing is written in before there is one."""
    group = (await get(world, HEADROOM))["injected"][0]
    assert (group["field"], group["value"]) == ("order_group_id", "the group that is made with the order")
    assert exchange.calls == []


async def test_each_order_of_several_says_its_own(world: World) -> None:
    """Catches what is written into one order told of another where one between them would not pass."""
    away = ASKED["ticker"].replace("KXBTC", "NOSUCH")
    orders = [
        {"ticker": TICKER, "side": "bid", "price": "0.5000", "count": "2"},
        {"ticker": away, "side": "bid", "price": "0.5000", "count": "2"},
        {"ticker": TICKER, "side": "bid", "price": "0.4000", "count": "3"},
    ]
    told = await Questions(world.instance).headroom_together(
        "kim", {"client": "bot", "orders": json.dumps({"orders": orders})}
    )
    fitted: Any = told["orders"]
    assert [(one["headroom"], len(one["injected"])) for one in fitted] == [("2.00", 3), ("0.00", 0), ("3.00", 3)]


async def test_nothing_is_told_where_nothing_is_written_in(tmp_path: Path) -> None:
    world = open_world(tmp_path, LIVE)
    limits = await get(world, "/pretrade/limits")
    assert (limits["inject"], limits["order_groups"], (await get(world, HEADROOM))["injected"]) == ([], [], [])
    await world.close()


async def test_a_client_sees_its_own_groups_alone(world: World) -> None:
    """Catches a client that learns of another's group: its id, its limit, and that it has tripped."""
    for key_id in ("bot-key", "other-key"):
        await world.ask(world.order(key_id))
    group_trips.announced(world.instance, "g-2")
    own = {"order_group_id": "g-1", "exchange_index": 0, "limit": "20.00", "is_tripped": False, "is_in_use": True}
    assert (await get(world, "/pretrade/limits"))["order_groups"] == [own]
    (others,) = (await get(world, "/pretrade/limits", "other-key"))["order_groups"]
    assert (others["order_group_id"], others["is_tripped"]) == ("g-2", True)


async def test_an_operator_sees_which_group_tripped_and_since_when(world: World, exchange: Exchange) -> None:
    """Over a restart and a second stop. Catches a moment that is the start's, or the last stop's of one that changed
    nothing; and a group of an earlier policy that looks like the one in use."""
    await world.ask(world.order())
    tripped_at = utc_text(world.time.utc_ns)
    group_trips.announced(world.instance, "g-1")
    world.time.pass_ms(5_000)
    group_trips.announced(world.instance, "g-1")
    seen: Any = status(world.instance, LISTENING)
    assert (seen["client_states"], seen["stopped_since"]) == ({"bot": "REDUCING"}, {"bot": tripped_at})
    await world.instance.journal.close()
    later = again(world, exchange, INJECT)
    recall(later.path, later.instance.auto_halt, later.instance.trading, later.time.clock)
    seen = status(later.instance, LISTENING)
    assert seen["stopped_since"] == {"bot": tripped_at}
    (group,) = seen["own_groups"]
    assert (group["client"], group["is_tripped"], group["is_in_use"]) == ("bot", True, False)
    await later.close()
