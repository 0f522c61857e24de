"""What `decide` makes of the reports: every reason, what is observed and what no `observe` opens."""

from dataclasses import replace

import pytest
from tests.builders import amend, facts_for, order, policy
from tests.risk.ledger.test_machine import LedgerMachine
from tests.risk.machine import World, new_order

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Check, Decision
from pretrade.model.facts import Measure, NamedOrder
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import CancelOrder, CreateBatch, CreateOrder, Side, Write
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy
from pretrade.policy.waivers import is_observed
from pretrade.risk.checks.engine import ALWAYS_ENFORCED, decide

NONE = "observe:\n  all: false"
LAST_DAY, AFTER = "2998-12-30", "2998-12-31"
CLIENT_LIMITS = ("subaccount: 0\n", 'subaccount: 0\n    limits: {order: {max_count: "5"}}\n')
ENTRY_LIMITS = (
    '  - match: "KXBTC-*"\n    allow: true\n',
    '  - match: "KXBTC-*"\n    allow: true\n    limits: {order: {max_count: "6"}}\n',
)
BAD = CreateOrder(order("1000", "0.99"))
"""Past every limit on one order."""
OBJECTIONS = {
    DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM,
    DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM,
    DenyCode.PRICE_OUTSIDE_BAND,
    DenyCode.POSITION_EXCEEDS_MAXIMUM,
    DenyCode.MARKET_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.SERIES_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM,
}


def observing(*rules: str, all_: bool = False, changes: tuple[tuple[str, str], ...] = ()) -> Policy:
    """The policy of the tests, with these rules observed until LAST_DAY."""
    named = ", ".join(f"{{rule: {rule}, until: {LAST_DAY}}}" for rule in rules)
    whole = f"observe:\n  all: true\n  until: {LAST_DAY}" if all_ else NONE
    return policy((NONE, whole), ("  rules: []", f"  rules: [{named}]"), *changes)


def judge(write: Write, on: Policy, **state: object) -> Decision:
    """What is decided, on a day that is within every observation."""
    return decide(write, facts_for(write, **{"day": LAST_DAY, **state}), on)


def objections(decision: Decision) -> dict[DenyCode, bool]:
    """Every objection by its code, and whether it is enforced."""
    return {check.code: check.enforced for check in decision.checks if check.code is not None}


@pytest.mark.parametrize(
    ("rule", "opened"),
    [
        ("limits.order.max_count", {DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM}),
        ("limits.order", {DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM}),
        ("price", {DenyCode.PRICE_OUTSIDE_BAND}),
        ("limits.event", {DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM}),
        ("limits", OBJECTIONS - {DenyCode.PRICE_OUTSIDE_BAND}),
    ],
)
@pytest.mark.parametrize("changes", [(), (CLIENT_LIMITS,), (ENTRY_LIMITS,), (CLIENT_LIMITS, ENTRY_LIMITS)])
def test_an_observed_rule_objects_and_refuses_nothing(
    rule: str, opened: set[DenyCode], changes: tuple[tuple[str, str], ...]
) -> None:
    """Its verdict is in the row. Catches a rule that goes silent, its neighbour that goes with it, and a client's or a
    market's own limit under the same name that still refuses."""
    found = objections(judge(BAD, observing(rule, changes=changes)))
    assert found == {code: code not in opened for code in OBJECTIONS}
    assert not isinstance(judge(BAD, observing(rule)), Approved)


def test_an_order_whose_objections_are_all_observed_passes() -> None:
    """Catches an observed report that still denies, and one that loses its code."""
    write = CreateOrder(order("101", "0.5"))
    count = observing("limits.order.max_count", "limits.market", "limits.day")
    decision = judge(write, count)
    assert isinstance(decision, Approved)
    assert DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM in objections(decision)
    assert not isinstance(judge(write, count, day=AFTER), Approved), "the day after the last one"
    assert not any(objections(decision).values())


def test_a_rule_is_observed_by_its_whole_name() -> None:
    """Catches `limits.order.max_count` found in the beginning of another name."""
    report = Check("limits.order.max_counts", "1", "0", DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM)
    assert not is_observed(observing("limits.order.max_count"), report.rule, LAST_DAY)


