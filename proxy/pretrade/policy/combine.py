"""Which limits hold for one market: the first entry that fits, tightened onto the limits that hold for all.

Rule of this file: of two limits the tighter wins and its rule is named; nothing here can loosen one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pretrade.model.units import Count, Money, Price
from pretrade.policy.schema import Market, Policy

_TICKER = re.compile(r"[A-Z0-9._-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """What holds for an order in one market; beside each limit the policy key that set it.

    `matched` is the glob that decided, empty where no entry can fit the ticker; then `allowed` is False.
    """

    allowed: bool
    matched: str
    max_count: Count
    max_risk: Money
    band_min: Price
    band_max: Price
    allowed_rule: str = "markets"
    max_count_rule: str = "limits.order.max_count"
    max_risk_rule: str = "limits.order.max_risk"
    band_min_rule: str = "price.band.min"
    band_max_rule: str = "price.band.max"

    @property
    def band_rule(self) -> str:
        """The policy key of the band as a whole: the market entry's where it narrowed either end."""
        entry_rules = (rule for rule in (self.band_min_rule, self.band_max_rule) if rule.startswith("markets"))
        return next(entry_rules, self.band_min_rule).rpartition(".")[0]


def limits_for(policy: Policy, ticker: str) -> OrderLimits:
    """The limits for one market ticker.

    Tickers are compared letter by letter, in their case. What is no plain ticker is not allowed whatever the last entry
    says: a ticker in another case would slip past the entry that is meant for it.
    """
    index = _first_fit(policy, ticker)
    if index is None:
        order, band = policy.limits.order, policy.price.band
        return OrderLimits(
            allowed=False,
            matched="",
            max_count=order.max_count,
            max_risk=order.max_risk,
            band_min=band.min,
            band_max=band.max,
        )
    return _combined(policy, index)


def _first_fit(policy: Policy, ticker: str) -> int | None:
    if _TICKER.fullmatch(ticker) is None:
        return None
    fits = (index for index, market in enumerate(policy.markets) if fnmatchcase(ticker, market.match))
    return next(fits, None)


def _combined(policy: Policy, index: int) -> OrderLimits:
    market, place = policy.markets[index], f"markets[{index}]"
    count, risk, low, high = _own(market)
    order, band = policy.limits.order, policy.price.band
    max_count, max_count_rule = _tighter(min, order.max_count, count, "limits.order.max_count", place)
    max_risk, max_risk_rule = _tighter(min, order.max_risk, risk, "limits.order.max_risk", place)
    band_min, band_min_rule = _tighter(max, band.min, low, "price.band.min", place)
    band_max, band_max_rule = _tighter(min, band.max, high, "price.band.max", place)
    return OrderLimits(
        allowed=market.allow,
        matched=market.match,
        max_count=max_count,
        max_risk=max_risk,
        band_min=band_min,
        band_max=band_max,
        allowed_rule=f"{place}.allow",
        max_count_rule=max_count_rule,
        max_risk_rule=max_risk_rule,
        band_min_rule=band_min_rule,
        band_max_rule=band_max_rule,
    )


def _own(market: Market) -> tuple[Count | None, Money | None, Price | None, Price | None]:
    order = market.limits.order if market.limits else None
    band = market.price.band if market.price else None
    count, risk = (order.max_count, order.max_risk) if order else (None, None)
    low, high = (band.min, band.max) if band else (None, None)
    return count, risk, low, high


def _tighter[T: int](pick: Callable[[T, T], T], whole: T, own: T | None, rule: str, place: str) -> tuple[T, str]:
    if own is None or own == whole:
        return whole, rule
    tightest = pick(whole, own)
    return tightest, rule if tightest == whole else f"{place}.{rule}"
