"""Required flags: each is asked for by its name, of every order that opens, and of nothing else."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from tests.builders import TICKER, amend, facts, facts_for, order, policy
from tests.risk.marketkit import leg

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.orders import CancelOrder, CreateBatch, CreateOrder, SelfTradePrevention, TimeInForce
from pretrade.policy.bounds import Required
from pretrade.policy.combine import bounds_for
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.require_checks import _reports, check_required

NOW = facts().now_ms
RULES = ("post_only", "reduce_only", "expiration_within_ms", "self_trade_prevention", "cancel_order_on_pause")
NOTHING = {
    "post_only": False,
    "reduce_only": False,
    "expiration_within_ms": None,
    "self_trade_prevention": None,
    "cancel_order_on_pause": False,
}
IOC, FOK = TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
HOUR = 3_600_000
MAKER = SelfTradePrevention.MAKER


def required(**flags: object) -> Required:
    """These flags and no others."""
    rules: Mapping[str, str] = MappingProxyType({name: f"require.{name}" for name in RULES})
    return Required(**(NOTHING | flags), rules=rules)  # type: ignore[arg-type]


def reports(new: object, **flags: object) -> list[Check]:
    """What is reported of one order that opens."""
    return list(_reports(leg(new, required=required(**flags)), NOW))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flag", "value", "without", "with_it"),
    [
        ("post_only", True, {}, {"post_only": True}),
        ("reduce_only", True, {}, {"reduce_only": True}),
        ("cancel_order_on_pause", True, {}, {"cancel_order_on_pause": True}),
        ("self_trade_prevention", MAKER, {}, {"self_trade_prevention_type": MAKER}),
        ("expiration_within_ms", HOUR, {}, {"expiration_time": NOW // 1_000 + 3_600}),
        ("expiration_within_ms", HOUR, {"expiration_time": 0}, {"time_in_force": IOC}),
        ("expiration_within_ms", HOUR, {"expiration_time": NOW // 1_000 + 3_601}, {"time_in_force": FOK}),
    ],
)
def test_a_required_flag_is_asked_for_by_name(
    flag: str, value: object, without: dict[str, object], with_it: dict[str, object]
) -> None:
    """Catches a flag that nobody looks at, an order that may rest longer by a second, and one that asks for no end at
    all taken for one that ends at once."""
    (report,) = reports(order(**without), **{flag: value})
    assert (report.code, report.rule) == (DenyCode.FLAG_REQUIRED, f"require.{flag}")
    (report,) = reports(order(**with_it), **{flag: value})
    assert report.code is None
    assert reports(order(**without)) == []


def test_the_report_names_the_flag_on_both_sides() -> None:
    """Catches a denial that does not say what to set."""
    assert [(one.observed, one.limit) for one in reports(order(), post_only=True, self_trade_prevention=MAKER)] == [
        ("post_only: false", "post_only: true"),
        ("self_trade_prevention: taker_at_cross", "self_trade_prevention: maker"),
    ]
    assert [(one.observed, one.limit) for one in reports(order(), expiration_within_ms=HOUR)] == [
        ("no expiration_time", "expiration_time within 3600000 ms of now")
    ]


@pytest.mark.parametrize(
    ("seconds", "denied"), [(None, False), (0, True), (NOW // 1_000 + 3_600, False), (NOW // 1_000 + 3_601, True)]
)
def test_an_amend_keeps_its_flags_and_may_not_stretch_its_end(seconds: int | None, denied: bool) -> None:
    """What an amend leaves out stays as it was (orders.md 4). Catches one that clears the end or moves it out, and one
    that is asked for flags that it cannot carry."""
    everything = {"post_only": True, "reduce_only": True, "cancel_order_on_pause": True, "self_trade_prevention": MAKER}
    (report,) = reports(amend(expiration_time=seconds), expiration_within_ms=HOUR, **everything)
    assert report.code is (DenyCode.FLAG_REQUIRED if denied else None)


POLICY = policy(("post_only: false", "post_only: true"))


def test_every_leg_that_opens_is_asked_and_no_other() -> None:
    """Invariant 6. Catches a flag that keeps an exit from trading, and a closing leg that frees its neighbour."""
    write = CreateBatch((order(), order(), order(post_only=True)))
    found = check_required(case_of(write, facts_for(write, reduces=(True, False, False)), POLICY))
    assert [(one.code, one.leg) for one in found] == [(DenyCode.FLAG_REQUIRED, 1), (None, 2)]
    assert found[0].rule == "require.post_only"
    for closing in (CreateOrder(order()), amend(expiration_time=0)):
        assert check_required(case_of(closing, facts_for(closing, reduces=(True,)), POLICY)) == ()
    assert check_required(case_of(CancelOrder("x-1"), facts_for(CancelOrder("x-1")), POLICY)) == ()


def test_the_policy_names_a_rule_for_every_flag() -> None:
    """Catches a flag that the policy requires and whose key no report could name."""
    strict = policy(
        ("post_only: false", "post_only: true"),
        ("reduce_only: false", "reduce_only: true"),
        ("cancel_order_on_pause: false", "cancel_order_on_pause: true"),
        ("self_trade_prevention: any", "self_trade_prevention: maker"),
        ("expiration_within: never", "expiration_within: 1h"),
    )
    held = bounds_for(strict, "momentum-bot", TICKER).required
    found = check_required(case_of(CreateOrder(order()), facts_for(CreateOrder(order())), strict))
    assert [one.rule for one in found] == [f"require.{name.removesuffix('_ms')}" for name in sorted(RULES, key=_order)]
    assert set(held.rules) >= set(RULES)


def _order(name: str) -> int:
    return ("post_only", "reduce_only", "cancel_order_on_pause", "self_trade_prevention", "expiration_within_ms").index(
        name
    )
