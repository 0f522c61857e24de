"""Order groups on the way of a write: live ones by their answers and the record, the dry run's by its own book."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import LIVE, ROOT, World, always, answered, open_world, order_body, shown

from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.journal.reader import read_events

GROUPS = f"{ROOT}/portfolio/order_groups"
LOOSE = ("may_loosen: false", "may_loosen: true")


@pytest.fixture
async def dry(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LOOSE)
    yield world
    await world.close()


async def ask(world: World, method: str, path: str, body: object = None, key_id: str = "bot-key") -> tuple[int, Any]:
    """Status and body of an answer."""
    data = b"" if body is None else json.dumps(body).encode()
    answer = await world.ask(world.request(method, GROUPS + path, data, key_id))
    return answer.status, json.loads(answer.body)


async def test_a_live_group_is_known_by_its_answer_and_only_tightened(tmp_path: Path) -> None:
    """Catches a group that its maker may not use until a read has shown it; another client's; one that is loosened."""
    world = open_world(tmp_path, LIVE)
    world.upstream.on_send = always(answered(201, {"order_group_id": "g-1", "subaccount": 0, "exchange_index": 0}))
    assert (await ask(world, "POST", "/create", {"contracts_limit": 9}))[0] == 201
    assert json.loads(world.upstream.writes[0].body) == {"contracts_limit_fp": "9.00", "subaccount": 0}
    world.upstream.on_send = always(answered(200, {}))
    assert (await ask(world, "PUT", "/g-1/limit", {"contracts_limit": 5}))[0] == 200
    assert (await ask(world, "PUT", "/g-1/limit", {"contracts_limit": 6}))[1]["code"] == "ORDER_GROUP_LOOSENED"
    assert (await ask(world, "DELETE", "/g-1"))[1]["code"] == "ORDER_GROUP_LOOSENED"
    assert (await ask(world, "PUT", "/g-1/limit", {"contracts_limit": 1}, "other-key"))[1]["code"] == (
        "ORDER_GROUP_NOT_OWNED"
    )
    assert len(world.upstream.writes) == 2
    groups = world.instance.ledger.live.groups.items()
    await world.close()
    assert fold(read_events(world.path, kinds=FOLDED)).live.groups.items() == groups
    assert groups[0][1].limit == 500


async def test_the_dry_run_answers_like_the_exchange_and_sends_nothing(dry: World) -> None:
    """Made, joined, triggered (its orders go, new ones are refused), reset, deleted."""
    status, made = await ask(dry, "POST", "/create", {"contracts_limit": 9})
    name = made["order_group_id"]
    assert (status, made["subaccount"], made["exchange_index"], name[:4]) == (201, 0, 0, "dry-")
    mine = {"order_group_id": name}
    assert (await dry.ask(dry.order(**mine))).status == 201
    assert dry.instance.ledger.dry.account.open_orders(None) == 1
    assert await ask(dry, "PUT", f"/{name}/limit", {"contracts_limit": 90}) == (200, {})
    assert await ask(dry, "PUT", f"/{name}/trigger", {}) == (200, {})
    assert dry.instance.ledger.dry.account.open_orders(None) == 0
    refused = await dry.ask(dry.post(f"{ROOT}/portfolio/events/orders", order_body(**mine, count="2.00")))
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (409, "order_group_triggered")
    assert await ask(dry, "PUT", f"/{name}/reset", {}) == (200, {})
    assert (await dry.ask(dry.order(**mine, count="3.00"))).status == 201
    assert await ask(dry, "DELETE", f"/{name}") == (200, {})
    assert dry.instance.ledger.dry.account.open_orders(None) == 0
    assert (await ask(dry, "DELETE", f"/{name}"))[1]["code"] == "ORDER_GROUP_NOT_OWNED"
    assert dry.upstream.writes == []


async def test_what_is_no_group_write_is_refused_before_it_is_judged(dry: World) -> None:
    """Catches a body that is passed on unread."""
    answer = await dry.ask(dry.request("POST", f"{GROUPS}/create", b'{"contracts_limit": 5, "x": 1}'))
    assert shown(answer) == (400, "FIELD_UNKNOWN")
