"""Steps 6 to 10: judge, record, sign, send, in this order; what became of it is told, recorded and kept."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import (
    LIVE,
    LIVE_KEY,
    ORDERS,
    Disk,
    Hanging,
    World,
    accept,
    always,
    answered,
    open_world,
    order_body,
    shown,
    until,
)

from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.stops.halt_file import HALT_FILE
from pretrade.gateway.way import writes
from pretrade.gateway.way.attempts import Ticket
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.kalshi.keys import signing_text
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.model.decisions import Approved
from pretrade.model.instance import Mode, TradingState

DAY = "2026-11-21"
DAY_TOTAL = ("day_orders", "", False)
NO_ANSWER = Unknown("no whole answer came before the deadline")
NO_WAY = NotSent("could not connect to the exchange")
REJECTION = {"error": {"code": "insufficient_balance", "message": "insufficient balance"}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    yield world
    await world.close()


@pytest.fixture
async def dry(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path)
    yield world
    await world.close()


class WatchedSigner:
    """The real signer, with a list of what it signed; it can be made to wait or to fail."""

    def __init__(self, world: World, error: Exception | None = None, wait: asyncio.Event | None = None) -> None:
        self.signed: list[Approved] = []
        instance = world.instance
        self._signer, self._error, self._wait = instance.signers.general, error, wait
        instance.signers = Signers.of_policy(instance.policy, self)  # type: ignore[arg-type]

    @property
    def key_id(self) -> str:
        return self._signer.key_id

    async def sign(self, approved: Approved, now_ms: int) -> SignedRequest:
        self.signed.append(approved)
        if self._wait is not None:
            await self._wait.wait()
        if self._error is not None:
            raise self._error
        return await Signer.sign(self._signer, approved, now_ms)

    def close(self) -> None:
        self._signer.close()


def day_orders(world: World, mode: Mode = Mode.LIVE) -> int:
    return world.instance.ledger.day_orders(mode, DAY)


def used_before(row: dict[str, Any]) -> int:
    """The day's orders that a decision saw."""
    return next(before for what, of, own, before, _ in row["facts"]["usages"] if (what, of, own) == DAY_TOTAL)


async def states(world: World) -> list[tuple[str, str]]:
    """(decision id, state) of each outcome row."""
    rows = await world.rows(EventKind.OUTCOME)
    return [(str(row.decision_id), json.loads(row.body)["state"]) for row in rows]


async def begun(world: World, raw: RawRequest) -> asyncio.Task[Answer]:
    """A request on its way, its first steps already taken."""
    task = asyncio.create_task(world.ask(raw))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


# The order of things


async def test_nothing_is_signed_before_its_row_is_on_disk(world: World) -> None:
    """Judge, record, act. Catches a signature that exists before the decision is durable: after a crash the order
    would be live and the log would not know it."""
    disk, signer = Disk(world), WatchedSigner(world)
    disk.hold()
    asking = await begun(world, world.order())
    await asyncio.to_thread(disk.reached.wait, 5)
    await asyncio.sleep(0.02)
    assert (signer.signed, world.upstream.sent) == ([], [])
    assert day_orders(world) == 1
    disk.go_on.set()
    assert (await asking).status == 201
    assert (len(signer.signed), len(world.upstream.sent)) == (1, 1)


async def test_the_row_is_written_then_signed_then_sent_then_settled(world: World) -> None:
    """Catches any two of the steps in another order."""
    disk, signer = Disk(world), WatchedSigner(world)
    seen: list[tuple[list[EventKind], int]] = []

    async def note(request: SignedRequest) -> ExchangeAnswer:
        seen.append((disk.kinds(), len(signer.signed)))
        return await accept(request)

    world.upstream.on_send = note
    answer = await world.ask(world.order())
    assert seen == [([EventKind.DECISION], 1)]
    await world.rows()
    assert [(event.kind, event.decision_id) for event in disk.written[:2]] == [
        (EventKind.DECISION, answer.decision_id),
        (EventKind.OUTCOME, answer.decision_id),
    ]


