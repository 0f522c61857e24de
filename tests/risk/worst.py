"""The worst that can still come of a market, by going through everything that can happen.

Rule of this file: no formula. Orders fill contract by contract in every order of fills, amends that are under way take
hold at any moment or never; of all the ways to one place only the dearest are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

from tests.risk.tiny_exchange import DOLLAR, Position

from pretrade.model.orders import Side

CONTRACT = 100
"""One contract in units of 0.01: what fills at once."""

type Terms = tuple[int, int]
"""(price, total)."""


@dataclass(frozen=True)
class May:
    """An order that may fill: its terms now, and those that amends under way may give it."""

    side: Side
    filled: int
    now: Terms
    coming: tuple[Terms, ...] = ()

    def next(self) -> Iterator[tuple["May", int | None]]:
        """What may become of it next, with the price of the contract that filled, if one did."""
        price, total = self.now
        if self.filled < total:
            yield May(self.side, self.filled + CONTRACT, self.now, self.coming), price
        for index, terms in enumerate(self.coming):
            rest = self.coming[:index] + self.coming[index + 1 :]
            if terms[1] > self.filled:
                yield May(self.side, self.filled, terms, rest), None


@dataclass(frozen=True)
class Worst:
    """The most that may come to be held on a side, and to be at risk: basis and the fees of opening it, in
    $0.000001."""

    position: int
    exposure: Fraction


def fee(price: int, count: int = CONTRACT) -> int:
    """What the exchange takes for a fill, in $0.000001: 0.07 x C x P x (1 - P), rounded up to $0.0001."""
    exact = Fraction(7, 100) * Fraction(count, 100) * Fraction(price, DOLLAR) * Fraction(DOLLAR - price, DOLLAR)
    return ceil(exact * 10_000) * 100


@lru_cache(maxsize=20_000)
def worst(held: Position, orders: tuple[May, ...]) -> Worst:
    """Go through every future of one market."""
    layer: dict[tuple[int, tuple[May, ...]], set[tuple[Fraction, int]]] = {(held.count, orders): {(held.cost, 0)}}
    position, exposure = abs(held.count), held.cost
    while layer:
        following: dict[tuple[int, tuple[May, ...]], set[tuple[Fraction, int]]] = {}
        for (count, here), ways in layer.items():
            position = max(position, abs(count))
            costs = _dearest(ways)
            exposure = max(exposure, *(basis + fees for basis, fees in costs))
            for moved, there, price, side in _steps(count, here):
                known = following.setdefault((moved, there), set())
                known |= {_after(count, cost, side, price) for cost in costs}
        layer = following
    return Worst(position, exposure)


def _steps(count: int, orders: tuple[May, ...]) -> Iterator[tuple[int, tuple[May, ...], int | None, Side]]:
    for index, order in enumerate(orders):
        for after, price in order.next():
            step = 0 if price is None else CONTRACT if order.side is Side.BID else -CONTRACT
            yield count + step, (*orders[:index], after, *orders[index + 1 :]), price, order.side


def _after(count: int, cost: tuple[Fraction, int], side: Side, price: int | None) -> tuple[Fraction, int]:
    if price is None:
        return cost
    basis, fees = cost
    opens = count >= 0 if side is Side.BID else count <= 0
    return Position(count, basis).after(side, price, CONTRACT).cost, fees + (fee(price) if opens else 0)


def _dearest(costs: set[tuple[Fraction, int]]) -> set[tuple[Fraction, int]]:
    """Without the ways that are no dearer than another in either figure."""
    return {
        one for one in costs if not any(one != other and one[0] <= other[0] and one[1] <= other[1] for other in costs)
    }


def most_paid(order: May) -> int:
    """The most that what may still fill of an order can cost."""
    paid = 0
    for after, price in order.next():
        leg = 0 if price is None else price if order.side is Side.BID else DOLLAR - price
        paid = max(paid, leg * CONTRACT + most_paid(after))
    return paid
