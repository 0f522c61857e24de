"""Invariant 6, check by check: exits are never trapped, and an order that strictly reduces is bound by what the design
lists and by nothing else.

Rule of this file: every check there is is taken from the list that `decide` runs, so a new one is held to this at once.
"""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, facts_for, order
from tests.risk.exits import at_worst, tightest
from tests.risk.marketkit import TRADING, book, market

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts, NamedOrder
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    TimeInForce,
    Withdraw,
    Write,
)
from pretrade.model.units import Count
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.checks import CHECKS, CheckFunction
from pretrade.risk.checks.engine import decide

POLICY = tightest()
ONE = order("1.00", "0.99", subaccount=0)
"""The largest order that the policy has room for, at a price outside its band."""
IOC, FOK = TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
EXITS: dict[str, Write] = {
    "cancel": CancelOrder("x-1", subaccount=0),
    "cancel by id alone": CancelOrder("x-1"),
    "cancel batch": CancelBatch((CancelOrder("x-1"), CancelOrder("x-2"))),
    "cancel all": CancelAll(0),
    "decrease to": DecreaseOrder("x-1", reduce_to=Count(1)),
    "decrease by": DecreaseOrder("x-1", reduce_by=Count(1)),
    "decrease to nothing": DecreaseOrder("x-1", reduce_to=Count(0)),
    "withdraw": Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("q",)),
}
REDUCING: dict[str, Write] = {
    "bid": CreateOrder(ONE),
    "ask": CreateOrder(order("1.00", "0.01", side=Side.ASK, subaccount=0)),
    "immediate or cancel": CreateOrder(replace(ONE, time_in_force=IOC)),
    "fill or kill": CreateOrder(replace(ONE, time_in_force=FOK)),
    "post only": CreateOrder(replace(ONE, post_only=True)),
    "reduce only": CreateOrder(replace(ONE, time_in_force=IOC, reduce_only=True)),
    "batch": CreateBatch((ONE, replace(ONE, ticker="KXFED-26DEC-T4.25"))),
    "amend": amend("1.00", "0.99", subaccount=0),
}
BY_NAME = {check.__name__: check for check in CHECKS}
EVERY_CHECK = pytest.mark.parametrize("check", BY_NAME.values(), ids=BY_NAME)


def reducing_facts(write: Write) -> Facts:
    """An account in which every order of the write can only close what is held."""
    legs = len(write.orders) if isinstance(write, CreateBatch) else 1
    return replace(facts_for(write), reduces=(True,) * legs)


def objections(check: CheckFunction, write: Write, facts: Facts) -> set[DenyCode]:
    """What one check objects to."""
    return {report.code for report in check(case_of(write, facts, POLICY)) if report.code is not None}


@EVERY_CHECK
@pytest.mark.parametrize("write", EXITS.values(), ids=EXITS)
@pytest.mark.parametrize("state", TradingState)
@pytest.mark.parametrize("reconciled_ms", [None, 1_000])
def test_no_check_traps_an_exit(
    check: CheckFunction, write: Write, state: TradingState, reconciled_ms: int | None
) -> None:
    """Catches a cancel or a decrease that any limit, state, age or missing figure stops, check by check."""
    worst = at_worst(facts_for(write))
    now = replace(worst, trading_state=state, client_state=state, reconciled_ms=reconciled_ms)
    assert objections(check, write, now) == set()


@EVERY_CHECK
@pytest.mark.parametrize("write", REDUCING.values(), ids=REDUCING)
def test_no_check_traps_what_strictly_reduces(check: CheckFunction, write: Write) -> None:
    """Catches a closing order that any limit, market, feed, flag or waiver stops, check by check."""
    assert objections(check, write, at_worst(reducing_facts(write))) == set()


@pytest.mark.parametrize("write", REDUCING.values(), ids=REDUCING)
@pytest.mark.parametrize(
    "seen",
    [
        market(book=None),
        market(book=book("0.9", "0.1")),
        market(book=book(age_ms=10**9)),
        market(book=None, close_ms=0),
        market(book=None, is_trading=False),
        market(book=None, status=MarketStatus.CLOSED),
    ],
)
def test_a_market_that_is_seen_badly_traps_nothing(write: Write, seen: object) -> None:
    """As above, with facts that are there and wrong. Catches an exit that waits for a better book."""
    now = replace(at_worst(reducing_facts(write)), markets=(seen,), exchange=replace(TRADING, is_active=False))
    assert isinstance(decide(write, now, POLICY), Approved)


