"""Rounds of the reconciliation: what is asked for, what is recorded, what a client gets, and what a failure does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.builders import TICKER
from tests.gateway.fakes import CLIENTS, LIVE, Disk, Hanging, World, always, open_world, until
from tests.risk.recordkit import ended, there

from pretrade.gateway.account.drop_copy import DropCopyError, Wanted
from pretrade.gateway.account.reconcile import NEWS_EVERY_MS, TAKEN_AT_ONCE, TOLD_AT_ONCE, Reconciler
from pretrade.gateway.account.reconciled import Reconciled
from pretrade.gateway.account.record_wants import CASH_AT_ONCE, FIRST_SINCE_MS, SINCE_MS
from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.gateway.account.snapshots import last
from pretrade.gateway.messages import Answer
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.resolve import Resolver
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.kalshi.client import Unknown
from pretrade.model.drop_copy import DropCopy, ExchangeOrder, ExchangePosition
from pretrade.model.instance import TradingState
from pretrade.model.units import Count, Money
from pretrade.risk.reconciling import reconciled_orders
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS

LOST = always(Unknown("no whole answer came before the deadline"))
ROUND_MS = 2_000


@dataclass
class FakeReader:
    """The exchange's record by interface: as of now, with these orders and positions; or it fails with `problem`."""

    world: World
    orders: tuple[ExchangeOrder, ...] = ()
    positions: tuple[ExchangePosition, ...] = ()
    problem: str = ""
    lag_ms: int = 0
    asked: list[Wanted] = field(default_factory=list)
    meanwhile: Callable[[], Any] | None = None

    async def read(self, wanted: Wanted) -> DropCopy:
        self.asked.append(wanted)
        as_of_ms = self.world.time.clock.now_ms() - self.lag_ms
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.problem:
            raise DropCopyError(self.problem)
        gone = wanted.order_ids - {order.order_id for order in self.orders}
        return DropCopy(as_of_ms, as_of_ms, self.positions, self.orders, gone, (), (), (), (0, 1, 2))


@dataclass
class Desk:
    """A proxy without its doors, its reconciler, and the record that it reads."""

    world: World
    record: FakeReader
    reconciler: Reconciler

    async def round(self, after_ms: int = ROUND_MS) -> bool:
        self.world.time.pass_ms(after_ms)
        return await self.reconciler.round()

    def shown(self, **changes: Any) -> ExchangeOrder:
        """The order of one contract at 50 cents that `World.order` makes, as the exchange has it."""
        now_ms = self.world.time.clock.now_ms()
        base = {"filled": Count(0), "remaining": Count(100), "price": 5_000, "created_ms": now_ms}
        return replace(there(), **(base | changes))

    async def lose(self, **changes: object) -> Answer:
        """Send an order whose answer does not come."""
        self.world.upstream.on_send = LOST
        return await self.world.ask(self.world.order(**changes))

    @property
    def ledger(self) -> Any:
        return self.world.instance.ledger


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    world = open_world(tmp_path, LIVE)
    world.instance.reconciled = Reconciled(world.time.clock)
    record = FakeReader(world)
    desk = Desk(world, record, Reconciler(world.instance, record))  # type: ignore[arg-type]
    assert await desk.round()
    yield desk
    await world.close()


# What is asked for


async def test_cash_is_asked_for_in_turn(desk: Desk) -> None:
    """Catches a run that begins without having read the cash of each, and one whose turn never moves."""
    desk.world.instance.clients = {
        str(number): replace(CLIENTS["bot-key"], subaccount=number) for number in range(2 * CASH_AT_ONCE)
    }
    nothing = (Money(0), Money(0), Money(0))
    desk.ledger.money.update(dict.fromkeys(range(2 * CASH_AT_ONCE), nothing))
    for _ in range(2):
        await desk.round()
    one, other = desk.record.asked[-2:]
    assert (len(one.known), len(other.known), one.known & other.known) == (CASH_AT_ONCE, CASH_AT_ONCE, frozenset())
    desk.reconciler = Reconciler(desk.world.instance, desk.record)  # type: ignore[arg-type]
    await desk.round()
    assert desk.record.asked[-1].known == frozenset()


