"""The spec's formulas against every way that the orders of every small book can fill.

Rule of this file: the claims are about the words of the spec alone; `test_product.py` holds the program to the same
formulas. A claim is checked book by book over the whole grid, never over a sample of it; of the largest grid a run
takes some positions, and each of them whole.
"""

import os
import random
from fractions import Fraction

import pytest
from tests.oracle.books import PARTS, PRICES, books
from tests.oracle.formula import ASK, BID, Book, Held, Row, exposure, leg, reduces, signed, worst_position
from tests.oracle.worlds import dearest_worlds, every_world, fill, worst_of_all

SEED = int(os.environ.get("PRETRADE_SEED", "5"))
SOME = sorted(random.Random(SEED).sample(range(PARTS), 3))
"""Positions of the whole grid that one long run has time for: others with each seed."""


def counted(held: Held, rows: tuple[Row, ...]) -> tuple[Fraction, Fraction]:
    """Worst position and exposure as the formulas have them."""
    book = Book(held, rows=rows)
    return worst_position(book), exposure(book)


def hold_to_every_world(bids: int, asks: int, together: int) -> int:
    """Every piece of every order in every order of pieces stays within what is counted; the worst position is met."""
    checked = 0
    for held, rows in books(bids, asks, together, scale=2):
        position, risk = worst_of_all(held, rows)
        worst, most = counted(held, rows)
        assert worst == position, (held, rows)
        assert most >= risk, (held, rows, most, risk)
        checked += 1
    return checked


def test_no_fill_of_any_order_passes_what_is_counted() -> None:
    """Catches closers taken from the dear end, a fee left out, a side left out, a position that forgets a fill."""
    assert hold_to_every_world(2, 2, 2) > 1_000


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_fill_of_any_three_orders_passes_what_is_counted() -> None:
    """As above, with every third order."""
    assert hold_to_every_world(3, 3, 3) > 5_000


def hold_to_the_dearest(bids: int, asks: int, together: int, part: int | None = None) -> int:
    """Without fees the counted exposure is the dearest world itself: not a hundredth of a cent too much either."""
    checked = 0
    for held, rows in books(bids, asks, together, part=part):
        worlds = dearest_worlds(held, rows)
        book = Book(held, rows=rows)
        bare = exposure(book, lambda _: Fraction(0))
        assert bare == max(world.cost for world in worlds.values()), (held, rows)
        assert worst_position(book) == max(abs(world.count) for world in worlds.values()), book
        checked += 1
    return checked


def test_what_is_counted_is_the_dearest_world() -> None:
    """Catches a bound that is safe and useless: everything summed, closers counted as if they opened."""
    assert hold_to_the_dearest(2, 2, 3) > 4_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_what_is_counted_is_the_dearest_world_of_two_orders_a_side() -> None:
    """As above, with up to two bids and two asks."""
    assert hold_to_the_dearest(2, 2, 4) > 10_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("part", SOME)
def test_what_is_counted_is_the_dearest_world_of_three_orders_a_side(part: int) -> None:
    """As above, with up to three bids and three asks: the whole grid of some positions."""
    assert hold_to_the_dearest(3, 3, 6, part) == 84 * 84


def steps(book: Book) -> list[Book]:
    """Whatever may happen next: a piece of an order fills, told or only seen in the position, or an order shrinks."""
    after = []
    for index, row in enumerate(book.rows):
        piece, smaller = row._replace(left=1), row._replace(left=row.left - 1)
        rest = (*book.rows[:index], *([smaller] if smaller.left else []), *book.rows[index + 1 :])
        after.append(book._replace(rows=rest))
        after.append(book._replace(rows=rest, bought=(*book.bought, piece), bought_since=(*book.bought_since, piece)))
        better = [price for price in PRICES if leg(row.side, price) <= leg(row.side, row.price)]
        after.extend(Book(fill(book.base, row.side, price, 1)[0], rows=rest) for price in better if not book.bought)
    return after


def hold_to_never_more(bids: int, asks: int, together: int, depth: int, part: int | None = None) -> int:
    """No fill, better price, cancel, decrease or newly stated basis makes any counted figure larger than it was."""
    return sum(
        nothing_raises(
            Book(held, rows=rows), worst_position(Book(held, rows=rows)), exposure(Book(held, rows=rows)), depth
        )
        for held, rows in books(bids, asks, together, part=part)
    )


def nothing_raises(book: Book, position: Fraction, risk: Fraction, depth: int) -> int:
    """The claim for one book, and for what may happen to it after that; returns the number of steps looked at."""
    checked = 0
    for after in steps(book) if depth else ():
        next_position, next_risk = worst_position(after), exposure(after)
        assert next_position <= position, (book, after)
        assert next_risk <= risk, (book, after)
        checked += 1 + nothing_raises(after, next_position, next_risk, depth - 1)
    return checked