def test_the_worst_is_the_worst() -> None:
    """What opens is denied by nearly every check there is. Catches a worst case that a check never noticed, which would
    make the tests above say nothing of it."""
    write = CreateOrder(replace(ONE, count=Count(101)))
    worst = at_worst(replace(facts_for(write), reconciled_ms=None))
    silent = {name for name, check in BY_NAME.items() if not objections(check, write, worst)}
    assert silent <= SILENT, "a check that the worst case does not reach"


SILENT = {
    # who asks and for which order: broken one by one below
    "check_role",
    "check_subaccount",
    "check_own_order",
    "check_same_order",
    "check_group",
    "check_group_write",
    # a market that is not known has no grid and no figures in its book: the table below has one that is
    "check_prices",
}
"""Checks that have nothing to say about an order in the worst case."""

STRANGE = order("1.00", "0.99", subaccount=3)
STILL_BIND: dict[str, tuple[Write, dict[str, object], DenyCode]] = {
    "role": (CreateOrder(ONE), {"role": Role.R}, DenyCode.ROLE_READ_ONLY),
    "HALTED": (CreateOrder(ONE), {"trading_state": TradingState.HALTED}, DenyCode.TRADING_HALTED),
    "the client HALTED": (CreateOrder(ONE), {"client_state": TradingState.HALTED}, DenyCode.CLIENT_HALTED),
    "reconciliation": (CreateOrder(ONE), {"reconciled_ms": None}, DenyCode.LEDGER_NOT_RECONCILED),
    "old reconciliation": (CreateOrder(ONE), {"reconciled_ms": 120_001}, DenyCode.LEDGER_NOT_RECONCILED),
    "subaccount": (CreateOrder(STRANGE), {}, DenyCode.SUBACCOUNT_NOT_OWNED),
    "group": (CreateOrder(replace(ONE, order_group_id="g")), {"groups": ()}, DenyCode.ORDER_GROUP_NOT_OWNED),
    "owner": (amend("1.00"), {"orders": (NamedOrder("order-1", "other", TICKER, Side.BID),)}, DenyCode.ORDER_NOT_OWNED),
    "known order": (amend("1.00"), {"orders": ()}, DenyCode.ORDER_NOT_KNOWN),
    "form": (CreateOrder(replace(ONE, count=Count(101))), {}, DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM),
    "tick": (CreateOrder(order("1.00", "0.5555")), {"markets": (market(),)}, DenyCode.PRICE_OFF_TICK),
    "collar": (CreateOrder(ONE), {"markets": (market(),)}, DenyCode.PRICE_OUTSIDE_COLLAR),
    "collar of an amend": (amend("1.00", "0.99"), {"markets": (market(),)}, DenyCode.PRICE_OUTSIDE_COLLAR),
}


@pytest.mark.parametrize(("write", "state", "code"), STILL_BIND.values(), ids=STILL_BIND)
def test_what_still_binds_an_order_that_reduces(write: Write, state: dict[str, object], code: DenyCode) -> None:
    """Catches an exemption that is too wide: each of these alone denies, and says so."""
    worst = replace(at_worst(reducing_facts(write)), **state)
    decision = decide(write, worst, POLICY)
    assert not isinstance(decision, Approved)
    assert {check.code for check in decision.reasons} == {code}


EXITS_BIND: dict[str, tuple[Write, dict[str, object], DenyCode]] = {
    "role": (EXITS["cancel"], {"role": Role.R}, DenyCode.ROLE_READ_ONLY),
    "owner": (EXITS["cancel"], {"orders": (NamedOrder("x-1", "other"),)}, DenyCode.ORDER_NOT_OWNED),
    "shared": (EXITS["decrease to"], {"orders": (), "shares_subaccount": True}, DenyCode.ORDER_NOT_OWNED),
    "subaccount": (CancelAll(1), {}, DenyCode.SUBACCOUNT_NOT_OWNED),
    "dry run": (EXITS["cancel"], {"orders": (), "mode": Mode.DRY_RUN}, DenyCode.DRY_RUN_ORDER_UNKNOWN),
}


@pytest.mark.parametrize(("write", "state", "code"), EXITS_BIND.values(), ids=EXITS_BIND)
def test_what_still_binds_an_exit(write: Write, state: dict[str, object], code: DenyCode) -> None:
    """Catches a cancel of another's order that the exemption lets through."""
    decision = decide(write, replace(at_worst(facts_for(write)), **state), POLICY)
    assert not isinstance(decision, Approved)
    assert {check.code for check in decision.reasons} == {code}


@pytest.mark.parametrize("write", REDUCING.values(), ids=REDUCING)
def test_it_is_the_reducing_that_lets_through(write: Write) -> None:
    """The same write without it is denied. Catches a worst case that lets everything through."""
    assert not isinstance(decide(write, at_worst(facts_for(write)), POLICY), Approved)
