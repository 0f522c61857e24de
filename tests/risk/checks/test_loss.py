"""Losses of many markets, what orders would show, and what a mark is."""

from dataclasses import replace

import pytest
from tests.builders import TICKER

from pretrade.model.loss import WORTHLESS, Mark
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, Source
from pretrade.model.units import Count, Money, Price
from pretrade.risk.checks.loss import Judged, Valuer, day_loss, mark_of, may_show, shows
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.book import Held, leg_price
from pretrade.risk.ledger.holding import Holding
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.worst_case import fee

BIDS = Mark(Price(5_400), Price(4_400))


def live(side: Side = Side.BID, price: int = 5_600, count: int = 1_000, **changes: object) -> LiveOrder:
    base = LiveOrder(
        key="d/0", client="a", subaccount=0, ticker=TICKER, side=side, terms=(Terms(Price(price), Count(count)),),
        state=OrderState.RESTING, multiplier=10_000, approved_ms=0, order_id="x",
    )  # fmt: skip
    return replace(base, **changes)


def test_a_loss_is_the_sum_of_its_markets_and_of_its_parts() -> None:
    """Catches a subaccount's loss that counts another's, and parts that do not add up."""
    holdings = {
        (0, "A"): Holding(bought=1_000, paid=5_600_000, fees=10_000),
        (0, "B"): Holding(bought=1_000, paid=5_000_000, sold=1_000, received=4_000_000, fees=20_000),
        (1, "A"): Holding(sold=500, received=2_700_000),
    }
    marks = {"A": BIDS}
    own, other, all_ = (day_loss(holdings, subaccount, marks) for subaccount in (0, 1, None))
    assert own is not None
    assert other is not None
    assert all_ is not None
    assert (own.realized, own.fees, own.mark, own.loss) == (1_000_000, 30_000, 200_000, 1_230_000)
    assert (other.realized, other.fees, other.mark) == (0, 0, 100_000)
    assert all_.loss == own.loss + other.loss


def test_a_market_without_a_mark_is_worth_nothing_and_one_without_a_beginning_is_not_known() -> None:
    """Catches a missing mark that disables the limit: skipped, or taken at the price paid."""
    held = {(0, "A"): Holding(bought=1_000, paid=5_600_000, last_mark=BIDS)}
    lost = day_loss(held, None, {})
    assert lost is not None
    assert lost.loss == 5_600_000
    assert day_loss(held | {(1, "B"): Holding(start=1)}, None, {"B": BIDS}) is None
    assert day_loss(held | {(1, "B"): Holding(start=1)}, 0, {}) == lost


def alone(side: Side, price: int, count: int, multiplier: int, mark: Mark) -> int:
    """What one order would show with its worst fee."""
    worst = fee(side, Price(price), Count(count), multiplier)
    return shows(leg_price(side, Price(price)), Count(count), worst, mark.of(side))


@pytest.mark.parametrize(
    ("side", "price", "mark", "above"),
    [
        (Side.BID, 5_600, BIDS, 200),
        (Side.BID, 5_000, BIDS, 0),  # below the bid: no gain before it is one
        (Side.ASK, 5_400, BIDS, 200),  # NO at 0.46 with a bid of 0.44
        (Side.ASK, 6_000, BIDS, 0),
        (Side.BID, 5_600, WORTHLESS, 5_600),
        (Side.ASK, 5_400, WORTHLESS, 4_600),
    ],
)
def test_what_an_order_would_show(side: Side, price: int, mark: Mark, above: int) -> None:
    """Catches an order that is marked by the price it pays, by the other side's bid, or without its fee."""
    charged = alone(side, price, 1_000, 10_000, Mark(Price(9_999), Price(9_999)))
    assert charged > 0
    assert alone(side, price, 1_000, 10_000, mark) == above * 1_000 + charged


def account(*orders: LiveOrder, held: int = 0) -> Account:
    """An account with these orders, and so many YES (NO below zero) held in the market of each."""
    one = Account()
    for number, order in enumerate(orders):
        if held:
            one.adopt((order.subaccount, order.ticker), Held(Count(held), Money(abs(held) * 5_000)))
        one.put(replace(order, key=f"d/{number}", order_id=f"x-{number}"), 0)
    return one


def shown(*orders: LiveOrder, held: int = 0, beside: Judged = Judged()) -> int:  # noqa: B008 (it is frozen)
    """What they would show, of all subaccounts."""
    return sum(may_show(account(*orders, held=held), lambda _: BIDS, beside).values())


ONE = alone(Side.BID, 5_600, 1_000, 10_000, BIDS)
BELOW = alone(Side.BID, 5_300, 1_000, 10_000, BIDS)


