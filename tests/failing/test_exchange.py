"""The exchange fails: dead, slow or lying, in every way that the practice exchange can.

TABLE has a row for every kind of fault, so a new kind fails the first test until it is thought about: what the client
of an order is told, what the journal says, whether the order took effect, and why. Nothing is ever sent twice.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e.clients import ORDERS, RECORD
from tests.e2e.harness import order
from tests.e2e.programs import eventually
from tests.failing.oracle import Teller

from pretrade.practice.faults.kinds import FaultKind

ACCEPTED = (201, "", "accepted")
UNKNOWN = (504, "OUTCOME_UNKNOWN", "unknown")
NO_ANSWER = "no whole answer came, so nobody can know"
LIE = "an answer that cannot be read is no answer"
LATE = "late, but in time"


@dataclass(frozen=True, slots=True)
class Row:
    """What is told of one order: status, our code, the journal's outcome. `slow` rows wait for the 8 s deadline."""

    ends: tuple[int, str, str]
    why: str
    options: dict[str, Any] = field(default_factory=dict)
    slow: bool = False


TABLE: dict[str, tuple[FaultKind, Row]] = {
    "close_before_read": (FaultKind.CLOSE_BEFORE_READ, Row(UNKNOWN, "the bytes left us, and may have been read")),
    "close_during_read": (FaultKind.CLOSE_DURING_READ, Row(UNKNOWN, "the bytes left us, and may have been read")),
    "close_after_read": (FaultKind.CLOSE_AFTER_READ, Row(UNKNOWN, NO_ANSWER)),
    "close_after_read, executed": (FaultKind.CLOSE_AFTER_READ, Row(UNKNOWN, NO_ANSWER, {"execute": True})),
    "reset": (FaultKind.RESET, Row(UNKNOWN, NO_ANSWER)),
    "reset, executed": (FaultKind.RESET, Row(UNKNOWN, NO_ANSWER, {"execute": True})),
    "cut_answer": (FaultKind.CUT_ANSWER, Row(UNKNOWN, NO_ANSWER)),
    "hold": (FaultKind.HOLD, Row(ACCEPTED, LATE, {"seconds": 0.5})),
    "hold for too long": (FaultKind.HOLD, Row(UNKNOWN, NO_ANSWER, {"seconds": 9.0}, slow=True)),
    "late_execution": (FaultKind.LATE_EXECUTION, Row(ACCEPTED, LATE, {"seconds": 0.5})),
    "executed after the deadline": (
        FaultKind.LATE_EXECUTION,
        Row(
            UNKNOWN,
            "it takes effect after the client was told, which `not sent` would deny",
            {"seconds": 9.0},
            slow=True,
        ),
    ),
    "slow_bytes": (FaultKind.SLOW_BYTES, Row(ACCEPTED, LATE, {"rate": 1000})),
    "a byte now and then": (FaultKind.SLOW_BYTES, Row(UNKNOWN, NO_ANSWER, {"rate": 10}, slow=True)),
    "slow_headers": (FaultKind.SLOW_HEADERS, Row(ACCEPTED, LATE, {"rate": 2000})),
    "status 408": (FaultKind.STATUS, Row(UNKNOWN, "a timeout there is no refusal", {"status": 408})),
    "status 429": (
        FaultKind.STATUS,
        Row((429, "", "rejected"), "the exchange's own refusal passes as it came", {"status": 429}),
    ),
    "status 500, executed": (FaultKind.STATUS, Row(UNKNOWN, "an error of theirs", {"status": 500, "execute": True})),
    "status 502": (FaultKind.STATUS, Row(UNKNOWN, "a gateway knows nothing", {"status": 502})),
    "status 503": (FaultKind.STATUS, Row(UNKNOWN, "even 503 may have executed", {"status": 503})),
    "redirect": (FaultKind.REDIRECT, Row(UNKNOWN, "an order is never sent on to where somebody points")),
    "redirect, executed": (FaultKind.REDIRECT, Row(UNKNOWN, "nor sent a second time", {"execute": True})),
    "empty_success": (FaultKind.EMPTY_SUCCESS, Row(UNKNOWN, LIE)),
    "no_body": (FaultKind.NO_BODY, Row(UNKNOWN, LIE)),
    "truncated_json": (FaultKind.TRUNCATED_JSON, Row(UNKNOWN, LIE)),
    "html": (FaultKind.HTML, Row(UNKNOWN, LIE)),
    "not_json": (FaultKind.NOT_JSON, Row(UNKNOWN, LIE)),
    "wrong_types": (FaultKind.WRONG_TYPES, Row(UNKNOWN, LIE)),
    "duplicate_keys": (FaultKind.DUPLICATE_KEYS, Row(UNKNOWN, "which of the two is meant?")),
    "other_order": (FaultKind.OTHER_ORDER, Row(UNKNOWN, "an answer about another order says nothing of this one")),
    "wrong_length, too short": (FaultKind.WRONG_LENGTH, Row(UNKNOWN, LIE, {"off": -10})),
    "wrong_length, too long": (FaultKind.WRONG_LENGTH, Row(UNKNOWN, NO_ANSWER, {"off": 10}, slow=True)),
    "chunked": (FaultKind.CHUNKED, Row(ACCEPTED, "another form of the same answer")),
    "gzip": (FaultKind.GZIP, Row(UNKNOWN, "it was not asked for, and a bomb looks the same")),
    "stale_reads": (
        FaultKind.STALE_READS,
        Row(ACCEPTED, "reads lag, the order's own answer does not", {"lasting": 0.1}),
    ),
    "late_fills": (FaultKind.LATE_FILLS, Row(ACCEPTED, "fills lag, the order's own answer does not", {"lasting": 0.1})),
    "clock_skew": (
        FaultKind.CLOCK_SKEW,
        Row((503, "LIVE_KEY_REFUSED", "rejected"), "the exchange takes our signature for an old one", {"lasting": 0.1}),
    ),
    "pause_trading": (
        FaultKind.PAUSE_TRADING,
        Row((409, "", "rejected"), "the exchange's own refusal passes as it came", {"lasting": 0.1}),
    ),
    "pause_exchange": (
        FaultKind.PAUSE_EXCHANGE,
        Row((409, "", "rejected"), "the exchange's own refusal passes as it came", {"lasting": 0.1}),
    ),
}
BATCHES_ONLY = {FaultKind.PARTIAL_BATCH}


