"""The real gate with recording fakes, by interface, where it would touch a disk, a key or a network."""

import asyncio
import base64
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.builders import TICKER, policy
from tests.gateway.doorkit import HOST
from tests.gateway.marketkit import FakeMarkets, calm

from pretrade.gateway.instance import Instance
from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import DiskRoom
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.destination import Destinations
from pretrade.gateway.way.gate import Gate
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.refusals import FloodGuard
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer, Lane
from pretrade.kalshi.keys import PrivateKey, generate_private_key, signing_text
from pretrade.kalshi.signing import ReadRequest, SignedRequest
from pretrade.model.decisions import Approved
from pretrade.model.instance import Environment
from pretrade.risk.ledger.ledger import Ledger

KEY = generate_private_key("ed25519")
KEY_ID = "momentum-bot-key"
ORDERS = "/trade-api/v2/portfolio/events/orders"
BASE_URL_HOST = "127.0.0.1:8081"
ACCEPTED = json.dumps({"order_id": "x-1", "fill_count": "0.00", "remaining_count": "1.00", "ts_ms": 1}).encode()
_ids = itertools.count()


@dataclass
class FakeJournal:
    """Notes what it is given, and gives out the futures that `on_append` makes."""

    on_append: Callable[[EventKind], asyncio.Future[int]] | None = None
    rows: list[tuple[EventKind, Mapping[str, Any], str | None]] = field(default_factory=list)
    healthy: bool = True

    def append(
        self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None
    ) -> asyncio.Future[int]:
        self.rows.append((kind, body, decision_id))
        if kind is EventKind.DECISION and self.on_append is not None:
            return self.on_append(kind)
        row: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        row.set_result(len(self.rows))
        return row

    def record(self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None) -> None:
        self.append(kind, body, decision_id)

    async def settled(self) -> None:
        """Everything is on disk at once here."""

    def outcomes(self) -> list[str]:
        return [str(body["state"]) for kind, body, _ in self.rows if kind is EventKind.OUTCOME]


@dataclass
class FakeSigner:
    """Signs nothing: what it gives out says what was approved."""

    key_id: str = "live-key"
    on_sign: Callable[[], Awaitable[None]] | None = None
    signed: list[Approved] = field(default_factory=list)

    async def sign(self, approved: Approved, now_ms: int) -> SignedRequest:
        if self.on_sign is not None:
            await self.on_sign()
        self.signed.append(approved)
        return SignedRequest("POST", ORDERS, (), b"{}")

    async def sign_read(self, read: ReadRequest, now_ms: int) -> SignedRequest:
        return SignedRequest("GET", read.path, (), b"")


@dataclass
class FakeUpstream:
    """Stands for our own client to the exchange: what is in `sent` has left us."""

    on_send: Callable[[], Awaitable[None]] | None = None
    sent: list[SignedRequest] = field(default_factory=list)

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> Answer:
        if last_look is not None:
            last_look()
        self.sent.append(request)
        if self.on_send is not None:
            await self.on_send()
        status, body = (201, ACCEPTED) if lane is not Lane.READ else (200, b'{"code": "READ"}')
        return Answer(status=status, content_type="application/json", body=body)


@dataclass
class RealGate:
    """A live W instance on practice, put together from fakes; nothing can be sent but by `upstream`."""

    state_dir: Path
    changes: tuple[tuple[str, str], ...] = (("mode: dry_run", "mode: live"), ("max_orders: 25", "max_orders: 5000"))
    environment: Environment = Environment.PRACTICE
    journal: FakeJournal = field(default_factory=FakeJournal)
    signer: FakeSigner = field(default_factory=FakeSigner)
    upstream: FakeUpstream = field(default_factory=FakeUpstream)
    markets: FakeMarkets = field(default_factory=FakeMarkets)

    def __post_init__(self) -> None:
        clock, ledger, journal = Clock(), Ledger(), self.journal
        the_policy = policy(*self.changes)
        self.instance = Instance(
            policy=the_policy,
            policy_hash="test",
            zone=ZoneInfo("America/New_York"),
            clients={KEY_ID: Client("momentum-bot", KEY_ID, 0, KEY.public_key())},
            destinations=Destinations(self.environment, frozenset({BASE_URL_HOST})),
            clock=clock,
            journal=journal,  # type: ignore[arg-type]
            ledger=ledger,
            trading=Trading(ledger, journal, self.state_dir, clock),  # type: ignore[arg-type]
            signers=Signers.of_policy(the_policy, self.signer),  # type: ignore[arg-type]
            upstream=self.upstream,  # type: ignore[arg-type]
            flood=FloodGuard(journal, clock),  # type: ignore[arg-type]
            started_ms=0,
            disk=DiskRoom(self.state_dir, clock),
            markets=self.markets,  # type: ignore[arg-type]
        )
        self.instance.reconciled.done(clock.age_ms(), ())
        calm(self.instance)
        self.gate = Gate(self.instance)


def order(**more: object) -> bytes:
    """A small order within every limit, with an id of its own unless told otherwise."""
    body = {
        "ticker": TICKER,
        "side": "bid",
        "count": "1.00",
        "price": "0.1000",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": f"c-{next(_ids)}",
    }
    return json.dumps({name: value for name, value in (body | more).items() if value is not None}).encode()


def signature(method: str, path: str, key: PrivateKey = KEY, key_id: str = KEY_ID) -> list[str]:
    """The three headers of a registered client, as lines."""
    stamp = time.time_ns() // 1_000_000
    signed = base64.b64encode(key.sign(signing_text(stamp, method, path)))  # type: ignore[call-arg, arg-type]
    return [
        f"KALSHI-ACCESS-KEY: {key_id}",
        f"KALSHI-ACCESS-TIMESTAMP: {stamp}",
        f"KALSHI-ACCESS-SIGNATURE: {signed.decode()}",
    ]


def request(
    method: str = "POST",
    target: str = ORDERS,
    body: bytes | None = None,
    *,
    host: str | None = HOST,
    version: str = "HTTP/1.1",
    line: str | None = None,
    headers: tuple[str, ...] = (),
    framing: tuple[str, ...] | None = None,
) -> bytes:
    """A request that would be approved and sent, signed as a registered client; each argument spoils one thing.

    `line` replaces the request line, `framing` the Content-Length header.
    """
    content = (order() if method == "POST" else b"") if body is None else body
    lines = [line or f"{method} {target} {version}"]
    lines += [f"Host: {host}"] if host is not None else []
    lines += ["Content-Type: application/json", *signature(method, target.partition("?")[0]), *headers]
    lines += [f"Content-Length: {len(content)}"] if framing is None else framing
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def chunked(body: bytes, trailers: bytes = b"", **more: Any) -> bytes:
    """The request with this body in one chunk."""
    data = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailers)
    return request(body=data, framing=("Transfer-Encoding: chunked",), **more)
