"""Limits that are waived until a day: the last day passes, the day after denies what opens."""

import pytest
from tests.builders import amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.orders import CancelAll, CancelOrder, CreateBatch, CreateOrder, Write
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.waiver_checks import check_waivers

_THROTTLE = "limit: limits.throttle, reason: not what this is about, until: "
POLICY = policy((f"{_THROTTLE}2999-12-31", f"{_THROTTLE}2998-12-31"))
BATCH = CreateBatch((order(), order()))


@pytest.mark.parametrize(
    ("day", "denied"),
    [("2998-12-30", False), ("2998-12-31", False), ("2999-01-01", True), ("2999-12-01", True)],
)
@pytest.mark.parametrize("write", [CreateOrder(order()), BATCH, amend()])
def test_a_waiver_that_has_run_out_denies_what_opens(write: Write, day: str, denied: bool) -> None:
    """A missing limit is not no limit. Catches a waiver that nobody ends, and one that ends a day early."""
    found = check_waivers(case_of(write, facts_for(write, day=day), POLICY))
    assert [one.code for one in found] == ([DenyCode.LIMIT_WAIVER_EXPIRED] if denied else [])
    if denied:
        assert (found[0].observed, found[0].limit) == (day, "limits.throttle was waived until 2998-12-31")


@pytest.mark.parametrize("write", [CreateOrder(order()), BATCH, amend(), CancelAll(0), CancelOrder("x-1")])
def test_no_exit_waits_for_a_waiver(write: Write) -> None:
    """Invariant 6. Catches a cancel or a closing order that is trapped by a date."""
    legs = 2 if write == BATCH else 1
    assert check_waivers(case_of(write, facts_for(write, day="2999-12-01", reduces=(True,) * legs), POLICY)) == ()


def test_one_leg_that_opens_is_enough() -> None:
    """Catches a batch let through by its closing leg."""
    now = facts_for(BATCH, day="2999-12-01", reduces=(True, False))
    assert [one.code for one in check_waivers(case_of(BATCH, now, POLICY))] == [DenyCode.LIMIT_WAIVER_EXPIRED]
