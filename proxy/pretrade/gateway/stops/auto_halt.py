"""Stops trading by itself: hears what was refused, rejected, failed and found, and stops whom the policy's `halts` say.

Rule of this file: it only ever stops; a person resumes. What happens on the way of an order is only noted there and
counted in a turn of the event loop of its own, so that a fault in here keeps no order back and lets none through. What
stands stopped that far already is not stopped again.
"""

import asyncio
from collections.abc import Callable, Iterable
from math import ceil

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import printable
from pretrade.gateway.preflight.clock import proven_off_ms
from pretrade.gateway.stops.trading import Trading
from pretrade.kalshi.api_keys import read_date
from pretrade.model.codes import DenyCode
from pretrade.model.instance import TradingState
from pretrade.model.orders import Write
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.policy.halts import CountHalt, Halts
from pretrade.risk.checks.auto_halt import SKEWED_ANSWERS, Cause, Latest, exchange_failed, is_the_clients, rejections
from pretrade.risk.reconciling.reconciliation_round import Break

_REASON = 300
"""Characters of a reason that others' words go into."""
_WORDS = {
    Cause.REJECTIONS: "orders rejected by the exchange",
    Cause.DENIALS: "writes refused by the proxy",
    Cause.EXCHANGE_ERRORS: "writes in a row failed at the exchange or were not answered",
}


