"""kill -9 of a process that writes: what it had acknowledged is there, once and in order.

This is about the process dying. What a power cut takes is decided by `synchronous = full`; test_database.py holds that.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pretrade.journal.chain import verify
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("PRETRADE_SEED", "1"))

WRITE_AND_ACKNOWLEDGE = """
import asyncio, itertools, os, sys, time
from pathlib import Path
from pretrade.journal.events import EventKind
from pretrade.journal.writer import Journal

async def client(journal, numbers):
    for number in numbers:
        seq = await journal.append(EventKind.DECISION, {"n": number}, f"d-{number}")
        os.write(1, b"%d %d\\n" % (number, seq))

async def main():
    run = sys.argv[2]
    journal = Journal.open(Path(sys.argv[1]), boot=run, utc_now_ns=time.time_ns, monotonic_ns=time.monotonic_ns)
    numbers = itertools.count(int(run) * 1_000_000)
    await asyncio.gather(*(client(journal, numbers) for _ in range(8)))

asyncio.run(main())
"""


@pytest.mark.timeout(60)
def test_kill_loses_no_acknowledged_row(tmp_path: Path) -> None:
    """Catches: a row acknowledged before its commit, a restart that writes over rows, and a broken recovery."""
    path = tmp_path / "journal.db"
    chance = random.Random(20)
    acknowledged: dict[int, int] = {}
    for run in range(20):
        arguments = [sys.executable, "-c", WRITE_AND_ACKNOWLEDGE, str(path), str(run)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(chance.randint(1, 300))]
            child.kill()
            lines += child.stdout.readlines()
        for line in lines:
            if line.endswith(b"\n"):
                number, seq = map(int, line.split())
                acknowledged[number] = seq
    events = list(read_events(path, kinds=[EventKind.DECISION]))
    assert verify(events) is None
    rows = {int(event.body.removeprefix('{"n":').removesuffix("}")): event.seq for event in events}
    assert len(rows) == len(events), "a row was written twice"
    assert len(acknowledged) > 200
    assert acknowledged.items() <= rows.items()
    assert len({event.boot for event in events}) == 20


def kill_ledgers(kills: int, seed: int, folder: Path) -> None:
    """Run the program that kills processes of a ledger on a journal; what it found fails the test."""
    command = [sys.executable, "-m", "tests.journal.dying", str(kills), str(seed), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith(f"{kills} kills"), done.stdout


@pytest.mark.timeout(120)
def test_a_killed_ledger_counts_all_that_was_confirmed(tmp_path: Path) -> None:
    """Catches: a row confirmed before it is on disk, a hold that the fold frees, a snapshot that forgets what is
    pending or stands where its rows do not add up to it."""
    kill_ledgers(25, SEED, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(8))
def test_a_killed_ledger_counts_all_that_was_confirmed_two_thousand_times(tmp_path: Path, part: int) -> None:
    """The same, 250 kills a part."""
    kill_ledgers(250, SEED * 10 + part, tmp_path)
