"""An order that waits for a person: asked once, approved by somebody with a name, passed once, checked anew."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import LIVE, ORDERS, Disk, World, open_world, order_body, shown

from pretrade.gateway.account.restore import fold
from pretrade.gateway.account.snapshots import Snapshots, last
from pretrade.gateway.messages import Answer
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.confirming import Confirmer, approver_of, waiting
from pretrade.gateway.way.records import read_facts
from pretrade.journal.events import EventKind
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Approved
from pretrade.model.instance import TradingState
from pretrade.model.units import Count
from pretrade.risk.checks.engine import decide

WAIVED = "  - {limit: confirm.above_risk, reason: not what this is about, until: 2999-12-31}\n"
ASKING = ((WAIVED, ""), ("confirm:\n", 'confirm:\n  above_risk: "$1"\n'))
"""An order of more than a dollar waits."""
GRADED = (
    ("  - {limit: liquidity.min_grade, reason: not what this is about, until: 2999-12-31}\n", ""),
    ("liquidity:\n", "liquidity:\n  min_grade: liquid\n"),
    ("below_grade: deny", "below_grade: confirm"),
)
"""So does one in a market below the highest grade."""
BIG: dict[str, object] = {"count": "10.00", "price": "0.5000"}
ROOMY = ("max_orders: 25", "max_orders: 5000")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *ASKING)
    yield world
    await world.close()


async def send(world: World, **changes: object) -> tuple[int, dict[str, Any]]:
    """An order with an id of its own; what the client reads."""
    answer = await world.ask(world.order(**(BIG | changes)))
    return answer.status, json.loads(answer.body)


async def approve(world: World, ticket: str, actor: str = "ann", **more: str) -> dict[str, object]:
    arguments = {"decision_id": ticket, "by": "Ann", "reason": "seen"} | more
    return await Confirmer(world.instance).confirm(actor, arguments)


async def asked(world: World, **changes: object) -> str:
    """The ticket of an order that waits."""
    status, body = await send(world, **changes)
    assert (status, body["code"]) == (403, "CONFIRMATION_REQUIRED")
    return str(body["ticket"])


async def test_an_order_passes_once_after_a_person_has_approved_it(world: World) -> None:
    """Catches an approval that lets more than one order pass."""
    ticket = await asked(world)
    assert world.upstream.writes == []
    await approve(world, ticket)
    assert (await send(world))[0] == 201
    status, body = await send(world)
    assert (status, body["code"]) == (403, "CONFIRMATION_REQUIRED")
    assert body["ticket"] != ticket
    assert len(world.upstream.writes) == 1


async def test_the_client_reads_what_to_do(world: World) -> None:
    _, body = await send(world)
    assert body["ticket"] == body["decision_id"]
    assert f"pretrade confirm {body['ticket']} --by NAME" in body["hint"]
    assert "within 300 s" in body["hint"]
    assert body["reasons"][0]["rule"] == "confirm.above_risk"


async def test_a_retry_before_the_approval_asks_for_nothing_new(world: World) -> None:
    """The same order under another id, and one that is far away from it, which asks for itself."""
    first = await asked(world, client_order_id="one")
    assert await asked(world, client_order_id="two") == first
    assert await asked(world, count="11.00") != first
    bodies = await world.bodies(EventKind.DECISION)
    assert [body["ticket"] for body in bodies][:2] == [first, first]
    await approve(world, first)
    assert (await send(world, client_order_id="three"))[0] == 201


@pytest.mark.parametrize("change", [{"count": "10.01"}, {"price": "0.5100"}, {"post_only": True}, {"side": "ask"}])
async def test_no_other_order_passes_by_it(world: World, change: dict[str, object]) -> None:
    await approve(world, await asked(world))
    assert (await send(world, **change))[1]["code"] == "CONFIRMATION_REQUIRED"


async def graded(folder: Path) -> World:
    """A world in which orders of a dollar wait, and those in markets that are not liquid."""
    world = open_world(folder, LIVE, *ASKING, *GRADED, ROOMY)
    liquid(world, is_so=True)
    return world


def liquid(world: World, *, is_so: bool) -> None:
    """The market has been traded much, or not at all."""
    world.instance.markets.traded = Count(100_000_000 if is_so else 0)  # type: ignore[attr-defined]


async def test_an_approval_is_for_the_rules_that_asked(tmp_path: Path) -> None:
    """Catches an approval of the risk that lets pass what has become illiquid since: nobody was asked that. The new
    ticket is for both, the first is gone, and one order passes in the end."""
    world = await graded(tmp_path)
    risk = await asked(world)
    await approve(world, risk)
    liquid(world, is_so=False)
    both = await asked(world)
    assert both != risk
    assert [one["asked_by"] for one in waiting(world.instance)] == [["confirm.above_risk", "liquidity.min_grade"]]
    assert await asked(world) == both
    with pytest.raises(AdminError, match="nothing waits"):
        await approve(world, risk)
    await approve(world, both)
    assert (await send(world))[0] == 201
    assert await asked(world) not in (risk, both)
    assert len(world.upstream.writes) == 1
    await world.close()


async def test_a_rule_that_asks_no_more_takes_nothing_away(tmp_path: Path) -> None:
    """Catches tickets that take turns while a market moves around its grade: no approval would ever be the latest."""
    world = await graded(tmp_path)
    liquid(world, is_so=False)
    both = await asked(world)
    liquid(world, is_so=True)
    assert await asked(world) == both
    await approve(world, both)
    assert (await send(world))[0] == 201
    await world.close()


@pytest.mark.parametrize("by_snapshot", [False, True], ids=["rows", "a snapshot"])
async def test_what_was_asked_survives_a_restart(tmp_path: Path, *, by_snapshot: bool) -> None:
    """Catches a fold that forgets for what an approval is: for nothing, or for everything."""
    world = await graded(tmp_path)
    await approve(world, await asked(world))
    await approve(world, await asked(world, count="11.00"))
    if by_snapshot:
        await Snapshots(world.instance).take()
        assert last(world.path).ledger.confirmations.tickets == world.instance.ledger.confirmations.tickets
    await world.close()
    again = open_world(tmp_path, LIVE, *ASKING, *GRADED, ROOMY, time=world.time)
    liquid(again, is_so=True)
    if by_snapshot:
        again.instance.ledger.confirmations.tickets = last(again.path).ledger.confirmations.tickets
    assert (await send(again))[0] == 201
    liquid(again, is_so=False)
    await asked(again, count="11.00")
    assert len(again.upstream.writes) == 1
    await again.close()


async def test_a_ticket_of_an_earlier_version_asks_again(world: World) -> None:
    """Its row does not say which rules asked: the order waits anew, and what was approved then is no approval."""
    ticket = await asked(world)
    (row,) = await world.rows(EventKind.DECISION)
    body = {name: value for name, value in json.loads(row.body).items() if name != "ticket_asked"}
    world.instance.ledger.confirmations.tickets.clear()
    fold([replace(row, body=json.dumps(body))], world.instance.ledger)
    assert ticket in world.instance.ledger.confirmations.tickets
    assert waiting(world.instance) == []
    with pytest.raises(AdminError, match="nothing waits"):
        await approve(world, ticket)
    assert await asked(world) != ticket


async def test_no_other_client_passes_by_it(world: World) -> None:
    await approve(world, await asked(world))
    answer = await world.ask(world.order("other-key", **BIG))
    assert shown(answer) == (403, "CONFIRMATION_REQUIRED")


async def test_everything_else_is_checked_anew(world: World) -> None:
    """Catches an approval that is taken for a verdict. What was denied has not used it up."""
    ticket = await asked(world)
    await approve(world, ticket)
    world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="ann", reason="test")
    assert (await send(world))[1]["code"] == "TRADING_HALTED"
    await world.instance.trading.resume(actor="ann", by="Ann", reason="test")
    assert (await send(world))[0] == 201


async def test_of_two_at_once_one_passes(world: World) -> None:
    """Catches an approval that is looked up before one await and used up after it."""
    await approve(world, await asked(world))
    orders = [world.order(**BIG, client_order_id=f"c-{number}") for number in range(5)]
    answers: list[Answer] = await asyncio.gather(*(world.ask(raw) for raw in orders))
    assert sorted(answer.status for answer in answers) == [201, 403, 403, 403, 403]
    assert len(world.upstream.writes) == 1


async def test_what_another_check_denies_asks_nobody(world: World) -> None:
    """Catches a person who is asked for what cannot pass anyway; the reason is told all the same."""
    status, body = await send(world, count="101.00", price="0.5000")
    assert {reason["code"] for reason in body["reasons"]} >= {"ORDER_COUNT_EXCEEDS_MAXIMUM", "CONFIRMATION_REQUIRED"}
    assert status == 403
    assert "ticket" not in body
    with pytest.raises(AdminError, match="nothing waits"):
        await approve(world, body["decision_id"])


async def test_an_approval_ends(world: World) -> None:
    await approve(world, await asked(world))
    world.time.pass_ms(300_000)
    assert (await send(world))[1]["code"] == "CONFIRMATION_REQUIRED"
    assert world.upstream.writes == []


async def test_a_question_ends(world: World) -> None:
    ticket = await asked(world)
    world.time.pass_ms(300_001)
    with pytest.raises(AdminError, match="waited longer than"):
        await approve(world, ticket)


@pytest.mark.parametrize("actor", ["root", "nobody", "uid 4711"])
async def test_nobody_without_a_name_approves(world: World, actor: str) -> None:
    """Catches an agent on the machine that has become root and approves its own order."""
    ticket = await asked(world)
    with pytest.raises(AdminError, match="must be a person's"):
        await approve(world, ticket, actor)
    assert await world.bodies(EventKind.CONFIRMATION) == []


def test_who_became_root_is_who_logged_in() -> None:
    assert approver_of("ann as root") == "ann"
    assert approver_of("ann") == "ann"


@pytest.mark.parametrize("missing", ["decision_id", "by", "reason"])
async def test_an_approval_says_what_for_who_and_why(world: World, missing: str) -> None:
    ticket = await asked(world)
    with pytest.raises(AdminError, match="needs"):
        await approve(world, ticket, **{missing: " "})


async def test_an_approval_is_on_record(world: World) -> None:
    ticket = await asked(world)
    await approve(world, ticket)
    await send(world)
    (row,) = await world.rows(EventKind.CONFIRMATION)
    body = json.loads(row.body)
    assert (row.decision_id, body["actor"], body["approver"], body["by"], body["reason"]) == (
        ticket, "ann", "ann", "Ann", "seen"
    )  # fmt: skip
    assert [body["facts"]["confirmed"] for body in await world.bodies(EventKind.DECISION)] == [None, ticket]


async def test_what_is_not_on_record_does_not_hold(world: World) -> None:
    """Catches an order that passes by an approval of which no row tells."""
    ticket = await asked(world)
    Disk(world).error = OSError("no space left")
    with pytest.raises(AdminError, match=r"no space left.* may be on the disk all the same"):
        await approve(world, ticket)
    assert world.instance.ledger.confirmations.tickets[ticket].approvals == ()
    assert not Snapshots(world.instance).too_early()


async def test_what_no_row_has_asked_waits_for_nobody(world: World) -> None:
    """Catches a person's yes to a question that could not be recorded: the order that passes by it would name a
    decision that the log does not have (found by a simulated world)."""
    disk = Disk(world)
    disk.error = OSError("no space left")
    assert (await send(world))[1]["code"] == "JOURNAL_UNAVAILABLE"
    assert waiting(world.instance) == []
    disk.error = None
    await approve(world, await asked(world))
    assert (await send(world))[0] == 201


async def test_no_snapshot_is_taken_while_an_approval_is_on_its_way_to_disk(world: World) -> None:
    """The row of the approval stands before the snapshot. Catches an approval that a restart has forgotten although it
    is on record (found by a simulated world)."""
    ticket, taking = await asked(world), Snapshots(world.instance)
    disk = Disk(world)
    disk.hold()
    approving = asyncio.create_task(approve(world, ticket))
    await asyncio.to_thread(disk.reached.wait, 20)
    assert taking.too_early()
    disk.go_on.set()
    await approving
    await taking.take()
    assert last(world.path).ledger.confirmations.tickets[ticket].approvals


async def test_it_takes_as_many_people_as_the_policy_says(tmp_path: Path) -> None:
    """Catches one person who approves twice."""
    world = open_world(tmp_path, LIVE, *ASKING, ("approvals: 1", "approvals: 2"))
    ticket = await asked(world)
    assert (await approve(world, ticket))["needed"] == 1
    with pytest.raises(AdminError, match="another person"):
        await approve(world, ticket, "ann as root")
    assert await asked(world) == ticket
    assert (await approve(world, ticket, "bob"))["needed"] == 0
    assert (await send(world))[0] == 201
    await world.close()


async def test_what_waits_is_shown(world: World) -> None:
    confirmer = Confirmer(world.instance)
    assert await confirmer.waiting("ann", {}) == {"waiting": []}
    ticket = await asked(world)
    shown_before = (await confirmer.waiting("ann", {}))["waiting"]
    assert [(one["decision_id"], one["client"], one["needed"]) for one in shown_before] == [(ticket, "bot", 1)]  # type: ignore[attr-defined]
    assert shown_before[0]["order"]["orders"][0]["count"] == "10.00"  # type: ignore[index]
    world.time.pass_ms(300_001)
    assert await confirmer.waiting("ann", {}) == {"waiting": []}


@pytest.mark.parametrize("by_snapshot", [False, True], ids=["rows", "a snapshot"])
async def test_it_survives_a_restart(tmp_path: Path, *, by_snapshot: bool) -> None:
    """A question before the restart can be approved after it, an approval used, and what was used stays used."""
    world = open_world(tmp_path, LIVE, *ASKING, ROOMY)
    waits, is_approved, is_used = [await asked(world, count=count) for count in ("10.00", "11.00", "12.00")]
    for ticket in (is_approved, is_used):
        await approve(world, ticket)
    assert (await send(world, count="12.00"))[0] == 201
    if by_snapshot:
        await Snapshots(world.instance).take()
        taken = last(world.path).ledger.confirmations.tickets
        assert taken == world.instance.ledger.confirmations.tickets
    await world.close()
    again = open_world(tmp_path, LIVE, *ASKING, ROOMY, time=world.time)
    assert again.instance.ledger.confirmations.tickets == world.instance.ledger.confirmations.tickets
    assert (await send(again, count="11.00"))[0] == 201
    assert (await send(again, count="12.00"))[1]["code"] == "CONFIRMATION_REQUIRED"
    await approve(again, waits)
    assert (await send(again, count="10.00"))[0] == 201
    await again.close()


@pytest.mark.parametrize("by_snapshot", [False, True], ids=["rows", "a snapshot"])
async def test_what_a_dry_run_asked_is_nothing_for_money(tmp_path: Path, *, by_snapshot: bool) -> None:
    """Catches an order that was approved because it sent nothing, and is sent after a start in mode live; and a
    question of the dry run's that is approved then."""
    world = open_world(tmp_path, *ASKING, ROOMY)
    is_approved, waits = [await asked(world, count=count) for count in ("10.00", "11.00")]
    await approve(world, is_approved)
    if by_snapshot:
        await Snapshots(world.instance).take()
        assert last(world.path).ledger.confirmations.tickets == world.instance.ledger.confirmations.tickets
    await world.close()
    again = open_world(tmp_path, LIVE, *ASKING, ROOMY, time=world.time)
    if by_snapshot:
        again.instance.ledger.confirmations.tickets = last(again.path).ledger.confirmations.tickets
    assert await Confirmer(again.instance).waiting("ann", {}) == {"waiting": []}
    with pytest.raises(AdminError, match="not asked in this environment and mode"):
        await approve(again, waits)
    assert await asked(again, count="10.00") != is_approved
    assert again.upstream.writes == []
    await again.close()


