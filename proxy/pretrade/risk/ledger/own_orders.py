"""Our own orders in a book: they are nobody to trade with, and those under way may take what it still shows.

Rule of this file: what may be ours counts as ours. The whole account's orders do, whichever client's: one does not
trade with another, and what one has taken is not there for the next. A book and the ledger are never of quite the same
age; where they differ it is said, so that the checks can hold to either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pretrade.model.frozen import frozen
from pretrade.model.orders import Side
from pretrade.model.seen import LEVELS, BookSeen, Level, OwnSeen
from pretrade.model.units import NO_CONTRACTS, ONE_DOLLAR_PRICE, Count, Price
from pretrade.risk.ledger.book import leg_price
from pretrade.risk.ledger.live_order import LiveOrder, OrderState

_UNANSWERED = frozenset({OrderState.HELD, OrderState.SENDING, OrderState.UNKNOWN})


type Standing = Mapping[tuple[Side, int], int]
"""What may rest of our own, by side and price of the leg bought, in 0.01 contracts."""


def standing_of(orders: Iterable[LiveOrder]) -> Standing:
    """What may rest of these orders: one under way may before its answer is here, and one that is being amended at
    either of its terms."""
    standing: defaultdict[tuple[Side, int], int] = defaultdict(int)
    for order in orders:
        for terms in order.terms:
            standing[order.side, leg_price(order.side, terms.price)] += max(0, terms.total - order.filled)
    return standing


@frozen
class Lately:
    """What our orders did to a book around the moment at which it was seen: `stood` is what may have rested then, None
    where the book is as new as our orders; `bids_took` and `asks_took` (0.01 contracts) what trades took since."""

    stood: Standing | None = None
    bids_took: Count = NO_CONTRACTS
    asks_took: Count = NO_CONTRACTS


NOTHING_LATELY = Lately()


def own_in(book: BookSeen, orders: Iterable[LiveOrder], lately: Lately = NOTHING_LATELY) -> OwnSeen:
    """What of a book is ours, was when it was seen, or is taken by us; `orders` are the account's in its market."""
    mine = tuple(orders)
    if not (mine or lately.stood):  # nothing of ours is there, and nothing was
        return OwnSeen(bids_taking=lately.bids_took, asks_taking=lately.asks_took)
    now = standing_of(mine)
    then = now if lately.stood is None else lately.stood
    standing = {at: max(now.get(at, 0), then.get(at, 0)) for at in {*now, *then}}
    yes, no = (_ours(levels, side, standing) for side, levels in ((Side.BID, book.yes), (Side.ASK, book.no)))
    unsure = tuple(order for order in mine if order.state in _UNANSWERED or order.is_amending)
    is_sure = not unsure and now == then and _shows(book.yes, Side.BID, now) and _shows(book.no, Side.ASK, now)
    return OwnSeen(
        yes,
        no,
        Count(_taking(_less(book.no, no), lately.bids_took, (order for order in unsure if order.side is Side.BID))),
        Count(_taking(_less(book.yes, yes), lately.asks_took, (order for order in unsure if order.side is Side.ASK))),
        is_unsure=bool(yes or no) and not is_sure,
    )


def _shows(levels: tuple[Level, ...], side: Side, standing: Standing) -> bool:
    """Whether a side of a book has room for all that rests there, as far down as it was seen."""
    there, last = dict(levels), levels[-1][0] if len(levels) >= LEVELS else 0
    return all(there.get(Price(leg), 0) >= count for (of, leg), count in standing.items() if of is side and leg >= last)


def _taking(levels: tuple[Level, ...], took: int, orders: Iterable[LiveOrder]) -> int:
    """How much of these levels may be gone, best first: what trades took, then what orders of unknown end may, each no
    deeper than its own limit."""
    taking = took
    for order in sorted(orders, key=lambda order: order.leg):
        reach = sum(count for price, count in levels if order.leg + price >= ONE_DOLLAR_PRICE)
        taking = max(taking, min(taking + order.remaining, reach))
    return taking


def _ours(levels: tuple[Level, ...], side: Side, standing: Standing) -> tuple[Level, ...]:
    here = {leg: count for (of, leg), count in standing.items() if of is side and count}
    return tuple([(price, Count(min(count, here[price]))) for price, count in levels if price in here])


def of_others(book: BookSeen, own: OwnSeen) -> BookSeen:
    """The book without what may be ours."""
    if not (own.yes or own.no):
        return book
    return replace(book, yes=_less(book.yes, own.yes), no=_less(book.no, own.no))


def _less(levels: tuple[Level, ...], own: tuple[Level, ...]) -> tuple[Level, ...]:
    if not own:
        return levels
    ours = dict(own)
    left = ((price, count - ours.get(price, 0)) for price, count in levels)
    return tuple((price, Count(count)) for price, count in left if count > 0)
