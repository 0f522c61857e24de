"""What is told with a denied write, in its row and to its client: the size that would pass, when, and what to confirm.

Rule of this file: it adds to a verdict and never changes one; a client is told its own figures alone (`readers`), the
log has all.
"""

from dataclasses import dataclass, replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.losses import next_day_ms
from pretrade.gateway.messages import Answer
from pretrade.gateway.operator.confirming import ticket_for
from pretrade.gateway.questions.headroom import HeadroomPace, smaller
from pretrade.gateway.questions.readers import Reader
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.records import Judged, WriteRequest
from pretrade.gateway.way.refusals import answer_of
from pretrade.journal.events import utc_text
from pretrade.kalshi.replies import refusal
from pretrade.model.codes import CODES, DenyCode
from pretrade.model.decisions import Denied
from pretrade.model.units import Count, format_count
from pretrade.risk.checks.injecting import undone
from pretrade.risk.checks.retry import RATES, Retry, retry_of
from pretrade.risk.ledger.confirmations import Ticket


@dataclass(frozen=True, slots=True)
class Told:
    """`headroom` is the largest count that would pass, None where it was not worked out; `ticket` is what is to be
    confirmed, None where that would not help.
    `is_shared` says that others' use shows in the headroom, which is then for the log alone; `hides_moment` the same of
    the moment in `retry`. `retry` is None for an approval."""

    headroom: Count | None = None
    ticket: Ticket | None = None
    is_shared: bool = False
    retry: Retry | None = None
    hides_moment: bool = False

    @property
    def is_retryable(self) -> bool:
        """Whether the client is told that the same request may pass later."""
        return self.retry is not None and self.retry.is_retryable

    @property
    def reply(self) -> dict[str, object]:
        """The fields of the reply."""
        hidden = {"headroom": self.is_shared, "retry_at": self.hides_moment}
        return {name: value for name, value in self._told.items() if not hidden.get(name)}

    @property
    def row(self) -> dict[str, object]:
        """The fields of the row."""
        ticket = self.ticket
        if ticket is None:
            return self._told
        return self._told | {"ticket_under": ticket.under, "ticket_asked": [list(one) for one in ticket.asked]}

    @property
    def _told(self) -> dict[str, object]:
        retry = self.retry
        told = {
            "headroom": None if self.headroom is None else format_count(self.headroom),
            "ticket": None if self.ticket is None else self.ticket.decision_id,
            "retryable": None if retry is None else retry.is_retryable,
            "retry_at": None if retry is None or retry.at_ms is None else utc_text(retry.at_ms * 1_000_000),
        }
        return {name: value for name, value in told.items() if value is not None}


NOTHING_TOLD = Told()
"""What is told with an approval."""


class Denials:
    """Works out what to tell about the denials of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._pace = HeadroomPace(instance.clock)

    def tell(self, request: WriteRequest, judged: Judged, denied: Denied, told: Told) -> Told:
        """What to tell about a denial that gets a row of its own, beside what `tell_counted` has `told`: no await, so
        that the ledger holds still."""
        asked = replace(denied, write=undone(denied.write, judged.injected))
        told = replace(told, ticket=ticket_for(self._instance, asked, judged.facts, request.decision_id))
        if not self._pace.take(request.client.name):
            return told
        found = smaller(self._instance, request.client, denied.write)
        if found is None:
            return told
        reader = self._reader(request.client)
        is_shared = any(reader.is_shared(check) for check in found.binds)
        return replace(told, headroom=found.count, is_shared=is_shared)

    def tell_counted(self, client: Client, judged: Judged, denied: Denied) -> Told:
        """What to tell about a denial that is only counted: whether waiting helps, and until when."""
        facts, instance = judged.facts, self._instance
        retry = retry_of(denied, facts, instance.policy, next_day_ms(facts.day, instance.zone))
        # How long a throttle is full says how much the others have just sent; when a day ends says nothing.
        reader = self._reader(client)
        return Told(retry=retry, hides_moment=any(r.code in RATES and reader.is_shared(r) for r in denied.reasons))

    def _reader(self, client: Client) -> Reader:
        return Reader(client, len(self._instance.clients) == 1)

    def answer(self, denied: Denied, client: Client, decision_id: str, told: Told) -> Answer:
        """The client's answer; the hint says what would pass. What others have used is left out of both."""
        first = denied.reasons[0].code or DenyCode.INTERNAL_FAULT
        hints = [CODES[first].hint if told.ticket is None else self._to_confirm(told.ticket.decision_id)]
        if told.headroom and not told.is_shared:
            hints.append(f"A count of {format_count(told.headroom)} would pass now.")
        reader = self._reader(client)
        reasons = reader.told(denied.reasons)
        reply = refusal(first, decision_id=decision_id, reasons=reasons, hint=" ".join(hints), more=told.reply)
        return answer_of(reply, decision_id)

    def _to_confirm(self, ticket: str) -> str:
        within_s = self._instance.policy.confirm.within // 1000
        how = f"`pretrade confirm {ticket} --by NAME --reason TEXT`"
        return f"Have it confirmed within {within_s} s: {how}. Then send the same order again."
