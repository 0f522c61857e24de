"""How liquid a book is: spread, midpoint, depth, and what taking from it costs, in exact integers.

Rule of this file: formulas over a book that was seen, nothing of orders or policies. Prices are in the terms of the leg
that trades; what would be a fraction is kept as a numerator beside a constant, so that no comparison is rounded. A book
that is one-sided, locked or crossed has no midpoint, and so no depth near one. Every order that opens asks for all of
this: values are tuples, and levels are walked no further than they matter.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from pretrade.model.seen import BookSeen, Level
from pretrade.model.units import NO_CONTRACTS, NO_MONEY, ONE_DOLLAR_PRICE, Count, Money, Price, ceil_div

RADIUS = Price(1_000)
"""How far from the midpoint a level counts as near: ten cents."""
WEIGHT_ONE = 2 * (RADIUS + 100)
"""A contract at the midpoint weighs this much; one further away less, by twice the distance in $0.0001."""
BOOKS_REMEMBERED = 256
"""Books whose depth is kept, by their levels, some 6 KB each: the next order often meets the same book."""
QUOTES_REMEMBERED = 2_048
"""Quotes that are kept, by the two best bids."""


class Taking(StrEnum):
    """What an order does to the book that it meets."""

    BUY_YES = "buy_yes"
    SELL_YES = "sell_yes"
    BUY_NO = "buy_no"
    SELL_NO = "sell_no"


class Quote(NamedTuple):
    """The best prices of a two-sided book in YES terms, the bid below the ask."""

    bid: Price
    ask: Price

    @property
    def spread(self) -> Price:
        """How far they are apart, never zero."""
        return Price(self.ask - self.bid)

    @property
    def twice_mid(self) -> int:
        """Two midpoints, in $0.0001: the midpoint itself may lie between two prices."""
        return self.bid + self.ask


def quote(book: BookSeen) -> Quote | None:
    """The best prices; None for a book without both sides, and for one that is locked or crossed: invalid data, however
    narrow it looks."""
    yes, no = book.yes, book.no
    return _quoted(yes[0][0], no[0][0]) if yes and no else None


@lru_cache(QUOTES_REMEMBERED)
def _quoted(yes: Price, no: Price) -> Quote | None:
    """The same for the two best bids."""
    ask = Price(ONE_DOLLAR_PRICE - no)
    return Quote(yes, ask) if yes < ask else None


class Depth(NamedTuple):
    """What stands within RADIUS of the midpoint: YES bids, NO bids, and both weighted (in 1/WEIGHT_ONE of a 0.01
    contract)."""

    yes: Count = NO_CONTRACTS
    no: Count = NO_CONTRACTS
    weighted: int = 0

    @property
    def total(self) -> Count:
        """Both sides together."""
        return Count(self.yes + self.no)

    @property
    def imbalance(self) -> tuple[int, int]:
        """(YES less NO, of the total), both in 0.01 contracts; above zero where more stands on the YES side. The second
        is never below one contract."""
        return self.yes - self.no, max(self.total, 100)


def depth(book: BookSeen) -> Depth:
    """The depth near the midpoint; nothing where there is no midpoint."""
    return depth_around(book, quote(book))


def depth_around(book: BookSeen, best: Quote | None) -> Depth:
    """The same for who has the book's quote already."""
    return _NO_DEPTH if best is None else _depth(book.yes, book.no, best)


_NO_DEPTH = Depth()


@lru_cache(BOOKS_REMEMBERED)
def _depth(yes: tuple[Level, ...], no: tuple[Level, ...], best: Quote) -> Depth:
    """The same, by all that it depends on."""
    yes_near, yes_weighted = _near(yes, best.twice_mid)
    no_near, no_weighted = _near(no, 2 * ONE_DOLLAR_PRICE - best.twice_mid)
    return Depth(yes_near, no_near, yes_weighted + no_weighted)


def _near(levels: Iterable[Level], twice_mid: int) -> tuple[Count, int]:
    """Contracts within RADIUS below a midpoint, plain and weighted; levels come best first."""
    furthest = ceil_div(twice_mid - 2 * RADIUS, 2)
    count = cost = 0
    for price, standing in levels:
        if price < furthest:
            break
        count += standing
        cost += standing * price
    # Each contract weighs WEIGHT_ONE less its distance, which is twice_mid - 2 x price.
    return Count(count), count * (WEIGHT_ONE - twice_mid) + 2 * cost