async def test_what_is_asked_for(desk: Desk) -> None:
    """Catches: orders of long ago that are not read while one of them is unknown; orders of ours that are not asked for
    by their id; a subaccount that nobody reads."""
    first = desk.record.asked[0]
    now_ms = desk.world.time.clock.now_ms()
    assert (first.subaccounts, first.order_ids, first.since_ms) == ([0, 1, 2], frozenset(), now_ms - FIRST_SINCE_MS)
    answer = await desk.world.ask(desk.world.order(client_order_id="c-1"))
    await desk.round()
    assert desk.record.asked[-1].order_ids == {json.loads(answer.body)["order_id"]}
    assert desk.record.asked[-1].since_ms == now_ms - SINCE_MS
    lost_ms = desk.world.time.clock.now_ms() + 1
    await desk.lose(client_order_id="c-2")
    for _ in range(5):
        await desk.round(5_000)
    assert desk.record.asked[-1].since_ms == lost_ms - SINCE_MS


# Thousands of orders


def past_us(desk: Desk, number: int, **changes: Any) -> tuple[ExchangeOrder, ...]:
    """So many orders that somebody made past this proxy."""
    later_ms = desk.world.time.clock.now_ms() + 1
    names = range(number)
    return tuple(desk.shown(order_id=f"o-{n}", client_order_id=f"p-{n}", created_ms=later_ms, **changes) for n in names)


async def turns(desk: Desk) -> int:
    """How often somebody else had a turn during a round."""
    had = 0

    async def others() -> None:
        nonlocal had
        while True:
            had += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    assert await desk.round()
    waiting.cancel()
    return had


