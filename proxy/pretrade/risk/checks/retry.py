"""Whether a denied write may pass later as it stands, though nobody does anything, and from when.

Rule of this file: it adds to a verdict and never changes one. A promise is only made where time alone keeps it: what is
too large for an empty day or a full bucket never passes, and where one reason's end is not known, no moment is told.
"""

from dataclasses import dataclass, replace

from pretrade.model.codes import CODES, DenyCode
from pretrade.model.decisions import Denied
from pretrade.model.facts import Facts, Measure
from pretrade.model.markets import MarketStatus
from pretrade.model.pace import PaceSeen
from pretrade.model.units import NO_MONEY
from pretrade.policy.schema import Policy
from pretrade.risk.checks.case import Case, case_of
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.pace_checks import full_for_ms

_DAY = frozenset(
    {
        DenyCode.DAY_ORDERS_EXCEED_MAXIMUM,
        DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM,
        DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM,
    }
)
RATES = frozenset({DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM, DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM})
"""What a throttle denies for."""
_WALK = DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM
_BY_TIME = _DAY | RATES | {_WALK}
_DAY_MEASURES = frozenset({Measure.DAY_ORDERS, Measure.DAY_NOTIONAL})
_MAY_OPEN = frozenset({MarketStatus.INITIALIZED, MarketStatus.INACTIVE, MarketStatus.ACTIVE})
"""The statuses of a market that takes orders again, or for the first time, by itself; all others come after its end."""


@dataclass(frozen=True, slots=True)
class Retry:
    """`at_ms` (Unix ms) is when, as far as is known now, nothing of what denied stands in the way any more; None where
    that is not known, and always where it is not retryable."""

    is_retryable: bool
    at_ms: int | None = None


NEVER = Retry(is_retryable=False)
"""What is not cured by waiting."""


def retry_of(denied: Denied, facts: Facts, policy: Policy, next_day_ms: int) -> Retry:
    """What waiting does for a denial. `next_day_ms` is when the day after `facts.day` begins in the policy's zone."""
    codes = {reason.code for reason in denied.reasons if reason.code is not None}
    if not codes or not all(CODES[code].is_retryable for code in codes):
        return NEVER
    case = case_of(denied.write, facts, policy)
    if DenyCode.MARKET_NOT_OPEN in codes and not _opens_again(case):
        return NEVER
    timed = codes & _BY_TIME
    if timed and timed & _codes_at_best(denied, policy, facts):
        return NEVER
    if timed != codes:
        return Retry(is_retryable=True)
    rules = {reason.rule for reason in denied.reasons}
    return Retry(is_retryable=True, at_ms=_free_ms(case, timed, rules, next_day_ms))


def _opens_again(case: Case) -> bool:
    """Whether no market of the write has come to its end."""
    return all(
        leg.market is not None
        and leg.market.status in _MAY_OPEN
        and (leg.market.close_ms is None or leg.market.close_ms > case.facts.now_ms)
        for leg in case.opens_in
    )


def _codes_at_best(denied: Denied, policy: Policy, facts: Facts) -> set[DenyCode | None]:
    """What would still object on a day on which nothing was done, with full buckets and no prices to walk from."""
    decision = decide(denied.write, _at_best(facts), policy)
    return {reason.code for reason in decision.reasons} if isinstance(decision, Denied) else set()


def _at_best(facts: Facts) -> Facts:
    usages = tuple(
        one._replace(before=0, after=one.after - one.before) if one.measure in _DAY_MEASURES else one
        for one in facts.usages
    )
    losses = tuple(one._replace(loss=NO_MONEY, may_show=NO_MONEY) for one in facts.losses)
    return replace(facts, usages=usages, losses=losses, pace=None if facts.pace is None else _fresh(facts.pace))


def _fresh(pace: PaceSeen) -> PaceSeen:
    return pace._replace(
        buckets=tuple(bucket._replace(used=0) for bucket in pace.buckets),
        legs=tuple(leg._replace(walked_from=None) for leg in pace.legs),
    )


def _free_ms(case: Case, timed: set[DenyCode], rules: set[str], next_day_ms: int) -> int | None:
    """The latest of the moments at which each reason ends; None where a throttle lets nothing flow back."""
    now_ms = case.facts.now_ms
    moments: list[int] = []
    if timed & _DAY:
        moments.append(next_day_ms)
    if timed & RATES:
        full_ms = full_for_ms(case, rules)
        if full_ms is None:
            return None
        moments.append(now_ms + full_ms)
    if _WALK in timed:
        walks = (leg.bounds.walk for leg in case.opening)
        moments.append(now_ms + max(walk.within_ms for walk in walks if walk is not None and walk.rule in rules) + 1)
    return max(moments)
