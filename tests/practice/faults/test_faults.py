import asyncio
import random
import re
import time
from collections import deque

import pytest
from tests.practice.rawclient import API, ORDERS, Client, order_body

from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault, FaultPlan
from pretrade.practice.requestlog import RequestLog
from pretrade.practice.words import read

RESTING = API + "/portfolio/orders?status=resting"


async def _placed(client):
    """How many orders there really are."""
    return len((await client.call("GET", RESTING))[1]["orders"])


async def _until_it_rests(practice):
    async with asyncio.timeout(10):
        while not practice.exchange.accounts["main"].resting:
            await asyncio.sleep(0.005)


async def test_the_connection_closes_before_a_body_that_never_comes(practice):
    """Catches a 'before reading' that waits for the body first."""
    practice.faults.add(Fault(FaultKind.CLOSE_BEFORE_READ))
    async with Client(practice) as client:
        tls = client.session.connector._ssl
        reader, writer = await asyncio.open_connection(practice.host, practice.port, ssl=tls)
        writer.write(f"POST {ORDERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_a_held_answer_is_executed_first_and_comes_late(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(FaultKind.HOLD, method="POST", seconds=0.4))
        began = time.monotonic()
        pending = asyncio.create_task(client.create())
        await _until_it_rests(practice)
        assert not pending.done()
        assert (await pending)[0] == 201
        assert time.monotonic() - began >= 0.4


async def test_stopping_lets_held_answers_go_at_once(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(FaultKind.HOLD, method="POST", seconds=60))
        pending = asyncio.create_task(client.create())
        await _until_it_rests(practice)
        began = time.monotonic()
        await practice.stop()
        assert (await pending)[0] == 201
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("fault", "requests", "hits"),
    [
        (Fault(FaultKind.STATUS), [("POST", "/a"), ("POST", "/a")], [True, False]),
        (Fault(FaultKind.STATUS, times=2), [("POST", "/a")] * 3, [True, True, False]),
        (Fault(FaultKind.STATUS, times=None), [("POST", "/a")] * 3, [True, True, True]),
        (Fault(FaultKind.STATUS, method="POST"), [("DELETE", "/a"), ("POST", "/a")], [False, True]),
        (Fault(FaultKind.STATUS, path="/a/b"), [("POST", "/a"), ("POST", "/a/b/c")], [False, True]),
    ],
)
def test_a_fault_takes_its_requests_only(fault, requests, hits):
    plan = FaultPlan()
    plan.add(fault)
    assert [plan.take(*request) is not None for request in requests] == hits
    plan.clear()
    assert plan.take("POST", "/a/b") is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "hodl"}, "kind cannot be 'hodl'; did you mean hold?"),
        ({}, "kind is missing"),
        ({"kind": "hold", "secnds": 1}, "unknown field secnds; did you mean seconds?"),
        ({"kind": "hold", "seconds": 601.0}, "seconds should be less than or equal to 600, was 601.0"),
        ({"kind": "hold", "seconds": -1}, "seconds should be greater than or equal to 0, was -1"),
        ({"kind": "hold", "status": 500}, "status means nothing to hold, which takes seconds"),
        ({"kind": "gzip", "rate": 5}, "rate means nothing to gzip, which takes no option of its own"),
        ({"kind": "hold", "execute": False}, "execute cannot be chosen for hold: the request is always executed"),
        ({"kind": "close_before_read", "execute": True}, "the request is never executed"),
        ({"kind": "status", "times": 0}, "times should be greater than or equal to 1, was 0"),
        ({"kind": "status", "times": True}, "times should be a valid integer, was True"),
        ({"kind": "status", "status": 200}, "status should be greater than or equal to 400, was 200"),
        ({"kind": "status", "path": "orders"}, "path should match pattern"),
        ({"kind": "status", "probability": 0}, "probability should be greater than 0, was 0"),
        ({"kind": "status", "after": -1}, "after should be greater than or equal to 0, was -1"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_words(wrong, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read(Fault, **wrong)


def test_every_problem_is_told_at_once():
    with pytest.raises(ValueError, match=r"kind is missing; times should be .*; unknown field tims; did you"):
        read(Fault, times=0, tims=1)


def test_some_requests_are_spared_first_and_then_some_are_hit():
    """Catches `after` counted for requests that do not fit, and a probability that ignores the seed."""
    plan = FaultPlan()
    plan.add(Fault(FaultKind.STATUS, method="POST", after=2))
    assert [plan.take(method, "/") is not None for method in ("GET", "POST", "GET", "POST", "POST", "POST")] == [
        False, False, False, False, True, False,
    ]  # fmt: skip
    hits = []
    for seed in (1, 1, 2):
        plan = FaultPlan(random.Random(seed))
        plan.add(Fault(FaultKind.STATUS, times=None, probability=0.25))
        hits.append([plan.take("GET", "/") is not None for _ in range(200)])
    assert hits[0] == hits[1] != hits[2]
    assert 30 <= sum(hits[0]) <= 70


def test_a_certain_fault_beside_an_uncertain_one_changes_nothing_of_it():
    """Catches randomness drawn where none is needed: adding one fault would shift what another one does."""

    def hits(*more):
        plan = FaultPlan(random.Random(3))
        for fault in (*more, Fault(FaultKind.STATUS, path="/a", times=None, probability=0.5)):
            plan.add(fault)
        return [plan.take("GET", path) is not None for path in ("/b", "/a") * 50][1::2]

    assert hits(Fault(FaultKind.HOLD, path="/b", times=None)) == hits()


@pytest.mark.parametrize(
    ("where", "request_of", "fits"),
    [
        ({"path": "/a*/c"}, ("POST", "/abc/c", "k"), True),
        ({"path": "/a*/c"}, ("POST", "/abc/c/d", "k"), False),
        ({"path": "/a?c"}, ("POST", "/abc", "k"), True),
        ({"path": "/a"}, ("POST", "/abc", "k"), True),
        ({"path": "*batched"}, ("POST", "/x/batched", "k"), True),
        ({"key": "bot-*"}, ("POST", "/", "bot-1"), True),
        ({"key": "bot-*"}, ("POST", "/", "other"), False),
        ({"key": "bot-*"}, ("POST", "/", ""), False),
        ({"method": "delete"}, ("DELETE", "/", "k"), True),
    ],
)
def test_a_fault_is_for_the_requests_that_are_meant(where, request_of, fits):
    assert Fault(FaultKind.STATUS, **where).fits(*request_of) is fits


def test_a_partial_batch_is_for_batches_only():
    fault = Fault(FaultKind.PARTIAL_BATCH)
    assert fault.fits("POST", ORDERS + "/batched", "")
    assert not fault.fits("POST", ORDERS, "")


async def test_the_log_holds_every_request_and_no_secret(practice):
    async with Client(practice) as client:
        await client.call("GET", API + "/portfolio/balance")
        assert practice.log.count() == 0, "reads are not counted"
        assert [read.path for read in practice.log.reads] == [API + "/portfolio/balance"]
        await client.call("POST", ORDERS + "?a=1", order_body(), headers={"Authorization": "Bearer x"})
        await client.call("DELETE", ORDERS + "/none", key=None)
        _, body = await client.control("GET", "requests")
        assert body["count"] == 2
        first, second = body["requests"]
        assert (first["method"], first["path"], first["query"], first["status"]) == ("POST", ORDERS, "a=1", 201)
        assert '"ticker"' in first["body"]
        headers = {name.lower(): value for name, value in first["headers"]}
        assert headers["kalshi-access-key"] == "full"
        assert headers["kalshi-access-signature"].startswith("sha256:")
        assert "authorization" not in headers
        assert (second["method"], second["status"]) == ("DELETE", 401)
        assert len((await client.control("GET", "requests?reads=true"))[1]["requests"]) == 1
        assert (await client.control("DELETE", "requests"))[1]["count"] == 0
        assert (len(practice.log.requests), len(practice.log.reads)) == (0, 0)


def test_the_log_forgets_the_oldest_and_still_counts_them():
    """Catches a log that grows for ever, and a count that shrinks with it."""
    log = RequestLog(requests=deque(maxlen=3))
    for number in range(5):
        log.note("POST", f"/{number}", "", [], number)
    assert ([request.path for request in log.requests], log.count()) == (["/2", "/3", "/4"], 5)
