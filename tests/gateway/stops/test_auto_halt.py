"""What stops trading by itself: whom, when exactly, not again after a resume, and over restarts."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import (
    LIVE,
    Disk,
    FakeTime,
    OnSend,
    World,
    accept,
    always,
    answered,
    open_world,
    order_body,
    shown,
)
from tests.haltkit import halting

from pretrade.gateway.messages import Answer
from pretrade.gateway.stops.auto_halt import AutoHalt
from pretrade.gateway.stops.auto_halt_memory import recall
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.instance import TradingState
from pretrade.model.orders import CancelAll
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.reconciling.reconciliation_round import Break

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
WHO = {"actor": "kim", "by": "Kim", "reason": "looked into it"}
REJECT = always(answered(400, {"error": {"code": "invalid_price", "message": "no"}}))
FAIL = always(answered(500, {"error": {"code": "internal_error", "message": "no"}}))
SILENT = always(Unknown("no answer"))
MANY_ORDERS = ("max_orders: 25", "max_orders: 5000")
ALL = halting("rejections", "denials", "exchange_errors", "clock_skew", "breaks")


_ids = itertools.count()


async def turns() -> None:
    """Let the event loop do what was put off, as it does before it reads from a socket."""
    for _ in range(5):
        await asyncio.sleep(0)


class Desk:
    """A live proxy with these halts, which can be restarted; its clients trade through the real gate."""

    def __init__(self, folder: Path, *changes: tuple[str, str]) -> None:
        self.folder, self.changes, self.time = folder, changes, FakeTime()
        self.world = self._open()

    def _open(self) -> World:
        return open_world(self.folder, LIVE, MANY_ORDERS, *self.changes, time=self.time)

    async def restart(self) -> None:
        """A new run on the same folder: it learns what a start learns."""
        await self.world.close()
        self.world = self._open()
        instance = self.world.instance
        recall(self.world.path, instance.auto_halt, instance.trading, instance.clock)

    @property
    def auto_halt(self) -> AutoHalt:
        return self.world.instance.auto_halt

    def state(self, client: str = "") -> TradingState:
        return self.world.instance.ledger.state_of(client)

    async def order(self, client: str = "bot", exchange: OnSend = accept, **changes: object) -> Answer:
        """One order of a client, with an id of its own, met by an exchange that does this."""
        self.world.upstream.on_send = exchange
        named = {"client_order_id": f"c-{next(_ids)}"} | changes
        answer = await self.world.ask(self.world.order(f"{client}-key", **named))
        await turns()
        return answer

    async def orders(self, count: int, client: str = "bot", exchange: OnSend = accept, **changes: object) -> None:
        for _ in range(count):
            await self.order(client, exchange, **changes)

    async def resume(self, client: str = "") -> None:
        await self.world.instance.trading.resume(**WHO, client=client)

    async def stops(self) -> list[tuple[str, str, str]]:
        """The rows: (whose, state, cause)."""
        bodies = await self.world.bodies(EventKind.TRADING_STATE)
        return [(body["client"], body["state"], body["cause"]) for body in bodies]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def open_desk(*changes: tuple[str, str]) -> Desk:
        desks.append(Desk(tmp_path, *changes))
        return desks[-1]

    yield open_desk
    for desk in desks:
        await desk.world.close()


DENIED: dict[str, Any] = {"price": "0.9900"}


@pytest.mark.parametrize(
    ("halt", "exchange", "order", "cause"),
    [
        ("rejections", REJECT, {}, "rejections"),
        ("denials", accept, DENIED, "denials"),
    ],
)
async def test_what_a_client_does_stops_that_client_alone(
    make: Callable[..., Desk], halt: str, exchange: OnSend, order: dict[str, Any], cause: str
) -> None:
    """Catches a client's cause that stops the account or nobody, one event early, or one late."""
    desk = make(*halting(**{halt: "{count: 4, within: 60s, then: REDUCING}"}))
    await desk.orders(3, exchange=exchange, **order)
    assert desk.state("bot") is ACTIVE
    await desk.order(exchange=exchange, **order)
    assert (desk.state("bot"), desk.state("other"), desk.state()) == (REDUCING, ACTIVE, ACTIVE)
    assert shown(await desk.order(count="2.00")) == (403, "CLIENT_REDUCING")
    assert (await desk.order("other")).status == 201
    assert (await desk.world.ask(desk.world.cancel())).status == 200, "its exits pass"
    assert await desk.stops() == [("bot", "REDUCING", cause)]


