"""The day's trades of the account: fills and payouts of the exchange's record, and fills that our own answers told.

Rule of this file: a fold. Every fill counts once by its id, every payout once; what an answer told counts at once, at
the worst price and fee, until the record shows the fill itself. Cash that was moved by hand is in none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pretrade.model.loss import Fill, Mark, Settlement
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.holding import Holding
from pretrade.risk.ledger.live_order import LiveOrder
from pretrade.risk.ledger.worst_case import fee as worst_fee

KEEP_MS = 1_200_000
"""How long before the last reading fills are known by their ids; older ones are not taken in again."""
SHOWN_MS = 7_000
"""How much later than a fill was told a reading must be to show it (the lag of reads and of clocks)."""
PAYOUTS_KEPT_MS = 7 * 86_400_000
"""Payouts are known by market and moment this long."""
ACCOUNT = ""
"""The scope of the whole account, beside the clients by name."""


@dataclass(frozen=True, slots=True)
class Told:
    """Of one order: contracts that have filled by our own answers and that the record has not shown; below zero where
    the record was ahead. `price` is the worst that they can have had, `multiplier` the fee ceiling in 1/10000."""

    subaccount: int
    ticker: str
    side: Side
    count: int
    price: Price
    multiplier: int
    at_ms: int


class DayTrades:
    """What is held and what has happened today, by subaccount and market.

    `day` is empty before the first one began, `read_ms` the exchange's moment that the last noted reading was of, None
    before the first. `reached` is, by scope, the highest loss of the day at which trading was stopped.
    """

    def __init__(self) -> None:
        self.day = ""
        self.read_ms: int | None = None
        self.holdings: dict[BookKey, Holding] = {}
        self.told: dict[str, Told] = {}
        self.fill_ids: dict[str, int] = {}
        self.payouts: dict[tuple[int, str, int], int] = {}
        self.reached: dict[str, Money] = {}
        self.version = 0

    def holding(self, key: BookKey) -> Holding:
        """What is known of a market by the record alone."""
        return self.holdings.get(key, Holding())

    def counted(self) -> dict[BookKey, Holding]:
        """Every market as it counts: what our own answers told included."""
        counted = dict(self.holdings)
        for told in self.told.values():
            if told.count > 0:
                key = (told.subaccount, told.ticker)
                fee = worst_fee(told.side, told.price, Count(told.count), told.multiplier)
                holding = counted.get(key, Holding())
                counted[key] = holding.filled(told.side, told.price, told.count, fee, told.at_ms)
        return counted

    # What changes it

    def begin(self, day: str, marks: Mapping[BookKey, Mark], *, is_late: bool) -> None:
        """Begin a day: what is held is what it starts with, worth these marks where they were seen just now."""
        self.version += 1
        self.day, self.reached = day, {}
        nexts = {key: one.next_day(marks.get(key), is_late=is_late) for key, one in self.holdings.items()}
        self.holdings = {key: one for key, one in nexts.items() if one.start}

    def tell(self, order: LiveOrder, more: int, at_ms: int) -> None:
        """Note what an answer, or a read of an order, says has filled beyond what was known."""
        if not self.day or order.order_id is None:
            return
        told = Told(order.subaccount, order.ticker, order.side, more, order.price, order.multiplier, at_ms)
        self._tell(order.order_id, told)

    def _tell(self, order_id: str, told: Told) -> None:
        self.version += 1
        known = self.told.pop(order_id, None)
        if known is not None:
            worse = max if told.side is Side.BID else min
            count, at_ms = known.count + told.count, max(known.at_ms, told.at_ms)
            price = worse(known.price, told.price) if known.count > 0 else told.price
            multiplier = max(known.multiplier, told.multiplier)
            told = replace(told, count=count, price=price, multiplier=multiplier, at_ms=at_ms)
        if told.count:
            self.told[order_id] = told

    def take(self, fills: tuple[Fill, ...], as_of_ms: int) -> None:
        """Take in the fills that a reading showed for the first time, and let go of what it was late enough to show."""
        self.version += 1
        for fill in fills:
            self._fill(fill, as_of_ms)
        self.read_ms = as_of_ms if self.read_ms is None else max(self.read_ms, as_of_ms)
        self.told = {name: told for name, told in self.told.items() if not self.is_over(told, as_of_ms)}
        self.fill_ids = {name: at for name, at in self.fill_ids.items() if at >= self.read_ms - KEEP_MS}

    @staticmethod
    def is_over(told: Told, as_of_ms: int) -> bool:
        """Whether a reading is so late that the record and the answers say the same of an order."""
        return as_of_ms >= told.at_ms + SHOWN_MS

    def _fill(self, fill: Fill, as_of_ms: int) -> None:
        key = (fill.subaccount, fill.ticker)
        self.fill_ids[fill.fill_id] = fill.created_ms
        holding = self.holding(key)
        if fill.day < self.day:
            signed = fill.count if fill.side is Side.BID else -fill.count
            touched_ms = max(holding.touched_ms, fill.created_ms)
            self.holdings[key] = replace(holding, start=holding.start + signed, touched_ms=touched_ms)
        else:
            self.holdings[key] = holding.filled(fill.side, fill.price, fill.count, fill.fee, fill.created_ms)
        shown = Told(fill.subaccount, fill.ticker, fill.side, -fill.count, fill.price, 0, as_of_ms)
        self._tell(fill.order_id, shown)

    def settle(self, paid: Settlement) -> None:
        """Take in a payout."""
        self.version += 1
        key = (paid.subaccount, paid.ticker)
        self.payouts[(*key, paid.settled_ms)] = paid.settled_ms
        oldest_ms = max(self.payouts.values()) - PAYOUTS_KEPT_MS
        self.payouts = {name: at for name, at in self.payouts.items() if at >= oldest_ms}
        holding = self.holding(key)
        touched_ms = max(holding.touched_ms, paid.settled_ms)
        if paid.day < self.day:
            start = holding.start - paid.count
            self.holdings[key] = replace(holding, start=start, touched_ms=touched_ms)
        else:
            settled, payout = holding.settled + paid.count, holding.payout + paid.cash
            self.holdings[key] = replace(holding, settled=settled, payout=payout, touched_ms=touched_ms)

    def start(self, key: BookKey, count: int) -> None:
        """Note how many contracts the day began with, where the first reading says so."""
        self.version += 1
        self.holdings[key] = replace(self.holding(key), start=count)

    def explain(self, key: BookKey, unexplained: int) -> None:
        """Note how much of a position no fill and no payout explains."""
        self.version += 1
        self.holdings[key] = replace(self.holding(key), unexplained=unexplained)

    def mark(self, key: BookKey, mark: Mark) -> None:
        """Note the mark of a market in which something is held."""
        self.version += 1
        if key in self.holdings:
            self.holdings[key] = self.holdings[key].marked(mark)

    def reach(self, scope: str, day: str, loss: Money) -> None:
        """Note that trading was stopped at a loss."""
        if day == self.day:
            self.reached[scope] = max(loss, self.reached.get(scope, loss))
