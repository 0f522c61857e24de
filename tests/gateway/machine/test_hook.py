"""The operator's hook: told in JSON, by no shell, without secrets; whatever it does, nothing waits for it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pretrade.gateway.machine.hook import QUEUE, Hook

WRITER = """
import json, os, sys
told = json.load(sys.stdin)
with open(sys.argv[1], "a") as out:
    out.write(json.dumps({"told": told, "argv": sys.argv[2:], "env": dict(os.environ)}) + "\\n")
"""


def eventually(condition: Callable[[], Any], patience_s: float = 20) -> Any:
    """What a condition gives once it holds."""
    ends = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)
    return found


class Desk:
    """A folder for hooks to write into, and the hooks that were made."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "told.jsonl"
        self.script = folder / "writer.py"
        self.script.write_text(WRITER)
        self.hooks: list[Hook] = []

    def hook(self, *command: str, every_s: float = 0.0, patience_s: float = 20.0) -> Hook:
        made = Hook(command, every_s=every_s, patience_s=patience_s)
        self.hooks.append(made)
        return made

    def writer(self, *more: str, **changes: float) -> Hook:
        return self.hook(sys.executable, str(self.script), str(self.out), *more, **changes)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    for hook in desk.hooks:
        hook.close()


def test_the_command_gets_the_notice_and_its_own_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a shell between (`$HOME;` must come as it is), and an environment with what the proxy was given."""
    monkeypatch.setenv("LIVE_KEY_PASSPHRASE", "secret")
    hook = desk.writer("$HOME; rm -rf /", "two words")
    hook.tell({"notice": "break", "subject": "x-1"})
    (line,) = eventually(desk.told)
    assert line["told"] == {"notice": "break", "subject": "x-1", "untold": 0}
    assert line["argv"] == ["$HOME; rm -rf /", "two words"]
    assert set(line["env"]) <= {"PATH", "LANG", "LC_ALL", "TZ", "LC_CTYPE"}
    eventually(lambda: hook.runs)
    assert hook.as_status() == {"runs": 1, "failed": 0, "dropped": 0, "problem": ""}


def test_without_a_command_nothing_runs(desk: Desk) -> None:
    hook = desk.hook()
    hook.tell({"notice": "break"})
    assert hook.as_status() == {"runs": 0, "failed": 0, "dropped": 0, "problem": ""}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("/nowhere/at-all",), "it cannot be run"),
        (("/",), "it cannot be run"),
        (("bad\0name",), "it cannot be run"),
        ((shutil.which("false") or "false",), "it ended with exit code 1"),
    ],
)
def test_a_command_that_fails_is_told_in_the_log_and_the_next_one_runs(
    desk: Desk, command: tuple[str, ...], problem: str
) -> None:
    """Catches a missing program that ends the thread: nobody would be told anything any more."""
    with capture_logs() as logged:
        hook = desk.hook(*command)
        hook.tell({})
        hook.tell({})
        eventually(lambda: hook.failed == 2)
    assert problem in hook.problem
    assert [line["event"] for line in logged] == ["notify_failed"] * 2


def test_what_hangs_is_ended_with_all_it_started(desk: Desk, tmp_path: Path) -> None:
    """Catches a hook that blocks every later notice, and children of it that stay for ever."""
    pid = tmp_path / "pid"
    hook = desk.hook("/bin/sh", "-c", f"sleep 600 & echo $! > {pid}; wait", patience_s=1.0)
    hook.tell({})
    eventually(lambda: hook.failed)
    assert hook.problem == "it took longer than 1 s and was ended"
    eventually(lambda: not _lives(int(pid.read_text())))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_telling_never_waits_and_what_does_not_fit_is_counted(desk: Desk) -> None:
    """Catches an event loop that waits for a hook, a queue without an end, and notices that vanish uncounted."""
    hook = desk.hook("/bin/sleep", "600", patience_s=600)
    hook.tell({})
    eventually(lambda: hook._running)
    began = time.monotonic()
    for number in range(QUEUE + 7):
        hook.tell({"number": number})
    assert time.monotonic() - began < 30
    assert hook.dropped == 7
    began = time.monotonic()
    hook.close()
    assert time.monotonic() - began < 30
    eventually(lambda: not hook._thread or not hook._thread.is_alive())
    assert hook.runs == 1, "after the end nothing more is run"


def test_the_next_notice_says_how_many_were_dropped(desk: Desk) -> None:
    hook = desk.writer()
    hook.dropped = 3
    hook.tell({})
    hook.tell({})
    eventually(lambda: len(desk.told()) == 2)
    assert [line["told"]["untold"] for line in desk.told()] == [3, 0]


def test_it_runs_at_most_as_often_as_it_may(desk: Desk) -> None:
    """Catches a burst of stops that starts a hundred programs at once."""
    hook = desk.hook("/bin/true", every_s=1.0)
    began = time.monotonic()
    for _ in range(3):
        hook.tell({})
    eventually(lambda: hook.runs == 3)
    assert time.monotonic() - began >= 2.0


def test_a_hook_that_reads_nothing_does_no_harm(desk: Desk) -> None:
    """Catches a broken pipe that is taken for the command's failure."""
    hook = desk.hook("/bin/true")
    for _ in range(3):
        hook.tell({"much": "x" * 1_000_000})
    eventually(lambda: hook.runs == 3)
    assert hook.failed == 0


def test_no_zombie_is_left(desk: Desk) -> None:
    hook = desk.hook("/bin/true")
    hook.tell({})
    eventually(lambda: hook.runs)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert hook._running is None
    assert not children.exists() or all(_lives(int(pid)) for pid in children.read_text().split())
