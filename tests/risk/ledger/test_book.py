"""One market's book: what may come of a position and of orders that may still fill, to the last unit."""

import pytest

from pretrade.model.orders import Side
from pretrade.model.units import Count, Money
from pretrade.risk.ledger.book import Book, Held, Ladder, dearest, leg_price

BID, ASK = Side.BID, Side.ASK
type Order = tuple[Side, int, int]
"""(side, price, count), each with a fee bound of 7."""


def book(held: tuple[int, int] = (0, 0), orders: tuple[Order, ...] = ()) -> Book:
    """A book with a stated position (count, cost) and these orders."""
    made = Book()
    made.adopt(Held(Count(held[0]), Money(held[1])))
    for side, price, count in orders:
        made.order(side, leg_price(side, price), count, 7, 1)
    return made


@pytest.mark.parametrize(
    ("count", "levels", "expected"),
    [
        (0, ((10, 5),), 0),
        (3, ((10, 5),), 30),
        (5, ((10, 5),), 50),
        (9, ((10, 5),), 50),  # more than there are: all of them
        (3, ((10, 5), (20, 2)), 50),
        (2, ((10, 5), (20, 2)), 40),
        (6, ((10, 5), (20, 2)), 80),
    ],
)
def test_the_dearest_contracts(count: int, levels: tuple[tuple[int, int], ...], expected: int) -> None:
    """Catches the cheapest ones, or an average: which contracts a sale closed is not told."""
    ladder = Ladder()
    for leg, at_leg in levels:
        ladder.add(leg, at_leg)
    assert dearest(count, (ladder, Ladder())) == expected


def test_a_ladder_takes_away_what_it_was_given() -> None:
    """Catches a level, a cost or a fee that stays behind when an order ends."""
    ladder = Ladder()
    ladder.add(10, 5, 3)
    copy = ladder.copy()
    ladder.add(20, 2, 1)
    ladder.add(10, -5, -3)
    assert (ladder.counts, ladder.count, ladder.cost, ladder.fees) == ({20: 2}, 2, 40, 1)
    assert (copy.counts, copy.count, copy.cost, copy.fees) == ({10: 5}, 5, 50, 3)


@pytest.mark.parametrize(
    ("held", "orders", "position", "exposure"),
    [
        ((0, 0), (), 0, 0),
        ((300, 1_500), (), 300, 1_500),
        ((-300, 1_500), (), 300, 1_500),
        ((0, 0), ((BID, 4_000, 100),), 100, 400_000 + 7),
        ((0, 0), ((ASK, 4_000, 100),), 100, 600_000 + 7),  # an ask buys NO at 60 cents
        ((0, 0), ((BID, 4_000, 100), (ASK, 4_000, 100)), 100, 600_000 + 7),  # one side at a time: the worse
        ((0, 0), ((BID, 4_000, 100), (BID, 3_000, 100)), 200, 700_000 + 14),
        ((100, 250_000), ((BID, 4_000, 100),), 200, 650_000 + 7),
        ((100, 250_000), ((ASK, 4_000, 100),), 100, 250_000),  # it only closes: nothing opens, no fee
        ((100, 250_000), ((ASK, 4_000, 101),), 100, 250_000),  # the one that opens is the cheaper side
        ((100, 250_000), ((ASK, 4_000, 300),), 200, 1_200_000 + 7),
        ((-100, 250_000), ((BID, 9_000, 100), (BID, 2_000, 100)), 100, 900_000 + 14),  # the dear one may open
        ((-100, 950_000), ((BID, 2_000, 150),), 100, 950_000),
    ],
)
def test_what_may_come_of_a_book(
    held: tuple[int, int], orders: tuple[Order, ...], position: int, exposure: int
) -> None:
    """Catches resting orders that do not count, sides that are netted before they fill, a close that is charged, an
    opening that is not, and the cheap contracts taken for those that open."""
    made = book(held, orders)
    assert (made.worst_position(), made.exposure()) == (position, exposure)


def test_a_fill_moves_an_order_into_the_position() -> None:
    """Catches a fill that counts twice or not at all: the figures stay, but for the fee of what has filled."""
    made = book(orders=((BID, 4_000, 300),))
    made.order(BID, 4_000, -300, -7, -1)
    made.order(BID, 4_000, 200, 5, 1)
    made.fill(BID, 4_000, 100)
    assert (made.position, made.may_fill(BID), made.open_orders) == (100, 200, 1)
    assert (made.worst_position(), made.exposure()) == (300, 1_200_000 + 5)


def test_fills_on_both_sides_keep_the_dearest() -> None:
    """One contract at 10 cents and one at 90 are bought, one is sold: which one is not known. Catches an average, and
    the order of answers taken for the order of fills."""
    made = book((100, 100_000), ((BID, 1, 1),))  # something still open keeps what was bought
    made.fill(BID, 9_000, 100)
    made.fill(ASK, 5_000, 100)
    assert made.position == 100
    assert made.exposure() == 900_000 + 1_000 + 7  # the one order's contract may be a second of those held
    assert made.bought(BID) == ((1_000, 100), (9_000, 100))


def test_what_was_bought_is_forgotten_when_flat_and_nothing_may_fill() -> None:
    """Catches a basis of last week that makes a new position dearer, and one forgotten while fills may be unknown."""
    made = book(orders=((BID, 9_000, 100),))
    made.fill(BID, 9_000, 100)
    made.fill(ASK, 5_000, 100)
    assert made.bought(BID) == ((9_000, 100),)  # an order is open: the sale may have come before what we know of
    made.order(BID, 9_000, -100, -7, -1)
    made.settle()
    assert made.bought(BID) == () and made.is_empty