class AutoHalt:
    """The causes of one instance. Everything is counted by the monotonic clock."""

    def __init__(self, halts: Halts, trading: Trading, clock: Clock) -> None:
        self._halts = halts
        self._trading = trading
        self._clock = clock
        self._latest: dict[tuple[Cause, str], Latest] = {}
        self._breaks: frozenset[tuple[str, str]] = frozenset()
        self._skewed = 0
        self._put_off = 0

    @property
    def longest_ms(self) -> int:
        """How far back the longest window goes."""
        rules = (self._halts.rejections, self._halts.denials, self._halts.exchange_errors)
        return max((rule.within for rule in rules if rule is not None), default=0)

    # What is heard on the way of an order

    def refused(self, client: str, codes: tuple[DenyCode, ...]) -> None:
        """A write of a client was refused, for these reasons."""
        self._later(self.count_refusal, client, codes, 1, self._clock.age_ms())

    def ended(self, client: str, write: Write, outcome: Outcome) -> None:
        """A write of a client has ended, or nobody knows how."""
        # An order that went well changes nothing where no failure is counted or about to be: it takes no turn.
        if self._put_off == 0 and _went_well(outcome) and not self._latest.get((Cause.EXCHANGE_ERRORS, "")):
            return
        self._put_off += 1
        self._later(self._count_ended, client, write, outcome, self._clock.age_ms())

    def dated(self, date: str, asked: float) -> None:
        """A signed request that was asked at this time of the event loop has been answered under this Date."""
        now_ms, took_s = self._clock.now_ms(), asyncio.get_running_loop().time() - asked
        self._count_date(date, now_ms - ceil(took_s * 1000), now_ms)

    @staticmethod
    def _later[*Args](work: Callable[[*Args], None], *args: *Args) -> None:
        asyncio.get_running_loop().call_soon(work, *args)

    # What is counted

    def _count_ended(self, client: str, write: Write, outcome: Outcome, at_ms: int) -> None:
        self._put_off -= 1
        self.count_outcome(client, write, outcome, at_ms)

    def count_refusal(self, client: str, codes: tuple[DenyCode, ...], times: int, at_ms: int) -> None:
        """Count refusals of one moment against the client whose doing they are."""
        if is_the_clients(codes):
            self._count(Cause.DENIALS, client, times, at_ms)

    def count_outcome(self, client: str, write: Write, outcome: Outcome, at_ms: int) -> None:
        """Count what a write met: its rejected orders against the client, a failure against the account. An answer ends
        a row of failures."""
        self.count_rejections(client, rejections(write, outcome), at_ms)
        self.count_failure(exchange_failed(outcome), at_ms)

    def count_rejections(self, client: str, times: int, at_ms: int) -> None:
        """Count orders that the exchange rejected in one moment."""
        self._count(Cause.REJECTIONS, client, times, at_ms)

    def count_failure(self, failed: bool | None, at_ms: int) -> None:
        """Count a failure of the exchange, or an answer; None is neither."""
        if failed is False and (row := self._latest.get((Cause.EXCHANGE_ERRORS, ""))) is not None:
            row.clear()
        elif failed:
            self._count(Cause.EXCHANGE_ERRORS, "", 1, at_ms)

    def _count(self, cause: Cause, client: str, times: int, at_ms: int) -> None:
        rule = self._rule(cause)
        if rule is None or not times:
            return
        latest = self._latest.get((cause, client))
        if latest is None:
            latest = self._latest[cause, client] = Latest(rule.count, rule.within)
        if latest.add(at_ms, times):
            self.fire(cause, client, f"{rule.count} {_WORDS[cause]} within {_span(rule.within)}")

    def _rule(self, cause: Cause) -> CountHalt | None:
        match cause:
            case Cause.REJECTIONS:
                return self._halts.rejections
            case Cause.DENIALS:
                return self._halts.denials
            case Cause.EXCHANGE_ERRORS:
                return self._halts.exchange_errors
            case _:
                return None

    def _count_date(self, date: str, before_ms: int, after_ms: int) -> None:
        rule, date_s = self._halts.clock_skew, read_date(date)
        if rule is None or date_s is None:
            return
        off_ms = proven_off_ms(before_ms, after_ms, date_s)
        self._skewed = self._skewed + 1 if off_ms > rule.above else 0
        if self._skewed >= SKEWED_ANSWERS:
            seen = f"this machine's clock is at least {_span(off_ms)} off the exchange's"
            self.fire(Cause.CLOCK_SKEW, "", f"{seen}, by {SKEWED_ANSWERS} answers in a row")

    def breaks(self, found: Iterable[Break]) -> None:
        """The differences that stand now. Must be told before their row is handed in: then no start can know of one
        that has stopped nobody."""
        known, rule = self._breaks, self._halts.breaks
        found = tuple(found)
        self.know(found)
        new = [one for one in found if rule and one.kind in rule.kinds and (one.kind, one.subject) not in known]
        if new:
            told = ", ".join(f"{one.kind} {one.subject}" for one in new)
            self.fire(Cause.BREAKS, "", printable(f"found in the exchange's record: {told}", _REASON))

    def know(self, standing: Iterable[Break]) -> None:
        """Take breaks as known: they stop nobody any more."""
        self._breaks = frozenset((one.kind, one.subject) for one in standing)

    # What comes of it

    def fire(self, cause: Cause | str, client: str, reason: str) -> None:
        """Stop a client, or the account where none is named, as the policy says for this cause; nothing where the
        policy waives it or they are stopped that far already."""
        state = self._then(Cause(cause))
        if state is not None and not self._trading.stands_at(client, state):
            self._trading.stop(state, cause=str(cause), reason=reason, client=client)

    def _then(self, cause: Cause) -> TradingState | None:
        rule = getattr(self._halts, cause)
        return None if rule is None else TradingState(rule.then)

    def forget(self, client: str) -> None:
        """Begin to count anew for a client, or for the account: what led to a stop must not stop again after it."""
        for cause, counted in tuple(self._latest):
            if counted == client:
                del self._latest[cause, counted]
        if not client:
            self._skewed = 0


def _went_well(outcome: Outcome) -> bool:
    rejected = OutcomeState.REJECTED
    return outcome.state is OutcomeState.ACCEPTED and all(leg.state is not rejected for leg in outcome.legs)


def _span(milliseconds: int) -> str:
    """`60 s`, `0.5 s`: cut to tenths."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest // 100} s" if rest // 100 else f"{whole} s"
