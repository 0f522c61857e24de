"""The virtual disk keeps the promises of the real journal, and breaks them no further than a real disk may."""

import asyncio
import json
import random

import pytest
from tests.simulation.disk import Disk, SimJournal
from tests.simulation.loop import VirtualLoop, run

from pretrade.gateway.machine.clock import Clock
from pretrade.journal.chain import verify
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind, canonical
from pretrade.journal.writer import Journal


def journal(disk: Disk) -> SimJournal:
    return SimJournal(disk, "boot-1", Clock(lambda: 10**18, lambda: 5), lambda _: None, lambda _: None)


def test_it_has_every_public_name_of_the_real_journal():
    """Catches a method that the product has begun to call and the simulation does not have."""
    names = {name for name in vars(Journal) if not name.startswith("_")} - {"open"}
    assert names <= set(dir(SimJournal)) | {"lost"}


def test_rows_are_numbered_chained_and_canonical_like_the_real_ones():
    disk = Disk(random.Random(1), faulty=False)

    async def main() -> list[int]:
        one = journal(disk)
        rows = [one.append(EventKind.DECISION, {"b": 1, "a": "x"}, f"d-{number}") for number in range(5)]
        assert not any(row.done() for row in rows)
        return [await row for row in rows]

    assert run(VirtualLoop(1), main()) == [1, 2, 3, 4, 5]
    assert verify(disk.rows) is None
    assert disk.rows[0].body == canonical({"a": "x", "b": 1})
    assert [json.loads(row.body)["b"] for row in disk.read(3, (EventKind.DECISION,))] == [1, 1]
    assert list(disk.read(0, (EventKind.OUTCOME,))) == []


@pytest.mark.parametrize("seed", range(6))
def test_what_failed_may_be_in_the_file_or_not_but_whole(seed):
    """Catches a disk whose failures are all of one kind: a row that is there although its write failed is the worse."""
    disk = Disk(random.Random(seed), broken_until=1.0)

    async def main() -> list[bool]:
        one = journal(disk)
        rows = [one.append(EventKind.READS, {"n": number}) for number in range(3)]
        told = await asyncio.gather(*rows, return_exceptions=True)
        assert not one.healthy
        await asyncio.sleep(3)
        disk.faulty = False
        assert await one.append(EventKind.READS, {"n": 9}) == len(disk.rows)
        assert one.healthy
        assert one.lost == 3
        return [isinstance(result, JournalUnavailable) for result in told]

    assert run(VirtualLoop(seed), main()) == [True] * 3
    assert verify(disk.rows) is None
    assert len(disk.rows) in {1, 2, 3, 4}


def test_after_a_crash_only_what_was_under_way_may_be_there():
    """Catches rows that were never handed to the disk and yet survive."""
    kept = set()
    for seed in range(20):
        disk = Disk(random.Random(seed), faulty=False)

        async def main(disk: Disk = disk) -> None:
            one = journal(disk)
            await one.append(EventKind.SNAPSHOT, {"n": 0})
            waiting = [one.append(EventKind.SNAPSHOT, {"n": number}) for number in (1, 2)]
            one.crash()
            await asyncio.sleep(1)
            assert not any(row.done() for row in waiting)
            assert isinstance(one.append(EventKind.SNAPSHOT, {"n": 3}).exception(), JournalUnavailable)

        run(VirtualLoop(seed), main())
        kept.add(tuple(json.loads(row.body)["n"] for row in disk.rows))
    assert kept == {(0,), (0, 1)}
