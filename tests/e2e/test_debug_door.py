"""The debug door in a real mitmdump, against a real practice exchange: the gate is there, and outlives its script."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.clients import ORDERS, RawClient
from tests.e2e.harness import make_folder, order
from tests.e2e.programs import START_S, Mitmdump, Pretrade, Program, eventually, free_ports

from pretrade.cli import init
from pretrade.journal import reader

SCRIPT = Path(__file__).parents[2] / "addons" / "pretrade.py"
MITMDUMP = str(Path(sys.executable).parent / "mitmdump")
READ = "/trade-api/v2/markets?limit=1"


class Debugged:
    """A working folder, an exchange, and a mitmdump with a copy of our script that a test may spoil."""

    def __init__(self, root: Path, *changes: tuple[str, str]) -> None:
        self.root, self.folder = root, root / "work"
        self.port, base_url, self.exchange_port = free_ports(3)
        ports = {"proxy": self.port, "base_url": base_url, "exchange": self.exchange_port}
        make_folder(self.folder, changes, mode="dry_run", **ports)
        practice = ("practice", "--folder", str(self.folder / "practice"), "--port", str(self.exchange_port))
        self.exchange = Pretrade("practice", practice, root)
        self.exchange.wait_ready()
        self.script = root / "pretrade.py"
        self.script.write_text(SCRIPT.read_text())
        self.mitmdump: Program | None = None

    def arguments(self, *more: str) -> list[str]:
        settings = {"pretrade_policy": str(self.folder / "policy.yaml"), "confdir": str(self.root / "conf")}
        pairs = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        return ["--listen-host", "127.0.0.1", "--listen-port", str(self.port), *pairs, *more]

    def start(self, *more: str, until: str = "debug_door_open", is_cold: bool = False) -> RawClient:
        arguments = self.arguments(*more or ("-s", str(self.script)))
        if is_cold:
            self.mitmdump = Program("mitmdump", (MITMDUMP, *arguments), self.root)
        else:
            self.mitmdump = Mitmdump("mitmdump", arguments, self.root)
        eventually("the debug door is open", lambda: self._said(until), 30)
        keys = self.folder / "keys" / f"{init.CLIENT}.pem"
        return RawClient(0, self.port, self.folder / "certs" / "ca.crt", init.CLIENT_KEY_ID, keys)

    def _said(self, words: str) -> bool:
        assert self.mitmdump is not None
        assert self.mitmdump.running, self.mitmdump.out + self.mitmdump.err
        return words in self.mitmdump.out

    def wait_for(self, words: str) -> None:
        eventually(words, lambda: self._said(words))

    def journal(self) -> list[str]:
        return [row.kind for row in reader.read_events(self.folder / "state" / "journal.db")]

    def end(self) -> None:
        for program in (self.mitmdump, self.exchange):
            if program is not None:
                program.end()


@pytest.fixture
def debugged(tmp_path: Path) -> Iterator[Debugged]:
    made = Debugged(tmp_path)
    yield made
    made.end()


def ask(client: RawClient, method: str, target: str, body: Any = None) -> tuple[int, str]:
    answer = client.send(method, target, body, door="proxy")
    return answer.status, answer.body.get("code", "") if isinstance(answer.body, dict) else ""


def test_reads_pass_and_orders_are_judged_and_never_sent(debugged: Debugged) -> None:
    """Catches a debugging proxy that forwards by itself, or that has a gate of its own making. Started as a person
    would: the script, which has our package's name, must find that package."""
    client = debugged.start(is_cold=True)
    assert ask(client, "GET", READ) == (200, "")
    assert ask(client, "POST", ORDERS, order()) == (201, "")
    assert ask(client, "POST", ORDERS, order(count="1000.00")) == (403, "ORDER_COUNT_EXCEEDS_MAXIMUM")
    assert ask(client, "GET", "/trade-api/v2/unheard-of") == (403, "ENDPOINT_UNKNOWN")
    assert "listening at 127.0.0.1:" in debugged.mitmdump.out
    assert debugged.mitmdump.end() == 0
    assert "script_gone" not in debugged.mitmdump.out
    kinds = debugged.journal()
    assert kinds[:3] == ["policy", "start", "preflight"]
    assert kinds[-1] == "stop"
    assert {"decision", "outcome", "reads", "refusal"} <= set(kinds)


def test_live_is_refused(debugged: Debugged) -> None:
    """Catches a debugging proxy that trades. It ends at once and says why."""
    policy = debugged.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("mode: dry_run", "mode: live"))
    ended = Mitmdump("mitmdump", debugged.arguments("-s", str(debugged.script)), debugged.root)
    assert ended.wait(START_S) == 1
    assert "a debugging proxy never trades" in ended.err


