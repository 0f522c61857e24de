"""A decision's row holds all that the decision rests on: it can be made again from the row and the policy's text."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import ROOMY, TICKER, facts, facts_for, order, policy_text
from tests.gateway.fakes import CLIENTS
from tests.kalshi.writes import WRITES, new_orders

from pretrade.gateway.config import LoadedPolicy, loads
from pretrade.gateway.machine.clock import Clock, Stopwatch
from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.way.normalise import write_out
from pretrade.gateway.way.records import Judged, WriteRequest, decision_body, outcome_body, read_facts
from pretrade.journal.events import canonical
from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts, Measure, NamedOrder
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.seen import MarketSeen, Source, TradeSeen
from pretrade.model.units import Count, Price
from pretrade.risk.checks.engine import decide

PATH = "/trade-api/v2/portfolio/events/orders"
RAW = RawRequest(Door.PROXY, "POST", f"{PATH}?x=1", "HTTP/1.1", (), b"{}")
LOOSE = (('max_count: "100"', 'max_count: "1000000"'), ('max_risk: "$200"', 'max_risk: "$10000000"'))
OPEN = (('match: "*"\n    allow: false', 'match: "*"\n    allow: true'),)
POLICIES = tuple(
    loads(text, source="policy.yaml")
    for text in (policy_text(), policy_text(strict=True), policy_text(*LOOSE), policy_text(*LOOSE, *OPEN, *ROOMY))
)

ROOMY_POLICY = loads(policy_text(*ROOMY), source="policy.yaml")
ALLOWED = new_orders().map(lambda one: CreateOrder(order("1", ticker=TICKER, side=one.side, subaccount=one.subaccount)))
FACTS = st.builds(
    facts,
    now_ms=st.integers(0, 2**53),
    role=st.sampled_from([Role.W, Role.W, Role.ABH, Role.R]),
    mode=st.sampled_from(Mode),
    trading_state=st.sampled_from([TradingState.ACTIVE, *TradingState]),
    client_state=st.sampled_from([TradingState.ACTIVE, *TradingState]),
    subaccount=st.integers(0, 2),
)
USED = st.dictionaries(st.sampled_from(Measure), st.sampled_from([0, 1, 24, 25, 10_000, 400_000_000]))


def row(write: Write, judged_on: Facts, loaded: LoadedPolicy) -> dict[str, Any]:
    """The decision's row, as it comes back from the journal."""
    found = find("POST", PATH)
    assert found is not None
    decision = decide(write, judged_on, loaded.policy)
    judged = Judged(decision, judged_on, ("subaccount",), loaded.sha256, 10_000)
    watch = Stopwatch(Clock())
    watch.laps["decide"] = 3
    request = WriteRequest("d-1", CLIENTS["bot-key"], RAW, found.endpoint, write, watch, signature="ab" * 32)
    body: dict[str, Any] = json.loads(canonical(decision_body(judged, request)))
    return body


def worse(seen: MarketSeen, how: str) -> MarketSeen:
    """The same market, as it may look in its worse moments."""
    book = seen.book
    assert book is not None
    match how:
        case "no book":
            return replace(seen, book=None)
        case "old":
            return replace(seen, age_ms=90_000, book=replace(book, age_ms=2_001))
        case "one side":
            return replace(seen, book=replace(book, no=(), source=Source.REST))
        case "last trade":
            return replace(seen, book=None, last_trade=TradeSeen(Price(5_000), 1_500))
        case "unknown":
            return replace(seen, is_trading=None, close_ms=None, volume_24h=None, open_interest=Count(7))
        case "paused":
            return replace(seen, status=MarketStatus.INACTIVE, is_trading=False)
        case _:
            return seen


MOMENTS = st.sampled_from(["good", "no book", "old", "one side", "last trade", "unknown", "paused"])


@given(WRITES | ALLOWED, FACTS, USED, st.sampled_from(POLICIES), st.booleans(), MOMENTS)
def test_a_decision_can_be_made_again_from_its_row(
    write: Write, base: Facts, used: dict[Measure, int], loaded: LoadedPolicy, owns: bool, moment: str
) -> None:
    """Decisions are reproducible. Catches a fact that decided and is not in the row, a figure that reads back as
    another one, and a check that looks at anything but request, facts and policy."""
    stated, _ = write_out(write, subaccount=base.subaccount, decision_id="d-1")
    named = {"now_ms": base.now_ms, "role": base.role, "mode": base.mode, "trading_state": base.trading_state}
    named |= {"client_state": base.client_state}
    now = facts_for(stated, used=used, subaccount=base.subaccount, **named)
    now = replace(now, markets=tuple(worse(seen, moment) for seen in now.markets))
    if not owns:
        now = replace(now, orders=tuple(NamedOrder(order.order_id, None) for order in now.orders))
    body = row(stated, now, loaded)
    again, again_on = restore(body["request"]), read_facts(body["facts"])
    assert (again, again_on) == (stated, now)
    decision = decide(again, again_on, loaded.policy)
    assert ("approved" if isinstance(decision, Approved) else "denied") == body["verdict"]
    assert [str(check.code) for check in decision.checks if check.code is not None] == body["codes"]
    assert [(c.rule, c.observed, c.limit, c.leg) for c in decision.checks] == [
        (rule, observed, limit, leg) for rule, observed, limit, _, leg, _, _ in body["checks"]
    ]


@pytest.mark.parametrize(
    ("write", "on", "verdict", "codes"),
    [
        (CreateOrder(order()), {}, "approved", []),
        (CreateOrder(order(price="0.99")), {}, "denied", ["PRICE_OUTSIDE_BAND"]),
        (CancelAll(0), {"role": Role.R}, "denied", ["ROLE_READ_ONLY"]),
        (
            CreateBatch((order(), order("101", "0.5"))),
            {"used": {Measure.DAY_ORDERS: 24}},
            "denied",
            ["ORDER_COUNT_EXCEEDS_MAXIMUM", "DAY_ORDERS_EXCEED_MAXIMUM"],
        ),
    ],
)
def test_a_row_says_the_verdict_and_every_reason(
    write: Write, on: dict[str, Any], verdict: str, codes: list[str]
) -> None:
    """Catches a denial recorded as an approval: the fold would count it and hold it open."""
    body = row(write, facts_for(write, **on), ROOMY_POLICY)
    assert (body["verdict"], body["codes"]) == (verdict, codes)
    assert [code for _, _, _, code, *_ in body["checks"] if code] == codes


def test_a_row_says_who_what_and_where() -> None:
    """Catches a row without the policy it was judged by, and a query or body of the client's in the path."""
    write = CreateOrder(order())
    body = row(write, facts_for(write, subaccount=3), POLICIES[0])
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
    write = CreateBatch((order(client_order_id="c" * 36),) * 20)
    body = row(write, facts_for(write), POLICIES[0])
    assert len(canonical(body)) < 32_768
    assert len(canonical(body["facts"])) < 4_096


def test_an_outcome_row_keeps_the_exchanges_own_figures() -> None:
    """Catches a figure that becomes a number on its way, and a leg without its code."""
    legs = (
        LegOutcome(OutcomeState.ACCEPTED, "x-1", "c-1", "1.50", "0.00", "0.5500"),
        LegOutcome(OutcomeState.REJECTED, client_order_id="c-2", code="invalid_price"),
    )
    body = json.loads(canonical(outcome_body(Outcome(OutcomeState.ACCEPTED, 201, legs, "leg 1"), 7, {"total": 9})))
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
    write = CreateOrder(order(subaccount=0))
    assert row(write, facts_for(write), POLICIES[2])["verdict"] == "approved"