def test_a_position_seen_keeps_what_was_bought() -> None:
    """Catches lots that are forgotten because ours is flat while the exchange's is not."""
    made = book()
    made.see(Held(Count(100), Money(500_000)))
    made.fill(BID, 9_000, 100)
    made.fill(ASK, 5_000, 100)
    assert made.bought(BID) == ((9_000, 100),)


@pytest.mark.parametrize(
    ("ours", "theirs", "position", "exposure"),
    [
        ((100, 500_000), (300, 600_000), 300, 500_000 + 2 * 2_000 * 100),  # dearest of both, side by side
        ((300, 600_000), (100, 500_000), 300, 500_000 + 2 * 2_000 * 100),
        ((100, 500_000), (-200, 800_000), 200, 800_000),
        ((100, 500_000), (0, 0), 100, 500_000),
        ((0, 0), (-100, 333_333), 100, 333_400),  # an average that does not come out even goes up
    ],
)
def test_the_worse_of_two_positions_counts(
    ours: tuple[int, int], theirs: tuple[int, int], position: int, exposure: int
) -> None:
    """Catches a position of somebody else's that is not counted, or that replaces ours before it is proven."""
    made = book(ours)
    made.see(Held(Count(theirs[0]), Money(theirs[1])))
    assert (made.has_seen, made.worst_position(), made.exposure()) == (True, position, exposure)
    made.see(None)
    assert (made.has_seen, made.worst_position()) == (False, abs(ours[0]))


def test_a_fill_after_the_read_moves_what_was_seen_on_its_side_alone() -> None:
    """Somebody holds +3, our bid 2 fills: 5 may be held. A sale is not taken off, for the read may have had it already.
    Catches a seen position that stands still, and one that goes down."""
    made = book()
    made.see(Held(Count(300), Money(300_000)))
    made.fill(BID, 5_000, 200)
    assert made.worst_position() == 500
    made.fill(ASK, 5_000, 200)
    assert made.worst_position() == 500
    made.adopt(Held(Count(300), Money(300_000)))
    assert (made.worst_position(), made.exposure(), made.has_seen) == (300, 300_000, False)


@pytest.mark.parametrize(
    ("held", "seen", "orders", "side", "count", "expected"),
    [
        (300, None, (), ASK, 300, True),
        (300, None, (), ASK, 301, False),
        (300, None, (), BID, 1, False),
        (-300, None, (), BID, 300, True),
        (-300, None, (), BID, 301, False),
        (0, None, (), ASK, 1, False),
        (300, None, ((ASK, 5_000, 100),), ASK, 200, True),
        (300, None, ((ASK, 5_000, 100),), ASK, 201, False),  # the one that rests may fill first
        (300, None, ((BID, 5_000, 900),), ASK, 300, True),  # what may open more takes nothing away
        (300, 200, (), ASK, 200, True),
        (300, 200, (), ASK, 201, False),  # against the smaller of both positions
        (-300, -200, (), BID, 201, False),
        (300, -100, (), ASK, 1, False),
        (300, -100, (), BID, 1, False),
    ],
)
def test_what_can_only_close(
    held: int, seen: int | None, orders: tuple[Order, ...], side: Side, count: int, expected: bool
) -> None:
    """Catches a second closing order that opens, and a close of what the exchange does not show."""
    made = book((held, abs(held) * 5_000), orders)
    made.see(None if seen is None else Held(Count(seen), Money(abs(seen) * 5_000)))
    assert made.reduces(side, count) is expected


def test_a_trial_leaves_the_book_alone() -> None:
    """Catches a preview that counts a denied order."""
    made = book((100, 100_000), ((BID, 4_000, 100),))
    made.see(Held(Count(200), Money(200_000)))
    before = (made.state(), made.worst_position(), made.exposure(), made.open_orders)
    trial = made.trial()
    assert (trial.state(), trial.worst_position(), trial.exposure(), trial.open_orders) == before
    trial.order(ASK, 6_000, 500, 7, 1)
    trial.fill(BID, 4_000, 100)
    trial.see(None)
    assert (made.state(), made.worst_position(), made.exposure(), made.open_orders) == before


@pytest.mark.parametrize("seen", [None, Held(Count(-100), Money(70_000))])
def test_a_state_is_the_book_without_its_orders(seen: Held | None) -> None:
    """Catches a snapshot that forgets what was bought, what the exchange shows, or when the book was moved."""
    made = book((100, 100_000))
    made.fill(BID, 9_000, 50)
    made.see(seen)
    made.fill(ASK, 9_000, 20)
    made.touched_ms = 5
    again = Book.of(made.state())
    assert again.state() == made.state()
    assert (again.worst_position(), again.exposure(), again.has_seen, again.touched_ms) == (
        made.worst_position(),
        made.exposure(),
        seen is not None,
        5,
    )


@pytest.mark.parametrize(
    ("held", "orders", "seen", "expected"),
    [
        ((0, 0), (), None, True),
        ((1, 1), (), None, False),
        ((0, 0), ((BID, 1, 1),), None, False),
        ((0, 0), (), Held(), False),  # an exchange that shows nothing where we hold nothing: still a difference
    ],
)
def test_empty_is_without_position_orders_and_differences(
    held: tuple[int, int], orders: tuple[Order, ...], seen: Held | None, expected: bool
) -> None:
    """Catches a book that is forgotten while anything in it counts."""
    made = book(held, orders)
    made.see(seen)
    assert made.is_empty is expected
