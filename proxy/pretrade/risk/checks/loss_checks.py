"""What a day may lose: the whole account and each client that has a limit of its own.

Rule of this file: what is not known denies; what can only close what is held is not judged.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.orders import Side
from pretrade.model.units import Money, Price, format_money
from pretrade.policy.bounds import Bound
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.loss import shows
from pretrade.risk.checks.remembered import remembered
from pretrade.risk.ledger.book import leg_price

_UNIT = "dollars"


def check_day_loss(case: Case) -> tuple[Check, ...]:
    """One report a limit: today's loss, what all orders that may still fill would show, and what this write would on
    filling at its limits, all legs together, must stay below it."""
    bounds: dict[str, Bound] = {}
    more: dict[str, int] = {}
    for leg in case.opening:
        loss = _shows(leg, case.facts) if leg.bounds.day_loss else 0
        for bound in leg.bounds.day_loss:
            bounds[bound.rule] = bound
            more[bound.rule] = more.get(bound.rule, 0) + loss
    return tuple([_report(bound, more[rule], case) for rule, bound in bounds.items()])


def _report(bound: Bound, more: int, case: Case) -> Check:
    for seen in case.facts.losses:
        if seen.own == bound.scope_is_client:
            break
    else:
        return Check(bound.rule, "not known", format_money(bound.limit), DenyCode.DAY_LOSS_MISSING, unit=_UNIT)
    oldest = case.policy.reconcile.max_age
    if seen.age_ms > oldest:
        return Check(bound.rule, f"{seen.age_ms} ms old", f"{oldest} ms", DenyCode.DAY_LOSS_STALE, unit="age")
    return _loss(bound.rule, Money(seen.loss + seen.may_show + more), bound.limit)


@remembered
def _loss(rule: str, after: Money, limit: int) -> Check:
    code = DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM if after >= limit else None
    return Check(rule, format_money(after), format_money(limit), code, unit=_UNIT)


def _shows(leg: Leg, facts: Facts) -> Money:
    order, mark = leg.order, Price(0)  # what nobody bids for, or nobody saw lately, is worth nothing
    for seen in facts.marks:
        if seen.ticker == order.ticker:
            mark = seen.yes if order.side is Side.BID else seen.no
            break
    return shows(leg_price(order.side, order.price), order.count, leg.fee, mark)