async def test_thousands_of_orders_with_news_are_taken_in_some_at_a_time(desk: Desk) -> None:
    """Catches a round that holds every order up while it takes in all that tell something: 60 us each, 300 ms for 5,000
    (measured). The rows add up to the same ledger, and each is small."""
    before = len(await reconciliations(desk))
    desk.record.orders = past_us(desk, 400)
    with capture_logs() as told:
        assert await turns(desk) > 400 // TAKEN_AT_ONCE
    assert len(desk.ledger.live.orders) == 400
    assert sum(one["log_level"] == "warning" for one in told) == TOLD_AT_ONCE + 1
    desk.record.orders = tuple(replace(one, filled=Count(50), remaining=Count(50)) for one in desk.record.orders)
    desk.record.positions = (ExchangePosition(0, TICKER, Count(20_000), Money(100_000_000), Money(0), Money(0)),)
    assert await turns(desk) > 400 // TAKEN_AT_ONCE
    assert desk.ledger.live.book(0, TICKER).position == 20_000
    rows = [len(body["changes"]) for body in (await reconciliations(desk))[before:]]
    assert (len(rows), max(rows) < TAKEN_AT_ONCE + 10) == (2 * 400 // TAKEN_AT_ONCE, True)
    assert fold(read_events(desk.world.path, kinds=FOLDED)).live.orders == desk.ledger.live.orders


async def test_thousands_of_orders_past_us_that_rest_as_they_did_are_not_gone_through(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a screening for orders of ours alone: those past us are told and counted, and tell nothing new either."""
    desk.record.orders = past_us(desk, 300)
    await desk.round()
    seen: list[str] = []
    take_in = reconciled_orders._take_in_own
    monkeypatch.setattr(reconciled_orders, "_take_in_own", lambda *all_: (seen.append(all_[1].key), take_in(*all_)))
    desk.record.orders = (desk.shown(order_id="o-0", filled=Count(50), remaining=Count(50)), *desk.record.orders[1:])
    await desk.round()
    assert seen == ["exchange/o-0"]
    assert len(desk.world.instance.reconciled.breaks) >= 300


async def test_an_unknown_order_is_found_ahead_of_the_rest(desk: Desk) -> None:
    """Catches an end that is told to nobody because a part of the round had found it."""
    lost = await desk.lose(client_order_id="c-1")
    assert lost.outcome_unknown
    desk.record.orders = (desk.shown(client_order_id="c-1"), *past_us(desk, 2 * TAKEN_AT_ONCE))
    assert await desk.round()
    assert desk.ledger.pending == {}
    assert desk.ledger.live.by_order_id("x-1").client == "bot"
    ends = [body for body in await desk.world.bodies(EventKind.OUTCOME) if body["state"] == "accepted"]
    assert [leg["order_id"] for leg in ends[-1]["legs"]] == ["x-1"]


# What is recorded


async def reconciliations(desk: Desk) -> list[dict[str, Any]]:
    return await desk.world.bodies(EventKind.RECONCILIATION)


async def test_a_row_is_written_for_news_and_every_ten_minutes(desk: Desk) -> None:
    """Catches: a row a second for years; a log in which nobody can see that rounds came through."""
    assert len(await reconciliations(desk)) == 1
    for _ in range(5):
        await desk.round()
    assert len(await reconciliations(desk)) == 1
    await desk.round(NEWS_EVERY_MS)
    body = (await reconciliations(desk))[-1]
    now_ms = desk.world.time.clock.now_ms()
    read = {"kind": "fills_read", "fills": [], "as_of_ms": now_ms}  # so that a start need not read far back
    assert (body["changes"], body["breaks"], body["as_of_ms"]) == ([read], [], now_ms)


async def test_an_orphan_is_told_once_recorded_and_in_the_status(desk: Desk) -> None:
    """Catches an alarm that repeats every second, and one with another's control characters in it."""
    desk.record.orders = (desk.shown(order_id="x\n9"),)
    with capture_logs() as logs:
        for _ in range(3):
            await desk.round()
    told = [line for line in logs if line["event"] == "break"]
    assert [(line["kind"], line["subject"]) for line in told] == [("orphan", "x\\n9")]
    assert [one.kind for one in desk.world.instance.reconciled.breaks] == ["orphan"]
    rows = await reconciliations(desk)
    assert [len(row["breaks"]) for row in rows] == [0, 1]


async def test_the_rows_add_up_to_the_ledger(desk: Desk) -> None:
    """Catches a change that is applied and not recorded, or recorded otherwise than applied."""
    await desk.lose(client_order_id="c-1")
    desk.record.orders = (desk.shown(client_order_id="c-1"), desk.shown(order_id="x-9"))
    desk.record.positions = (ExchangePosition(0, TICKER, Count(700), Money(9), Money(0), Money(0)),)
    for _ in range(9):
        await desk.round()
    await desk.world.instance.journal.settled()
    again, now = fold(read_events(desk.world.path, kinds=FOLDED)).live, desk.ledger.live
    assert again.orders == now.orders
    assert [(key, book.state()) for key, book in again.books()] == [(key, book.state()) for key, book in now.books()]


# What a client gets


async def test_a_found_order_ends_its_attempt_and_is_answered_once(desk: Desk) -> None:
    """Catches a re-post that is sent as a second order, one that is refused for ever, and one answered twice."""
    lost = await desk.lose()
    desk.record.orders = (desk.shown(client_order_id=f"pt-{lost.decision_id}", filled=Count(40), remaining=Count(60)),)
    await desk.round()
    sent = len(desk.world.upstream.writes)
    again = await desk.world.ask(desk.world.order())
    body = json.loads(again.body)
    assert (again.status, body["order_id"], body["fill_count"], body["remaining_count"]) == (201, "x-1", "0.40", "0.60")
    assert len(desk.world.upstream.writes) == sent
    assert await desk.world.outcomes() == ["unknown", "accepted"]
    another = await desk.world.ask(desk.world.order())
    assert another.decision_id != lost.decision_id


async def test_an_absent_order_is_forgotten_and_its_like_is_a_new_one(desk: Desk) -> None:
    """Catches a client that is told for ever that nobody knows."""
    lost = await desk.lose()
    await desk.round(UNSEEN_MS)
    held = await desk.world.ask(desk.world.order())
    assert held.decision_id == lost.decision_id
    await desk.round()
    await desk.round()
    assert await desk.world.outcomes() == ["unknown", "absent"]
    again = await desk.world.ask(desk.world.order())
    assert again.decision_id != lost.decision_id
    assert desk.ledger.live.open_orders(None) == 1


async def test_an_order_that_is_answered_while_the_record_is_read_counts_once(desk: Desk) -> None:
    """The copy shows the order, and its answer comes before the copy is compared. Catches a fill counted twice."""
    hanging = desk.world.upstream.on_send = Hanging()
    asking = asyncio.create_task(desk.world.ask(desk.world.order(client_order_id="c-1")))
    await hanging.reached.wait()
    desk.record.orders = (desk.shown(order_id="ex-c-1", client_order_id="c-1"),)

    async def answered() -> None:
        hanging.go_on.set()
        await asking

    desk.record.meanwhile = answered
    assert await desk.round()
    assert desk.ledger.live.open_orders(None) == 1
    assert desk.world.instance.reconciled.breaks == ()


# What a failure does


async def test_a_record_that_cannot_be_read_is_told_once_and_its_age_grows(desk: Desk) -> None:
    """Catches: a failed round that counts as one; a log that fills with the same line."""
    desk.record.problem = "GET /x was answered 500\n"
    with capture_logs() as logs:
        for _ in range(4):
            assert not await desk.round()
    assert len([line for line in logs if line["event"] == "reconciliation_failed"]) == 1
    reconciled = desk.world.instance.reconciled
    assert (reconciled.problem, reconciled.age_ms()) == ("GET /x was answered 500\\n", 4 * ROUND_MS)
    desk.record.problem = ""
    assert await desk.round()
    assert (reconciled.problem, reconciled.age_ms()) == ("", 0)


async def test_an_older_copy_than_the_last_is_refused(desk: Desk) -> None:
    """Catches a reading from a replica that lags: what was proven since would seem to be undone."""
    desk.record.orders = (ended("x-7"),)
    desk.record.lag_ms = ROUND_MS + 1
    assert not await desk.round()
    assert "1 ms older" in desk.world.instance.reconciled.problem
    assert desk.ledger.ended == {}


async def test_a_market_that_cannot_be_read_fails_the_round_only_where_nothing_is_known_of_it(desk: Desk) -> None:
    """Catches: exposure in no event; a reconciliation that an old market stops."""
    desk.world.instance.markets.missing.add(TICKER)  # type: ignore[attr-defined]
    desk.record.orders = (desk.shown(),)
    assert not await desk.round()
    assert f"the facts of {TICKER}" in desk.world.instance.reconciled.problem
    assert desk.ledger.live.orders == {}
    desk.world.instance.markets.missing.clear()  # type: ignore[attr-defined]
    assert await desk.round()
    desk.world.instance.markets.missing.add(TICKER)  # type: ignore[attr-defined]
    assert await desk.round()


async def test_a_lost_row_stops_orders_until_the_whole_ledger_is_on_record(desk: Desk) -> None:
    """The ledger has learned what the journal has not. Catches a restart that knows less than what orders were judged
    by: an amend of an order that only the lost row told of could not be read back."""
    disk = Disk(desk.world)
    disk.error = OSError("disk full")
    desk.record.orders = (desk.shown(order_id="x-9"),)
    assert not await desk.round()
    assert desk.ledger.live.open_orders(None) == 1
    assert desk.world.instance.reconciled.age_ms() is None
    assert not await desk.round()
    disk.error = None
    denied = await desk.world.ask(desk.world.order())
    assert b"LEDGER_NOT_RECONCILED" in denied.body
    assert await desk.round()
    assert desk.world.instance.reconciled.age_ms() == 0
    assert "exchange/x-9" in last(desk.world.path).ledger.live.orders
    assert (await desk.world.ask(desk.world.order())).status == 201


async def test_a_lost_row_is_made_up_for_only_once_a_resume_is_on_record(desk: Desk) -> None:
    """The resume's row stands before the snapshot and takes effect after it. Catches a snapshot that takes the resume
    back: the proxy trades, and is HALTED again after a restart (found by a simulated world)."""
    world, trading = desk.world, desk.world.instance.trading
    disk = Disk(world)
    await trading.stop(TradingState.HALTED, cause="operator", reason="test")
    disk.error = OSError("disk full")
    desk.record.orders = (desk.shown(order_id="x-9"),)
    assert not await desk.round()
    disk.error = None
    disk.hold()
    resumed = asyncio.create_task(trading.resume(actor="root", by="ann", reason="looked"))
    await until(lambda: trading.is_resuming)
    assert not await desk.round()
    assert "trading is about to be resumed" in world.instance.reconciled.problem
    disk.go_on.set()
    await resumed
    assert await desk.round()
    assert last(world.path).ledger.trading_state is TradingState.ACTIVE


async def test_rounds_go_on_by_themselves_and_soon_where_something_is_open(tmp_path: Path) -> None:
    """Catches: a loop that ends with its first failure; an unknown order that waits for the regular round."""
    world = open_world(tmp_path, LIVE, ("every: 15s", "every: 10m"), ("max_age: 2m", "max_age: 1h"))
    world.instance.reconciled = Reconciled(world.time.clock)
    record = FakeReader(world, problem="not yet")
    reconciler = Reconciler(world.instance, record)  # type: ignore[arg-type]
    running = asyncio.create_task(reconciler.run())
    await until(lambda: bool(record.asked))
    record.problem = ""
    await until(lambda: world.instance.reconciled.rounds == 1)
    world.upstream.on_send = LOST
    await world.ask(world.order(client_order_id="c-1"))
    record.orders = (there(client_order_id="c-1", created_ms=world.time.clock.now_ms()),)
    await until(lambda: not world.instance.ledger.pending)
    running.cancel()
    await asyncio.wait((running,))
    await world.close()


async def test_a_dry_run_reads_nothing(tmp_path: Path) -> None:
    """Catches a dry run that signs reads with the live key."""
    world = open_world(tmp_path)
    record = FakeReader(world)
    reconciler = Reconciler(world.instance, record)  # type: ignore[arg-type]
    await reconciler.first()
    await reconciler.run()
    assert record.asked == []
    await world.close()


async def test_the_doors_wait_for_the_first_round_but_not_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches exits that are trapped behind a silent exchange; a first round that is cut off, whose row is lost."""
    monkeypatch.setattr("pretrade.gateway.account.reconcile.FIRST_S", 0.01)
    silent = asyncio.Event()
    desk.record.meanwhile = silent.wait
    await desk.reconciler.first()
    assert desk.world.instance.reconciled.rounds == 1
    silent.set()
    await until(lambda: desk.world.instance.reconciled.rounds == 2)


# What a person settles


def resolver(desk: Desk) -> Resolver:
    return Resolver(desk.world.instance, desk.reconciler)


async def test_a_person_settles_an_unknown_order_and_it_is_on_record(desk: Desk) -> None:
    """Catches: a hold freed by nobody's name; a resolution that a restart forgets; a client that still waits."""
    lost = await desk.lose()
    desk.world.time.pass_ms(UNSEEN_MS)
    said = {"name": lost.decision_id, "as": "absent", "by": "ann", "reason": "looked"}
    assert await resolver(desk).resolve("root", said) == {"name": lost.decision_id, "as": "absent", "changes": 2}
    (row,) = await desk.world.rows(EventKind.RESOLUTION)
    body = json.loads(row.body)
    assert row.decision_id == lost.decision_id
    assert (body["by"], body["reason"], body["actor"]) == ("ann", "looked", "root")
    assert await desk.world.outcomes() == ["unknown", "absent"]
    assert fold(read_events(desk.world.path, kinds=FOLDED)).pending == desk.ledger.pending == {}
    assert (await desk.world.ask(desk.world.order())).decision_id != lost.decision_id


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"by": ""}, "needs"),
        ({"reason": " "}, "needs"),
        ({"as": "gone"}, "absent or done"),
        ({"name": "d-9"}, "nothing is open"),
        ({}, "may still come"),
    ],
)
async def test_what_cannot_be_settled_is_refused_and_nothing_changes(
    desk: Desk, said: dict[str, str], words: str
) -> None:
    """Catches a resolution without a name, and one that comes before its time."""
    lost = await desk.lose()
    with pytest.raises(AdminError, match=words):
        await resolver(desk).resolve(
            "root", {"name": lost.decision_id, "as": "absent", "by": "ann", "reason": "r"} | said
        )
    assert list(desk.ledger.pending) == [lost.decision_id]
    assert await desk.world.rows(EventKind.RESOLUTION) == []


