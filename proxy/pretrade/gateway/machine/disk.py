"""Room on the disk: orders stop while there is still room to record how the earlier ones end, and exits pass to the
last row.

Rule of this file: it only looks. What cannot be recorded at all the journal itself refuses.
"""

import os
from pathlib import Path

import structlog

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import Refusal
from pretrade.journal.writer import Journal
from pretrade.model.codes import DenyCode
from pretrade.model.orders import Write, is_exit

log = structlog.get_logger()

FLOOR_BYTES = 32 * 1024 * 1024
"""Room below which no order is taken: some thousand outcomes and cancels can still be recorded in it."""
LOOK_AGAIN_MS = 250
"""How old an answer may be that there is room: what we write meanwhile is some hundreds of rows of a few KB, a small
part of the floor. That there is none is looked at anew by every order, so that room is used as soon as it is made."""
_MIB = 1024 * 1024


class DiskRoom:
    """The disk of the state folder. `floor` is in bytes."""

    def __init__(self, state_dir: Path, clock: Clock, floor: int = FLOOR_BYTES) -> None:
        self._state_dir = str(state_dir)
        self._clock = clock
        self._floor = floor
        self._enough_until_ms: int | None = None

    def refusal(self, write: Write) -> Refusal | None:
        """Why this write may not be taken now; None for an exit, and while there is room."""
        now_ms = self._clock.age_ms()
        if is_exit(write) or (self._enough_until_ms is not None and now_ms < self._enough_until_ms):
            return None
        problem = self.problem()
        if problem is not None:
            self._enough_until_ms = None
            return Refusal(DenyCode.JOURNAL_UNAVAILABLE, problem)
        self._enough_until_ms = now_ms + LOOK_AGAIN_MS
        return None

    def problem(self) -> str | None:
        """What keeps orders out, in words for whoever must make room; None when there is enough."""
        try:
            found = os.statvfs(self._state_dir)
        except OSError as e:
            return f"the disk of {self._state_dir} cannot be looked at: {e.strerror}"
        free = found.f_bavail * found.f_frsize
        if free >= self._floor:
            return None
        return (
            f"the disk of {self._state_dir} has {free // _MIB} MiB left; orders need {self._floor // _MIB} MiB, so "
            "that how they end can be recorded. Make room there. Cancels still pass."
        )


class Watch:
    """Tells the operator, once each time it changes, what the machine keeps the proxy from doing."""

    def __init__(self, journal: Journal, disk: DiskRoom) -> None:
        self._journal = journal
        self._disk = disk
        self._told: dict[str, bool] = {}

    def look(self) -> None:
        """Look at both, every second or so."""
        self._tell("journal", self._journal.last_error)
        self._tell("disk", self._disk.problem())

    def _tell(self, what: str, problem: str | None) -> None:
        was_bad = self._told.get(what, False)
        self._told[what] = problem is not None
        if problem is not None and not was_bad:
            log.error("trouble", what=what, detail=problem, effect="nothing is sent that cannot be recorded")
        elif problem is None and was_bad:
            log.warning("trouble_over", what=what, lost_rows=self._journal.lost)
