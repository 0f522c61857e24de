"""A world of its own: a working folder as `pretrade init` makes it, an exchange, a proxy, clients for both doors.

Rule of this file: real processes, real TLS, real files. Every world is held to invariants.py at its end.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.e2e.clients import AsyncBot, RawClient, SyncBot
from tests.e2e.programs import Pretrade, Program, eventually, free_ports, pretrade
from tests.waived import waive

from pretrade.cli import init
from pretrade.gateway.operator.admin import ask
from pretrade.journal import reader
from pretrade.kalshi.keys import load_private_key, public_pem_of
from pretrade.practice.api.keys import add_key

OPEN = "KXBTC-26DEC31-T100000"
"""An allowed market whose maker bids 0.54 and asks 0.56."""
CLOSED = "KXFED-26DEC-T4.25"
TAP = Path(__file__).parent / "tap.py"

type Change = tuple[str, str]


def order(count: str = "1.00", price: str = "0.0500", **more: Any) -> dict[str, Any]:
    """A bid far below the market, which rests; `...` takes a field out."""
    body = {
        "ticker": OPEN,
        "side": "bid",
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal with its body read."""

    seq: int
    utc: str
    kind: str
    decision_id: str | None
    body: dict[str, Any]


def make_folder(
    folder: Path,
    changes: Sequence[Change],
    *,
    mode: str,
    proxy: int,
    base_url: int,
    exchange: int,
    scopes: Sequence[str] = init.LIVE_SCOPES,
    strict: bool = False,
) -> None:
    """A working folder as `pretrade init` makes it, on these ports and with these parts of its policy replaced. It
    waives what a test is not about, unless it is `strict`."""
    text = init.default_policy() if strict else waive(init.default_policy())
    ports = [("127.0.0.1:8080", proxy), ("127.0.0.1:8081", base_url), ("127.0.0.1:9443", exchange)]
    for old, new in (
        *((old, f"127.0.0.1:{port}") for old, port in ports),
        ("mode: dry_run", f"mode: {mode}"),
        *changes,
    ):
        assert old in text, f"the default policy has no {old!r}"
        text = text.replace(old, new)
    init.make_folder(folder, text)
    if scopes != init.LIVE_SCOPES:
        public = load_private_key((folder / "keys" / "live.pem").read_bytes()).public_key()
        add_key(folder / "practice", init.LIVE_KEY_ID, public_pem_of(public), scopes)


