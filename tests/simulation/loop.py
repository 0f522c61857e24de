"""An event loop whose time is virtual and whose choices come from a seed.

Rule of this file: what asyncio promises stays true (callbacks run in the order they were handed in); what it leaves
open (timers that are due at the same moment) is decided by the seed. Nothing real is waited for: no socket, no thread.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any

MAX_STEPS_AT_ONCE = 50_000
"""Callbacks at one moment; a world that needs more spins and does not get anywhere."""


class StuckError(Exception):
    """Nobody has anything left to do, or somebody never stops doing it, while something is still awaited."""


class _Timer(asyncio.TimerHandle):
    """A timer with a lot drawn: of those due at the same moment, the smallest goes first."""

    __slots__ = ("_lot",)

    def __init__(self, when: float, lot: float, callback: Callable[..., object], *rest: Any) -> None:
        super().__init__(when, callback, *rest)
        self._lot = lot

    def __lt__(self, other: Any) -> bool:
        return (self._when, self._lot) < (other._when, other._lot)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks one by one; when none is ready, time jumps to the next timer.

    `after_step` is called after each callback; what it raises ends the run.
    """

    def __init__(self, seed: object) -> None:
        super().__init__()
        self.after_step: Callable[[], None] = lambda: None
        self.steps = 0
        self._lots = random.Random(f"loop-{seed}")
        self._now = 0.0
        self._steps_at_once = 0

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in every loop; the handle knows its lot."""
        timer = _Timer(when, self._lots.random(), callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def _run_once(self) -> None:
        self._wake()
        if not self._ready:
            self._jump()
        self._count()
        handle = self._ready.popleft()
        if not handle._cancelled:
            handle._run()
            self.after_step()

    def _wake(self) -> None:
        """Put the timers that are due behind what is ready."""
        while self._scheduled and (self._scheduled[0]._cancelled or self._scheduled[0]._when <= self._now):
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            if not timer._cancelled:
                self._ready.append(timer)

    def _jump(self) -> None:
        if not self._scheduled:
            raise StuckError("nothing is ready and no timer is set: somebody waits for what can never come")
        self._now = self._scheduled[0]._when
        self._steps_at_once = 0
        self._wake()

    def _count(self) -> None:
        self.steps += 1
        self._steps_at_once += 1
        if self._steps_at_once > MAX_STEPS_AT_ONCE:
            raise StuckError(f"{MAX_STEPS_AT_ONCE} steps at the same moment: somebody spins")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to count: a timer that was cancelled is dropped when its moment comes."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Refused: another thread would make the run depend on the machine."""
        raise StuckError("a thread came into the simulation")

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Refused, for the same reason."""
        raise StuckError(f"{func} wants a thread, and there are none in a simulation")


def run[T](loop: VirtualLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run to the end of `main`, then cancel what is left of others and close the loop."""
    task = loop.create_task(main)
    try:
        return loop.run_until_complete(task)
    finally:
        _end_all(loop)


def _end_all(loop: VirtualLoop) -> None:
    loop.after_step = lambda: None
    loop.set_exception_handler(lambda *_: None)
    try:
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            with suppress(RuntimeError):  # what ended the run may have left the loop a wish to stop: once more
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()
