"""Child programs of the end-to-end tests: started, waited for, asked to end, made to end. Waiting is on conditions."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pretrade.cli.processes import plain_environment

START_S = 60.0
END_S = 15.0
POLL_S = 0.02
_BELOW_EPHEMERAL = range(12_000, 32_000)


def eventually[T](what: str, condition: Callable[[], T], timeout: float = 10.0) -> T:
    """The first true value of a condition; fails the test with `what` when it does not come in time."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(POLL_S)
    return value


def free_ports(count: int) -> list[int]:
    """Free ports that the kernel never hands out by itself, so that nobody takes them before we do."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(_BELOW_EPHEMERAL)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def pretrade(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end, as a person would."""
    return run([sys.executable, "-m", "pretrade", *arguments], **environment)


def run(command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run any command to its end, in an environment without proxy variables but with these."""
    environ = plain_environment() | environment
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=START_S, stdin=subprocess.DEVNULL
    )


class Program:
    """A running program. What it prints goes into files, so that it can be read while it runs and after it ended."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None):
        self.name = name
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        self._printed_before = len(self.out)
        with self._out.open("ab") as out, self._err.open("ab") as err:
            environ = plain_environment() | dict(environment or {})
            self._process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def out(self) -> str:
        return self._out.read_text() if self._out.exists() else ""

    @property
    def err(self) -> str:
        return self._err.read_text() if self._err.exists() else ""

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self) -> str:
        """What it printed up to `ready`; fails when it ends instead."""

        def ready() -> bool:
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self._process.returncode}: {self.err}")
            return "\nready\n" in self.out[self._printed_before :]

        eventually(f"{self.name} is ready", ready, START_S)
        return self.out[self._printed_before :]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = END_S) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(timeout)

    def end(self) -> int:
        """Ask it to end (SIGTERM), and make it end when it does not; returns the exit code."""
        if self.running:
            self._process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self._process.kill()
        self._process.wait(END_S)
