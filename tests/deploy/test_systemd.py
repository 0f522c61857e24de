"""The units of deploy/systemd: their form, their armour by systemd's own measure, and a proxy that runs inside it."""

import ctypes.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.deploy.sandbox import allowed_calls, settings
from tests.e2e.clients import ORDERS
from tests.e2e.harness import World, order
from tests.e2e.programs import Program, eventually

from pretrade.cli.processes import plain_environment

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
NAMES = ("w", "r", "abh")
EXPOSED_AT_MOST = 1.5
"""By `systemd-analyze security`: 0 is nothing, 10 everything. What is left is the network, which it must have, and
the users of the host, whose names it must tell."""
SANDBOX = Path(__file__).with_name("sandbox.py")

analyzes = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
filters = pytest.mark.skipif(ctypes.util.find_library("seccomp") is None, reason="there is no libseccomp")


def _unit(name: str) -> Path:
    return UNITS / f"pretrade-{name}.service"


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60)


@analyzes
@pytest.mark.parametrize("name", [*NAMES, "check"])
def test_systemd_takes_the_unit_and_finds_little_exposed(name: str, tmp_path: Path) -> None:
    """Catches a misspelt setting, which systemd passes over with a warning, and one that was taken out."""
    unit = tmp_path / _unit(name).name
    unit.write_text(_unit(name).read_text().replace("/opt/pretrade/bin/pretrade", sys.executable))
    verified = _analyze("verify", str(unit))
    assert (verified.returncode, verified.stderr) == (0, "")
    told = _analyze("security", "--offline=true", str(unit)).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert exposure is not None, told
    assert float(exposure.group(1)) <= EXPOSED_AT_MOST, told
    unit.write_text(unit.read_text().replace("NoNewPrivileges=", "NoNewPrivilege="))
    assert "'NoNewPrivilege'" in _analyze("verify", str(unit)).stderr


def test_the_units_differ_in_names_and_keys_alone() -> None:
    """Catches armour that was mended on one role and forgotten on another, and a live key in another role's unit."""

    def plain(name: str) -> str:
        text = re.sub(r"(?m)^(#.*|Conflicts=.*)$", "", _unit(name).read_text())
        return text.replace("live.pem", "KEY").replace("read.pem", "KEY").replace(f"role {name.upper()}", "role")

    assert plain("w") == plain("r") == plain("abh")
    assert [name for name in NAMES if "live.pem" in _unit(name).read_text()] == ["w"]
    for name in NAMES:
        others = {f"pretrade-{other}.service" for other in NAMES if other != name}
        assert set(settings(_unit(name))["Conflicts"][0].split()) == others, "one role a host"


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_start_is_tried_again_for_ever_and_calmly(name: str) -> None:
    """Catches a unit that stays down once the exchange is back, because it was away for a minute at boot, and one that
    fills the log with its tries. A stop that was asked for stays one. Seen red with the five tries of before."""
    asked = settings(_unit(name))
    assert (asked["Restart"], asked["StartLimitIntervalSec"]) == (["on-failure"], ["0"])
    assert {"StartLimitBurst", "StartLimitAction", "RestartPreventExitStatus"}.isdisjoint(asked)
    assert asked["RestartSec"] == ["15s"]


def test_secrets_come_as_credentials_and_are_nowhere_else() -> None:
    """Catches a key in the environment or on the command line, or a file of /etc that the service itself could read."""
    for name in NAMES:
        asked = settings(_unit(name))
        key = "live.pem" if name == "w" else "read.pem"
        folders = [f"{key}:/etc/pretrade/keys/{key}", "leaf.pem:/etc/pretrade/certs/leaf.pem"]
        assert asked["LoadCredential"] == [*folders, "ca.crt:/etc/pretrade/certs/ca.crt"]
        assert asked["InaccessiblePaths"] == ["/etc/pretrade/keys /etc/pretrade/certs"]
        assert not {"Environment", "EnvironmentFile", "SetCredential", "PassEnvironment"} & set(asked)


@analyzes
def test_a_timer_asks_whether_orders_can_pass_and_the_proxy_runs_on_whatever_it_hears(tmp_path: Path) -> None:
    """Catches a timer that starts nothing, and a health check that restarts a halted proxy, which cancels must pass."""
    for name in ("pretrade-check.service", "pretrade-check.timer"):
        (tmp_path / name).write_text((UNITS / name).read_text().replace("/opt/pretrade/bin/pretrade", sys.executable))
    verified = _analyze("verify", str(tmp_path / "pretrade-check.timer"))
    assert (verified.returncode, verified.stderr) == (0, "")
    asked = settings(_unit("check"))
    assert {"Requires", "BindsTo", "PropagatesStopTo", "OnFailure"}.isdisjoint(asked)
    assert all("ExecStartPost" not in settings(_unit(name)) for name in NAMES)


@analyzes
@filters
def test_what_the_unit_takes_away_is_taken_away() -> None:
    """The control of the test below: the filter leaves the proxy's calls and none that it has no use for."""
    left = allowed_calls(settings(_unit("w"))["SystemCallFilter"])
    assert {"accept4", "openat", "fsync", "fcntl", "prctl", "madvise", "mincore"} <= left
    assert not {"ptrace", "mount", "bpf", "kexec_load", "init_module", "setuid", "chroot", "reboot"} & left
    for tried in (
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "import os; os.chroot('/')",
    ):
        held = subprocess.run([sys.executable, str(SANDBOX), str(_unit("w")), sys.executable, "-c", tried],
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        assert "PermissionError" in held.stderr, tried


@pytest.mark.long
@pytest.mark.timeout(400)
@analyzes
@filters
def test_the_proxy_trades_inside_the_units_armour(tmp_path: Path) -> None:
    """Catches a filter that stops the proxy at its start, at an order or at its end: as a service it would not run."""
    with World(tmp_path) as world:
        assert world.proxy.end() == 0
        command = (sys.executable, str(SANDBOX), str(_unit("w")), sys.executable, "-m", "pretrade", "run")
        world.proxy = Program("held", (*command, "-p", str(world.policy)), tmp_path, plain_environment())  # type: ignore[assignment]
        world.proxy.wait_ready()
        for door in ("proxy", "base_url"):
            placed = eventually("judged", lambda at=door: _judged(world, at), 30)
            assert placed.status == 201, placed.raw
        assert _check(world).stdout.startswith("ok: ACTIVE")
        assert world.pretrade("halt", "--reason", "trying the check").returncode == 0
        halted = _check(world)
        assert (halted.returncode, "trading state HALTED" in halted.stderr) == (1, True), halted.stderr
        assert world.proxy.end() == 0, world.proxy.err


def _check(world: World) -> subprocess.CompletedProcess[str]:
    """What pretrade-check.service hears, by its own command line and inside its own armour."""
    unit = _unit("check")
    (line,) = settings(unit)["ExecStart"]
    program, *arguments = line.replace("/etc/pretrade/policy.yaml", str(world.policy)).split()
    assert program == "/opt/pretrade/bin/pretrade"
    command = [sys.executable, str(SANDBOX), str(unit), sys.executable, "-m", "pretrade", *arguments]
    return subprocess.run(command, env=plain_environment(), capture_output=True, text=True, timeout=60)


def _judged(world: World, door: str) -> object:
    answer = world.raw().send("POST", ORDERS, order(), door=door)
    return None if answer.code == "LEDGER_NOT_RECONCILED" else answer
