"""Faults of the disk, the file and other programs: an event is durable or reported as not recorded; the chain holds.

Every case ends the same way: what was reported as durable is there once, in order, and service has come back by itself
(or stays away, where the file is no longer the one that was written).
"""

import multiprocessing
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import pysqlite3
import pytest
from tests.journal.support import draft, files_no_larger_than

from pretrade.journal import database
from pretrade.journal.chain import verify
from pretrade.journal.errors import JournalError, JournalUnavailable
from pretrade.journal.events import Event
from pretrade.journal.reader import copy, read_events
from pretrade.journal.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with the rows 0, 1 and 2."""
    store = Store.open(path)
    store.append([draft(number=number) for number in range(3)])
    yield store
    store.close()


def numbers(path: Path) -> list[str]:
    """The bodies in the file, after a look at the chain."""
    events = list(read_events(path))
    assert verify(events) is None
    return [event.body for event in events]


def bodies(*rows: int) -> list[str]:
    return [f'{{"number":{row}}}' for row in rows]


def test_rows_continue_where_the_file_ends(path: Path, store: Store) -> None:
    assert store.append([draft(number=3), draft(number=4)]) == 4
    store.close()
    again = Store.open(path)
    assert again.head.seq == 5
    assert again.append([draft(number=5)]) == 6
    again.close()
    assert numbers(path) == bodies(0, 1, 2, 3, 4, 5)


def hold_exclusively(path: Path, locked: object, release: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        locked.set()  # type: ignore[attr-defined]
        release.wait(30)  # type: ignore[attr-defined]
        other.execute("rollback")


def test_locked_by_another_process(path: Path, store: Store) -> None:
    """Catches: a wait without end, or a row reported as durable, while somebody else holds the database."""
    context = multiprocessing.get_context("spawn")
    locked, release = context.Event(), context.Event()
    other = context.Process(target=hold_exclusively, args=(path, locked, release))
    other.start()
    assert locked.wait(30)
    for number in (3, 4):
        with pytest.raises(JournalUnavailable, match="database is locked"):
            store.append([draft(number=number)])
    release.set()
    other.join(30)
    assert store.append([draft(number=5)]) == 4
    assert numbers(path) == bodies(0, 1, 2, 5)


def test_database_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: part of a batch kept when the disk is full, and a writer that never comes back afterwards."""
    with monkeypatch.context() as small:
        small.setattr(database, "PRAGMAS", (*database.PRAGMAS, ("max_page_count", 20, 20)))
        store = Store.open(path)
        store.append([draft(number=0)])
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="full"):
                store.append([draft(number=1), draft(filler="x" * 100_000)])
    assert store.append([draft(number=1), draft(number=2)]) == 2
    store.close()
    assert numbers(path) == bodies(0, 1, 2)


def test_a_disk_that_refuses_to_write(path: Path, store: Store) -> None:
    """A real failing write() in the middle of a commit. Catches: a half-written batch that shows up later."""
    wal = path.with_name("journal.db-wal")
    too_much = wal.stat().st_size + 50_000  # it may begin to be written from its beginning again
    with files_no_larger_than(wal.stat().st_size + 5_000):
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match=r"disk|full"):
                store.append([draft(number=9), draft(filler="x" * too_much)])
    assert store.append([draft(number=3)]) == 4
    assert numbers(path) == bodies(0, 1, 2, 3)


class DiskThatForgetsToSayYes:
    """Lets a write through and then fails, as a commit does whose last answer is lost."""

    def __init__(self, store: Store, *, durable: bool) -> None:
        self._write = store._write
        self._durable = durable
        self.failing = True

    def __call__(self, events: Sequence[Event]) -> None:
        if not self.failing or self._durable:
            self._write(events)
        if self.failing:
            raise pysqlite3.OperationalError("disk I/O error")


@pytest.mark.parametrize(("durable", "expected"), [(True, (0, 1, 2, 3, 4, 5)), (False, (0, 1, 2, 5))])
def test_a_commit_whose_end_was_not_seen(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, *, durable: bool, expected: tuple[int, ...]
) -> None:
    """Catches: a chain that forks, or a row lost or written twice, because a failed commit was durable after all."""
    disk = DiskThatForgetsToSayYes(store, durable=durable)
    monkeypatch.setattr(store, "_write", disk)
    for number in (3, 4):
        with pytest.raises(JournalUnavailable, match="disk I/O error"):
            store.append([draft(number=number)])
    disk.failing = False
    assert store.append([draft(number=5)]) == len(expected)
    assert numbers(path) == bodies(*expected)


