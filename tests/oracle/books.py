"""Every small book there is: positions, costs and orders of a grid, by size.

Rule of this file: nothing is chosen by chance and nothing is left out but what is the same again (the order in which
orders were placed).
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations_with_replacement

from tests.oracle.formula import ASK, BID, Held, Row

POSITIONS = range(-3, 4)
PRICES = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))
COUNTS = (1, 2)
UNIT_COSTS = (Fraction(1, 20), Fraction(19, 20))


PARTS = 13
"""Positions of the grid: 0, and three a side, each cheap and dear."""


def helds(scale: int = 1) -> Iterator[Held]:
    """Every position of the grid, cheap and dear; `scale` is how many pieces a contract is counted in."""
    for count in POSITIONS:
        for unit in UNIT_COSTS if count else UNIT_COSTS[:1]:
            yield Held(scale * count, abs(scale * count) * unit)


def orders(side: str, most: int, scale: int = 1) -> Iterator[tuple[Row, ...]]:
    """Every set of up to `most` orders of one side."""
    kinds = [Row(side, price, scale * count) for price in PRICES for count in COUNTS]
    for many in range(most + 1):
        yield from combinations_with_replacement(kinds, many)


def books(
    bids: int, asks: int, together: int, scale: int = 1, part: int | None = None
) -> Iterator[tuple[Held, tuple[Row, ...]]]:
    """Every book with up to so many bids, asks and orders together; of one position of the grid for a `part`."""
    chosen = [held for index, held in enumerate(helds(scale)) if part in {None, index}]
    asked = list(orders(ASK, asks, scale))
    for bid in orders(BID, bids, scale):
        for ask in asked:
            if len(bid) + len(ask) <= together:
                yield from ((held, bid + ask) for held in chosen)
