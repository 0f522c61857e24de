"""Readers, hooks and gate without a network between them, for fuzzers: a case is the bytes of one connection to either
door, and what leaves us comes to an exchange that notes it, reads it strictly and does as it says."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

from mitmproxy.connection import Client
from mitmproxy.proxy.mode_specs import ProxyMode
from tests.gateway.doorkit import HOST
from tests.gateway.gatekit import BASE_URL_HOST, ORDERS, FakeSigner, FakeUpstream, RealGate, order, request
from tests.gateway.marketkit import calm

from pretrade.gateway.front.doors import BASE_URL_MODE, PROXY_MODE
from pretrade.gateway.front.enforcer import Enforcer, fault_answer
from pretrade.gateway.front.enforcer import _raw as enforcer_raw
from pretrade.gateway.front.heads import MAX_FIRST_HEAD, Message, RequestReader, Unreadable
from pretrade.gateway.front.layers import Asked
from pretrade.gateway.front.through import Address
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.attempts import Attempts
from pretrade.gateway.way.gate import Gate
from pretrade.gateway.way.replay import Replays
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as Answered
from pretrade.kalshi.client import Lane
from pretrade.kalshi.endpoints import find
from pretrade.kalshi.hosts import REST_HOSTS, names_of
from pretrade.kalshi.signing import SignedRequest
from pretrade.kalshi.wire import decode, encode
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved
from pretrade.model.orders import CancelBatch, CancelOrder, CreateBatch, CreateOrder, DecreaseOrder, NewOrder, Write
from pretrade.model.units import Count, format_count
from pretrade.risk.ledger.ledger import Ledger

OURS = {200, 201, 400, 403, 409, 413, 503}
_WITHOUT_A_PAST = {
    DenyCode.REQUEST_MALFORMED, DenyCode.DESTINATION_NOT_ALLOWED, DenyCode.SIGNATURE_MISSING, DenyCode.CLIENT_UNKNOWN,
    DenyCode.SIGNATURE_INVALID,
}  # fmt: skip
"""What is refused before a gate knows whose it is leaves nothing behind in it."""


def _orders(count: int) -> list[bytes]:
    return [order(client_order_id=f"c-{i}") for i in range(count)]


LISTED = ("localhost", 9)
"""Another host that the policy passes through."""
_TUNNELS = {(name, 443) for of_one in map(names_of, REST_HOSTS) for name in of_one} | {LISTED}
_ADDRESSES = {Door.BASE_URL: {BASE_URL_HOST}, Door.PROXY: {HOST, f"{HOST}:443"}}
CONNECT = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nProxy-Connection: keep-alive\r\n\r\n".encode()
ELSEWHERE = f"CONNECT {LISTED[0]}:{LISTED[1]} HTTP/1.1\r\nHost: {LISTED[0]}\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Said:
    """What a client says: a CONNECT at the proxy door, nothing at the other, and what comes then. `changed` says which
    of the two neighbours are made of."""

    connect: bytes
    inside: bytes
    changed: Literal["connect", "inside"] = "inside"

    @property
    def data(self) -> bytes:
        """The bytes to make neighbours of."""
        return self.connect if self.changed == "connect" else self.inside

    def but(self, data: bytes) -> "Said":
        """The same with other bytes in their place."""
        return replace(self, **{self.changed: data})


_GOOD: dict[str, Callable[[str], bytes]] = {
    "an order": lambda host: _made(host, "POST", ORDERS, _orders(1)[0]),
    "two orders": lambda host: b"".join(_made(host, "POST", ORDERS, body) for body in _orders(2)),
    "two, the first the last": lambda host: b"".join(
        _made(host, "POST", ORDERS, body, "Connection: close") for body in _orders(2)
    ),
    "a batch": lambda host: _made(host, "POST", f"{ORDERS}/batched", b'{"orders":[%s, %s]}' % tuple(_orders(2))),
    "a decrease": lambda host: _made(host, "POST", f"{ORDERS}/o-1/decrease", b'{"reduce_by":"1.00"}'),
    "a cancel": lambda host: _made(host, "DELETE", f"{ORDERS}/o-1?market_ticker=KXBTC-1"),
    "two cancels": lambda host: _made(
        host, "DELETE", f"{ORDERS}/batched", b'{"orders":[{"order_id":"o-1"},{"order_id":"o-2"}]}'
    ),
    "a read": lambda host: _made(host, "GET", "/trade-api/v2/markets?limit=10"),
}
KINDS: dict[str, Callable[[], Said]] = {
    **{f"{name}, base URL": lambda made=made: Said(b"", made(BASE_URL_HOST)) for name, made in _GOOD.items()},
    **{f"{name}, tunnel": lambda made=made: Said(CONNECT, made(HOST)) for name, made in _GOOD.items()},
    "an order in any tunnel": lambda: Said(CONNECT, _GOOD["an order"](HOST), "connect"),
    "an order to another host": lambda: Said(ELSEWHERE, _GOOD["an order"](HOST), "connect"),
}
"""The good bytes that neighbours are made of, signed now."""


def _made(host: str, method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    return request(method, target, body, host=host, headers=headers)


@dataclass
class Pen(FakeSigner):
    """Signs nothing: writes out what was approved, as it would leave."""

    async def sign(self, approved: Approved, now_ms: int) -> SignedRequest:
        self.signed.append(approved)
        out = encode(approved.write)
        return SignedRequest(out.method, f"{out.path}?{out.query}" if out.query else out.path, (), out.body)


@dataclass
class Exchange(FakeUpstream):
    """Notes the writes that come, as it reads them, and does each."""

    writes: list[Write] = field(default_factory=list)

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> Answered:
        if last_look is not None:
            last_look()
        if request.method == "GET":
            return Answered(200, "application/json", b"{}")
        path, _, query = request.target.partition("?")
        found = find(request.method, path)
        assert found is not None, request
        write = decode(found, query, "application/json", request.body)
        self.writes.append(write)
        status, body = _done(write)
        return Answered(status, "application/json", json.dumps(body).encode())


def _done(write: Write) -> tuple[int, object]:
    match write:
        case CreateOrder():
            return 201, _created(write.order)
        case CreateBatch():
            return 201, {"orders": [_created(one) for one in write.orders]}
        case DecreaseOrder():
            left = format_count(write.reduce_to or Count(0))
            return 200, {"order_id": write.order_id, "remaining_count": left, "ts_ms": 1}
        case CancelOrder():
            return 200, _canceled(write)
        case CancelBatch():
            return 200, {"orders": list({one.order_id: _canceled(one) for one in write.orders}.values())}
        case _:
            return 204, None


def _created(one: NewOrder) -> dict[str, object]:
    name = one.client_order_id
    known = {"fill_count": "0.00", "remaining_count": format_count(one.count), "ts_ms": 1}
    return {"order_id": f"x-{name}", "client_order_id": name} | known


def _canceled(one: CancelOrder) -> dict[str, object]:
    return {"order_id": one.order_id, "reduced_by": "1.00", "ts_ms": 1}


class Front:
    """Readers, the enforcer's hooks and the gate, over the gate kit's fakes."""

    def __init__(self, folder: Path) -> None:
        changes = (("mode: dry_run", "mode: live"), ("max_orders: 25", "max_orders: 1000000"))
        self.exchange = Exchange()
        self.kit = RealGate(folder, changes, signer=Pen(), upstream=self.exchange)
        listing = replace(self.kit.instance.destinations, other_hosts=frozenset({LISTED}))
        self.kit.instance.destinations = listing
        self.gate = self._new_gate()
        self.enforcer = Enforcer(self.gate, cast("Any", None), Stalls(lambda client: None))
        self.cases = self.sent = 0

    def forget(self) -> None:
        """Take a new gate for the next case, whose facts are new as well."""
        self.gate = self.enforcer._gate = self._new_gate()

    def _new_gate(self) -> Gate:
        """A gate without a past, in which a neighbour's signature, id and holds are new."""
        ledger, journal = Ledger(), self.kit.journal
        trading = Trading(ledger, journal, self.kit.state_dir, self.kit.instance.clock)  # type: ignore[arg-type]
        new = {"replays": Replays(), "attempts": Attempts(), "ledger": ledger, "trading": trading}
        instance = replace(self.kit.instance, **new)
        instance.reconciled.done(instance.clock.age_ms(), ())
        calm(instance)
        return Gate(instance)

    async def case(self, said: Said, rng: random.Random) -> None:
        """Feed one connection's bytes, cut anywhere. Raises AssertionError where the invariant does not hold."""
        self.cases += 1
        for noted in (self.kit.journal.rows, self.exchange.writes, self.kit.signer.signed):
            noted.clear()
        done: dict[str, RawRequest] = {}
        has_past = False
        client = _client(Door.PROXY if said.connect else Door.BASE_URL)
        tunnel = await self._connect(client, said.connect, rng) if said.connect else None
        for message in _read(RequestReader(), said.inside, rng) if tunnel == (HOST, 443) or not said.connect else ():
            asked = Asked(client, message, tunnel, fault_answer(None))
            answer = await self._answer(asked)
            assert answer.status in OURS, (answer, said)
            has_past |= answer.status < 400 or DenyCode(json.loads(answer.body)["code"]) not in _WITHOUT_A_PAST
            if answer.status < 400 and isinstance(message, Message) and message.method != "GET":
                # the same order twice is one order, and has one answer
                done.setdefault(answer.decision_id, enforcer_raw(asked, message))
        self._each_was_approved(done, said)
        if has_past:
            self.forget()

    async def _connect(self, client: Client, data: bytes, rng: random.Random) -> Address | None:
        """Where the tunnel leads that a client's first bytes open, if they open one."""
        tunnel = None
        for message in _read(RequestReader(max_head=MAX_FIRST_HEAD), data, rng)[:1]:
            asked = Asked(client, message, None, fault_answer(None))
            await self.enforcer.pretrade_connect(asked)
            assert asked.is_from_gate or asked.let_in, data
            assert asked.let_in == (_asks_for(message) in _TUNNELS), data
            assert (asked.through is not None) == (asked.let_in and asked.tunnel == LISTED), data
            tunnel = asked.tunnel if asked.let_in else None
        self.enforcer.client_disconnected(client)
        return tunnel

    def _each_was_approved(self, done: dict[str, RawRequest], said: Said) -> None:
        rows = self.kit.journal.rows
        approved = [
            decision_id
            for kind, body, decision_id in rows
            if kind is EventKind.DECISION and body["verdict"] == "approved"
        ]
        assert approved == list(done), said
        assert [one.write for one in self.kit.signer.signed] == self.exchange.writes, said
        for raw, write in zip(done.values(), self.exchange.writes, strict=True):
            self.sent += 1
            assert raw.values("host")[0] in _ADDRESSES[raw.door], said
            assert _says(raw, write), (write, said)

    async def _answer(self, asked: Asked) -> Answer:
        await self.enforcer.pretrade_request(asked)
        assert asked.is_from_gate, asked
        self.gate.answered(asked.ticket, delivered=True)
        return asked.answer


