"""What one order may be on its own, and what of it an order that can only close skips."""

import pytest
from tests.builders import ROOMY, amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.orders import AmendOrder, CreateBatch, CreateOrder, Side, Write
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.order_checks import check_orders

POLICY = policy(*ROOMY)
ENTRY = """  - match: "KXBTC-*"
    allow: true
    limits:
      order: {max_count: "5", max_risk: "$3"}
    price: {band: {min: "$0.10", max: "$0.60"}}
"""
NARROW = policy(
    *ROOMY,
    ('  - match: "KXBTC-*"\n    allow: true\n', ENTRY),
)
ELSEWHERE = "KXFED-26DEC-T4.25"
BAD = order("1000", "0.99", ticker=ELSEWHERE)
"""Past every limit on one order: the market, the count, the risk, the band."""


def denied(write: Write, code: DenyCode, **state: object) -> list[int | None]:
    """The legs that are denied for this."""
    return [one.leg for one in check_orders(case_of(write, facts_for(write, **state), POLICY)) if one.code is code]


@pytest.mark.parametrize(
    ("code", "skipped"),
    [
        (DenyCode.MARKET_NOT_ALLOWED, True),
        (DenyCode.PRICE_OUTSIDE_BAND, True),
        (DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM, True),
        (DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, False),
    ],
)
def test_what_can_only_close_is_bound_by_its_count_alone(code: DenyCode, skipped: bool) -> None:
    """Exits are never trapped. Catches a position that the market list or the band keeps open, a count that nothing
    bounds, and one closing leg that frees its neighbour."""
    for reduces in ((False,), ()):
        assert denied(CreateOrder(BAD), code, reduces=reduces) == [None]
    assert denied(CreateOrder(BAD), code, reduces=(True,)) == ([] if skipped else [None])
    assert denied(CreateBatch((BAD, BAD)), code, reduces=(True, False)) == ([1] if skipped else [0, 1])


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (CreateOrder(order("5", "0.5")), []),
        (CreateOrder(order("5.01", "0.5")), [("markets[0].limits.order.max_count", "5.01", "5.00")]),
        (amend("5.01", "0.5"), [("markets[0].limits.order.max_count", "5.01", "5.00")]),
        (CreateOrder(order("5", "0.6")), [("markets[0].limits.order.max_risk", "$3.12", "$3.00")]),
        (CreateOrder(order("5", "0.4", side=Side.ASK)), [("markets[0].limits.order.max_risk", "$3.12", "$3.00")]),
        (CreateOrder(order("1", "0.1")), []),
        (CreateOrder(order("1", "0.0999")), [("markets[0].price.band", "0.0999", "0.1000 to 0.6000")]),
        (CreateOrder(order("1", "0.6001")), [("markets[0].price.band", "0.6001", "0.1000 to 0.6000")]),
        (amend("1", "0.6001"), [("markets[0].price.band", "0.6001", "0.1000 to 0.6000")]),
    ],
)
def test_an_entry_that_is_tighter_binds_and_is_named(
    write: CreateOrder | AmendOrder, expected: list[tuple[str, str, str]]
) -> None:
    """Catches the looser limit of all markets, a comparison off by a unit, and the wrong key in the denial."""
    reports = check_orders(case_of(write, facts_for(write), NARROW))
    assert [(one.rule, one.observed, one.limit) for one in reports if not one.passed] == expected
