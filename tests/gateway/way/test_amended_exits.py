"""Orders that were placed when they could only close, and were asked for nothing: what they are asked for once an amend
lets them open."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, ORDERS, World, open_world, order_body, shown

from pretrade.gateway.way.records import read_facts
from pretrade.journal.events import EventKind
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Denied
from pretrade.model.units import Count, Money
from pretrade.risk.checks.engine import decide
from pretrade.risk.ledger.book import Held

HOUR_S = 3_600
END = ("expiration_within: never", "expiration_within: 1h")
WRITTEN = ("order_groups:\n", "inject: {expiration_within: 1h}\norder_groups:\n")
REQUIRED = {
    "post_only": ("post_only: false", "post_only: true"),
    "reduce_only": ("reduce_only: false", "reduce_only: true"),
    "cancel_order_on_pause": ("cancel_order_on_pause: false", "cancel_order_on_pause: true"),
    "self_trade_prevention": ("self_trade_prevention: any", "self_trade_prevention: maker"),
    "expiration_within": END,
}


async def exit_placed(world: World, **stated: object) -> str:
    """Five contracts are held and their sale rests, with no flag but these; the id of that order."""
    world.instance.ledger.live.adopt((0, TICKER), Held(Count(500), Money(2_500_000)))
    answer = await world.ask(world.order(side="ask", count="5.00", price="0.5000", **stated))
    assert answer.status == 201
    return str(json.loads(answer.body)["order_id"])


async def amended(world: World, order_id: str, count: str, **stated: object) -> tuple[int, str]:
    """What an amend of it to this total is answered."""
    change = order_body(side="ask", count=count, price="0.5000", time_in_force=None, self_trade_prevention_type=None)
    answer = await world.ask(world.post(f"{ORDERS}/{order_id}/amend", change | stated))
    return (200, "") if answer.status == 200 else shown(answer)


async def last_decision(world: World) -> dict[str, Any]:
    *_, row = await world.bodies(EventKind.DECISION)
    return row


@pytest.mark.parametrize("flag", REQUIRED)
async def test_an_exit_that_is_amended_to_open_must_have_what_is_required(tmp_path: Path, flag: str) -> None:
    """Catches a way around every required flag: an exit needs none, and an amend of it is asked for none either; with
    reduce_only, a desk that may only close could open. Over a restart too. The row says why."""
    world = open_world(tmp_path, LIVE, REQUIRED[flag])
    order_id = await exit_placed(world)
    assert await amended(world, order_id, "4.00") == (200, "")
    denied = (403, "FLAG_REQUIRED")
    assert await amended(world, order_id, "9.00") == denied
    row = await last_decision(world)
    again = decide(restore(row["request"]), read_facts(row["facts"]), world.instance.policy)
    assert isinstance(again, Denied) and {reason.rule for reason in again.reasons} == {f"require.{flag}"}
    await world.close()
    later = open_world(tmp_path, LIVE, REQUIRED[flag], time=world.time)
    later.instance.ledger.live.adopt((0, TICKER), Held(Count(500), Money(2_500_000)))
    assert await amended(later, order_id, "9.00") == denied
    await later.close()


async def test_what_opened_with_all_that_is_required_may_be_amended(tmp_path: Path) -> None:
    """Catches a maker that can amend no order any more, though each was placed as the policy says."""
    world = open_world(tmp_path, LIVE, REQUIRED["post_only"], REQUIRED["cancel_order_on_pause"], END)
    soon = world.time.clock.now_ms() // 1_000 + HOUR_S
    answer = await world.ask(world.order(post_only=True, cancel_order_on_pause=True, expiration_time=soon))
    order_id = json.loads(answer.body)["order_id"]
    change = order_body(count="2.00", time_in_force=None, self_trade_prevention_type=None)
    assert (await world.ask(world.post(f"{ORDERS}/{order_id}/amend", change))).status == 200
    await world.close()


async def test_an_amend_may_give_an_exit_the_end_that_is_required(tmp_path: Path) -> None:
    """Catches a check that goes by the order's own end where the amend states another; and one that forgets, with the
    exchange's yes, what was stated."""
    world = open_world(tmp_path, LIVE, END)
    order_id = await exit_placed(world)
    soon = world.time.clock.now_ms() // 1_000 + HOUR_S
    assert await amended(world, order_id, "9.00", expiration_time=soon + 1) == (403, "FLAG_REQUIRED")
    assert await amended(world, order_id, "9.00", expiration_time=soon) == (200, "")
    assert await amended(world, order_id, "10.00") == (200, "")
    await world.close()


