"""The process log: one JSON object a line on standard error, and a log that cannot be written harms nothing.

Rule of this file: nothing in here raises or waits. What logs is about to refuse, to halt or to record, and a full disk
under the log, or a reader that has gone or stopped reading, must not keep it from that.
"""

import asyncio
import os
import select
import time
from typing import Any

import structlog

log = structlog.get_logger()

FAULT_EVERY_S = 1.0
"""Faults of the event loop are told no more often than this; the others in between are counted."""


class LineLogger:
    """Writes each line with one call, so that lines of several threads do not mix.

    A line that cannot be written is lost and counted in `lost`; one that was cut short is ended before the next one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poller = select.poll()
        self._poller.register(descriptor, select.POLLOUT)
        self._cut = False
        self.lost = 0

    def msg(self, line: str) -> None:
        """Write one line, if that needs no waiting. Never raises OSError."""
        data = b"\n" * self._cut + line.encode("ascii", "backslashreplace") + b"\n"
        try:
            written = os.write(self._descriptor, data) if self._poller.poll(0) else None
        except OSError:
            written = None
        if written is None:
            self.lost += 1
            return
        self._cut = written < len(data)
        self.lost += self._cut

    debug = info = warning = error = critical = exception = msg


def log_to(descriptor: int) -> None:
    """Have the whole process log to this file descriptor: escaped to ASCII, so nothing sent to us can forge a line."""
    logger = LineLogger(descriptor)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        logger_factory=lambda *_: logger,
    )


class LoopFaults:
    """What the event loop itself reports: no file handle left for a connection, a task that failed unseen."""

    def __init__(self) -> None:
        self._told_at = float("-inf")
        self._untold = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log one fault, unless one was logged a moment ago."""
        if time.monotonic() - self._told_at < FAULT_EVERY_S:
            self._untold += 1
            return
        error = context.get("exception")
        log.error(
            "loop_fault",
            what=str(context.get("message", ""))[:200],
            error=type(error).__name__ if error is not None else "",
            detail=str(error)[:200] if error is not None else "",
            untold=self._untold,
        )
        self._told_at, self._untold = time.monotonic(), 0
