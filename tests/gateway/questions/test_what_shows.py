"""What a client learns of the others of its account by what the proxy answers: each statement of SECURITY.md."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import CLIENTS, LIVE, ORDERS, ROOT, World, always, answered, open_world, order_body
from tests.gateway.marketkit import FakeBooks
from tests.gateway.questions.test_headroom import LIQUID, ROOMY
from tests.risk.checks.test_liquidity import book

from pretrade.gateway.messages import RawRequest
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Unknown
from pretrade.model.instance import TradingState

ZEBRA = ("  other:\n", "  zebra:\n")
"""A neighbour with a name that is in no text of ours."""
TWO_DOLLARS = ("    subaccount: 0\n", '    subaccount: 0\n    limits: {order: {max_risk: "$2"}}\n')
TOGETHER = "too much with other clients'"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, ROOMY, *LIQUID, ("max_share_of_depth: 50", "max_share_of_depth: 1"), ZEBRA)
    zebra = replace(CLIENTS["other-key"], name="zebra")
    world.instance.clients = {key_id: one for key_id, one in CLIENTS.items() if key_id != "other-key"} | {
        "other-key": zebra
    }
    world.instance.books = FakeBooks(book("49x900 48x900", "49x900 48x900"))  # type: ignore[assignment]
    yield world
    await world.close()


async def told(world: World, request: RawRequest) -> dict[str, Any]:
    answer = await world.ask(request)
    return json.loads(answer.body) | {"status": answer.status} if answer.body else {"status": answer.status}


async def neighbour(world: World) -> list[str]:
    """A neighbour at its business, and what must never show of it."""
    placed = await told(world, world.order("other-key", count="90.00", price="0.5000", client_order_id="zc-1"))
    world.upstream.on_send = always(answered(201, {"order_group_id": "zg-1", "subaccount": 0, "exchange_index": 0}))
    await world.ask(world.post(f"{ROOT}/portfolio/order_groups/create", {"contracts_limit": 7}, "other-key"))
    world.upstream.on_send = always(Unknown("no answer"))
    lost = await world.ask(world.order("other-key", count="8.00", price="0.4900", client_order_id="zc-2"))
    world.instance.trading.stop(
        TradingState.REDUCING, cause="operator", actor="zoe", reason="zebra runs wild", client="zebra"
    )
    decisions = [str(row.decision_id) for row in await world.rows(EventKind.DECISION)]
    names = ["zebra", "zoe", "zc-1", "zc-2", "rsa-bot", "other-key"]
    return [*names, lost.decision_id, *decisions, placed["order_id"], "zg-1"]


def attempts(world: World, order_id: str) -> list[RawRequest]:
    """Requests of the bot's that are refused for every reason that its neighbour has to do with, and questions."""
    big = {"count": "90.00", "price": "0.5000"}
    amend = order_body(count="1.00", time_in_force=None, self_trade_prevention_type=None)
    groups, headroom = f"{ROOT}/portfolio/order_groups", "/pretrade/headroom"
    stranger = world.order("other-key", count="1.00")
    return [
        world.order(**big),
        world.order(count="8.00", price="0.4900"),
        world.order(count="101.00", price="0.9900"),
        world.order(count="1.00", order_group_id="zg-1"),
        world.post(f"{ORDERS}/batched", {"orders": [order_body(**big), order_body(count="20.00", price="0.4900")]}),
        world.post(f"{ORDERS}/{order_id}/amend", amend),
        world.post(f"{ORDERS}/{order_id}/amend", amend | {"ticker": "KXBTC-ANOTHER", "side": "ask"}),
        world.post(f"{ORDERS}/{order_id}/decrease", {"reduce_by": "1.00"}),
        world.cancel(order_id),
        world.post(f"{ORDERS}/batched", {"orders": []}),
        world.request("PUT", f"{groups}/zg-1/limit", json.dumps({"contracts_limit": 1}).encode()),
        world.request("DELETE", f"{groups}/zg-1"),
        replace(stranger, target=f"{ORDERS}/batched"),
        world.request("GET", "/pretrade/limits"),
        world.request("GET", f"{headroom}?ticker={TICKER}&side=bid&price=0.5000"),
        world.post(headroom, {"orders": [order_body(**big), order_body(count="20.00", price="0.4900")]}),
    ]


