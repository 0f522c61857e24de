"""Hosts of our own on one machine: network namespaces with wires between them, and nothing else.

Rule of this file: no wire ever ends in the machine's own network, so nothing that runs on a host here can reach it or
anything behind it. Everything is taken down at the end, and what a killed run left behind at the next one's start.
"""

import contextlib
import ctypes
import functools
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from tests.e2e.programs import Pretrade, Program, eventually, nursery

_NAMESPACES = Path("/run/netns")
_PREFIX = "pretrade"
_COMMAND_S = 20
_serial = itertools.count(1)


@functools.cache
def why_no_hosts() -> str:
    """Why nobody can make hosts on this machine; nothing where they can be made."""
    if os.geteuid() != 0:
        return "network namespaces are made by root alone"
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    name = _new_name("probe")
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"`ip netns add` is refused: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


def skip_without_hosts() -> None:
    """Skip the test, and say why, where no hosts can be made."""
    if reason := why_no_hosts():
        pytest.skip(reason)


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace: `name` is what a test calls it, `namespace` what the kernel calls it."""

    name: str
    namespace: str
    programs: list[Program] = field(default_factory=list)

    def command(self, *command: str) -> list[str]:
        """A command as it runs on this host; it keeps the process id that it is started with."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, *command: str, given: str = "", environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return what it printed; fails with what it complained of."""
        done = self.try_to(*command, given=given, environment=environment)
        assert done.returncode == 0, f"{' '.join(command)} on {self.name}: {done.stderr}{done.stdout}"
        return done.stdout

    def try_to(
        self, *command: str, given: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however that is."""
        return subprocess.run(
            self.command(*command), input=given, env=environment, capture_output=True, text=True, timeout=_COMMAND_S
        )

    def do[T](self, action: Callable[[], T], user: int = 0, seconds: float = _COMMAND_S) -> T:
        """What an action of this process gives when its sockets are this host's and this user's.

        A thread may be on another host than its process, and make files, sockets among them, as another user.
        """
        nursery()  # here: started by the thread it would be on that host, and end with it
        with ThreadPoolExecutor(1, initializer=self._move, initargs=(user,)) as there:
            return there.submit(action).result(seconds)

    def _move(self, user: int) -> None:
        descriptor = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
        os.setns(descriptor, os.CLONE_NEWNET)
        os.close(descriptor)
        ctypes.CDLL(None).setfsuid(user)

    def set(self, key: str, value: str) -> None:
        """Set a parameter of the kernel, like net.ipv4.ip_forward, on this host."""
        self.run("tee", f"/proc/sys/{key.replace('.', '/')}", given=value)

    def start(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> Program:
        """Start a program on this host."""
        return self._kept(Program(name, self.command(*command), folder, environment))

    def pretrade(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        mounts: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Program:
        """Start `pretrade ARGUMENTS` on this host, forked where it is imported already; where there are `mounts` it
        sees, at these paths, other files than everybody else."""
        return self._kept(_PretradeThere(self.file, mounts or {}, name, arguments, folder, environment))

    def _kept(self, program: Program) -> Program:
        self.programs.append(program)
        return program

    @property
    def file(self) -> Path:
        """What stands for the namespace."""
        return _NAMESPACES / self.namespace

    def pids(self) -> list[int]:
        """The processes that run on it."""
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]


class _PretradeThere(Pretrade):
    def __init__(self, network: Path, mounts: Mapping[str, str], *arguments: Any) -> None:
        self._network, self._mounts = network, mounts
        super().__init__(*arguments)

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        there = str(self._network), self._mounts
        return self.nursery().start(command, environment, self._out, self._err, *there)


@dataclass(slots=True)
class Network:
    """Some hosts. At the end of its context they and all that runs on them are gone."""

    hosts: dict[str, Host] = field(default_factory=dict)
    _ends: Iterator[int] = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        _sweep()
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts.values():
            _end(host)

    def host(self, name: str) -> Host:
        """A new host with its loopback up and no wire. It passes nothing on, as `deploy/sysctl` has it."""
        host = Host(name, _new_name(name))
        _ip("netns", "add", host.namespace)
        self.hosts[name] = host
        host.run("ip", "link", "set", "lo", "up")
        host.set("net.ipv4.ip_forward", "0")
        host.set("net.ipv6.conf.all.forwarding", "0")
        host.set("net.ipv6.conf.default.accept_dad", "0")  # an address is ours at once, not after a second of asking
        return host

    def switch(self, name: str) -> Host:
        """What several hosts can be wired to, as if they were wired to each other."""
        switch = self.host(name)
        switch.run("ip", "-batch", "-", given="link add br0 type bridge mcast_snooping 0\nlink set br0 up\n")
        return switch

    def wire(self, host: Host, addresses: Sequence[str], other: Host, others: Sequence[str] = ()) -> None:
        """A wire from a host to another, with the addresses (10.77.1.2/24) of both ends; a switch has none."""
        ends = (f"eth{next(self._ends)}", f"eth{next(self._ends)}")
        at = ("netns", host.namespace), ("netns", other.namespace)
        _ip("link", "add", ends[0], *at[0], "type", "veth", "peer", "name", ends[1], *at[1])
        for one, end, has in ((host, ends[0], addresses), (other, ends[1], others)):
            lines = [f"address add {address} dev {end} {'nodad' if ':' in address else ''}" for address in has]
            lines += [f"link set {end} up", *([] if has else [f"link set {end} master br0"])]
            one.run("ip", "-batch", "-", given="\n".join(lines) + "\n")


def _new_name(host: str) -> str:
    return f"{_PREFIX}-{os.getpid()}-{next(_serial)}-{host}"


def _sweep() -> None:
    """Take down what the runs of processes that are no more have left."""
    for path in _NAMESPACES.glob(f"{_PREFIX}-*-*-*"):
        pid = path.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            with contextlib.suppress(AssertionError):  # another test process was faster
                _end(Host(path.name, path.name))


def _end(host: Host) -> None:
    for program in host.programs:
        program.kill()
    for pid in host.pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    eventually(f"nothing runs on {host.name}", lambda: not host.pids())
    _ip("netns", "del", host.namespace)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=_COMMAND_S)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout
