"""The proxy is stopped, politely and not, with an order at each stage of its way."""

import http.client
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import pysqlite3 as sqlite
import pytest
from tests.e2e.clients import ORDERS, Answer
from tests.e2e.harness import order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually
from tests.failing.conftest import GENEROUS
from tests.failing.machine import Machine, machine
from tests.failing.oracle import Teller, ends_of, seen_orders

TERM, KILL = signal.SIGTERM, signal.SIGKILL


@contextmanager
def _row_waits(m: Machine) -> Iterator[None]:
    """The order is judged, and another process keeps its row from the disk."""
    with closing(sqlite.connect(m.journal, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


@contextmanager
def _exchange_works(m: Machine) -> Iterator[None]:
    m.fault("hold", seconds=2.0)
    yield


@dataclass(frozen=True, slots=True)
class Row:
    stage: Callable[[Machine], object]
    signals: tuple[int, ...]
    told: int
    sent: int
    journal: tuple[list[str], ...]
    again: tuple[int, ...]
    why: str
    is_same: bool = False
    """Whether the order that comes again is the one that was sent, and gets its end."""


TABLE = {
    "SIGTERM, at the exchange": Row(
        _exchange_works, (TERM,), 201, 1, (["approved", "accepted"],), (201,), "what is under way is answered first"
    ),
    "SIGTERM twice, at the exchange": Row(
        _exchange_works, (TERM, TERM), 201, 1, (["approved", "accepted"],), (201,), "impatience changes nothing"
    ),
    "SIGTERM, before its row": Row(
        _row_waits, (TERM,), 201, 1, (["approved", "accepted"],), (201,), "what was judged is carried out"
    ),
    "SIGKILL, at the exchange": Row(
        _exchange_works,
        (KILL,),
        0,
        1,
        (["approved"], ["approved", "accepted"]),
        (201, 504),
        "the same order is not sent again: its end is told once the exchange's record shows it",
        is_same=True,
    ),
    "SIGKILL, before its row": Row(
        _row_waits, (KILL,), 0, 0, ([],), (201,), "not recorded is not sent, and free to come"
    ),
}


@pytest.fixture(scope="module")
def machine_to_stop(tmp_path_factory):
    with machine(tmp_path_factory.mktemp("stopped"), *GENEROUS) as running:
        yield running
        check_world(running)


@pytest.mark.parametrize("name", TABLE)
def test_a_stop_loses_no_order_and_doubles_none(machine_to_stop: Machine, name: str) -> None:
    """Catches: a SIGTERM that drops an order under way; one that is sent though its row never came; after a SIGKILL, an
    order forgotten, or sent anew because its client comes again (without an id, newly signed)."""
    row, m = TABLE[name], machine_to_stop
    mine = order(count=f"{20 + list(TABLE).index(name)}.00")
    before = len(m.exchange_requests())
    with ThreadPoolExecutor() as pool:
        with row.stage(m):  # type: ignore[attr-defined]
            placing = pool.submit(_place, m, mine)
            eventually("it is under way", lambda: m.operate("status")["in_flight"] == 1)
            if row.stage is _exchange_works:
                eventually("it is at the exchange", lambda: len(m.exchange_requests()) > before)
            for number in row.signals:
                m.proxy.signal(number)
            if KILL in row.signals:
                m.proxy.wait()
        answer = placing.result()
    assert (answer.status if answer else 0) == row.told, row.why
    assert m.proxy.wait() == (0 if KILL not in row.signals else -KILL)
    sent = m.exchange_requests()[before:]
    assert len(sent) == row.sent, row.why
    m.start_proxy()
    again = m.raw().send("POST", ORDERS, mine)
    assert again.status in row.again, row.why
    is_new = again.status == 201 and not row.is_same
    assert len(m.exchange_requests()[before:]) == row.sent + is_new
    decisions = [r for r in m.events("decision") if r.body["request"]["orders"][0]["count"] == mine["count"]]
    assert len(decisions) == max(1, row.sent + is_new)
    names = [one.body["request"]["orders"][0]["client_order_id"] for one in decisions]
    first = ends_of(m, names[0]) if len(decisions) > is_new else []
    assert first in row.journal, row.why


def _place(m: Machine, body: dict[str, object]) -> Answer | None:
    with suppress(OSError, http.client.HTTPException):
        return m.raw().send("POST", ORDERS, body)
    return None


def test_what_was_answered_before_a_kill_was_sent_once(machine_to_stop):
    """Catches: an answer that went out before its order's row. (The end of the order may still have been on its way to
    the disk: then it is unknown, never forgotten.)"""
    m = machine_to_stop
    teller = Teller(m, m.raw())
    assert teller.place().status == 201
    m.proxy.kill()
    m.start_proxy()
    name = teller.told[-1].name
    eventually("its end is found out", lambda: ends_of(m, name) == ["approved", "accepted"])
    assert seen_orders(m)[name] == 1
    (decision,) = [row for row in m.events("decision") if name in str(row.body["request"])]
    assert decision.decision_id not in m.operate("status")["unknown"]


@pytest.mark.long
def test_a_stop_waits_no_longer_than_the_exchange_may_take(machine_to_stop):
    """Catches: a SIGTERM that waits for a silent exchange without end, or that tells its client nothing."""
    m = machine_to_stop
    teller = Teller(m, m.raw())
    m.fault("hold", seconds=12)
    with ThreadPoolExecutor() as pool:
        placing = pool.submit(teller.place)
        eventually("it is under way", lambda: m.operate("status")["in_flight"] == 1)
        m.proxy.signal(TERM)
        assert placing.result().code == "OUTCOME_UNKNOWN"
    assert m.proxy.wait(5) == 0
    m.start_proxy()
    name = teller.told[-1].name
    assert m.operate("status")["unknown"] or ends_of(m, name)[2:] == ["accepted"], "not known, or found by the start"
    teller.check()
