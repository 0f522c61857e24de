"""Steps 9 and 10: sign what was approved, send it once, and note how it ended.

Rule of this file: whatever happens in here, the row that says how a write ended is handed in; from the first byte
on, the answer is never "not sent"; nothing is sent a second time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from pretrade.gateway.attempts import Attempt
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer, Refusal
from pretrade.gateway.records import WriteRequest, outcome_body
from pretrade.gateway.refusals import answer_of
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Lane, NotSent, Unknown
from pretrade.kalshi.outcomes import read_outcome
from pretrade.kalshi.replies import refusal
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts
from pretrade.model.orders import is_exit
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.checks import check_trading_state

SIGNATURE_MAX_AGE_NS = 4_000_000_000
"""A live signature that waited longer than this for a connection is not used (the exchange's window, auth.md 1)."""


class _StoppedError(NotSent):
    """Something came between the decision and the first byte."""

    def __init__(self, stop: Refusal) -> None:
        super().__init__(stop.detail)
        self.stop = stop


class Sender:
    """Signs and sends approved writes."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._unrecorded: list[tuple[dict[str, object], str]] = []

    async def carry_out(self, attempt: Attempt, request: WriteRequest, approved: Approved, facts: Facts) -> Answer:
        """Sign an approved write, send it, and give the exchange's answer or why there is none."""
        outcome: Outcome | None = None
        try:
            signed = await self._instance.signer.sign(approved, self._instance.clock.now_ms())
            request.watch.lap("sign")
            last_look = self._last_look(attempt, approved, facts)
            outcome, answer = await self._send(request, approved, signed, last_look)
            attempt.sent = attempt.took_effect = outcome.state is not OutcomeState.NOT_SENT
            return answer
        finally:
            request.watch.lap("send")
            self.settle(request, outcome or _failed(attempt))

    async def _send(
        self, request: WriteRequest, approved: Approved, signed: SignedRequest, last_look: Callable[[], None]
    ) -> tuple[Outcome, Answer]:
        lane = Lane.EXIT if is_exit(approved.write) else Lane.ORDER
        try:
            answer = await self._instance.upstream.send(signed, lane=lane, last_look=last_look)
        except _StoppedError as e:
            detail = f"stopped before sending: {e.stop.detail}"
            return Outcome(OutcomeState.NOT_SENT, detail=detail), refused(request, e.stop.code, e.stop.detail)
        except NotSent as e:
            outcome = Outcome(OutcomeState.NOT_SENT, detail=str(e))
            return outcome, refused(request, DenyCode.EXCHANGE_UNREACHABLE, str(e))
        except Unknown as e:
            outcome = Outcome(OutcomeState.UNKNOWN, detail=str(e))
            return outcome, refused(request, DenyCode.OUTCOME_UNKNOWN, str(e))
        outcome = read_outcome(approved.write, answer)
        if outcome.state is OutcomeState.UNKNOWN:
            return outcome, refused(request, DenyCode.OUTCOME_UNKNOWN, outcome.detail)
        if answer.status == 401:
            return outcome, refused(request, DenyCode.LIVE_KEY_REFUSED, "the exchange answered 401 to the proxy's key")
        return outcome, Answer(answer.status, answer.body, answer.content_type, request.decision_id)

    def _last_look(self, attempt: Attempt, approved: Approved, facts: Facts) -> Callable[[], None]:
        """What is asked when a connection is in hand and nothing comes between the question and the first byte."""
        signed_ns = self._instance.clock.monotonic_ns()

        def look() -> None:
            if attempt.abandoned:
                fault = Refusal(DenyCode.INTERNAL_FAULT, "the proxy took too long, and the client was told so")
                raise _StoppedError(fault)
            if self._instance.clock.monotonic_ns() - signed_ns > SIGNATURE_MAX_AGE_NS:
                raise NotSent("the signature grew too old while it waited for a connection")
            now = replace(facts, trading_state=self._instance.trading.state())
            for check in check_trading_state(approved.write, now, self._instance.policy):
                if check.code is not None:
                    raise _StoppedError(Refusal(check.code, "trading was stopped before the order was sent"))
            attempt.sent = True

        return look

    def settle(self, request: WriteRequest, outcome: Outcome) -> None:
        """Note how a write ended, in the ledger and in the journal."""
        self._instance.ledger.settle(request.decision_id, outcome.state)
        laps = {**request.watch.laps, "total": request.watch.total()}
        self._record(outcome_body(outcome, laps), request.decision_id)

    def _record(self, body: dict[str, object], decision_id: str) -> None:
        """Hand an outcome to the journal; nobody waits for it, but one that cannot be written is kept for later."""
        row = self._instance.journal.append(EventKind.OUTCOME, body, decision_id)
        row.add_done_callback(lambda done: self._keep_unless_recorded(done, body, decision_id))

    def _keep_unless_recorded(self, row: asyncio.Future[int], body: dict[str, object], decision_id: str) -> None:
        if row.cancelled() or row.exception() is not None:
            self._unrecorded.append((body, decision_id))

    def flush(self) -> None:
        """Try again to record the outcomes that could not be recorded."""
        kept, self._unrecorded = self._unrecorded, []
        for body, decision_id in kept:
            self._record(body, decision_id)


def _failed(attempt: Attempt) -> Outcome:
    """How a write ended that a fault of ours cut off."""
    if attempt.sent:
        return Outcome(OutcomeState.UNKNOWN, detail="the proxy failed while the write was under way")
    return Outcome(OutcomeState.NOT_SENT, detail="the proxy failed before anything was sent")


def refused(request: WriteRequest, code: DenyCode, message: str) -> Answer:
    """Our own answer to a write that did not go through, or of which nobody knows."""
    reply = refusal(code, decision_id=request.decision_id, message=message)
    return answer_of(reply, request.decision_id, outcome_unknown=code is DenyCode.OUTCOME_UNKNOWN)
