"""No file handle is left: for a new client, for a new connection to the exchange, for a journal to be opened anew."""

import errno
import json
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import order
from tests.e2e.programs import eventually
from tests.failing.machine import Machine, limited
from tests.failing.oracle import Teller

TOO_LARGE = "ORDER_COUNT_EXCEEDS_MAXIMUM"


@contextmanager
def no_handle_left(pid):
    """The process may open nothing more: its limit is the lowest number that is free."""
    used = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    with limited(pid, resource.RLIMIT_NOFILE, min(set(range(len(used) + 1)) - used)):
        yield


@pytest.fixture
def teller(shimmed):
    """A teller whose machine serves; what goes wrong in a test ends with it."""
    teller = Teller(shimmed, shimmed.raw())
    eventually("service returned", lambda: teller.place().status == 201)
    yield teller
    for faults in ("faults", "stream_faults"):
        shimmed.control("DELETE", faults)


def _ask(raw, connection, method, target, body=None):
    raw.start(connection, method, target, body)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_new_clients_wait_and_those_that_are_there_go_on(shimmed, teller):
    """Catches: a proxy that ends, spins or stays deaf once no connection can be taken; an operator who is not told."""
    kept = teller.raw.connection()
    assert _ask(teller.raw, kept, "POST", ORDERS, order(count="31.00"))[0] == 201
    told = shimmed.proxy.err.count("out of system resource")
    with ThreadPoolExecutor() as pool:
        with no_handle_left(shimmed.proxy.pid), shimmed.exchange_sees(1):
            assert _ask(teller.raw, kept, "POST", ORDERS, order(count="32.00"))[0] == 201
            waiting = pool.submit(teller.place)
            eventually("it is told", lambda: shimmed.proxy.err.count("out of system resource") > told)
            assert _ask(teller.raw, kept, "POST", ORDERS, order(count="101.00"))[1]["code"] == TOO_LARGE
            assert not waiting.done()
        assert waiting.result().status == 201, "service returns by itself"
    kept.close()
    teller.check()


def test_no_handle_for_the_exchange_is_not_sent(shimmed, teller):
    """Catches: a connection that could not be made taken for unknown, or tried again and again."""
    kept = teller.raw.connection()
    shimmed.control("POST", "faults", {"kind": "close_before_read", "method": "GET", "times": 1000})
    shimmed.control("POST", "stream_faults", {"kind": "abort"})
    assert _ask(teller.raw, kept, "POST", ORDERS, order(count="33.00"))[0] == 201
    shimmed.operate("reconcile")
    with no_handle_left(shimmed.proxy.pid), shimmed.exchange_sees(0):
        eventually("its connections have ended", lambda: not _to_exchange(shimmed), timeout=30)
        status, body = _ask(teller.raw, kept, "POST", ORDERS, order(count="34.00"))
        assert (status, body["code"]) == (503, "EXCHANGE_UNREACHABLE")
        assert "Too many open files" in body["message"]
    shimmed.control("DELETE", "faults")
    eventually("service returns", lambda: _ask(teller.raw, kept, "POST", ORDERS, order(count="34.00"))[0] == 201)
    kept.close()


def _to_exchange(m: Machine) -> list[object]:
    """The proxy's connections to the exchange: its reading of the record may use those that orders would. Its stream
    ends by the order that it is told of, and a read by being asked."""
    connections = psutil.Process(m.proxy.pid).net_connections("tcp")
    theirs = [one for one in connections if one.raddr and one.raddr.port == m.exchange_port]
    return [one for one in theirs if one.status == psutil.CONN_ESTABLISHED]


def test_no_handle_to_open_the_journal_anew(shimmed, teller):
    """Catches: a journal given up for good, or replaced by an empty one, because it could not be opened once."""
    kept = teller.raw.connection()
    assert _ask(teller.raw, kept, "POST", ORDERS, order(count="35.00"))[0] == 201
    with no_handle_left(shimmed.proxy.pid), shimmed.exchange_sees(0):
        with shimmed.shim.failing(write_errno=errno.EIO):
            assert _ask(teller.raw, kept, "POST", ORDERS, order(count="36.00"))[0] == 503
        with limited(shimmed.proxy.pid, resource.RLIMIT_NOFILE, 3):
            status, body = _ask(teller.raw, kept, "POST", ORDERS, order(count="37.00"))
        assert (status, body["code"]) == (503, "JOURNAL_UNAVAILABLE")
    assert _ask(teller.raw, kept, "POST", ORDERS, order(count="38.00"))[0] == 201
    kept.close()
