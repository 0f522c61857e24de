"""This machine's clock against the exchange's, by the Date of its answers.

Rule of this file: pure. What is told is a bound, not a guess: a Date is in whole seconds and an answer takes time, so a
clock is called wrong only by as much as neither can explain.
"""

from collections.abc import Iterator

from pretrade.gateway.preflight.findings import Finding, Level
from pretrade.gateway.preflight.reads import Heard
from pretrade.kalshi.api_keys import read_date
from pretrade.kalshi.client import Answer

MOST_OFF_MS = 2_000
"""Signatures are refused at some seconds (auth.md 1)."""

_CHECK = "clock"


def check_clock(heard: tuple[Heard, ...]) -> Finding:
    """Whether the clocks agree to within `MOST_OFF_MS`, by all that was answered to signed requests."""
    bounds = list(_bounds(heard))
    if not bounds:
        if any(not one.silence for one in heard):
            return Finding(
                _CHECK, Level.REFUSED, "no answer of the exchange's says what time it is", "Look at a proxy between"
            )
        return Finding(_CHECK, Level.UNANSWERED, "nothing signed was answered", "Try again later")
    ahead_ms = max(least for least, _ in bounds)
    behind_ms = max(-most for _, most in bounds)
    off_ms = max(ahead_ms, behind_ms)
    if off_ms <= MOST_OFF_MS:
        return Finding(_CHECK, Level.OK, "it agrees with the exchange's")
    word = "ahead of" if ahead_ms == off_ms else "behind"
    seen = f"it is at least {off_ms // 1000}.{off_ms % 1000 // 100} s {word} the exchange's"
    return Finding(
        _CHECK, Level.REFUSED, seen, "Set this machine's clock (NTP): beyond some seconds no signature counts"
    )


def proven_off_ms(before_ms: int, after_ms: int, date_s: int) -> int:
    """By how much this clock is off at least, by one answer that was the second of its Date at some moment between
    these two readings of it (ms); below zero where they agree."""
    return max(before_ms - (date_s + 1) * 1000, date_s * 1000 - after_ms)


def _bounds(heard: tuple[Heard, ...]) -> Iterator[tuple[int, int]]:
    """How far this clock can be ahead, at least and at most (ms), by each answer: it was the second of its Date at some
    moment between asking and hearing."""
    for one in heard:
        date_s = read_date(one.answer.date) if isinstance(one.answer, Answer) else None
        if date_s is not None:
            yield one.before_ms - (date_s + 1) * 1000, one.after_ms - date_s * 1000
