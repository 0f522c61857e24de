"""Every kind of fault over real TLS: the bytes that a client sees, and what the exchange did meanwhile."""

import asyncio
import gzip
import json
import time

import aiohttp
import pytest
from tests.practice.rawclient import API, ORDERS, Client, order_body, signed_headers
from tests.practice.rawtls import ask, probe_bytes, request_bytes, talk
from tests.practice.support import BTC

from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault

K = FaultKind
STREAM = "/trade-api/ws/v2"


def placed(practice):
    """How many orders there really are."""
    return sum(len(orders) for orders in practice.exchange.accounts["main"].resting.values())


def json_of(body):
    def no_constant(text):
        raise ValueError(text)

    return json.loads(body, parse_constant=no_constant)


def proper(heard):
    """The answer is a whole and good one."""
    body = json_of(heard.body)
    return heard.status == 201 and body["remaining_count"] == "10.00" and heard.probed


def pairs_of(body):
    seen = []
    json.loads(body, object_pairs_hook=lambda pairs: seen.append(pairs) or dict(pairs))
    return seen[-1]


def twice_each(heard):
    names = [name for name, _ in pairs_of(heard.body)]
    first, second = dict(reversed(pairs_of(heard.body))), dict(pairs_of(heard.body))
    return len(names) == 2 * len(set(names)) and all(first[n] != second[n] for n in first) and heard.probed


def unchunked(heard):
    body, rest = b"", heard.body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return body if rest == b"\r\n" else None
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def is_error(status, body):
    return lambda heard: heard.status == status and json_of(heard.body) == body and heard.probed


def length_says(heard, more):
    return int(heard.headers["content-length"]) == len(heard.body) + more and heard.probed