async def test_the_reason_says_how_many_within_how_long(make: Callable[..., Desk]) -> None:
    desk = make(*halting("rejections"))
    await desk.orders(3, exchange=REJECT)
    (body,) = await desk.world.bodies(EventKind.TRADING_STATE)
    assert body == {
        "client": "bot", "state": "REDUCING", "previous": "ACTIVE", "cause": "rejections", "actor": "", "by": "",
        "reason": "3 orders rejected by the exchange within 60 s",
    }  # fmt: skip


async def test_each_clients_events_are_counted_by_themselves(make: Callable[..., Desk]) -> None:
    """Catches one window for all: three clients that fail once each would stop the third."""
    desk = make(*halting("rejections"))
    for client in ("bot", "rsa", "other", "bot", "other"):
        await desk.order(client, REJECT)
    assert await desk.stops() == []


async def test_what_is_too_long_ago_counts_no_more(make: Callable[..., Desk]) -> None:
    """The clock that counts is the monotonic one. Catches a window that is never emptied."""
    desk = make(*halting("rejections"))
    for _ in range(8):
        await desk.order(exchange=REJECT)
        desk.time.pass_ms(30_500)
    assert await desk.stops() == []


async def test_a_flood_that_is_only_counted_counts(make: Callable[..., Desk]) -> None:
    """Catches a client that hammers: beyond ten a second its denials have no rows of their own."""
    desk = make(*halting(denials="{count: 40, within: 60s, then: HALTED}"))
    await desk.orders(39, **DENIED)
    assert desk.state("bot") is ACTIVE
    await desk.order(**DENIED)
    assert desk.state("bot") is HALTED


async def test_refused_writes_of_every_step_count_and_reads_do_not(make: Callable[..., Desk]) -> None:
    """Catches a bot that is stopped because it asks for a page that is not there, and one that sends rubbish and is
    not."""
    desk = make(*halting("denials"))
    for _ in range(9):
        await desk.world.ask(desk.world.request("GET", "/trade-api/v2/nowhere"))
    await turns()
    assert desk.state("bot") is ACTIVE
    for _ in range(5):
        await desk.world.ask(desk.world.post("/trade-api/v2/portfolio/events/orders", {"ticker": 5}))
    await turns()
    assert desk.state("bot") is REDUCING


async def test_an_old_signature_in_somebody_elses_hands_stops_nobody(make: Callable[..., Desk]) -> None:
    """Catches a client that anybody can stop who has found requests of its own in a log: one whose time is over, one
    that comes with other bytes, and one for what nobody may ask."""
    desk = make(*halting("denials"))
    old = [desk.world.order("rsa-key"), desk.world.request("POST", "/trade-api/v2/api_keys", b"{}", "rsa-key")]
    desk.world.time.pass_ms(5_001)
    used = desk.world.order("rsa-key", client_order_id="mine")
    assert (await desk.world.ask(used)).status == 201
    for number in range(9):
        await desk.world.ask(replace(used, body=json.dumps(order_body(client_order_id=f"other-{number}")).encode()))
        for raw in old:
            await desk.world.ask(raw)
    await turns()
    assert await desk.stops() == []


async def test_being_stopped_is_not_held_against_anybody(make: Callable[..., Desk]) -> None:
    """Catches an account's stop after which every client must be resumed by itself."""
    desk = make(*halting("denials"))
    desk.world.instance.trading.stop(HALTED, cause="operator", reason="a test")
    await desk.orders(9)
    await desk.resume()
    assert desk.state("bot") is ACTIVE
    assert (await desk.order()).status == 201


@pytest.mark.parametrize("failure", [FAIL, SILENT, always(answered(503)), always(answered(201, {}))])
async def test_failures_of_the_exchange_in_a_row_stop_the_account(make: Callable[..., Desk], failure: OnSend) -> None:
    """Whoever meets them. Catches an outage that is held against the client that happened to trade."""
    desk = make(*ALL)
    await desk.order("bot", failure)
    await desk.order("other", failure)
    assert await desk.stops() == []
    await desk.order("rsa", failure)
    assert await desk.stops() == [("", "REDUCING", "exchange_errors")]
    assert shown(await desk.order("other")) == (403, "TRADING_REDUCING")
    assert (await desk.world.ask(desk.world.cancel())).status == 200


async def test_an_answer_ends_a_row_of_failures_and_what_was_not_sent_does_not(make: Callable[..., Desk]) -> None:
    """Catches a healthy exchange that stops the account at its third 500 of the day, and a row that is broken by an
    order that never left us."""
    desk = make(*halting("exchange_errors"))
    for exchange in (FAIL, FAIL, accept, FAIL, FAIL, REJECT, FAIL, FAIL):
        await desk.order(exchange=exchange)
    assert await desk.stops() == []
    await desk.order(exchange=always(NotSent("could not connect")))
    assert await desk.stops() == []
    await desk.order(exchange=FAIL)
    assert await desk.stops() == [("", "REDUCING", "exchange_errors")]


