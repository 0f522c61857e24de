"""Fees (orders.md 12, docs "Fee Rounding"): what a fill costs, in exact integers.

Rule of this file: no account, no book, only arithmetic. Three parts make the fee of a fill: the trade fee of the fee
model, rounded up to $0.0001; the rounding fee, which brings the change of the balance down to a step of the account's
precision; and the rebate of $0.01, when more than that has been paid in rounding fees over all fills of the order.
"""

import math
from dataclasses import dataclass

from pretrade.model.markets import FeeType
from pretrade.model.orders import Side
from pretrade.model.units import ceil_div
from pretrade.practice.core.instruments import ONE, Event, Series

FEE_STEP = 100
"""$0.0001 as money: trade fees are whole steps of it."""
DIRECT_STEP = 100
"""The precision of the balances of direct members: $0.0001."""
CENT_STEP = 10_000
"""The precision of all other balances, and of every rebate: $0.01."""

_HALF = ONE // 2
_TAKER, _MAKER = 700, 175
"""0.07 and 0.0175, in $0.0001 a contract."""
_FLAT = 100
"""One cent a contract, in $0.0001."""


@dataclass(frozen=True, slots=True)
class FeeModel:
    """What trading in a market costs now; `multiplier` in hundredths, 0 while the fee is waived."""

    fee_type: FeeType = FeeType.QUADRATIC
    multiplier: int = 100

    def trade_fee(self, price: int, count: int, *, is_taker: bool) -> int:
        """The trade fee of one fill as money: 0.07 (maker 0.0175) x multiplier x C x P x (1 - P), up to $0.0001.

        Makers pay only where the fee type says so. Documented choices: `quadratic_with_combo_maker_fees` costs what
        `quadratic_with_maker_fees` does, and `flat` is the multiplier x $0.01 a contract for the taker, at any price.
        The exchange of maker and taker roles in young combo quotes is left out with the quotes themselves.
        """
        if self.fee_type is FeeType.FLAT:
            return ceil_div(_FLAT * self.multiplier * count, 10**4) * FEE_STEP if is_taker else 0
        if not is_taker and self.fee_type is FeeType.QUADRATIC:
            return 0
        rate = _TAKER if is_taker else _MAKER
        return ceil_div(rate * self.multiplier * count * price * (ONE - price), 10**12) * FEE_STEP

    def worst_trade_fee(self, side: Side, price: int, count: int, fills: int) -> int:
        """A bound on a taker's trade fees for `count` at the limit or better in at most `fills` pieces.

        The dearest price that the limit allows is the one nearest to $0.50; every piece after the first may round up
        once more.
        """
        worst = min(price, _HALF) if side is Side.BID else max(price, _HALF)
        return self.trade_fee(worst, count, is_taker=True) + FEE_STEP * max(fills - 1, 0)


def fee_model(series: Series, event: Event) -> FeeModel:
    """The fee model of an event's markets: the series' own, where the event does not override it."""
    fee_type = series.fee_type if event.fee_type_override is None else event.fee_type_override
    multiplier = series.fee_multiplier if event.fee_multiplier_override is None else event.fee_multiplier_override
    return FeeModel(fee_type, multiplier)


@dataclass(frozen=True, slots=True)
class Charge:
    """The fee of one fill in its three parts, all money and none negative, and the order's new accumulator."""

    trade_fee: int
    rounding: int
    rebate: int
    accumulated: int

    @property
    def net(self) -> int:
        """What the account pays: never below zero."""
        return self.trade_fee + self.rounding - self.rebate


def charge(revenue: int, trade_fee: int, step: int, accumulated: int) -> Charge:
    """The fee of a fill that changes the cash by `revenue` (negative for who pays) before fees.

    The change of the balance is floored to `step`; the part cut off is the rounding fee and adds to the order's
    accumulator. Once more than $0.01 has accumulated, $0.01 comes back, but never more than this fill's fees: the net
    fee is not negative (docs "Fee Rounding"), so a rebate waits for a fill that pays as much.
    """
    rounding = (revenue - trade_fee) % step
    accumulated += rounding
    due = accumulated > CENT_STEP and trade_fee + rounding >= CENT_STEP
    rebate = CENT_STEP if due else 0
    return Charge(trade_fee, rounding, rebate, accumulated - rebate)


def worst_rounding(step: int, finest: int) -> int:
    """The largest rounding fee of one fill, where all prices are multiples of `finest`.

    A fill's money is a whole number of 0.01 contracts times its price, and trade fees are whole steps of $0.0001.
    """
    return step - math.gcd(step, finest, FEE_STEP)