NO_ANSWER = lambda heard: heard.raw == b"" and heard.end == "closed"  # noqa: E731
CASES = {
    "close_before_read": (Fault(K.CLOSE_BEFORE_READ), 0, NO_ANSWER),
    "close_during_read": (Fault(K.CLOSE_DURING_READ), 0, NO_ANSWER),
    "close_after_read": (Fault(K.CLOSE_AFTER_READ), 0, NO_ANSWER),
    "close_after_read, executed": (Fault(K.CLOSE_AFTER_READ, execute=True), 1, NO_ANSWER),
    "reset": (Fault(K.RESET), 0, lambda heard: heard.raw == b"" and heard.end == "reset"),
    "reset, executed": (Fault(K.RESET, execute=True), 1, lambda heard: heard.raw == b"" and heard.end == "reset"),
    "cut_answer": (
        Fault(K.CUT_ANSWER),
        1,
        lambda heard: (
            heard.status == 201 and 0 < len(heard.body) < int(heard.headers["content-length"]) and not heard.probed
        ),
    ),
    "hold": (Fault(K.HOLD, seconds=0.2), 1, proper),
    "late_execution": (Fault(K.LATE_EXECUTION, seconds=0.2), 1, proper),
    "slow_bytes": (Fault(K.SLOW_BYTES, rate=1_000), 1, proper),
    "slow_headers": (Fault(K.SLOW_HEADERS, rate=1_000), 1, proper),
    "408": (
        Fault(K.STATUS, status=408),
        0,
        is_error(408, {"error": {"code": "request_timeout", "message": "request timeout"}}),
    ),
    "429": (Fault(K.STATUS, status=429), 0, is_error(429, {"error": "too many requests"})),
    "500, executed": (
        Fault(K.STATUS, status=500, execute=True),
        1,
        is_error(500, {"error": {"code": "internal_server_error", "message": "internal server error"}}),
    ),
    "503": (
        Fault(K.STATUS, status=503),
        0,
        is_error(503, {"error": {"code": "service_unavailable", "message": "service unavailable"}}),
    ),
    "redirect": (
        Fault(K.REDIRECT),
        0,
        lambda heard: heard.status == 307 and heard.headers["location"] == ORDERS and heard.probed,
    ),
    "redirect elsewhere, executed": (
        Fault(K.REDIRECT, execute=True, location="https://127.0.0.1:1/"),
        1,
        lambda heard: heard.status == 307 and heard.headers["location"] == "https://127.0.0.1:1/",
    ),
    "empty_success": (Fault(K.EMPTY_SUCCESS), 0, is_error(201, {})),
    "empty_success, executed": (Fault(K.EMPTY_SUCCESS, execute=True), 1, is_error(201, {})),
    "no_body": (Fault(K.NO_BODY), 1, lambda heard: heard.status == 201 and heard.body == b"" and length_says(heard, 0)),
    "truncated_json": (
        Fault(K.TRUNCATED_JSON),
        1,
        lambda heard: heard.body.startswith(b'{"') and b"}" not in heard.body and length_says(heard, 0),
    ),
    "html": (Fault(K.HTML), 1, lambda heard: heard.headers["content-type"] == "text/html" and b"<html>" in heard.body),
    "not_json": (
        Fault(K.NOT_JSON),
        1,
        lambda heard: heard.headers["content-type"] == "application/json" and heard.body.startswith(b"ok, {"),
    ),
    "wrong_types": (
        Fault(K.WRONG_TYPES),
        1,
        lambda heard: json_of(heard.body)["remaining_count"] == 10 and isinstance(json_of(heard.body)["ts_ms"], str),
    ),
    "duplicate_keys": (Fault(K.DUPLICATE_KEYS), 1, twice_each),
    "other_order": (Fault(K.OTHER_ORDER), 1, proper),
    "wrong_length, too long": (Fault(K.WRONG_LENGTH, off=7), 1, lambda heard: length_says(heard, 7)),
    "wrong_length, too short": (Fault(K.WRONG_LENGTH, off=-7), 1, lambda heard: length_says(heard, -7)),
    "chunked": (
        Fault(K.CHUNKED),
        1,
        lambda heard: json_of(unchunked(heard))["remaining_count"] == "10.00" and "content-length" not in heard.headers,
    ),
    "gzip": (
        Fault(K.GZIP),
        1,
        lambda heard: json_of(gzip.decompress(heard.body))["remaining_count"] == "10.00" and length_says(heard, 0),
    ),
    "stale_reads": (Fault(K.STALE_READS), 1, proper),
    "late_fills": (Fault(K.LATE_FILLS), 1, proper),
    "clock_skew": (Fault(K.CLOCK_SKEW, skew=5.0), 1, proper),
    "pause_trading": (
        Fault(K.PAUSE_TRADING),
        0,
        is_error(409, {"error": {"code": "trading_is_paused", "message": "trading is paused"}}),
    ),
    "pause_exchange": (
        Fault(K.PAUSE_EXCHANGE),
        0,
        lambda heard: heard.status == 409 and json_of(heard.body)["error"]["code"] == "exchange_is_paused",
    ),
}
"""Name: the fault, how many orders there are afterwards, and what the client must have seen."""


@pytest.mark.parametrize("name", CASES)
async def test_a_fault_as_the_client_sees_it_and_as_it_was(practice, name):
    """Catches a fault that says one thing and does another: an order executed that should not be, or the reverse."""
    fault, orders, seen_by_client = CASES[name]
    practice.faults.add(fault)
    heard = await ask(practice, "POST", ORDERS, order_body())
    assert seen_by_client(heard), heard
    assert placed(practice) == orders
    noted = practice.log.requests[-1]
    assert noted.fault == str(fault.kind)
    assert noted.executed == fault.executes()
    assert practice.faults.waiting() == ()


def test_every_kind_of_fault_is_in_the_table():
    assert {fault.kind for fault, _, _ in CASES.values()} | {K.PARTIAL_BATCH} == set(FaultKind)


async def test_a_late_execution_happens_after_the_hold_even_if_the_client_has_gone(practice):
    """Catches a hold that executes first: then nobody would be tested against an order that appears later."""
    practice.faults.add(Fault(K.LATE_EXECUTION, seconds=0.5))
    pending = asyncio.create_task(ask(practice, "POST", ORDERS, order_body()))
    async with asyncio.timeout(10):
        while not (practice.log.requests and practice.log.requests[-1].body):
            await asyncio.sleep(0.005)
    assert placed(practice) == 0
    pending.cancel()
    async with asyncio.timeout(10):
        while not placed(practice):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("kind", "of"), [(K.SLOW_BYTES, "body"), (K.SLOW_HEADERS, "whole")])
