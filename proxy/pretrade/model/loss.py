"""What a day's loss is made of: marks, fills and settlements as the exchange's record has them, and the loss itself.

Rule of this file: frozen facts, exact integers. A mark is never an estimate: it is the best bid of others, and nothing
where there is none or nobody has seen it lately.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pretrade.model.frozen import frozen
from pretrade.model.orders import Side
from pretrade.model.units import NO_MONEY, ONE_DOLLAR_PRICE, Count, Money, Price


@frozen
class Mark:
    """What one contract of each side could be sold for: the best bid for YES and the best bid for NO, 0 for none."""

    yes: Price
    no: Price

    def of(self, side: Side) -> Price:
        """The bid for the leg that an order of this side buys."""
        return self.yes if side is Side.BID else self.no


WORTHLESS = Mark(Price(0), Price(0))
"""The mark of what nobody bids for, and of what was not seen lately."""


def value(count: int, mark: Mark) -> int:
    """What a position is worth at a mark, in $0.000001, a contract sold short being a debt of one dollar until a NO is
    worth something: so cash and value of any trades add up without asking what closed what."""
    return count * mark.yes if count >= 0 else count * (ONE_DOLLAR_PRICE - mark.no)


class LossSeen(NamedTuple):
    """The day's loss when a write was judged: the client's own (its subaccount's) or the whole account's.

    `loss` is positive for a loss, negative for a gain; `may_show` is what all other orders that may still fill would
    show on filling at their limits. `age_ms` is how long ago the reading of the exchange's record began that it rests
    on.
    """

    own: bool
    loss: Money
    age_ms: int
    may_show: Money = NO_MONEY


class MarkSeen(NamedTuple):
    """The mark of one market of a write."""

    ticker: str
    yes: Price
    no: Price

    @property
    def mark(self) -> Mark:
        """It as a mark."""
        return Mark(self.yes, self.no)


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of the exchange's record with the day that it counts on: a date in the policy's time zone."""

    fill_id: str
    order_id: str
    subaccount: int
    ticker: str
    day: str
    side: Side
    count: Count
    price: Price
    fee: Money
    created_ms: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """A position that was paid out: `count` contracts (YES above zero) that are gone, and what came for them in signed
    cash: the revenue, less a dollar for each NO, which `value` counts as a debt until then."""

    subaccount: int
    ticker: str
    day: str
    count: Count
    cash: Money
    settled_ms: int