async def test_what_goes_out_is_ours_and_signed_by_the_live_key(world: World) -> None:
    """Catches a header of the client's on the wire, the client's own signature, and other bytes than were judged."""
    raw = world.order(client_order_id=None)
    answer = await world.ask(raw)
    (sent,) = world.upstream.writes
    headers = dict(sent.headers)
    assert set(headers) == {"KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"}
    assert headers["KALSHI-ACCESS-KEY"] == "live-key"
    text = signing_text(headers["KALSHI-ACCESS-TIMESTAMP"], "POST", ORDERS)
    LIVE_KEY.public_key().verify(base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"]), text)  # type: ignore[call-arg]
    assert (sent.method, sent.target) == ("POST", ORDERS)
    own_id = f"pt-{answer.decision_id}"
    assert json.loads(sent.body) == order_body(client_order_id=own_id, subaccount=0) | json.loads(sent.body)
    assert json.loads(sent.body)["client_order_id"] == own_id
    (body,) = await world.bodies(EventKind.DECISION)
    assert body["request"]["orders"][0]["client_order_id"] == own_id
    assert body["rewrites"] == ["client_order_id", "subaccount"]


async def test_a_denied_order_is_neither_signed_nor_sent(world: World) -> None:
    """The signature is the approval. Catches a denial that is told and not kept."""
    signer = WatchedSigner(world)
    answer = await world.ask(world.order(price="0.9900"))
    assert shown(answer) == (403, "PRICE_OUTSIDE_BAND")
    assert (signer.signed, world.upstream.sent, day_orders(world)) == ([], [], 0)
    (row,) = await world.rows()
    assert (row.kind, row.decision_id) == (EventKind.DECISION, answer.decision_id)
    assert json.loads(row.body)["verdict"] == "denied"


async def test_a_dry_run_signs_and_sends_nothing(dry: World) -> None:
    """Catches a dry run that reaches the exchange: create, amend, decrease, cancel, cancel-all and a batch."""
    signer = WatchedSigner(dry)
    created = await dry.ask(dry.order(client_order_id="c-1"))
    order_id = json.loads(created.body)["order_id"]
    change = order_body(count="2.00", time_in_force=None, self_trade_prevention_type=None)
    answers = [
        created,
        await dry.ask(dry.post(f"{ORDERS}/{order_id}/amend", change)),
        await dry.ask(dry.post(f"{ORDERS}/{order_id}/decrease", {"reduce_by": "0.50"})),
        await dry.ask(dry.cancel(order_id)),
        await dry.ask(dry.post(f"{ORDERS}/batched", {"orders": [order_body(), order_body()]})),
        await dry.ask(dry.request("DELETE", ORDERS)),
    ]
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 201, 204]
    assert (signer.signed, dry.upstream.sent) == ([], [])
    assert day_orders(dry, Mode.DRY_RUN) == 3
    assert await dry.outcomes() == ["dry_run"] * 6
    assert dry.instance.ledger.pending == {}


async def test_a_flood_of_denials_is_counted(world: World) -> None:
    """Catches a bot in a loop that fills the disk; the id it is given is in the log all the same."""
    answers = [await world.ask(world.order(price="0.9900")) for _ in range(25)]
    world.gate.flush(everything=True)
    (counted,) = await world.rows(EventKind.REFUSALS)
    assert len(await world.rows(EventKind.DECISION)) == 10
    assert json.loads(counted.body)["count"] == 15
    assert {answer.decision_id for answer in answers[10:]} == {counted.decision_id}
    assert json.loads(answers[-1].body)["reasons"][0]["observed"] == "0.9900"


# What stops an approved order


async def halt(world: World) -> None:
    await world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="kim", reason="a test")


def leave_halt_file(world: World) -> None:
    (world.path.parent / HALT_FILE).touch()