async def test_slow_answers_come_at_their_rate(practice, kind, of):
    """Catches an answer that is slow in name only, and a slow body whose head was slow too."""
    practice.faults.add(Fault(kind, rate=400))
    began = time.monotonic()
    heard = await ask(practice, "POST", ORDERS, order_body())
    took = time.monotonic() - began
    slow = len(heard.body) if of == "body" else len(heard.first)
    assert slow / 400 - 0.15 <= took < slow / 400 + 3


async def test_a_connection_goes_on_after_an_answer_of_another_length(practice):
    """Catches a connection closed after a wrong length: the bytes that are left over would never meet a next answer."""
    practice.faults.add(Fault(K.WRONG_LENGTH, off=-5))
    first, second = request_bytes("POST", ORDERS, order_body()), request_bytes("GET", API + "/portfolio/balance")
    heard = await talk(practice, first, second, probe_bytes())
    length = int(heard.headers["content-length"])
    body = heard.raw.partition(b"\r\n\r\n")[2]
    assert body[length:].startswith(body[length : length + 5] + b"HTTP/1.1 200 OK")
    assert heard.raw.count(b"HTTP/1.1 200 OK") == 2


async def test_an_answer_about_another_order(practice):
    """Catches ids taken from another account, a swap where the wrong order is executed, and an invented id of none."""
    async with Client(practice) as client:
        _, older = await client.create(client_order_id="older", price="0.1000")
        _, mine = await client.create(client_order_id="mine", price="0.1100")
        practice.faults.add(Fault(K.OTHER_ORDER, method="DELETE"))
        status, body = await client.call("DELETE", f"{ORDERS}/{mine['order_id']}")
        assert (status, body["order_id"], body["client_order_id"]) == (200, older["order_id"], "older")
        resting = practice.exchange.accounts["main"].resting.values()
        assert [o.order_id for orders in resting for o in orders.values()] == [older["order_id"]]
        practice.faults.add(Fault(K.OTHER_ORDER, method="GET"))
        _, got = await client.call("GET", f"{API}/portfolio/orders/{older['order_id']}")
        assert (got["order"]["order_id"], got["order"]["status"]) == (mine["order_id"], "resting")
        practice.faults.add(Fault(K.OTHER_ORDER, path="*/amend"))
        change = {"ticker": BTC, "side": "bid", "price": "0.1200", "count": "10.00"}
        status, body = await client.call("POST", f"{ORDERS}/{older['order_id']}/amend", change)
        assert (status, body["order_id"], body["client_order_id"]) == (200, mine["order_id"], "mine")
        assert practice.exchange.orders[older["order_id"]].price == 1_200


async def test_an_answer_about_another_order_where_there_is_no_other(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(K.OTHER_ORDER))
        _, body = await client.create()
        assert body["order_id"] not in practice.exchange.orders


@pytest.mark.parametrize(("every", "refused"), [(1, {0, 1, 2, 3}), (2, {1, 3}), (3, {2}), (9, set())])
async def test_a_batch_is_refused_in_part(practice, every, refused):
    """Catches entries answered in another order than they were sent, and refused ones that were executed."""
    async with Client(practice) as client:
        practice.faults.add(Fault(K.PARTIAL_BATCH, every=every))
        batch = {"orders": [order_body(client_order_id=f"c{n}", price=f"0.1{n}00") for n in range(4)]}
        status, body = await client.call("POST", ORDERS + "/batched", batch)
        assert status == 201
        assert [n for n, entry in enumerate(body["orders"]) if "error" in entry] == sorted(refused)
        assert [entry["client_order_id"] for entry in body["orders"]] == ["c0", "c1", "c2", "c3"]
        codes = {entry["error"]["code"] for entry in body["orders"] if "error" in entry}
        assert codes <= {"service_unavailable"}
        executed = {order.client_order_id for order in practice.exchange.accounts["main"].orders.values()}
        assert executed == {f"c{n}" for n in range(4) if n not in refused}


