"""The schema of the journal file: its versions, how an older file becomes a newer one, and what each column means.

Rule of this file: the SQL stands in the .sql files beside it, with a comment on every column. What holds rows is never
changed once released; a change is a new migration at the end of the list. Views hold nothing: they are made anew
wherever a file's are not this program's.
"""

import re
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pysqlite3 as sqlite

from pretrade.journal.errors import JournalError

APPLICATION_ID = 0x50545244
"""`PTRD`: what the file's header says it is."""


def _script(*names: str) -> str:
    return "\n".join((files(__package__) / name).read_text("utf-8") for name in names)


MIGRATIONS: tuple[str, ...] = (_script("events.sql"),)
"""Entry n turns a file of schema version n into one of version n + 1."""

VIEWS = _script("views.sql")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or view, and its comment."""

    name: str
    comment: str


@dataclass(frozen=True, slots=True)
class Relation:
    """One table or view, what a row of it is, and its columns in order."""

    name: str
    comment: str
    columns: tuple[Column, ...]


def require_ours(connection: sqlite.Connection, path: Path) -> None:
    """Refuse a file that another program, or a newer version of this one, has made. An empty file is fine.

    Raises JournalError.
    """
    application_id, version, tables = _header(connection)
    if application_id != APPLICATION_ID and (application_id, version, tables) != (0, 0, 0):
        raise JournalError(f"{path} is an SQLite file of another program, not a journal")
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} has schema version {version}, this program knows up to {len(MIGRATIONS)}; "
            "it was written by a newer version, which must be used to go on"
        )


def require_readable(connection: sqlite.Connection, path: Path) -> None:
    """Refuse what is not a journal of exactly this version. Raises JournalError."""
    require_ours(connection, path)
    _, version, _ = _header(connection)
    if version < len(MIGRATIONS):
        raise JournalError(
            f"{path} has schema version {version}, expected {len(MIGRATIONS)}; "
            "starting the proxy on it brings it up to date"
        )


def migrate(connection: sqlite.Connection, path: Path) -> None:
    """Bring the schema up to date, each step in a transaction of its own. Raises JournalError, with nothing changed."""
    _, version, _ = _header(connection)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        stamp = f"pragma application_id = {APPLICATION_ID}; pragma user_version = {number};"
        try:
            connection.executescript(f"begin immediate;\n{script}\n{stamp}\ncommit;")
        except sqlite.Error as e:
            if connection.in_transaction:
                connection.execute("rollback")
            raise JournalError(f"{path}: the step to schema version {number} failed: {e}") from e
    _renew_views(connection, path)


def _renew_views(connection: sqlite.Connection, path: Path) -> None:
    """Give a file that another state of the program has made this one's views. Raises JournalError, with the old ones
    still there."""
    with closing(_newest()) as newest:
        if _views(connection) == _views(newest):
            return
    drops = "\n".join(f'drop view "{name}";' for name, _ in _views(connection))
    try:
        connection.executescript(f"begin immediate;\n{drops}\n{VIEWS}\ncommit;")
    except sqlite.Error as e:
        if connection.in_transaction:
            connection.execute("rollback")
        raise JournalError(f"{path}: its views cannot be made anew: {e}") from e


def _views(connection: sqlite.Connection) -> list[tuple[str, str]]:
    rows = connection.execute("select name, sql from sqlite_schema where type = 'view' order by name")
    return [(str(name), str(sql)) for name, sql in rows]


def _newest() -> sqlite.Connection:
    """A database in memory with the schema as it is now, to be closed by the caller."""
    connection = sqlite.connect(":memory:")
    for script in (*MIGRATIONS, VIEWS):
        connection.executescript(script)
    return connection


def _header(connection: sqlite.Connection) -> tuple[int, int, int]:
    """Application id, schema version, and how many objects there are."""
    names = ("pragma application_id", "pragma user_version", "select count(*) from sqlite_schema")
    application_id, version, objects = (int(connection.execute(sql).fetchone()[0]) for sql in names)
    return application_id, version, objects


def describe() -> tuple[Relation, ...]:
    """Every table and view with its columns and their comments, for the generated documentation."""
    with closing(_newest()) as connection:
        rows = connection.execute(
            "select name, sql from sqlite_schema where type in ('table', 'view') order by type, rowid"
        ).fetchall()
    return tuple(_relation(name, sql) for name, sql in rows)


_COLUMN = re.compile(r"(\w+)\s*,?\s*-- (.+)$")
_TABLE_COLUMN = re.compile(r"\s+(\w+) .*-- (.+)$")


def _relation(name: str, sql: str) -> Relation:
    """Read the comments out of a CREATE: a line of its own tells about the whole, one behind a column about that."""
    pattern = _TABLE_COLUMN if sql.upper().startswith("CREATE TABLE") else _COLUMN
    whole, columns = [], []
    for line in sql.splitlines():
        if line.strip().startswith("-- "):
            whole.append(line.strip().removeprefix("-- "))
        elif match := (pattern.match(line) if pattern is _TABLE_COLUMN else pattern.search(line)):
            columns.append(Column(match.group(1), match.group(2)))
    return Relation(name, " ".join(whole), tuple(columns))