async def test_an_order_that_went_well_ends_a_row_whose_last_failure_is_not_counted_yet(
    make: Callable[..., Desk],
) -> None:
    """Catches a good order that is passed over because the failure just before it, in the same turn of the event loop,
    has not been counted: the account would be stopped by failures that were not in a row."""
    desk = make(*halting("exchange_errors"))
    failed, went_well = Outcome(OutcomeState.UNKNOWN), Outcome(OutcomeState.ACCEPTED, 204)
    for outcome in (failed, went_well, failed, failed):
        desk.auto_halt.ended("bot", CancelAll(0), outcome)
    await turns()
    assert await desk.stops() == []
    desk.auto_halt.ended("bot", CancelAll(0), failed)
    await turns()
    assert await desk.stops() == [("", "REDUCING", "exchange_errors")]


@pytest.mark.parametrize(
    ("off_s", "times", "stops"),
    [(0, 9, False), (2, 9, False), (-3, 9, False), (9, 2, False), (3, 3, True), (-4, 3, True)],
)
async def test_a_clock_that_is_off_stops_the_account(
    make: Callable[..., Desk], *, off_s: int, times: int, stops: bool
) -> None:
    """A Date is a whole second: only what it cannot explain counts, and only by three answers in a row. Catches a stop
    by rounding or by one odd answer, and a clock that is off and stops nobody."""
    desk = make(*halting("clock_skew"))
    now_s, loop = desk.time.clock.now_ms() // 1000, asyncio.get_running_loop()
    for _ in range(times):
        desk.auto_halt.dated(formatdate(now_s + off_s, usegmt=True), loop.time())
    desk.auto_halt.dated("yesterday", loop.time())
    assert desk.state() is (HALTED if stops else ACTIVE)


async def test_a_slow_answer_is_no_skew(make: Callable[..., Desk]) -> None:
    """Catches the time that an answer took, or waited for us, taken for the clock."""
    desk = make(*halting("clock_skew"))
    now_s, loop = desk.time.clock.now_ms() // 1000, asyncio.get_running_loop()
    for _ in range(5):
        desk.auto_halt.dated(formatdate(now_s - 6, usegmt=True), loop.time() - 7)
    assert desk.state() is ACTIVE


async def test_one_good_answer_between_begins_anew(make: Callable[..., Desk]) -> None:
    desk = make(*halting("clock_skew"))
    now_s, loop = desk.time.clock.now_ms() // 1000, asyncio.get_running_loop()
    for off_s in (9, 9, 0, 9, 9, 0):
        desk.auto_halt.dated(formatdate(now_s + off_s, usegmt=True), loop.time())
    assert desk.state() is ACTIVE


ORPHAN, GHOST, TERMS = Break("orphan", "x-1", ""), Break("ghost", "x-2", ""), Break("terms", "x-3", "")


async def test_a_new_break_of_a_named_kind_stops_the_account(make: Callable[..., Desk]) -> None:
    """Catches a kind that nobody named, and a break that stands and stops again each time it is told."""
    desk = make(*halting("breaks"))
    desk.auto_halt.breaks([TERMS])
    assert desk.state() is ACTIVE
    desk.auto_halt.breaks([TERMS, ORPHAN])
    assert await desk.stops() == [("", "REDUCING", "breaks")]
    await desk.resume()
    desk.auto_halt.breaks([TERMS, ORPHAN])
    assert desk.state() is ACTIVE, "it led to the stop and must not stop again"
    desk.auto_halt.breaks([GHOST, ORPHAN])
    assert desk.state() is REDUCING, "what comes after must"
    await desk.resume()
    desk.auto_halt.breaks([GHOST])
    desk.auto_halt.breaks([GHOST, ORPHAN])
    assert desk.state() is REDUCING, "it had gone, and came again"


async def test_a_break_that_stood_before_a_restart_stops_nobody_again(make: Callable[..., Desk]) -> None:
    desk = make(*halting("breaks"))
    row = {"breaks": [{"kind": one.kind, "subject": one.subject, "detail": "d"} for one in (ORPHAN,)], "changes": []}
    desk.auto_halt.breaks([ORPHAN])
    await desk.world.instance.journal.append(EventKind.RECONCILIATION, row)
    await desk.resume()
    await desk.restart()
    desk.auto_halt.breaks([ORPHAN])
    assert desk.state() is ACTIVE
    desk.auto_halt.breaks([ORPHAN, GHOST])
    assert desk.state() is REDUCING


