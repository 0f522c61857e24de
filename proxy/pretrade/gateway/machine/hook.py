"""Runs the operator's own command for what he must be told at once.

Rule of this file: nothing here can keep anything waiting. A thread of its own runs one command at a time, at most one a
second, and ends what takes too long; what does not fit into the queue is counted, and the next notice says how many.
"""

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

log = structlog.get_logger()

QUEUE = 100
"""Notices that may wait."""
EVERY_S = 1.0
PATIENCE_S = 10.0
"""How long one run may take."""


class Hook:
    """The command of the policy's `notify`: an argument list that no shell reads; an empty one runs nothing."""

    def __init__(self, command: tuple[str, ...], *, every_s: float = EVERY_S, patience_s: float = PATIENCE_S) -> None:
        """`on_failure`, where it is set, hears of each run that failed, its notice and why; it is called in the hook's
        own thread."""
        self.on_failure: Callable[[Mapping[str, object], str], None] | None = None
        self._command = command
        self._every_s = every_s
        self._patience_s = patience_s
        self._waiting: queue.Queue[Mapping[str, object] | None] = queue.Queue(QUEUE)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._told_of = 0
        self.runs = 0
        self.failed = 0
        self.dropped = 0
        self.problem = ""
        """Why the last run failed; empty when it did not."""

    def tell(self, notice: Mapping[str, object]) -> None:
        """Have the command run with this notice as JSON on its standard input, soon. Never waits and never raises."""
        if not self._command or self._closing.is_set():
            return
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self.dropped += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="notify-hook", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Run nothing more, and end what runs now. Does not wait."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        if (running := self._running) is not None:
            _kill(running)

    def as_status(self) -> dict[str, object]:
        """What became of the runs, for people."""
        return {"runs": self.runs, "failed": self.failed, "dropped": self.dropped, "problem": self.problem}

    def _work(self) -> None:
        while (notice := self._waiting.get()) is not None and not self._closing.is_set():
            began = time.monotonic()
            dropped = self.dropped
            untold, self._told_of = dropped - self._told_of, dropped
            told = {**notice, "untold": untold}
            self._note(told, self._run(json.dumps(told).encode("ascii")))
            self._closing.wait(max(0.0, began + self._every_s - time.monotonic()))

    def _note(self, told: Mapping[str, object], problem: str) -> None:
        self.runs += 1
        if problem and not self._closing.is_set():
            self.failed += 1
            log.error(
                "notify_failed", command=self._command[0], detail=problem, effect="nobody was told; it is on record"
            )
            if self.on_failure is not None:
                self.on_failure(told, problem)
        self.problem = problem

    def _run(self, notice: bytes) -> str:
        """Run the command once; what went wrong, in words, empty when nothing did."""
        try:
            running = subprocess.Popen(  # the operator's own words, and no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        except (OSError, ValueError) as e:
            return f"it cannot be run: {e}"
        self._running = running
        try:
            running.communicate(notice, timeout=self._patience_s)
        except subprocess.TimeoutExpired:
            _kill(running)
            running.wait()
            return f"it took longer than {self._patience_s:g} s and was ended"
        finally:
            self._running = None
        return f"it ended with exit code {running.returncode}" if running.returncode else ""


def _environment() -> dict[str, str]:
    """What a command needs to be found and to write text, and nothing that the proxy was given for itself."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}


def _kill(running: "subprocess.Popen[bytes]") -> None:
    """End a run with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)
