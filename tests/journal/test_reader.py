# ruff: noqa: S608 - the SQL of this file is made of its own constants
"""Reading while the writer writes, and copies that anybody's SQLite opens."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from tests.journal.support import decision, draft, files_no_larger_than, leg, open_journal, order, outcome

from pretrade.journal import reader
from pretrade.journal.chain import verify
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.journal.reader import copy, find, read_events, tail
from pretrade.journal.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal: decision d-0, read, decision d-1, read, … of 20 rows, and an outcome of d-3."""
    path = tmp_path / "journal.db"
    store = Store.open(path)
    rows = [draft(EventKind.DECISION, f"d-{n // 2}") if n % 2 == 0 else draft(EventKind.READS) for n in range(20)]
    store.append([*rows, draft(EventKind.OUTCOME, "d-3")])
    store.close()
    return path


@pytest.mark.parametrize(
    ("after", "kinds", "expected"),
    [
        (0, None, list(range(1, 22))),
        (17, None, [18, 19, 20, 21]),
        (21, None, []),
        (0, [EventKind.OUTCOME], [21]),
        (15, {EventKind.DECISION, EventKind.OUTCOME}, [17, 19, 21]),
        (0, [], []),
    ],
)
@pytest.mark.parametrize("page", [1, 3, 1000])
def test_read_events(
    path: Path,
    after: int,
    kinds: list[EventKind] | None,
    expected: list[int],
    page: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Catches: rows lost or doubled where one page ends and the next begins."""
    monkeypatch.setattr(reader, "_PAGE", page)
    assert [event.seq for event in read_events(path, after, kinds)] == expected


def test_find_and_tail(path: Path) -> None:
    assert [(event.seq, event.kind) for event in find(path, "d-3")] == [(7, "decision"), (21, "outcome")]
    assert find(path, "d-99") == []
    assert [event.seq for event in tail(path, 3)] == [19, 20, 21]
    assert [event.seq for event in tail(path, 2, [EventKind.READS])] == [18, 20]
    assert tail(path, 0) == []


def test_an_unknown_kind_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("drop trigger events_no_update")
        shell.execute("update events set kind = 'gossip' where seq = 5")
    with pytest.raises(JournalError, match="row 5 of the journal has the unknown kind 'gossip'"):
        list(read_events(path))


async def test_reading_beside_the_writer_in_one_process(path: Path) -> None:
    """Catches: a reader that drops the writer's locks, or that holds a transaction while its caller thinks."""
    journal = open_journal(path)
    seen = []
    for event in read_events(path):
        seen.append(event.seq)
        if event.seq < 200:
            assert await journal.append(EventKind.READS, {"n": event.seq}) == event.seq + 21
    await journal.close()
    assert seen == list(range(1, 221))
    assert verify(read_events(path)) is None


@pytest.fixture
async def copied(tmp_path: Path) -> Path:
    """A copy taken while the writer runs, with one filled order and more rows still in the write-ahead log."""
    journal = open_journal(tmp_path / "live.db")
    await journal.append(EventKind.POLICY, {"hash": "ab" * 32, "text": "version: 1", "source": "policy.yaml"})
    await journal.append(EventKind.DECISION, decision({"type": "create_order", "orders": [order()]}), "d-1")
    await journal.append(EventKind.OUTCOME, outcome("accepted", leg(), status=201), "d-1")
    target = tmp_path / "copy.db"
    copy(tmp_path / "live.db", target)
    assert await journal.append(EventKind.STOP, {"reason": "end"}) == 4
    await journal.close()
    return target


def test_a_copy_is_one_plain_file(copied: Path) -> None:
    assert stat.S_IMODE(copied.lstat().st_mode) == 0o640
    with closing(sqlite3.connect(f"{copied.as_uri()}?mode=ro", uri=True)) as shell:
        assert shell.execute("pragma journal_mode").fetchone() == ("delete",)
        assert shell.execute("pragma integrity_check").fetchone() == ("ok",)
    assert sorted(file.name for file in copied.parent.iterdir()) == ["copy.db", "live.db", "live.lock"]
    assert [event.seq for event in read_events(copied)] == [1, 2, 3]
    assert verify(read_events(copied)) is None


def test_a_copy_answers_the_standard_library(copied: Path) -> None:
    """Catches: SQL in a view that an old SQLite does not take (the standard library's is 3.40 on many machines)."""
    with closing(sqlite3.connect(copied)) as shell:
        for view in ("policies", "decisions", "denials", "orders", "reads"):
            shell.execute(f"select * from {view}").fetchall()
        columns = "ticker, side, count, price, verdict, outcome, order_id, fill_count, average_fill_price"
        assert shell.execute(f"select {columns} from orders").fetchall() == [
            ("KXHIGHNY-26JAN01-T40", "bid", "10.00", "0.5600", "approved", "accepted", "o-1", "10.00", "0.5500")
        ]


def test_the_table_can_be_read_with_a_cautious_setting(copied: Path) -> None:
    """Catches: a CHECK with a JSON function, which SQLite 3.40 takes for unsafe and then refuses the whole schema."""
    with closing(sqlite3.connect(copied)) as shell:
        shell.execute("pragma trusted_schema = off")
        assert shell.execute("select count(*) from events").fetchone() == (3,)


def test_a_copy_answers_sqlite_utils(copied: Path) -> None:
    db = sqlite_utils.Database(copied)
    try:
        assert {"decisions", "denials", "orders"} <= set(db.view_names())
        (row,) = db.query("select outcome, client from orders")
        assert row == {"outcome": "accepted", "client": "momentum-bot"}
        assert json.loads(next(iter(db["events"].rows))["body"])["text"] == "version: 1"
    finally:
        db.close()


def test_a_copy_never_replaces_a_file(path: Path, tmp_path: Path) -> None:
    """Catches: an auditor's command that overwrites the journal itself."""
    before = path.read_bytes()
    (tmp_path / "link").symlink_to("elsewhere")
    for target in (path, tmp_path / "link"):
        with pytest.raises(JournalError, match="File exists"):
            copy(path, target)
    assert path.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_copy_leaves_nothing(path: Path, tmp_path: Path) -> None:
    with closing(Store.open(path)) as store:
        store.append([draft(filler="x" * 200_000)])
    with files_no_larger_than(100_000), pytest.raises(JournalError, match="cannot copy"):
        copy(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
