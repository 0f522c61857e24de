"""The largest count that would pass, found by judging: no formula of its own that could differ from the checks.

Rule of this file: a pure search over a function from a count to what the checks say of it. It rests on this: whatever
refuses a count refuses every larger one of its kind, the kinds being what only closes and what opens. What it gives was
judged itself, and so was the next larger count.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from pretrade.model.decisions import Check, Decision, Denied
from pretrade.model.units import NO_CONTRACTS, Count


@dataclass(frozen=True, slots=True)
class Trial:
    """What the checks say of one count: the decision, and whether so much can only close what is held."""

    decision: Decision
    reduces: bool

    @property
    def passes(self) -> bool:
        """Whether it would be approved."""
        return not isinstance(self.decision, Denied)


type Judge = Callable[[Count], Trial]


@dataclass(frozen=True, slots=True)
class Headroom:
    """The largest count that passes, zero where none does, and what objects to 0.01 contract more; nothing does where
    it is the most that was asked about."""

    count: Count
    binds: tuple[Check, ...]


type Search[T] = Generator[Count, Trial, T]
"""A search that asks for one count after the other to be judged, so that its caller may do something else between."""


def headroom(judge: Judge, most: Count) -> Headroom:
    """Search the counts from 0.01 contract to `most`, which is at least that. Judges about twice its logarithm of them,
    and one alone where no count passes."""
    search = searching(most)
    count = next(search)
    while True:
        try:
            count = search.send(judge(count))
        except StopIteration as done:
            found: Headroom = done.value
            return found


def searching(most: Count) -> Search[Headroom]:
    """The same, count by count."""
    seen: dict[int, Trial] = {}
    least = yield from _trial(1, seen)
    if not least.passes:
        return Headroom(NO_CONTRACTS, _objections(least))
    if (yield from _trial(most, seen)).passes:
        return Headroom(most, ())
    closing = (yield from _last(lambda trial: trial.reduces, 1, most, seen)) if least.reduces else 0
    opens = closing < most and (yield from _trial(closing + 1, seen)).passes
    low, high = (closing + 1, most) if opens else (1, closing)
    largest = yield from _last(lambda trial: trial.passes, low, high, seen)
    return Headroom(Count(largest), _objections((yield from _trial(largest + 1, seen))))


def _trial(count: int, seen: dict[int, Trial]) -> Search[Trial]:
    if count not in seen:
        seen[count] = yield Count(count)
    return seen[count]


def _last(holds: Callable[[Trial], bool], low: int, high: int, seen: dict[int, Trial]) -> Search[int]:
    """The last of these counts for which it holds; it holds for the lowest and for all up to some count."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds((yield from _trial(middle, seen))):
            low = middle
        else:
            high = middle - 1
    return low


def _objections(trial: Trial) -> tuple[Check, ...]:
    return trial.decision.reasons if isinstance(trial.decision, Denied) else ()
