"""Steps 6 to 10 for a write: facts, decide, record, sign, send.

Rule of this file: deciding and counting happen in one synchronous stretch that also takes the row's place in the
journal; nothing is signed before that row is on disk; from the first byte on, the answer is never "not sent". The
whole of it runs in a task of its own, so that a client that hangs up changes nothing.
"""

import asyncio
from dataclasses import dataclass

from pretrade.gateway.attempts import Attempt, meaning
from pretrade.gateway.dry_run import dry_run_outcome, dry_run_reply
from pretrade.gateway.identity import Client
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer
from pretrade.gateway.normalise import write_out
from pretrade.gateway.records import Judged, WriteRequest, decision_body
from pretrade.gateway.refusals import answer_of
from pretrade.gateway.sending import Sender, refused
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.kalshi.replies import refusal as refusal_reply
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Denied
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode
from pretrade.model.orders import Write
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.checks import named_orders
from pretrade.risk.dry_run import DryRunLeg
from pretrade.risk.engine import decide


@dataclass(frozen=True, slots=True)
class _Row:
    """The id that the log knows the decision by, and the row to wait for; a counted denial has no row of its own."""

    decision_id: str
    pending: asyncio.Future[int] | None


class Writes:
    """Carries writes from the decision to the exchange's answer."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._sender = Sender(instance)

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
        task.add_done_callback(lambda done: _hand_over(done, attempt.answer))
        return attempt

    async def _answer(self, attempt: Attempt, request: WriteRequest) -> Answer:
        judged, legs, row = self._judge(request)
        request.watch.lap("decide")
        if row.pending is not None:
            try:
                await row.pending
            except JournalUnavailable as e:
                self._sender.settle(
                    request, Outcome(OutcomeState.NOT_SENT, detail="the decision could not be recorded")
                )
                return refused(request, DenyCode.JOURNAL_UNAVAILABLE, f"the decision could not be recorded: {e}")
        request.watch.lap("journal")
        decision = judged.decision
        if isinstance(decision, Denied):
            return _denied(decision, row.decision_id)
        if judged.facts.mode is Mode.DRY_RUN:
            attempt.took_effect = True
            return self._answer_dry_run(request, decision, legs)
        return await self._sender.carry_out(attempt, request, decision, judged.facts)

    def _judge(self, request: WriteRequest) -> tuple[Judged, tuple[DryRunLeg, ...], _Row]:
        """Decide, count and take a place in the journal, without an await: no other write comes between."""
        instance, own_id = self._instance, request.decision_id
        write, rewrites = write_out(request.write, subaccount=request.client.subaccount, decision_id=own_id)
        facts = self._facts(request.client, write)
        decision = decide(write, facts, instance.policy)
        judged = Judged(decision, facts, rewrites, instance.policy_hash)
        if isinstance(decision, Denied):
            return judged, (), self._record_denial(request, judged, decision)
        legs = instance.ledger.approve(own_id, facts.client, facts.mode, facts.day, write, facts.now_ms)
        return judged, legs, self._record(request, judged)

    def _facts(self, client: Client, write: Write) -> Facts:
        instance, ledger = self._instance, self._instance.ledger
        mode = instance.policy.instance.mode
        day = ledger.day_of(instance.clock.day(instance.zone))
        names = tuple(name for _, name in named_orders(write))
        return Facts(
            now_ms=instance.clock.now_ms(),
            role=instance.policy.instance.role,
            mode=mode,
            trading_state=instance.trading.state(),
            client=client.name,
            subaccount=client.subaccount,
            day=day,
            day_orders=ledger.day_orders(mode, day),
            own_orders=ledger.dry_run.owned(client.name, names) if mode is Mode.DRY_RUN else (),
        )

    def _record_denial(self, request: WriteRequest, judged: Judged, denied: Denied) -> _Row:
        first = denied.reasons[0].code or DenyCode.INTERNAL_FAULT
        counted_as = self._instance.flood.admit(request.client.name, first)
        return self._record(request, judged) if counted_as is None else _Row(counted_as, None)

    def _record(self, request: WriteRequest, judged: Judged) -> _Row:
        body = decision_body(judged, request)
        row = self._instance.journal.append(EventKind.DECISION, body, request.decision_id)
        return _Row(request.decision_id, row)

    def _answer_dry_run(self, request: WriteRequest, approved: Approved, legs: tuple[DryRunLeg, ...]) -> Answer:
        self._sender.settle(request, dry_run_outcome(legs))
        reply = dry_run_reply(approved.write, legs, self._instance.clock.now_ms())
        return answer_of(reply, request.decision_id)

    def flush(self) -> None:
        """Try again to record the outcomes that could not be recorded."""
        self._sender.flush()


def _denied(denied: Denied, decision_id: str) -> Answer:
    first = denied.reasons[0].code or DenyCode.INTERNAL_FAULT
    return answer_of(refusal_reply(first, decision_id=decision_id, reasons=denied.reasons), decision_id)


def _hand_over(task: asyncio.Task[Answer], answer: asyncio.Future[Answer]) -> None:
    if answer.done():
        return
    if task.cancelled():
        answer.cancel()
    elif error := task.exception():
        answer.set_exception(error)
    else:
        answer.set_result(task.result())
