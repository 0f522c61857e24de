"""Cancel-all by a client that shares its subaccount: whatever it is answered says no more than is known."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import CLIENTS, LIVE, ORDERS, World, accept, always, answered, open_world, shown

from pretrade.gateway.messages import Answer
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import Unknown
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.instance import Role
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState

NO_ANSWER = Unknown("no whole answer came before the deadline")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    world.instance.clients = CLIENTS | {"bot-key": replace(CLIENTS["bot-key"], shares_subaccount=True)}
    yield world
    await world.close()


async def cancel_all(world: World, entries: list[dict[str, Any]] | None = None) -> Answer:
    """Ask for it; the exchange answers the batch with these entries, or cancels what it is asked to."""

    async def batch(request: SignedRequest) -> ExchangeAnswer:
        asked = [one["order_id"] for one in json.loads(request.body)["orders"]]
        return answered(200, {"orders": entries or [{"order_id": one, "reduced_by": "1.00"} for one in asked]})

    world.upstream.on_send = batch
    return await world.ask(world.request("DELETE", ORDERS))


def refusal_of(order_id: str, code: str) -> dict[str, Any]:
    return {"order_id": order_id, "error": {"code": code, "message": code}}


async def test_what_has_ids_is_canceled_and_no_more_is_told_to_rest(world: World) -> None:
    """Catches a client that is told of trouble where there is none."""
    assert (await cancel_all(world)).status == 204
    world.upstream.on_send = accept
    await world.ask(world.order(client_order_id="c-1"))
    assert (await cancel_all(world)).status == 204
    over = [refusal_of("ex-c-1", "not_found")]
    assert (await cancel_all(world, over)).status == 204  # it had ended by itself


async def test_one_with_nothing_to_cancel_is_judged_and_on_record(world: World) -> None:
    """Catches a 204 that no row tells of, that came without a decision, or while nothing can be recorded."""
    answer = await cancel_all(world)
    assert (answer.status, world.upstream.writes) == (204, [])
    (decision,), (end,) = [await world.bodies(kind) for kind in (EventKind.DECISION, EventKind.OUTCOME)]
    assert (decision["verdict"], end["state"]) == ("approved", "not_sent")
    assert world.instance.ledger.pending == {}
    policy = world.instance.policy
    world.instance.policy = policy.model_copy(update={"instance": policy.instance.model_copy(update={"role": Role.R})})
    assert shown(await cancel_all(world))[1] == "ROLE_READ_ONLY"


async def test_what_is_left_in_another_subaccount_keeps_no_order_from_being_canceled(world: World) -> None:
    """An older policy had the client trade there. Catches a batch that names both subaccounts: all of it is denied."""
    await world.ask(world.order(client_order_id="c-1"))
    own = next(iter(world.instance.ledger.live.orders.values()))
    world.instance.ledger.live.put(replace(own, key="d-0/0", order_id="ex-0", subaccount=own.subaccount + 1), 0)
    assert (await cancel_all(world)).status == 204
    assert [one["order_id"] for one in json.loads(world.upstream.writes[-1].body)["orders"]] == ["ex-c-1"]


@pytest.mark.parametrize("beside", [False, True])
async def test_an_order_of_unknown_end_is_not_said_to_be_canceled(world: World, beside: bool) -> None:
    """Catches a 204, after which a client believes that nothing of its own rests."""
    if beside:
        await world.ask(world.order(client_order_id="c-1"))
    world.upstream.on_send = always(NO_ANSWER)
    unknown = await world.ask(world.order(client_order_id="c-2"))
    assert shown(unknown) == (504, "OUTCOME_UNKNOWN")
    sent = len(world.upstream.writes)
    answer = await cancel_all(world)
    assert shown(answer) == (504, "OUTCOME_UNKNOWN")
    assert "1 of your orders" in json.loads(answer.body)["message"]
    assert len(world.upstream.writes) == sent + beside  # what could be canceled was
    leg = LegOutcome(OutcomeState.REJECTED)
    world.instance.ledger.settle(unknown.decision_id, Outcome(OutcomeState.REJECTED, 400, (leg,)), 0)
    assert (await cancel_all(world)).status == 204


async def test_an_order_whose_end_becomes_known_meanwhile_is_left_to_its_own_answer(world: World) -> None:
    """Catches a client that is told to come again for an order that was refused while its cancels were under way."""
    await world.ask(world.order(client_order_id="c-1"))
    world.upstream.on_send = always(NO_ANSWER)
    unknown = await world.ask(world.order(client_order_id="c-2"))

    async def and_refused(request: SignedRequest) -> ExchangeAnswer:
        leg = LegOutcome(OutcomeState.REJECTED)
        world.instance.ledger.settle(unknown.decision_id, Outcome(OutcomeState.REJECTED, 400, (leg,)), 0)
        return answered(200, {"orders": [{"order_id": "ex-c-1", "reduced_by": "1.00"}]})

    world.upstream.on_send = and_refused
    assert (await world.ask(world.request("DELETE", ORDERS))).status == 204


async def test_another_clients_order_of_unknown_end_is_not_its_business(world: World) -> None:
    """Catches a client that is kept waiting by what others do, and told of it."""
    world.upstream.on_send = always(NO_ANSWER)
    await world.ask(world.order("other-key", client_order_id="c-1"))
    assert (await cancel_all(world)).status == 204


async def test_an_order_that_the_exchange_would_not_cancel_is_told(world: World) -> None:
    """Catches a 204 for a batch that the exchange answered 200 with an error in it."""
    for name in ("c-1", "c-2"):
        await world.ask(world.order(client_order_id=name))
    entries = [{"order_id": "ex-c-1", "reduced_by": "1.00"}, refusal_of("ex-c-2", "trading_is_paused")]
    answer = await cancel_all(world, entries)
    assert shown(answer) == (504, "OUTCOME_UNKNOWN")
    assert "1 that it would not cancel (trading_is_paused)" in json.loads(answer.body)["message"]


async def test_an_order_on_another_shard_than_the_first_is_found(world: World) -> None:
    """The order named no shard, so the exchange put it on its market's, which is the third. Catches a cancel that names
    the first one: it is answered not_found, as an order that has ended is, and the client is told 204 while it rests.
    """
    await world.ask(world.order(client_order_id="c-1"))
    resting = {"ex-c-1"}

    async def on_its_shard(request: SignedRequest) -> ExchangeAnswer:
        asked = json.loads(request.body)["orders"]
        found = {one["order_id"] for one in asked if one["market_ticker"] and one.get("exchange_index", 2) == 2}
        resting.difference_update(found)
        gone = [{"order_id": order_id, "reduced_by": "1.00"} for order_id in found]
        return answered(200, {"orders": gone or [refusal_of("ex-c-1", "not_found")]})

    world.upstream.on_send = on_its_shard
    assert (await world.ask(world.request("DELETE", ORDERS))).status == 204
    assert not resting


class Bucket:
    """An exchange of the lowest tier: it takes a batch whole or not at all, and 50 cancels at once at most. `left` is
    how many more it takes."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.sizes: list[int] = []

    async def on_send(self, request: SignedRequest) -> ExchangeAnswer:
        asked = json.loads(request.body)["orders"]
        self.sizes.append(len(asked))
        if len(asked) > min(50, self.left):
            return answered(429, {"error": "too many requests"})
        self.left -= len(asked)
        return answered(200, {"orders": [{"order_id": one["order_id"], "reduced_by": "1.00"} for one in asked]})


