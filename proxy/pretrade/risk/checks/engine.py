"""decide: one request, the facts, the policy; every check runs, every reason is kept."""

from itertools import chain
from operator import attrgetter

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Check, Decision, Denied
from pretrade.model.facts import Facts
from pretrade.model.orders import Write
from pretrade.policy.schema import Policy
from pretrade.policy.waivers import is_observed
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.checks import CHECKS

ALWAYS_ENFORCED = frozenset(
    {
        DenyCode.ROLE_READ_ONLY,
        DenyCode.TRADING_HALTED,
        DenyCode.TRADING_REDUCING,
        DenyCode.CLIENT_HALTED,
        DenyCode.CLIENT_REDUCING,
        DenyCode.SUBACCOUNT_NOT_OWNED,
        DenyCode.ORDER_NOT_OWNED,
        DenyCode.ORDER_NOT_KNOWN,
        DenyCode.ORDER_GROUP_NOT_OWNED,
        DenyCode.DRY_RUN_ORDER_UNKNOWN,
    }
)
"""What no `observe` opens: who may write, where and to which orders; trading that was stopped, by a person or by
itself, which is no limit that somebody tries out; and an amend of an order that nobody here knows, which could not be
counted."""


_CODE = attrgetter("code")


def decide(write: Write, facts: Facts, policy: Policy) -> Decision:
    """Judge a write. Pure: the same three values give the same verdict and the same reasons on any machine.

    Approved only when every check has reported and none objects. A rule that the policy only observes on this day
    reports as ever and stands in nobody's way; with `observe.all` nothing does but the codes of ALWAYS_ENFORCED. What
    passes that way is counted like any other order. A check that raises is a fault of ours and comes out of here as
    it is; the caller refuses.
    """
    case = case_of(write, facts, policy)
    reports = tuple(chain.from_iterable([check(case) for check in CHECKS]))
    if reports and not any(map(_CODE, reports)):
        return Approved(write, reports)
    checks = tuple(_weighed(report, facts, policy) for report in reports)
    if checks and all(report.passed for report in checks):
        return Approved(write, checks)
    return Denied(write, checks)


def _weighed(report: Check, facts: Facts, policy: Policy) -> Check:
    """A report, not enforced where its objection is only observed."""
    if report.code is None or report.code in ALWAYS_ENFORCED or not is_observed(policy, report.rule, facts.day):
        return report
    return report._replace(enforced=False)
