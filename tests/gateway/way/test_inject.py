"""The policy's `inject` on the way of a write: groups that are made, found again, tripped and reset; rows that can be
judged again; clients that come again."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import (
    CLIENTS,
    LIVE,
    ORDERS,
    ROOT,
    Hanging,
    World,
    accept,
    always,
    answered,
    open_world,
    order_body,
    shown,
)
from tests.gateway.operator.test_confirming import ASKING

from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.operators import Operators
from pretrade.gateway.questions.asking import largest, read_question
from pretrade.gateway.way import group_trips
from pretrade.gateway.way.group_maker import PAUSE_MS
from pretrade.gateway.way.records import read_facts
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import Unknown
from pretrade.kalshi.signing import SignedRequest
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Approved
from pretrade.model.drop_copy import DropCopy, ExchangeGroup
from pretrade.model.instance import TradingState
from pretrade.model.units import Count, Money
from pretrade.risk.checks.engine import decide
from pretrade.risk.ledger.book import Held

GROUPS = f"{ROOT}/portfolio/order_groups"
INJECT = (
    "order_groups:\n",
    'inject: {order_group: "50", cancel_order_on_pause: true, expiration_within: 1h}\norder_groups:\n',
)
LOOSE = ("may_loosen: false", "may_loosen: true")
RESUME = {"client": "bot", "by": "Kim", "reason": "looked at it"}
UNSEEN = 90_000


@dataclass
class Exchange:
    """Makes groups and takes orders; `tripped` ones take none, and whatever is in `lost` is done and not answered."""

    groups: list[str] = field(default_factory=list)
    tripped: set[str] = field(default_factory=set)
    lost: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    members: list[str | None] = field(default_factory=list)

    async def __call__(self, request: SignedRequest) -> ExchangeAnswer:
        path, body = request.target.partition("?")[0], json.loads(request.body or b"{}")
        self.calls.append((request.method, path.removeprefix(ROOT)))
        if path == f"{GROUPS}/create":
            self.groups.append(f"g-{len(self.groups) + 1}")
            if self.lost:
                raise Unknown("no whole answer came before the deadline")
            return answered(201, {"order_group_id": self.groups[-1], "subaccount": 0, "exchange_index": 0})
        if path.endswith("/reset"):
            self.tripped.discard(path.split("/")[-2])
            return answered(200, {})
        if path == ORDERS and request.method == "POST":
            self.members.append(body.get("order_group_id"))
            if self.members[-1] in self.tripped:
                return answered(409, {"error": {"code": "order_group_triggered", "message": "no"}})
        return await accept(request)


@pytest.fixture
async def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def world(tmp_path: Path, exchange: Exchange) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, INJECT)
    world.upstream.on_send = exchange
    yield world
    await world.close()


def again(world: World, exchange: Exchange, *changes: tuple[str, str]) -> World:
    """Another run on the same folder."""
    later = open_world(world.path.parent, LIVE, *(changes or (INJECT,)), time=world.time)
    later.upstream.on_send = exchange
    return later


async def decisions(world: World) -> list[dict[str, Any]]:
    return await world.bodies(EventKind.DECISION)


async def test_the_group_is_made_once_and_every_order_is_in_it(world: World, exchange: Exchange) -> None:
    """Catches an order that is sent outside the group; a group for every order; one that is made without a row of its
    own, or before that row; a rewrite that is not told, before and after."""
    answers = [await world.ask(world.order(price=price)) for price in ("0.5000", "0.5100")]
    assert [answer.status for answer in answers] == [201, 201]
    assert exchange.calls == [
        ("POST", "/portfolio/order_groups/create"),
        ("POST", "/portfolio/events/orders"),
        ("POST", "/portfolio/events/orders"),
    ]
    assert exchange.members == ["g-1", "g-1"]
    made, first, second = await decisions(world)
    assert (made["door"], made["operation"], made["verdict"]) == ("own", "CreateOrderGroup", "approved")
    assert made["request"] == {
        "type": "create_order_group",
        "contracts_limit_fp": "50.00",
        "subaccount": 0,
        "exchange_index": 0,
    }
    latest = (first["facts"]["now_ms"] + 3_600_000) // 1000
    assert first["injected"] == [
        [0, "order_group_id", None, "g-1"],
        [0, "cancel_order_on_pause", None, True],
        [0, "expiration_time", None, latest],
    ]
    assert {"order_group_id", "cancel_order_on_pause", "expiration_time"} <= set(first["rewrites"])
    sent = json.loads(world.upstream.writes[1].body)
    assert (sent["cancel_order_on_pause"], sent["expiration_time"]) == (True, latest)
    assert second["request"]["orders"][0]["order_group_id"] == "g-1"


async def test_a_row_is_judged_again_with_the_same_verdict(world: World) -> None:
    """Invariant 8. Catches facts of the rewrite that are not in the row."""
    await world.ask(world.order())
    await world.ask(world.order(order_group_id="mine", price="0.5200"))
    policy = world.instance.policy
    for row in await decisions(world):
        decision = decide(restore(row["request"]), read_facts(row["facts"]), policy)
        assert ("approved" if isinstance(decision, Approved) else "denied") == row["verdict"]
        assert [[*check] for check in decision.checks] == row["checks"]


async def test_two_first_orders_share_one_group(world: World, exchange: Exchange) -> None:
    """Catches a group for each of two orders that come at once: half the contracts would count in neither."""
    made = Hanging(exchange)
    world.upstream.on_send = made
    asking = [asyncio.create_task(world.ask(world.order(price=price))) for price in ("0.5000", "0.5100")]
    await made.reached.wait()
    await asyncio.sleep(0.02)
    made.go_on.set()
    assert [answer.status for answer in await asyncio.gather(*asking)] == [201, 201]
    assert (exchange.groups, exchange.members) == (["g-1"], ["g-1", "g-1"])


async def test_a_client_that_names_another_group_is_denied(world: World, exchange: Exchange) -> None:
    """Catches a client's own group that is overwritten, one that stays, and the proxy's group named as the client's
    own that is refused."""
    await world.ask(world.order())
    answer = await world.ask(world.order(order_group_id="mine", price="0.5100"))
    assert "ORDER_GROUP_DIFFERS" in {reason["code"] for reason in json.loads(answer.body)["reasons"]}
    assert (await world.ask(world.order(order_group_id="g-1", price="0.5200"))).status == 201
    assert exchange.members == ["g-1", "g-1"]


@pytest.mark.parametrize("looseness", [INJECT, LOOSE])
async def test_no_client_may_touch_the_proxys_group(tmp_path: Path, looseness: tuple[str, str]) -> None:
    """Catches a bot that takes away the limit that holds it, whatever `may_loosen` says of its own groups."""
    world = open_world(tmp_path, LIVE, INJECT, *(() if looseness is INJECT else (LOOSE,)))
    world.upstream.on_send = Exchange()
    await world.ask(world.order())
    for method, path, body in (
        ("PUT", "/g-1/reset", b"{}"),
        ("PUT", "/g-1/limit", b'{"contracts_limit": 9}'),
        ("DELETE", "/g-1", b""),
    ):
        assert shown(await world.ask(world.request(method, GROUPS + path, body))) == (403, "ORDER_GROUP_NOT_OWNED")
    await world.close()


async def test_what_would_be_denied_anyway_makes_no_group(world: World, exchange: Exchange) -> None:
    """Catches writes at the exchange for an order that is never sent."""
    assert shown(await world.ask(world.order(price="0.9900")))[0] == 403
    assert exchange.calls == []


async def test_exits_need_no_group(world: World, exchange: Exchange) -> None:
    """Invariant 6. Catches an exit that waits for a group, is put into one, or is given an end: none of it may keep
    what is held from being closed."""
    held = Held(Count(500), Money(2_500_000))
    world.instance.ledger.live.adopt((0, TICKER), held)
    assert (await world.ask(world.cancel())).status == 200
    assert (await world.ask(world.order(side="ask", count="5.00", price="0.5000"))).status == 201
    assert (exchange.groups, exchange.members) == ([], [None])
    *_, row = await decisions(world)
    assert ("injected" in row, row["facts"]["reduces"]) == (False, [True])


async def test_a_group_that_could_not_be_made_is_tried_again(world: World, exchange: Exchange) -> None:
    """Catches an order that is sent without the group because that could not be made, and a group that is asked for in
    a loop."""
    world.upstream.on_send = always(answered(400, {"error": {"code": "bad_request", "message": "no"}}))
    answer = await world.ask(world.order())
    assert shown(answer) == (403, "ORDER_GROUP_MISSING")
    assert json.loads(answer.body)["retryable"] is True
    await world.ask(world.order(price="0.5100"))
    assert len(world.upstream.writes) == 1
    world.time.pass_ms(PAUSE_MS)
    world.upstream.on_send = exchange
    assert (await world.ask(world.order(price="0.5200"))).status == 201


async def test_a_group_of_which_nobody_knows_is_found_in_the_list(world: World, exchange: Exchange) -> None:
    """Invariant 11. Catches a second group made while nobody knows of the first; one that is never found again; one
    that another run takes for a client's."""
    exchange.lost = True
    assert shown(await world.ask(world.order())) == (403, "ORDER_GROUP_MISSING")
    world.time.pass_ms(PAUSE_MS)
    assert shown(await world.ask(world.order(price="0.5100"))) == (403, "ORDER_GROUP_MISSING")
    assert exchange.groups == ["g-1"]
    await Reconciler(world.instance, Listing(world, exchange.groups)).round()  # type: ignore[arg-type]
    exchange.lost = False
    assert (await world.ask(world.order(price="0.5200"))).status == 201
    assert (exchange.groups, exchange.members) == (["g-1"], ["g-1"])
    groups = world.instance.ledger.live.groups.items()
    await world.rows()
    assert fold(read_events(world.path, kinds=FOLDED)).live.groups.items() == groups


