"""What one market of one subaccount did today: sums that do not ask in which order anything happened.

Rule of this file: exact sums in signed cash. A bid pays its price, an ask brings it and owes a dollar until a NO is
worth something (`model.loss.value`), so that profit is cash plus value, whatever closed what.
"""

from dataclasses import dataclass, replace

from pretrade.model.loss import Mark, value
from pretrade.model.orders import Side
from pretrade.model.units import ONE_DOLLAR_PRICE


@dataclass(frozen=True, slots=True)
class Holding:
    """A position and what became of it today.

    `start` contracts (YES above zero) were held when the day began, each side worth `start_mark` then; None while
    nobody knows, and raised by what is seen first while it `is_raised`. `last_mark` is what was last noted. `bought`
    for `paid` and `sold` for `received` are today's fills, `fees` what they cost beside, `settled` contracts brought
    `payout` in signed cash, `unexplained` ones have come (or gone, below zero) by no fill and no payout.
    """

    start: int = 0
    start_mark: Mark | None = None
    is_raised: bool = False
    last_mark: Mark | None = None
    bought: int = 0
    paid: int = 0
    sold: int = 0
    received: int = 0
    fees: int = 0
    settled: int = 0
    payout: int = 0
    unexplained: int = 0
    touched_ms: int = 0

    @property
    def explained(self) -> int:
        """The position that fills and payouts add up to."""
        return self.start + self.bought - self.sold - self.settled

    @property
    def position(self) -> int:
        """The position, what nobody can explain included."""
        return self.explained + self.unexplained

    def filled(self, side: Side, price: int, count: int, fee: int, at_ms: int) -> "Holding":
        """It after a fill of today at this price in YES terms."""
        touched_ms, fees = max(self.touched_ms, at_ms), self.fees + fee
        if side is Side.BID:
            bought, paid = self.bought + count, self.paid + price * count
            return replace(self, bought=bought, paid=paid, fees=fees, touched_ms=touched_ms)
        sold, received = self.sold + count, self.received + price * count
        return replace(self, sold=sold, received=received, fees=fees, touched_ms=touched_ms)

    def next_day(self, mark: Mark | None, *, is_late: bool) -> "Holding":
        """It as a new day begins. `mark` is what was seen just now, None for nothing.

        In time, that is what the day begins with; a side without a bid begins with what was noted last, so that a gap
        in the book makes no gain. Late, because nobody was there at midnight, it is the better one of what was noted
        before and what is seen first: a fall meanwhile counts, a rise does not.
        """
        begins = self.last_mark
        if mark is not None:
            begins = higher(mark, self.last_mark) if is_late else _or_last(mark, self.last_mark)
        return Holding(
            start=self.position,
            start_mark=begins,
            is_raised=mark is None,
            last_mark=mark or self.last_mark,
            touched_ms=self.touched_ms,
        )

    def marked(self, mark: Mark) -> "Holding":
        """It after its market was seen: where the day's beginning is not known for certain, it is raised by that."""
        known = self.start_mark
        start = higher(mark, known) if known is None or self.is_raised else _or_last(known, mark)
        return replace(self, start_mark=start, is_raised=False, last_mark=mark)

    def wants(self, mark: Mark) -> bool:
        """Whether this mark would say more of what was held when the day began."""
        return self.start != 0 and (self.is_raised or self.marked(mark).start_mark != self.start_mark)

    def profit(self, mark: Mark) -> int | None:
        """Today's profit at a mark, fees taken off, in $0.000001; None while the value at the day's start is not
        known."""
        if self.start and self.start_mark is None:
            return None
        start = value(self.start, self.start_mark) if self.start_mark is not None else 0
        return self.cash - self.fees + value(self.position, mark) - start

    @property
    def cash(self) -> int:
        """What today's trades and payouts brought, before fees. What came by no fill counts as bought at a dollar, what
        went as sold for nothing: the worst that can have happened."""
        return self.received - self.paid + self.payout - max(0, self.unexplained) * ONE_DOLLAR_PRICE

    def unrealized(self, mark: Mark) -> int:
        """Of the profit, what is still at stake: value against the day's average price of that side, which counts what
        was there when the day began at its mark then. For people; the sum is what is judged."""
        held = self.position
        side_count, side_money = (self.bought, self.paid) if held > 0 else (self.sold, self.received)
        begun = self.start if self.start * held > 0 else 0
        if begun and self.start_mark is not None:
            price = self.start_mark.yes if held > 0 else ONE_DOLLAR_PRICE - self.start_mark.no
            side_count, side_money = side_count + abs(begun), side_money + abs(begun) * price
        if not held or not side_count:
            return 0
        basis = side_money * abs(held) // side_count
        return value(held, mark) - (basis if held > 0 else -basis)


def higher(one: Mark, other: Mark | None) -> Mark:
    """The better of two marks, side by side."""
    return one if other is None else Mark(max(one.yes, other.yes), max(one.no, other.no))


def _or_last(mark: Mark, last: Mark | None) -> Mark:
    """A mark, its sides without a bid filled up from another."""
    return mark if last is None else Mark(mark.yes or last.yes, mark.no or last.no)
