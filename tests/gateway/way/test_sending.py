"""The last look: with a connection in hand and nothing sent yet, is the approval still worth anything?"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.fakes import LIVE, ORDERS, ROOT, World, always, answered, open_world, order_body, shown

from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.stops.halt_file import HALT_FILE
from pretrade.gateway.way.attempts import Ticket
from pretrade.gateway.way.sending import SIGNATURE_MAX_AGE_NS
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import Lane
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.instance import TradingState
from pretrade.risk.ledger.live_order import OrderState

REDUCE_ONLY = {"reduce_only": True, "time_in_force": "immediate_or_cancel"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    yield world
    await world.close()


class Busy:
    """Every connection to the exchange is taken until one is given free."""

    def __init__(self, world: World) -> None:
        self.waiting = asyncio.Event()
        self.free = asyncio.Event()
        world.upstream.on_connect = self

    async def __call__(self) -> None:
        self.waiting.set()
        await self.free.wait()


async def waiting(world: World, raw: RawRequest, ticket: Ticket | None = None) -> tuple[Busy, asyncio.Task[Answer]]:
    """A request that is approved, recorded and signed, and waits for a connection."""
    busy = Busy(world)
    asking = asyncio.create_task(world.ask(raw, ticket))
    await busy.waiting.wait()
    return busy, asking


def stop(world: World, state: TradingState) -> None:
    world.instance.trading.stop(state, cause="operator", actor="kim", reason="a test")


@pytest.mark.parametrize(
    ("state", "changes", "seen"),
    [
        (TradingState.HALTED, {}, (403, "TRADING_HALTED")),
        (TradingState.HALTED, REDUCE_ONLY, (403, "TRADING_HALTED")),
        (TradingState.REDUCING, {}, (403, "TRADING_REDUCING")),
        (TradingState.REDUCING, REDUCE_ONLY, (201, "")),
    ],
)
async def test_a_stop_reaches_an_order_that_waits_for_a_connection(
    world: World, state: TradingState, changes: dict[str, object], seen: tuple[int, str]
) -> None:
    """Catches an order that goes out seconds after a halt because it was judged before it."""
    busy, asking = await waiting(world, world.order(**changes))
    stop(world, state)
    busy.free.set()
    answer = await asking
    assert shown(answer) == seen
    assert len(world.upstream.sent) == (1 if seen[0] == 201 else 0)
    assert await world.outcomes() == ["accepted" if seen[0] == 201 else "not_sent"]
    assert world.instance.ledger.pending == {}


async def test_a_halt_file_reaches_it_too(world: World, tmp_path: Path) -> None:
    """Catches a HALT file that is looked for at the decision alone."""
    busy, asking = await waiting(world, world.order())
    (tmp_path / HALT_FILE).mkdir()
    busy.free.set()
    assert shown(await asking) == (403, "TRADING_HALTED")
    assert world.upstream.sent == []


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
async def test_no_stop_keeps_an_exit_that_waits(world: World, state: TradingState) -> None:
    """Exits are never trapped."""
    busy, asking = await waiting(world, world.cancel())
    stop(world, state)
    busy.free.set()
    assert (await asking).status == 200
    assert len(world.upstream.sent) == 1


async def test_an_order_given_up_while_it_waits_is_not_sent(world: World) -> None:
    """Catches an order that goes out after its client was told that nothing was sent."""
    ticket = Ticket()
    busy, asking = await waiting(world, world.order(), ticket)
    assert ticket.attempt is not None
    assert not ticket.attempt.sent
    assert ticket.attempt.abandon()
    busy.free.set()
    assert shown(await asking) == (503, "INTERNAL_FAULT")
    assert world.upstream.sent == []
    assert await world.outcomes() == ["not_sent"]


@pytest.mark.parametrize(("more_ns", "seen"), [(0, (201, "")), (1, (503, "EXCHANGE_UNREACHABLE"))])
async def test_a_signature_that_waited_too_long_is_not_used(world: World, more_ns: int, seen: tuple[int, str]) -> None:
    """Catches a live signature that the exchange refuses for its age: its 401 would be blamed on the key."""
    busy, asking = await waiting(world, world.order())
    world.time.mono_ns += SIGNATURE_MAX_AGE_NS + more_ns
    busy.free.set()
    assert shown(await asking) == seen
    assert await world.outcomes() == ["accepted" if seen[0] == 201 else "not_sent"]


async def test_a_fault_before_the_last_look_was_never_sent(world: World) -> None:
    """Catches an order held open for ever though no byte of it left us."""

    async def fail() -> None:
        raise RuntimeError("a bug")

    world.upstream.on_connect = fail
    with pytest.raises(RuntimeError, match="a bug"):
        await world.gate.handle(world.order(), Ticket())
    assert await world.outcomes() == ["not_sent"]
    assert world.instance.ledger.pending == {}


async def test_reads_orders_and_exits_have_their_own_lanes(world: World) -> None:
    """Catches a cancel that waits behind reads or orders."""
    await world.ask(world.request("GET", f"{ROOT}/markets"))
    await world.ask(world.order(client_order_id="c-1"))
    await world.ask(world.post(f"{ORDERS}/batched", {"orders": [order_body(client_order_id="c-2")]}))
    plain = order_body(time_in_force=None, self_trade_prevention_type=None)
    await world.ask(world.post(f"{ORDERS}/ex-c-1/amend", plain))
    await world.ask(world.cancel())
    await world.ask(world.post(f"{ORDERS}/x-1/decrease", {"reduce_by": "0.50"}))
    world.upstream.on_send = always(answered(204))
    await world.ask(world.request("DELETE", ORDERS))
    assert world.upstream.lanes == [Lane.READ, *[Lane.ORDER] * 3, *[Lane.EXIT] * 3]
    assert len(await world.rows(EventKind.DECISION)) == 6


EXISTS = {"error": {"code": "order_already_exists", "message": "order already exists"}}


async def test_an_order_under_an_id_of_ours_alone_that_exists_may_be_this_one(world: World) -> None:
    """The first delivery was taken and its answer lost on the way, the second one refused. Catches a hold that is given
    back for an order that may rest: its money would count for nothing until the record shows it."""
    world.upstream.on_send = always(answered(409, EXISTS))
    answer = await world.ask(world.order(client_order_id=None))
    assert shown(answer) == (504, "OUTCOME_UNKNOWN")
    (order,) = world.instance.ledger.live.orders.values()
    assert (order.state, set(world.instance.ledger.pending)) == (OrderState.UNKNOWN, {answer.decision_id})
    assert await world.outcomes() == ["unknown"]


async def test_an_order_under_its_clients_own_id_that_exists_is_refused(world: World) -> None:
    """Catches a client that sends its order once more and is told that nobody knows."""
    world.upstream.on_send = always(answered(409, EXISTS))
    assert (await world.ask(world.order(client_order_id="c-1"))).status == 409
    assert not world.instance.ledger.live.orders


async def test_of_a_batch_that_order_alone_is_in_doubt(world: World) -> None:
    """Catches a leg that was refused for another reason and keeps its hold, and one in doubt that loses it."""

    async def both(request: SignedRequest) -> ExchangeAnswer:
        legs = json.loads(request.body)["orders"]
        entries = [{"client_order_id": leg["client_order_id"], **EXISTS} for leg in legs]
        return answered(201, {"orders": entries})

    world.upstream.on_send = both
    orders = [order_body(client_order_id=name) for name in (None, "c-1")]
    answer = await world.ask(world.request("POST", f"{ORDERS}/batched", json.dumps({"orders": orders}).encode()))
    assert shown(answer) == (504, "OUTCOME_UNKNOWN")
    assert [order.client_order_id for order in world.instance.ledger.live.orders.values()] == [
        f"pt-{answer.decision_id}-0"
    ]
