"""Steps 9 and 10: sign what was approved, send it once, and note how it ended.

Rule of this file: whatever happens in here, the row that says how a write ended is handed in; from the first byte
on, the answer is never "not sent"; nothing is sent a second time.
"""

from collections.abc import Callable
from dataclasses import replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer, Refusal
from pretrade.gateway.way import group_trips
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.endings import Ending
from pretrade.gateway.way.normalise import made_id
from pretrade.gateway.way.records import WriteRequest, outcome_body
from pretrade.gateway.way.refusals import answer_of
from pretrade.kalshi.client import Lane, NotSent, Unknown
from pretrade.kalshi.outcomes import in_doubt, read_outcome
from pretrade.kalshi.replies import refusal
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts
from pretrade.model.orders import Write, is_exit, orders_of
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.model.units import parse_decimal
from pretrade.risk.checks.standing_checks import trading_states

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

    async def carry_out(self, attempt: Attempt, request: WriteRequest, approved: Approved, facts: Facts) -> Answer:
        """Sign an approved write, send it, and give the exchange's answer or why there is none."""
        outcome: Outcome | None = None
        try:
            signer = self._instance.signers.of(request.client.name)
            signed = await signer.sign(approved, self._instance.clock.now_ms())
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
        outcome = in_doubt(read_outcome(approved.write, answer), made_id(request.decision_id))
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
            states = self._instance.trading.states(facts.client)
            is_as_judged = states == (facts.trading_state, facts.client_state)
            now = facts if is_as_judged else replace(facts, trading_state=states[0], client_state=states[1])
            for check in trading_states(approved.write, now):
                if check.code is not None:
                    raise _StoppedError(Refusal(check.code, "trading was stopped before the order was sent"))
            attempt.sent = True
            self._instance.ledger.sending(attempt.decision_id)

        return look

    def settle(self, request: WriteRequest, outcome: Outcome) -> None:
        """Note how a write ended, in the ledger and in the journal."""
        at_ms = self._instance.clock.now_ms()
        self._instance.ledger.settle(request.decision_id, outcome, at_ms)
        try:
            self._follow(request, outcome)
        finally:
            laps = {**request.watch.laps, "total": request.watch.total()}
            body = outcome_body(outcome, at_ms, laps)
            self._instance.endings.record(Ending(request.decision_id, outcome, at_ms, body))

    def _follow(self, request: WriteRequest, outcome: Outcome) -> None:
        """What else an end brings with it; its row comes after that of a stop, and comes whatever fails here."""
        self._note_takes(request.write, outcome)
        self._instance.auto_halt.ended(request.client.name, request.write, outcome)
        group_trips.heard(self._instance, request.client.name, request.write, outcome)
        if is_worth_a_look(request.write, outcome):
            self._instance.reconciled.want()

    def _note_takes(self, write: Write, outcome: Outcome) -> None:
        """What new orders took at once, so that nobody is judged by a book that still shows it. What an amend may have
        taken counts with its order until a read shows it."""
        for new, leg in zip(orders_of(write), outcome.legs, strict=False):
            if leg.state is OutcomeState.ACCEPTED and leg.fill_count is not None:
                self._instance.books.took(new.ticker, new.side, parse_decimal(leg.fill_count, 2, "a count"))

    def withdraw(self, request: WriteRequest) -> None:
        """Note that a decision could not be recorded, so that nothing is sent. Its row may be on the disk all the same:
        it keeps its hold until the row that ends it is there."""
        outcome = Outcome(OutcomeState.NOT_SENT, detail="the decision could not be recorded")
        at_ms = self._instance.clock.now_ms()
        laps = {**request.watch.laps, "total": request.watch.total()}
        body = outcome_body(outcome, at_ms, laps)
        self._instance.endings.record(Ending(request.decision_id, outcome, at_ms, body, frees=True))


def is_worth_a_look(write: Write, outcome: Outcome) -> bool:
    """Whether only the exchange's record shows what became of a write: it is unknown, or its answer is no proof."""
    if outcome.state is OutcomeState.UNKNOWN:
        return True
    if outcome.state is not OutcomeState.ACCEPTED:
        return False
    return not orders_of(write) or any(leg.fill_count not in (None, "0.00") for leg in outcome.legs)


def _failed(attempt: Attempt) -> Outcome:
    """How a write ended that a fault of ours cut off."""
    if attempt.sent:
        return Outcome(OutcomeState.UNKNOWN, detail="the proxy failed while the write was under way")
    return Outcome(OutcomeState.NOT_SENT, detail="the proxy failed before anything was sent")


def refused(request: WriteRequest, code: DenyCode, message: str) -> Answer:
    """Our own answer to a write that did not go through, or of which nobody knows."""
    reply = refusal(code, decision_id=request.decision_id, message=message)
    return answer_of(reply, request.decision_id, outcome_unknown=code is DenyCode.OUTCOME_UNKNOWN)
