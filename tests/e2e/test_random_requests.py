"""Random requests through a running proxy: each that passes arrives once, with the path and query that were asked and
a fresh signature over exactly that by the live key; each that does not pass arrives not at all.
"""

import base64
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
from tests.e2e.clients import API, ORDERS, RawClient
from tests.e2e.conftest import GENEROUS
from tests.e2e.harness import World, order
from tests.e2e.invariants import windows_of

from pretrade.cli.init import CLIENT_KEY_ID, LIVE_KEY_ID
from pretrade.kalshi.endpoints import ENDPOINTS, Handling, handling
from pretrade.kalshi.keys import load_private_key, signing_text, verify

SEED = int(os.environ.get("PRETRADE_SEED", "1"))
READS = [one for one in ENDPOINTS if handling(one) is Handling.READ]
FRESH_MS = 15_000
"""How old a signature may be where it is seen: the proxy sends none of more than 4 s, and the machine may be busy."""
_NAME = "ABCXYZabcxyz0123456789._-"
_VALUE = ["a", "Z", "9", "-", ".", "_", "~", ":", ",", "+", "%2F", "%20", "%C3%A9", "%00", "=", "%25", "*", "@"]
_ODD: tuple[Callable[[str], str], ...] = (
    lambda path: path + "/",
    lambda path: path.replace("/v2/", "/v2//"),
    lambda path: path.replace("/v2/", "/v2/./"),
    lambda path: path.replace("/v2/", "/v2/x/../"),
    lambda path: path.replace("/v2/", "/v2/%2e/"),
    lambda path: path.replace("trade", "%74rade"),
    lambda path: path.replace("/v2/", "/v2;a=b/"),
    lambda path: path.replace("trade", "Trade"),
    lambda path: path + "%00",
    lambda path: "/" + path,
)
"""Other spellings of a path, which some server would take for the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and the word in it by which it is known again."""

    mark: str
    method: str
    target: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the exchange was sent, and when."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at_ms: int


def asked(number: int, rng: random.Random) -> Asked:
    """A read of any endpoint three times in five, else a write, or a path in an odd form."""
    mark = f"mark{number}x"
    kind = rng.random()
    if kind < 0.25:
        return _write(mark, rng)
    read = rng.choice(READS)
    path = read.template
    while "{" in path:
        start, _, rest = path.partition("{")
        path = start + "".join(rng.choices(_NAME, k=rng.randint(0, 12))) + mark + rest.partition("}")[2]
    query = "&".join(f"q{i}={''.join(rng.choices(_VALUE, k=rng.randint(0, 8)))}" for i in range(rng.randint(0, 3)))
    if kind < 0.4:
        path = rng.choice(_ODD)(path)
    return Asked(mark, "GET", f"{path}?m={mark}{'&' if query else ''}{query}")


def _write(mark: str, rng: random.Random) -> Asked:
    count, price = f"{rng.randint(1, 20)}.00", f"0.{rng.randint(1, 50):02d}00"
    new = order(count, price, client_order_id=mark)
    orders = [new, order(count, price, client_order_id=f"{mark}-2")]
    return rng.choice([
        Asked(mark, "POST", ORDERS, new),
        Asked(mark, "POST", f"{ORDERS}/batched", {"orders": orders}),
        Asked(mark, "POST", f"{ORDERS}/o-{mark}/decrease", {"reduce_by": count}),
        Asked(mark, "DELETE", f"{ORDERS}/o-{mark}"),
        Asked(mark, "DELETE", f"{ORDERS}/batched", {"orders": [{"order_id": f"o-{mark}"}]}),
        Asked(mark, "POST", f"{ORDERS}?m={mark}", new),
    ])  # fmt: skip


