"""Steps 6 to 10 for a write: facts, decide, record, sign, send.

Rule of this file: deciding and counting happen in one synchronous stretch that also takes the row's place in the
journal; nothing is signed before that row is on disk; from the first byte on, the answer is never "not sent". The
whole of it runs in a task of its own, so that a client that hangs up changes nothing.
"""

import asyncio
import traceback
from dataclasses import replace
from http import HTTPStatus

import structlog

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.messages import Answer
from pretrade.gateway.way.as_sent import as_sent
from pretrade.gateway.way.attempts import Attempt, meaning
from pretrade.gateway.way.cancels import NO_CONTENT, NOTHING_TO_CANCEL, OwnCancels, answer_cancel_all, own_cancels
from pretrade.gateway.way.denials import NOTHING_TOLD, Denials, Told
from pretrade.gateway.way.dry_run import dry_run_outcome, dry_run_reply
from pretrade.gateway.way.group_maker import GroupMaker
from pretrade.gateway.way.normalise import write_out
from pretrade.gateway.way.records import Judged, WriteRequest, approval_of, decision_body
from pretrade.gateway.way.refusals import answer_of, new_decision_id
from pretrade.gateway.way.sending import Sender, refused
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Denied
from pretrade.model.frozen import frozen
from pretrade.model.instance import Mode
from pretrade.model.orders import is_exit
from pretrade.risk.checks.engine import decide
from pretrade.risk.ledger.dry_run import DryRunLeg

log = structlog.get_logger()


@frozen
class _Row:
    """The id that the log knows the decision by, and the row to wait for; a counted denial has no row of its own."""

    decision_id: str
    pending: asyncio.Future[int] | None
    told: Told = NOTHING_TOLD


