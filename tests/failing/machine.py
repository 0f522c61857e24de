"""A machine that can be made to fail: a state folder on a small disk of its own, and a shim under the proxy.

Rule of this file: what fails is the real thing (a full file system, a lock, a missing file) wherever a test may make
it so; what no test may do to the machine it runs on (a dying disk, a clock that is set) the shim does to the one
process.
"""

import os
import resource
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.e2e.harness import Change, World
from tests.e2e.nursery import Nursery
from tests.e2e.programs import Pretrade

from pretrade.cli.processes import plain_environment
from pretrade.gateway.machine.disk import LOOK_AGAIN_MS

SHIM = Path(__file__).parent / "shim.c"
DISK_MIB = 64


class Shim:
    """The shared page that tells a preloaded process how to fail; see shim.c."""

    _FIELDS = ("write_errno", "sync_errno", "sync_hangs", "clock_off_s", "refused")

    def __init__(self, folder: Path) -> None:
        """Build the shim; skips the test where there is no C compiler."""
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None or sys.platform != "linux":
            pytest.skip("the shim needs Linux and a C compiler")
        self._library, self._page = folder / "shim.so", folder / "shim.page"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self._library, SHIM], check=True, timeout=60)
        self._page.write_bytes(bytes(8 * len(self._FIELDS)))
        self._nursery: Nursery | None = None

    def start(self, command: Sequence[str], logs: Path, environment: Mapping[str, str]) -> Pretrade:
        """Start the program on the failing machine: forked where the program, and the shim below it, are loaded."""
        if self._nursery is None:
            preloaded = {"LD_PRELOAD": str(self._library), "FAILING_MACHINE": str(self._page)}
            self._nursery = Nursery(plain_environment() | preloaded)
        own = self._nursery

        class Preloaded(Pretrade):
            nursery = staticmethod(lambda: own)

        return Preloaded("proxy", command, logs, environment)

    def close(self) -> None:
        if self._nursery is not None:
            self._nursery.close()

    def set(self, name: str, value: int) -> None:
        with self._page.open("r+b") as page:
            page.seek(8 * self._FIELDS.index(name))
            page.write(struct.pack("q", value))

    @property
    def refused(self) -> int:
        """How often a call was made to fail: a fault that nothing met shows nothing."""
        return struct.unpack("q", self._page.read_bytes()[-8:])[0]

    @contextmanager
    def failing(self, **how: int) -> Iterator[None]:
        for name, value in how.items():
            self.set(name, value)
        try:
            yield
        finally:
            for name in how:
                self.set(name, 0)


@contextmanager
def small_disk(at: Path, mib: int = DISK_MIB) -> Iterator[Path]:
    """A file system of a few MiB, mounted there for as long as this lasts; skips the test where that is not allowed."""
    at.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "pretrade", at], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a disk of the test's own needs the right to mount: {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", at], check=True)


@contextmanager
def filled(disk: Path, but_for: int = 0) -> Iterator[None]:
    """The disk without room for more than so many bytes, and for so long that no look at it from before counts."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb") as file:
            while (room := free(disk) - but_for) > 0:
                try:
                    file.write(bytes(min(room, 1 << 20)))
                    file.flush()
                except OSError:
                    break
        time.sleep(LOOK_AGAIN_MS / 1_000)
        yield
    finally:
        ballast.unlink()


def free(disk: Path) -> int:
    """Bytes that may still be written there."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


@contextmanager
def limited(pid: int, what: int, soft: int) -> Iterator[None]:
    """A process with a lower limit of its own."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


class Machine(World):
    """A world on a machine that fails. `disk` is where its state and its log lie; a shim lies under the proxy."""

    def __init__(
        self, root: Path, *changes: Change, disk: Path | None = None, shim: Shim | None = None, tap: bool = False
    ) -> None:
        self._shim = shim
        self._logs = disk or root
        moved = [] if disk is None else [("state_dir: state", f"state_dir: {disk}")]
        super().__init__(root, *moved, *changes, tap=tap, state=disk)

    @property
    def shim(self) -> Shim:
        assert self._shim is not None
        return self._shim

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Pretrade:
        command = ["run", "-p", str(self.policy)]
        if self._shim is None:
            self.proxy = Pretrade("proxy", command, self._logs, environment)
        else:
            self.proxy = self._shim.start(command, self._logs, environment)
        if wait:
            self.wait_for_proxy()
        return self.proxy

    def try_to_start(self) -> str:
        """Start a proxy that cannot; what it says. Fails when it can."""
        program = Pretrade("refused", ("run", "-p", str(self.policy)), self.root)
        before = len(program.err)
        try:
            assert program.wait(30) == 1, program.out
        finally:
            program.kill()
        return program.err[before:]


@contextmanager
def machine(
    root: Path, *changes: Change, disk: bool = False, shim: Shim | None = None, tap: bool = False
) -> Iterator[Machine]:
    """A running machine with what it is to have."""
    with ExitStack() as stack:
        at = stack.enter_context(small_disk(root / "disk")) if disk else None
        yield stack.enter_context(Machine(root, *changes, disk=at, shim=shim, tap=tap))