@pytest.mark.parametrize("state", OrderState)
def test_whatever_may_still_fill_would_show_its_loss(state: OrderState) -> None:
    """Catches orders that rest and are forgotten: each fits the day's limit alone, and all of them may fill."""
    orders = [live(state=state), live(state=state), live(state=state, subaccount=3)]
    assert may_show(account(*orders), lambda _: BIDS) == {0: 2 * ONE, 3: ONE}
    assert shown(live(filled=Count(1_000), state=state)) == 0
    assert shown(live(state=state), live(price=5_300)) == ONE + BELOW
    assert shown(live(Side.ASK, 5_400), live()) == ONE + alone(Side.ASK, 5_400, 1_000, 10_000, BIDS)


def test_an_amend_that_is_not_proven_shows_the_worse_of_its_terms() -> None:
    amending = live().amended(Terms(Price(5_700), Count(1_000), "d-2", 1))
    assert shown(amending) == alone(Side.BID, 5_700, 1_000, 10_000, BIDS)


def test_what_can_only_close_shows_nothing_and_what_may_open_shows_the_dearest() -> None:
    """Catches exits that use up the limit, and an exit that hides an order which would open behind it."""
    assert shown(live(), held=-1_000) == 0
    assert shown(live(), held=-5_000) == 0
    assert shown(live(), held=1_000) == ONE
    both = live(), live(price=5_300)
    fees = shown(*both) - 200 * 1_000
    assert shown(*both, held=-1_000) == shown(*both)
    assert shown(*both, held=-1_500) == fees + 200 * 500


def test_in_a_market_that_is_traded_now_nothing_is_sure_to_close() -> None:
    """The order that is judged may close it first. Catches two exits for one position, the dearer one free."""
    assert shown(live(), held=-1_000, beside=Judged(frozenset({TICKER}))) == ONE
    assert shown(live(), held=-1_000, beside=Judged(frozenset({"OTHER"}))) == 0


def test_an_order_that_is_amended_shows_what_its_new_terms_do() -> None:
    """Catches an order that a maker cannot move, for it would count twice."""
    orders = live(), live(price=5_300), live(subaccount=3)
    resting = replace(orders[0], key="d/0", order_id="x-0")
    assert shown(*orders, beside=Judged(frozenset({TICKER}), resting)) == ONE + BELOW


def book(yes: list[tuple[int, int]], no: list[tuple[int, int]]) -> BookSeen:
    sides = (tuple((Price(p), Count(c)) for p, c in side) for side in (yes, no))
    return BookSeen(*sides, age_ms=0, source=Source.FEED)


@pytest.mark.parametrize(
    ("yes", "no", "own", "expected"),
    [
        ([(5_400, 100)], [(4_400, 100)], [], (5_400, 4_400)),
        ([], [(4_400, 100)], [], (0, 4_400)),
        ([(5_400, 100), (5_300, 1)], [(4_400, 100)], [live(price=5_400, count=100)], (5_300, 4_400)),
        ([(5_400, 101), (5_300, 1)], [(4_400, 100)], [live(price=5_400, count=100)], (5_400, 4_400)),
        ([(5_400, 100)], [], [live(price=5_400, count=100)], (0, 0)),
        # an ask of ours at 0.56 is a bid for NO at 0.44
        ([(5_400, 100)], [(4_400, 100), (4_000, 7)], [live(Side.ASK, 5_600, 100)], (5_400, 4_000)),
        # what has filled of it does not stand there any more
        ([(5_400, 100)], [], [live(price=5_400, count=200, filled=Count(150))], (5_400, 0)),
        ([(10_000, 100), (5_400, 100)], [(0, 5)], [], (5_400, 0)),
    ],
)
def test_a_mark_is_the_best_bid_of_others(
    yes: list[tuple[int, int]], no: list[tuple[int, int]], own: list[LiveOrder], expected: tuple[int, int]
) -> None:
    """Catches an own bid that holds up the value of what is held, and a mark where nobody bids."""
    assert mark_of(book(yes, no), own) == Mark(Price(expected[0]), Price(expected[1]))


def test_both_terms_of_an_own_order_that_changes_are_no_mark() -> None:
    """Catches an own bid that becomes a mark while it is amended."""
    order = live(price=5_400, count=100).amended(Terms(Price(5_500), Count(100), "d-2", 1))
    assert mark_of(book([(5_500, 100), (5_400, 100), (5_000, 1)], []), [order]).yes == 5_000


def test_what_is_remembered_is_valued_again_when_it_or_its_mark_has_changed() -> None:
    """Catches a loss that stands still while the market, or the position, moves."""
    by, held = Valuer(), {(0, "A"): Holding(bought=1_000, paid=5_600_000), (0, "B"): Holding(sold=100, received=1)}
    other = Mark(Price(1), Price(2))
    for marks in ({"A": BIDS}, {"A": other}, {}, {"A": BIDS, "B": BIDS}):
        for now in (held, held | {(0, "A"): held[0, "A"].filled(Side.ASK, 5_000, 300, 7, 0)}, {}):
            assert day_loss(now, None, marks, by) == day_loss(now, None, marks)
            by.forget(now)
