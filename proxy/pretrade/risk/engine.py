"""decide: one request, the facts, the policy; every check runs, every reason is kept."""

from pretrade.model.decisions import Approved, Decision, Denied
from pretrade.model.facts import Facts
from pretrade.model.orders import Write
from pretrade.policy.schema import Policy
from pretrade.risk.checks import CHECKS


def decide(write: Write, facts: Facts, policy: Policy) -> Decision:
    """Judge a write. Pure: the same three values give the same verdict and the same reasons on any machine.

    Approved only when every check has reported and none objects. A check that raises is a fault of ours and comes
    out of here as it is; the caller refuses.
    """
    checks = tuple(report for check in CHECKS for report in check(write, facts, policy))
    if checks and all(report.passed for report in checks):
        return Approved(write, checks)
    return Denied(write, checks)
