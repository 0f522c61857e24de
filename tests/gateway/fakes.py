"""A whole instance for the gate: real journal, signer and ledger; a clock, a disk and an exchange that do as told."""

import asyncio
import base64
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.builders import TICKER, policy
from tests.gateway.marketkit import FakeMarkets, calm

from pretrade.gateway.account.reconciled import Reconciled
from pretrade.gateway.account.restore import FOLDED, fold, reopen
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import DiskRoom
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.attempts import Attempts, Ticket
from pretrade.gateway.way.destination import Destinations
from pretrade.gateway.way.gate import Gate
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.refusals import FloodGuard
from pretrade.journal.events import Draft, Event, EventKind
from pretrade.journal.reader import read_events
from pretrade.journal.writer import Journal
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import Lane
from pretrade.kalshi.keys import PSS, SHA256, PrivateKey, generate_private_key, signing_text
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.model.instance import Environment

START_NS = 1_795_280_400_000 * 1_000_000
"""2026-11-21, noon in New York."""
HOST = "external-api.demo.kalshi.co"
BASE_URL_HOST = "127.0.0.1:8081"
ROOT = "/trade-api/v2"
ORDERS = f"{ROOT}/portfolio/events/orders"
LIVE = ("mode: dry_run", "mode: live")

ED25519, OTHER, LIVE_KEY = (generate_private_key("ed25519") for _ in range(3))
RSA = generate_private_key("rsa")
KEYS: dict[str, PrivateKey] = {"bot-key": ED25519, "rsa-key": RSA, "other-key": OTHER}
CLIENTS = {
    "bot-key": Client("bot", "bot-key", 0, ED25519.public_key()),
    "rsa-key": Client("rsa-bot", "rsa-key", 1, RSA.public_key()),
    "other-key": Client("other", "other-key", 2, OTHER.public_key()),
}


