"""One market of one subaccount: what was bought, the orders that may still fill, and the most that can come of both.

Rule of this file: every figure holds for any part of the orders filling, in any order, at their price or better; a fill
that we learn of late therefore never raises one. Which contracts a sale closed is not told, so what is held counts
as the dearest that were bought since the exchange's own basis was last read.
"""

from dataclasses import dataclass
from typing import Self

from pretrade.model.orders import Side
from pretrade.model.units import NO_CONTRACTS, NO_MONEY, ONE_DOLLAR_PRICE, Count, Money, Price, ceil_div


def leg_price(side: Side, price: Price) -> int:
    """What one contract of the leg bought costs: the price for a bid, one dollar less the price for an ask."""
    return price if side is Side.BID else ONE_DOLLAR_PRICE - price


class Ladder:
    """Contracts by the price of the leg bought, and the worst fees of the orders among them."""

    __slots__ = ("cost", "count", "counts", "fees")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.cost = 0
        self.fees = 0

    def add(self, leg: int, count: int, fee: int = 0) -> None:
        """Count contracts at a leg price; negative figures take them away again."""
        left = self.counts.get(leg, 0) + count
        if left:
            self.counts[leg] = left
        else:
            self.counts.pop(leg, None)
        self.count += count
        self.cost += leg * count
        self.fees += fee

    def copy(self) -> "Ladder":
        """The same again, to be changed."""
        new = Ladder.__new__(Ladder)
        new.counts = self.counts.copy()
        new.count, new.cost, new.fees = self.count, self.cost, self.fees
        return new

    def plus(self, leg: int, count: int) -> "Ladder":
        """Another one, with more contracts at a leg price."""
        new = self.copy()
        new.add(leg, count)
        return new


_EMPTY = Ladder()
"""Nothing. What was bought or seen is never changed in place, so that many books may have this, and a trial shares its
book's."""


def dearest(count: int, ladders: tuple[Ladder, ...]) -> int:
    """What the `count` dearest contracts of some ladders cost together, in $0.000001."""
    spare, total = -count, 0
    for ladder in ladders:
        spare += ladder.count
        total += ladder.cost
    if spare <= 0:
        return total
    cheapest_first = sorted(level for ladder in ladders for level in ladder.counts.items())
    for leg, at_leg in cheapest_first:
        taken = min(spare, at_leg)
        total -= leg * taken
        spare -= taken
        if not spare:
            break
    return total


@dataclass(frozen=True, slots=True)
class Held:
    """A position as the exchange states it: contracts (YES above zero, NO below) and their basis."""

    count: Count = NO_CONTRACTS
    cost: Money = NO_MONEY

    def ladder(self, side: Side) -> Ladder:
        """Its contracts on one side, at their average price rounded up."""
        ladder = Ladder()
        signed = self.count if side is Side.BID else -self.count
        if signed > 0:
            ladder.add(ceil_div(self.cost, signed), signed)
        return ladder


class _Leg:
    """One side of a book: what was bought there, what the exchange shows beyond it, and what may fill."""

    __slots__ = ("bought", "orders", "seen", "seen_count")

    def __init__(self, bought: Ladder, orders: Ladder) -> None:
        self.bought = bought
        self.orders = orders
        self.seen: Ladder | None = None
        self.seen_count = 0

    def copy(self) -> "_Leg":
        new = _Leg(self.bought, self.orders.copy())
        new.seen, new.seen_count = self.seen, self.seen_count
        return new

    def held(self, other: "_Leg") -> int:
        """The most contracts held on this side, less those of the other side; below zero where that side holds more."""
        own = self.bought.count - other.bought.count
        return own if self.seen is None else max(own, self.seen_count)

    def figures(self, other: "_Leg") -> tuple[int, int]:
        """The most contracts that may come to be held on this side, and the most that may come to be at risk."""
        held, orders = self.held(other), self.orders
        count = held + orders.count
        if count <= 0:
            return 0, 0
        ladders = (self.bought, orders) if self.seen is None else (self.bought, orders, self.seen)
        opens = orders.count > max(0, -held)
        return count, dearest(count, ladders) + (orders.fees if opens else 0)


type Levels = tuple[tuple[int, int], ...]
"""(leg price, count), cheapest first unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class SeenState:
    """What the exchange shows where it differs, as a snapshot holds it."""

    yes: Levels
    yes_count: int
    no: Levels
    no_count: int


@dataclass(frozen=True, slots=True)
class BookState:
    """A book without its orders, as a snapshot holds it."""

    yes: Levels
    no: Levels
    seen: SeenState | None
    touched_ms: int


def _levels(ladder: Ladder) -> Levels:
    return tuple(sorted(ladder.counts.items()))


def _ladder(levels: Levels) -> Ladder:
    ladder = Ladder()
    for leg, count in levels:
        ladder.add(leg, count)
    return ladder


type Figures = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Worst position and exposure: of each the worse side's, then those of bids alone and of asks alone."""


