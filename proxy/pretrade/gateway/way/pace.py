"""The pace clock, and a client's pace as a decision's row holds it."""

from collections.abc import Sequence
from typing import Any

from pretrade.gateway.machine.clock import Clock
from pretrade.model.pace import BucketSeen, LegPace, PaceSeen


class PaceClock:
    """The time that throttles and windows are reckoned in: it runs as the monotonic clock does and never goes back.

    It begins at the wall clock's time, or where the last approved write of an earlier run was, whichever is later. So a
    wall clock that is set, forwards or back, refills nothing and holds nobody up while a run lasts; over a restart the
    time that has passed counts, but never less than none.
    """

    def __init__(self, clock: Clock, latest_ms: int) -> None:
        self._clock = clock
        self._base_ms = max(clock.now_ms(), latest_ms) - clock.age_ms()

    def now_ms(self) -> int:
        """Milliseconds; to be compared with others of this clock's alone."""
        return self._base_ms + self._clock.age_ms()


def pace_body(pace: PaceSeen | None) -> dict[str, object] | None:
    """A pace as plain JSON values; buckets and legs without names, in the order of their fields."""
    if pace is None:
        return None
    return {
        "now_ms": pace.now_ms,
        "buckets": [list(bucket) for bucket in pace.buckets],
        "legs": [list(leg) for leg in pace.legs],
    }


def read_pace(body: Any) -> PaceSeen | None:
    """The same back. Raises KeyError, ValueError or TypeError for what is no such body."""
    if body is None:
        return None
    return PaceSeen(int(body["now_ms"]), _rows(BucketSeen, body["buckets"]), _rows(LegPace, body["legs"]))


def _rows[T](form: type[T], rows: Sequence[Sequence[object]]) -> tuple[T, ...]:
    return tuple(form(*row) for row in rows)
