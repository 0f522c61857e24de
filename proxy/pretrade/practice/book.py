"""One market's order book in YES terms, with price-time priority, and what an incoming order would do to it.

Rule of this file: no money and no clock. A level is a dict from order id to order: dicts keep the order of insertion,
which is the time priority.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.records import Order

type Levels = dict[int, dict[str, Order]]


@dataclass(slots=True)
class Book:
    """The resting orders of one market."""

    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)

    def add(self, order: Order) -> None:
        """Put an order at the back of its level."""
        self._side(order.side).setdefault(order.price, {})[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Take an order out; a level that becomes empty goes with it."""
        levels = self._side(order.side)
        del levels[order.price][order.order_id]
        if not levels[order.price]:
            del levels[order.price]

    def best(self, side: Side) -> int | None:
        """The best price of a side, None when it is empty."""
        prices = self._side(side)
        if not prices:
            return None
        return max(prices) if side is Side.BID else min(prices)

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Price and total count of each level, best first."""
        levels = self._side(side)
        prices = sorted(levels, reverse=side is Side.BID)
        return [(price, sum(order.remaining for order in levels[price].values())) for price in prices]

    def ahead_of(self, order: Order) -> int:
        """The count that trades before this resting order does."""
        better = sum(
            c for p, c in self.depth(order.side) if (p > order.price if order.side is Side.BID else p < order.price)
        )
        level = self._side(order.side)[order.price]
        ids = list(level)
        return better + sum(level[i].remaining for i in ids[: ids.index(order.order_id)])

    def crossing(self, side: Side, limit: int) -> Iterator[Order]:
        """The resting orders that an incoming order of `side` at `limit` would meet, in the order it meets them."""
        levels = self._side(Side.ASK if side is Side.BID else Side.BID)
        for price in sorted(levels, reverse=side is Side.ASK):
            if (price > limit) if side is Side.BID else (price < limit):
                return
            yield from levels[price].values()

    def _side(self, side: Side) -> Levels:
        return self.bids if side is Side.BID else self.asks


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen: fills in order, own resting orders to cancel, and whether a self-cross stops the taker."""

    fills: tuple[tuple[Order, int], ...] = ()
    self_cancels: tuple[Order, ...] = ()
    stopped: bool = False


def plan(book: Book, taker: Order) -> Plan:
    """Walk the book for an incoming order without changing anything.

    Self-trade prevention goes by the incoming order's type and covers all subaccounts of one account: `taker_at_cross`
    stops at the first own order, `maker` cancels it and goes on (orders.md 11).
    """
    fills: list[tuple[Order, int]] = []
    cancels: list[Order] = []
    wanted = taker.remaining
    for maker in book.crossing(taker.side, taker.price):
        if wanted == 0:
            break
        if maker.account != taker.account:
            fills.append((maker, min(wanted, maker.remaining)))
            wanted -= fills[-1][1]
        elif taker.stp is SelfTradePrevention.TAKER_AT_CROSS:
            return Plan(tuple(fills), tuple(cancels), stopped=True)
        else:
            cancels.append(maker)
    return Plan(tuple(fills), tuple(cancels))
