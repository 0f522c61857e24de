"""What stops trading by itself: how often something happened lately, and when that is too often.

Rule of this file: it counts and says; stopping is the caller's. Times are milliseconds of one clock that never goes
back. What is counted against a client stops that client, what is counted against nobody stops the account.
"""

from collections import deque
from collections.abc import Collection
from enum import StrEnum
from itertools import repeat

from pretrade.model.codes import CODES, DenyCode, Step
from pretrade.model.orders import Write, is_exit
from pretrade.model.outcomes import Outcome, OutcomeState

SKEWED_ANSWERS = 3
"""So many answers in a row must prove that the clock is off: a single odd Date stops nobody."""

_LIVE_KEY_REFUSED = 401
_FIRST_FAILURE = 500


class Cause(StrEnum):
    """Why trading stopped by itself: the keys of the policy's `halts`, and the breaker of `limits.repeat`."""

    REJECTIONS = "rejections"
    DENIALS = "denials"
    EXCHANGE_ERRORS = "exchange_errors"
    CLOCK_SKEW = "clock_skew"
    BREAKS = "breaks"
    LOSS = "loss"
    REPEAT = "repeat"


class Latest:
    """The latest events of one kind: whether so many of them lie within so long, both ends included."""

    def __init__(self, count: int, within_ms: int) -> None:
        self._at_ms: deque[int] = deque(maxlen=count)
        self._within_ms = within_ms

    def add(self, at_ms: int, times: int = 1) -> bool:
        """Note so many events of one moment; whether there are too many now."""
        most = self._at_ms.maxlen or 0
        self._at_ms.extend(repeat(at_ms, min(times, most)))
        return times > 0 and len(self._at_ms) == most and at_ms - self._at_ms[0] <= self._within_ms

    def __bool__(self) -> bool:
        """Whether any stands to be counted."""
        return bool(self._at_ms)

    def clear(self) -> None:
        """Begin anew."""
        self._at_ms.clear()


_NOT_THE_CLIENTS = frozenset(
    {
        DenyCode.TRADING_HALTED,
        DenyCode.TRADING_REDUCING,
        DenyCode.CLIENT_HALTED,
        DenyCode.CLIENT_REDUCING,
        DenyCode.LEDGER_NOT_RECONCILED,
        DenyCode.EXCHANGE_NOT_TRADING,
        DenyCode.LIMIT_WAIVER_EXPIRED,
        DenyCode.CONFIRMATION_REQUIRED,
        DenyCode.CLIENT_USER_NOT_ALLOWED,
        DenyCode.SIGNATURE_STALE,
        DenyCode.SIGNATURE_REPLAYED,
    }
    # A figure that is not there, or too old: what a client itself leaves out is refused before the decision.
    | {code for code, info in CODES.items() if info.step is Step.DECIDE and code.endswith(("_MISSING", "_STALE"))}
)
"""Refusals that say nothing about the client: trading is stopped already, we lack a figure, a person is asked for; and
whoever has read a client's key or found an old signature of its own in a log must not be able to stop it."""


def is_the_clients(codes: Collection[DenyCode]) -> bool:
    """Whether a refusal for these reasons is the client's own doing, in part at least."""
    return any(code not in _NOT_THE_CLIENTS and CODES[code].status < _FIRST_FAILURE for code in codes)


def rejections(write: Write, outcome: Outcome) -> int:
    """How many orders of a write the exchange, or the dry run in its place, has rejected. An exit that came too late is
    nobody's fault, and a refused live key not the client's."""
    if is_exit(write) or outcome.status == _LIVE_KEY_REFUSED:
        return 0
    return sum(leg.state is OutcomeState.REJECTED for leg in outcome.legs)


def exchange_failed(outcome: Outcome) -> bool | None:
    """Whether a write met a failure of the exchange: a 5xx, an answer that tells nothing, or none in time. None where
    nothing was sent."""
    if outcome.state in (OutcomeState.ACCEPTED, OutcomeState.REJECTED):
        return False
    return True if outcome.state is OutcomeState.UNKNOWN else None