@pytest.mark.parametrize(("cause", "client"), [("loss", ""), ("loss", "bot"), ("repeat", "bot")])
async def test_what_others_find_stops_whom_they_name(make: Callable[..., Desk], cause: str, client: str) -> None:
    desk = make(*halting(**{cause: "{then: HALTED}"}))
    for _ in range(3):
        desk.auto_halt.fire(cause, client, "so it is")
    assert await desk.stops() == [(client, "HALTED", cause)], "one row, however often it is found"


async def test_a_waived_cause_stops_nobody(make: Callable[..., Desk]) -> None:
    desk = make()
    await desk.orders(30, exchange=REJECT)
    await desk.orders(60, **DENIED)
    await desk.orders(9, exchange=FAIL)
    desk.auto_halt.breaks([ORPHAN])
    desk.auto_halt.fire("loss", "", "lost")
    desk.auto_halt.dated(formatdate(0, usegmt=True), 0)
    assert await desk.stops() == []


async def test_what_led_to_a_stop_does_not_stop_again_and_what_comes_after_does(make: Callable[..., Desk]) -> None:
    """Catches a window that is not cleared by the resume: the first rejection after it would stop again."""
    desk = make(*halting("rejections"))
    await desk.orders(3, exchange=REJECT)
    await desk.resume("bot")
    await desk.orders(2, exchange=REJECT)
    assert desk.state("bot") is ACTIVE
    await desk.order(exchange=REJECT)
    assert desk.state("bot") is REDUCING


async def test_a_resume_begins_anew_for_its_own_scope_alone(make: Callable[..., Desk]) -> None:
    """Catches a resume of the account that gives every client a second try."""
    desk = make(*halting("rejections"))
    await desk.orders(2, exchange=REJECT)
    desk.world.instance.trading.stop(REDUCING, cause="operator", reason="a test")
    await desk.resume()
    await desk.order(exchange=REJECT)
    assert desk.state("bot") is REDUCING


async def test_what_happens_while_a_resume_waits_for_its_row_stops(make: Callable[..., Desk]) -> None:
    """Catches a stop that is dropped because its client still stands stopped, and is resumed a moment later."""
    desk = make(*halting("rejections"))
    desk.auto_halt.fire("rejections", "bot", "before")
    disk = Disk(desk.world)
    disk.hold()
    resuming = asyncio.create_task(desk.resume("bot"))
    await asyncio.to_thread(disk.reached.wait, 5)
    await turns()
    at_ms = desk.world.instance.clock.age_ms()
    desk.auto_halt.count_rejections("bot", 3, at_ms)
    disk.go_on.set()
    await resuming
    assert desk.state("bot") is REDUCING
    assert [state for _, state, _ in await desk.stops()] == ["REDUCING", "ACTIVE", "REDUCING"]


async def test_a_stricter_stop_stands_and_is_not_told_again(make: Callable[..., Desk]) -> None:
    desk = make(*halting("rejections"))
    desk.world.instance.trading.stop(HALTED, cause="operator", reason="a test", client="bot")
    desk.auto_halt.count_rejections("bot", 9, 0)
    assert await desk.stops() == [("bot", "HALTED", "operator")]


async def test_a_rule_that_says_halted_tightens_reducing(make: Callable[..., Desk]) -> None:
    desk = make(*halting(rejections="{count: 1, within: 60s, then: HALTED}"))
    desk.world.instance.trading.stop(REDUCING, cause="operator", reason="a test", client="bot")
    desk.auto_halt.count_rejections("bot", 1, 0)
    assert desk.state("bot") is HALTED


# Restarts


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("bot", REJECT, {}), ("bot", "rejections")),
        (("bot", accept, DENIED), ("bot", "denials")),
        (("bot", FAIL, {}), ("", "exchange_errors")),
    ],
)
async def test_a_restart_gives_nobody_a_second_try(
    make: Callable[..., Desk], first: tuple[str, OnSend, dict[str, Any]], then: tuple[str, str]
) -> None:
    """Catches windows that live in memory alone: a bot whose supervisor restarts the proxy with it is never stopped."""
    client, exchange, order = first
    desk = make(*halting(**dict.fromkeys(("rejections", "denials", "exchange_errors"), _FOUR)))
    await desk.orders(3, client, exchange, **order)
    desk.time.pass_ms(2_000)
    await desk.restart()
    assert await desk.stops() == []
    await desk.order(client, exchange, **order)
    assert [(whose, cause) for whose, _, cause in await desk.stops()] == [then]


_FOUR = "{count: 4, within: 60s, then: REDUCING}"


