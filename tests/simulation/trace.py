"""What happened in a world, line by line, with the virtual moment of each.

Rule of this file: a line holds nothing that differs between two runs of the same seed.
"""

import hashlib
from collections.abc import Callable


class Trace:
    """The lines so far."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Add a line."""
        now = self._now_us()
        self.lines.append(f"{now // 1_000_000:>5}.{now % 1_000_000:06} {who:<9} {what}")

    def digest(self) -> str:
        """A hash over all lines: the same for the same run."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()
