"""Reading the journal, while it grows or from a copy.

Rule of this file: read-only connections and short transactions, for a long one would keep the write-ahead log from
being folded back into the database. Auditors get copies.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pysqlite3 as sqlite

from pretrade.journal.database import EVENT_COLUMNS, event_of, open_copy, open_reader
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.journal.files import create_file

_PAGE = 1_000
_OF_KINDS = "(:kinds is null or kind in (select value from json_each(:kinds)))"


def read_events(path: Path, after: int = 0, kinds: Collection[EventKind] | None = None) -> Iterator[Event]:
    """Every event behind row `after`, oldest first, of these kinds or of all.

    What is appended meanwhile is included. Raises JournalError when the file cannot be read.
    """
    with closing(open_reader(path)) as connection:
        while page := _select(
            connection, f"seq > :after and {_OF_KINDS} order by seq", after=after, kinds=_list(kinds)
        ):
            yield from page
            after = page[-1].seq


def find(path: Path, decision_id: str) -> list[Event]:
    """Every event of one decision, oldest first: the judgement or refusal, then its outcomes. Raises JournalError."""
    with closing(open_reader(path)) as connection:
        return _select(connection, "decision_id = :id order by seq", id=decision_id)


def tail(path: Path, count: int, kinds: Collection[EventKind] | None = None) -> list[Event]:
    """The last `count` events (at most 1000) of these kinds or of all, oldest first. Raises JournalError."""
    with closing(open_reader(path)) as connection:
        newest_first = _select(connection, f"{_OF_KINDS} order by seq desc", min(count, _PAGE), kinds=_list(kinds))
    return newest_first[::-1]


def back_from_the_end(path: Path, kinds: Collection[EventKind]) -> Iterator[list[Event]]:
    """The events of these kinds in pages, newest first, for whoever wants the last few. Raises JournalError."""
    with closing(open_reader(path)) as connection:
        before = None
        while page := _select(
            connection,
            f"(:before is null or seq < :before) and {_OF_KINDS} order by seq desc",
            before=before,
            kinds=_list(kinds),
        ):
            yield page
            before = page[-1].seq


def _select(connection: sqlite.Connection, condition: str, limit: int = _PAGE, **values: object) -> list[Event]:
    sql = f"select {EVENT_COLUMNS} from events where {condition} limit {limit}"  # noqa: S608 - texts of this file only
    try:
        return [event_of(row) for row in connection.execute(sql, values).fetchall()]
    except sqlite.Error as e:
        raise JournalError(f"cannot read the journal: {e}") from e


def _list(kinds: Collection[EventKind] | None) -> str | None:
    return None if kinds is None else json.dumps(list(kinds))


def copy(path: Path, target: Path) -> None:
    """Write the journal as it is now into a new file that any SQLite from 3.40 on, and sqlite-utils, can open.

    The writer goes on meanwhile. The copy is one file with mode 0640, without a write-ahead log. Raises JournalError,
    with nothing left behind; a file that is there already is never replaced.
    """
    with closing(open_reader(path)) as source:
        try:
            create_file(target)
        except OSError as e:
            raise JournalError(f"cannot make the copy {target}: {e.strerror}") from e
        try:
            _fill(source, target)
            target.chmod(0o640)
        except (sqlite.Error, OSError) as e:
            target.unlink(missing_ok=True)
            raise JournalError(f"cannot copy the journal {path} to {target}: {e}") from e


def _fill(source: sqlite.Connection, target: Path) -> None:
    with closing(open_copy(target)) as copied:
        source.backup(copied)
    with closing(open_copy(target)) as copied:  # opened anew: the copied header says that there is a write-ahead log
        (mode,) = copied.execute("pragma journal_mode = delete").fetchone()
    if mode != "delete":
        raise OSError(f"the copy stayed in journal mode {mode}")
