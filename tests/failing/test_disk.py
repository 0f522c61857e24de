"""The disk under the journal fails: full, dying, read-only, locked, deleted, replaced.

TABLE has one row a fault: what a client is told about an order and about a cancel meanwhile, and how service returns.
For every row: nothing reaches the exchange, reads go on, and afterwards client, journal and exchange agree.
"""

import errno
import json
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pysqlite3 as sqlite
import pytest
from tests.e2e.clients import API
from tests.e2e.programs import eventually
from tests.failing.machine import Machine, filled, limited
from tests.failing.oracle import Teller

from pretrade.gateway.machine.disk import FLOOR_BYTES
from pretrade.journal import reader

BALANCE = f"{API}/portfolio/balance"
RECORDED = 200
NOT_RECORDED = 503
IF_IT_FITS = 0


@contextmanager
def _locked(m: Machine) -> Iterator[None]:
    with closing(sqlite.connect(m.journal, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


@contextmanager
def _moved(m: Machine, name: str) -> Iterator[None]:
    file, elsewhere = m.state / name, m.state / f"{name}.elsewhere"
    file.rename(elsewhere)
    yield
    elsewhere.rename(file)


@contextmanager
def _older_copy(m: Machine) -> Iterator[None]:
    copied = m.state / "older.db"
    reader.copy(m.journal, copied)
    copied.chmod(0o600)
    newest = m.state / "newest.db"
    m.journal.rename(newest)
    copied.rename(m.journal)
    yield
    newest.rename(m.journal)


@dataclass(frozen=True, slots=True)
class Row:
    fault: Callable[[Machine], object]
    says: str
    cancel: int
    why: str


TABLE = {
    "little room": Row(
        lambda m: filled(m.state, but_for=FLOOR_BYTES // 2),
        "16 MiB left; orders need 32 MiB",
        RECORDED,
        "what is left is for the ends of earlier orders and for exits",
    ),
    "no room": Row(lambda m: filled(m.state), "0 MiB left", IF_IT_FITS, "the log may still have room in its own file"),
    "files may not grow": Row(
        lambda m: limited(m.proxy.pid, resource.RLIMIT_FSIZE, 4096),
        "disk I/O error",
        NOT_RECORDED,
        "a quota is a full disk for one user",
    ),
    "write errors": Row(
        lambda m: m.shim.failing(write_errno=errno.EIO), "disk I/O error", NOT_RECORDED, "a dying disk (EIO)"
    ),
    "read-only": Row(
        lambda m: m.shim.failing(write_errno=errno.EROFS),
        "disk I/O error",
        NOT_RECORDED,
        "a kernel that met an error makes a file system read-only under open files (EROFS)",
    ),
    "sync errors": Row(
        lambda m: m.shim.failing(sync_errno=errno.EIO),
        "disk I/O error",
        NOT_RECORDED,
        "what was written is not known to be on the disk",
    ),
    "locked": Row(_locked, "database is locked", NOT_RECORDED, "a backup tool that holds the write lock"),
    "moved away": Row(
        lambda m: _moved(m, "journal.db"), "No such file", NOT_RECORDED, "rows would go into a file without a name"
    ),
    "older copy": Row(
        _older_copy, "another file was put in its place", NOT_RECORDED, "an older state forgets orders that were sent"
    ),
}


@pytest.fixture(scope="module")
def teller(shimmed):
    return Teller(shimmed, shimmed.raw())


@pytest.mark.parametrize("name", TABLE)
def test_what_cannot_be_recorded_is_not_sent_and_service_returns_by_itself(shimmed, teller, name):
    """Catches: an order sent without its row; a fault told as unknown or, worse, as accepted; an exit trapped while
    its row can be written; a proxy that stays broken when the fault is over; a row lost with the fault."""
    row = TABLE[name]
    resting = teller.place()
    assert resting.status == 201
    with row.fault(shimmed):
        with shimmed.exchange_sees(0):
            answers = [teller.place(door=door) for door in ("base_url", "proxy")]
        before = len(shimmed.exchange_requests())
        canceled = teller.cancel(resting.body["order_id"])
        assert len(shimmed.exchange_requests()) - before == (canceled.status == RECORDED)
        assert {(answer.status, answer.code) for answer in answers} == {(503, "JOURNAL_UNAVAILABLE")}
        assert row.says in answers[0].body["message"]
        assert canceled.status in ({RECORDED, NOT_RECORDED} if row.cancel == IF_IT_FITS else {row.cancel})
        assert teller.raw.send("GET", BALANCE).status == 200, "reads go on"
        state = shimmed.operate("status")
        assert (state["journal"], state["disk"]) != ("ok", "ok"), "the operator sees it"
        assert state["unknown"] == []
    _served_again(teller)
    teller.check()


def _served_again(teller: Teller) -> None:
    """Until an order passes: a round of the reconciliation whose row failed comes again after a second."""
    eventually("orders are taken again", lambda: teller.place().status == 201)


def _told(m: Machine, event: str) -> int:
    return m.proxy.err.count(f'"event": "{event}"')


def test_the_operator_is_told_once_when_it_begins_and_once_when_it_is_over(shimmed, teller):
    """Catches: a broken journal that shows only in the clients' answers; a log that a fault floods. What else of ours
    cannot be recorded meanwhile, as a round of the reconciliation, is told by itself and once."""
    _served_again(teller)
    eventually("earlier troubles are over", lambda: _told(shimmed, "trouble") == _told(shimmed, "trouble_over"))
    before = len(shimmed.proxy.err)
    with shimmed.shim.failing(write_errno=errno.EIO):
        for _ in range(3):
            teller.place()
        eventually("it is told", lambda: '"what": "journal"' in shimmed.proxy.err[before:])
    _served_again(teller)
    eventually("the end is told", lambda: "trouble_over" in shimmed.proxy.err[before:])
    lines = [json.loads(line) for line in shimmed.proxy.err[before:].splitlines() if "disk I/O error" in line]
    told = [(line["event"], line.get("what")) for line in lines]
    assert told.count(("trouble", "journal")) == 1
    assert set(told) <= {("trouble", "journal"), ("reconciliation_failed", None)}
    assert len(set(told)) == len(told)


def test_an_outcome_that_cannot_be_recorded_is_recorded_later(shimmed, teller):
    """Catches: an order that was sent and taken, and whose end is lost because the disk failed in between."""
    shimmed.control("POST", "faults", {"kind": "hold", "method": "POST", "seconds": 1})
    refused = shimmed.shim.refused

    def fails_meanwhile() -> None:
        eventually("the order is at the exchange", lambda: len(shimmed.exchange_requests()) > before)
        shimmed.shim.set("write_errno", errno.EIO)

    before = len(shimmed.exchange_requests())
    with ThreadPoolExecutor() as pool:
        placing = pool.submit(teller.place)
        fails_meanwhile()
        answer = placing.result()
    assert answer.status == 201, "it was recorded and sent: its client is told the truth"
    eventually("the outcome met the fault", lambda: shimmed.shim.refused > refused)
    shimmed.shim.set("write_errno", 0)
    teller.check()


@pytest.mark.long
def test_a_disk_that_hangs_sends_nothing(shimmed, teller):
    """Catches: an order sent when its row comes at last, though its client was told that nothing was sent."""
    teller.place()
    with shimmed.shim.failing(sync_hangs=1), shimmed.exchange_sees(0):
        answer = teller.place()
        assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
    with shimmed.exchange_sees(1):
        assert teller.place().status == 201
    teller.check()


def _is_kept(m):
    """A full disk may still have room within the log's own file."""
    return (m.state / "HALT").exists() or [row.body["state"] for row in m.events("trading_state")][-1:] == ["HALTED"]


def test_a_log_that_cannot_be_written_stops_nothing(shimmed, teller):
    """Catches: a halt, or a refusal, that ends half-way because its log line met a full disk: in memory, but in no row
    and in no file, so that the next start would trade again."""
    with filled(shimmed.state):
        with (shimmed.state / "proxy.err").open("ab") as log:
            log.write(b"\n" * (-log.tell() % 4096))  # to the end of its page: a full disk has no other for it
        logged = len(shimmed.proxy.err)
        shimmed.proxy.signal(signal.SIGUSR1)
        eventually("it is halted", lambda: shimmed.operate("status")["trading_state"] == "HALTED")
        eventually("it is recorded, or left as a file", lambda: _is_kept(shimmed))
        assert len(shimmed.proxy.err) == logged, "the log had no room"
        assert teller.place().status in {403, 503}
    shimmed.restart()
    assert shimmed.operate("status")["trading_state"] == "HALTED"
    assert teller.place().code == "TRADING_HALTED"
    shimmed.operate("resume", by="Ada", reason="there is room again")
    assert teller.place().status == 201
    teller.check()


def test_a_restart_afterwards_works(shimmed, teller):
    """Whatever the disk did, the journal is whole, and every order in it is accounted for."""
    counted = shimmed.operate("status")["day_orders"]
    shimmed.restart()
    state = shimmed.operate("status")
    assert state["unknown"] == []
    assert state["day_orders"] <= counted
    assert teller.place().status == 201
    teller.check()
