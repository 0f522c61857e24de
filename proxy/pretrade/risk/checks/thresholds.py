"""When people are told that a limit is nearly used up: once for each limit, level and day.

Rule of this file: it says what to tell and judges nothing. A limit is a policy key; of several markets that it holds
one by one, the one that has used most counts. What falls below a level and passes it again is told again only on
another day; what stands above one in the morning is told that day.
"""

from collections.abc import Iterable
from typing import Protocol


class Used(Protocol):
    """How much of one limit is used, in one unit; `rule` is the policy key."""

    @property
    def rule(self) -> str: ...  # noqa: D102

    @property
    def used(self) -> int: ...  # noqa: D102

    @property
    def limit(self) -> int: ...  # noqa: D102


def most_used[T: Used](uses: Iterable[T]) -> dict[str, T]:
    """Of each limit the use that is nearest to it, or furthest past it."""
    most: dict[str, T] = {}
    for use in uses:
        known = most.get(use.rule)
        if known is None or use.used * known.limit > known.used * use.limit:
            most[use.rule] = use
    return most


class Thresholds:
    """The levels (percent of a limit, rising) that were told on one day."""

    def __init__(self, levels: tuple[int, ...]) -> None:
        self._levels = levels
        self._day = ""
        self._told: dict[str, int] = {}

    def begin(self, day: str) -> None:
        """Count on this day; another one than before begins anew."""
        if day != self._day:
            self._day, self._told = day, {}

    def know(self, rule: str, level: int) -> None:
        """Take a level of a limit as told today, and all below it."""
        self._told[rule] = max(level, self._told.get(rule, 0))

    def passed(self, use: Used) -> tuple[int, ...]:
        """The levels that a limit has reached and that were not told today; they are told with this. A limit of nothing
        cannot be used up by degrees."""
        if use.limit <= 0:
            return ()
        told = self._told.get(use.rule, 0)
        new = tuple(level for level in self._levels if told < level and use.used * 100 >= level * use.limit)
        if new:
            self.know(use.rule, new[-1])
        return new