@dataclass
class Listing:
    """The exchange's record with nothing in it but groups."""

    world: World
    groups: list[str]

    async def read(self, wanted: object) -> DropCopy:
        now_ms = self.world.time.clock.now_ms()
        groups = tuple(ExchangeGroup(name, 0, Count(5_000)) for name in self.groups)
        return DropCopy(now_ms, now_ms, (), (), frozenset(), (), (), groups, (0, 1, 2))


async def test_a_group_that_is_gone_is_made_anew(world: World, exchange: Exchange) -> None:
    """Catches orders that are put for ever into a group that somebody has deleted at the exchange."""
    await world.ask(world.order())
    world.time.pass_ms(UNSEEN)
    await Reconciler(world.instance, Listing(world, [])).round()  # type: ignore[arg-type]
    assert (await world.ask(world.order(price="0.5100"))).status == 201
    assert exchange.members == ["g-1", "g-2"]


async def test_another_run_uses_the_same_group_and_another_limit_has_its_own(world: World, exchange: Exchange) -> None:
    """Catches a new group with every start, and a limit that was lowered or raised and does
    not hold."""
    await world.ask(world.order())
    await world.instance.journal.close()
    second = again(world, exchange)
    await second.ask(second.order(price="0.5100"))
    await second.instance.journal.close()
    third = again(world, exchange, (INJECT[0], INJECT[1].replace('"50"', '"20"')))
    await third.ask(third.order(price="0.5200"))
    await third.instance.journal.close()
    fourth = again(world, exchange, (INJECT[0], INJECT[1].replace('"50"', '"80"')))
    await fourth.ask(fourth.order(price="0.5300"))
    assert exchange.members == ["g-1", "g-1", "g-2", "g-3"]
    await fourth.close()


async def test_a_tripped_group_stops_its_client_until_a_person_resets_it(world: World, exchange: Exchange) -> None:
    """Catches a client that hammers a group that takes nothing; a resume that leaves it tripped; a reset without a row;
    a restart that forgets that there is one to reset; other clients that are stopped with it."""
    await world.ask(world.order())
    exchange.tripped = {"g-1"}
    assert (await world.ask(world.order(price="0.5100"))).status == 409
    trading = world.instance.trading
    assert trading.client_state("bot") is TradingState.REDUCING
    assert trading.state() is TradingState.ACTIVE
    assert shown(await world.ask(world.order(price="0.5200"))) == (403, "CLIENT_REDUCING")
    assert (await world.ask(world.cancel())).status == 200
    (stop,) = await world.bodies(EventKind.TRADING_STATE)
    assert (stop["client"], stop["cause"], stop["state"]) == ("bot", "order_group", "REDUCING")
    await world.instance.journal.close()
    later = again(world, exchange)
    await Operators(later.instance, later.gate.begin).resume("kim", RESUME)
    assert later.instance.trading.client_state("bot") is TradingState.ACTIVE
    assert (await later.ask(later.order(price="0.5300"))).status == 201
    (reset,) = [row for row in await decisions(later) if row["operation"] == "ResetOrderGroup"]
    assert (reset["by"], reset["door"], reset["client"]) == ("kim", "operator", "bot")
    groups = later.instance.ledger.live.groups.items()
    assert fold(read_events(later.path, kinds=FOLDED)).live.groups.items() == groups
    await later.close()


async def test_a_group_that_was_not_reset_leaves_its_client_stopped(world: World, exchange: Exchange) -> None:
    """Catches a client that is resumed into a group that takes nothing, and one that nobody can resume because the
    group was deleted."""
    await world.ask(world.order())
    group_trips.announced(world.instance, "g-1")
    operators = Operators(world.instance, world.gate.begin)
    world.upstream.on_send = always(answered(503, {"error": {"code": "service_unavailable", "message": "no"}}))
    with pytest.raises(AdminError, match="order group g-1 was not reset"):
        await operators.resume("kim", RESUME)
    assert world.instance.trading.client_state("bot") is TradingState.REDUCING
    world.upstream.on_send = always(answered(404, {"error": {"code": "order_group_not_found", "message": "no"}}))
    await operators.resume("kim", RESUME)
    assert world.instance.trading.client_state("bot") is TradingState.ACTIVE


