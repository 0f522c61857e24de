"""Each client has a trading state of its own beside the account's: the stricter one binds, neither lifts the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import LIVE, Disk, World, open_world, shown

from pretrade.gateway.account.snapshots import Snapshots, last
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.operators import Operators
from pretrade.gateway.stops.trading import Trading
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
WHO = {"actor": "kim", "by": "Kim", "reason": "looked into it"}
REDUCES = {"reduce_only": True, "time_in_force": "immediate_or_cancel"}
SCOPES = ["", "bot"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    yield world
    await world.close()


@pytest.fixture
def trading(world: World) -> Trading:
    return world.instance.trading


def stop(trading: Trading, state: TradingState, client: str = "") -> asyncio.Future[int]:
    return trading.stop(state, cause="operator", reason="a test", client=client)


def state(world: World, client: str) -> TradingState:
    trading = world.instance.trading
    return trading.client_state(client) if client else trading.state()


def halt_files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("HALT*")]


_OK, _HALTED, _REDUCING = (201, ""), (403, "TRADING_HALTED"), (403, "TRADING_REDUCING")
_ITS_HALTED, _ITS_REDUCING = (403, "CLIENT_HALTED"), (403, "CLIENT_REDUCING")


@pytest.mark.parametrize(
    ("account", "client", "order", "reduces"),
    [
        (ACTIVE, ACTIVE, _OK, _OK),
        (ACTIVE, REDUCING, _ITS_REDUCING, _OK),
        (ACTIVE, HALTED, _ITS_HALTED, _ITS_HALTED),
        (REDUCING, ACTIVE, _REDUCING, _OK),
        (REDUCING, REDUCING, _REDUCING, _OK),
        (REDUCING, HALTED, _REDUCING, _ITS_HALTED),
        (HALTED, ACTIVE, _HALTED, _HALTED),
        (HALTED, REDUCING, _HALTED, _HALTED),
        (HALTED, HALTED, _HALTED, _HALTED),
    ],
)
async def test_the_stricter_of_both_states_binds_and_exits_always_pass(
    world: World,
    account: TradingState,
    client: TradingState,
    order: tuple[int, str],
    reduces: tuple[int, str],
) -> None:
    """Catches a client's state that lifts the account's, one that binds another client, and an exit that is trapped."""
    for whose, wanted in (("", account), ("bot", client)):
        if wanted is not ACTIVE:
            await stop(world.instance.trading, wanted, whose)
    assert shown(await world.ask(world.order())) == order
    assert shown(await world.ask(world.order(**REDUCES))) == reduces
    assert (await world.ask(world.cancel())).status == 200
    others = {ACTIVE: _OK, REDUCING: _REDUCING, HALTED: _HALTED}[account]
    assert shown(await world.ask(world.order("other-key"))) == others


async def test_both_states_are_named_where_both_object(world: World, trading: Trading) -> None:
    await stop(trading, HALTED)
    await stop(trading, REDUCING, "bot")
    answer = await world.ask(world.order())
    assert [reason["code"] for reason in json.loads(answer.body)["reasons"]] == ["TRADING_HALTED", "CLIENT_REDUCING"]
    (body,) = await world.bodies(EventKind.DECISION)
    assert (body["facts"]["trading_state"], body["facts"]["client_state"]) == ("HALTED", "REDUCING")


@pytest.mark.parametrize("stopped", [REDUCING, HALTED])
async def test_a_clients_stop_reaches_its_order_that_waits_for_a_connection(
    world: World, trading: Trading, stopped: TradingState
) -> None:
    """Catches a last look that asks for the account's state alone; and one that stops another client's order."""
    waiting, free = asyncio.Event(), asyncio.Event()

    async def busy() -> None:
        waiting.set()
        await free.wait()

    world.upstream.on_connect = busy
    asking = [asyncio.create_task(world.ask(world.order(key))) for key in ("bot-key", "other-key")]
    await waiting.wait()
    while len(await world.rows(EventKind.DECISION)) < 2:
        await asyncio.sleep(0)
    stop(trading, stopped, "bot")
    free.set()
    its, others = await asyncio.gather(*asking)
    assert shown(its) == (403, f"CLIENT_{stopped}")
    assert shown(others) == (201, "")
    assert len(world.upstream.writes) == 1


@pytest.mark.parametrize("resumed", SCOPES)
async def test_neither_resume_lifts_the_other_stop(world: World, trading: Trading, resumed: str) -> None:
    """Catches `pretrade resume` that lets go a client that somebody stopped for a reason of its own."""
    for whose in SCOPES:
        await stop(trading, HALTED, whose)
    await trading.resume(**WHO, client=resumed)
    assert [state(world, whose) for whose in SCOPES] == [ACTIVE if whose == resumed else HALTED for whose in SCOPES]


@pytest.mark.parametrize("client", SCOPES)
async def test_a_stop_holds_before_its_row_and_its_row_names_it(world: World, trading: Trading, client: str) -> None:
    disk = Disk(world)
    disk.hold()
    row = stop(trading, REDUCING, client)
    assert state(world, client) is REDUCING
    assert not row.done()
    disk.go_on.set()
    await row
    (body,) = await world.bodies(EventKind.TRADING_STATE)
    assert (body["client"], body["state"], body["previous"]) == (client, "REDUCING", "ACTIVE")


@pytest.mark.parametrize("client", SCOPES)
async def test_reducing_never_loosens_halted(world: World, trading: Trading, client: str) -> None:
    await stop(trading, HALTED, client)
    await stop(trading, REDUCING, client)
    assert state(world, client) is HALTED


@pytest.mark.parametrize("client", SCOPES)
async def test_a_stop_during_a_resume_wins(world: World, trading: Trading, client: str) -> None:
    """Catches a halt that is swallowed: given while the resume's row is being written, undone when it is there."""
    await stop(trading, REDUCING, client)
    disk = Disk(world)
    disk.hold()
    resuming = asyncio.create_task(trading.resume(**WHO, client=client))
    await asyncio.to_thread(disk.reached.wait, 5)
    assert trading.is_resuming
    second = stop(trading, REDUCING, client)
    disk.go_on.set()
    await second
    await resuming
    assert state(world, client) is REDUCING
    assert not trading.is_resuming


