"""What adds up: positions, exposure, open orders and the day, for the account, for the client and for the market.

Rule of this file: of the limits on one figure the tightest is reported and named. A write is denied where a figure
would be past its limit and the write adds to it: what was past it already, by whatever way, may still come down. It
adds behind a worse side too, for that one may go and leave what was opened in its shade.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Measure, Place, Usage
from pretrade.model.orders import AmendOrder
from pretrade.model.units import format_count, format_money
from pretrade.policy.bounds import Bound
from pretrade.risk.checks.case import Case
from pretrade.risk.checks.remembered import remembered
from pretrade.risk.checks.standing_checks import is_same_order


@dataclass(frozen=True, slots=True)
class Kind:
    """How a measure is denied, in which unit it is, and how a figure of it is written for people."""

    code: DenyCode
    unit: str
    text: Callable[[int], str]


def _contracts(code: DenyCode) -> Kind:
    return Kind(code, "contracts", format_count)


def _dollars(code: DenyCode) -> Kind:
    return Kind(code, "dollars", format_money)


def _orders(code: DenyCode) -> Kind:
    return Kind(code, "orders", str)


KINDS = {
    Measure.POSITION: _contracts(DenyCode.POSITION_EXCEEDS_MAXIMUM),
    Measure.MARKET_EXPOSURE: _dollars(DenyCode.MARKET_EXPOSURE_EXCEEDS_MAXIMUM),
    Measure.EVENT_EXPOSURE: _dollars(DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM),
    Measure.SERIES_EXPOSURE: _dollars(DenyCode.SERIES_EXPOSURE_EXCEEDS_MAXIMUM),
    Measure.ACCOUNT_EXPOSURE: _dollars(DenyCode.ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM),
    Measure.OPEN_ORDERS: _orders(DenyCode.OPEN_ORDERS_EXCEED_MAXIMUM),
    Measure.DAY_ORDERS: _orders(DenyCode.DAY_ORDERS_EXCEED_MAXIMUM),
    Measure.DAY_NOTIONAL: _dollars(DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM),
}
"""Every measure that is limited."""


def _is_broken(before: int, after: int, limit: int) -> bool:
    """Whether the write raises the figure past the limit."""
    return after > limit and after > before


def _tightness(usage: Usage, bound: Bound) -> tuple[bool, int]:
    """Sorts the tightest highest: what is broken first, then what has the least room left."""
    return _is_broken(usage.before, usage.after, bound.limit), usage.after - bound.limit


def check_usages(case: Case) -> tuple[Check, ...]:
    """One report a figure: the tightest of its limits. None for an exit, for what can only close, and for an amend
    of an order that is not the one it says (`check_same_order` and `check_own_order` deny that).

    Raises KeyError where a figure is missing, for it is not zero; a market whose event and series nobody knows has none
    there, and `check_place` denies for it.
    """
    write, facts = case.write, case.facts
    if case.only_reduces or (isinstance(write, AmendOrder) and not is_same_order(write, facts)):
        return ()
    figures = {usage[:3]: usage for usage in facts.usages}
    if len(case.markets) == 1 and case.legs[0].bounds.are_apart:
        return _alone(case, figures)
    return _tightest(case, figures)


type Figures = dict[tuple[Measure, str, bool], Usage]
"""The figures by measure, by what they are about, and by whose they are: the client's own or the whole account's."""


def _alone(case: Case, figures: Figures) -> tuple[Check, ...]:
    """The reports of a write in one market where each figure has one limit: what `_tightest` finds as well, and nearly
    every order is such a write."""
    ((ticker, leg),) = case.markets.items()
    names = figure_names(ticker, case.places.get(ticker))
    return tuple([
        _told(bound.rule, measure, (usage := figures[measure, of, bound.scope_is_client])[3], usage[4], bound.limit)
        for measure, scope, bound in leg.bounds.figures
        if (of := names[scope]) is not None
    ])  # fmt: skip


def _tightest(case: Case, figures: Figures) -> tuple[Check, ...]:
    tightest: dict[tuple[Measure, str], tuple[Usage, Bound]] = {}
    for ticker, leg in case.markets.items():
        names = figure_names(ticker, case.places.get(ticker))
        for measure, scope, bound in leg.bounds.figures:
            of = names[scope]
            if of is None:
                continue
            figure, one = (measure, of), (figures[measure, of, bound.scope_is_client], bound)
            if figure not in tightest or _tightness(*one) > _tightness(*tightest[figure]):
                tightest[figure] = one
    return tuple([
        _told(bound.rule, measure, usage.before, usage.after, bound.limit)
        for (measure, _), (usage, bound) in tightest.items()
    ])  # fmt: skip


def figure_names(ticker: str, place: Place | None) -> tuple[str | None, ...]:
    """By the scope of a bound, what a figure of this market is about; None where nobody knows."""
    return ("", ticker, None, None) if place is None else ("", ticker, place.event, place.series)


@remembered
def _told(rule: str, measure: Measure, before: int, after: int, limit: int) -> Check:
    kind = KINDS[measure]
    code = kind.code if _is_broken(before, after, limit) else None
    return Check(rule, kind.text(after), kind.text(limit), code, None, kind.unit)
