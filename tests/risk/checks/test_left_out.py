"""A limit that the policy leaves out on purpose is in nobody's way, and nothing fails where it is missing."""

from dataclasses import replace

import pytest
from tests.builders import amend, facts_for, order, policy_text
from tests.waived import waive

from pretrade.gateway.config import loads
from pretrade.model.decisions import Approved
from pretrade.model.orders import CancelOrder, CreateBatch, CreateOrder
from pretrade.model.units import parse_count, parse_price
from pretrade.policy.waivers import LIMITS
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.limit_use import limits_used
from pretrade.risk.ledger.ledger import Ledger

STRICT = policy_text(strict=True)
OVER = {
    # limit: an order that it alone is in the way of
    "limits.order.max_count": {"count": parse_count("101.00"), "price": parse_price("0.0300")},
    "price.band": {"price": parse_price("0.9900"), "count": parse_count("1.00")},
}


def without(*limits):
    """The default policy without these limits."""
    return loads(waive(STRICT, limits) if limits else STRICT, source="policy.yaml").policy


WRITES = {
    "an order": CreateOrder(order()),
    "a batch": CreateBatch((order(), order("3.00"))),
    "an amend": amend(),
    "a cancel": CancelOrder("order-1"),
}


@pytest.mark.parametrize("limit", [*LIMITS, ""])
def test_every_write_can_be_judged_without_any_one_limit(limit):
    """Catches a check that fails where its limit is left out (an order that is a fault of ours, not a decision), and
    one that then denies everything."""
    policy = without(*([limit] if limit else []))
    for name, write in WRITES.items():
        done = decide(write, facts_for(write), policy)
        denied = [report.code for report in done.checks if not report.passed]
        assert denied == [] and isinstance(done, Approved), (name, denied)


def test_every_write_can_be_judged_without_any_limit():
    policy = without(*LIMITS)
    for write in WRITES.values():
        assert isinstance(decide(write, facts_for(write), policy), Approved)
    assert limits_used(Ledger().account(policy.instance.mode), policy, "2026-11-21") == ()


@pytest.mark.parametrize("limit", OVER)
def test_what_a_limit_was_in_the_way_of_passes_without_it(limit):
    """Catches a waiver that is read and changes nothing, and the report that still names a figure."""
    write = CreateOrder(replace(order(), **OVER[limit]))
    facts = facts_for(write)
    room = "limits.market.max_position"
    told = {report.rule: report for report in decide(write, facts, without(room)).checks if report.code}
    assert told and all(rule.startswith(limit) for rule in told), told
    done = decide(write, facts, without(limit, room))
    assert isinstance(done, Approved)
    (report,) = (report for report in done.checks if report.rule.startswith(limit))
    assert report.limit == "no limit"