def levels_for(book: BookSeen, taking: Taking) -> tuple[Level, ...]:
    """The levels that an order meets, best first, each at the price that the order's own leg trades at."""
    match taking:
        case Taking.BUY_YES:
            return _inverted(book.no)
        case Taking.SELL_YES:
            return book.yes
        case Taking.BUY_NO:
            return _inverted(book.yes)
        case Taking.SELL_NO:
            return book.no


def _inverted(levels: Iterable[Level]) -> tuple[Level, ...]:
    return tuple([(Price(ONE_DOLLAR_PRICE - price), count) for price, count in levels])


def within(levels: Iterable[Level], limit: Price) -> tuple[Level, ...]:
    """The levels that a buyer with this limit meets, cheapest first: those at its price or cheaper."""
    return tuple(takewhile(lambda level: level[0] <= limit, levels))


def met_within(opposite: Iterable[Level], limit: Price) -> tuple[Level, ...]:
    """The same out of the bids for the other leg, best first: each sells this leg at one dollar less its price."""
    met: list[Level] = []
    for bid, standing in opposite:
        price = Price(ONE_DOLLAR_PRICE - bid)
        if price > limit:
            break
        met.append((price, standing))
    return tuple(met)


def beyond(levels: Iterable[Level], taken: int) -> tuple[Level, ...]:
    """What is left once so many contracts were taken from the best levels."""
    left: list[Level] = []
    for price, standing in levels:
        here = min(taken, standing)
        taken -= here
        if here < standing:
            left.append((price, Count(standing - here)))
    return tuple(left)


class Slippage(NamedTuple):
    """How far an average price may be from the best: in dollars a contract, and in 1/100 percent of the best price, for
    either alone says too little at the edges. None is no bound."""

    most: Price | None = None
    percent: int | None = None

    def spare(self, best: Price, excess: int, filled: int) -> int:
        """What the excess could still grow by, times 10,000; below zero where it is too much."""
        spare: int | None = None
        if self.most is not None:
            spare = 10_000 * (self.most * filled - excess)
        if self.percent is not None:
            of_percent = self.percent * best * filled - 10_000 * excess
            spare = of_percent if spare is None else min(spare, of_percent)
        return 0 if spare is None else spare

    def room(self, best: Price, excess: int, filled: int, level: Level) -> int:
        """How much of the next level may be taken on top."""
        price, standing = level
        distance = abs(price - best)
        spare, per_contract = self.spare(best, excess, filled), -self.spare(best, distance, 1)
        return standing if per_contract <= 0 else min(standing, spare // per_contract)


class Walk(NamedTuple):
    """What taking from a book comes to.

    `filled` and `remainder` add up to what was asked for, `cost` is what the filled part trades for in all, `best` and
    `worst` are the first and the last price touched (None where nothing fills), `levels` how many were.
    """

    filled: Count
    remainder: Count
    cost: Money = NO_MONEY
    best: Price | None = None
    worst: Price | None = None
    levels: int = 0

    @property
    def excess(self) -> Money:
        """By how much the cost is worse than if all had traded at the best price; never below zero."""
        return Money(0 if self.best is None else abs(self.cost - self.best * self.filled))

    def keeps(self, slippage: Slippage) -> bool:
        """Whether the average price of what fills is no further from the best one than allowed."""
        return self.best is None or slippage.spare(self.best, self.excess, self.filled) >= 0


def walk(levels: Iterable[Level], count: int, best: Price | None = None) -> Walk:
    """Take so many contracts, best levels first. `best` is what the prices are compared with where it is not the first
    of these levels. Raises ValueError for a count that is none."""
    if count <= 0:
        raise ValueError(f"a count must be above zero, was {count}")
    left, cost, touched, worst = count, 0, 0, None
    for price, standing in levels:
        if not left:
            break
        best, worst = price if best is None else best, price
        here = min(left, standing)
        left, cost, touched = left - here, cost + price * here, touched + 1
    if worst is None:
        return Walk(NO_CONTRACTS, Count(left))
    return Walk(Count(count - left), Count(left), Money(cost), best, worst, touched)


def max_safe_size(levels: Iterable[Level], slippage: Slippage, best: Price | None = None) -> Count:
    """The most that these levels fill whole and within the slippage, to the last 0.01 contract."""
    filled = excess = 0
    for level in levels:
        best = level[0] if best is None else best
        room = slippage.room(best, excess, filled, level)
        filled, excess = filled + room, excess + abs(level[0] - best) * room
        if room < level[1]:
            break
    return Count(filled)
