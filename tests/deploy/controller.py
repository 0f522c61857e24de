"""A controller with three inventories and vaults, and folders in the place of hosts: the role's tests stand on it."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from deploy.compose.prepare import CLIENT, DESKS, policy_of, prepare

DEPLOY = Path(__file__).parents[2] / "deploy"
PRETRADE = Path(sys.executable).with_name("pretrade")
type Tool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a tool of .venv-deploy with its arguments, and with environment variables by their names."""
ROLES = {desk.folder: desk for desk in DESKS}


class Controller:
    """A copy of deploy/, three inventories filled as three owners would, and a folder for each host."""

    def __init__(self, tool: Tool, folder: Path) -> None:
        self._tool = tool
        self.folder = folder
        self.deploy = folder / "deploy"
        self.made = folder / "made"
        shutil.copytree(DEPLOY, self.deploy, ignore=shutil.ignore_patterns("made", "__pycache__"))
        prepare(self.made)
        for role in ROLES:
            (self.folder / f"password-{role}").write_text(f"the password of {role}\n")

    def inventory(self, role: str) -> Path:
        return self.deploy / "ansible" / "inventories" / role

    def host(self, role: str) -> Path:
        """The folder that stands for a role's host."""
        return self.folder / f"host-{role}"

    def secrets(self, role: str) -> dict[str, str]:
        """What belongs into a role's vault, by the names in its example."""
        names = yaml.safe_load((self.inventory(role) / "vault.example.yml").read_text())
        folder, desk = self.made / role / "secrets", ROLES[role]
        files = dict.fromkeys(names, desk.key_name) | {"pretrade_leaf": "leaf.pem"}
        return {name: (folder / file).read_text() for name, file in files.items()}

    def fill(self, role: str, **more: Any) -> Path:
        """Put a role's own files beside its inventory, and its secrets (and `more`) into its vault."""
        inventory, made = self.inventory(role), self.made / role
        (inventory / "policy.yaml").write_text(policy_of(ROLES[role]).replace("/run/secrets", "/run/pretrade"))
        shutil.copy(made / "secrets" / "ca.crt", inventory)
        shutil.copy(made / "config" / f"{CLIENT}.pub.pem", inventory)
        return self._write_vault(role, self.secrets(role) | more)

    def _write_vault(self, role: str, secrets: dict[str, Any]) -> Path:
        """Write and encrypt a role's vault."""
        vault = self.inventory(role) / "group_vars" / f"pretrade_{role}" / "vault.yml"
        vault.write_text(yaml.safe_dump(secrets))
        done = self._tool(
            "ansible-vault", "encrypt", "--vault-id", self.password(role), str(vault), HOME=str(self.folder)
        )
        assert done.returncode == 0, done.stderr
        return vault

    def password(self, role: str) -> str:
        return f"{role}@{self.folder / f'password-{role}'}"

    def deliver(self, role: str, *more: str, password_of: str = "") -> subprocess.CompletedProcess[str]:
        """Run the playbook with one inventory and one password."""
        ansible = self.deploy / "ansible"
        here = {"pretrade_root": self.host(role), "pretrade_owner": os.geteuid(), "pretrade_program": PRETRADE}
        values = [part for name, value in here.items() for part in ("-e", f"{name}={value}")]
        where = ("--connection=local", "-i", str(self.inventory(role) / "hosts.yml"), "-e", "ansible_become=false")
        opened = ("--vault-id", self.password(password_of or role))
        settings = {"ANSIBLE_CONFIG": str(ansible / "ansible.cfg"), "HOME": str(self.folder)}
        return self._tool("ansible-playbook", str(ansible / "site.yml"), *where, *opened, *values, *more, **settings)

    def delivered(self, role: str) -> dict[str, str]:
        """Every file of a host, with its mode."""
        host = self.host(role)
        return {
            str(path.relative_to(host)): oct(stat.S_IMODE(path.stat().st_mode))
            for path in sorted(host.rglob("*"))
            if path.is_file()
        }

    def hosts_with(self, text: str) -> set[str]:
        """The roles whose hosts hold a text in any file."""
        return {
            role for role in ROLES for path in self.host(role).rglob("*") if path.is_file() and text in path.read_text()
        }


def files_of(role: str, key: str) -> dict[str, str]:
    """What a host has of its role where the policy has no named live keys, with the modes."""
    return {
        "etc/pretrade/certs/ca.crt": "0o644",
        "etc/pretrade/certs/leaf.pem": "0o600",
        f"etc/pretrade/keys/{key}": "0o600",
        "etc/pretrade/momentum-bot.pub.pem": "0o644",
        "etc/pretrade/policy.yaml": "0o644",
        f"etc/systemd/system/pretrade-{role}.service": "0o644",
        "etc/systemd/system/pretrade-check.service": "0o644",
        "etc/systemd/system/pretrade-check.timer": "0o644",
    }
