"""Stopping works at once and without a disk; starting again needs a person, a reason and a row."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.gateway.fakes import Disk, World, open_world

from pretrade.gateway.stops.halt_file import HALT_FILE, kill_switch_set
from pretrade.gateway.stops.trading import Trading
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
WHO = {"actor": "kim", "by": "Kim", "reason": "looked into it"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path)
    yield world
    await world.close()


@pytest.fixture
def trading(world: World) -> Trading:
    return world.instance.trading


class HaltFile:
    """The HALT file, as an operator makes, removes and looks for it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HALT_FILE

    def touch(self) -> None:
        self.path.touch()

    def mkdir(self) -> None:
        self.path.mkdir()

    def dangle(self) -> None:
        self.path.symlink_to(self.path.parent / "nowhere")

    def unlink(self) -> None:
        self.path.unlink()

    def exists(self) -> bool:
        return self.path.exists()

    def mode(self) -> int:
        return self.path.stat().st_mode & 0o777


@pytest.fixture
def halt_file(tmp_path: Path) -> HaltFile:
    return HaltFile(tmp_path)


def stop(trading: Trading, state: TradingState = HALTED) -> asyncio.Future[int]:
    return trading.stop(state, cause="operator", actor="kim", reason="a test", by="Kim")


async def changes(world: World) -> list[tuple[str, str, str, str]]:
    """The rows: (state, state before, cause, reason)."""
    bodies = await world.bodies(EventKind.TRADING_STATE)
    return [(body["state"], body["previous"], body["cause"], body["reason"]) for body in bodies]


@pytest.mark.parametrize(
    ("value", "is_set"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        ("No", False),
        (" OFF ", False),
        ("1", True),
        ("true", True),
        ("yes", True),
        ("00", True),
        ("2", True),
        ("disabled", True),
        ("no!", True),
        ("null", True),
    ],
)
def test_the_kill_switch_is_set_by_all_but_an_explicit_no(value: str | None, is_set: bool) -> None:
    """Catches a value that somebody meant as a stop and that reads as none."""
    assert kill_switch_set(value) is is_set


async def test_a_stop_is_effective_before_its_row(world: World, trading: Trading) -> None:
    """Catches a halt that waits for the disk: orders would go out meanwhile."""
    disk = Disk(world)
    disk.hold()
    row = stop(trading)
    assert trading.state() is HALTED
    assert not row.done()
    disk.go_on.set()
    await row
    assert await changes(world) == [("HALTED", "ACTIVE", "operator", "a test")]
    (body,) = await world.bodies(EventKind.TRADING_STATE)
    assert (body["actor"], body["by"]) == ("kim", "Kim")


async def test_a_stop_that_cannot_be_recorded_leaves_a_halt_file(
    world: World, trading: Trading, halt_file: HaltFile
) -> None:
    """Catches a halt that a restart forgets."""
    Disk(world).error = OSError("disk full")
    with pytest.raises(JournalUnavailable):
        await stop(trading)
    assert trading.state() is HALTED
    assert halt_file.mode() == 0o600


async def test_a_stop_that_is_recorded_leaves_no_halt_file(trading: Trading, halt_file: HaltFile) -> None:
    """Catches a file left behind that would halt again after a resume."""
    await stop(trading)
    assert not halt_file.exists()


@pytest.mark.parametrize("make", [HaltFile.touch, HaltFile.mkdir, HaltFile.dangle])
async def test_a_halt_file_of_any_kind_halts(
    world: World, trading: Trading, halt_file: HaltFile, make: Callable[[HaltFile], None]
) -> None:
    """Catches a file that is there and not seen, and a row for every look at it."""
    make(halt_file)
    assert [trading.state() for _ in range(3)] == [HALTED] * 3
    assert await changes(world) == [("HALTED", "ACTIVE", "file", f"found {halt_file.path}")]


async def test_a_halt_file_makes_reducing_halted(trading: Trading, halt_file: HaltFile) -> None:
    """Catches a look at the file that is skipped because trading is restricted already."""
    await stop(trading, REDUCING)
    assert trading.state() is REDUCING
    halt_file.touch()
    assert trading.state() is HALTED


async def test_what_cannot_be_looked_at_halts(world: World, tmp_path: Path) -> None:
    """Fail closed. Catches an unreadable state folder taken for one without a HALT file."""
    (tmp_path / "file").touch()
    trading = Trading(world.instance.ledger, world.instance.journal, tmp_path / "file", world.time.clock)
    assert trading.state() is HALTED