@pytest.mark.parametrize("client", SCOPES)
async def test_a_stop_of_one_does_not_undo_the_resume_of_another(world: World, trading: Trading, client: str) -> None:
    """Catches one counter for all: any auto-halt would make every resume fail."""
    other = "other" if client == "bot" else "bot"
    await stop(trading, REDUCING, client)
    disk = Disk(world)
    disk.hold()
    resuming = asyncio.create_task(trading.resume(**WHO, client=client))
    await asyncio.to_thread(disk.reached.wait, 5)
    stop(trading, HALTED, other)
    disk.go_on.set()
    await resuming
    assert (state(world, client), state(world, other)) == (ACTIVE, HALTED)


@pytest.mark.parametrize("client", SCOPES)
async def test_a_resume_that_cannot_be_recorded_changes_nothing(
    world: World, tmp_path: Path, trading: Trading, client: str
) -> None:
    await stop(trading, REDUCING, client)
    Disk(world).error = OSError("disk full")
    with pytest.raises(JournalUnavailable):
        await trading.resume(**WHO, client=client)
    assert (tmp_path / ("HALT.bot" if client else "HALT")).exists()
    assert state(world, client) is HALTED, "the file holds it now"


@pytest.mark.parametrize("client", SCOPES)
async def test_a_stop_that_cannot_be_recorded_leaves_its_own_file(
    world: World, tmp_path: Path, trading: Trading, client: str
) -> None:
    """Catches a client's stop that a full disk turns into everybody's, or that a restart forgets."""
    Disk(world).error = OSError("disk full")
    with pytest.raises(JournalUnavailable):
        await stop(trading, HALTED, client)
    assert halt_files(tmp_path) == ["HALT.bot" if client else "HALT"]