def test_the_file_is_deleted(path: Path, store: Store) -> None:
    """Catches: commits that succeed into a file nobody will ever find again (SQLite itself reports nothing)."""
    path.unlink()
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match="No such file"):
            store.append([draft(number=3)])
    assert not path.exists(), "a new, empty journal would read as a day without orders"


def test_the_file_vanishes_while_it_is_opened_anew(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a new, empty journal made in the middle of recovering from a fault."""
    monkeypatch.setattr(store, "_require_same_file", lambda: None)
    path.unlink()
    path.with_name("journal.db-wal").unlink()
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            store.append([draft(number=3)])
    assert not path.exists()


def test_the_file_is_moved_away_and_back(path: Path, store: Store) -> None:
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(JournalUnavailable, match="No such file"):
        store.append([draft(number=3)])
    path.with_name("elsewhere").rename(path)
    assert store.append([draft(number=4)]) == 5
    assert numbers(path) == bodies(0, 1, 2, 3, 4), "row 3 reached the file, though it was reported as not recorded"


def test_an_older_copy_is_put_in_its_place(path: Path, store: Store) -> None:
    """Catches: going on from an older state, which would forget orders that were sent."""
    older = path.with_name("older.db")
    copy(path, older)
    older.chmod(0o600)
    store.append([draft(number=3)])
    older.rename(path)
    for _ in range(3):
        with pytest.raises(JournalUnavailable, match="another file was put in its place"):
            store.append([draft(number=4)])


def test_an_older_content_is_put_into_it(path: Path, store: Store) -> None:
    """The same inode with an older state. Catches: an order forgotten though it was confirmed, because the file went
    back; found by the last row, whenever the file is opened anew after a fault."""
    older = path.with_name("older.db")
    copy(path, older)
    store.append([draft(number=3)])
    store._connection.close()
    shutil.copyfile(older, path)
    with pytest.raises(JournalUnavailable, match="closed"):
        store.append([draft(number=4)])
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match="its last row is 3, where 4 was confirmed"):
            store.append([draft(number=4)])


@pytest.mark.parametrize("read_meanwhile", [False, True])
def test_the_write_ahead_log_is_deleted(path: Path, store: Store, *, read_meanwhile: bool) -> None:
    """Catches: rows that live only in a file without a name. Nothing confirmed is lost: it is saved on the way back,
    also when a reader keeps SQLite from doing that by itself as the last connection is closed."""
    with closing(database.open_reader(path)) if read_meanwhile else nullcontext():
        path.with_name("journal.db-wal").unlink()
        with pytest.raises(JournalUnavailable, match=r"journal\.db-wal"):
            store.append([draft(number=3)])
        assert store.append([draft(number=4)]) == 5
    assert numbers(path) == bodies(0, 1, 2, 3, 4)


def test_another_program_appends(path: Path, store: Store) -> None:
    """Catches: two programs that take turns, each blind to the other's orders, in one well-formed chain."""
    path.with_name("journal.lock").unlink()
    intruder = Store.open(path)
    intruder.append([draft(number=100)])
    with pytest.raises(JournalUnavailable, match="does not follow the last one"):
        store.append([draft(number=3)])
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match="its last row is 4, where 3 was confirmed"):
            store.append([draft(number=3)])
    intruder.close()
    assert numbers(path) == bodies(0, 1, 2, 100)


def test_a_last_row_that_was_altered_is_not_built_upon(path: Path, store: Store) -> None:
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("drop trigger events_no_update")
        shell.execute("update events set body = '{}' where seq = 3")
    with pytest.raises(JournalError, match="row 3, the last one, does not fit its own hash"):
        Store.open(path)


def test_a_long_reader_does_not_stop_the_writer(path: Path, store: Store) -> None:
    with closing(database.open_reader(path)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from events").fetchone()
        for number in range(3, 6):
            store.append([draft(number=number)])
        reader.execute("rollback")
    assert numbers(path) == bodies(0, 1, 2, 3, 4, 5)
