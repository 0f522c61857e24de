"""A decision's row holds all that the decision rests on: it can be made again from the row and the policy's text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import TICKER, facts, order, policy_text
from tests.gateway.fakes import CLIENTS
from tests.kalshi.writes import WRITES, new_orders

from pretrade.gateway.clock import Clock, Stopwatch
from pretrade.gateway.config import LoadedPolicy, loads
from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.normalise import write_out
from pretrade.gateway.records import Judged, WriteRequest, decision_body, outcome_body
from pretrade.journal.events import canonical
from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.risk.checks import named_orders
from pretrade.risk.engine import decide

PATH = "/trade-api/v2/portfolio/events/orders"
RAW = RawRequest(Door.PROXY, "POST", f"{PATH}?x=1", "HTTP/1.1", (), b"{}")
LOOSE = (('max_count: "100"', 'max_count: "1000000"'), ('max_risk: "$200"', 'max_risk: "$10000000"'))
OPEN = (('match: "*"\n    allow: false', 'match: "*"\n    allow: true'),)
POLICIES = tuple(
    loads(text, source="policy.yaml") for text in (policy_text(), policy_text(*LOOSE), policy_text(*LOOSE, *OPEN))
)

ALLOWED = new_orders().map(lambda one: CreateOrder(order("1", ticker=TICKER, side=one.side, subaccount=one.subaccount)))
FACTS = st.builds(
    facts,
    now_ms=st.integers(0, 2**53),
    role=st.sampled_from([Role.W, Role.W, Role.ABH, Role.R]),
    mode=st.sampled_from(Mode),
    trading_state=st.sampled_from([TradingState.ACTIVE, *TradingState]),
    subaccount=st.integers(0, 2),
    day_orders=st.sampled_from([0, 0, 22, 23, 24, 25, 10_000]),
)


def row(write: Write, judged_on: Facts, loaded: LoadedPolicy) -> dict[str, Any]:
    """The decision's row, as it comes back from the journal."""
    found = find("POST", PATH)
    assert found is not None
    decision = decide(write, judged_on, loaded.policy)
    judged = Judged(decision, judged_on, ("subaccount",), loaded.sha256)
    watch = Stopwatch(Clock())
    watch.laps["decide"] = 3
    request = WriteRequest("d-1", CLIENTS["bot-key"], RAW, found.endpoint, write, watch, signature="ab" * 32)
    body: dict[str, Any] = json.loads(canonical(decision_body(judged, request)))
    return body


def facts_of(body: dict[str, Any]) -> Facts:
    """The facts of a row: each field in its own type again."""
    kept = body["facts"]
    return Facts(
        now_ms=kept["now_ms"],
        role=Role(kept["role"]),
        mode=Mode(kept["mode"]),
        trading_state=TradingState(kept["trading_state"]),
        client=kept["client"],
        subaccount=kept["subaccount"],
        day=kept["day"],
        day_orders=kept["day_orders"],
        own_orders=tuple(kept["own_orders"]),
    )


@given(WRITES | ALLOWED, FACTS, st.sampled_from(POLICIES), st.booleans())
def test_a_decision_can_be_made_again_from_its_row(write: Write, now: Facts, loaded: LoadedPolicy, owns: bool) -> None:
    """Decisions are reproducible. Catches a fact that decided and is not in the row, a figure that reads back as
    another one, and a check that looks at anything but request, facts and policy."""
    stated, _ = write_out(write, subaccount=now.subaccount, decision_id="d-1")
    own = tuple(name for _, name in named_orders(stated)) if owns else ()
    now = facts(**{name: getattr(now, name) for name in Facts.__slots__} | {"own_orders": own})
    body = row(stated, now, loaded)
    again, again_on = restore(body["request"]), facts_of(body)
    assert (again, again_on) == (stated, now)
    decision = decide(again, again_on, loaded.policy)
    assert ("approved" if isinstance(decision, Approved) else "denied") == body["verdict"]
    assert [str(check.code) for check in decision.checks if check.code is not None] == body["codes"]
    assert [(c.rule, c.observed, c.limit, c.leg) for c in decision.checks] == [
        (kept["rule"], kept["observed"], kept["limit"], kept["leg"]) for kept in body["checks"]
    ]


