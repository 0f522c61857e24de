"""What a start learns from the journal that a gate wrote: figures, the trading state, and what is open."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import facts, order
from tests.gateway.fakes import (
    LIVE,
    ORDERS,
    FakeTime,
    Hanging,
    World,
    accept,
    always,
    answered,
    open_world,
    order_body,
    shown,
)

from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.gateway.way.records import facts_body
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.journal.reader import read_events
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.kalshi.wire import describe
from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import CancelAll, CreateOrder, Write
from pretrade.risk.ledger.ledger import Ledger

DAY = "2026-11-21"
NO_ANSWER = always(Unknown("no whole answer came before the deadline"))


async def again(world: World, *changes: tuple[str, str]) -> World:
    """The next run on the same folder and clock."""
    await world.rows()
    await world.close()
    return open_world(world.path.parent, *changes, time=world.time)


def same(one: Ledger, other: Ledger, now_ms: int) -> bool:
    """Whether two ledgers hold the same figures."""
    counts = [[ledger.day_orders(mode, DAY) for mode in Mode] for ledger in (one, other)]
    return (
        counts[0] == counts[1]
        and one.day_of("") == other.day_of("")
        and one.trading_state is other.trading_state
        and one.pending == other.pending
        and one.dry_run.resting(now_ms) == other.dry_run.resting(now_ms)
    )


async def traffic(world: World) -> None:
    """Some of everything that a live gate does."""
    await world.ask(world.order(client_order_id="c-1"))
    await world.ask(world.order(price="0.9900"))
    orders = [order_body(client_order_id=f"b-{leg}") for leg in range(3)]
    await world.ask(world.post(f"{ORDERS}/batched", {"orders": orders}))
    await world.ask(world.cancel())
    for number, answer in enumerate((NO_ANSWER, always(NotSent("no way")), always(answered(400)))):
        world.upstream.on_send = answer
        await world.ask(world.order("other-key", client_order_id=f"d-{number}"))
    world.upstream.on_send = NO_ANSWER
    await world.ask(world.order())
    world.upstream.on_send = accept
    await world.instance.trading.stop(TradingState.REDUCING, cause="operator", actor="kim", reason="a test")
    await world.ask(world.order(client_order_id="c-9"))


async def test_a_restart_gives_the_same_figures(tmp_path: Path) -> None:
    """Catches a day limit, an open order or a halt that a restart forgets."""
    world = open_world(tmp_path, LIVE)
    await traffic(world)
    before, now_ms = world.instance.ledger, world.time.clock.now_ms()
    assert (before.day_orders(Mode.LIVE, DAY), len(before.pending)) == (7, 2)
    world = await again(world, LIVE)
    assert same(world.instance.ledger, before, now_ms)
    world = await again(world, LIVE)
    assert same(world.instance.ledger, before, now_ms)
    await world.close()


async def test_a_dry_run_is_restored_order_by_order(tmp_path: Path) -> None:
    """Catches a client whose dry-run orders are gone after a restart, or back though they were canceled or expired."""
    world = open_world(tmp_path)
    ids = []
    for number in range(4):
        end = world.time.clock.now_ms() // 1000 + 60 if number == 3 else None
        created = await world.ask(world.order(client_order_id=f"c-{number}", expiration_time=end))
        ids.append(json.loads(created.body)["order_id"])
    await world.ask(world.cancel(ids[0]))
    await world.ask(world.post(f"{ORDERS}/{ids[1]}/decrease", {"reduce_by": "0.40"}))
    before = world.instance.ledger
    world = await again(world)
    now_ms = world.time.clock.now_ms()
    assert same(world.instance.ledger, before, now_ms)
    assert [(one.order_id, one.remaining) for one in world.instance.ledger.dry_run.resting(now_ms)] == [
        (ids[1], 60),
        (ids[2], 100),
        (ids[3], 100),
    ]
    assert len(world.instance.ledger.dry_run.resting(now_ms + 60_000)) == 2
    assert (await world.ask(world.cancel(ids[1]))).status == 200
    assert shown(await world.ask(world.cancel(ids[1])))[0] == 404
    assert shown(await world.ask(world.order(client_order_id="c-0")))[0] == 409
    await world.close()


async def test_the_days_limit_holds_over_restarts(tmp_path: Path) -> None:
    """No limit is ever passed, whatever the order of crashes and restarts."""
    sent, time = 0, FakeTime()
    for run in range(4):
        world = open_world(tmp_path, LIVE, time=time)
        for number in range(9):
            await world.ask(world.order(client_order_id=f"c-{run}-{number}"))
        await world.rows()
        sent += len(world.upstream.sent)
        await world.close()
    assert sent == 25


async def test_a_full_day_ends_at_midnight_whoever_starts_when(tmp_path: Path) -> None:
    """A start in the day's last second, one in the next day's first, one after a clock was set back over it. Catches a
    start that gives yesterday's unused orders or money out again, and one that keeps a desk shut all of the next
    day."""
    time, days = FakeTime(), []

    async def asked(*, orders: int) -> list[int]:
        world = open_world(tmp_path, LIVE, ('max_notional: "$200"', 'max_notional: "$4"'), time=time)
        answers = [await world.ask(world.order(client_order_id=f"c-{time.utc_ns}-{n}")) for n in range(orders)]
        *_, row = await world.bodies(EventKind.DECISION)
        days.append((row["facts"]["day"], row["codes"]))
        await world.close()
        return [answer.status for answer in answers]

    assert await asked(orders=9) == [201] * 8 + [403]
    time.pass_ms(12 * 3_600_000 - 1_000)
    assert await asked(orders=1) == [403]
    time.pass_ms(1_000)
    assert await asked(orders=1) == [201]
    time.utc_ns -= 3_600 * 10**9
    assert await asked(orders=8) == [201] * 7 + [403]
    full = ["DAY_NOTIONAL_EXCEEDS_MAXIMUM"]
    assert days == [(DAY, full), (DAY, full), ("2026-11-22", []), ("2026-11-22", full)]


async def test_an_order_in_flight_at_a_crash_is_unknown(tmp_path: Path) -> None:
    """Catches an order that was being sent when the power went: without an outcome row it may be live."""
    world = open_world(tmp_path, LIVE)
    hanging = world.upstream.on_send = Hanging()
    asking = asyncio.create_task(world.ask(world.order()))
    await hanging.reached.wait()
    crashed = fold(read_events(world.path, kinds=FOLDED))
    assert set(crashed.pending) == set(world.instance.ledger.pending)
    assert crashed.day_orders(Mode.LIVE, DAY) == 1
    hanging.go_on.set()
    await asking
    await world.rows()
    assert fold(read_events(world.path, kinds=FOLDED)).pending == {}
    await world.close()


async def test_an_unknown_order_holds_its_copy_after_a_restart(tmp_path: Path) -> None:
    """Catches the second position that a client opens when it sends its order again to the new run. Another order,
    another client's, and one with an id of its own pass."""
    world = open_world(tmp_path, LIVE)
    world.upstream.on_send = NO_ANSWER
    first = await world.ask(world.order())
    world = await again(world, LIVE)
    for raw in (world.order(), world.order(subaccount=0)):
        told = await world.ask(raw)
        assert shown(told) == (504, "OUTCOME_UNKNOWN")
        assert (told.decision_id, told.outcome_unknown) == (first.decision_id, True)
    assert "client_order_id" in json.loads(told.body)["hint"]
    assert world.upstream.sent == []
    for raw in (world.order(count="2.00"), world.order("other-key"), world.order(client_order_id="c-1")):
        assert (await world.ask(raw)).status == 201
    await world.close()


