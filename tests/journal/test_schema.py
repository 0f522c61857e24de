"""Schema versions, and comments that say what every column means."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from tests.journal.support import draft

from pretrade.journal import schema
from pretrade.journal.database import open_reader, open_writer
from pretrade.journal.errors import JournalError
from pretrade.journal.reader import read_events
from pretrade.journal.store import Store


def objects(connection: Any) -> list[tuple[Any, ...]]:
    connection.set_authorizer(None)
    return connection.execute("select type, name, sql from sqlite_schema order by name").fetchall()


def test_every_column_has_its_comment() -> None:
    """Catches: a column without an explanation, and one that documentation would call by another name."""
    with closing(pysqlite3.connect(":memory:")) as connection:
        for script in schema.MIGRATIONS:
            connection.executescript(script)
        names = [row[0] for row in connection.execute("select name from sqlite_schema where type in ('table', 'view')")]
        described = {relation.name: relation for relation in schema.describe()}
        assert sorted(described) == sorted(names)
        for name, relation in described.items():
            columns = [row[1] for row in connection.execute(f"pragma table_info({name})")]
            assert [column.name for column in relation.columns] == columns
            assert relation.comment.endswith(".")


def test_an_interrupted_first_open_is_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    open_writer(path).close()
    assert list(read_events(path)) == []


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a file left between two versions by a migration that stops half way."""
    path = tmp_path / "journal.db"
    path.touch(0o600)
    with closing(open_writer(path)) as connection:
        before = objects(connection)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "create table a (x); create table events (x);"))
    with pytest.raises(JournalError, match="the step to schema version 2 failed: table events already exists"):
        open_writer(path)
    monkeypatch.undo()
    with closing(open_writer(path)) as connection:
        assert objects(connection) == before


def test_an_older_journal_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    store = Store.open(path)
    store.append([draft()])
    store.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "create view extra as select 1 as x;"))
    with pytest.raises(JournalError, match="has schema version 1, expected 2; starting the proxy"):
        open_reader(path)
    store = Store.open(path)
    assert store.append([draft()]) == 2
    store.close()
    with closing(open_reader(path)) as reader:
        assert reader.execute("select x from extra").fetchone() == (1,)
        assert reader.execute("pragma user_version").fetchone() == (2,)
