"""The most that one order can lose, fees included. An upper bound in exact integers, never an estimate."""

from functools import lru_cache

from pretrade.model.orders import Side
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Money, Price, ceil_div

HALF_DOLLAR = Price(5_000)
PRICES_REMEMBERED = 4_096
"""Prices whose fee is kept: every order's is reckoned several times."""
ROUNDING_ALLOWANCE = Money(20_000)
"""$0.02: the exchange's rounding fee keeps at most a cent back and refunds what piles up above one (orders.md 12)."""


def cost(side: Side, price: Price, count: Count) -> Money:
    """What the bought leg costs at most: p x count for a bid, (1 - p) x count for an ask (orders.md 10)."""
    leg = price if side is Side.BID else ONE_DOLLAR_PRICE - price
    return Money(leg * count)


def fee(side: Side, price: Price, count: Count, multiplier: int) -> Money:
    """The most that the exchange can charge for filling the order: 0.07 x multiplier x P x (1 - P) for each 0.01
    contract by itself, rounded up to $0.0001, at the fillable price nearest to $0.50, plus the rounding allowance
    (orders.md 12). The exchange rounds each fill, and an order may fill in pieces as small as that.

    `multiplier` is the policy's fee ceiling in 1/10000.
    """
    worst = min(price, HALF_DOLLAR) if side is Side.BID else max(price, HALF_DOLLAR)
    return Money(count * _piece(worst, multiplier) * 100 + ROUNDING_ALLOWANCE)


@lru_cache(PRICES_REMEMBERED)
def _piece(price: Price, multiplier: int) -> int:
    """The fee for 0.01 contract at a price, in $0.0001, rounded up."""
    return ceil_div(7 * multiplier * price * (ONE_DOLLAR_PRICE - price), 10**12)


def risk(side: Side, price: Price, count: Count, multiplier: int) -> Money:
    """Worst-case loss of an order on its own: everything fills and the bought leg ends worthless."""
    return Money(cost(side, price, count) + fee(side, price, count, multiplier))
