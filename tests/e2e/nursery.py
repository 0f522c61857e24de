"""Where the tests' programs come from: one process that has imported `pretrade` and forks for each that is asked for.

Every program is a process of its own with its own arguments, environment and files; only the 3 s of importing are not
paid each time. (`pretrade demo` and the SDKs' children are started cold.) A `mitmdump` can come
from it as well. As a script it is the parent: one JSON line in, one out.
"""

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any


class Nursery:
    """The tests' end of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, __file__], env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        network: str = "",
        mounts: Mapping[str, str] | None = None,
        program: str = "pretrade",
    ) -> int:
        """Run `PROGRAM ARGUMENTS` in a new process and return its pid; what it prints is appended to the files.

        `program` is pretrade or mitmdump. `network` is the file of the network namespace that it runs in, where that
        is not this one; `mounts` are the paths that it sees other files or folders at than everybody else.
        """
        files = {"out": str(out), "err": str(err), "network": network, "mounts": dict(mounts or {})}
        return self._ask(start=list(arguments), program=program, environment=dict(environment), **files)

    def poll(self, pid: int) -> int | None:
        """The exit code of a program, negative for a signal, None while it runs."""
        return self._ask(poll=pid)

    def close(self) -> None:
        """End the parent; it ends every program that is left."""
        self._parent.communicate(timeout=30)

    def _ask(self, **request: Any) -> Any:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(request) + "\n")
        self._parent.stdin.flush()
        return json.loads(self._parent.stdout.readline())


def _hasten_the_first_round() -> None:
    """A start's first reading of the exchange's record does not keep to the pace of the lowest tier, which takes a
    second: the practice exchange gives the highest. All that comes later does, as in the product."""
    reconciler: Any = importlib.import_module("pretrade.gateway.account.reconcile").Reconciler
    first = reconciler.first

    async def prompt(self: Any) -> None:
        reads = self.reader._reads
        usual, reads._limits = reads._limits, replace(reads._limits, tokens_per_second=6_000)
        await first(self)
        reads._limits = usual

    reconciler.first = prompt


def _serve() -> None:
    mains = {"pretrade": importlib.import_module("pretrade.cli.main").main, "mitmdump": _mitmdump}
    importlib.import_module("pretrade.gateway.run")  # mitmproxy, which takes most of the time
    importlib.import_module("pretrade.practice.server")
    _hasten_the_first_round()
    gc.freeze()  # or each child's collector looks through, and so copies, all that was imported here

    codes: dict[int, int | None] = {}
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "poll" in request:
            pid = request["poll"]
            done, status = os.waitpid(pid, os.WNOHANG) if codes[pid] is None else (0, 0)
            codes[pid] = os.waitstatus_to_exitcode(status) if done else codes[pid]
            answer = codes[pid]
        else:
            if request["program"] == "mitmdump":
                importlib.import_module("mitmproxy.tools.dump")
            answer = os.fork()
            if answer == 0:
                _become(request, mains[request["program"]])
            codes[answer] = None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in [pid for pid, code in codes.items() if code is None]:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _mitmdump(arguments: Sequence[str]) -> int:
    """What the command of this name runs; its exit code. Words in place of one are printed, as the interpreter does."""
    try:
        importlib.import_module("mitmproxy.tools.main").mitmdump(arguments)
    except SystemExit as e:
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
            return 1
        return e.code or 0
    return 0


def _mount(mounts: Mapping[str, str]) -> None:
    """Put others at these paths, for this process alone."""
    if not mounts:
        return
    os.unshare(os.CLONE_NEWNS)
    libc = ctypes.CDLL(None, use_errno=True)
    private, bind = 1 << 18 | 1 << 14, 1 << 12  # MS_PRIVATE of everything below, MS_BIND
    for source, target, how in (("none", "/", private), *((source, target, bind) for target, source in mounts.items())):
        if libc.mount(source.encode(), target.encode(), None, how, None):
            raise OSError(ctypes.get_errno(), f"{source} cannot be put at {target}")


def _become(request: dict[str, Any], main: Any) -> None:
    code = 70
    try:
        os.environ.clear()
        os.environ.update(request["environment"])
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(request["out"], append, 0o600), 1)
        os.dup2(os.open(request["err"], append, 0o600), 2)
        if request["network"]:
            os.setns(os.open(request["network"], os.O_RDONLY), os.CLONE_NEWNET)
        _mount(request["mounts"])
        code = main(request["start"])
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