async def test_an_order_of_which_nobody_knows_the_flags_has_none(tmp_path: Path) -> None:
    """One past the proxy, in a subaccount that is the client's alone. Catches what is not known taken for good."""
    world = open_world(tmp_path, LIVE, END)
    order_id = await exit_placed(world, expiration_time=world.time.clock.now_ms() // 1_000 + 60)
    live = world.instance.ledger.live
    order = live.by_order_id(order_id)
    assert order is not None
    live.put(type(order)(**{name: getattr(order, name) for name in type(order).__match_args__ if name != "flags"}), 0)
    assert await amended(world, order_id, "9.00") == (403, "FLAG_REQUIRED")
    await world.close()


async def test_nobody_reads_off_anothers_order(tmp_path: Path) -> None:
    """Catches a client that learns from its denials when another's order ends, and with which flags it was placed."""
    world = open_world(tmp_path, LIVE, END, REQUIRED["post_only"])
    order_id = await exit_placed(world, post_only=True, expiration_time=world.time.clock.now_ms() // 1_000 + 7_654_321)
    change = order_body(side="ask", count="9.00", time_in_force=None, self_trade_prevention_type=None)
    answer = await world.ask(world.post(f"{ORDERS}/{order_id}/amend", change, "other-key"))
    told = {reason["code"]: reason["observed"] for reason in json.loads(answer.body)["reasons"]}
    assert "ORDER_NOT_OWNED" in told
    assert told["FLAG_REQUIRED"] == "expiration_time unchanged, which nobody here knows"
    assert b"765432" not in answer.body  # long enough to be in no id by chance
    await world.close()


@pytest.mark.parametrize(
    ("stated", "written"),
    [({}, True), ({"expiration_time": 365 * 24 * HOUR_S}, True), ({"expiration_time": 60}, False)],
)
async def test_an_exit_that_is_amended_to_open_is_given_an_end(
    tmp_path: Path, stated: dict[str, int], written: bool
) -> None:
    """Catches an order that rests without end, or for a year, though the policy has every order that opens end within
    the hour; and one whose own end is nearer and is moved out."""
    world = open_world(tmp_path, LIVE, WRITTEN)
    now_s = world.time.clock.now_ms() // 1_000
    order_id = await exit_placed(world, **{name: now_s + value for name, value in stated.items()})
    assert await amended(world, order_id, "4.00") == (200, "")
    assert "injected" not in await last_decision(world)
    for count in ("9.00", "10.00"):
        assert await amended(world, order_id, count) == (200, "")
        row = await last_decision(world)
        is_first = count == "9.00"
        before_and_after = [[0, "expiration_time", None, now_s + HOUR_S]] if written and is_first else None
        assert row.get("injected") == before_and_after, "it has its end by then, which another amend keeps"
        world.time.pass_ms(10_000)
    await world.close()


async def test_a_dry_run_asks_for_the_same(tmp_path: Path) -> None:
    """Catches a dry run that lets pass what is denied live."""
    world = open_world(tmp_path, END)
    world.instance.ledger.dry.account.adopt((0, TICKER), Held(Count(500), Money(2_500_000)))
    answer = await world.ask(world.order(side="ask", count="5.00", price="0.5000"))
    order_id = str(json.loads(answer.body)["order_id"])
    assert await amended(world, order_id, "9.00") == (403, "FLAG_REQUIRED")
    soon = world.time.clock.now_ms() // 1_000 + HOUR_S
    assert await amended(world, order_id, "9.00", expiration_time=soon) == (200, "")
    assert await amended(world, order_id, "10.00") == (200, "")
    await world.close()
