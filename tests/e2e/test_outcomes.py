"""What a client is told and what the log says when the exchange, the client or the proxy goes away in the middle."""

import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tests.e2e.clients import API, ORDERS, RECORD
from tests.e2e.harness import order
from tests.e2e.programs import eventually

from pretrade.journal import reader

BALANCE = f"{API}/portfolio/balance"
FILLS = f"{API}/portfolio/fills"
"""What the proxy itself does not read."""


@pytest.fixture(autouse=True)
def no_faults_left(request):
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").control("DELETE", "faults")


SILENCES = {
    "closed after reading, executed": {"kind": "close_after_read", "execute": True},
    "closed after reading, not executed": {"kind": "close_after_read"},
    "closed before reading": {"kind": "close_before_read"},
    "500": {"kind": "status", "status": 500},
    "503 though executed": {"kind": "status", "status": 503, "execute": True},
    "408": {"kind": "status", "status": 408},
    "201 without an order": {"kind": "empty_success", "execute": True},
}


@pytest.mark.parametrize("case", SILENCES)
def test_what_nobody_knows_is_unknown_and_is_never_sent_again(world, case):
    """Catches: a lost answer taken for a failure; a re-post (new signature, no id) that becomes a second order.

    The price makes the order of each case one of its own: an unknown one holds its like until somebody finds out.
    """
    mine = order(price=f"0.0{list(SILENCES).index(case) + 2}00", count="3.00")
    raw = world.raw()
    world.fault("status", status=500, method="GET", path=RECORD, times=None)  # so that it is not found meanwhile
    world.fault(**SILENCES[case])
    with world.exchange_sees(1):
        first = raw.send("POST", ORDERS, mine)
        again = raw.send("POST", ORDERS, mine, door="proxy")
    assert (first.status, first.code) == (504, "OUTCOME_UNKNOWN")
    assert (again.status, again.raw) == (504, first.raw)
    assert "look at your orders" in first.body["hint"]
    outcome = world.outcome(first.body["decision_id"])
    assert outcome["state"] == "unknown"
    assert first.body["decision_id"] in world.operate("status")["unknown"]
    with world.exchange_sees(1):
        own_id = raw.send("POST", ORDERS, mine | {"client_order_id": f"meant-anew-{list(SILENCES).index(case)}"})
    assert own_id.status == 201, "an order with an id of its own is another order"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_both_sdks_say_what_is_unknown(world, bots, kind):
    """A user reads the code and the advice; the SDK itself sends nothing again."""
    world.fault("close_after_read", execute=True)
    with world.exchange_sees(1):
        seen = bots[kind].call(
            "create_order_v2", **order(price="0.1100", count={"sync": "1.00", "async": "2.00"}[kind])
        )
    assert (seen.kind, seen.status, seen.code) == ("ServiceException", 504, "OUTCOME_UNKNOWN")
    assert "Do not send it again as a new order" in seen.text


def test_a_cancel_may_be_sent_again(world):
    """An exit is not held back by one whose end is unknown."""
    raw = world.raw()
    name = raw.send("POST", ORDERS, order()).body["order_id"]
    world.fault("close_before_read", method="DELETE")
    with world.exchange_sees(2):
        assert raw.send("DELETE", f"{ORDERS}/{name}").code == "OUTCOME_UNKNOWN"
        assert raw.send("DELETE", f"{ORDERS}/{name}").body["reduced_by"] == "1.00"


HELD_S = 18


def test_a_silent_exchange_is_given_8_seconds(make_world):
    """Catches: an answer that waits for ever; a deadline that says not sent. Reads get their own words. The proxy reads
    the fills as well, so that every read of them is held."""
    world = make_world()
    world.fault("hold", seconds=HELD_S)
    world.fault("hold", seconds=HELD_S, method="GET", path=FILLS, times=1000)
    with ThreadPoolExecutor() as pool:
        started = time.monotonic()
        write = pool.submit(_timed, lambda: world.raw().send("POST", ORDERS, order()), started)
        read = pool.submit(_timed, lambda: world.raw().send("GET", FILLS, door="proxy"), started)
        (answer, took), (silent, read_took) = write.result(), read.result()
    assert (answer.status, answer.code) == (504, "OUTCOME_UNKNOWN")
    assert (silent.status, silent.code) == (504, "EXCHANGE_SILENT")
    assert 7.5 < took < HELD_S
    assert 7.5 < read_took < HELD_S
    outcome = world.outcome(answer.body["decision_id"])
    assert outcome["state"] == "unknown"
    assert outcome["latency_us"]["send"] > 7_500_000


def _timed(call, started):
    answer = call()
    return answer, time.monotonic() - started