async def with_orders(world: World, count: int) -> None:
    """That many orders rest."""
    await world.ask(world.order(client_order_id="c-0"))
    live = world.instance.ledger.live
    own = next(iter(live.orders.values()))
    for number in range(1, count):
        live.put(replace(own, key=f"d-{number}/0", order_id=f"ex-{number}", client_order_id=f"c-{number}"), 0)


async def test_more_orders_than_a_batch_may_have_are_canceled_in_several(world: World) -> None:
    """Catches a batch that is larger than the whole bucket of the lowest tier: it is refused each time, and none of
    its orders can ever be canceled so. Each batch has its row, and its end."""
    await with_orders(world, 120)
    bucket = Bucket(1_000)
    world.upstream.on_send = bucket.on_send
    assert (await world.ask(world.request("DELETE", ORDERS))).status == 204
    assert bucket.sizes == [50, 50, 20]
    rows = [body for body in await world.bodies(EventKind.DECISION) if body["request"]["type"] == "cancel_batch"]
    assert [len(row["request"]["orders"]) for row in rows] == [50, 50, 20]
    assert (await world.outcomes())[-3:] == ["accepted"] * 3
    assert world.instance.ledger.pending == {}


async def test_what_did_not_go_through_behind_the_first_batch_is_told(world: World) -> None:
    """Catches a 204 for the part that was canceled, a 429 as if nothing was, and a batch that is sent into an empty
    bucket after another was refused there."""
    await with_orders(world, 160)
    bucket = Bucket(60)
    world.upstream.on_send = bucket.on_send
    answer = await world.ask(world.request("DELETE", ORDERS))
    assert (shown(answer), bucket.sizes) == ((504, "OUTCOME_UNKNOWN"), [50, 50])
    assert "110 whose cancels did not go through (status 429)" in json.loads(answer.body)["message"]
    bucket.left = 0
    assert (await world.ask(world.request("DELETE", ORDERS))).status == 429
