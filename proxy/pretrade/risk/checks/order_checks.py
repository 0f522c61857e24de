"""What one order may be on its own: its market, its count, its risk, its price.

Rule of this file: a check takes one leg and returns its report. An amend counts as a new order of its
new total; an order that can only close what is held is bound by its count alone.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.units import NO_MONEY, Count, Money, Price, format_count, format_money, format_price
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.remembered import remembered

NO_LIMIT = "no limit"
"""What a report says where the policy waives the limit."""


def check_orders(case: Case) -> tuple[Check, ...]:
    """Every check of this file on every order of the write."""
    return tuple([check(leg) for check in (check_market, check_count, check_risk, check_band) for leg in case.legs])


def check_market(leg: Leg) -> Check:
    """The first entry of `markets` that fits a ticker decides."""
    return _market(leg.bounds.allowed_rule, leg.order.ticker, leg.bounds.allowed or leg.reduces, leg.number)


@remembered
def _market(rule: str, ticker: str, passes: bool, number: int | None) -> Check:
    return Check(rule, ticker, "allow: true", None if passes else DenyCode.MARKET_NOT_ALLOWED, number)


def check_count(leg: Leg) -> Check:
    """One order's contracts; an amend counts with its new total."""
    return _count(leg.bounds.max_count_rule, leg.order.count, leg.bounds.max_count, leg.number)


@remembered
def _count(rule: str, observed: Count, limit: Count | None, number: int | None) -> Check:
    code = DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM if limit is not None and observed > limit else None
    texts = format_count(observed), NO_LIMIT if limit is None else format_count(limit)
    return Check(rule, *texts, code, number, "contracts")


def check_risk(leg: Leg) -> Check:
    """One order's worst-case loss with the worst-case fee; what can only close risks nothing new."""
    return _risk(leg.bounds.max_risk_rule, NO_MONEY if leg.reduces else leg.risk, leg.bounds.max_risk, leg.number)


@remembered
def _risk(rule: str, observed: Money, limit: Money | None, number: int | None) -> Check:
    code = DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM if limit is not None and observed > limit else None
    texts = format_money(observed), NO_LIMIT if limit is None else format_money(limit)
    return Check(rule, *texts, code, number, "dollars")


def check_band(leg: Leg) -> Check:
    """The price of the YES leg lies inside the band, bounds included."""
    bounds = leg.bounds
    return _band(bounds.band_rule, leg.order.price, bounds.band_min, bounds.band_max, leg.number, leg.reduces)


@remembered
def _band(rule: str, price: Price, low: Price | None, high: Price | None, number: int | None, is_free: bool) -> Check:
    is_inside = (low is None or low <= price) and (high is None or price <= high)
    code = None if is_free or is_inside else DenyCode.PRICE_OUTSIDE_BAND
    ends = [NO_LIMIT if end is None else format_price(end) for end in (low, high)]
    limit = " to ".join(ends) if ends != [NO_LIMIT, NO_LIMIT] else NO_LIMIT
    return Check(rule, format_price(price), limit, code, number, "dollars")
