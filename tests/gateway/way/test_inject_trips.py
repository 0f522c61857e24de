"""The order groups of `inject` once they have tripped, or were given another limit: who is stopped, and who is not
trapped."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.fakes import LIVE, ORDERS, Hanging, World, always, answered, open_world, order_body, shown
from tests.gateway.way.test_inject import INJECT, RESUME, Exchange, again

from pretrade.gateway.operator.operators import Operators
from pretrade.gateway.way import group_trips
from pretrade.gateway.way.group_maker import PAUSE_MS
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState

GONE = answered(404, {"error": {"code": "order_group_not_found", "message": "no"}})
TRIPPED = answered(409, {"error": {"code": "order_group_triggered", "message": "no"}})


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def world(tmp_path: Path, exchange: Exchange) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, INJECT)
    world.upstream.on_send = exchange
    await world.ask(world.order())
    yield world
    await world.close()


def state(world: World) -> TradingState:
    return world.instance.trading.client_state("bot")


async def resume(world: World) -> None:
    await Operators(world.instance, world.gate.begin).resume("kim", RESUME)


async def test_a_client_that_was_resumed_into_a_group_that_takes_nothing_is_stopped_anew(
    world: World, exchange: Exchange
) -> None:
    """Catches a trip that is taken for the one that was heard of before: a resume met a 404 though the group is there,
    and from then on its client would send into it for ever."""
    group_trips.announced(world.instance, "g-1")
    world.upstream.on_send = always(GONE)
    await resume(world)
    assert state(world) is TradingState.ACTIVE
    world.upstream.on_send, exchange.tripped = exchange, {"g-1"}
    assert (await world.ask(world.order(price="0.5100"))).status == 409
    assert state(world) is TradingState.REDUCING
    assert [row["state"] for row in await world.bodies(EventKind.TRADING_STATE)] == ["REDUCING", "ACTIVE", "REDUCING"]
    await resume(world)
    assert (await world.ask(world.order(price="0.5200"))).status == 201


async def test_what_is_no_group_of_ours_stops_nobody_again(tmp_path: Path) -> None:
    """Catches a client that is stopped for a group where the policy has the proxy make none."""
    world = open_world(tmp_path, LIVE)
    world.upstream.on_send = always(TRIPPED)
    assert (await world.ask(world.order())).status == 409
    assert state(world) is TradingState.ACTIVE
    await world.close()


async def test_an_order_that_names_the_group_itself_tells_of_its_trip(world: World, exchange: Exchange) -> None:
    """Catches a client that names the proxy's group, as it may, and whose refusals are taken for another group's."""
    exchange.tripped = {"g-1"}
    assert (await world.ask(world.order(price="0.5100", order_group_id="g-1"))).status == 409
    assert state(world) is TradingState.REDUCING


async def test_a_batch_that_is_refused_as_a_whole_tells_of_the_trip(world: World) -> None:
    """Catches a trip that is only heard of order by order."""
    world.upstream.on_send = always(TRIPPED)
    orders = [order_body(price=price) for price in ("0.5100", "0.5200")]
    await world.ask(world.post(f"{ORDERS}/batched", {"orders": orders}))
    assert state(world) is TradingState.REDUCING


async def test_an_order_in_an_older_group_of_a_higher_limit_does_not_grow(world: World, exchange: Exchange) -> None:
    """Catches an amend that lets a client match more than the policy's lower limit, in the group of the former one; and
    one that is denied because the policy's limit is higher now."""
    body = json.loads((await world.ask(world.order(price="0.5000"))).body)
    amend = order_body(count="2.00", price="0.5000", time_in_force=None, self_trade_prevention_type=None)
    for limit, expected in (("20", 403), ("80", 200)):
        await world.instance.journal.close()
        later = again(world, exchange, (INJECT[0], INJECT[1].replace('"50"', f'"{limit}"')))
        answer = await later.ask(later.post(f"{ORDERS}/{body['order_id']}/amend", amend))
        assert answer.status == expected
        if expected == 403:
            assert shown(answer) == (403, "ORDER_GROUP_MISSING")
        await later.close()


async def test_a_group_of_a_former_subaccount_keeps_nobody_stopped(world: World, exchange: Exchange) -> None:
    """Catches a client that nobody can resume since its policy gives it another subaccount: the reset of the group that
    it left there would be denied for ever."""
    world.instance.ledger.live.groups.read([("g-1", 3)], {})
    group_trips.announced(world.instance, "g-1")
    await resume(world)
    assert state(world) is TradingState.ACTIVE
    assert ("PUT", "/portfolio/order_groups/g-1/reset") not in exchange.calls
    world.time.pass_ms(PAUSE_MS)
    assert (await world.ask(world.order(price="0.5100"))).status == 201
    assert exchange.members == ["g-1", "g-2"]


async def test_where_nothing_is_injected_no_row_tells_of_it(tmp_path: Path) -> None:
    """Catches rows that grow by what a policy does not state."""
    world = open_world(tmp_path, LIVE)
    await world.ask(world.order())
    (row,) = await world.bodies(EventKind.DECISION)
    assert "injected" not in row
    assert not {"own_groups", "by_proxy"} & set(row["facts"])
    await world.close()


async def test_who_gives_up_a_resume_ends_no_reset_under_way(world: World, exchange: Exchange) -> None:
    """Catches a reset that a stop does not wait for any more, because the connection of whoever asked ended: the
    answer was cancelled with who waited for it. Seen red."""
    group_trips.announced(world.instance, "g-1")
    world.upstream.on_send = hanging = Hanging(exchange)
    asked = asyncio.create_task(resume(world))
    await hanging.reached.wait()
    asked.cancel()
    await asyncio.wait([asked])
    (under_way,) = world.instance.attempts.unanswered
    hanging.go_on.set()
    assert (await under_way).status == 200
    assert state(world) is TradingState.REDUCING
