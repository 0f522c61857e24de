"""What is known of the reconciliation: when the exchange's record was last read, what it broke on, and who wants it.

Rule of this file: it holds and tells; reading and comparing are `reconcile`'s.
"""

import asyncio
from dataclasses import dataclass, field

from pretrade.gateway.machine.clock import Clock
from pretrade.risk.reconciling.reconciliation_round import Break


@dataclass(slots=True)
class Reconciled:
    """The state of the reconciliation. Ages are by the monotonic clock, in milliseconds."""

    clock: Clock
    breaks: tuple[Break, ...] = ()
    problem: str = ""
    rounds: int = 0
    _at_ms: int | None = None
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def age_ms(self) -> int | None:
        """How long ago the record was last read as a whole; None when it never was."""
        return None if self._at_ms is None else self.clock.age_ms() - self._at_ms

    def done(self, started_age_ms: int, breaks: tuple[Break, ...]) -> None:
        """Note a round that came through; it is as old as its beginning, on the monotonic clock."""
        self._at_ms, self.breaks, self.problem = started_age_ms, breaks, ""
        self.rounds += 1

    def failed(self, problem: str) -> None:
        """Note a round that did not come through, and why."""
        self.problem = problem

    def lost(self) -> None:
        """Note that what was read last is not on record: orders wait as if nothing had been read yet."""
        self._at_ms = None

    def want(self) -> None:
        """Ask for a round soon: something was sent whose true end only the record shows."""
        self._wanted.set()

    async def wait(self, timeout_s: float) -> None:
        """Until a round is wanted, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wanted.wait()
        except TimeoutError:
            pass
        self._wanted.clear()