async def test_a_halt_file_of_one_client_halts_that_client(world: World, tmp_path: Path) -> None:
    """Catches a file that is not looked for, or that halts everybody."""
    (tmp_path / "HALT.bot").write_text("kim: odd orders\n")
    assert shown(await world.ask(world.order())) == (403, "CLIENT_HALTED")
    assert (await world.ask(world.order("other-key"))).status == 201
    (tmp_path / "HALT.bot").unlink()
    assert shown(await world.ask(world.order(count="2.00"))) == (403, "CLIENT_HALTED"), "removing it resumes nothing"
    (body,) = await world.bodies(EventKind.TRADING_STATE)
    assert (body["client"], body["cause"]) == ("bot", "file")
    assert body["reason"].endswith("HALT.bot: kim: odd orders")
    await world.instance.trading.resume(**WHO, client="bot")
    assert (await world.ask(world.order())).status == 201


async def test_states_survive_a_restart_and_a_snapshot(world: World, tmp_path: Path, trading: Trading) -> None:
    """Catches a resume by restart, with the rows read again and with a snapshot instead of them."""
    await stop(trading, REDUCING, "bot")
    await stop(trading, HALTED, "other")
    await trading.resume(**WHO, client="other")
    await Snapshots(world.instance).take()
    kept = last(world.path).ledger
    assert kept.client_states == {"bot": REDUCING}
    await world.close()
    again = open_world(tmp_path, LIVE)
    assert [again.instance.trading.client_state(name) for name in ("bot", "other")] == [REDUCING, ACTIVE]
    await again.close()


# Operators


async def test_operators_stop_and_resume_one_client(world: World) -> None:
    operators = Operators(world.instance, world.gate.begin)
    halted = await operators.halt("kim", {"client": "bot", "reason": "odd orders", "state": "REDUCING"})
    assert halted == {
        "trading_state": "ACTIVE", "client_states": {"bot": "REDUCING"}, "client_state": "REDUCING", "recorded": True,
    }  # fmt: skip
    resumed = await operators.resume("kim", {"client": "bot", "by": "Kim", "reason": "fixed"})
    assert resumed == {"trading_state": "ACTIVE", "client_states": {}, "client_state": "ACTIVE"}
    rows = [(row["client"], row["state"], row["actor"]) for row in await world.bodies(EventKind.TRADING_STATE)]
    assert rows == [("bot", "REDUCING", "kim"), ("bot", "ACTIVE", "kim")]


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("halt", {"client": "bto", "reason": "r"}, "there is no client 'bto'; known are bot, other, rsa-bot"),
        ("resume", {"client": "bto", "by": "Kim", "reason": "r"}, "there is no client 'bto'"),
        ("halt", {"reason": ""}, "a halt needs a reason"),
        ("halt", {"reason": "r", "state": "ACTIVE"}, "HALTED or REDUCING"),
        ("resume", {"by": "", "reason": "r"}, "needs a name"),
        ("resume", {"by": "Kim"}, "and a reason"),
    ],
)
async def test_what_operators_must_put_right(world: World, command: str, arguments: dict[str, Any], why: str) -> None:
    """Catches a typo in a client's name that stops nobody and says so to nobody."""
    with pytest.raises(AdminError, match=why):
        await getattr(Operators(world.instance, world.gate.begin), command)("kim", arguments)
    assert await world.rows(EventKind.TRADING_STATE) == []


async def test_a_client_that_has_left_the_policy_can_still_be_resumed(world: World) -> None:
    world.instance.ledger.set_state("gone", HALTED)
    answer = await Operators(world.instance, world.gate.begin).resume(
        "kim", {"client": "gone", "by": "Kim", "reason": "r"}
    )
    assert answer["client_states"] == {}
