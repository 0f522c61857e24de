"""One market's day by hand: every figure of these tables was reckoned on paper."""

import pytest

from pretrade.model.loss import Mark, value
from pretrade.model.orders import Side
from pretrade.model.units import Price
from pretrade.risk.ledger.holding import Holding

CONTRACT = 100


def mark(yes: int, no: int) -> Mark:
    return Mark(Price(yes), Price(no))


@pytest.mark.parametrize(
    ("count", "bids", "worth"),
    [
        (1_000, mark(4_000, 5_500), 4_000_000),
        (0, mark(4_000, 5_500), 0),
        (-1_000, mark(4_000, 5_500), -4_500_000),  # ten NO at 0.55, less the ten dollars that they were sold against
        (1_000, mark(0, 0), 0),
        (-1_000, mark(0, 0), -10_000_000),
    ],
)
def test_what_a_position_is_worth(count: int, bids: Mark, worth: int) -> None:
    """Catches a short position without a bid that counts as worth something."""
    assert value(count, bids) == worth


@pytest.mark.parametrize(
    ("fills", "bids", "profit"),
    [
        # ten YES bought at 0.56, bid 0.54, fee 1 cent: 20 cents and the fee are lost
        ([(Side.BID, 5_600, 1_000, 10_000)], mark(5_400, 4_400), -210_000),
        # ten NO bought (sold YES at 0.54), NO bid 0.44: 0.46 paid, 0.44 left each
        ([(Side.ASK, 5_400, 1_000, 0)], mark(5_400, 4_400), -200_000),
        # a round trip at a gain: bought at 0.50, sold at 0.60, two cents of fees
        ([(Side.BID, 5_000, 1_000, 10_000), (Side.ASK, 6_000, 1_000, 10_000)], mark(1, 1), 980_000),
        # through zero: ten YES at 0.50, then twenty sold at 0.40: one dollar lost, ten NO at 0.60 with a bid of 0.55
        ([(Side.BID, 5_000, 1_000, 0), (Side.ASK, 4_000, 2_000, 0)], mark(4_000, 5_500), -1_500_000),
        # nobody bids for what is held: all of it is lost
        ([(Side.BID, 5_600, 1_000, 0)], mark(0, 9_000), -5_600_000),
        # the smallest there is: 0.01 contract at $0.0001
        ([(Side.BID, 1, 1, 0)], mark(0, 0), -1),
    ],
)
def test_profit_of_a_day_that_began_with_nothing(
    fills: list[tuple[Side, int, int, int]], bids: Mark, profit: int
) -> None:
    """Catches fees left out, the other side's bid taken as mark, and a mark where nobody bids."""
    holding = Holding()
    for side, price, count, fee in fills:
        holding = holding.filled(side, price, count, fee, 0)
    assert holding.profit(bids) == profit


@pytest.mark.parametrize(
    ("holding", "bids", "unrealized"),
    [
        (Holding(bought=1_000, paid=5_600_000), mark(5_400, 4_400), -200_000),
        (Holding(sold=1_000, received=5_400_000), mark(5_400, 4_400), -200_000),
        (Holding(start=1_000, start_mark=mark(5_000, 4_900)), mark(4_500, 5_400), -500_000),
        (Holding(start=-1_000, start_mark=mark(5_000, 4_900)), mark(5_500, 4_400), -500_000),
        (Holding(start=1_000, start_mark=mark(5_000, 4_900), bought=1_000, paid=6_000_000), mark(5_500, 4_400), 0),
        (Holding(bought=1_000, paid=5_000_000, sold=1_000, received=4_000_000), mark(5_400, 4_400), 0),
    ],
)
def test_what_is_still_at_stake(holding: Holding, bids: Mark, unrealized: int) -> None:
    """Catches closed trades that are told as a matter of marks."""
    assert holding.unrealized(bids) == unrealized


def test_what_came_by_no_fill_counts_as_the_worst_that_can_have_happened() -> None:
    """Catches contracts that come for nothing, or that go and leave their value behind."""
    bids = mark(4_000, 5_500)
    held = Holding(start=1_000, start_mark=bids)
    assert held.profit(bids) == 0
    assert Holding(start=1_000, start_mark=bids, unexplained=-1_000).profit(bids) == -4_000_000
    assert Holding(start=-1_000, start_mark=bids, unexplained=1_000).profit(bids) == -5_500_000
    assert Holding(unexplained=1_000).profit(bids) == -6_000_000
    assert Holding(unexplained=-1_000).profit(bids) == -4_500_000


def test_a_position_whose_first_mark_nobody_knows_has_no_profit() -> None:
    """Catches a missing mark that is taken for zero: the day would begin with nothing to lose."""
    assert Holding(start=CONTRACT).profit(mark(5_000, 4_000)) is None
    assert Holding(start=-CONTRACT).profit(mark(5_000, 4_000)) is None
    assert Holding().profit(mark(5_000, 4_000)) == 0


LAST, SEEN = mark(5_000, 4_000), mark(4_500, 4_400)


@pytest.mark.parametrize(
    ("last", "seen", "is_late", "begins", "is_raised"),
    [
        (LAST, SEEN, False, SEEN, False),  # in time: what is seen
        (LAST, SEEN, True, mark(5_000, 4_400), False),  # late: the better of both, side by side
        (None, SEEN, True, SEEN, False),
        (LAST, None, False, LAST, True),  # nothing seen: the last one, until something is
        (None, None, False, None, True),
        (LAST, mark(0, 4_400), False, mark(5_000, 4_400), False),  # a gap in the book makes no gain
    ],
)
def test_what_a_day_begins_with(
    last: Mark | None, seen: Mark | None, is_late: bool, begins: Mark | None, is_raised: bool
) -> None:
    """Catches a fall while nobody was there that does not count, and a book that was empty at midnight and makes a gain
    when it fills again."""
    day = Holding(bought=CONTRACT, paid=5_000 * CONTRACT, last_mark=last, fees=7).next_day(seen, is_late=is_late)
    assert (day.start, day.start_mark, day.is_raised) == (CONTRACT, begins, is_raised)
    assert (day.bought, day.paid, day.fees) == (0, 0, 0)


@pytest.mark.parametrize(
    ("begins", "is_raised", "seen", "then"),
    [
        (None, True, SEEN, SEEN),
        (LAST, True, SEEN, mark(5_000, 4_400)),
        (LAST, False, SEEN, LAST),  # known in time: later marks change nothing
        (mark(0, 4_000), False, SEEN, mark(4_500, 4_000)),  # a side that had no bid begins with its first one
    ],
)
def test_marks_that_come_later(begins: Mark | None, is_raised: bool, seen: Mark, then: Mark) -> None:
    """Catches a beginning that follows the market down all day, so that nothing is ever lost."""
    holding = Holding(start=CONTRACT, start_mark=begins, is_raised=is_raised)
    assert holding.wants(seen) == (begins != then or is_raised)
    after = holding.marked(seen)
    assert (after.start_mark, after.is_raised, after.last_mark) == (then, False, seen)
    assert after.marked(mark(1, 1)).start_mark == then