class Book:
    """Both sides of a market. Where the exchange's position differs from ours, the worse of both counts, side by side.

    `touched_ms` is when anything of ours last moved it.
    """

    __slots__ = ("_figures", "_no", "_yes", "has_seen", "open_orders", "touched_ms")

    def __init__(self) -> None:
        self._yes = _Leg(_EMPTY, Ladder())
        self._no = _Leg(_EMPTY, Ladder())
        self._figures: Figures | None = ((0, 0), (0, 0), (0, 0))
        self.has_seen = False
        self.open_orders = self.touched_ms = 0

    def _legs(self, side: Side) -> tuple[_Leg, _Leg]:
        return (self._yes, self._no) if side is Side.BID else (self._no, self._yes)

    def trial(self) -> "Book":
        """The same again, to try something on."""
        new = Book.__new__(Book)
        new._yes, new._no, new._figures = self._yes.copy(), self._no.copy(), self._figures
        new.has_seen, new.open_orders, new.touched_ms = self.has_seen, self.open_orders, self.touched_ms
        return new

    @property
    def position(self) -> Count:
        """What we reckon is held: YES above zero, NO below."""
        return Count(self._yes.bought.count - self._no.bought.count)

    @property
    def basis(self) -> Money:
        """The most that what we reckon is held has cost, orders aside."""
        mine, _ = self._legs(Side.BID if self.position > 0 else Side.ASK)
        return Money(dearest(abs(self.position), (mine.bought,)))

    def bought(self, side: Side) -> tuple[tuple[int, int], ...]:
        """What was bought on a side since the last stated basis, as (leg price, count), cheapest first."""
        return tuple(sorted(self._legs(side)[0].bought.counts.items()))

    def may_fill(self, side: Side) -> int:
        """Contracts that may still fill on a side."""
        return self._legs(side)[0].orders.count

    def opening(self, side: Side) -> tuple[Levels, int, int]:
        """The orders of a side that may still fill: (leg price, count), dearest first, their worst fees, and how many
        contracts of them can only close what is held on the other side at least."""
        mine, other = self._legs(side)
        levels = tuple(sorted(mine.orders.counts.items(), reverse=True))
        return levels, mine.orders.fees, max(0, -mine.held(other))

    def order(self, side: Side, leg: int, count: int, fee: int, orders: int) -> None:
        """Count what may fill of an order; negative figures take it away. `orders` is 1, -1 or 0."""
        self._legs(side)[0].orders.add(leg, count, fee)
        self.open_orders += orders
        self._figures = None

    def fill(self, side: Side, leg: int, count: int) -> None:
        """Note contracts bought at a leg price or better."""
        mine, _ = self._legs(side)
        mine.bought = mine.bought.plus(leg, count)
        if mine.seen is not None:  # the read may have come before the fill or after it: both are possible
            mine.seen_count += count
        self._figures = None
        self.settle()

    def see(self, held: Held | None) -> None:
        """Note what the exchange shows where it differs from ours; None where it agrees again."""
        self.has_seen, self._figures = held is not None, None
        for side, leg in ((Side.BID, self._yes), (Side.ASK, self._no)):
            leg.seen = None if held is None else held.ladder(side)
            leg.seen_count = 0 if held is None else (held.count if side is Side.BID else -held.count)

    def adopt(self, held: Held) -> None:
        """Take the exchange's position and basis for what is held."""
        self.see(None)
        self._yes.bought, self._no.bought = held.ladder(Side.BID), held.ladder(Side.ASK)

    def state(self) -> "BookState":
        """What is held and seen, without the orders, as one value."""
        yes, no = self._yes, self._no
        seen = None
        if yes.seen is not None and no.seen is not None:
            seen = SeenState(_levels(yes.seen), yes.seen_count, _levels(no.seen), no.seen_count)
        return BookState(_levels(yes.bought), _levels(no.bought), seen, self.touched_ms)

    @classmethod
    def of(cls, state: "BookState") -> Self:
        """A book with this state and no orders yet."""
        book = cls()
        book._yes.bought, book._no.bought = _ladder(state.yes), _ladder(state.no)
        book.touched_ms, book.has_seen = state.touched_ms, state.seen is not None
        if state.seen is not None:
            book._yes.seen, book._yes.seen_count = _ladder(state.seen.yes), state.seen.yes_count
            book._no.seen, book._no.seen_count = _ladder(state.seen.no), state.seen.no_count
        book._figures = None
        return book

    def settle(self) -> None:
        """Forget what was bought once nothing is held and nothing can have filled unknown to us."""
        has_bought = self._yes.bought.counts or self._no.bought.counts
        if has_bought and self.position == 0 and not self.open_orders and not self.has_seen:
            self._yes.bought = self._no.bought = _EMPTY
            self._figures = None

    def figures(self) -> tuple[int, int]:
        """Worst position and exposure: of each the worse side's."""
        return self.all_figures()[0]

    def all_figures(self) -> Figures:
        """The same with those of each side alone, what may come of the leg that its orders buy. Reckoned once until
        something changes."""
        if self._figures is None:
            bids, asks = self._yes.figures(self._no), self._no.figures(self._yes)
            self._figures = (max(bids[0], asks[0]), max(bids[1], asks[1])), bids, asks
        return self._figures

    def worst_position(self) -> int:
        """The most contracts that may come to be held, on whichever side, in units of 0.01."""
        return self.figures()[0]

    def exposure(self) -> int:
        """The most that may come to be at risk: the basis of what may be held, with the fees of opening it."""
        return self.figures()[1]

    def reduces(self, side: Side, count: int) -> bool:
        """Whether one more order of this size can only close, whatever else fills before it."""
        mine, other = self._legs(side)
        return mine.held(other) + mine.orders.count + count <= 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held and nothing can fill."""
        return not (self.position or self.open_orders or self.has_seen)