class World:
    """The folder and what runs on it. `mode` and `changes` make the policy; `tap` keeps what the exchange is sent."""

    reconciles = True
    """Whether its exchange's record can be read at all."""
    is_cold = False
    """Whether its proxies are started as a person does, not forked from what holds all that any program imports: for
    tests of memory."""

    def __init__(
        self,
        root: Path,
        *changes: Change,
        mode: str = "live",
        tap: bool = False,
        scopes: Sequence[str] = init.LIVE_SCOPES,
        state: Path | None = None,
        strict: bool = False,
    ) -> None:
        self.root = root
        self.folder = root / "work"
        self.proxy_port, self.base_url_port, self.exchange_port, self._tap_port = free_ports(4)
        upstream = self._tap_port if tap else self.exchange_port
        ports = {"proxy": self.proxy_port, "base_url": self.base_url_port, "exchange": upstream}
        make_folder(self.folder, changes, mode=mode, scopes=scopes, strict=strict, **ports)
        self.policy = self.folder / "policy.yaml"
        self.state = state or self.folder / "state"
        self.journal = self.state / "journal.db"
        self.tap_record = root / "tap.jsonl"
        self.starts: list[str] = []
        self._tap = self._start_tap() if tap else None
        self._seen_before: list[dict[str, Any]] = []
        self._bots: list[SyncBot | AsyncBot] = []
        self.exchange = self._start_exchange()
        self.exchange.wait_ready()
        self.proxy = self.start_proxy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bot in self._bots:
            bot.close()
        self.proxy.end()
        if self._tap is not None:
            self._tap.terminate()
            self._tap.communicate()
        self.exchange.end()

    def _start_exchange(self) -> Pretrade:
        command = ("practice", "--folder", str(self.folder / "practice"), "--port", str(self.exchange_port))
        return Pretrade("practice", command, self.root)

    def _start_tap(self) -> subprocess.Popen[str]:
        practice = self.folder / "practice"
        ports = (str(self._tap_port), str(self.exchange_port))
        files = (str(practice / "server.pem"), str(practice / "ca.crt"), str(self.tap_record))
        command = [sys.executable, str(TAP), *ports, *files]
        tap = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert tap.stdout is not None
        assert tap.stdout.readline() == "ready\n"
        return tap

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Program:
        """Start the proxy, which must not run now."""
        arguments = ("run", "-p", str(self.policy))
        if self.is_cold:
            self.proxy = Program("proxy", (sys.executable, "-m", "pretrade", *arguments), self.root, environment)
        else:
            self.proxy = Pretrade("proxy", arguments, self.root, environment)
        if wait:
            self.wait_for_proxy()
        return self.proxy

    def wait_for_proxy(self) -> None:
        """Until the proxy has said all that it says at its start, and takes orders: the exchange's record was read."""
        self.starts.append(self.proxy.wait_ready())
        if self.reconciles and self.exchange.running:
            eventually("the exchange's record was read", self._is_reconciled, timeout=30)

    def _is_reconciled(self) -> bool:
        last = self.operate("status")["reconciliation"]
        return last is None or last["age_s"] is not None

    def policy_with(self, *changes: Change) -> Path:
        """The policy with these parts replaced, in a file beside it."""
        text = self.policy.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = self.folder / "changed.yaml"
        path.write_text(text)
        return path

    def restart(self, **environment: str) -> None:
        """Stop the proxy as an operator does and start it again."""
        assert self.proxy.end() == 0, self.proxy.err
        self.start_proxy(**environment)

    def stop_exchange(self) -> None:
        """End the exchange; what it has seen is kept."""
        self._seen_before = self.exchange_requests()
        self.exchange.end()

    # What the exchange says

    def control(self, method: str, action: str, body: Any = None) -> dict[str, Any]:
        """Ask the practice exchange's control endpoint."""
        practice = self.folder / "practice"
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.exchange_port}/practice/control/{action}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Practice-Token": (practice / "control.token").read_text().strip()},
        )
        context = ssl.create_default_context(cafile=str(practice / "ca.crt"))
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return json.load(answer)

    def exchange_requests(self) -> list[dict[str, Any]]:
        """Every write that the exchange has received, whatever became of it."""
        if not self.exchange.running:
            return self._seen_before
        return [*self._seen_before, *self.control("GET", "requests")["requests"]]

    def fault(self, kind: str, **more: Any) -> None:
        """Let the exchange do this to its next write by POST."""
        self.control("POST", "faults", {"kind": kind, "method": "POST"} | more)

    @contextmanager
    def exchange_sees(self, count: int) -> Iterator[list[dict[str, Any]]]:
        """Exactly so many writes reach the exchange meanwhile; they are in the list in the end."""
        before = len(self.exchange_requests())
        new: list[dict[str, Any]] = []
        yield new
        new.extend(self.exchange_requests()[before:])
        assert len(new) == count, f"the exchange saw {[(r['method'], r['path'], r['body']) for r in new]}"

    # What the proxy says

    def events(self, *kinds: str) -> list[Row]:
        """The journal's rows of these kinds, or all of them."""
        rows = reader.read_events(self.journal)
        return [
            Row(row.seq, row.utc, str(row.kind), row.decision_id, json.loads(row.body))
            for row in rows
            if not kinds or row.kind in kinds
        ]

    def about(self, decision_id: str, kind: str) -> list[dict[str, Any]]:
        """The bodies of a decision's rows of one kind."""
        return [row.body for row in self.events(kind) if row.decision_id == decision_id]

    def outcome(self, decision_id: str) -> dict[str, Any]:
        """The outcome of a decision, once it is on disk."""
        return eventually("the outcome is in the journal", lambda: self.about(decision_id, "outcome"))[-1]

    def refusal(self, decision_id: str) -> dict[str, Any]:
        """The refusal with this id, once it is on disk: a row of its own, or the counted row of a flood."""
        both = ("refusal", "refusals")
        return eventually(
            "the refusal is in the journal",
            lambda: [r.body for r in self.events(*both) if r.decision_id == decision_id],
        )[0]

    def decision_of(self, client_order_id: str) -> Row:
        """The decision about the order with this id, once it is on disk."""

        def found() -> list[Row]:
            return [row for row in self.events("decision") if client_order_id in json.dumps(row.body["request"])]

        return eventually(f"a decision about {client_order_id}", found)[-1]

    def operate(self, command: str, **arguments: str) -> dict[str, Any]:
        """What `pretrade status`, `halt` and `resume` ask over the admin socket."""
        return asyncio.run(ask(self.state, command, arguments))

    def pretrade(self, command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the program on this folder."""
        return pretrade(command, "-p", str(self.policy), *arguments, **environment)

    # Clients

    def sync_bot(self) -> SyncBot:
        bot = SyncBot(f"http://127.0.0.1:{self.base_url_port}/trade-api/v2", init.CLIENT_KEY_ID, self.client_key)
        self._bots.append(bot)
        return bot

    def async_bot(self) -> AsyncBot:
        bot = AsyncBot(self.policy, init.CLIENT, init.CLIENT_KEY_ID, self.client_key, self.root / "async_bot.err")
        self._bots.append(bot)
        return bot

    def raw(self, key_id: str = init.CLIENT_KEY_ID, key_file: Path | None = None) -> RawClient:
        ca_file = self.folder / "certs" / "ca.crt"
        return RawClient(self.base_url_port, self.proxy_port, ca_file, key_id, key_file or self.client_key)

    @property
    def client_key(self) -> Path:
        return self.folder / "keys" / f"{init.CLIENT}.pem"

    @property
    def live_key(self) -> Path:
        return self.folder / "keys" / "live.pem"
