"""Where the tests' programs come from: one process that has imported `pretrade` and forks for each that is asked for.

Every program is a process of its own with its own arguments, environment and files; only the 3 s of importing are not
paid each time. (`pretrade demo` and the SDKs' children are started cold.) As a script it is the parent: one
JSON line in, one out.
"""

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Nursery:
    """The tests' end of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, __file__], env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> int:
        """Run `pretrade ARGUMENTS` in a new process and return its pid; what it prints is appended to the files."""
        return self._ask(start=list(arguments), environment=dict(environment), out=str(out), err=str(err))

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


def _serve() -> None:
    main = importlib.import_module("pretrade.cli.main").main
    importlib.import_module("pretrade.gateway.run")  # mitmproxy, which takes most of the time

    codes: dict[int, int | None] = {}
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "poll" in request:
            pid = request["poll"]
            done, status = os.waitpid(pid, os.WNOHANG) if codes[pid] is None else (0, 0)
            codes[pid] = os.waitstatus_to_exitcode(status) if done else codes[pid]
            answer = codes[pid]
        else:
            answer = os.fork()
            if answer == 0:
                _become(request, main)
            codes[answer] = None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in [pid for pid, code in codes.items() if code is None]:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _become(request: dict[str, Any], main: Any) -> None:
    code = 70
    try:
        os.environ.clear()
        os.environ.update(request["environment"])
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(request["out"], append, 0o600), 1)
        os.dup2(os.open(request["err"], append, 0o600), 2)
        code = main(request["start"])
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
