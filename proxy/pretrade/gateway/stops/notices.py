"""Who must know is told: limits that are nearly used up, trading states that change, breaks that are found.

Rule of this file: it tells, and changes nothing. A passed threshold is a row of its own; state changes and breaks have
theirs already. All of it goes to the operator's hook, and where that fails there is a row that says so.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import structlog

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.hook import Hook
from pretrade.gateway.stops.trading import StateChange
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind, utc_text
from pretrade.journal.reader import back_from_the_end
from pretrade.journal.writer import Journal
from pretrade.policy.schema import Policy
from pretrade.risk.checks.thresholds import Thresholds
from pretrade.risk.reconciling.reconciliation_round import Break

log = structlog.get_logger()

SHOWN = 100
"""Notices of the day that are kept for people; all of them are in the log."""


class Notices:
    """What one instance has told."""

    def __init__(self, policy: Policy, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._of = {name: str(getattr(policy.instance, name)) for name in ("role", "environment", "mode")}
        self.hook = Hook(policy.notify.command)
        self.hook.on_failure = self._hear
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thresholds = Thresholds(policy.notify.at)
        self._today: deque[dict[str, object]] = deque(maxlen=SHOWN)

    def recall(self, path: Path, day: str) -> None:
        """Learn what was told today by earlier runs, so that nothing is told twice. Raises JournalError."""
        self.thresholds.begin(day)
        for page in back_from_the_end(path, kinds=(EventKind.NOTICE,)):
            for event in page:
                body = json.loads(event.body)
                try:
                    if body["day"] != day:
                        return
                    self.thresholds.know(body["rule"], body["level"])
                except (KeyError, TypeError) as e:
                    raise JournalError(f"row {event.seq} ({event.kind}) cannot be read back: {e}") from e
                if len(self._today) < SHOWN:
                    self._today.appendleft({"utc": event.utc, **body})

    def today(self, day: str) -> list[dict[str, object]]:
        """The thresholds that were passed on this day, in their order, the latest SHOWN of them."""
        return [notice for notice in self._today if notice["day"] == day]

    def threshold(self, notice: Mapping[str, object]) -> None:
        """A limit has reached a level."""
        self._journal.record(EventKind.NOTICE, notice)
        self._today.append({"utc": utc_text(self._clock.utc_ns()), **notice})
        log.warning("threshold", **{name: notice[name] for name in ("rule", "client", "of", "level", "used", "limit")})
        self._tell("threshold", notice)

    def state_changed(self, change: StateChange) -> None:
        """A trading state has changed."""
        self._tell("trading_state", change.body())

    def broken(self, one: Break) -> None:
        """The exchange's record and ours differ in something new."""
        self._tell("break", {"kind": one.kind, "subject": one.subject, "detail": one.detail})

    def _tell(self, what: str, body: Mapping[str, object]) -> None:
        with contextlib.suppress(RuntimeError):  # outside an event loop there is no journal to write to either
            self._loop = asyncio.get_running_loop()
        self.hook.tell({"notice": what, "utc": utc_text(self._clock.utc_ns()), "instance": self._of, **body})

    def _hear(self, told: Mapping[str, object], problem: str) -> None:
        """In the hook's thread: somebody was to be told and was not."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody reads the journal of this run any more
                self._loop.call_soon_threadsafe(self._untold, told, problem)

    def _untold(self, told: Mapping[str, object], problem: str) -> None:
        self._journal.record(EventKind.UNTOLD, {"notice": told["notice"], "problem": problem, "told": dict(told)})
