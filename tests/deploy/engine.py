"""A small engine for docker-compose.yml, on machines without one: each service really runs, by its own command line, as
its own user, with its own mounts, secrets, capabilities and networks.

Rule of this file: what a service gets is read from the compose file; a key that this engine does not know is an error,
not something to pass over.
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.deploy.setup import DATASETTE
from tests.e2e.programs import Program, eventually
from tests.network.hosts import Host, Network

import pretrade
from pretrade.cli.processes import plain_environment

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
KEYS = ROOT / "deploy" / "compose" / "keys.yml"
PASSPHRASE = ROOT / "deploy" / "compose" / "passphrase.yml"
MADE = "./deploy/compose/made"
_CONTAINER = Path(__file__).with_name("container.py")
_COMMAND_S = 120
_START_S = 240
"""Every program starts cold, in a root of its own."""
_OWNER = 10001
_SOURCE = Path(pretrade.__file__).parents[1]
_PROGRAM = (str(_SOURCE), str(_SOURCE.parent / "policy.yaml"))
"""The package and the default policy, to which it has a symbolic link; in an image a wheel has brought both."""

_BY_ENGINE = {
    "build", "image", "pull_policy", "restart", "init", "stop_grace_period", "profiles", "depends_on", "logging",
    "pids_limit", "mem_limit", "cpus", "ulimits", "sysctls", "dns", "ports",
}  # fmt: skip
"""What an engine does around a service, and this one leaves out: nothing of it is in the service's own sight."""
_KNOWN = _BY_ENGINE | {
    "command", "user", "read_only", "cap_drop", "cap_add", "security_opt", "tmpfs", "networks", "network_mode",
    "volumes", "secrets", "environment", "healthcheck",
}  # fmt: skip


