"""The end of the journal on disk: rows go behind the last one, durable or not at all.

Rule of this file: only what was confirmed is taken for true. After a fault the file is opened anew, and its last row
must be one that we put there: the last confirmed one, or that of the write whose end we did not see.
"""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from operator import attrgetter
from pathlib import Path
from typing import Self

import orjson
import pysqlite3 as sqlite

from pretrade.journal.chain import Head, event_hash, link
from pretrade.journal.database import EVENT_COLUMNS, event_of, open_writer
from pretrade.journal.errors import JournalError, JournalUnavailable
from pretrade.journal.events import Draft, Event
from pretrade.journal.files import Lock, create_file, identity, wal_of

_FIELDS = attrgetter(*EVENT_COLUMNS.split(", "))

_INSERT = (
    f"insert into events ({EVENT_COLUMNS}) "  # noqa: S608 - a constant
    f"select {', '.join(f'value ->> {index}' for index in range(9))} from json_each(?)"
)
"""A whole batch in one statement, which is a transaction of its own and takes the write lock before it reads anything:
every further statement (begin, commit, one a row) would wait for the interpreter's lock beside a busy event loop.
The trigger events_follow refuses the batch should its rows ever arrive in another order."""


_WENT_BACK = (
    "it is an older copy or another journal, and the orders in the rows that are missing would be forgotten. Put the "
    "newest one back. Only if that is lost, look at the exchange for open orders, remove journal.lock and start again"
)


class Store:
    """The journal's file, locked for this process. Not safe for threads: one at a time uses it."""

    def __init__(self, path: Path, lock: Lock, connection: sqlite.Connection) -> None:
        """Take over an opened journal. `open` is the way in."""
        self._path, self._wal_path = path, wal_of(path)
        self._lock = lock
        self._connection = connection
        self._head = self._attempted = self._read_head()
        self._file, self._wal = identity(path), identity(self._wal_path)
        self._in_doubt = False

    @classmethod
    def open(cls, path: Path) -> Self:
        """Lock and open the journal, making it if it is not there. Raises JournalError."""
        with ExitStack() as undo:
            lock = Lock(path)
            undo.callback(lock.release)
            try:
                if not path.exists(follow_symlinks=False):
                    _require_new(path, lock)
                    create_file(path)
                connection = open_writer(path)
                undo.callback(connection.close)
                store = cls(path, lock, connection)
                store._require_noted_row()
            except (sqlite.Error, OSError) as e:
                raise JournalError(f"cannot open the journal {path}: {e}") from e
            undo.pop_all()
        return store

    @property
    def head(self) -> Head:
        """The last row known to be durable."""
        return self._head

    def append(self, drafts: Sequence[Draft]) -> int:
        """Put one or more rows behind the last one in one transaction; the first one's number, once they are durable.

        Raises JournalUnavailable when that is not certain; the next call then looks at the file again by itself.
        """
        try:
            if self._in_doubt:
                self._recover()
            return self._append(drafts)
        except (sqlite.Error, OSError, JournalError) as e:
            raise JournalUnavailable(f"{self._path}: {e}") from e

    def _append(self, drafts: Sequence[Draft]) -> int:
        events, head = [], self._head
        for draft in drafts:
            events.append(link(draft, head))
            head = Head(events[-1].seq, events[-1].hash)
        self._in_doubt, self._attempted = True, head
        self._write(events)
        self._require_same_files()
        self._in_doubt, self._head = False, head
        self._lock.note(head.seq, head.hash)
        return events[0].seq

    def _write(self, events: Sequence[Event]) -> None:
        """Make rows durable: with `synchronous = full` the statement returns after the disk has them, all or none."""
        self._connection.execute(_INSERT, (orjson.dumps([_FIELDS(event) for event in events]).decode(),))

    def _recover(self) -> None:
        """Open the file anew after a fault and find its end. The order matters: no other file is touched, and rows in
        a write-ahead log that has lost its name are saved into the database before it is let go."""
        self._require_same_file()
        with suppress(sqlite.Error):
            self._connection.execute("pragma wal_checkpoint(passive)").fetchall()
        self._connection.close()
        self._connection = open_writer(self._path)
        self._require_same_file()
        head = self._read_head()
        if head not in (self._head, self._attempted):
            raise JournalError(
                f"its last row is {head.seq}, where {self._head.seq} was confirmed: rows were lost or another program "
                "wrote here; stop the proxy and look at the file before going on"
            )
        self._wal = identity(self._wal_path)
        self._head, self._in_doubt = head, False

    def _read_head(self) -> Head:
        row = self._connection.execute(f"select {EVENT_COLUMNS} from events order by seq desc limit 1").fetchone()  # noqa: S608
        if row is None:
            return Head()
        event = event_of(row)
        if event.hash != event_hash(event, event.seq, event.prev_hash):
            raise JournalError(f"row {event.seq}, the last one, does not fit its own hash: it was altered")
        return Head(event.seq, event.hash)

    def _require_noted_row(self) -> None:
        """Refuse a file that does not have the row that the last run knew to be on the disk."""
        if self._lock.noted is None:
            return
        seq, row_hash = self._lock.noted
        row = self._connection.execute("select hash from events where seq = ?", (seq,)).fetchone()
        if row is None:
            raise JournalError(f"its last row is {self._head.seq}, where row {seq} had been written: {_WENT_BACK}")
        if row[0] != row_hash:
            raise JournalError(f"its row {seq} is another than the one that had been written: {_WENT_BACK}")

    def _require_same_files(self) -> None:
        self._require_same_file()
        if identity(self._wal_path) != self._wal:
            raise JournalError("its write-ahead log was replaced while it was open")

    def _require_same_file(self) -> None:
        if identity(self._path) != self._file:
            raise JournalError("another file was put in its place while it was open")

    def close(self) -> None:
        """Write everything into the one database file and let it go. Safe to call again."""
        with suppress(sqlite.Error):
            self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        self._connection.close()
        self._lock.release()


def _require_new(path: Path, lock: Lock) -> None:
    """Refuse to begin a journal anew where there was one."""
    if lock.noted is not None:
        raise JournalError(
            f"{path} is not there, and row {lock.noted[0]} had been written: its orders would be forgotten. Put it "
            "back. Only if it is lost, look at the exchange for open orders, remove journal.lock and start again"
        )