class FakeTime:
    """Wall and monotonic time that move when they are told to."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.utc_ns = start_ns
        self.mono_ns = 1_000_000_000_000
        self.clock = Clock(lambda: self.utc_ns, lambda: self.mono_ns)

    def pass_ms(self, milliseconds: int) -> None:
        self.utc_ns += milliseconds * 1_000_000
        self.mono_ns += milliseconds * 1_000_000


type OnSend = Callable[[SignedRequest], Awaitable[ExchangeAnswer]]


async def accept(request: SignedRequest) -> ExchangeAnswer:
    """What an exchange with nobody on the other side would say."""
    if request.method == "GET":
        return answered(200, {"markets": []})
    body = json.loads(request.body) if request.body else {}
    path = request.target.partition("?")[0]
    if request.method == "DELETE":
        return answered(200, {"order_id": path.rpartition("/")[2], "reduced_by": "1.00", "ts_ms": 1})
    if path.endswith(("/amend", "/decrease")):
        return answered(200, {"order_id": path.split("/")[-2], "remaining_count": "0.50", "ts_ms": 1})
    if "orders" in body:
        return answered(201, {"orders": [_created(order) for order in body["orders"]]})
    return answered(201, _created(body))


def _created(order: dict[str, Any]) -> dict[str, object]:
    named = {"order_id": f"ex-{order['client_order_id']}", "client_order_id": order["client_order_id"]}
    return named | {"fill_count": "0.00", "remaining_count": order["count"], "ts_ms": 1}


def answered(status: int, body: object = None, content_type: str = "application/json") -> ExchangeAnswer:
    """An answer of the exchange."""
    return ExchangeAnswer(status, content_type, b"" if body is None else json.dumps(body).encode())


def always(answer: ExchangeAnswer | Exception) -> OnSend:
    """An exchange that says, or a connection that fails with, the same every time."""

    async def on_send(request: SignedRequest) -> ExchangeAnswer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return on_send


@dataclass
class FakeUpstream:
    """Notes what has left us and by which lane; answers as `on_send` says, once `on_connect` has let it through."""

    on_send: OnSend = accept
    on_connect: Callable[[], Awaitable[None]] | None = None
    sent: list[SignedRequest] = field(default_factory=list)
    writes: list[SignedRequest] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> ExchangeAnswer:
        if self.on_connect is not None:
            await self.on_connect()
        if last_look is not None:
            last_look()
        self.sent.append(request)
        self.lanes.append(lane)
        if lane is not Lane.READ:
            self.writes.append(request)
        return await self.on_send(request)


class Hanging:
    """An exchange that has taken a request and says nothing until it is told to."""

    def __init__(self, then: OnSend = accept) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.then = then

    async def __call__(self, request: SignedRequest) -> ExchangeAnswer:
        self.reached.set()
        await self.go_on.wait()
        return await self.then(request)


@dataclass
class World:
    """One running proxy without its doors, and what it is in."""

    instance: Instance
    gate: Gate
    time: FakeTime
    upstream: FakeUpstream
    path: Path
    delivered: bool = True

    async def ask(self, raw: RawRequest, ticket: Ticket | None = None) -> Answer:
        """What a client gets; `delivered` says whether it reads it."""
        ticket = ticket or Ticket()
        answer = await self.gate.handle(raw, ticket)
        self.gate.answered(ticket, delivered=self.delivered)
        return answer

    def order(self, key_id: str = "bot-key", **changes: object) -> RawRequest:
        """A signed create of an order without an id."""
        return self.post(ORDERS, order_body(**changes), key_id)

    def post(self, target: str, body: object, key_id: str = "bot-key") -> RawRequest:
        return self.request("POST", target, json.dumps(body).encode(), key_id)

    def cancel(self, order_id: str = "x-1", key_id: str = "bot-key") -> RawRequest:
        return self.request("DELETE", f"{ORDERS}/{order_id}?market_ticker={TICKER}", b"", key_id)

    def request(self, method: str, target: str, body: bytes = b"", key_id: str = "bot-key", **more: Any) -> RawRequest:
        """A request as the proxy door hands it in, signed one millisecond after the last one."""
        self.time.pass_ms(1)
        stamp = self.time.clock.now_ms()
        signature = sign(KEYS[key_id], stamp, method, target.partition("?")[0])
        headers = [("host", HOST), *signature_headers(key_id, stamp, signature)]
        if body:
            headers.append(("content-type", "application/json"))
        raw = RawRequest(Door.PROXY, method, target, "HTTP/1.1", tuple(headers), body, connect=(HOST, 443), sni=HOST)
        return replace(raw, **more)

    async def rows(self, *kinds: EventKind) -> list[Event]:
        """The journal's rows, once all that was handed in is on disk."""
        await self.instance.journal.append(EventKind.SNAPSHOT, {})
        kept = kinds or [kind for kind in EventKind if kind is not EventKind.SNAPSHOT]
        return list(read_events(self.path, kinds=kept))

    async def bodies(self, *kinds: EventKind) -> list[dict[str, Any]]:
        return [json.loads(event.body) for event in await self.rows(*kinds)]

    async def outcomes(self) -> list[str]:
        return [body["state"] for body in await self.bodies(EventKind.OUTCOME)]

    async def close(self) -> None:
        await self.instance.journal.close()
        self.instance.signers.close()


_THEIRS = """  momentum-bot:
    key_id: momentum-bot-key
    public_key: keys/momentum-bot.pub.pem
    subaccount: 0
"""
OURS = "".join(
    f"  {one.name}:\n    key_id: {one.key_id}\n    public_key: keys/{one.name}.pem\n    subaccount: {one.subaccount}\n"
    for one in CLIENTS.values()
)
"""The clients above, as a policy states them."""


class JustReconciled(Reconciled):
    """The exchange's record, read a moment ago at any time."""

    def age_ms(self) -> int | None:
        return 0


