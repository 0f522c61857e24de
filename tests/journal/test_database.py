# ruff: noqa: S608 - the SQL of this file is made of its own constants
"""Settings of the writer's connection, and what it and others are kept from doing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from tests.journal.support import draft

from pretrade.journal import database, schema
from pretrade.journal.chain import verify
from pretrade.journal.database import open_reader, open_writer, require_version
from pretrade.journal.errors import JournalError
from pretrade.journal.reader import read_events
from pretrade.journal.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three rows, closed."""
    path = tmp_path / "journal.db"
    store = Store.open(path)
    store.append([draft(number=number) for number in range(3)])
    store.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Any]:
    with closing(open_writer(path)) as connection:
        yield connection


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("trusted_schema", 0),
        ("busy_timeout", 250),
        ("application_id", 0x50545244),
        ("user_version", 1),
    ],
)
def test_settings_read_back(writer: Any, pragma: str, value: object) -> None:
    """Catches: synchronous NORMAL, which loses acknowledged rows in a power cut though every kill -9 test passes, and
    recursive_triggers OFF. Asked of the writer's own connection, for most settings belong to a connection."""
    writer.set_authorizer(None)
    assert writer.execute(f"pragma {pragma}").fetchone() == (value,)


def test_a_setting_that_does_not_hold_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PRAGMAS", (("synchronous", "normal", 2),))
    with pytest.raises(JournalError, match="refused the setting synchronous = normal, it is 1"):
        open_writer(path)


@pytest.mark.parametrize(("version", "refused"), [((3, 51, 2), True), ((3, 40, 1), True), ((3, 51, 3), False)])
def test_an_old_sqlite_is_refused(version: tuple[int, ...], *, refused: bool) -> None:
    expected = pytest.raises(JournalError, match=r"SQLite 3\.51\.3 or newer is needed") if refused else nullcontext()
    with expected:
        require_version(version)


def row(seq: str, follows: int = 3) -> str:
    hashes = f"(select hash from events where seq = {follows}), printf('%064d', 1)"
    return f"values ({seq}, '2026-01-01T00:00:00.000000Z', 1, 'b', 'reads', null, '{{}}', {hashes})"


CHANGES = [
    "update events set body = '{}' where seq = 2",
    "update or ignore events set body = '{}'",
    "update or replace events set seq = 1 where seq = 2",
    "delete from events where seq = 3",
    "delete from events",
    f"replace into events {row('2')}",
    f"insert or replace into events {row('3')}",
    f"insert or replace into events {row('4', follows=1)}",
    f"insert or ignore into events {row('9')}",
    f"insert into events {row('0')}",
    f"insert into events {row('null')}",
    f"insert into events {row('4', follows=2)}",
    f"insert into events {row('3')} on conflict do update set body = '{{}}'",
]

GUARDS = [
    "drop trigger events_no_update",
    "drop trigger events_follow",
    "drop table events",
    "drop view orders",
    "drop index events_decision",
    "alter table events rename to gone",
    "alter table events drop column body",
    "create trigger t after insert on events begin select 1; end",
    "create table other (x)",
    "create temp trigger t after insert on events begin delete from main.events; end",
    "pragma writable_schema = on",
    "pragma recursive_triggers = off",
    "pragma synchronous = off",
    "pragma journal_mode = delete",
    "pragma user_version = 7",
    "update sqlite_schema set sql = ''",
    "attach ':memory:' as other",
    "vacuum",
    "reindex",
]


@pytest.mark.parametrize("sql", CHANGES + GUARDS)
def test_the_writer_can_only_append(writer: Any, path: Path, sql: str) -> None:
    """Catches: a statement that changes or drops rows or guards through the connection that writes (threats 46, 47)."""
    with pytest.raises(pysqlite3.DatabaseError):
        writer.execute(sql).fetchall()
    assert verify(read_events(path)) is None
    assert len(list(read_events(path))) == 3


@pytest.mark.parametrize("recursive_triggers", ["on", "off"])
@pytest.mark.parametrize("sql", CHANGES)
def test_other_programs_meet_the_triggers(path: Path, sql: str, recursive_triggers: str) -> None:
    """Catches: REPLACE, which deletes rows without the delete trigger where recursive_triggers is off, as it is by
    default in the sqlite3 shell. The row order trigger stands before it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute(f"pragma recursive_triggers = {recursive_triggers}")
        with pytest.raises(sqlite3.IntegrityError, match="the journal only grows"):
            shell.execute(sql)
    assert verify(read_events(path)) is None
    assert len(list(read_events(path))) == 3


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("utc", "'2026-01-01 00:00:00'", "CHECK"),
        ("mono_ns", "'soon'", "cannot store TEXT"),
        ("mono_ns", "1.5", "cannot store REAL"),
        ("boot", "''", "CHECK"),
        ("kind", "''", "CHECK"),
        ("kind", "null", "NOT NULL"),
        ("decision_id", "''", "CHECK"),
        ("body", "'{'", "CHECK"),
        ("body", "x'7b7d'", "cannot store BLOB"),
        ("hash", "'short'", "CHECK"),
    ],
)
def test_the_table_takes_no_half_rows(writer: Any, column: str, value: str, message: str) -> None:
    row = {"seq": "4", "utc": "'2026-01-01T00:00:00.000000Z'", "mono_ns": "1", "boot": "'b'", "kind": "'reads'"}
    row |= {"decision_id": "null", "body": "'{}'", "prev_hash": "(select hash from events where seq = 3)"}
    row |= {"hash": "printf('%064d', 1)", column: value}
    with pytest.raises(pysqlite3.IntegrityError, match=message):
        writer.execute(f"insert into events ({', '.join(row)}) values ({', '.join(row.values())})")


def test_a_journal_of_a_newer_program_is_refused(path: Path) -> None:
    """Catches: an old program that writes rows into a file whose rules it does not know."""
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute(f"pragma user_version = {len(schema.MIGRATIONS) + 1}")
    for opens in (open_writer, open_reader):
        with pytest.raises(JournalError, match="has schema version 2, this program knows up to 1"):
            opens(path)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table orders (x)")
    with pytest.raises(JournalError, match="another program"):
        open_writer(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    path.write_text("not a database, " * 100)
    with pytest.raises(JournalError, match="not a database"):
        Store.open(path)
    assert path.read_text() == "not a database, " * 100


def test_a_reader_cannot_write(path: Path) -> None:
    with closing(open_reader(path)) as reader, pytest.raises(pysqlite3.OperationalError, match="readonly"):
        reader.execute("drop trigger events_no_update")


def test_a_missing_journal_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="unable to open"):
        open_reader(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []
