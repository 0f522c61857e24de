"""Trading fees (orders.md 12): exact integers, rounded up to $0.0001 per fill.

Rule of this file: no account, no book, only the formula. The exchange's per-order rounding accumulator and maker fees
are not modelled: every series of the practice exchange is of fee type `quadratic`, where the taker alone pays.
"""

from pretrade.model.orders import Side
from pretrade.model.units import ceil_div
from pretrade.practice.instruments import ONE

_HALF = ONE // 2
_FEE_STEP = 100
"""$0.0001 as money."""


def taker_fee(price: int, count: int, multiplier: int) -> int:
    """The fee of one fill as money: 0.07 x multiplier x contracts x P x (1 - P); `multiplier` in hundredths."""
    return ceil_div(7 * multiplier * count * price * (ONE - price), 10_000_000_000) * _FEE_STEP


def worst_taker_fee(side: Side, price: int, count: int, multiplier: int, fills: int) -> int:
    """A bound on the fee of `count` at the limit or better in at most `fills` pieces, each rounded up."""
    worst = min(price, _HALF) if side is Side.BID else max(price, _HALF)
    return taker_fee(worst, count, multiplier) + _FEE_STEP * max(fills - 1, 0)
