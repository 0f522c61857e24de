"""What is due by the clock: expiries, closes, settlements, each carried out at its own moment.

Rule of this file: a heap of moments and callables, nothing about orders or markets. Things due at the same moment run
in the order in which they were scheduled, so that a run can be repeated exactly.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Timetable:
    """Callables by the moment (microseconds since 1970) at which they are due."""

    _due: list[tuple[int, int, Callable[[], object]]] = field(default_factory=list)
    _count: int = 0

    def add(self, at_us: int, act: Callable[[], object]) -> None:
        """Have `act` called once when time has come to `at_us`; a moment in the past is due at once."""
        heapq.heappush(self._due, (at_us, self._count, act))
        self._count += 1

    def next_us(self) -> int | None:
        """When the next thing is due, None when nothing is planned."""
        return self._due[0][0] if self._due else None

    def take(self, now_us: int) -> tuple[int, Callable[[], object]] | None:
        """Take out the earliest thing due by `now_us`, with its moment; None when nothing is due."""
        if not self._due or self._due[0][0] > now_us:
            return None
        at_us, _, act = heapq.heappop(self._due)
        return at_us, act