class Writes:
    """Carries writes from the decision to the exchange's answer."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._sender = Sender(instance)
        self._denials = Denials(instance)
        self._groups = GroupMaker(instance, self.begin)

    def begin(self, request: WriteRequest) -> Attempt:
        """Start on a write, or join the same order that is already under way (see `attempts`)."""
        attempts = self._instance.attempts
        what = meaning(request.client.name, request.client.subaccount, request.write)
        same = attempts.same_order(what)
        if same is not None:
            return same
        attempt = Attempt(request.decision_id, what, asyncio.get_running_loop().create_future())
        attempts.open(attempt)
        task = asyncio.create_task(self._answer(attempt, request), name=f"write {request.decision_id}")
        task.add_done_callback(lambda done: self._end(done, attempt))
        return attempt

    def _end(self, task: asyncio.Task[Answer], attempt: Attempt) -> None:
        _hand_over(task, attempt.answer)
        self._instance.attempts.end(attempt)

    async def _answer(self, attempt: Attempt, request: WriteRequest) -> Answer:
        await learn(self._instance, request.write)
        await self._groups.ready(request)
        own = own_cancels(self._instance, request)
        if own is None:
            return await self._answer_write(attempt, request)
        return answer_cancel_all(self._instance, request.decision_id, own, await self._cancel(attempt, request, own))

    async def _cancel(self, attempt: Attempt, request: WriteRequest, own: OwnCancels) -> list[Answer]:
        """The answers to the batches of a cancel-all, each a write with a row of its own, up to the first that did not
        go through."""
        if not own.batches:
            return [await self._answer_write(attempt, request, is_sent=False)]
        answers: list[Answer] = []
        for batch in own.batches:
            if answers:  # what became of the first is the client's to be told, whatever becomes of the others
                attempt = Attempt(new_decision_id(), None, asyncio.get_running_loop().create_future())
            answers.append(
                await self._answer_write(attempt, replace(request, write=batch, decision_id=attempt.decision_id))
            )
            if answers[-1].status != HTTPStatus.OK:
                break
        return answers

    async def _answer_write(self, attempt: Attempt, request: WriteRequest, *, is_sent: bool = True) -> Answer:
        """The way from the decision on; a cancel-all that has nothing to cancel goes no further than its row."""
        if not is_exit(request.write) and not await self._instance.endings.catch_up():
            why = self._instance.journal.last_error or "the journal was not written"
            detail = f"how an earlier order ended is not recorded yet: {why}"
            return refused(request, DenyCode.JOURNAL_UNAVAILABLE, detail)
        judged, legs, row = self._judge(request)
        request.watch.lap("decide")
        if row.pending is not None:
            try:
                await row.pending
            except JournalUnavailable as e:
                self._sender.withdraw(request)
                self._instance.ledger.confirmations.forget(request.decision_id)
                return refused(request, DenyCode.JOURNAL_UNAVAILABLE, f"the decision could not be recorded: {e}")
        request.watch.lap("journal")
        decision = judged.decision
        if isinstance(decision, Denied):
            return self._denials.answer(decision, request.client, row.decision_id, row.told)
        if judged.facts.mode is Mode.DRY_RUN:
            attempt.took_effect = True
            return self._answer_dry_run(request, decision, legs)
        if not is_sent:
            self._sender.settle(request, NOTHING_TO_CANCEL)
            return answer_of(NO_CONTENT, row.decision_id)
        return await self._sender.carry_out(attempt, request, decision, judged.facts)

    def _judge(self, request: WriteRequest) -> tuple[Judged, tuple[DryRunLeg, ...], _Row]:
        """Decide, hold and take a place in the journal, without an await: no other write comes between."""
        instance, own_id, client = self._instance, request.decision_id, request.client
        stated, rewrites = write_out(request.write, subaccount=client.subaccount, decision_id=own_id)
        write, facts, injected = as_sent(instance, client, stated, by_proxy=request.by_proxy)
        decision = decide(write, facts, instance.policy)
        ceiling = instance.policy.fees.multiplier_ceiling
        judged = Judged(decision, facts, rewrites, instance.policy_hash, ceiling, injected)
        if isinstance(decision, Denied):
            self._stop_repeating(client.name, decision)
            return judged, (), self._record_denial(request, judged, decision)
        legs = instance.ledger.approve(approval_of(judged, own_id))
        return judged, legs, self._record(request, judged)

    def _stop_repeating(self, client: str, denied: Denied) -> None:
        """Stop a client that sends the same order again and again. The row of the stop comes to stand before that of
        the denial, so that no answer tells of a stop that a restart has forgotten."""
        for reason in denied.reasons:
            if reason.code is DenyCode.ORDER_REPEATED:
                why = f"the same order {reason.observed} times; {reason.rule} is {reason.limit}"
                self._instance.auto_halt.fire("repeat", client, why)
                return

    def _record_denial(self, request: WriteRequest, judged: Judged, denied: Denied) -> _Row:
        first = denied.reasons[0].code or DenyCode.INTERNAL_FAULT
        codes = tuple(check.code for check in denied.reasons if check.code is not None)
        told = self._denials.tell_counted(request.client, judged, denied)
        counted_as = self._instance.flood.admit(
            request.client.name, first, is_write=True, is_retryable=told.is_retryable, codes=codes
        )
        if counted_as is not None:
            return _Row(counted_as, None, told)
        return self._record(request, judged, self._denials.tell(request, judged, denied, told))

    def _record(self, request: WriteRequest, judged: Judged, told: Told = NOTHING_TOLD) -> _Row:
        key_id = self._instance.signers.of(request.client.name).key_id
        body = decision_body(judged, request) | {"key_id": key_id} | told.row
        row = self._instance.journal.append(EventKind.DECISION, body, request.decision_id)
        return _Row(request.decision_id, row, told)

    def _answer_dry_run(self, request: WriteRequest, approved: Approved, legs: tuple[DryRunLeg, ...]) -> Answer:
        self._sender.settle(request, dry_run_outcome(legs))
        reply = dry_run_reply(approved.write, legs, self._instance.clock.now_ms())
        return answer_of(reply, request.decision_id)


def _hand_over(task: asyncio.Task[Answer], answer: asyncio.Future[Answer]) -> None:
    if answer.done():
        return
    if task.cancelled():
        answer.cancel()
    elif error := task.exception():
        # The answer is kept for whoever asks again, and a traceback would keep all that the write had in hand.
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
        log.error("write_failed", task=task.get_name(), error=type(error).__name__, where=where)
        answer.set_exception(error.with_traceback(None))
        answer.exception()  # told: asyncio need not warn where nobody waits any more
    else:
        answer.set_result(task.result())