@pytest.mark.parametrize("by_file", [True, False])
async def test_a_halt_between_decision_and_sending_stops_an_order(world: World, by_file: bool) -> None:
    """Catches an order that goes out after a halt because it was judged before it."""
    wait = asyncio.Event()
    signer = WatchedSigner(world, wait=wait)
    asking = await begun(world, world.order())
    await until(lambda: bool(signer.signed))
    if by_file:
        leave_halt_file(world)
    else:
        await halt(world)
    wait.set()
    answer = await asking
    assert shown(answer) == (403, "TRADING_HALTED")
    assert world.upstream.sent == []
    assert await states(world) == [(answer.decision_id, "not_sent")]
    assert world.instance.ledger.pending == {}


async def test_a_halt_stops_no_exit(world: World) -> None:
    """Exits are never trapped. Catches a halt that keeps a cancel, a decrease or a cancel-all from going out."""
    await halt(world)
    world.upstream.on_send = always(answered(204))
    await world.ask(world.request("DELETE", ORDERS))
    world.upstream.on_send = accept
    await world.ask(world.cancel("x-1"))
    assert [request.method for request in world.upstream.writes] == ["DELETE", "DELETE"]
    assert shown(await world.ask(world.order())) == (403, "TRADING_HALTED")


async def test_an_order_given_up_before_sending_is_not_sent(world: World) -> None:
    """Catches an order that goes out after its client was told that nothing was sent."""
    wait = asyncio.Event()
    signer, ticket = WatchedSigner(world, wait=wait), Ticket()
    asking = asyncio.create_task(world.gate.handle(world.order(), ticket))
    await until(lambda: bool(signer.signed))
    assert ticket.attempt is not None
    assert ticket.attempt.abandon()
    wait.set()
    answer = await asking
    assert shown(answer) == (503, "INTERNAL_FAULT")
    assert world.upstream.sent == []
    assert await states(world) == [(answer.decision_id, "not_sent")]


async def test_without_a_journal_nothing_is_signed_or_sent(world: World) -> None:
    """Catches an order that goes out unrecorded, and a hold that is let go while its row may be on the disk after all:
    it is kept until the row that ends it is there."""
    disk, signer = Disk(world), WatchedSigner(world)
    disk.error = OSError("disk full")
    for _ in range(2):
        assert shown(await world.ask(world.order())) == (503, "JOURNAL_UNAVAILABLE")
    assert shown(await world.ask(world.cancel())) == (503, "JOURNAL_UNAVAILABLE")
    assert shown(await world.ask(world.order(price="0.9900"))) == (503, "JOURNAL_UNAVAILABLE")
    assert (signer.signed, world.upstream.sent) == ([], [])
    assert (day_orders(world), len(world.instance.ledger.pending)) == (2, 3)
    disk.error = None
    assert (await world.ask(world.order(price="0.4900"))).status == 201
    world.gate.flush()
    await until(lambda: not world.instance.ledger.pending)
    assert day_orders(world) == 1, "what never left us is no order of the day"


async def test_a_journal_that_is_back_takes_orders_and_the_ends_it_missed(world: World) -> None:
    """Catches an outcome that is lost because the disk was full when it came: the order would read as unknown."""
    disk = Disk(world)

    async def fill_the_disk(request: SignedRequest) -> ExchangeAnswer:
        disk.error = OSError("disk full")
        return await accept(request)

    world.upstream.on_send = fill_the_disk
    first = await world.ask(world.order())
    assert first.status == 201
    await until(lambda: not world.instance.journal.healthy)
    disk.error, world.upstream.on_send = None, accept
    second = await world.ask(world.order())
    world.gate.flush()
    assert {first.decision_id, second.decision_id} == {
        name for name, state in await states(world) if state == "accepted"
    }


async def test_a_signer_that_fails_ends_as_not_sent(world: World) -> None:
    """Catches an order that stays open for ever because our own key failed, and one that is sent unsigned."""
    WatchedSigner(world, error=RuntimeError("no key"))
    ticket = Ticket()
    with pytest.raises(RuntimeError, match="no key"):
        await world.gate.handle(world.order(), ticket)
    assert world.upstream.sent == []
    assert await world.outcomes() == ["not_sent"]
    assert world.instance.ledger.pending == {}
    assert ticket.attempt is not None
    assert ticket.attempt.abandon()


