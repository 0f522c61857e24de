"""The exchange's books kept a second time, in another style: from its public records, in fractions of a dollar.

Rule of this file: nothing of the exchange's own arithmetic is used. A member is a trader who buys and sells YES, may
sell short, and leaves a dollar in deposit for every YES that is owed; fees are computed with decimals.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

from pretrade.model.markets import FeeType
from pretrade.model.orders import Side
from pretrade.practice.core import clearing
from pretrade.practice.core.events import Event, Filled
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.fees import FeeModel
from pretrade.practice.core.records import Fill, Order

CENT = Decimal("0.01")
RATES = {
    FeeType.QUADRATIC: (Decimal("0.07"), Decimal(0)),
    FeeType.QUADRATIC_WITH_MAKER_FEES: (Decimal("0.07"), Decimal("0.0175")),
    FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES: (Decimal("0.07"), Decimal("0.0175")),
}


def dollars(money: int) -> Decimal:
    return Decimal(money) / 1_000_000


def trade_fee(model: FeeModel, price: Decimal, count: Decimal, *, is_taker: bool) -> Decimal:
    """The fee of one fill before rounding fee and rebate, as the fee page has it."""
    multiplier = Decimal(model.multiplier) / 100
    if model.fee_type is FeeType.FLAT:
        exact = multiplier * CENT * count if is_taker else Decimal(0)
    else:
        exact = RATES[model.fee_type][not is_taker] * multiplier * count * price * (1 - price)
    return exact.quantize(Decimal("0.0001"), ROUND_CEILING)


@dataclass
class OrderFees:
    """The fees of one order, fill by fill, as the page "Fee Rounding" tells it."""

    step: Decimal
    accumulator: Decimal = Decimal(0)

    def next(self, revenue: Decimal, fee: Decimal) -> Decimal:
        change = revenue - fee
        floored = change.quantize(self.step, ROUND_FLOOR)
        rounding = change - floored
        self.accumulator += rounding
        net = fee + rounding
        if self.accumulator > CENT and net >= CENT:
            self.accumulator -= CENT
            net -= CENT
        return net


@dataclass
class Trader:
    """One subaccount's position in one market: YES bought and sold, the average cost in fractions."""

    yes: int = 0
    flow: int = 0
    fees: int = 0
    cost: Fraction = Fraction(0)
    closes: int = 0

    def trade(self, side: Side, price: int, count: int) -> None:
        signed = count if side is Side.BID else -count
        self.flow -= signed * price
        while signed:
            unit = 1 if signed > 0 else -1
            if self.yes * unit < 0:
                part = min(abs(signed), abs(self.yes))
                self.cost -= self.cost * part / abs(self.yes)
                self.closes += 1
            else:
                part = abs(signed)
                self.cost += part * (price if unit > 0 else 10_000 - price)
            self.yes += unit * part
            signed -= unit * part

    @property
    def owed(self) -> int:
        """The deposit for the YES that were sold without having them."""
        return max(0, -self.yes) * 10_000


@dataclass
class Books:
    """Listens to an exchange and keeps its books."""

    exchange: Exchange
    traders: dict[tuple[str, int, str], Trader] = field(default_factory=lambda: defaultdict(Trader))
    orders: dict[str, OrderFees] = field(default_factory=dict)
    expected: list[tuple[Fill, int]] = field(default_factory=list)
    waived: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.exchange.listeners.append(self.note)

    def note(self, event: Event) -> None:
        if isinstance(event, Filled):
            self._fill(event.fill, event.order)
            assert self.traders[event.fill.account, event.fill.subaccount, event.fill.ticker].yes == event.post_position

    def _fill(self, fill: Fill, order: Order) -> None:
        trader = self.traders[fill.account, fill.subaccount, fill.ticker]
        trader.trade(fill.side, fill.price, fill.count)
        trader.fees += fill.fee
        account = self.exchange.accounts[fill.account]
        fees = self.orders.setdefault(fill.order_id, OrderFees(dollars(account.balance_step)))
        model = clearing.fee_model(self.exchange, self.exchange.markets[fill.ticker].market)
        price, count = Decimal(fill.price) / 10_000, Decimal(fill.count) / 100
        paid = price if fill.side is Side.BID else 1 - price
        fee = fees.next(-paid * count, trade_fee(model, price, count, is_taker=fill.is_taker))
        expected = int(fee * 1_000_000)
        if fill.fee != expected:
            # only a maker's fee may be waived, only downwards, and only when the purse is empty
            assert not fill.is_taker
            assert fill.fee < expected
            assert account.available(fill.subaccount, order.exchange_index) == 0
            self.waived.add((fill.account, fill.subaccount))
        self.expected.append((fill, expected))
