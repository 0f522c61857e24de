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
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.journal.store import Store


def objects(connection: Any) -> list[tuple[Any, ...]]:
    connection.set_authorizer(None)
    return connection.execute("select type, name, sql from sqlite_schema order by name").fetchall()


def test_every_column_has_its_comment() -> None:
    """Catches: a column without an explanation, and one that documentation would call by another name."""
    with closing(pysqlite3.connect(":memory:")) as connection:
        for script in (*schema.MIGRATIONS, schema.VIEWS):
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
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "create table extra as select 1 as x;"))
    with pytest.raises(JournalError, match="has schema version 1, expected 2; starting the proxy"):
        open_reader(path)
    store = Store.open(path)
    assert store.append([draft()]) == 2
    store.close()
    with closing(open_reader(path)) as reader:
        assert reader.execute("select x from extra").fetchone() == (1,)
        assert reader.execute("pragma user_version").fetchone() == (2,)


def test_every_kind_is_told_of() -> None:
    """Catches a kind of row that the column's own comment, which is the documentation, does not know."""
    kinds = next(c.comment for r in schema.describe() if r.name == "events" for c in r.columns if c.name == "kind")
    assert sorted(kinds.replace(" or ", ", ").split(", ")) == sorted(EventKind)


def test_a_journal_of_an_earlier_state_gains_the_views_that_came_since(tmp_path: Path) -> None:
    """Catches a log of yesterday's program in which an auditor finds no `observations`, or finds a view as it was.
    Seen red without `_renew_views`."""
    path = tmp_path / "journal.db"
    store = Store.open(path)
    store.append([draft()])
    store.close()
    with closing(pysqlite3.connect(path)) as earlier:
        earlier.executescript("drop view observations; drop view notices; create view notices as select 1 as x;")
        earlier.execute("create view gone as select 2 as y")
    store = Store.open(path)
    assert store.append([draft()]) == 2
    store.close()
    new = tmp_path / "new.db"
    Store.open(new).close()
    with closing(open_reader(path)) as reader, closing(open_reader(new)) as other:
        assert objects(reader) == objects(other)
        assert reader.execute("select count(*) from observations").fetchone() == (0,)