async def test_nothing_is_settled_against_a_record_that_cannot_be_read(desk: Desk) -> None:
    """Catches a person who frees an order that the exchange would have shown."""
    lost = await desk.lose()
    desk.world.time.pass_ms(UNSEEN_MS)
    desk.record.problem = "silence"
    with pytest.raises(AdminError, match="silence"):
        await resolver(desk).resolve("root", {"name": lost.decision_id, "as": "absent", "by": "a", "reason": "r"})
    assert list(desk.ledger.pending) == [lost.decision_id]


async def test_what_this_run_waits_for_is_not_settled(desk: Desk) -> None:
    """Catches an order that is given up while its answer is on the way."""
    hanging = desk.world.upstream.on_send = Hanging()
    asking = asyncio.create_task(desk.world.ask(desk.world.order(client_order_id="c-1")))
    await hanging.reached.wait()
    (name,) = desk.ledger.pending
    desk.world.time.pass_ms(10 * UNSEEN_MS)
    with pytest.raises(AdminError, match="in flight"):
        await resolver(desk).resolve("root", {"name": name, "as": "absent", "by": "a", "reason": "r"})
    hanging.go_on.set()
    assert (await asking).status == 201


async def test_a_resolution_that_cannot_be_recorded_stops_orders(desk: Desk) -> None:
    """Catches room that is used again and that a restart would count as taken."""
    lost = await desk.lose()
    desk.world.time.pass_ms(UNSEEN_MS)
    disk = Disk(desk.world)
    disk.error = OSError("disk full")
    with pytest.raises(AdminError, match="could not be recorded"):
        await resolver(desk).resolve("root", {"name": lost.decision_id, "as": "absent", "by": "a", "reason": "r"})
    disk.error = None
    denied = await desk.world.ask(desk.world.order(client_order_id="c-9"))
    assert b"LEDGER_NOT_RECONCILED" in denied.body
    assert await desk.round()
    assert (await desk.world.ask(desk.world.order(client_order_id="c-10"))).decision_id
