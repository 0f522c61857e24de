"""Snapshots: the ledger as a row of its own, so that a start reads the last one and what follows it.

Rule of this file: a snapshot is taken and handed in without an await, so that it holds what the rows before it add up
to, and nothing else.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pretrade.gateway.instance import Instance
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.journal.reader import tail
from pretrade.kalshi.wire import WireError, describe, restore
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.state import STATE, ledger_of, state_of

EVERY_ROWS = 10_000
"""Rows between two snapshots: bounds what a start has to read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The last snapshot of a journal: its row, the ledger, and the decisions whose answers nobody had read."""

    seq: int
    ledger: Ledger
    unread: tuple[str, ...]


def last(path: Path) -> Snapshot:
    """The last snapshot of a journal; an empty one at row 0 where there is none. Raises JournalError."""
    found = tail(path, 1, kinds=(EventKind.SNAPSHOT,))
    return _read(found[0]) if found else Snapshot(0, Ledger(), ())


def _read(event: Event) -> Snapshot:
    body = json.loads(event.body)
    try:
        ledger = ledger_of(STATE.validate_python(body["ledger"]), restore)
        return Snapshot(event.seq, ledger, tuple(body["unread"]))
    except (WireError, ValidationError, KeyError, TypeError, ValueError) as e:
        raise JournalError(f"row {event.seq} ({event.kind}) cannot be read back: {e}") from e


class Snapshots:
    """Takes a snapshot when there is reason to: many rows, a new day, a clean stop."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._rows_before = instance.journal.handed_in
        self._day = instance.ledger.day_of("")

    def look(self) -> None:
        """Take one if it is due; called every second or so."""
        if self.too_early():
            return
        day, rows = self._instance.ledger.day_of(""), self._instance.journal.handed_in
        self._day = self._day or day
        if day != self._day or rows - self._rows_before >= EVERY_ROWS:
            self.take()

    async def take_last(self) -> None:
        """Take one at the stop, unless something is still not on disk by then: the next start then reads more rows."""
        await self._instance.endings.finish()
        if not self.too_early():
            self.take()

    def too_early(self) -> str:
        """Why none may be taken now, in words; empty where one may.

        A row on its way to disk may change the ledger only once it is there: it would stand before the snapshot, and
        the snapshot would take back what it says (give up a hold, resume trading, approve an order). Where that of an
        outcome has failed, the snapshot would know an end that no row tells.
        """
        endings = self._instance.endings
        if endings.withdrawn:
            return "orders are held that are not on record"
        if not endings.are_whole:
            return "how an order ended is not on record yet"
        if self._instance.trading.is_resuming:
            return "trading is about to be resumed, which is not on record yet"
        if self._instance.ledger.confirmations.under_way:
            return "an order is about to be confirmed, which is not on record yet"
        return ""

    def take(self) -> asyncio.Future[int]:
        """Take one now, which must not be too early; the future is its row."""
        instance = self._instance
        self._rows_before, self._day = instance.journal.handed_in, instance.ledger.day_of("")
        body = {
            "ledger": STATE.dump_python(state_of(instance.ledger, describe), mode="json"),
            "unread": sorted(instance.attempts.unread),
        }
        return instance.journal.append(EventKind.SNAPSHOT, body)