def test_nothing_that_happens_to_an_order_raises_what_is_counted() -> None:
    """Catches a limit that a fill can pass: a counted figure that grows when the exchange does what it may."""
    assert hold_to_never_more(2, 2, 2, depth=1) > 5_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_nothing_that_happens_after_that_raises_it_either() -> None:
    """As above, three steps on: a fill that is told after another one, a basis stated between two fills."""
    assert hold_to_never_more(2, 2, 2, depth=3) > 100_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("part", SOME)
def test_nothing_that_happens_to_three_orders_a_side_raises_what_is_counted(part: int) -> None:
    """As above, on the whole grid of some positions."""
    assert hold_to_never_more(3, 3, 6, depth=1, part=part) > 50_000


def hold_to_reducing(bids: int, asks: int, together: int) -> int:
    """An order that reduces leaves every figure as it was, and in no world is part of it left to open."""
    found = 0
    for held, rows in books(bids, asks, together):
        for side in (BID, ASK):
            for count in (1, 2):
                if not reduces(Book(held, rows=rows), side, count):
                    continue
                found += 1
                more = (*rows, Row(side, Fraction(1, 2), count))
                assert counted(held, more) == counted(held, rows), (held, rows, side, count)
                worlds = every_world(held, tuple(row for row in more if row.side == side), pieces=1)
                assert all(signed(side) * world.held.count <= 0 for world in worlds), (held, rows, side, count)
    return found


def test_an_order_that_reduces_can_never_open() -> None:
    """Catches resting reducers left out: two exits of the whole position, the second of which opens the other side."""
    assert hold_to_reducing(1, 1, 2) > 400


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_an_order_that_reduces_can_never_open_beside_more_orders() -> None:
    """As above, with up to two orders a side."""
    assert hold_to_reducing(2, 2, 4) > 2_000


def test_a_position_seen_twice_counts_with_the_worse_of_both() -> None:
    """Catches a disagreement decided by belief: each figure is at least that of either position."""
    for held, rows in books(1, 1, 2):
        for other in (Held(-4, Fraction(1)), Held(0, Fraction(0)), Held(4, Fraction(3))):
            book, alone = Book(held, rows=rows, seen=other), (Book(held, rows=rows), Book(other, rows=rows))
            assert worst_position(book) == max(map(worst_position, alone)), book
            assert exposure(book) >= max(map(exposure, alone)), book
            for side in (BID, ASK):
                assert reduces(book, side, 1) is all(reduces(one, side, 1) for one in alone), book


def known_fills(rows: tuple[Row, ...]) -> list[tuple[tuple[Row, ...], tuple[Row, ...]]]:
    """Every way to have been told of some orders that they filled, and of the others nothing."""
    ways = [((), ())]
    for row in rows:
        ways = [way for told, open_ in ways for way in (((*told, row), open_), (told, (*open_, row)))]
    return ways


def hold_to_fills_told(bids: int, asks: int, together: int) -> int:
    """Of some orders we were told that they filled, not when: no order of all fills has a dearer basis than counted."""
    checked = 0
    for held, rows in books(bids, asks, together):
        for told, may_fill in known_fills(rows):
            if not told:
                continue
            book = Book(held, told, may_fill)
            worlds = dearest_worlds(held, told + may_fill)
            bases = [world.cost for left, world in worlds.items() if not any(left[: len(told)])]
            assert exposure(book, lambda _: Fraction(0)) >= max(bases), book
            positions = [abs(world.count) for left, world in worlds.items() if not any(left[: len(told)])]
            assert worst_position(book) == max(positions), book
            checked += 1
    return checked


def test_no_order_of_the_fills_we_know_of_has_a_dearer_basis() -> None:
    """Catches an average taken in the order in which answers came in, which is not the order of the fills."""
    assert hold_to_fills_told(2, 2, 2) > 3_000


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_no_order_of_three_fills_has_a_dearer_basis() -> None:
    """As above, with every third order."""
    assert hold_to_fills_told(3, 3, 3) > 36_000


def test_somebody_elses_position_is_not_forgotten_when_ours_moves() -> None:
    """Catches the exchange's figure standing still while we are told of fills: it may be from before them or after."""
    checked = 0
    for outside in range(-3, 4):
        for held, rows in books(1, 1, 2):
            for told, may_fill in known_fills(rows):
                for before_the_read in ((), told):
                    true = held.count + outside + sum(signed(row.side) * row.left for row in told)
                    shown = held.count + outside + sum(signed(row.side) * row.left for row in before_the_read)
                    book = Book(held, told, may_fill, Held(shown, abs(shown) * Fraction(1, 2)), told)
                    reach = [true + signed(row.side) * row.left for row in may_fill] + [true]
                    assert worst_position(book) >= max(map(abs, reach)), (book, true)
                    checked += 1
    assert checked > 5_000