# What became of it


@pytest.mark.parametrize(
    ("answer", "seen", "state"),
    [
        (NO_WAY, (503, "EXCHANGE_UNREACHABLE"), "not_sent"),
        (NO_ANSWER, (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(201, {"order_id": "x-1"}), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(201), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(302), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(408), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(500, REJECTION), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(503), (504, "OUTCOME_UNKNOWN"), "unknown"),
        (answered(401, REJECTION), (503, "LIVE_KEY_REFUSED"), "rejected"),
    ],
)
async def test_an_end_that_is_not_the_exchanges_word_is_told_in_ours(
    world: World, answer: ExchangeAnswer | Exception, seen: tuple[int, str], state: str
) -> None:
    """Unknown is not failed. Catches a 503 (nothing was sent) for an order that may be live, a 401 that makes a client
    retry or doubt its own key, and an order let go because nobody answered."""
    world.upstream.on_send = always(answer)
    told = await world.ask(world.order())
    assert shown(told) == seen
    assert told.outcome_unknown is (state == "unknown")
    assert await states(world) == [(told.decision_id, state)]
    assert (told.decision_id in world.instance.ledger.pending) is (state == "unknown")
    assert day_orders(world) == (0 if state == "not_sent" else 1)
    assert len(world.upstream.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        answered(429, {"error": "too many requests"}),
        answered(400, REJECTION),
        answered(404, REJECTION, "application/json; charset=utf-8"),
        answered(409, {"error": {"code": "order_already_exists", "message": "x"}}),
        answered(403),
    ],
)
async def test_a_rejection_passes_as_it_came(world: World, answer: ExchangeAnswer) -> None:
    """Catches the exchange's own word dressed as ours, and a rejected order that stays open."""
    world.upstream.on_send = always(answer)
    told = await world.ask(world.order(client_order_id="c-1"))
    assert (told.status, told.body, told.content_type) == (answer.status, answer.body, answer.content_type)
    assert await world.outcomes() == ["rejected"]
    assert world.instance.ledger.pending == {}


async def test_an_acceptance_passes_as_it_came(world: World) -> None:
    """Catches an answer that is written anew: a field of the exchange's would be lost."""
    expected = json.dumps({"order_id": "x-1", "fill_count": "0.00", "remaining_count": "1.00", "ts_ms": 1, "new": [1]})
    world.upstream.on_send = always(ExchangeAnswer(201, "application/json", expected.encode()))
    told = await world.ask(world.order())
    assert (told.status, told.body) == (201, expected.encode())
    (body,) = await world.bodies(EventKind.OUTCOME)
    assert (body["state"], body["status"], body["legs"][0]["order_id"]) == ("accepted", 201, "x-1")
    assert {"journal", "sign", "send", "total"} <= set(body["latency_us"])


@pytest.mark.parametrize(("answer", "is_open"), [(NO_WAY, False), (NO_ANSWER, True)])
async def test_a_fault_after_the_end_is_told_by_what_became_of_it(
    world: World, answer: Exception, is_open: bool
) -> None:
    """Catches "outcome unknown" for an order of which no byte left us, and "not sent" for one that may be live."""
    world.upstream.on_send = always(answer)
    ticket = Ticket()
    await world.gate.handle(world.order(), ticket)
    assert ticket.attempt is not None
    assert ticket.attempt.abandon() is not is_open


async def test_a_fault_while_sending_leaves_the_outcome_open(world: World) -> None:
    """Catches a bug of ours after the first byte that ends as "not sent"."""
    world.upstream.on_send = always(RuntimeError("a bug"))
    ticket = Ticket()
    with pytest.raises(RuntimeError, match="a bug"):
        await world.gate.handle(world.order(), ticket)
    assert ticket.attempt is not None
    assert not ticket.attempt.abandon()
    assert await states(world) == [(ticket.attempt.decision_id, "unknown")]
    assert set(world.instance.ledger.pending) == {ticket.attempt.decision_id}


async def test_a_write_is_never_sent_twice_by_us(world: World) -> None:
    """Catches a retry: on silence the order stays open and nothing else happens."""
    for answer in (NO_WAY, NO_ANSWER, answered(503), answered(429)):
        world.upstream.on_send = always(answer)
        before = len(world.upstream.sent)
        await world.ask(world.order(client_order_id=f"c-{before}"))
        assert len(world.upstream.sent) == before + 1


# The day's orders


@pytest.mark.parametrize("round_", range(5))
async def test_200_orders_at_once_against_25_are_25(world: World, round_: int) -> None:
    """No limit is ever passed by us. Catches a count that is read, awaited and written: 200 would see room for one."""
    hanging = world.upstream.on_send = Hanging()
    raws = [world.order(client_order_id=f"c-{number}") for number in range(200)]
    asking = [asyncio.create_task(world.ask(raw)) for raw in raws]
    await hanging.reached.wait()
    hanging.go_on.set()
    answers = await asyncio.gather(*asking)
    assert sorted(shown(answer) for answer in answers) == [(201, "")] * 25 + [(403, "DAY_ORDERS_EXCEED_MAXIMUM")] * 175
    assert len(world.upstream.sent) == 25 == day_orders(world)
    rows = await world.bodies(EventKind.DECISION)
    assert [used_before(row) for row in rows if row["verdict"] == "approved"] == list(range(25))


async def test_batch_legs_count_one_by_one_and_a_batch_passes_whole_or_not(world: World) -> None:
    """Catches a batch that counts as one order, and one that is cut to what still fits."""
    for number, count, status in ((1, 20, 201), (2, 6, 403), (3, 5, 201), (4, 1, 403)):
        orders = [order_body(client_order_id=f"c-{number}-{leg}") for leg in range(count)]
        assert (await world.ask(world.post(f"{ORDERS}/batched", {"orders": orders}))).status == status
    assert day_orders(world) == 25
    assert [len(json.loads(request.body)["orders"]) for request in world.upstream.sent] == [20, 5]


async def test_only_what_never_left_us_is_no_order_of_the_day(world: World) -> None:
    """Catches a limit that rejected or unknown orders loosen, and a day used up by an exchange that is not there."""
    for number, (answer, counted) in enumerate(
        ((NO_WAY, 0), (NO_ANSWER, 1), (answered(400, REJECTION), 2), (answered(503), 3))
    ):
        world.upstream.on_send = always(answer)
        await world.ask(world.order(client_order_id=f"c-{number}"))
        assert day_orders(world) == counted


async def test_the_day_rolls_at_the_zones_midnight_and_never_back(world: World) -> None:
    """Catches a clock set back over midnight, which would give yesterday's unused orders out again."""
    world.time.pass_ms(11 * 3_600_000)
    for number in range(25):
        assert (await world.ask(world.order(client_order_id=f"a-{number}"))).status == 201
    assert shown(await world.ask(world.order())) == (403, "DAY_ORDERS_EXCEED_MAXIMUM")
    world.time.pass_ms(2 * 3_600_000)
    assert (await world.ask(world.order(client_order_id="b-1"))).status == 201
    world.time.utc_ns -= 5_400 * 10**9
    assert (await world.ask(world.order(client_order_id="b-2"))).status == 201
    bodies = await world.bodies(EventKind.DECISION)
    assert [(body["facts"]["day"], used_before(body)) for body in bodies[-2:]] == [
        ("2026-11-22", 0),
        ("2026-11-22", 1),
    ]


# The same order again