@pytest.fixture(scope="module")
def teller(plain):
    return Teller(plain, plain.raw())


@pytest.fixture(autouse=True)
def no_faults_left(plain):
    yield
    plain.control("DELETE", "faults")


def test_every_kind_of_fault_has_its_row():
    """Catches: a way to fail that the practice exchange learns and nobody holds the proxy to."""
    assert {kind for kind, _ in TABLE.values()} | BATCHES_ONLY == set(FaultKind)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if row.slow else []) for name, (_, row) in TABLE.items()]
)
def test_the_client_is_told_what_is_known_and_no_order_goes_out_twice(plain, teller, name):
    """Catches: a lost or unreadable answer taken for a refusal or for success; a retry; a redirect that is followed; an
    outcome without its row; a connection used again after an answer that lied about its length."""
    kind, row = TABLE[name]
    plain.fault("status", status=500, method="GET", path=RECORD, times=None)  # so that it is not found meanwhile
    plain.fault(str(kind), **row.options)
    with plain.exchange_sees(1):
        answer = teller.place(count="2.00")
    status, code, outcome = row.ends
    assert (answer.status, answer.code) == (status, code)
    decision = plain.decision_of(teller.told[-1].name)
    assert plain.outcome(decision.decision_id)["state"] == outcome
    open_ones = plain.operate("status")["unknown"]
    assert (decision.decision_id in open_ones) is (outcome == "unknown")
    eventually("service returns by itself", lambda: teller.place(count="3.00").status == 201)
    teller.check()


def test_half_a_batch_is_told_leg_by_leg(plain, teller):
    """Catches: a batch that counts as one, so that its open half is held for refused, or its sent half is lost."""
    plain.fault(str(FaultKind.PARTIAL_BATCH), every=2)
    legs = [order(client_order_id=f"leg-{number}") for number in range(4)]
    with plain.exchange_sees(1):
        answer = teller.raw.send("POST", f"{ORDERS}/batched", {"orders": legs})
    assert (answer.status, answer.code) == (504, "OUTCOME_UNKNOWN"), (
        "a leg that the exchange was not able to take is open"
    )
    assert "leg 1: unknown: service unavailable; leg 3: unknown" in answer.body["message"]
    outcome = plain.outcome(plain.decision_of("leg-0").decision_id)
    assert [leg["state"] for leg in outcome["legs"]] == ["accepted", "unknown", "accepted", "unknown"]


def test_an_exchange_that_dies_and_comes_back(make_machine):
    """Catches: not sent taken for unknown; a proxy that must be restarted because the exchange was."""
    m = make_machine()
    teller = Teller(m, m.raw())
    assert teller.place().status == 201
    m.stop_exchange()
    dead = [teller.place(door=door) for door in ("base_url", "proxy")]
    assert {(answer.status, answer.code) for answer in dead} == {(503, "EXCHANGE_UNREACHABLE")}
    assert m.operate("status")["unknown"] == []
    m.exchange = m._start_exchange()
    m.exchange.wait_ready()
    assert teller.place().status == 201
    teller.check()
