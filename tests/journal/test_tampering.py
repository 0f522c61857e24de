"""Tampering with the file itself, by somebody who can drop the triggers: what the chain shows, and what it cannot."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support import draft

from pretrade.journal.chain import verify
from pretrade.journal.events import EventKind
from pretrade.journal.reader import copy, read_events
from pretrade.journal.store import Store

TRIGGERS = ("events_follow", "events_no_update", "events_no_delete")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal of six decisions."""
    path = tmp_path / "journal.db"
    with closing(Store.open(path)) as store:
        store.append([draft(EventKind.DECISION, f"d-{number}", number=number) for number in range(6)])
    return path


@pytest.mark.parametrize(
    ("case", "statements", "kind", "seq"),
    [
        ("a body edited", ["update events set body = '{\"number\":9}' where seq = 3"], "altered", 3),
        ("an id taken away", ["update events set decision_id = null where seq = 3"], "altered", 3),
        ("a kind changed", ["update events set kind = 'reads' where seq = 3"], "altered", 3),
        ("the first row edited", ["update events set boot = 'x' where seq = 1"], "altered", 1),
        ("a row deleted", ["delete from events where seq = 4"], "missing", 4),
        ("the beginning deleted", ["delete from events where seq < 3"], "missing", 1),
        (
            "a row deleted, the rest moved up",
            ["delete from events where seq = 4", "update events set seq = 4 where seq = 5"],
            "altered",
            4,
        ),
        (
            "two rows changed places",
            [
                "update events set seq = 100 where seq = 2",
                "update events set seq = 2 where seq = 3",
                "update events set seq = 3 where seq = 100",
            ],
            "altered",
            2,
        ),
        (
            "a row deleted and put back at the end",
            [
                "create table kept as select * from events where seq = 2",
                "delete from events where seq = 2",
                "insert into events select 7, utc, mono_ns, boot, kind, decision_id, body, prev_hash, hash from kept",
            ],
            "missing",
            2,
        ),
        (
            "a row deleted and put back with another body",
            [
                "create table kept as select * from events where seq = 2",
                "delete from events where seq = 2",
                "insert into events select seq, utc, mono_ns, boot, kind, decision_id, '{}', prev_hash, hash from kept",
            ],
            "altered",
            2,
        ),
    ],
)
def test_tampering_is_found(path: Path, case: str, statements: list[str], kind: str, seq: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        for statement in (*(f"drop trigger {trigger}" for trigger in TRIGGERS), *statements):
            shell.execute(statement)
    finding = verify(read_events(path))
    assert finding is not None, case
    assert (finding.kind, finding.seq) == (kind, seq), case


def test_one_flipped_byte_is_found(path: Path) -> None:
    """SQLite keeps no checksums of its pages, so its own integrity check says nothing about this."""
    data = path.read_bytes()
    place = data.index(b'{"number":2}')
    path.write_bytes(data[:place] + data[place:].replace(b'{"number":2}', b'{"number":7}', 1))
    with closing(sqlite3.connect(path)) as shell:
        assert shell.execute("pragma integrity_check").fetchone() == ("ok",)
    finding = verify(read_events(path))
    assert finding is not None
    assert (finding.kind, finding.seq) == ("altered", 3)


def test_a_cut_tail_and_an_older_file_are_not_found(path: Path, tmp_path: Path) -> None:
    """Known and documented: the chain is whole up to its end. Only a head noted elsewhere can tell what is gone."""
    copy(path, tmp_path / "older.db")
    with closing(Store.open(path)) as store:
        store.append([draft(number=6)])
    assert verify(read_events(tmp_path / "older.db")) is None
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("drop trigger events_no_delete")
        shell.execute("delete from events where seq > 4")
    assert verify(read_events(path)) is None
