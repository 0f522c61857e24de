"""Runs a command inside what a unit file forbids its service, on machines that no systemd runs on.

Usage: python sandbox.py UNIT COMMAND...      (Linux, with systemd-analyze and libseccomp)
Rule of this file: what is refused is read from the unit: system calls, address families, memory that is writable and
executable. Where a line means something that this file does not know, it ends.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
_EQUAL = 4


class _Condition(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint), ("how", ctypes.c_int), ("one", ctypes.c_uint64), ("other", ctypes.c_uint64),
    )  # fmt: skip


def settings(unit: Path) -> dict[str, list[str]]:
    """The unit's settings, each with its values in order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^([A-Z]\w+)=(.*)$", unit.read_text()):
        found.setdefault(key, []).append(value)
    return found


def allowed_calls(filters: list[str]) -> set[str]:
    """The system calls that are left: the first line allows, lines with ~ take away again."""
    calls: set[str] = set()
    for line in filters:
        groups = {call for name in line.lstrip("~").split() for call in _calls(name)}
        calls = calls - groups if line.startswith("~") else calls | groups
    return calls


def _calls(name: str) -> Iterator[str]:
    if not name.startswith("@"):
        yield name
        return
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    for line in listed.splitlines()[1:]:
        if (part := line.strip()) and not part.startswith("#"):
            yield from _calls(part)


def main(unit: Path, command: list[str]) -> None:
    """Take everything away and become the command."""
    asked = settings(unit)
    calls = allowed_calls(asked["SystemCallFilter"]) | set(_calls("@default")) | {"execve"}
    if asked["SystemCallErrorNumber"] != ["EPERM"]:
        sys.exit(f"{unit}: this SystemCallErrorNumber is not known here")
    families = [getattr(socket, name) for name in asked["RestrictAddressFamilies"][0].split()]
    libc = ctypes.CDLL(None, use_errno=True)
    held = [(_PR_SET_NO_NEW_PRIVS, 1)]
    if asked["MemoryDenyWriteExecute"] == ["yes"]:
        held.append((_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN))
    for option, value in held:
        if libc.prctl(option, value, 0, 0, 0):
            sys.exit(f"prctl({option}): {os.strerror(ctypes.get_errno())}")
    _load(calls, families)
    os.execvp(command[0], command)  # noqa: S606


def _load(calls: set[str], families: list[int]) -> None:
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_REFUSE)))
    allow = ctypes.c_uint32(_ALLOW)
    for call in calls - {"socket"}:
        if (number := seccomp.seccomp_syscall_resolve_name(call.encode())) >= 0:
            seccomp.seccomp_rule_add_array(context, allow, number, 0, None)

    for family in families:
        only = _Condition(0, _EQUAL, int(family), 0)
        number = seccomp.seccomp_syscall_resolve_name(b"socket")
        seccomp.seccomp_rule_add_array(context, allow, number, 1, ctypes.byref(only))
    if seccomp.seccomp_load(context):
        sys.exit("the kernel does not take the filter")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