def arrivals(world: World) -> list[Arrived]:
    """Every request in the tap's record but for the proxy's own stream."""
    streams: dict[int, list[tuple[bytes, int]]] = {}
    for line in world.tap_record.read_text().splitlines():
        chunk = json.loads(line)
        streams.setdefault(chunk["connection"], []).append((base64.b64decode(chunk["data"]), chunk["at_ns"] // 10**6))
    return [
        one for chunks in streams.values() if not chunks[0][0].startswith(b"GET /trade-api/ws") for one in _cut(chunks)
    ]


def _cut(chunks: list[tuple[bytes, int]]) -> list[Arrived]:
    found: list[Arrived] = []
    left, at_ms = b"", 0
    for data, came_ms in chunks:
        at_ms = at_ms if left else came_ms
        left += data
        while b"\r\n\r\n" in left:
            head, _, rest = left.partition(b"\r\n\r\n")
            first, *lines = head.decode("ascii").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                break
            method, target, _ = first.split(" ")
            found.append(Arrived(method, target, headers, rest[:length], at_ms))
            left, at_ms = rest[length:], came_ms
    return found


def passes(raw: RawClient, connection: HTTPConnection, one: Asked, told: list[bytes]) -> bool:
    """Send a request; whether what comes back is the exchange's own word. All that comes back goes into `told`."""
    time.sleep(0.0011)  # no two signatures of one millisecond, of which a door takes only two
    raw.start(connection, one.method, one.target, one.body)
    response = connection.getresponse()
    body = response.read()
    told.append(str(response.getheaders()).encode() + body)
    assert response.status not in {401, 500, 502, 504}, (one, response.status, body)
    return b'"decision_id"' not in body


def test_what_passes_arrives_as_it_was_asked_under_the_live_key(world: World) -> None:
    """Catches a path or a query that is signed or sent in another spelling, a signature over the query or with
    another key, an old timestamp, a client's header that goes on, a refused request that is sent all the same, and the
    live key, its id or a live signature in anything that a client is told."""
    arrives_as_asked(world, 60)
    assert world.raw().send("DELETE", f"{ORDERS}?subaccount=0").status in {200, 204}


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_thousand_arrive_as_they_were_asked(make_world: Callable[..., World]) -> None:
    """As above, with other seeds."""
    arrives_as_asked(make_world(*GENEROUS, tap=True), 1_000)


def arrives_as_asked(world: World, count: int) -> None:
    """Send random requests by both doors and hold what arrived to them."""
    rng, raw, began_ms = random.Random(SEED), world.raw(), time.time_ns() // 10**6
    connections = [raw.connection("proxy"), raw.connection("base_url")]
    requests = [asked(number, rng) for number in range(count)]
    told: list[bytes] = []
    passed = {one.mark: passes(raw, connections[rng.randrange(2)], one, told) for one in requests}
    for connection in connections:
        connection.close()
    arrived = [came for came in arrivals(world) if came.at_ms >= began_ms]
    live = load_private_key(world.live_key.read_bytes()).public_key()
    for one in requests:
        same = [came for came in arrived if came.method == one.method and _is(one, came)]
        assert len(same) == passed[one.mark], (one, same)
        for came in same:
            assert came.target == one.target or (one.method != "GET" and _path(came) == _path(one)), (one, came)
            assert _says(one.body, came.body), (one, came)
    for came in arrived:
        _is_the_live_keys_own(came, live)
    _tells_nothing_of_the_live_key(b"\n".join(told), arrived, world.live_key.read_bytes())
    assert count / 3 < sum(passed.values()) < count * 0.95
    assert {one.method for one in requests if passed[one.mark]} == {"GET", "POST", "DELETE"}


def _path(one: Asked | Arrived) -> str:
    return one.target.partition("?")[0]


def _is(one: Asked, came: Arrived) -> bool:
    return f"{one.mark}-2" not in came.target and (one.mark in came.target or one.mark.encode() in came.body)


def _says(asked_body: dict[str, Any] | None, sent: bytes) -> bool:
    """Whether what was sent is what was asked, but for what is documented to be added."""
    made = json.loads(sent) if sent else {}
    pairs = zip((asked_body or {}).get("orders", [asked_body or {}]), made.get("orders", [made]), strict=True)
    return all(said.items() <= done.items() and done.keys() - said.keys() <= {"subaccount", "market_ticker"}
               for said, done in pairs)  # fmt: skip


def _is_the_live_keys_own(came: Arrived, live: Any) -> None:
    assert CLIENT_KEY_ID not in str(came.headers), came
    stamp, signature = (came.headers.get(f"kalshi-access-{name}") for name in ("timestamp", "signature"))
    if signature is None or stamp is None:
        assert (came.method, signature, stamp) == ("GET", None, None), came
        return
    assert came.headers["kalshi-access-key"] == LIVE_KEY_ID
    assert verify(live, signature, signing_text(stamp, came.method, _path(came))), came
    assert -1_000 < came.at_ms - int(stamp) < FRESH_MS, came


def _tells_nothing_of_the_live_key(told: bytes, arrived: list[Arrived], pem: bytes) -> None:
    signatures = [came.headers["kalshi-access-signature"] for came in arrived if "kalshi-access-key" in came.headers]
    assert signatures and not any(signature.encode() in told for signature in signatures)
    assert LIVE_KEY_ID.encode() not in told and not windows_of(pem, told)


def test_the_reads_are_many() -> None:
    """Catches a catalogue from which nothing is chosen."""
    assert len(READS) > 50
    assert all(one.template.startswith(API) for one in READS)