async def test_an_unknown_batch_without_ids_holds_its_copy_too(tmp_path: Path) -> None:
    """Catches ids of ours (one a leg) that are taken for the client's: the copy would go out."""
    batch = {"orders": [order_body(), order_body(count="2.00")]}
    world = open_world(tmp_path, LIVE)
    world.upstream.on_send = NO_ANSWER
    await world.ask(world.post(f"{ORDERS}/batched", batch, "other-key"))
    world = await again(world, LIVE)
    assert shown(await world.ask(world.post(f"{ORDERS}/batched", batch, "other-key"))) == (504, "OUTCOME_UNKNOWN")
    assert world.upstream.sent == []
    assert (await world.ask(world.post(f"{ORDERS}/batched", batch, "bot-key"))).status == 201
    await world.close()


@pytest.mark.parametrize("own_id", ["c-1", "pt-d-0000000000000000"])
async def test_an_unknown_order_with_an_id_holds_no_copy(tmp_path: Path, own_id: str) -> None:
    """The exchange itself refuses the same id twice. Catches a client's own id taken for one of ours."""
    world = open_world(tmp_path, LIVE)
    world.upstream.on_send = NO_ANSWER
    await world.ask(world.order(client_order_id=own_id))
    world = await again(world, LIVE)
    assert (await world.ask(world.order(client_order_id=own_id))).status == 201
    assert (await world.ask(world.order())).status == 201
    await world.close()