def test_nothing_is_sent_to_an_exchange_that_is_not_there(make_world):
    """Catches: not sent taken for unknown, which would hold the order's like for nothing."""
    world = make_world()
    bot = world.sync_bot()
    assert bot.call("create_order_v2", **order()).ok, "so that a kept connection is there to be broken"
    world.stop_exchange()
    seen = bot.call("create_order_v2", **order())
    assert (seen.kind, seen.status, seen.code) == ("ServiceException", 503, "EXCHANGE_UNREACHABLE")
    assert "no byte" in seen.text or "Nothing happened at the exchange" in seen.text
    assert world.outcome(seen.decision_id)["state"] == "not_sent"
    assert world.operate("status")["unknown"] == []
    assert bot.call("get_balance").code == "EXCHANGE_UNREACHABLE"
    again = bot.call("create_order_v2", **order())
    assert again.decision_id != seen.decision_id, "what was not sent is free to be tried again"


@pytest.mark.parametrize("ended", [False, True], ids=["under way", "ended"])
def test_an_order_goes_on_though_its_client_hangs_up(world, ended):
    """Catches: a hang-up that cancels the send and loses its outcome; a re-post that is sent as a second order, while
    the first is under way or after it ended and nobody was there to be told."""
    mine = order(price="0.0700", count="8.00" if ended else "7.00")
    raw = world.raw()
    world.fault("hold", seconds=1)
    with world.exchange_sees(1):
        _send_and_hang_up(world, raw, mine)
        if ended:
            eventually("the order has ended", lambda: world.operate("status")["in_flight"] == 0)
        again = raw.send("POST", ORDERS, mine)
    assert again.status == 201
    row = world.decision_of(again.body["client_order_id"])
    assert world.outcome(row.decision_id)["state"] == "accepted"
    assert len(world.about(row.decision_id, "outcome")) == 1
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, mine).status == 201, "once its answer was read, the next one is another order"


def _send_and_hang_up(world, raw, body):
    connection = raw.connection()
    before = len(world.exchange_requests())
    raw.start(connection, "POST", ORDERS, body)
    eventually("the order is at the exchange", lambda: len(world.exchange_requests()) > before)
    connection.close()


def test_two_bots_with_the_same_order_at_once_place_one(world):
    """Catches: an identical order without an id, sent while the first is unanswered, that is sent as well."""
    mine = order(price="0.0800", count="9.00")
    world.fault("hold", seconds=1)
    with world.exchange_sees(1), ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda door: world.raw().send("POST", ORDERS, mine, door=door), ["proxy", "base_url"]))
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body["order_id"] == answers[1].body["order_id"]


def test_a_stop_answers_what_is_in_flight_and_takes_nothing_new(make_world):
    """Catches: SIGTERM that drops an order under way, or that lets a new one in."""
    world = make_world()
    raw = world.raw()
    world.fault("hold", seconds=2)
    kept = raw.connection()
    raw.start(kept, "GET", BALANCE)
    assert kept.getresponse().read()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(raw.send, "POST", ORDERS, order(), door="proxy")
        eventually("the order is in flight", lambda: world.operate("status")["in_flight"] == 1)
        world.proxy.signal(signal.SIGTERM)
        for port in (world.proxy_port, world.base_url_port):
            eventually("the door is shut", lambda port=port: not _accepts(port))
        raw.start(kept, "POST", ORDERS, order("2.00"))
        late = kept.getresponse()
        assert late.status == 503
        assert b"SHUTTING_DOWN" in late.read()
        answer = first.result()
    kept.close()
    assert answer.status == 201
    assert world.proxy.wait() == 0
    assert [request["status"] for request in world.exchange_requests()] == [201]
    row = world.decision_of(answer.body["client_order_id"])
    assert world.about(row.decision_id, "outcome")[0]["state"] == "accepted"
    assert world.events()[-1].kind == "stop"


def _accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_killed_proxy_finds_on_its_next_start_what_it_does_not_know(make_world):
    """Catches: an order that was in flight at SIGKILL and is forgotten, so that its re-post becomes a second one; one
    that was found before anybody asked again, whose answer nobody gets."""
    world = make_world()
    raw, mine = world.raw(), order("4.00")
    world.fault("hold", seconds=3)
    with world.exchange_sees(1) as seen:
        connection = raw.connection()
        raw.start(connection, "POST", ORDERS, mine)
        eventually("the order is at the exchange", world.exchange_requests)
        world.proxy.kill()
        connection.close()
        world.start_proxy()
        world.restart()
        eventually("it is found", lambda: world.operate("status")["unknown"] == [])
        world.restart()
        again = raw.send("POST", ORDERS, mine)
    (decision,) = world.events("decision")
    assert (again.status, again.body["client_order_id"]) == (201, f"pt-{decision.decision_id}")
    assert f"pt-{decision.decision_id}" in seen[0]["body"]
    copied = world.root / "copy.db"
    reader.copy(world.journal, copied)
    assert _outcomes(copied) == [(decision.decision_id, "accepted")]
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, mine).status == 201, "once its answer was read, the next one is another order"


def _outcomes(copied):
    with closing(sqlite3.connect(copied)) as connection:
        return connection.execute("select decision_id, outcome from decisions").fetchall()