def compose() -> dict[str, Any]:
    """The compose file, with its anchors resolved."""
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def with_keys(read: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The compose file with the file of further keys behind it, put together as Compose does: the lists grow."""
    both = copy.deepcopy(read)
    both["secrets"] |= more["secrets"]
    for name, service in more["services"].items():
        both["services"][name]["secrets"] += service["secrets"]
    return both


@dataclass(frozen=True, slots=True)
class Image:
    """What a stage of the Dockerfile has for a service: a folder of programs, and files at their places."""

    programs: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


IMAGES = {
    "sidecar": Image(
        Path(sys.prefix),
        {"/opt/pretrade/prepare.py": ROOT / "deploy/compose/prepare.py"},
        {"PRETRADE_POLICY": "/etc/pretrade/policy.yaml"},
    ),
    "client": Image(Path(sys.prefix), {"/opt/bot/bot.py": ROOT / "deploy/compose/bot.py"}),
    "audit": Image(DATASETTE.resolve()),
}


class Engine:
    """Runs services of the compose file on hosts of their own, with `folder` for what would be on disk."""

    def __init__(self, network: Network, folder: Path, read: dict[str, Any] | None = None) -> None:
        self._compose = read or compose()
        self._network = network
        self._folder = folder
        self._switches = {name: network.switch(name) for name in self._compose["networks"]}
        self.made = folder / "made"
        self.made.mkdir()
        self._running: dict[str, Program] = {}

    def start(self, service: str) -> Program:
        """Start a service; it is not waited for."""
        program = self._host(service).start(
            service, (sys.executable, str(_CONTAINER), str(self._specified(service))), self._folder
        )
        self._running[service] = program
        return program

    def start_all(self, *services: str) -> None:
        """Start services and wait until each has said that it is ready."""
        for service, program in [(service, self.start(service)) for service in services]:
            eventually(
                f"{service} is ready or gone", lambda at=program: "\nready\n" in at.out or not at.running, _START_S
            )
            assert program.running, f"{service}: {program.err}"

    def run(self, service: str) -> str:
        """Run a service to its end and return what it printed; fails where it fails."""
        program = self.start(service)
        assert program.wait(_COMMAND_S) == 0, f"{service}: {program.err}{program.out}"
        return program.out

    def healthy(self, service: str) -> bool:
        """Whether the service's health check says so, run as an engine runs it."""
        kind, *command = self._compose["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.inside(service, command).returncode == 0

    def inside(self, service: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command inside a running service, as its user."""
        user, group = self._user(service)
        enter = ["nsenter", f"--target={self._running[service].pid}", "--mount", "--net", "--root", "--wd"]
        held = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--bounding-set=-all", "--"]
        environment = self._environment(service)
        return subprocess.run(
            [*enter, *held, *command], env=environment, capture_output=True, text=True, timeout=_COMMAND_S
        )

    def _host(self, service: str) -> Host:
        host = self._network.host(service)
        for name, joined in self._networks(service).items():
            (pool,) = self._compose["networks"][name]["ipam"]["config"]
            address = (joined or {}).get("ipv4_address", pool["subnet"].replace(".0/", ".200/").partition("/")[0])
            self._network.wire(host, (f"{address}/{pool['subnet'].partition('/')[2]}",), self._switches[name])
        return host

    def _networks(self, service: str) -> Mapping[str, Any]:
        joined = self._compose["services"][service].get("networks", {})
        return joined if isinstance(joined, dict) else dict.fromkeys(joined)

    def _specified(self, service: str) -> Path:
        """The file that container.py reads."""
        is_to = self._compose["services"][service]
        assert set(is_to) <= _KNOWN, f"{service}: {set(is_to) - _KNOWN} is not known here"
        root = self._folder / f"root-{service}"
        root.mkdir(exist_ok=True)
        user, group = self._user(service)
        spec = {
            "root": str(root),
            "programs": sorted({sys.base_prefix, sys.prefix, str(self._image(service).programs), *_PROGRAM}),
            "tmpfs": dict(one.split(":", 1) for one in is_to.get("tmpfs", ())),
            "mounts": [*self._volumes(is_to), *self._secrets(is_to), *self._files(service)],
            "read_only": is_to.get("read_only", False),
            "user": user,
            "group": group,
            "capabilities": is_to.get("cap_add", ()) if is_to.get("cap_drop") == ["ALL"] else ["all"],
            "no_new_privileges": "no-new-privileges:true" in is_to.get("security_opt", ()),
            "command": is_to["command"],
            "environment": self._environment(service),
        }
        path = self._folder / f"{service}.json"
        path.write_text(json.dumps(spec))
        return path

    def _user(self, service: str) -> tuple[str, str]:
        user, _, group = self._compose["services"][service]["user"].partition(":")
        return user, group

    def _image(self, service: str) -> Image:
        return IMAGES[self._compose["services"][service]["build"]["target"]]

    def _environment(self, service: str) -> dict[str, str]:
        image = self._image(service)
        paths = {"PATH": f"{image.programs / 'bin'}:/usr/bin", "PYTHONPATH": str(_SOURCE), "HOME": "/tmp"}
        plain = {"LANG": plain_environment().get("LANG", "C.UTF-8"), "PYTHONDONTWRITEBYTECODE": "1"}
        return plain | paths | dict(image.environment) | self._compose["services"][service].get("environment", {})

    def _files(self, service: str) -> list[tuple[str, str, bool]]:
        return [(str(source), target, True) for target, source in self._image(service).files.items()]

    def _volumes(self, is_to: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
        mounts = []
        for volume in is_to.get("volumes", ()):
            source, target, *how = volume.split(":")
            mounts.append((str(self._place(source)), target, how == ["ro"]))
        return mounts

    def _place(self, source: str) -> Path:
        if source.startswith(MADE):
            return self.made / source.removeprefix(MADE).lstrip("/")
        assert source in self._compose["volumes"], f"{source} is no volume of the file"
        place = self._folder / "volumes" / source
        if not place.exists():  # owner and mode as the image has them at the place that the volume is mounted on
            place.mkdir(mode=0o700, parents=True)
            os.chown(place, _OWNER, _OWNER)
        return place

    def _secrets(self, is_to: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
        files = self._compose["secrets"]
        return [
            (str(self._place(files[one["source"]]["file"])), f"/run/secrets/{one['target']}", True)
            for one in is_to.get("secrets", ())
        ]