async def test_a_dry_run_asks_too(tmp_path: Path) -> None:
    """A policy is tried out there."""
    world = open_world(tmp_path, *ASKING)
    await approve(world, await asked(world))
    assert (await send(world))[0] == 201
    assert world.upstream.writes == []
    await world.close()


async def test_a_flood_of_questions_is_one_question(world: World) -> None:
    """Catches a client that fills the memory, or the list that a person looks at, by sending again and again."""
    tickets = {await asked(world) for _ in range(8)}
    assert len(tickets) == 1
    assert len(world.instance.ledger.confirmations.tickets) == 1


async def test_a_denial_that_is_only_counted_opens_no_ticket(world: World) -> None:
    """Its row would be missing after a restart, and the ticket with it."""
    for number in range(30):
        await send(world, count=f"{10 + number}.00")
    rows = {row.decision_id for row in await world.rows(EventKind.DECISION)}
    assert set(world.instance.ledger.confirmations.tickets) <= rows


async def test_a_batch_waits_as_a_whole(world: World) -> None:
    legs = [order_body(**BIG, client_order_id=f"leg-{leg}") for leg in range(2)]
    raw = world.post(f"{ORDERS.removesuffix('/orders')}/orders/batched", {"orders": legs})
    first = json.loads((await world.ask(raw)).body)
    assert first["code"] == "CONFIRMATION_REQUIRED"
    await approve(world, first["ticket"])
    legs = [order_body(**BIG, client_order_id=f"again-{leg}") for leg in range(2)]
    answer = await world.ask(world.post(f"{ORDERS.removesuffix('/orders')}/orders/batched", {"orders": legs}))
    assert answer.status == 201


async def test_a_decision_of_an_earlier_version_is_made_again_as_it_was(world: World) -> None:
    """Catches a row of then that no longer gives its own verdict: it does not say what was asked (invariant 8)."""
    await approve(world, await asked(world))
    assert (await send(world))[0] == 201
    passed = (await world.bodies(EventKind.DECISION))[-1]
    del passed["facts"]["confirmed_for"]
    decision = decide(restore(passed["request"]), read_facts(passed["facts"]), world.instance.policy)
    assert isinstance(decision, Approved)
