"""The money that the resting orders of one position hold, kept up to date order by order.

Rule of this file: exact integers and no walk over orders. Bids and asks hold their full cost, less what would only
close the position; the orders that fill first close first, so the best-priced are covered first (sim_semantics.md 4).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from pretrade.model.orders import Side
from pretrade.practice.core.instruments import leg_price


@dataclass(slots=True)
class Ladder:
    """The counts of one side's resting orders by what their leg costs, cheapest first, and their sums."""

    counts: dict[int, int] = field(default_factory=dict)
    legs: list[int] = field(default_factory=list)
    count: int = 0
    cost: int = 0

    def change(self, leg: int, delta: int) -> None:
        """Add `delta` contracts (0.01, negative to take away) that cost `leg` each."""
        if not delta:
            return
        before = self.counts.get(leg, 0)
        if not before:
            insort(self.legs, leg)
        if before + delta:
            self.counts[leg] = before + delta
        else:
            del self.counts[leg], self.legs[bisect_left(self.legs, leg)]
        self.count += delta
        self.cost += leg * delta

    def cost_of_dearest(self, count: int) -> int:
        """What the `count` dearest contracts cost: dearest for the owner is best for the market."""
        if count >= self.count:
            return self.cost
        cost = 0
        for leg in reversed(self.legs):
            take = min(count, self.counts[leg])
            cost += leg * take
            count -= take
            if not count:
                break
        return cost


@dataclass(slots=True)
class Reservation:
    """What the resting orders of one position hold: collateral, and the fees set aside for their fills."""

    bids: Ladder = field(default_factory=Ladder)
    asks: Ladder = field(default_factory=Ladder)
    fees: int = 0

    def change(self, side: Side, price: int, delta: int) -> None:
        """Let `delta` more contracts (0.01) rest at a price, fewer when negative."""
        ladder = self.bids if side is Side.BID else self.asks
        ladder.change(leg_price(side, price), delta)

    def held(self, position: int) -> int:
        """The money held next to a signed position: a long one covers asks, a short one covers bids."""
        closing = self.asks if position > 0 else self.bids
        covered = closing.cost_of_dearest(abs(position)) if position else 0
        return self.bids.cost + self.asks.cost - covered + self.fees

    def held_with(self, position: int, changes: Iterable[tuple[Side, int, int]]) -> int:
        """The money that would be held after some changes (side, price, delta), which are taken back again."""
        done = tuple(changes)
        for side, price, delta in done:
            self.change(side, price, delta)
        held = self.held(position)
        for side, price, delta in done:
            self.change(side, price, -delta)
        return held