@pytest.mark.parametrize("role", ["R", "ABH"])
def test_a_key_that_is_not_the_roles_keeps_it_shut(tmp_path: Path, role: str) -> None:
    """Catches a key that can trade on a host that must not have one, brought in by the door for debugging. Seen red
    without the preflight."""
    debugged = Debugged(tmp_path, ("role: W ", f"role: {role} "))
    try:
        client = debugged.start(until="debug_door_stays_shut")
        assert f"Role {role} must hold a key that cannot" in debugged.mitmdump.out
        with pytest.raises(OSError, match="Tunnel connection failed: 503"):
            client.send("GET", READ, door="proxy")
        kinds = [str(kind) for kind in debugged.journal()]
        assert kinds[:3] == ["policy", "start", "preflight"]
        assert set(kinds[3:]) <= {"refusal"}, "what the client met may be on record already"
    finally:
        debugged.end()


def test_a_bad_policy_ends_it(debugged: Debugged) -> None:
    """Catches a mitmproxy that runs on without the gate because the gate could not be made."""
    (debugged.folder / "policy.yaml").write_text("version: 1\n")
    ended = Mitmdump("mitmdump", debugged.arguments("-s", str(debugged.script)), debugged.root)
    assert ended.wait(START_S) == 1
    assert "pretrade: " in ended.err


@pytest.mark.parametrize("how", ["broken", "emptied", "deleted", "touched"])
def test_without_its_script_everything_is_refused(debugged: Debugged, how: str) -> None:
    """Catches the stock behaviour: the script goes, the gate goes with it, and everything is forwarded (threats 0, 3).

    Where the exchange was, a bare socket then counts who comes. Seen red without `orphan`: the tunnels open.
    """
    client = debugged.start()
    kept = client.connection("proxy")
    client.start(kept, "GET", READ)
    assert kept.getresponse().read()
    if how == "deleted":
        debugged.script.unlink()
    else:
        debugged.script.write_text({"broken": "def (:", "emptied": "", "touched": SCRIPT.read_text() + "\n"}[how])
    debugged.wait_for("script_gone")
    debugged.exchange.end()
    with socket.create_server(("127.0.0.1", debugged.exchange_port)) as counter:
        for method, target, body in (("GET", READ, None), ("POST", ORDERS, order())):
            with pytest.raises(OSError, match="Tunnel connection failed: 503"):
                client.send(method, target, body, door="proxy")
        client.start(kept, "POST", ORDERS, order())
        answer = kept.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (503, "SHUTTING_DOWN")
        counter.settimeout(0.2)
        with pytest.raises(TimeoutError):
            counter.accept()
    kept.close()


SPOILER = """
import asyncio
from mitmproxy import http

class Spoiler:
    def requestheaders(self, flow): flow.response = None; raise ValueError("planted")
    async def request(self, flow):
        flow.response = None
        flow.request.stream = True
        flow.request.host, flow.request.port = "127.0.0.1", {port}
        raise ValueError("planted")
    def responseheaders(self, flow): raise RecursionError("planted")
    def response(self, flow): raise ValueError("planted")
    def server_connect(self, data): data.server.error = None; raise ValueError("planted")
    def http_connect(self, flow): raise ValueError("planted")
    def tls_start_client(self, data): raise ValueError("planted")

addons = [Spoiler()]
"""


LOOSE = (
    "rawtcp=true", "http2=true", "connection_strategy=eager", "stream_large_bodies=1", "ignore_hosts=kalshi",
    "upstream_cert=true", "connect_addr=",
)  # fmt: skip


def test_another_script_cannot_skip_the_gate(debugged: Debugged) -> None:
    """Catches an enforcer that shares a try-block with somebody's script (threats 0, 2), and options that are loose.

    Seen red with the Enforcer in the script's own `addons`, where the other script's faults do reach it.
    """
    spoiler = debugged.root / "spoiler.py"
    spoiler.write_text(SPOILER.format(port=debugged.exchange_port))
    options = [part for setting in LOOSE for part in ("--set", setting)]
    client = debugged.start(*options, "-s", str(spoiler), "-s", str(debugged.script))
    assert ask(client, "POST", ORDERS, order()) == (201, "")
    assert ask(client, "POST", ORDERS, order(count="1000.00")) == (403, "ORDER_COUNT_EXCEEDS_MAXIMUM")
    assert ask(client, "GET", "/trade-api/v2/unheard-of") == (403, "ENDPOINT_UNKNOWN")