async def test_a_copy_joins_while_the_first_is_unanswered(world: World) -> None:
    """One SDK posts again after 10 s, with a new signature and no id. Catches the second position it would open."""
    hanging = world.upstream.on_send = Hanging()
    first = asyncio.create_task(world.ask(world.order()))
    await hanging.reached.wait()
    world.time.pass_ms(10_000)
    second = await begun(world, world.order())
    hanging.go_on.set()
    assert (await second) == (await first)
    assert len(world.upstream.sent) == 1
    assert len(await world.rows(EventKind.DECISION)) == 1


async def test_a_copy_gets_what_the_first_client_never_read(world: World) -> None:
    """Catches a second order because the first one's answer was lost on the way; the third one is a new order."""
    world.delivered = False
    first = await world.ask(world.order())
    world.delivered = True
    world.time.pass_ms(60_000)
    assert (await world.ask(world.order())) == first
    assert len(world.upstream.sent) == 1
    assert (await world.ask(world.order())).decision_id != first.decision_id
    assert len(world.upstream.sent) == 2


async def test_a_copy_of_an_unknown_order_is_unknown(world: World) -> None:
    """Catches a copy of an order that may be live. With an id of its own it is another order, and passes."""
    world.upstream.on_send = always(NO_ANSWER)
    first = await world.ask(world.order())
    world.upstream.on_send = accept
    for _ in range(3):
        world.time.pass_ms(60_000)
        again = await world.ask(world.order())
        assert shown(again) == (504, "OUTCOME_UNKNOWN")
        assert again.decision_id == first.decision_id
    assert len(world.upstream.sent) == 1
    assert (await world.ask(world.order(client_order_id="c-1"))).status == 201


async def test_an_order_after_a_delivered_one_is_a_new_order(world: World) -> None:
    """Catches a client that wants the same order twice and gets it once."""
    answers = [await world.ask(world.order()) for _ in range(3)]
    assert len({answer.decision_id for answer in answers}) == 3 == len(world.upstream.sent)


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("answer", [NO_WAY, None])
async def test_what_was_never_sent_is_judged_anew(world: World, delivered: bool, answer: NotSent | None) -> None:
    """Catches an order that gets an old denial, or an old "could not connect", when it may pass by now."""
    if answer is None:
        await halt(world)
    else:
        world.upstream.on_send = always(answer)
    world.delivered = delivered
    assert (await world.ask(world.order())).status in {403, 503}
    world.upstream.on_send = accept
    if answer is None:
        await world.instance.trading.resume(actor="kim", by="Kim", reason="a test")
    assert (await world.ask(world.order())).status == 201


async def test_two_clients_orders_are_two_orders(world: World) -> None:
    """Catches one client that is given another one's order."""
    hanging = world.upstream.on_send = Hanging()
    first = asyncio.create_task(world.ask(world.order("bot-key")))
    await hanging.reached.wait()
    second = asyncio.create_task(world.ask(world.order("other-key")))
    await until(lambda: len(world.upstream.sent) == 2)
    hanging.go_on.set()
    assert (await first).decision_id != (await second).decision_id
    assert [json.loads(request.body)["subaccount"] for request in world.upstream.sent] == [0, 2]


async def test_two_cancels_are_two_cancels(world: World) -> None:
    """Catches an exit that is answered from memory instead of being sent."""
    for _ in range(2):
        assert (await world.ask(world.cancel())).status == 200
    assert len(world.upstream.sent) == 2
    assert all(f"market_ticker={TICKER}" in request.target for request in world.upstream.sent)


async def test_a_write_that_failed_keeps_no_frames() -> None:
    """Catches an exception that is kept, for whoever asks again, with all that the write had in hand."""

    async def fail() -> Answer:
        raise RuntimeError("a fault of ours")

    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(fail())
    await asyncio.wait((task,))
    writes._hand_over(task, answer)
    error = answer.exception()
    assert isinstance(error, RuntimeError)
    assert error.__traceback__ is None


async def test_what_follows_an_end_may_fail_and_its_row_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches an order that the ledger knows the end of and no row tells, because a count of refusals had a bug."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(world.instance.auto_halt, "ended", broken)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        await world.ask(world.order())
    assert await world.outcomes() == ["accepted"]
