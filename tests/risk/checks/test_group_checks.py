"""Who may do what to an order group, by the reason that is given."""

from dataclasses import replace

import pytest
from tests.builders import amend, facts, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Denied
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupSeen, GroupWrite, LimitGroup
from pretrade.model.instance import TradingState
from pretrade.model.orders import AmendOrder, CreateOrder, NewOrder, TimeInForce
from pretrade.model.units import Count
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.group_checks import check_group_write, check_own_group

MINE = GroupSeen("g", Count(500))
UNKNOWN = GroupSeen("g", None)
LOOSENED, MISSING = DenyCode.ORDER_GROUP_LOOSENED, DenyCode.ORDER_GROUP_LIMIT_MISSING
NOT_OWNED = DenyCode.ORDER_GROUP_NOT_OWNED


def limit(contracts: int) -> LimitGroup:
    """A limit for the group, in whole contracts."""
    return LimitGroup("g", Count(contracts * 100), 0)


def act(what: GroupAct) -> ChangeGroup:
    """Something else done to the group."""
    return ChangeGroup("g", what, 0)


TABLE: list[tuple[GroupWrite, GroupSeen | None, list[DenyCode]]] = [
    (CreateGroup(Count(100), 0), None, []),
    (limit(4), MINE, []),
    (limit(5), MINE, []),
    (limit(6), MINE, [LOOSENED]),
    (limit(1), UNKNOWN, [MISSING]),
    (limit(1), None, [NOT_OWNED, MISSING]),
    (act(GroupAct.RESET), MINE, [LOOSENED]),
    (act(GroupAct.TRIGGER), MINE, [LOOSENED]),
    (act(GroupAct.DELETE), MINE, [LOOSENED]),
    (act(GroupAct.DELETE), None, [NOT_OWNED, LOOSENED]),
]


@pytest.mark.parametrize(("write", "group", "expected"), TABLE)
def test_a_group_may_become_tighter_and_nothing_else(
    write: GroupWrite, group: GroupSeen | None, expected: list[DenyCode]
) -> None:
    """Catches a limit that is raised, reset or removed, one of which nobody knows what it was, another's group."""
    reports = check_group_write(case_of(write, facts(group=group), policy()))
    assert [report.code for report in reports if report.code] == expected


@pytest.mark.parametrize(("write", "group", "expected"), TABLE)
def test_who_may_loosen_may_do_all_of_it_to_its_own(
    write: GroupWrite, group: GroupSeen | None, expected: list[DenyCode]
) -> None:
    """Catches a switch that also opens other clients' groups."""
    loose = policy(("may_loosen: false", "may_loosen: true"))
    reports = check_group_write(case_of(write, facts(group=group), loose))
    assert [report.code for report in reports if report.code] == [code for code in expected if code is NOT_OWNED]


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
def test_nothing_is_done_to_groups_while_trading_is_stopped(state: TradingState) -> None:
    """A group write is no exit. Catches a reset that sets resting orders' successors free under HALTED."""
    for write, group, _ in TABLE:
        codes = [report.code for report in decide(write, facts(group=group, trading_state=state), policy()).checks]
        assert {DenyCode.TRADING_HALTED, DenyCode.TRADING_REDUCING} & set(codes)


def test_a_group_of_another_subaccount_is_not_asked_for() -> None:
    """Catches a client that makes or changes a group in a subaccount that is not its own."""
    for write in (CreateGroup(Count(100), 7), LimitGroup("g", Count(100), 7), ChangeGroup("g", GroupAct.RESET, 7)):
        codes = [report.code for report in decide(write, facts(group=MINE), policy()).checks]
        assert DenyCode.SUBACCOUNT_NOT_OWNED in codes


OWN = policy(("order_groups:\n", 'inject: {order_group: "50"}\norder_groups:\n'))
GROUP_MISSING, DIFFERS = DenyCode.ORDER_GROUP_MISSING, DenyCode.ORDER_GROUP_DIFFERS
IOC = TimeInForce.IMMEDIATE_OR_CANCEL


@pytest.mark.parametrize(
    ("write", "own", "reduces", "expected"),
    [
        (order(order_group_id="own"), "own", False, None),
        (order(), "own", False, GROUP_MISSING),
        (order(), None, False, GROUP_MISSING),
        (order(order_group_id="mine"), "own", False, DIFFERS),
        (order(order_group_id="mine"), None, False, DIFFERS),
        (order(), None, True, None),
        (order(order_group_id="mine"), "own", True, None),
        (order(time_in_force=IOC, reduce_only=True), None, False, None),
        (amend(), "own", False, None),
        (amend(), None, False, GROUP_MISSING),
        (amend(), None, True, None),
    ],
)
def test_what_opens_is_in_the_proxys_own_group(
    write: NewOrder | AmendOrder, own: str | None, reduces: bool, expected: DenyCode | None
) -> None:
    """Catches an order outside the group that holds it when the proxy is gone, another's group let through, and an exit
    that is kept in because there is no group, or it has tripped."""
    seen = facts(reduces=(reduces,), own_groups=(own,))
    whole = CreateOrder(write) if isinstance(write, NewOrder) else write
    codes = [report.code for report in check_own_group(case_of(whole, seen, OWN)) if report.code]
    assert codes == ([] if expected is None else [expected])
    assert check_own_group(case_of(whole, seen, policy())) == ()


@pytest.mark.parametrize("state", TradingState)
def test_only_the_proxys_own_reset_passes_a_stopped_client(state: TradingState) -> None:
    """Catches a group that cannot be got back because its client is stopped for it, and a reset by the client itself;
    what stops the whole account stops the reset."""
    reset = act(GroupAct.RESET)
    own = facts(group=MINE, client_state=state, by_proxy=True)
    assert isinstance(decide(reset, own, OWN), Approved)
    assert isinstance(decide(reset, replace(own, by_proxy=False), OWN), Denied)
    loose = policy(("may_loosen: false", "may_loosen: true"))
    by_client = decide(reset, replace(own, by_proxy=False), loose)
    assert isinstance(by_client, Approved) is (state is TradingState.ACTIVE), "may_loosen starts no stopped client"
    stopped = replace(own, trading_state=TradingState.REDUCING)
    assert [check.code for check in decide(reset, stopped, OWN).checks if check.code] == [DenyCode.TRADING_REDUCING]
    unknown = decide(reset, replace(own, group=None), OWN)
    assert [check.code for check in unknown.checks if check.code] == [NOT_OWNED]