async def test_modes_are_counted_apart_over_a_restart(tmp_path: Path) -> None:
    """Catches a dry run that uses up the live day, and dry-run orders that a live run takes for its own."""
    world = open_world(tmp_path)
    for number in range(25):
        await world.ask(world.order(client_order_id=f"c-{number}"))
    assert shown(await world.ask(world.order())) == (403, "DAY_ORDERS_EXCEED_MAXIMUM")
    world = await again(world, LIVE)
    assert (await world.ask(world.order())).status == 201
    assert [world.instance.ledger.day_orders(mode, DAY) for mode in (Mode.DRY_RUN, Mode.LIVE)] == [25, 1]
    world = await again(world)
    assert shown(await world.ask(world.order(client_order_id="new"))) == (403, "DAY_ORDERS_EXCEED_MAXIMUM")
    await world.close()


def event(kind: EventKind, body: dict[str, object], decision_id: str | None = None) -> Event:
    return Event(1, "", 0, "boot-1", kind, decision_id, json.dumps(body), "", "")


def approved(decision_id: str, write: Write, now_ms: int) -> Event:
    seen = facts_body(facts(mode=Mode.DRY_RUN, day=DAY, now_ms=now_ms))
    body = {"verdict": "approved", "facts": seen, "multiplier": 10_000, "request": describe(write)}
    return event(EventKind.DECISION, body, decision_id)


def test_a_row_is_applied_at_its_own_time() -> None:
    """Catches a fold that goes by today's clock: a cancel-all of then would end orders that had expired before it."""
    ledger = fold(
        [approved("d-1", CreateOrder(order(expiration_time=100)), 50_000), approved("d-2", CancelAll(0), 100_000)]
    )
    assert len(ledger.dry_run.resting(99_999)) == 1
    ledger = fold(
        [approved("d-1", CreateOrder(order(expiration_time=100)), 50_000), approved("d-2", CancelAll(0), 99_999)]
    )
    assert ledger.dry_run.resting(99_999) == ()


ENDED = {"at_ms": 1, "state": "accepted", "status": 201, "detail": "", "legs": []}


def spoiled(old: str, new: str) -> Event:
    good = approved("d-1", CreateOrder(order()), 1)
    assert old in good.body
    return replace(good, seq=7, body=good.body.replace(old, new))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (spoiled('"10.00"', '"ten"'), "plain decimal"),
        (spoiled("create_order", "create_odd"), "create_odd"),
        (spoiled('"verdict"', '"verdikt"'), "verdict"),
        (spoiled("dry_run", "wet_run"), "wet_run"),
        (spoiled("{", "["), "Expecting"),
        (event(EventKind.TRADING_STATE, {"state": "SIDEWAYS"}), "SIDEWAYS"),
        (event(EventKind.OUTCOME, ENDED | {"state": "lost"}, "d-1"), "lost"),
        (event(EventKind.TRADING_STATE, {"state": ["HALTED"]}), "HALTED"),
    ],
)
def test_a_row_that_cannot_be_read_stops_the_start(row: Event, why: str) -> None:
    """Missing is not zero. Catches a row that is skipped (its order would be free again), and a start that fails
    without saying which row."""
    with pytest.raises(JournalError, match=f"row {row.seq} .* cannot be read back: .*{why}"):
        fold([row])