async def test_a_batch_of_cancels_is_refused_in_part(practice):
    async with Client(practice) as client:
        batch = {"orders": [order_body(price=f"0.1{n}00") for n in range(4)]}
        _, body = await client.call("POST", ORDERS + "/batched", batch)
        ids = [entry["order_id"] for entry in body["orders"]]
        practice.faults.add(Fault(K.PARTIAL_BATCH, method="DELETE"))
        cancel = {"orders": [{"order_id": order_id} for order_id in ids]}
        status, body = await client.call("DELETE", ORDERS + "/batched", cancel)
        assert (status, [entry["order_id"] for entry in body["orders"]]) == (200, ids)
        assert [entry["reduced_by"] for entry in body["orders"]] == ["10.00", "0.00", "10.00", "0.00"]
        assert [practice.exchange.orders[i].status for i in ids] == ["canceled", "resting", "canceled", "resting"]


async def test_a_batch_that_is_refused_as_a_whole_stays_so(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(K.PARTIAL_BATCH))
        status, body = await client.call("POST", ORDERS + "/batched", {"orders": [{}, {}, {}]})
        assert (status, body["code"]) == (400, "bad_request")


async def test_a_condition_begins_with_its_request_and_ends_by_itself(practice):
    """Catches a condition that never ends, and one that begins before its request has come."""
    async with Client(practice) as client:
        practice.faults.add(Fault(K.PAUSE_TRADING, after=1, lasting=0.4))
        assert (await client.create())[0] == 201
        assert (await client.create())[1]["error"]["code"] == "trading_is_paused"
        async with asyncio.timeout(10):
            while (await client.create())[0] != 201:
                await asyncio.sleep(0.05)


async def test_reads_are_stale_after_the_order_that_made_them_so(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(K.STALE_READS, method="POST", seconds=60.0, lasting=600.0))
        _, placed_order = await client.create()
        assert (await client.call("GET", API + "/portfolio/orders"))[1]["orders"] == []
        assert (await client.call("GET", f"{API}/portfolio/orders/{placed_order['order_id']}"))[0] == 404
        assert placed(practice) == 1


async def test_fills_are_late_though_the_order_shows_them(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(K.LATE_FILLS, method="POST", seconds=60.0, lasting=600.0))
        _, taken = await client.create(price="0.5600", time_in_force="immediate_or_cancel", count="1")
        _, order = await client.call("GET", f"{API}/portfolio/orders/{taken['order_id']}")
        assert order["order"]["fill_count_fp"] == "1.00"
        assert (await client.call("GET", API + "/portfolio/fills"))[1]["fills"] == []
        assert (await client.call("GET", API + "/portfolio/positions"))[1]["market_positions"] == []


@pytest.mark.parametrize(
    ("fault", "upgrades"),
    [
        (Fault(K.HOLD, seconds=0.3), True),
        (Fault(K.PAUSE_TRADING), True),
        (Fault(K.CLOSE_BEFORE_READ, times=None), False),
        (Fault(K.STATUS, status=503), False),
    ],
)
async def test_the_handshake_of_the_stream_meets_faults_too(practice, fault, upgrades):
    """Catches a delayed handshake that never becomes a stream, and a fault that the stream walks around."""
    practice.faults.add(fault)
    async with Client(practice) as client:
        began = time.monotonic()
        connecting = client.session.ws_connect(practice.origin + STREAM, headers=signed_headers("GET", STREAM))
        if upgrades:
            async with connecting as stream:
                await stream.send_json({"id": 1, "cmd": "list_subscriptions"})
                assert (await stream.receive_json(timeout=10))["id"] == 1
            assert time.monotonic() - began >= (fault.seconds if fault.kind is K.HOLD else 0)
        else:
            with pytest.raises((aiohttp.WSServerHandshakeError, aiohttp.ClientConnectionError)):
                await connecting
    assert practice.log.reads[-1].fault == str(fault.kind)
