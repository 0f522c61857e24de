"""Child processes of the demo: started, waited for until they are ready, and ended whatever happens."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import IO

READY_S = 60.0
ANSWER_S = 60.0
END_S = 12.0


class ChildError(Exception):
    """A child process that did not do its part; the message has the end of what it printed."""


class Child:
    """A running program whose lines of output can be waited for."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(environment), text=True
            )
        self._lines: Queue[str | None] = Queue()
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, output: IO[str] | None) -> None:
        for line in output or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_ready(self) -> list[str]:
        """The lines up to `ready`. Raises ChildError when it ends or takes too long instead."""
        lines: list[str] = []
        while (line := self._next(READY_S)) != "ready":
            lines.append(line)
        return lines

    def ask(self, call: str, arguments: Mapping[str, object], at: int = 0) -> dict[str, object]:
        """Have a bot make one call of its SDK, at one of the addresses it was given, and what the SDK's user saw."""
        if self._process.stdin is None:
            raise ChildError(f"{self.name} has no standard input")
        self._process.stdin.write(json.dumps({"call": call, "arguments": dict(arguments), "at": at}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, object] = json.loads(self._next(ANSWER_S))
        return answer

    def _next(self, timeout_s: float) -> str:
        try:
            line = self._lines.get(timeout=timeout_s)
        except Empty:
            line = None
        if line is None:
            raise ChildError(f"{self.name} stopped or did not answer within {timeout_s:.0f} s:\n{self._last_words()}")
        return line

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def end(self) -> None:
        """Ask it to end, and make it end when it does not."""
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def children() -> Iterator[list[Child]]:
    """A list of children that are ended in the end, the last started first."""
    started: list[Child] = []
    try:
        yield started
    finally:
        for child in reversed(started):
            child.end()


def pretrade_command(*arguments: str) -> list[str]:
    """This very program, as a command."""
    return [sys.executable, "-m", "pretrade", *arguments]


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def plain_environment() -> dict[str, str]:
    """Our environment without anything that would lead a client elsewhere or switch the proxy."""
    dropped = ("proxy", "ssl_cert", "kalshi", "pretrade", "sslkeylog")
    return {name: value for name, value in os.environ.items() if not any(part in name.lower() for part in dropped)}
