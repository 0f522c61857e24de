"""The exchange's clock: time stands still within a command and never runs backwards.

Rule of this file: the source is given. Because a command sees one moment only, carrying the same commands out again at
the same moments gives the same exchange.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pretrade.practice.core.state import Clock


class Moment:
    """A clock (call it for microseconds since 1970) on top of another one."""

    def __init__(self, source: Clock) -> None:
        self._source = source
        self._held: int | None = None
        self._last = 0

    def __call__(self) -> int:
        """The moment of the running command; between commands the source's, or the last one if that was later."""
        if self._held is not None:
            return self._held
        self._last = max(self._last, self._source())
        return self._last

    @contextmanager
    def held(self, at_us: int | None = None) -> Iterator[int]:
        """Let one moment stand: this one, else now. Within a held moment nothing changes."""
        if self._held is not None:
            yield self._held
            return
        self._last = self() if at_us is None else max(self._last, at_us)
        self._held = self._last
        try:
            yield self._last
        finally:
            self._held = None
