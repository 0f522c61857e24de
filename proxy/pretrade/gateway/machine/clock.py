"""The program's only clocks. Everything below the gateway takes time as an argument."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time for records and signatures, monotonic time for ages and latencies; both in nanoseconds."""

    utc_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns

    def now_ms(self) -> int:
        """Unix time in milliseconds, as the exchange signs it."""
        return self.utc_ns() // 1_000_000

    def age_ms(self) -> int:
        """Milliseconds on the monotonic clock: for ages, which a clock that is set must not change."""
        return self.monotonic_ns() // 1_000_000

    def day(self, zone: ZoneInfo) -> str:
        """Today's date in a time zone, as YYYY-MM-DD."""
        return _day(self.utc_ns() // 1_000_000_000, zone)


@lru_cache(maxsize=8)
def _day(second: int, zone: ZoneInfo) -> str:
    """Kept for its second: an order asks for it three times, and one second may have hundreds of orders."""
    return datetime.fromtimestamp(second, UTC).astimezone(zone).date().isoformat()


class Stopwatch:
    """Microseconds spent in each named step of one request."""

    __slots__ = ("_clock", "_last", "_start", "laps")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = self._last = clock.monotonic_ns()
        self.laps: dict[str, int] = {}

    def lap(self, step: str) -> None:
        """Note the time since the last lap as this step's."""
        now = self._clock.monotonic_ns()
        self.laps[step] = (now - self._last) // 1000
        self._last = now

    def total(self) -> int:
        """Microseconds since the request arrived."""
        return (self._clock.monotonic_ns() - self._start) // 1000