EVERYTHING = observing(all_=True)
REFUSED: list[tuple[Write, dict[str, object], DenyCode]] = [
    (BAD, {"role": Role.R}, DenyCode.ROLE_READ_ONLY),
    (BAD, {"trading_state": TradingState.HALTED}, DenyCode.TRADING_HALTED),
    (BAD, {"client_state": TradingState.HALTED}, DenyCode.CLIENT_HALTED),
    (BAD, {"trading_state": TradingState.REDUCING}, DenyCode.TRADING_REDUCING),
    (BAD, {"client_state": TradingState.REDUCING}, DenyCode.CLIENT_REDUCING),
    (CreateOrder(order(subaccount=3)), {}, DenyCode.SUBACCOUNT_NOT_OWNED),
    (CancelOrder("x-1"), {"orders": (NamedOrder("x-1", "other"),)}, DenyCode.ORDER_NOT_OWNED),
    (amend(), {"orders": (NamedOrder("order-1", None),)}, DenyCode.ORDER_NOT_KNOWN),
    (CreateOrder(order(order_group_id="g")), {"groups": ()}, DenyCode.ORDER_GROUP_NOT_OWNED),
    (CancelOrder("x-1"), {"orders": (), "mode": Mode.DRY_RUN}, DenyCode.DRY_RUN_ORDER_UNKNOWN),
]


@pytest.mark.parametrize(("write", "state", "code"), REFUSED)
def test_no_observe_opens_who_may_write_and_where(write: Write, state: dict[str, object], code: DenyCode) -> None:
    """Catches a desk on trial that trades in another's subaccount, past a stop (the row said
    approved, and the last look before the first byte refused), or from a read-only host."""
    decision = judge(write, EVERYTHING, **state)
    assert not isinstance(decision, Approved)
    assert {check.code for check in decision.reasons} == {code}
    assert code in ALWAYS_ENFORCED


def test_every_code_that_is_always_enforced_is_shown_to_be() -> None:
    """Catches one that no test of this file attacks."""
    assert {code for *_, code in REFUSED} == ALWAYS_ENFORCED


WORST = {
    "reconciled_ms": None,
    "places": (),
    "markets": (),
    "exchange": None,
    "used": dict.fromkeys(Measure, 10**15),
}


@pytest.mark.parametrize("write", [BAD, CreateBatch((BAD.order, BAD.order)), amend("1000", "0.99")])
def test_with_everything_observed_whatever_else_is_wrong_passes(write: Write) -> None:
    """A new desk behind the proxy is told what would be refused, and is not. Catches a check that `observe.all` does
    not reach."""
    seen = facts_for(write, day=LAST_DAY)
    decision = decide(write, facts_for(write, **{"day": LAST_DAY, **WORST, "places": seen.places}), EVERYTHING)
    assert isinstance(decision, Approved)
    assert len(objections(decision)) > 8
    after = decide(write, replace(facts_for(write, **WORST), day=AFTER, places=seen.places), EVERYTHING)
    assert set(objections(after)) == set(objections(decision))
    assert all(objections(after).values())


def test_an_observed_approval_says_the_same_on_every_machine() -> None:
    """Decisions are reproducible. Catches a day read from a clock."""
    assert judge(BAD, EVERYTHING) == judge(BAD, EVERYTHING)


def test_what_passes_by_being_observed_is_counted_like_any_other_order() -> None:
    """A ledger past its limits is a ledger. Catches an order that is let through and not held, and figures that come
    out of step with the exchange once a limit was passed."""
    world, machine = World(policy=EVERYTHING), LedgerMachine.__new__(LedgerMachine)
    machine.begin_with(world)
    for number, (side, price) in enumerate(((Side.BID, 7_000), (Side.BID, 9_000), (Side.ASK, 3_000))):
        new = new_order("KXBTC-A1", side, price, 300, "momentum-bot", f"c-{number}", rests=True)
        _, decision, _ = world.judge("momentum-bot", CreateOrder(new))
        assert isinstance(decision, Approved)
        machine.go(world.way[-1], "answered", fill=10_000 * number)
    limit = bounds_for(EVERYTHING, "momentum-bot", "KXBTC-A1").market_exposure[0].limit
    assert world.ledger.live.exposure((None, "market", "KXBTC-A1")) > limit
    machine.teardown()