async def test_only_the_proxys_own_group_stops_anybody(world: World, exchange: Exchange) -> None:
    """Catches another's group on the account's stream that stops a client, and one trip that stops it twice."""
    await world.ask(world.order())
    group_trips.announced(world.instance, "g-9")
    assert world.instance.trading.client_state("bot") is TradingState.ACTIVE
    for _ in range(2):
        group_trips.announced(world.instance, "g-1")
    assert len(await world.bodies(EventKind.TRADING_STATE)) == 1


async def test_a_dry_run_shows_it_and_sends_nothing(tmp_path: Path) -> None:
    """Catches a dry run that makes a group at the exchange, and one that denies what would pass live."""
    world = open_world(tmp_path, INJECT)
    assert (await world.ask(world.order())).status == 201
    made, placed = await decisions(world)
    assert made["operation"] == "CreateOrderGroup"
    assert placed["request"]["orders"][0]["order_group_id"].startswith("dry-")
    assert world.upstream.writes == []
    await world.close()


async def test_an_amend_that_opens_must_be_of_an_order_in_the_group(world: World, exchange: Exchange) -> None:
    """Catches an order from before the group that grows outside it."""
    body = json.loads((await world.ask(world.order(price="0.5000"))).body)
    change = order_body(count="2.00", price="0.5000", time_in_force=None, self_trade_prevention_type=None)
    assert (await world.ask(world.post(f"{ORDERS}/{body['order_id']}/amend", change))).status == 200
    order = world.instance.ledger.live.by_order_id(body["order_id"])
    assert order is not None
    world.instance.ledger.live.put(replace(order, group_id=None), 0)
    more = await world.ask(world.post(f"{ORDERS}/{body['order_id']}/amend", change | {"count": "3.00"}))
    assert shown(more) == (403, "ORDER_GROUP_MISSING")
    assert exchange.groups == ["g-1"]


async def test_what_an_order_means_is_what_its_client_sent(world: World, exchange: Exchange) -> None:
    """Catches the same order, sent again after a restart, that is taken for another because what was written into it
    is another now: it would trade twice."""
    await world.ask(world.order())
    lost = always(Unknown("no whole answer came before the deadline"))
    world.upstream.on_send = lost
    raw = world.order(price="0.5100")
    assert (await world.ask(raw)).status == 504
    (pending,) = world.instance.ledger.pending.values()
    await world.instance.journal.close()
    later = again(world, exchange)
    later.time.pass_ms(5_000)
    same = await later.ask(later.order(price="0.5100"))
    assert (same.status, same.decision_id) == (504, pending.decision_id)
    assert exchange.members == ["g-1"]
    await later.close()


async def test_what_a_person_confirmed_passes_when_it_comes_again(tmp_path: Path, exchange: Exchange) -> None:
    """Catches a confirmed order that is asked about for ever, for its expiration is another with every moment, and a
    person who is never asked because there is no group yet."""
    world = open_world(tmp_path, LIVE, INJECT, *ASKING)
    world.upstream.on_send = exchange
    denied = await world.ask(world.order(count="5.00"))
    assert shown(denied) == (403, "CONFIRMATION_REQUIRED")
    (ticket,) = world.instance.ledger.confirmations.tickets.values()
    assert ticket.write.order.expiration_time is None  # type: ignore[union-attr]
    body = {"actor": "kim", "approver": "kim", "by": "Kim", "reason": "r", "at_ms": world.time.clock.now_ms()}
    await world.instance.journal.append(EventKind.CONFIRMATION, body, ticket.decision_id)
    await world.instance.journal.close()
    later = open_world(tmp_path, LIVE, INJECT, *ASKING, time=world.time)
    later.upstream.on_send = exchange
    later.time.pass_ms(3_000)
    assert (await later.ask(later.order(count="5.00"))).status == 201
    await later.close()


async def test_a_question_counts_a_group_that_is_yet_to_be_made_as_made(world: World, exchange: Exchange) -> None:
    """Catches a headroom of nothing before the first order, and one that makes a group."""
    question = read_question({"ticker": TICKER, "side": "bid", "price": "0.5000"})
    found = await largest(world.instance, CLIENTS["bot-key"], question)
    assert found.count > 0
    assert exchange.calls == []
