"""How writes ended, on the way to the disk.

Rule of this file: an outcome is handed in until its row is on the disk. Nobody waits for it, and to be told of each
would take a turn of the event loop a write: so it is looked back at before it matters.
"""

import asyncio

from pretrade.journal.events import EventKind
from pretrade.journal.writer import Journal
from pretrade.model.frozen import frozen
from pretrade.model.outcomes import Outcome
from pretrade.risk.ledger.ledger import Ledger


@frozen
class Ending:
    """How a write ended and its row; `frees` where the ledger learns of it only once the row is on disk."""

    decision_id: str
    outcome: Outcome
    at_ms: int
    body: dict[str, object]
    frees: bool = False


class Endings:
    """The outcomes of one run of which it is not known that they are on the disk."""

    def __init__(self, journal: Journal, ledger: Ledger) -> None:
        self._journal, self._ledger = journal, ledger
        self._handed_in: list[tuple[asyncio.Future[int], Ending]] = []
        self._failed: list[Ending] = []
        self._again: set[str] = set()
        self.withdrawn: set[str] = set()
        """Decisions that could not be recorded and whose end is not on disk yet: the ledger still holds them."""

    @property
    def are_whole(self) -> bool:
        """Whether no outcome's row has failed without being on the disk by now; what is under way for the first time
        does not count."""
        self._look_back()
        return not self._again

    def record(self, ending: Ending) -> None:
        """Hand an outcome to the journal; nobody waits for it, but one that cannot be written is kept for later."""
        if ending.frees:
            self.withdrawn.add(ending.decision_id)
        row = self._journal.append(EventKind.OUTCOME, ending.body, ending.decision_id)
        self._handed_in.append((row, ending))
        if ending.frees:
            row.add_done_callback(lambda _: self._look_back())

    def _look_back(self) -> None:
        """Learn which outcomes are on disk by now."""
        handed_in, self._handed_in = self._handed_in, []
        for row, ending in handed_in:
            if not row.done():
                self._handed_in.append((row, ending))
            elif row.cancelled() or row.exception() is not None:
                self._failed.append(ending)
                self._again.add(ending.decision_id)
            else:
                self._again.discard(ending.decision_id)
                self._settle(ending)

    def _settle(self, ending: Ending) -> None:
        if ending.frees:
            self.withdrawn.discard(ending.decision_id)
            self._ledger.settle(ending.decision_id, ending.outcome, ending.at_ms)

    async def catch_up(self) -> bool:
        """Record what could not be recorded before; whether all of it is on disk now, also where somebody else is at it
        already. A later order's row must not come to stand before the end of an earlier one."""
        if not self.are_whole:
            self.flush()
            await self._journal.settled()
        return self.are_whole

    async def finish(self) -> None:
        """Wait for what is under way, and try once more what could not be recorded: at a stop there is no later."""
        await self._journal.settled()
        await self.catch_up()

    def flush(self) -> None:
        """Try again to record the outcomes that could not be recorded."""
        self._look_back()
        failed, self._failed = self._failed, []
        for ending in failed:
            self.record(ending)
