"""How the journal's database is opened: the right SQLite, settings that are read back, schema, guards.

Rule of this file: only `pysqlite3` touches the file. The standard library's sqlite3 is another copy of SQLite; both on
one file in one process would drop each other's locks.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pysqlite3 as sqlite

from pretrade.journal import schema
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.journal.files import require_private

MINIMUM_SQLITE = (3, 51, 3)
"""Older versions can corrupt a write-ahead log when a checkpoint and a writer meet (the WAL-reset bug)."""

PRAGMAS: tuple[tuple[str, str | int, str | int], ...] = (
    ("busy_timeout", 250, 250),
    ("journal_mode", "wal", "wal"),
    ("synchronous", "full", 2),  # NORMAL loses acknowledged rows when the power fails
    ("fullfsync", "on", 1),  # on macOS a plain fsync does not reach the disk
    ("checkpoint_fullfsync", "on", 1),
    ("foreign_keys", "on", 1),
    ("recursive_triggers", "on", 1),  # without it INSERT OR REPLACE deletes rows behind the triggers' back
    ("trusted_schema", "off", 0),
)
"""Name, value to set, value that must be read back."""

_ALLOWED_ACTIONS = frozenset(
    {sqlite.SQLITE_SELECT, sqlite.SQLITE_READ, sqlite.SQLITE_FUNCTION, sqlite.SQLITE_TRANSACTION}
)

EVENT_COLUMNS = "seq, utc, mono_ns, boot, kind, decision_id, body, prev_hash, hash"
"""The columns of `events` in the order of Event's fields."""


def event_of(row: tuple[Any, ...]) -> Event:
    """Make an Event of a row of EVENT_COLUMNS. Raises JournalError for a kind that no version has ever written."""
    seq, utc, mono_ns, boot, kind, decision_id, body, prev_hash, own_hash = row
    try:
        return Event(seq, utc, mono_ns, boot, EventKind(kind), decision_id, body, prev_hash, own_hash)
    except ValueError as e:
        raise JournalError(f"row {seq} of the journal has the unknown kind {kind!r}") from e


def open_writer(path: Path) -> sqlite.Connection:
    """Open a journal, or an empty file, for writing and bring its schema up to date; afterwards it takes only appends.

    A file that is not there is not made: after a fault that would read as a day without orders. The connection may be
    handed to another thread, but belongs to one at a time. Raises JournalError for a file that must not be used,
    sqlite.Error or OSError for a fault.
    """
    require_version()
    require_private(path)
    with ExitStack() as undo:
        connection = sqlite.connect(_uri(path, "rw"), uri=True, isolation_level=None, check_same_thread=False)
        undo.callback(connection.close)
        schema.require_ours(connection, path)
        _set_pragmas(connection, path)
        schema.migrate(connection, path)
        connection.set_authorizer(_authorize)
        undo.pop_all()
    return connection


def open_reader(path: Path) -> sqlite.Connection:
    """Open a journal, or a copy of one, for reading only. Raises JournalError when it is not one that can be read."""
    require_version()
    with ExitStack() as undo:
        try:
            connection = sqlite.connect(_uri(path, "ro"), uri=True, isolation_level=None)
            undo.callback(connection.close)
            connection.execute("pragma busy_timeout = 250")
            connection.execute("pragma trusted_schema = off")
            schema.require_readable(connection, path)
        except sqlite.Error as e:
            raise JournalError(f"cannot read the journal {path}: {e}") from e
        undo.pop_all()
    return connection


def open_copy(path: Path) -> sqlite.Connection:
    """Open a file that a copy of the journal is written into. Raises sqlite.Error."""
    return sqlite.connect(_uri(path, "rw"), uri=True, isolation_level=None)


def require_version(found: tuple[int, ...] = sqlite.sqlite_version_info) -> None:
    """Refuse a SQLite that can lose the journal. Raises JournalError."""
    if found < MINIMUM_SQLITE:
        need, have = (".".join(map(str, version)) for version in (MINIMUM_SQLITE, found))
        raise JournalError(f"SQLite {need} or newer is needed (older ones can corrupt a write-ahead log), found {have}")


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _set_pragmas(connection: sqlite.Connection, path: Path) -> None:
    for name, value, expected in PRAGMAS:
        connection.execute(f"pragma {name} = {value}").fetchall()
        (found,) = connection.execute(f"pragma {name}").fetchone()
        if found != expected:
            raise JournalError(f"{path}: SQLite refused the setting {name} = {value}, it is {found!r}")


def _authorize(action: int, argument: str | None, *_: str | None) -> int:
    """Let the writer's connection read, append to `events` and checkpoint; nothing else can even be prepared."""
    if action in _ALLOWED_ACTIONS:
        return int(sqlite.SQLITE_OK)
    if action == sqlite.SQLITE_INSERT and argument == "events":
        return int(sqlite.SQLITE_OK)
    if action == sqlite.SQLITE_PRAGMA and argument == "wal_checkpoint":
        return int(sqlite.SQLITE_OK)
    return int(sqlite.SQLITE_DENY)