async def test_removing_the_file_alone_resumes_nothing(trading: Trading, halt_file: HaltFile) -> None:
    """Catches a stop that anybody who may delete a file can lift, without a name and a reason."""
    halt_file.touch()
    trading.state()
    halt_file.unlink()
    assert trading.state() is HALTED


async def test_a_resume_removes_the_file_and_says_who_and_why(
    world: World, trading: Trading, halt_file: HaltFile
) -> None:
    halt_file.touch()
    trading.state()
    await trading.resume(**WHO)
    assert trading.state() is ACTIVE
    assert not halt_file.exists()
    body = (await world.bodies(EventKind.TRADING_STATE))[-1]
    assert body == {"client": "", "state": "ACTIVE", "previous": "HALTED", "cause": "operator", **WHO}


async def test_a_resume_needs_its_row_first(world: World, trading: Trading) -> None:
    """Catches orders that go out on a resume that nobody will find in the log."""
    await stop(trading)
    disk = Disk(world)
    disk.hold()
    resuming = asyncio.create_task(trading.resume(**WHO))
    await asyncio.to_thread(disk.reached.wait, 5)
    assert trading.state() is HALTED
    disk.go_on.set()
    await resuming
    assert trading.state() is ACTIVE


async def test_a_resume_that_cannot_be_recorded_changes_nothing(
    world: World, trading: Trading, halt_file: HaltFile
) -> None:
    """Catches a resume without a row, and one whose row reached the disk after all and would resume the next run."""
    halt_file.touch()
    trading.state()
    await world.rows()
    disk = Disk(world)
    disk.error = OSError("disk full")
    with pytest.raises(JournalUnavailable):
        await trading.resume(**WHO)
    assert trading.state() is HALTED
    assert halt_file.exists()
    disk.error = None
    await trading.resume(**WHO)
    assert trading.state() is ACTIVE


async def test_a_resume_that_is_cut_off_resumes_nothing(
    world: World, trading: Trading, halt_file: HaltFile, tmp_path: Path
) -> None:
    """Its row reaches the disk after all, and nobody was told. Catches a proxy that stands HALTED and trades again at
    its next start."""
    await stop(trading)
    disk = Disk(world)
    disk.hold()
    resuming = asyncio.create_task(trading.resume(**WHO))
    await asyncio.to_thread(disk.reached.wait, 5)
    resuming.cancel()
    await asyncio.wait((resuming,))
    disk.go_on.set()
    assert resuming.cancelled() and trading.state() is HALTED and halt_file.exists()
    assert [state for state, *_ in await changes(world)] == ["HALTED", "ACTIVE"]
    await world.close()
    again = open_world(tmp_path)
    assert again.instance.trading.state() is HALTED
    await again.instance.trading.resume(**WHO)
    assert again.instance.trading.state() is ACTIVE and not halt_file.exists()
    await again.close()


async def test_a_file_that_cannot_be_removed_keeps_the_stop(trading: Trading, halt_file: HaltFile) -> None:
    """Catches a resume that reports success and is halted again by the next write."""
    halt_file.mkdir()
    trading.state()
    with pytest.raises(OSError, match=HALT_FILE):
        await trading.resume(**WHO)
    assert trading.state() is HALTED


async def test_a_stop_during_a_resume_wins(world: World, trading: Trading) -> None:
    """Catches a halt that is swallowed: given while the resume's row is being written, undone when it is there. The
    log's last word would be HALTED and orders would go out."""
    await stop(trading)
    disk = Disk(world)
    disk.hold()
    resuming = asyncio.create_task(trading.resume(**WHO))
    await asyncio.to_thread(disk.reached.wait, 5)
    second = stop(trading)
    disk.go_on.set()
    await second
    await resuming
    assert trading.state() is HALTED
    assert [state for state, *_ in await changes(world)] == ["HALTED", "ACTIVE", "HALTED"]


async def test_reducing_never_loosens_halted(world: World, trading: Trading) -> None:
    """Catches a way from HALTED to REDUCING that is no resume: the lesser stop must not lift the greater one."""
    await stop(trading)
    await stop(trading, REDUCING)
    assert trading.state() is HALTED
    assert [(state, previous) for state, previous, *_ in await changes(world)] == [
        ("HALTED", "ACTIVE"),
        ("HALTED", "HALTED"),
    ]


async def test_the_state_survives_a_restart(world: World, tmp_path: Path, trading: Trading) -> None:
    """Catches a proxy that trades again because it was restarted."""
    await stop(trading, REDUCING)
    await world.close()
    again = open_world(tmp_path)
    assert again.instance.trading.state() is REDUCING
    assert json.loads((await again.rows(EventKind.TRADING_STATE))[0].body)["state"] == "REDUCING"
    await again.close()
