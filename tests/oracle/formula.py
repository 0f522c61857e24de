"""The closed formulas of what a market may come to, in Fractions of contracts and dollars.

Rule of this file: plain sums over plain rows, nothing clever and nothing of the program's. A row is one order that may
still fill; a book is a position, what was bought since it was stated, and its rows.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import NamedTuple

BID, ASK = "bid", "ask"
HALF = Fraction(1, 2)


class Row(NamedTuple):
    """One order that may still fill: its worst price of the YES leg in dollars, the most that may fill of it, and the
    highest fee multiplier that it may meet."""

    side: str
    price: Fraction
    left: Fraction
    multiplier: Fraction = Fraction(1)


class Held(NamedTuple):
    """Contracts held, YES above zero and NO below, and their cost."""

    count: Fraction
    cost: Fraction


def leg(side: str, price: Fraction) -> Fraction:
    """What one contract of what the order buys costs: YES for a bid, NO for an ask."""
    return price if side == BID else 1 - price


def worst_fee(row: Row) -> Fraction:
    """The most that filling a row may cost in fees: at the worst price that it can fill at, in pieces of a hundredth of
    a contract, each rounded up to a hundredth of a cent, and two cents for the exchange's own rounding."""
    if not row.left:
        return Fraction(0)
    fillable_half = row.price >= HALF if row.side == BID else row.price <= HALF
    price = HALF if fillable_half else row.price
    piece = Fraction(7, 100) * row.multiplier * Fraction(1, 100) * price * (1 - price)
    return row.left * 100 * Fraction(ceil(piece * 10_000), 10_000) + Fraction(2, 100)


type FeeBound = Callable[[Row], Fraction]


def dearest(rows: list[Row], count: Fraction) -> Fraction:
    """What the dearest `count` contracts of these rows cost."""
    total = Fraction(0)
    for row in sorted(rows, key=lambda row: leg(row.side, row.price), reverse=True):
        taken = max(Fraction(0), min(count, row.left))
        total += taken * leg(row.side, row.price)
        count -= taken
    return total


class Book(NamedTuple):
    """A market of one subaccount: the position that the exchange last stated, what was bought since (as rows, at the
    worst price it can have had), what may still fill, and what the exchange shows where that is not what we reckon,
    with the contracts bought on either side since it was shown."""

    base: Held
    bought: tuple[Row, ...] = ()
    rows: tuple[Row, ...] = ()
    seen: Held | None = None
    bought_since: tuple[Row, ...] = ()


NOTHING_HELD = Held(Fraction(0), Fraction(0))


def contracts(rows: tuple[Row, ...], side: str) -> Fraction:
    """The contracts of the rows of one side."""
    return sum((row.left for row in rows if row.side == side), Fraction(0))


def signed(side: str) -> int:
    """The sign of a position of contracts that orders of `side` buy."""
    return 1 if side == BID else -1


def most_held(book: Book, side: str) -> Fraction:
    """The most contracts held on the side that orders of `side` buy; below zero where the other side holds them."""
    sign = signed(side)
    ours = sign * (book.base.count + contracts(book.bought, BID) - contracts(book.bought, ASK))
    if book.seen is None:
        return ours
    return max(ours, sign * book.seen.count + contracts(book.bought_since, side))


def as_row(held: Held, side: str) -> list[Row]:
    """A stated position as contracts of its average cost; nothing where it is on the other side."""
    count = signed(side) * held.count
    if count <= 0:
        return []
    average = held.cost / count
    return [Row(side, average if side == BID else 1 - average, count)]


def one_side(book: Book, side: str, fee: FeeBound) -> Fraction:
    """The most that may come to be at risk on the side that orders of `side` buy.

    Nobody tells which contracts a sale closed before which were bought: so what is open is the dearest of all that were
    ever bought or may be.
    """
    held, may_fill = most_held(book, side), contracts(book.rows, side)
    pool = [row for row in (*book.bought, *book.rows) if row.side == side]
    pool += as_row(book.base, side) + as_row(book.seen or NOTHING_HELD, side)
    total = dearest(pool, max(Fraction(0), held + may_fill))
    if may_fill > max(Fraction(0), -held):
        total += sum(fee(row) for row in book.rows if row.side == side)
    return total


@lru_cache(maxsize=1_024)
def exposure(book: Book, fee: FeeBound = worst_fee) -> Fraction:
    """The exposure of a book: the worse of its sides."""
    return max(one_side(book, side, fee) for side in (BID, ASK))


def most_to_hold(book: Book, side: str) -> Fraction:
    """The most contracts that may come to be held on the side that orders of `side` buy."""
    return max(Fraction(0), most_held(book, side) + contracts(book.rows, side))


def worst_position(book: Book) -> Fraction:
    """The most contracts, on whichever side, that may come to be held."""
    return max(most_to_hold(book, side) for side in (BID, ASK))


def reduces(book: Book, side: str, count: Fraction) -> bool:
    """Whether one more order of this size can only ever close: even after everything beside it has filled."""
    return most_held(book, side) + contracts(book.rows, side) + count <= 0
