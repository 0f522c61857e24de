"""The day's loss: pure arithmetic on the day's trades, marks, and orders that may still fill.

Rule of this file: what is not known is None, never zero; what nobody bids for is worth nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pretrade.model.frozen import frozen
from pretrade.model.loss import WORTHLESS, Mark
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, Level
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Money, Price
from pretrade.risk.ledger.account import Account, BookKey
from pretrade.risk.ledger.book import Levels, leg_price
from pretrade.risk.ledger.holding import Holding
from pretrade.risk.ledger.live_order import LiveOrder


@dataclass(frozen=True, slots=True)
class DayLoss:
    """A day's loss and what it is made of, each positive for a loss: what is closed, fees, what is still held."""

    realized: Money
    fees: Money
    mark: Money

    @property
    def loss(self) -> Money:
        """All of it."""
        return Money(self.realized + self.fees + self.mark)


class Valuer:
    """Values holdings, and remembers each as long as neither it nor its mark has changed: of a thousand markets a fill
    changes one."""

    def __init__(self) -> None:
        self._known: dict[BookKey, tuple[Holding, Mark, int | None, int]] = {}

    def value(self, key: BookKey, holding: Holding, mark: Mark) -> tuple[int | None, int]:
        """Today's profit of a holding, None where it is not known, and what of it is still at stake."""
        known = self._known.get(key)
        if known is None or known[0] is not holding or (known[1] is not mark and known[1] != mark):
            known = self._known[key] = (holding, mark, holding.profit(mark), holding.unrealized(mark))
        return known[2], known[3]

    def forget(self, keep: Mapping[BookKey, Holding]) -> None:
        """Let go of what is not kept."""
        self._known = {key: known for key, known in self._known.items() if key in keep}


def day_loss(
    holdings: Mapping[BookKey, Holding], subaccount: int | None, marks: Mapping[str, Mark], by: Valuer | None = None
) -> DayLoss | None:
    """The loss of one subaccount, or of all for None. A market without a mark is worth nothing; None where it is not
    known what something was worth when the day began."""
    valuer = by or Valuer()
    total = fees = at_stake = 0
    for key, holding in holdings.items():
        owner, ticker = key
        if subaccount not in (None, owner):
            continue
        profit, unrealized = valuer.value(key, holding, marks.get(ticker, WORTHLESS))
        if profit is None:
            return None
        total, fees, at_stake = total - profit, fees + holding.fees, at_stake - unrealized
    return DayLoss(Money(total - fees - at_stake), Money(fees), Money(at_stake))


def shows(leg: int, count: Count, worst_fee: Money, mark: Price) -> Money:
    """What an order would show as a loss right after filling at its limit: the price of the leg bought above the mark
    of that leg, and its worst fee. A price below the mark is no gain before it is one."""
    return Money((leg - mark) * count + worst_fee if leg > mark else worst_fee)


@frozen
class Judged:
    """What is being judged, which the orders that rest are reckoned beside: the write's markets, and the order that it
    amends, which its new terms stand for."""

    tickers: frozenset[str] = frozenset()
    amended: LiveOrder | None = None


NOTHING_JUDGED = Judged()


def may_show(account: Account, mark_of: Callable[[str], Mark], beside: Judged = NOTHING_JUDGED) -> dict[int, Money]:
    """By subaccount, what every order that may still fill would show on filling at its limit: those that rest, those
    under way or of unknown end, an amend at the worse of its terms. Of those that meet a position the other way, so
    many contracts as that has can only close and show nothing, the cheapest ones; none in a market of the write's,
    whose own order may close it before them."""
    found: dict[int, Money] = {}
    for (owner, ticker), book in account.open_books():
        mark, amended = mark_of(ticker), beside.amended
        is_there = amended is not None and (amended.subaccount, amended.ticker) == (owner, ticker)
        for side in Side:
            levels, fees, closing = book.opening(side)
            if is_there and amended is not None and amended.side is side:
                levels, fees = _without(levels, amended), fees - amended.worst_fee
            opening = sum(count for _, count in levels) - (0 if ticker in beside.tickers else closing)
            if opening > 0:
                found[owner] = Money(found.get(owner, 0) + fees + _dearest(levels, opening, mark.of(side)))
    return found


def _without(levels: Levels, order: LiveOrder) -> Levels:
    return tuple((leg, count - order.remaining if leg == order.leg else count) for leg, count in levels)


def _dearest(levels: Levels, left: int, mark: Price) -> int:
    """What the dearest so many contracts of some levels, dearest first, cost above a mark."""
    total = 0
    for leg, count in levels:
        here = min(left, count)
        total += max(0, leg - mark) * here
        left -= here
    return total


def mark_of(book: BookSeen, own: Iterable[LiveOrder]) -> Mark:
    """What a contract of each side could be sold for: the best bid that is not our own orders'. Whoever bids for what
    he holds has no better mark for it."""
    ours: dict[tuple[Side, int], int] = {}
    for order in own:
        for terms in order.terms:
            at = (order.side, leg_price(order.side, terms.price))
            ours[at] = ours.get(at, 0) + max(0, terms.total - order.filled)
    return Mark(_best(book.yes, Side.BID, ours), _best(book.no, Side.ASK, ours))


def _best(levels: tuple[Level, ...], side: Side, ours: Mapping[tuple[Side, int], int]) -> Price:
    bids = (price for price, count in levels if count > ours.get((side, price), 0) and 0 < price < ONE_DOLLAR_PRICE)
    return max(bids, default=Price(0))
