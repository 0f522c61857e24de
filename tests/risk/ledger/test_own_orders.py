"""Our own orders in a book: what is theirs, what they may take from it, and where book and ledger may differ."""

from dataclasses import replace

import pytest
from tests.builders import TICKER

from pretrade.model.orders import Side
from pretrade.model.seen import LEVELS, NOTHING_OWN, BookSeen, OwnSeen, Source
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.own_orders import Lately, of_others, own_in, standing_of

BID, ASK = Side.BID, Side.ASK
BOOK = BookSeen(
    yes=((Price(4_900), Count(5_000)), (Price(4_800), Count(5_000))),
    no=((Price(5_000), Count(5_000)), (Price(4_500), Count(5_000)), (Price(4_000), Count(5_000))),
    age_ms=0, source=Source.REST,
)  # fmt: skip
"""0.49 bid; asked are 50 contracts each at 0.50, 0.55 and 0.60."""


def live(side: Side, price: int, count: int, state: OrderState = OrderState.RESTING, *more: Terms) -> LiveOrder:
    terms = (Terms(Price(price), Count(count)), *more)
    return LiveOrder("d-1:0", "bot", 0, TICKER, side, terms, state, 10_000, 1)


@pytest.mark.parametrize(
    ("orders", "bids_taking"),
    [
        ([live(BID, 4_900, 9_000, OrderState.SENDING)], 0),
        ([live(BID, 5_000, 2_000, OrderState.SENDING)], 2_000),
        ([live(BID, 5_000, 9_000, OrderState.HELD)], 5_000),
        ([live(BID, 5_500, 9_000, OrderState.UNKNOWN)], 9_000),
        ([live(BID, 5_500, 9_000, OrderState.HELD), live(BID, 5_000, 9_000, OrderState.HELD)], 10_000),
        ([live(BID, 5_500, 9_000)], 0),
        ([live(BID, 4_800, 1_000, OrderState.RESTING, Terms(Price(5_000), Count(7_000), "d-2"))], 5_000),
    ],
    ids=["no cross", "all", "to its limit", "deeper", "one after another", "it rests", "an amend"],
)
def test_orders_of_unknown_end_take_no_deeper_than_their_limits(orders: list[LiveOrder], bids_taking: int) -> None:
    """Catches one that is reckoned to have bought above its limit: what stands there is still there for the next."""
    assert own_in(BOOK, orders).bids_taking == bids_taking
    assert own_in(BOOK, orders).asks_taking == 0


def test_what_trades_took_since_counts_before_what_is_under_way() -> None:
    own = own_in(BOOK, [live(BID, 5_000, 9_000, OrderState.SENDING)], Lately(None, Count(4_000), Count(3)))
    assert (own.bids_taking, own.asks_taking) == (5_000, 3)


@pytest.mark.parametrize("state", OrderState)
def test_whatever_may_rest_is_ours(state: OrderState) -> None:
    """Also before its answer is here: the book may show it first."""
    own = own_in(BOOK, [live(BID, 4_900, 2_000, state)])
    assert own.yes == ((4_900, 2_000),)
    assert of_others(BOOK, own).yes[0] == (4_900, 3_000)
    assert own.is_unsure == (state is not OrderState.RESTING)


def test_what_stood_when_the_book_was_seen_is_ours_too() -> None:
    """Catches an order that has ended since, whose level counts as another's: whoever moves its own bid up step by step
    would be measured from its own last one."""
    stood = standing_of([live(BID, 4_900, 5_000)])
    own = own_in(BOOK, [], Lately(stood))
    assert own == OwnSeen(yes=((Price(4_900), Count(5_000)),), is_unsure=True)
    assert of_others(BOOK, own).yes == BOOK.yes[1:]


def test_figures_that_agree_are_sure_and_others_are_not() -> None:
    """A level that shows less than we have there, an amend, a reading from before the order."""
    rests = live(ASK, 5_000, 5_000)
    assert not own_in(BOOK, [rests], Lately(standing_of([rests]))).is_unsure
    assert own_in(BOOK, [live(ASK, 5_000, 5_001)]).is_unsure
    assert own_in(BOOK, [rests], Lately({})).is_unsure
    assert own_in(BOOK, [replace(rests, terms=(*rests.terms, Terms(Price(5_600), Count(1), "d-2")))]).is_unsure
    assert own_in(BOOK, []) == NOTHING_OWN
    assert own_in(BOOK, [live(BID, 100, 5_000), rests]).is_unsure


def test_what_is_below_the_levels_that_are_kept_is_in_no_doubt() -> None:
    """Only the best levels were seen; what rests further away cannot be looked for."""
    deep = replace(BOOK, yes=tuple((Price(4_900 - 10 * step), Count(500)) for step in range(LEVELS)))
    assert not own_in(deep, [live(BID, 4_900, 500), replace(live(BID, 100, 500), key="d-2:0")]).is_unsure
