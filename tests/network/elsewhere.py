"""A world on demo or production: the real process, and behind the exchange's own names a practice exchange.

Rule of this file: it runs on a host without a wire, so that no packet of it can leave this machine. There the names
lead to its own loopback, port 443, and the machine's store of CAs has the one that this exchange's certificate is of:
the program itself knows nothing of it, and has no setting for it.
"""

import os
import ssl
from pathlib import Path
from typing import Any

from tests.e2e.harness import Change, World
from tests.e2e.programs import Program
from tests.kalshi.fault_server import make_ca_and_leaf
from tests.network.hosts import Host

from pretrade.gateway.assemble import AS_ROOT_VARIABLE
from pretrade.kalshi.hosts import all_names

LOOPBACK = "127.0.0.1"
DOORWAY = 443
TABLE_S = 400.0
"""Long enough for a whole world's test on a busy machine."""


def assert_alone(host: Host) -> None:
    """Fails where a host has any way out of itself."""
    links = [line.split(":")[1].strip() for line in host.run("ip", "-o", "link").splitlines()]
    wires = [link for link in links if "@NONE" not in link and link != "lo"]  # tunnels that the kernel brings are down
    assert wires == []
    assert host.run("ip", "route") == ""


class Elsewhere(World):
    """A world whose policy says `environment: demo` or production. Made and used on its host (`Host.do`)."""

    def __init__(self, root: Path, host: Host, environment: str, *changes: Change, **more: Any) -> None:
        assert_alone(host)
        self._host = host
        self._mounts: dict[str, str] = {}
        super().__init__(root, ("environment: practice", f"environment: {environment}"), *changes, **more)

    def _start_exchange(self) -> Program:
        self.exchange_port = DOORWAY
        practice = self.folder / "practice"
        _, leaf = make_ca_and_leaf(practice, *all_names(), LOOPBACK)
        leaf.rename(practice / "server.pem")
        (practice / "server.pem").chmod(0o600)
        self._mounts = _seen_there(practice / "ca.crt", self.root)
        command = ("practice", "--folder", str(practice), "--port", str(DOORWAY))
        return self._host.pretrade("practice", command, self.root)

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Program:
        self.proxy = self._run("proxy", **environment)
        if wait:
            self.wait_for_proxy()
        return self.proxy

    def refused(self, **environment: str) -> str:
        """What a start says that is refused."""
        (self.root / "refused.err").unlink(missing_ok=True)
        program = self._run("refused", **environment)
        assert program.wait(90) == 1, program.out
        assert "ready" not in program.out
        return "\n".join(line for line in program.err.splitlines() if not line.startswith("{"))

    def change(self, old: str, new: str) -> None:
        """Replace a part of the policy, for the next start."""
        text = self.policy.read_text()
        assert old in text, old
        self.policy.write_text(text.replace(old, new))

    def forget_ca(self) -> None:
        """Take the exchange's CA out of the machine's store again."""
        self._mounts = {"/etc/hosts": self._mounts["/etc/hosts"]}

    def _run(self, name: str, **environment: str) -> Program:
        told = {AS_ROOT_VARIABLE: "1"} | environment
        return self._host.pretrade(name, ("run", "-p", str(self.policy)), self.root, self._mounts, told)


def _seen_there(ca_file: Path, root: Path) -> dict[str, str]:
    """What the proxy sees in the places of the machine's own /etc/hosts and store of CAs."""
    hosts, store, paths = root / "hosts", root / "store", ssl.get_default_verify_paths()
    hosts.write_text("".join(f"{LOOPBACK} {name}\n" for name in ("localhost", *all_names())))
    store.mkdir()
    bundle = Path(os.path.realpath(paths.openssl_cafile))
    (store / bundle.name).write_bytes(ca_file.read_bytes())
    places = {"/etc/hosts": hosts, str(bundle.parent): store, os.path.realpath(paths.openssl_capath): store}
    return {place: str(other) for place, other in places.items() if Path(place).exists()}
