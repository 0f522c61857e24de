"""Work that takes too long is ended at its own deadline, by the one timer of them all."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pretrade.gateway.machine.deadlines import Deadlines


@dataclass
class Desk:
    """Deadlines of ten seconds, and the event loop's time, which stands still until a test moves it."""

    now: float = 1000.0
    deadlines: Deadlines = field(default_factory=lambda: Deadlines(10))

    async def begin(self, work: asyncio.Future[None] | None = None) -> asyncio.Task[None]:
        """Work that is under way: it hangs, where none is given."""
        task = asyncio.create_task(self.deadlines.bound(work or asyncio.Future()))
        await asyncio.sleep(0)
        return task

    async def at(self, now: float) -> None:
        """Be it so late, and let the loop do what is due by then."""
        self.now = now
        for _ in range(4):
            await asyncio.sleep(0)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: made.now)
    yield made
    monkeypatch.undo()


def is_late(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and isinstance(task.exception(), TimeoutError)


async def test_each_has_its_own_deadline(desk: Desk) -> None:
    """Catches work that is ended when the time of an older one is over, and work that nobody ends because the timer ran
    for the older one. Both seen red."""
    first = await desk.begin()
    await desk.at(1006)
    second = await desk.begin()
    await desk.at(1010.5)
    assert is_late(first)
    assert not second.done()
    await desk.at(1016.5)
    assert is_late(second)


async def test_what_ended_in_time_leaves_the_others_their_deadline(desk: Desk) -> None:
    """Catches a timer that was set for work that is over, runs, and is not set again. Seen red."""
    work: asyncio.Future[None] = asyncio.Future()
    first = await desk.begin(work)
    await desk.at(1005)
    second = await desk.begin()
    work.set_result(None)
    await first
    await desk.at(1010.5)
    assert not second.done()
    await desk.at(1015.5)
    assert is_late(second)
    third = await desk.begin()
    await desk.at(1026)
    assert is_late(third)


async def test_a_fault_and_a_cancellation_are_told_as_what_they_are(desk: Desk) -> None:
    """Catches a stop of the program that is taken for a late hook, and a fault that is lost."""
    work: asyncio.Future[None] = asyncio.Future()
    faulty, cancelled = await desk.begin(work), await desk.begin()
    work.set_exception(ValueError("a bug"))
    cancelled.cancel()
    await desk.at(1001)
    assert isinstance(faulty.exception(), ValueError)
    assert cancelled.cancelled()


async def test_what_is_late_can_wait_again(desk: Desk) -> None:
    """Catches a cancellation that stays with the task: the answer to a late request would not get out either."""

    async def late_and_on() -> bool:
        with pytest.raises(TimeoutError):
            await desk.deadlines.bound(asyncio.Future())
        task = asyncio.current_task()
        await asyncio.sleep(0)
        return task is not None and task.cancelling() == 0

    task = asyncio.create_task(late_and_on())
    await asyncio.sleep(0)
    await desk.at(1010.5)
    assert await task


async def test_late_is_late_also_after_a_cancellation_that_was_outlived(desk: Desk) -> None:
    """Catches the lateness of a task that was cancelled once before and went on, told as a cancellation. Seen red."""

    async def cancelled_and_on() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        await desk.deadlines.bound(asyncio.Future())

    task = asyncio.create_task(cancelled_and_on())
    await asyncio.sleep(0)
    task.cancel()
    await desk.at(1001)
    await desk.at(1011.5)
    assert is_late(task)
