"""What befalls the machine and its operators: crashes, clean stops, halts, and clocks that are set.

Rule of this file: moments and kinds follow from the plan; a proxy that is down is started again by somebody.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

from tests.simulation.disk import Disk
from tests.simulation.plan import Plan
from tests.simulation.process import Process
from tests.simulation.watch import Watch

from pretrade.journal.errors import JournalUnavailable
from pretrade.model.instance import TradingState


class Misfortune:
    """Starts, ends and disturbs the processes of one world; `process` is the one that runs, if any does."""

    def __init__(self, seed: int, plan: Plan, watch: Watch, disk: Disk, make: Callable[[int], Process]) -> None:
        self.process: Process | None = None
        self.clock_offset_us = 0
        self.most_ahead_us = 0
        self._plan, self._watch, self._disk, self._make = plan, watch, disk, make
        self._moments = random.Random(f"misfortune-{seed}")
        self._chance = random.Random(f"die-{seed}")
        self._halt_row: asyncio.Future[int] | None = None
        disk.on_trouble = self._maybe_die

    async def live(self, active_s: float) -> None:
        """Let everything happen at its moment; at the end a proxy runs and trades."""
        loop, chance, plan = asyncio.get_running_loop(), self._moments, self._plan
        what: list[Callable[[], Awaitable[None]]] = [self._crash] * plan.crashes + [self._stop] * plan.stops
        what += [self._halt, self._resume] * plan.halts
        what += [self._step_clock] * chance.randint(1, 3) * plan.clock_steps
        moments = sorted(chance.uniform(1, active_s) for _ in what)
        if not plan.halts:
            chance.shuffle(what)
        for moment, happen in zip(moments, what, strict=True):
            await asyncio.sleep(max(0.0, moment - loop.time()))
            await happen()
            await self.require_running()
        await asyncio.sleep(max(0.0, active_s - loop.time()))
        await self._resume()

    async def require_running(self) -> Process:
        """The process that runs; somebody starts one if there is none."""
        if self.process is None:
            await asyncio.sleep(self._chance.uniform(0.02, 3.0))
        return self.process or self.start()

    def start(self) -> Process:
        """Start a run on what the disk has."""
        self._watch.run += 1
        self._watch.trace.note("proxy", f"starts on {len(self._disk.rows)} rows")
        self._disk.require_whole()
        self.process = self._make(self._watch.run)
        row = self._halt_row
        was_recorded = row is not None and row.done() and row.exception() is None
        if self._watch.halted and not was_recorded:
            self._watch.halted = self.process.instance.trading.state() is TradingState.HALTED
        return self.process

    async def _crash(self) -> None:
        self._kill()

    def _kill(self) -> None:
        if self.process is None or not self._disk.faulty:
            return
        self._watch.trace.note("proxy", "is killed")
        process, self.process = self.process, None
        process.crash()

    def _maybe_die(self) -> None:
        """Machines whose disks fail often die soon after."""
        if self._chance.random() < 0.3:
            asyncio.get_running_loop().call_later(self._chance.uniform(0.0, 1.0), self._kill, context=Context())

    async def _stop(self) -> None:
        process = self.process
        if process is None:
            return
        self._watch.trace.note("proxy", "is asked to stop")
        await process.stop()
        self._watch.trace.note("proxy", "has stopped")
        if self.process is process:
            self.process = None

    async def _halt(self) -> None:
        """The kill switch: from now on nothing but exits may leave, over every restart, once it is recorded."""
        process = await self.require_running()
        self._watch.trace.note("operator", "halts")
        trading = process.instance.trading
        self._halt_row = trading.stop(TradingState.HALTED, cause="operator", actor="op", reason="test")
        self._watch.halted = True

    async def _resume(self) -> None:
        while self._watch.halted:
            process = await self.require_running()
            self._watch.trace.note("operator", "resumes")
            self._watch.halted = False
            with suppress(JournalUnavailable, asyncio.CancelledError):  # the latter where it dies meanwhile
                await process.start(process.instance.trading.resume(actor="op", by="Ann", reason="test"))
            self._watch.halted = process.instance.trading.state() is TradingState.HALTED

    async def _step_clock(self) -> None:
        seconds = self._chance.choice((-3_600, -20, -4, 4, 9, 20, 45))
        self.clock_offset_us += seconds * 1_000_000
        self.most_ahead_us = max(self.most_ahead_us, self.clock_offset_us)
        self._watch.trace.note("clock", f"steps by {seconds} s")
