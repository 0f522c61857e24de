"""One market's order book in YES terms, with price-time priority.

Rule of this file: no money, no clock and no matching. Prices of a side are kept sorted with the best last, each level
knows its total, and a level's dict keeps the order of insertion, which is the time priority: adding, removing and
asking for the best never walk over orders.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from pretrade.model.orders import Side
from pretrade.practice.core.records import Order


@dataclass(slots=True)
class Level:
    """The orders resting at one price, oldest first, and the sum of what remains of them."""

    orders: dict[str, Order] = field(default_factory=dict)
    total: int = 0


@dataclass(slots=True)
class Ladder:
    """One side: its levels by price. `ranks` is sorted, the best last; a rank is the price, negated for asks."""

    sign: int
    levels: dict[int, Level] = field(default_factory=dict)
    ranks: list[int] = field(default_factory=list)

    def level(self, price: int) -> Level:
        """The level at a price, made empty on first use."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.ranks, self.sign * price)
        return level

    def drop(self, price: int) -> None:
        """Take out a level that has become empty."""
        del self.levels[price]
        del self.ranks[bisect_left(self.ranks, self.sign * price)]

    def best_first(self) -> Iterator[tuple[int, Level]]:
        """The levels with their prices, best first."""
        for rank in reversed(self.ranks):
            price = self.sign * rank
            yield price, self.levels[price]


@dataclass(slots=True)
class Book:
    """The resting orders of one market."""

    bids: Ladder = field(default_factory=lambda: Ladder(1))
    asks: Ladder = field(default_factory=lambda: Ladder(-1))

    def side(self, side: Side) -> Ladder:
        """The ladder of a side."""
        return self.bids if side is Side.BID else self.asks

    def add(self, order: Order) -> None:
        """Put an order at the back of its level."""
        level = self.side(order.side).level(order.price)
        level.orders[order.order_id] = order
        level.total += order.remaining

    def remove(self, order: Order) -> None:
        """Take an order out with what remains of it; a level that becomes empty goes with it."""
        ladder = self.side(order.side)
        level = ladder.levels[order.price]
        del level.orders[order.order_id]
        level.total -= order.remaining
        if not level.orders:
            ladder.drop(order.price)

    def reduce(self, order: Order, by: int) -> None:
        """Note that `by` of a resting order is about to leave it; it keeps its place. The order itself is untouched."""
        self.side(order.side).levels[order.price].total -= by

    def best(self, side: Side) -> int | None:
        """The best price of a side, None when it is empty."""
        ladder = self.side(side)
        return ladder.sign * ladder.ranks[-1] if ladder.ranks else None

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Price and total count of each level, best first."""
        return [(price, level.total) for price, level in self.side(side).best_first()]

    def ahead_of(self, order: Order) -> int:
        """The count that trades before this resting order does."""
        ladder = self.side(order.side)
        place = bisect_left(ladder.ranks, ladder.sign * order.price)
        better = sum(ladder.levels[ladder.sign * rank].total for rank in ladder.ranks[place + 1 :])
        older = takewhile(lambda other: other is not order, ladder.levels[order.price].orders.values())
        return better + sum(other.remaining for other in older)

    def queue(self, side: Side, wanted: Collection[str]) -> Iterator[tuple[str, int]]:
        """The ids of the wanted orders of a side, each with the count ahead of it: one walk for all of them."""
        ahead, left = 0, len(wanted)
        for order in self.orders(side):
            if not left:
                return
            if order.order_id in wanted:
                yield order.order_id, ahead
                left -= 1
            ahead += order.remaining

    def orders(self, side: Side) -> Iterator[Order]:
        """The resting orders of a side in the order in which they would trade."""
        for _, level in self.side(side).best_first():
            yield from level.orders.values()

    def first_met(self, side: Side, limit: int) -> Order | None:
        """The resting order that an incoming order of `side` at `limit` would meet first, None if it would rest."""
        ladder = self.asks if side is Side.BID else self.bids
        if not ladder.ranks or ladder.ranks[-1] < ladder.sign * limit:
            return None
        return next(iter(ladder.levels[ladder.sign * ladder.ranks[-1]].orders.values()))

    def met(self, side: Side, limit: int) -> Iterator[Level]:
        """The levels that an incoming order of `side` at `limit` could trade with, best first."""
        ladder = self.asks if side is Side.BID else self.bids
        for price, level in ladder.best_first():
            if ladder.sign * price < ladder.sign * limit:
                return
            yield level
