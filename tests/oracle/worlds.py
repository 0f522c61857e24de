"""What may really happen to a market's orders, world by world: brute force, no formula.

Rule of this file: an order fills in pieces, the pieces of all orders in every order there is, and the exchange's books
are kept by average cost. Nothing is left out because it cannot matter. Counts are whole numbers here (halves of a
contract, where halves are wanted), for the sake of speed; money is a Fraction.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from tests.oracle.formula import BID, Held, Row, leg

NOTHING = Fraction(0)


class World(NamedTuple):
    """A position, what it cost, what is left of each order, and what opening the side now held cost in fees."""

    held: Held
    left: tuple[int, ...]
    fees: Fraction


def fill(held: Held, side: str, price: Fraction, count: int) -> tuple[Held, int]:
    """The position after one fill at one price, and how many of its contracts opened."""
    sign = 1 if side == BID else -1
    closed = min(count, abs(held.count)) if sign * held.count < 0 else 0
    opened = count - closed
    kept = held.cost * Fraction(abs(held.count) - closed, abs(held.count)) if closed else held.cost
    return Held(held.count + sign * count, kept + opened * leg(side, price)), opened


def exact_fee(price: Fraction, count: int, multiplier: Fraction) -> Fraction:
    """The exchange's own formula, not rounded."""
    return Fraction(7, 100) * multiplier * count * price * (1 - price)


def after_piece(world: World, rows: tuple[Row, ...], index: int, piece: int) -> World:
    """The world after one piece of one order has filled at its limit price."""
    row = rows[index]
    held, opened = fill(world.held, row.side, row.price, piece)
    sign = 1 if row.side == BID else -1
    # Fees of the side now held: a position that went through zero owes nothing to those of the other side any more.
    went_through = sign * world.held.count < 0 < sign * held.count
    owed = NOTHING if went_through else world.fees
    if opened:
        owed += exact_fee(row.price, opened, row.multiplier)
    left = (*world.left[:index], world.left[index] - piece, *world.left[index + 1 :])
    return World(held, left, owed if held.count else NOTHING)


def every_world(held: Held, rows: tuple[Row, ...], pieces: int = 2) -> Iterator[World]:
    """Every world that can be reached: each order nothing, a piece at a time, or all, in every order of pieces."""
    size = tuple(row.left // pieces for row in rows)
    start = World(held, tuple(row.left for row in rows), NOTHING)
    seen, todo = {start}, [start]
    while todo:
        world = todo.pop()
        yield world
        for index, left in enumerate(world.left):
            if not left:
                continue
            after = after_piece(world, rows, index, size[index])
            if after not in seen:
                seen.add(after)
                todo.append(after)


def at_risk(world: World) -> Fraction:
    """What the position of a world may still lose: its basis and the fees of opening it."""
    return world.held.cost + world.fees


def worst_of_all(held: Held, rows: tuple[Row, ...]) -> tuple[int, Fraction]:
    """The largest position and the most at risk over every world."""
    return reduce(
        lambda worst, world: (max(worst[0], abs(world.held.count)), max(worst[1], at_risk(world))),
        every_world(held, rows),
        (0, NOTHING),
    )


def dearest_worlds(held: Held, rows: tuple[Row, ...]) -> dict[tuple[int, ...], Held]:
    """By what is left of each order, the dearest position that some order of unit fills leads to.

    What happens next never makes a dearer basis the cheaper one (a fill adds the same, scales by the same, or resets),
    so the dearest of each is enough; the number of worlds is then small enough for six orders.
    """
    start = tuple(row.left for row in rows)
    worlds = {start: held}
    for state in _downwards(start):
        for index, left in enumerate(state):
            if not left:
                continue
            after, _ = fill(worlds[state], rows[index].side, rows[index].price, 1)
            key = (*state[:index], left - 1, *state[index + 1 :])
            worlds[key] = max(worlds.get(key, after), after, key=lambda held: held.cost)
    return worlds


def _downwards(start: tuple[int, ...]) -> list[tuple[int, ...]]:
    states: list[tuple[int, ...]] = [()]
    for left in start:
        states = [(*state, count) for state in states for count in range(left + 1)]
    return sorted(states, key=sum, reverse=True)
