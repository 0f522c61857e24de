"""A bucket of reads: so many a second, and some saved up."""

from pretrade.gateway.machine.clock import Clock

_ONE = 1_000
"""One read, as the level of a bucket counts it."""


class Bucket:
    """Fills by the monotonic clock, and is full at first. Belongs to one event loop."""

    def __init__(self, clock: Clock, *, a_second: int, at_once: int) -> None:
        """`a_second` flow in, `at_once` is how much there may be."""
        self._clock = clock
        self._a_second = a_second
        self._most = at_once * _ONE
        self._level = self._most
        self._at_ms = clock.age_ms()

    def take(self, count: int = 1) -> bool:
        """Count so many, or say that there are not as many left."""
        now_ms = self._clock.age_ms()
        self._level = min(self._most, self._level + (now_ms - self._at_ms) * self._a_second)
        self._at_ms = now_ms
        if self._level < count * _ONE:
            return False
        self._level -= count * _ONE
        return True

    def empty_for_ms(self, count: int = 1) -> int:
        """Milliseconds from the last `take` until so many are to be had, if nobody takes any before; 0 where there are.
        There never are more than `at_once`."""
        return max(-(-(count * _ONE - self._level) // self._a_second), 0)
