"""Child programs of the end-to-end tests: started, waited for, asked to end, made to end. Waiting is on conditions."""

import functools
import itertools
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.e2e.nursery import Nursery

from pretrade.cli.processes import plain_environment

START_S = 60.0
END_S = 15.0
POLL_S = 0.02
WORKERS = 8
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
    """Free ports that the kernel never hands out by itself, and no other worker of this run, so that nobody takes them
    before we do; this worker gets the same one again only after all its others."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return list(itertools.islice(filter(_is_free, _ports_of(int(worker))), count))


@functools.cache
def _ports_of(worker: int) -> Iterator[int]:
    own = _BELOW_EPHEMERAL[worker % WORKERS :: WORKERS]
    begin = random.SystemRandom().randrange(len(own))  # another run on this machine begins elsewhere
    return itertools.cycle((*own[begin:], *own[:begin]))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@functools.cache
def nursery() -> Nursery:
    """The one of this test process; conftest closes it."""
    return Nursery(plain_environment())


def pretrade(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end, as a person would."""
    with tempfile.TemporaryDirectory() as folder:
        program = Pretrade("command", arguments, Path(folder), environment)
        try:
            code = program.wait(START_S)
        except AssertionError:
            program.kill()
            raise
        return subprocess.CompletedProcess(arguments, code, program.out, program.err)


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
        self.pid = self._start(command, plain_environment() | dict(environment or {}))

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        with self._out.open("ab") as out, self._err.open("ab") as err:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self._process = process
        return process.pid

    @property
    def out(self) -> str:
        return self._out.read_text() if self._out.exists() else ""

    @property
    def err(self) -> str:
        return self._err.read_text() if self._err.exists() else ""

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self.code is None

    def wait_ready(self) -> str:
        """What it printed up to `ready`; fails when it ends instead."""

        def ready() -> bool:
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.code}: {self.err}")
            return "\nready\n" in self.out[self._printed_before :]

        eventually(f"{self.name} is ready", ready, START_S)
        return self.out[self._printed_before :]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = END_S) -> int:
        """Its exit code, once it has ended."""
        eventually(f"{self.name} has ended", lambda: not self.running, timeout)
        return self.code

    def end(self) -> int:
        """Ask it to end (SIGTERM), and make it end when it does not; returns the exit code."""
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except AssertionError:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL: no chance to tidy up."""
        if self.running:
            self.signal(signal.SIGKILL)
        return self.wait()


class Pretrade(Program):
    """A running `pretrade ARGUMENTS`, forked where the program is imported already."""

    nursery = staticmethod(nursery)

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        return self.nursery().start(command, environment, self._out, self._err)

    @property
    def code(self) -> int | None:
        return self.nursery().poll(self.pid)


class Mitmdump(Pretrade):
    """A running `mitmdump ARGUMENTS`, forked where it and our package are imported already."""

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        return self.nursery().start(command, environment, self._out, self._err, program="mitmdump")