@pytest.mark.parametrize(
    ("write", "judged_on", "verdict", "codes"),
    [
        (CreateOrder(order()), facts(), "approved", []),
        (CreateOrder(order(price="0.99")), facts(), "denied", ["PRICE_OUTSIDE_BAND"]),
        (CancelAll(0), facts(role=Role.R), "denied", ["ROLE_READ_ONLY"]),
        (
            CreateBatch((order(), order("101", "0.5"))),
            facts(day_orders=24),
            "denied",
            ["ORDER_COUNT_EXCEEDS_MAXIMUM", "DAY_ORDERS_EXCEED_MAXIMUM"],
        ),
    ],
)
def test_a_row_says_the_verdict_and_every_reason(
    write: Write, judged_on: Facts, verdict: str, codes: list[str]
) -> None:
    """Catches a denial recorded as an approval: the fold would count it and hold it open."""
    body = row(write, judged_on, POLICIES[0])
    assert (body["verdict"], body["codes"]) == (verdict, codes)
    assert [check["code"] for check in body["checks"] if check["code"]] == codes


def test_a_row_says_who_what_and_where() -> None:
    """Catches a row without the policy it was judged by, and a query or body of the client's in the path."""
    body = row(CreateOrder(order()), facts(subaccount=3), POLICIES[0])
    assert {name: body[name] for name in ("client", "subaccount", "door", "method", "path", "operation", "mode")} == {
        "client": "momentum-bot",
        "subaccount": 3,
        "door": "proxy",
        "method": "POST",
        "path": PATH,
        "operation": "CreateOrderV2",
        "mode": "live",
    }
    assert body["policy"] == POLICIES[0].sha256
    assert (body["rewrites"], body["latency_us"]) == (["subaccount"], {"decide": 3})


def test_a_row_is_small() -> None:
    """A decision's row is bounded whatever the request: the largest batch that a body can hold."""
    body = row(CreateBatch((order(client_order_id="c" * 36),) * 20), facts(client="bot"), POLICIES[0])
    assert len(canonical(body)) < 32_768
    assert len(canonical(body["facts"])) < 4_096


def test_an_outcome_row_keeps_the_exchanges_own_figures() -> None:
    """Catches a figure that becomes a number on its way, and a leg without its code."""
    legs = (
        LegOutcome(OutcomeState.ACCEPTED, "x-1", "c-1", "1.50", "0.00", "0.5500"),
        LegOutcome(OutcomeState.REJECTED, client_order_id="c-2", code="invalid_price"),
    )
    body = json.loads(canonical(outcome_body(Outcome(OutcomeState.ACCEPTED, 201, legs, "leg 1"), {"total": 9})))
    assert (body["state"], body["status"], body["detail"], body["latency_us"]) == (
        "accepted",
        201,
        "leg 1",
        {"total": 9},
    )
    nothing = dict.fromkeys(("order_id", "client_order_id", "fill_count", "remaining_count"))
    nothing |= dict.fromkeys(("average_fill_price", "reduced_by", "code"))
    assert body["legs"] == [
        nothing
        | {"state": "accepted", "order_id": "x-1", "client_order_id": "c-1", "fill_count": "1.50"}
        | {"remaining_count": "0.00", "average_fill_price": "0.5500"},
        nothing | {"state": "rejected", "client_order_id": "c-2", "code": "invalid_price"},
    ]


def test_the_property_reaches_both_verdicts() -> None:
    """The policies above approve and deny; a property that saw denials alone would prove little."""
    assert row(CreateOrder(order(subaccount=0)), facts(), POLICIES[2])["verdict"] == "approved"
