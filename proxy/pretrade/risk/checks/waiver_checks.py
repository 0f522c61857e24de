"""What the policy left unlimited on purpose, and for how long.

Rule of this file: a waiver that has run out denies whatever may open something; exits and what can only close pass.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.policy.waivers import Waiver, expired
from pretrade.risk.checks.case import Case


def check_waivers(case: Case) -> tuple[Check, ...]:
    """One report for each limit that was waived until a day that has passed; the last day is still one of them."""
    if case.is_exit or case.only_reduces:
        return ()
    day = case.facts.day
    return tuple([_expired(waiver, day) for waiver in expired(case.policy, day)])


def _expired(waiver: Waiver, day: str) -> Check:
    told = f"{waiver.limit} was waived until {waiver.until}"
    return Check("unlimited_on_purpose", day, told, DenyCode.LIMIT_WAIVER_EXPIRED, unit="day")
