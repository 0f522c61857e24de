"""A start on a machine that has failed: refused in one sentence that says what to do, or whole.

Rule of this file: a proxy that does not start opens no door, and once the cause is gone it starts without more ado.
"""

import datetime as dt
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pysqlite3 as sqlite
import pytest
from tests.e2e.harness import World
from tests.e2e.programs import Program
from tests.failing.conftest import GENEROUS
from tests.failing.machine import Machine, filled, machine
from tests.failing.oracle import Teller
from tests.journal.day import make_day

from pretrade.journal import reader
from pretrade.model.instance import Mode


@contextmanager
def _read_only(m: Machine) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", m.state], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", m.state], check=True)


@contextmanager
def _locked(m: Machine) -> Iterator[None]:
    with closing(sqlite.connect(m.journal, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


@contextmanager
def _deleted(m: Machine) -> Iterator[None]:
    saved = m.root / "saved.db"
    shutil.move(m.journal, saved)
    yield
    shutil.move(saved, m.journal)


@contextmanager
def _older(m: Machine) -> Iterator[None]:
    saved = m.root / "saved.db"
    shutil.move(m.journal, saved)
    shutil.copy(m.root / "older.db", m.journal)
    m.journal.chmod(0o600)
    yield
    shutil.move(saved, m.journal)


@contextmanager
def _not_a_journal(m: Machine) -> Iterator[None]:
    saved = m.root / "saved.db"
    shutil.move(m.journal, saved)
    m.journal.write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    m.journal.chmod(0o600)
    yield
    shutil.move(saved, m.journal)


@dataclass(frozen=True, slots=True)
class Row:
    fault: Callable[[Machine], object]
    says: tuple[str, ...]
    why: str


TABLE = {
    "no room": Row(
        lambda m: filled(m.state), ("journal", "0 MiB left", "Make room there"), "the start is a row, and needs room"
    ),
    "read-only": Row(_read_only, ("journal.lock", "Read-only file system"), "nothing can be recorded"),
    "locked": Row(_locked, ("journal", "database is locked"), "somebody else writes"),
    "deleted": Row(
        _deleted,
        ("is not there, and row", "Put it back", "remove journal.lock"),
        "an empty journal would read as a day without orders, and unknown ones would be sent again",
    ),
    "older copy": Row(
        _older,
        ("its last row is", "it is an older copy", "remove journal.lock"),
        "an older journal has forgotten orders, a halt, and what is used of the day",
    ),
    "not a journal": Row(_not_a_journal, ("file is not a database",), "what is there is not touched"),
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A machine that has traded, with a copy of its journal from before the last order; its proxy is stopped."""
    with machine(tmp_path_factory.mktemp("starts"), *GENEROUS, disk=True) as running:
        teller = Teller(running, running.raw())
        assert teller.place().status == 201
        reader.copy(running.journal, running.root / "older.db")
        assert teller.place().status == 201
        assert running.proxy.end() == 0
        yield running


@pytest.fixture(autouse=True)
def is_stopped_again(stopped):
    yield
    stopped.proxy.end()


@pytest.mark.parametrize("name", TABLE)
def test_a_start_that_cannot_be_safe_is_refused_and_the_next_one_works(stopped: Machine, name: str) -> None:
    """Catches: a start on a journal that forgot orders; a proxy that serves without one; a traceback in place of a
    sentence; a fault that leaves something behind which keeps the next start out."""
    row = TABLE[name]
    with row.fault(stopped):  # type: ignore[attr-defined]
        said = stopped.try_to_start()
    assert all(part in said for part in row.says), said
    assert "Traceback" not in said
    assert said.startswith("Error: ")
    assert len(said.strip().splitlines()) == 1
    stopped.start_proxy()
    teller = Teller(stopped, stopped.raw())
    assert teller.place().status == 201
    teller.check()
    assert stopped.proxy.end() == 0


def test_a_lost_journal_is_begun_anew_only_by_hand(stopped):
    """What the message advises works. Catches: a machine that can never trade again."""
    with _deleted(stopped):
        lock, noted = stopped.journal.with_suffix(".lock"), stopped.journal.with_suffix(".lock").read_bytes()
        lock.unlink()
        stopped.start_proxy()
        assert stopped.proxy.end() == 0
        lock.write_bytes(noted)
        lock.chmod(0o600)


def test_a_kill_leaves_the_note_behind_the_journal(stopped):
    """Catches: a note that is ahead of the file, so that a proxy that was killed is refused for nothing."""
    for _ in range(3):
        stopped.start_proxy()
        assert Teller(stopped, stopped.raw()).place().status == 201
        stopped.proxy.kill()
    stopped.start_proxy()
    assert stopped.proxy.end() == 0


@pytest.mark.long
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv takes root's right to write anywhere away")
def test_a_folder_that_the_user_may_not_write(stopped):
    """Catches: a start that needs no journal, or that blames something else; a running proxy that needs the folder."""
    mode = stopped.state.stat().st_mode
    stopped.state.chmod(0o500)
    taken = ("--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    command = ["setpriv", *taken, sys.executable, "-m", "pretrade", "run", "-p", str(stopped.policy)]
    program = Program("unwritable", command, stopped.root)
    try:
        assert program.wait(60) == 1
        assert "Error: the journal" in program.err
        assert "attempt to write a readonly database" in program.err
        assert "Traceback" not in program.err
    finally:
        program.kill()
        stopped.state.chmod(mode)
    stopped.start_proxy()
    stopped.state.chmod(0o500)
    assert Teller(stopped, stopped.raw()).place().status == 201, "its files are open"
    stopped.state.chmod(mode)
    assert stopped.proxy.end() == 0


READY_S, READY_CPU_S = 5.0, 3.5
"""A start's time to its doors; on a machine that others keep busy, its own share of the processor."""


def _start_after(root: Path, rows: int, *, last_snapshot: bool) -> None:
    """Start a proxy on the journal of such a day; fails where it takes too long or has forgotten an order."""
    with World(root, *GENEROUS) as world:
        world.proxy.end()
        for file in world.state.glob("journal*"):
            file.unlink()
        now_ms, day = time.time_ns() // 1_000_000, dt.datetime.now(ZoneInfo("America/New_York")).date().isoformat()
        made = make_day(world.journal, rows, now_ms, day, last_snapshot=last_snapshot)
        began = time.monotonic()
        world.start_proxy()
        took_s = time.monotonic() - began
        used = psutil.Process(world.proxy.pid).cpu_times()
        assert took_s < READY_S or used.user + used.system < READY_CPU_S, f"ready after {took_s:.1f} s, {used}"
        assert world.operate("status")["day_orders"] == made.day_orders(Mode.LIVE, day) > rows / 10


@pytest.mark.timeout(240)
def test_a_start_on_ten_thousand_rows_without_a_snapshot_takes_less_than_five_seconds(tmp_path):
    """The most that a start ever has to fold. Catches a fold that grows faster than its rows, and one that skips."""
    _start_after(tmp_path, 10_000, last_snapshot=False)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("last_snapshot", [True, False])
def test_a_start_on_a_day_of_a_hundred_thousand_rows_takes_less_than_five_seconds(tmp_path, last_snapshot):
    """Catches a start that reads the whole journal. Without the last snapshot it has 10,000 rows to fold."""
    _start_after(tmp_path, 100_000, last_snapshot=last_snapshot)