async def test_no_name_and_no_id_of_another_client_ever_shows(world: World) -> None:
    """Catches an answer that names whose an order is, who was stopped and why, or an id that another client was given.
    What the client itself sent comes back to it."""
    secrets = await neighbour(world)
    order_id = secrets[-2]
    for request in attempts(world, order_id):
        answer = await world.ask(request)
        text = answer.body.decode()
        sent = request.target + request.body.decode()
        assert [secret for secret in secrets if secret in text and secret not in sent] == [], (request.target, text)


async def test_whose_an_order_is_stands_in_the_log(world: World) -> None:
    """Catches an operator who is told as little as the client."""
    order_id = (await neighbour(world))[-2]
    world.upstream.on_send = always(Unknown("nothing may be sent"))
    denied = await told(world, world.cancel(order_id))
    assert denied["code"] == "ORDER_NOT_OWNED"
    assert denied["message"] == f"order {order_id} of another client is not an order of bot"
    row = (await world.bodies(EventKind.DECISION))[-1]
    assert f"order {order_id} of zebra" in json.dumps(row["checks"])


async def test_an_order_of_anothers_is_told_no_market_and_no_side(world: World) -> None:
    """Catches an amend by which a client finds out what another's order is."""
    order_id = (await neighbour(world))[-2]
    amend = order_body(ticker="KXBTC-ANOTHER", side="ask", time_in_force=None, self_trade_prevention_type=None)
    denied = await told(world, world.post(f"{ORDERS}/{order_id}/amend", amend))
    assert {reason["code"] for reason in denied["reasons"]} >= {"ORDER_NOT_OWNED", "ORDER_NOT_KNOWN"}
    assert TICKER not in json.dumps(denied)
    assert TICKER in json.dumps((await world.bodies(EventKind.DECISION))[-1]["checks"])


async def test_of_a_limit_on_all_clients_only_its_name_shows(world: World) -> None:
    """Catches a figure of what others hold, the size that would pass beside it, and when they are through."""
    await neighbour(world)
    world.instance.trading.state()
    denied = await told(world, world.order(count="20.00"))
    (reason,) = [one for one in denied["reasons"] if one["code"] == "POSITION_EXCEEDS_MAXIMUM"]
    assert (reason["rule"], reason["observed"]) == ("limits.market.max_position", TOGETHER)
    assert not {"headroom", "retry_at"} & set(denied)
    row = (await world.bodies(EventKind.DECISION))[-1]
    assert (row["headroom"], "118.00" in json.dumps(row["checks"])) == ("2.00", True)


async def test_a_clients_own_limits_are_told_in_full(tmp_path: Path) -> None:
    """Catches a client that cannot see why, for fear of what others do."""
    world = open_world(tmp_path, LIVE, TWO_DOLLARS)
    denied = await told(world, world.order(count="9.00", price="0.5000"))
    (reason,) = denied["reasons"]
    assert (reason["rule"], reason["limit"]) == ("clients.bot.limits.order.max_risk", "$2.00")
    assert reason["observed"].startswith("$4.")
    assert denied["headroom"] == "3.80"
    await world.close()


async def test_a_book_is_told_without_what_the_account_has_in_it(world: World) -> None:
    """As it is judged. What is missing in it of the exchange's own is the account's, whichever client's: this shows,
    and is accepted, for the exchange's book stream marks the account's own orders for every client. Red when that
    changes: then SECURITY.md has to."""
    asked = world.order(side="ask", count="99.00", price="0.4800")
    limits: list[str] = []
    for _ in range(2):
        denied = await told(world, asked)
        limits += [one["limit"] for one in denied["reasons"] if one["code"] == "DEPTH_SHARE_EXCEEDS_MAXIMUM"]
        world.upstream.on_send = always(Unknown("no answer"))
        await world.ask(world.order("other-key", count="8.00", price="0.4800", post_only=True))
        asked = world.order(side="ask", count="99.00", price="0.4800")
    assert limits == ["18.00 of 1800.00 (1 %): 18.00 pass", "17.92 of 1792.00 (1 %): 17.92 pass"]


@pytest.mark.parametrize("key_id", ["bot-key", "rsa-key"])
async def test_who_cannot_sign_for_a_key_id_is_not_told_whose_it_is(world: World, key_id: str) -> None:
    """Catches a stranger that turns key ids into names. The log has the name."""
    signed = world.request("GET", "/pretrade/limits", key_id=key_id)
    refused = await told(world, replace(signed, target=f"{ORDERS}/x", method="DELETE"))
    assert refused["code"] == "SIGNATURE_INVALID"
    assert "bot" not in refused["message"]
    (row,) = await world.bodies(EventKind.REFUSAL)
    assert CLIENTS[key_id].name in row["detail"]
