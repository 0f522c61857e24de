"""Two clients with budgets of their own under one for all: whose limit is named, and when room comes back."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.gateway.account.test_reconcile import ROUND_MS, FakeReader
from tests.gateway.fakes import LIVE, World, open_world
from tests.risk.recordkit import there
from tests.roomy import ROOMY

from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.account.reconciled import Reconciled
from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.model.units import Count

ALL = (('  account:\n    max_exposure: "$10000000"', '  account:\n    max_exposure: "$60"'),)
OWN = tuple(
    (
        f"    key_id: {key_id}\n",
        f'    key_id: {key_id}\n    limits: {{account: {{max_exposure: "{limit}"}}}}\n',
    )
    for key_id, limit in (("bot-key", "$50"), ("other-key", "$20"))
)


async def placed(world: World, key_id: str, count: str, client_order_id: str) -> tuple[int, list[str]]:
    """What an order of so many contracts at 50 cents is answered: its status, and the rules that object."""
    raw = world.order(key_id, count=count, client_order_id=client_order_id)
    answer = await world.ask(raw)
    body: dict[str, Any] = json.loads(answer.body)
    return answer.status, [reason["rule"] for reason in body.get("reasons", body.get("error", {}).get("reasons", []))]


def resting(world: World, client_order_id: str, count: int) -> ExchangeOrder:
    """An order of the first client as the exchange has it."""
    return replace(
        there(f"ex-{client_order_id}", client_order_id=client_order_id, price=5_000),
        remaining=Count(count),
        created_ms=world.time.clock.now_ms(),
    )


async def test_what_one_client_frees_is_there_for_another_once_it_is_proven(tmp_path: Path) -> None:
    """A may have $50 at risk, B $20, both together $60. A has $45.55, so B's $19.67 is denied, by the limit for all. A
    cancels $10.35: its answer frees nothing, the exchange's record does, and then B's $14.49 passes; a contract more
    than B's own limit is denied by that. Catches a limit for all that counts one client alone, a denial that names
    another's limit, and room that is given back by a word or never."""
    world = open_world(tmp_path, LIVE, *ROOMY, *ALL, *OWN)
    world.instance.reconciled = Reconciled(world.time.clock)
    record = FakeReader(world)
    reconciler = Reconciler(world.instance, record)  # type: ignore[arg-type]
    assert await reconciler.round()
    assert await placed(world, "bot-key", "68.00", "a-1") == (201, [])
    assert await placed(world, "bot-key", "20.00", "a-2") == (201, [])
    shown = [resting(world, "a-1", 6_800), resting(world, "a-2", 2_000)]
    assert await placed(world, "other-key", "38.00", "b-1") == (403, ["limits.account.max_exposure"])
    assert (await world.ask(world.cancel("ex-a-2"))).status == 200
    assert await placed(world, "other-key", "28.00", "b-2") == (403, ["limits.account.max_exposure"])
    record.orders = (shown[0], replace(shown[1], status=OrderStatus.CANCELED, remaining=Count(0)))
    world.time.pass_ms(ROUND_MS)
    assert await reconciler.round()
    assert await placed(world, "other-key", "28.00", "b-3") == (201, [])
    assert await placed(world, "other-key", "11.00", "b-4") == (403, ["clients.other.limits.account.max_exposure"])
    await world.close()
