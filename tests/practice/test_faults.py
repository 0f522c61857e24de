import asyncio
import time

import aiohttp
import pytest
from tests.practice.rawclient import API, ORDERS, Client, order_body

from pretrade.practice.faults import Fault, FaultKind, FaultPlan

RESTING = API + "/portfolio/orders?status=resting"


async def _placed(client):
    """How many orders there really are."""
    return len((await client.call("GET", RESTING))[1]["orders"])


async def _until_it_rests(practice):
    async with asyncio.timeout(10):
        while not practice.exchange.accounts["main"].resting:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("kind", "execute", "orders"),
    [
        (FaultKind.CLOSE_BEFORE_READ, False, 0),
        (FaultKind.CLOSE_BEFORE_READ, True, 0),
        (FaultKind.CLOSE_AFTER_READ, False, 0),
        (FaultKind.CLOSE_AFTER_READ, True, 1),
    ],
)
async def test_a_closed_connection_hides_whether_the_order_was_executed(practice, kind, execute, orders):
    async with Client(practice) as client:
        practice.faults.add(Fault(kind, method="POST", execute=execute))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.create()
        seen = practice.log.requests[-1]
        assert (seen.fault, seen.status, seen.executed) == (kind, None, orders == 1)
        assert (seen.body is None) == (kind is FaultKind.CLOSE_BEFORE_READ)
        assert await _placed(client) == orders
        assert (await client.create())[0] == 201, "the fault was for one request"


async def test_the_connection_closes_before_a_body_that_never_comes(practice):
    """Catches a 'before reading' that waits for the body first."""
    practice.faults.add(Fault(FaultKind.CLOSE_BEFORE_READ))
    async with Client(practice) as client:
        tls = client.session.connector._ssl
        reader, writer = await asyncio.open_connection(practice.host, practice.port, ssl=tls)
        writer.write(f"POST {ORDERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
@pytest.mark.parametrize("execute", [False, True])
async def test_an_error_status_is_answered_and_the_order_executed_or_not(practice, status, execute):
    async with Client(practice) as client:
        practice.faults.add(Fault(FaultKind.STATUS, status=status, execute=execute))
        got, body = await client.create()
        assert (got, set(body)) == (status, {"error"})
        assert (body == {"error": "too many requests"}) == (status == 429)
        assert await _placed(client) == int(execute)


@pytest.mark.parametrize("execute", [False, True])
async def test_a_success_without_an_order(practice, execute):
    async with Client(practice) as client:
        practice.faults.add(Fault(FaultKind.EMPTY_SUCCESS, execute=execute))
        assert await client.create() == (201, {})
        assert await _placed(client) == int(execute)


async def test_a_held_answer_is_executed_first_and_comes_late(practice):
    async with Client(practice) as client:
        practice.faults.add(Fault(FaultKind.HOLD, method="POST", seconds=0.4))
        began = time.monotonic()
        pending = asyncio.create_task(client.create())
        await _until_it_rests(practice)
        assert time.monotonic() - began < 0.4
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
        (Fault(FaultKind.STATUS, path_prefix="/a/b"), [("POST", "/a"), ("POST", "/a/b/c")], [False, True]),
    ],
)
def test_a_fault_takes_its_requests_only(fault, requests, hits):
    plan = FaultPlan()
    plan.add(fault)
    assert [plan.take(*request) is not None for request in requests] == hits
    plan.clear()
    assert plan.take("POST", "/a/b") is None


@pytest.mark.parametrize("wrong", [{"times": 0}, {"status": 200}, {"seconds": -1}, {"seconds": 601}])
def test_a_fault_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Fault(FaultKind.STATUS, **wrong)


async def test_the_log_holds_every_write_and_no_secret(practice):
    async with Client(practice) as client:
        await client.call("GET", API + "/portfolio/balance")
        assert practice.log.count() == 0, "reads are not counted"
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
        assert (await client.control("DELETE", "requests"))[1] == {"count": 0}


async def test_faults_over_the_control_endpoint(practice):
    async with Client(practice) as client:
        fault = {"kind": "status", "method": "POST", "status": 503, "times": 1, "execute": True}
        status, body = await client.control("POST", "faults", fault)
        assert (status, body["faults"][0]["kind"]) == (200, "status")
        assert (await client.create())[0] == 503
        assert (await client.control("GET", "faults"))[1] == {"faults": []}
        for wrong in ({"kind": "fire"}, {"kind": "status", "odd": 1}, {"kind": "hold", "seconds": 9_999}, {}):
            assert (await client.control("POST", "faults", wrong))[0] == 400
        await client.control("POST", "faults", fault | {"times": None})
        assert (await client.control("DELETE", "faults"))[1] == {"faults": []}
        assert (await client.create())[0] == 201


async def test_control_needs_its_token(practice):
    async with Client(practice) as client:
        for token in ("", "wrong"):
            assert (await client.control("GET", "requests", token=token))[0] == 403
        assert (await client.control("GET", "nothing"))[0] == 404
        assert (await client.control("POST", "requests"))[0] == 404


async def test_a_person_fills_a_resting_order(practice):
    async with Client(practice) as client:
        _, placed = await client.create(count="10")
        status, body = await client.control("POST", "fill", {"order_id": placed["order_id"], "count": "4"})
        assert (status, body["fill"]["count_fp"], body["fill"]["yes_price_dollars"]) == (200, "4.00", "0.1000")
        await client.control("POST", "fill", {"order_id": placed["order_id"]})
        _, got = await client.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")
        assert (got["order"]["status"], got["order"]["fill_count_fp"]) == ("executed", "10.00")
        assert (await client.control("POST", "fill", {"order_id": placed["order_id"]}))[0] == 404


async def test_a_person_pauses_trading(practice):
    async with Client(practice) as client:
        _, placed = await client.create()
        await client.control("POST", "pause", {"trading_active": False})
        assert (await client.call("GET", API + "/exchange/status", key=None))[1]["trading_active"] is False
        assert (await client.create())[1]["error"]["code"] == "trading_is_paused"
        assert (await client.call("DELETE", f"{ORDERS}/{placed['order_id']}"))[0] == 200
        await client.control("POST", "pause", {"trading_active": True})
        assert (await client.create())[0] == 201
