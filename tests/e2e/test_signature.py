"""What the exchange receives is signed with the live key and by it alone; the live key and its id go nowhere else."""

import base64
import json
import os
from pathlib import Path

import pytest
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import OPEN, order
from tests.e2e.invariants import journal_text, windows_of

from pretrade.cli.init import CLIENT_KEY_ID, LIVE_KEY_ID
from pretrade.kalshi.keys import load_private_key, load_public_key, signing_text, verify

_HANDSHAKE = b"GET /trade-api/ws/v2 "


def received(world, since=0):
    """Every request in the tap's record: (head as lines, body)."""
    streams: dict[int, bytes] = {}
    chunks = [json.loads(line) for line in world.tap_record.read_text().splitlines()]
    begun = {chunk["connection"] for chunk in chunks[:since]}
    framed = {chunk["connection"] for chunk in chunks if base64.b64decode(chunk["data"]).startswith(_HANDSHAKE)}
    for chunk in chunks[since:]:
        if chunk["connection"] in framed & begun:
            continue  # frames of the proxy's own stream
        streams[chunk["connection"]] = streams.get(chunk["connection"], b"") + base64.b64decode(chunk["data"])
    return [request for stream in streams.values() for request in _requests(stream)]


def _requests(stream: bytes):
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        length = int(_headers(lines).get("content-length", "0"))
        yield lines, stream[:length]
        stream = b"" if "upgrade" in _headers(lines) else stream[length:]  # frames follow a handshake, no requests


def _headers(lines):
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}


def test_every_signature_the_exchange_receives_is_the_live_keys_own(world, bot):
    """Catches: passing on a client's headers; signing with anything but the live key, or other text."""
    assert bot.call("create_order_v2", **order()).ok
    assert bot.call("get_balance").ok
    assert bot.call("cancel_all_orders", subaccount=0).ok
    live = load_private_key(world.live_key.read_bytes()).public_key()
    client = load_public_key((world.folder / "keys" / "momentum-bot.pub.pem").read_bytes())
    requests = received(world)
    signed = 0
    for lines, _ in requests:
        method, target, _ = lines[0].split(" ")
        headers = _headers(lines)
        if "kalshi-access-signature" not in headers:
            assert method == "GET", "an unsigned write"
            continue
        text = signing_text(headers["kalshi-access-timestamp"], method, target.partition("?")[0])
        assert headers["kalshi-access-key"] == LIVE_KEY_ID
        assert verify(live, headers["kalshi-access-signature"], text)
        assert not verify(client, headers["kalshi-access-signature"], text)
        signed += 1
    assert signed >= 3


@pytest.mark.parametrize("door", ["proxy", "base_url"])
def test_nothing_of_a_clients_headers_reaches_the_exchange(world, door):
    """Catches: a header, a query spelling or a body byte of the client's that goes upstream beside what was judged."""
    raw = world.raw()
    since = len(world.tap_record.read_text().splitlines())
    signature = raw.signed("POST", ORDERS)
    smuggled = {"X-Forwarded-For": "10.9.8.7", "Cookie": "a=smuggled", "Authorization": "Bearer smuggled"}
    body = json.dumps(order(), indent=3).encode()
    answer = raw.send("POST", ORDERS, raw=body, headers=signature | smuggled | {"User-Agent": "smuggled"}, door=door)
    assert answer.status == 201
    # The proxy's own reading of the record may come between.
    ((lines, sent),) = [one for one in received(world, since) if one[0][0].startswith("POST ")]
    for secret in (CLIENT_KEY_ID, "smuggled", "10.9.8.7", signature["KALSHI-ACCESS-SIGNATURE"]):
        assert secret not in "\n".join(lines)
    assert sorted(_headers(lines)) == [
        "accept", "content-length", "content-type", "host",
        "kalshi-access-key", "kalshi-access-signature", "kalshi-access-timestamp", "user-agent",
    ]  # fmt: skip
    assert sent != body
    made = json.loads(sent)
    assert made.pop("client_order_id").startswith("pt-d-")
    assert made == order(subaccount=0)


READS = (
    f"{API}/markets?limit=5",
    f"{API}/markets/{OPEN}/orderbook",
    f"{API}/portfolio/balance",
    f"{API}/portfolio/orders",
    f"{API}/portfolio/fills",
    f"{API}/portfolio/positions",
    f"{API}/exchange/status",
    f"{API}/account/limits",
    f"{API}/account/endpoint_costs",
    f"{API}/portfolio/orders/no-such-order",
    f"{API}/api_keys",
)


def test_the_live_key_and_its_id_go_to_no_client_and_no_log(world):
    """Catches: the live headers echoed to a client, a key in a log line, a traceback or a journal row."""
    raw = world.raw()
    answers = [raw.send("GET", target) for target in READS]
    answers += [raw.send("POST", ORDERS, body) for body in (order(), order("9999.00"), order(price="0.0555"), {})]
    answers.append(raw.send("GET", READS[2], headers={}))
    assert {answer.status for answer in answers} >= {200, 201, 400, 403, 404}
    pem = world.live_key.read_bytes()
    secret = base64.b64decode(b"".join(pem.splitlines()[1:-1]))[-32:]
    places = {
        "an answer": b"".join(answer.raw + repr(answer.headers).encode() for answer in answers),
        "the process log": (world.proxy.out + world.proxy.err).encode(),
        "the journal": journal_text(world).encode(),
        "the journal's files": b"".join(path.read_bytes() for path in world.state.glob("journal.db*")),
        "what the exchange got": b"".join("\n".join(lines).encode() + body for lines, body in received(world)),
    }
    for place, text in places.items():
        assert not windows_of(pem, text), place
        assert secret not in text, place
        assert base64.b64encode(secret)[:40] not in text, place
    assert LIVE_KEY_ID.encode() not in places["an answer"]
    assert LIVE_KEY_ID.encode() not in places["the process log"]
    rows = [row for row in world.events() if LIVE_KEY_ID in json.dumps(row.body)]
    assert {row.kind for row in rows} == {"policy", "preflight", "decision"}, (
        "in the policy's own text, and which signs"
    )
    for row in rows:
        if row.kind == "decision":
            assert (row.body.pop("key_id"), LIVE_KEY_ID in json.dumps(row.body)) == (LIVE_KEY_ID, False)


def test_the_process_that_signs_keeps_its_memory_to_itself(world):
    """Catches: core dumps left on; a key file left open for whoever gets at the descriptor."""
    process = Path("/proc") / str(world.proxy.pid)
    limits = (process / "limits").read_text()
    assert next(line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file")) == ["0", "0"]
    if os.geteuid() == 0:  # nobody else may look
        opened = {str(link.readlink()) for link in (process / "fd").iterdir()}
        assert str(world.live_key) not in opened