async def test_a_stop_survives_a_restart_and_is_not_made_twice(make: Callable[..., Desk]) -> None:
    """Catches a resume by restart."""
    desk = make(*halting("rejections"))
    await desk.orders(3, exchange=REJECT)
    await desk.restart()
    assert desk.state("bot") is REDUCING
    assert desk.world.instance.trading.last["bot"].cause == "rejections", "and status can say why"
    assert len(await desk.stops()) == 1


async def test_what_a_resume_put_behind_stays_behind_over_a_restart(make: Callable[..., Desk]) -> None:
    """Catches rows from before the resume that are counted again by the next start."""
    desk = make(*halting("rejections"))
    await desk.orders(3, exchange=REJECT)
    await desk.resume("bot")
    await desk.orders(2, exchange=REJECT)
    await desk.restart()
    assert desk.state("bot") is ACTIVE
    await desk.order(exchange=REJECT)
    assert desk.state("bot") is REDUCING


async def test_a_counted_flood_is_counted_over_a_restart(make: Callable[..., Desk]) -> None:
    desk = make(*halting(denials="{count: 40, within: 60s, then: REDUCING}"))
    await desk.orders(39, **DENIED)
    desk.world.gate.flush(everything=True)
    await desk.restart()
    assert desk.state("bot") is ACTIVE
    await desk.order(**DENIED)
    assert desk.state("bot") is REDUCING


async def test_a_stop_whose_row_was_lost_is_made_up_for(make: Callable[..., Desk]) -> None:
    """Catches a crash between the last rejection's row and the stop's: the next start finds too many."""
    desk = make()
    await desk.orders(3, exchange=REJECT)
    desk.changes = halting("rejections")
    await desk.restart()
    assert await desk.stops() == [("bot", "REDUCING", "rejections")]


async def test_what_is_out_of_its_window_by_the_restart_is_left(make: Callable[..., Desk]) -> None:
    desk = make(*halting("rejections"))
    await desk.orders(2, exchange=REJECT)
    desk.time.pass_ms(60_001)
    await desk.restart()
    await desk.order(exchange=REJECT)
    assert desk.state("bot") is ACTIVE


async def test_a_clock_that_was_set_back_counts_it_all(make: Callable[..., Desk]) -> None:
    """Rows of the future are of now: what is doubtful counts."""
    desk = make(*halting("rejections"))
    await desk.orders(2, exchange=REJECT)
    desk.time.utc_ns -= 3_600_000_000_000
    await desk.restart()
    await desk.order(exchange=REJECT)
    assert desk.state("bot") is REDUCING


# Faults


@pytest.mark.parametrize("broken", ["count_refusal", "count_outcome"])
async def test_a_fault_in_the_counting_keeps_no_order_back_and_lets_none_through(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Catches a bug in here that turns every answer into a 503, or a denial into an order."""
    desk, faults = make(*ALL), []

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(desk.auto_halt, broken, fail)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    assert (await desk.order()).status == 201
    assert (await desk.order(exchange=REJECT)).status == 400
    assert shown(await desk.order(**DENIED)) == (403, "PRICE_OUTSIDE_BAND")
    assert len(desk.world.upstream.writes) == 2
    assert [str(fault["exception"]) for fault in faults] == ["a bug"]


async def test_a_stop_that_cannot_be_recorded_holds_and_is_kept_by_a_file(make: Callable[..., Desk]) -> None:
    """Catches a client that is free again after a restart because the disk was full when it was stopped."""
    desk = make(*halting("rejections"))
    Disk(desk.world).error = OSError("disk full")
    desk.auto_halt.count_rejections("bot", 3, 0)
    assert desk.state("bot") is REDUCING
    with suppress(JournalUnavailable):
        await desk.world.instance.journal.append(EventKind.STOP, {})
    await turns()
    assert (desk.folder / "HALT.bot").exists()
    assert not (desk.folder / "HALT").exists()


async def test_concurrent_orders_are_all_counted(make: Callable[..., Desk]) -> None:
    """Catches answers that come in one turn of the loop and count as one."""
    desk, gone = make(*halting(rejections="{count: 8, within: 60s, then: REDUCING}")), asyncio.Event()

    async def together(request: SignedRequest) -> ExchangeAnswer:
        await gone.wait()
        return await REJECT(request)

    desk.world.upstream.on_send = together
    asking = [
        asyncio.create_task(desk.world.ask(desk.world.order(client_order_id=f"c-{number}", count=f"{number + 1}.00")))
        for number in range(8)
    ]
    await turns()
    gone.set()
    await asyncio.gather(*asking)
    assert desk.state("bot") is REDUCING
