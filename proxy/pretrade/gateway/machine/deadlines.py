"""A deadline for each of many pieces of work, all given the same time, by one timer.

Rule of this file: who is late is cancelled once, at the place where it waits. What begins first is late first, so that
one timer, set for the oldest, is enough: nearly everything ends in time, and a timer for each takes four times as long.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class _Work:
    task: asyncio.Task[object]
    end: float
    canceled_before: int
    is_late: bool = False


class Deadlines:
    """The work that is under way, each within a task. Belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is how long each may take."""
        self._seconds = seconds
        self._under_way: dict[_Work, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def bound(self, work: Awaitable[None]) -> None:
        """Wait for a piece of work within the current task. Raises TimeoutError where it takes too long."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is kept within a task")
        loop = task.get_loop()
        mine = _Work(task, loop.time() + self._seconds, task.cancelling())
        self._under_way[mine] = None
        if self._timer is None:
            self._timer = loop.call_at(mine.end, self._look_at_the_clock)
        try:
            await work
        except asyncio.CancelledError as e:
            if mine.is_late and task.cancelling() == mine.canceled_before + 1:  # by us alone
                raise TimeoutError from e
            raise
        finally:
            self._under_way.pop(mine, None)
            if mine.is_late:
                task.uncancel()

    def _look_at_the_clock(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._under_way:
            oldest = next(iter(self._under_way))
            if loop.time() < oldest.end:
                self._timer = loop.call_at(oldest.end, self._look_at_the_clock)
                return
            del self._under_way[oldest]
            oldest.is_late = True
            oldest.task.cancel()