def _client(door: Door) -> Client:
    """A connection to a door, inside its TLS where there is a tunnel."""
    mode = ProxyMode.parse(PROXY_MODE if door is Door.PROXY else BASE_URL_MODE)
    made = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), proxy_mode=mode)
    if door is Door.PROXY:
        made.sni, made.timestamp_tls_setup, made.tls = HOST, 1.0, True
    return made


def _read(reader: RequestReader, data: bytes, rng: random.Random) -> list[Message | Unreadable]:
    """What a reader makes of bytes that come in up to three pieces."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(3)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [message for piece in pieces if piece for message in reader.feed(piece)]


def _asks_for(message: Message | Unreadable) -> Address | None:
    """The address that a CONNECT names, read by other means than ours."""
    if isinstance(message, Unreadable) or message.method != "CONNECT":
        return None
    host, colon, port = message.target.rpartition(":")
    return (host, int(port)) if colon and port.isascii() and port.isdigit() and len(port) <= 5 else None


def _says(raw: RawRequest, write: Write) -> bool:
    """Whether a write is what a request said, with nothing of ours in it but what is documented to be added."""
    found = find(raw.method, raw.path)
    assert found is not None
    meant, sent = encode(decode(found, raw.query, raw.value("content-type"), raw.body)), encode(write)
    said, done = dict(parse_qsl(meant.query)), dict(parse_qsl(sent.query))
    return (
        (meant.method, meant.path) == (sent.method, sent.path)
        and said.items() <= done.items()
        and done.keys() - said.keys() <= {"subaccount"}
        and all(_is_kept(one, other) for one, other in zip(_legs(meant.body), _legs(sent.body), strict=True))
    )


def _legs(body: bytes) -> list[dict[str, object]]:
    made = json.loads(body) if body else {}
    return list(made.get("orders", [made]))


def _is_kept(said: dict[str, object], done: dict[str, object]) -> bool:
    return said.items() <= done.items() and done.keys() - said.keys() <= {"client_order_id", "subaccount"}