def open_world(
    folder: Path,
    *changes: tuple[str, str],
    time: FakeTime | None = None,
    environment: Environment = Environment.PRACTICE,
    started_ms: int = 0,
) -> World:
    """Start a proxy on this folder as `assemble` does: what its journal says is folded and reopened."""
    now, upstream = time or FakeTime(), FakeUpstream()
    path = folder / "journal.db"
    journal = Journal.open(path, boot="boot-1", utc_now_ns=now.clock.utc_ns, monotonic_ns=now.clock.monotonic_ns)
    ledger, attempts = fold(read_events(path, kinds=FOLDED)), Attempts()
    reopen(ledger, attempts)
    ledger.lose_sight()
    the_policy = policy((_THEIRS, OURS), *changes)
    instance = Instance(
        policy=the_policy,
        policy_hash="ab" * 32,
        zone=ZoneInfo("America/New_York"),
        clients=CLIENTS,
        destinations=Destinations(environment, frozenset({BASE_URL_HOST})),
        clock=now.clock,
        journal=journal,
        ledger=ledger,
        trading=Trading(ledger, journal, folder, now.clock),
        signers=Signers.of_policy(the_policy, Signer(LIVE_KEY, "live-key")),
        upstream=upstream,  # type: ignore[arg-type]
        flood=FloodGuard(journal, now.clock),
        started_ms=started_ms,
        disk=DiskRoom(folder, now.clock),
        markets=FakeMarkets(),  # type: ignore[arg-type]
        attempts=attempts,
    )
    instance.reconciled = JustReconciled(now.clock)
    calm(instance)
    return World(instance, Gate(instance), now, upstream, path)


def order_body(**changes: object) -> dict[str, object]:
    """A small order on an allowed market, without an id; None takes a field away."""
    body: dict[str, object] = {
        "ticker": TICKER,
        "side": "bid",
        "count": "1.00",
        "price": "0.5000",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def sign(key: PrivateKey, stamp: int | str, method: str, path: str) -> str:
    """A client's signature in its one spelling."""
    text = signing_text(stamp, method, path)
    raw = key.sign(text, PSS, SHA256) if key is RSA else key.sign(text)  # type: ignore[call-arg, arg-type, union-attr]
    return base64.b64encode(raw).decode()


def signature_headers(key_id: str, stamp: int | str, signature: str) -> tuple[tuple[str, str], ...]:
    """The three headers of a client."""
    return (
        ("kalshi-access-key", key_id),
        ("kalshi-access-timestamp", str(stamp)),
        ("kalshi-access-signature", signature),
    )


def shown(answer: Answer) -> tuple[int, str]:
    """Status and code of an answer; the code is empty where the body names none."""
    body = json.loads(answer.body) if answer.body else {}
    return answer.status, body.get("code", "")


async def until(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait until a condition holds; TimeoutError when it does not."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.002)


class Disk:
    """Stands between the journal and its file: it can hold every write back, break it, and say what it has written."""

    def __init__(self, world: World) -> None:
        store = world.instance.journal._store
        self._append, self._write = store.append, store._write
        self.written: list[Event] = []
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.error: Exception | None = None
        store.append, store._write = self.append, self.write  # type: ignore[method-assign]

    def append(self, drafts: Sequence[Draft]) -> int:
        self.reached.set()
        if not self.go_on.wait(20):
            raise TimeoutError
        return self._append(drafts)

    def write(self, events: Sequence[Event]) -> None:
        if self.error is not None:
            raise self.error
        self._write(events)
        self.written += events

    def hold(self) -> None:
        """Let nothing become durable until `go_on` is set."""
        self.reached.clear()
        self.go_on.clear()

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.written]


class NoEnds(Disk):
    """A disk that takes no outcome, as one that is full at that moment and not at the next."""

    refuses = True

    def write(self, events: Sequence[Event]) -> None:
        if self.refuses and any(event.kind is EventKind.OUTCOME for event in events):
            raise OSError("no space left on device")
        super().write(events)
