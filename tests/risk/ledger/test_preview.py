"""What a write would make of the figures: exactly what the ledger counts once it is approved, and nothing changed."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, PLACE, TODAY, approve, contracts, live_order

from pretrade.model.facts import Measure, Place
from pretrade.model.orders import AmendOrder, CancelAll, CreateBatch, CreateOrder, DecreaseOrder, Side, Write, orders_of
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.account import Account, scopes
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import Terms
from pretrade.risk.ledger.preview import Asked, Preview, added_notional, preview
from pretrade.risk.ledger.worst_case import fee

OTHER, THIRD = Place("OTHER", "EVENT", "SERIES"), Place("THIRD", "ELSEWHERE", "SERIES")
COST = 5_600_000
FEE = fee(Side.BID, Price(5_600), contracts(10), 10_000)


def asked(write: Write, *, own: bool = False, places: tuple[Place, ...] = (PLACE, OTHER, THIRD)) -> Asked:
    return Asked(write, 0, TODAY, 10_000, places, own)


def figures(seen: Preview, *, own: bool = False) -> dict[tuple[Measure, str], tuple[int, int]]:
    return {(one.measure, one.of): (one.before, one.after) for one in seen.usages if one.own is own}


def held(count: int, cost: int = 500_000) -> Account:
    """An account with a position in the market and nothing else."""
    made = Account()
    made.learn(PLACE)
    made.adopt((0, TICKER), Held(Count(count), Money(cost)))
    return made


def test_a_create_counts_in_every_measure() -> None:
    """Catches a measure that is not previewed: the check on it would have nothing to look at."""
    one = COST + FEE
    assert figures(preview(Account(), asked(CreateOrder(order())))) == {
        (Measure.POSITION, TICKER): (0, 1_000),
        (Measure.MARKET_EXPOSURE, TICKER): (0, one),
        (Measure.EVENT_EXPOSURE, "EVENT"): (0, one),
        (Measure.SERIES_EXPOSURE, "SERIES"): (0, one),
        (Measure.ACCOUNT_EXPOSURE, ""): (0, one),
        **{(measure, of): (0, 1) for measure in (Measure.OPEN_ORDERS, Measure.DAY_ORDERS) for of in ("", TICKER)},
        **{(Measure.DAY_NOTIONAL, of): (0, COST) for of in ("", TICKER)},
    }


def test_a_batch_adds_up_in_the_event_that_its_markets_share() -> None:
    """Catches an event that sees one of two legs, and a market that sees both."""
    batch = CreateBatch((order(), order(ticker="OTHER"), order(ticker="THIRD"), order()))
    seen, one = figures(preview(Account(), asked(batch))), COST + FEE
    names = [(Measure.MARKET_EXPOSURE, TICKER), (Measure.MARKET_EXPOSURE, "OTHER"), (Measure.EVENT_EXPOSURE, "EVENT")]
    names += [
        (Measure.EVENT_EXPOSURE, "ELSEWHERE"),
        (Measure.SERIES_EXPOSURE, "SERIES"),
        (Measure.ACCOUNT_EXPOSURE, ""),
    ]
    assert [seen[name][1] // one for name in names] == [2, 1, 3, 1, 4, 4]
    assert [seen[Measure.DAY_ORDERS, of][1] for of in ("", TICKER, "OTHER")] == [4, 2, 1]
    assert [seen[Measure.DAY_NOTIONAL, of][1] // COST for of in ("", TICKER, "OTHER")] == [4, 2, 1]


@pytest.mark.parametrize(
    ("write", "before", "after", "more"),
    [
        (amend("20", "0.5600", order_id="x"), 1_000, 2_000, COST),
        (amend("10", "0.9600", order_id="x"), 1_000, 1_000, 4_000_000),
        (amend("5", "0.5600", order_id="x"), 1_000, 1_000, 0),  # less counts once a read shows it
        (amend("10", "0.1000", order_id="x"), 1_000, 1_000, 0),
        (amend("20", "0.1000", order_id="x"), 1_000, 2_000, 1_000_000),  # ten may fill before it, ten more after
        (amend("20", "0.9600", order_id="x"), 1_000, 2_000, 19_200_000 - COST),
    ],
)
def test_an_amend_counts_the_worse_of_both(write: AmendOrder, before: int, after: int, more: int) -> None:
    """Catches an amend that is counted as a new order beside the old one, one that frees anything, and the notional of
    a larger total at a better price."""
    made = Account()
    made.learn(PLACE)
    made.put(live_order(order_id="x"), NOW)
    seen = figures(preview(made, asked(write)))
    assert seen[Measure.POSITION, TICKER] == (before, after)
    assert seen[Measure.DAY_NOTIONAL, ""] == (0, more)
    assert seen[Measure.OPEN_ORDERS, ""] == (1, 1) and seen[Measure.DAY_ORDERS, ""] == (0, 0)
    assert added_notional(live_order(order_id="x"), write) == more


@pytest.mark.parametrize(
    ("write", "before", "after"),
    [
        (CreateOrder(order("150")), 0, 15_000),  # as many bids as there are asks
        (CreateOrder(order("50")), 0, 5_000),
        (CreateOrder(order("1", side=Side.ASK)), 15_000, 15_100),
        (CreateBatch((order("50"), order("1", side=Side.ASK))), 15_000, 15_100),
    ],
)
def test_what_is_bought_in_the_shade_of_a_worse_side_counts(write: Write, before: int, after: int) -> None:
    """150 asks rest, where the limit is less by now. Catches 150 bids that raise nothing as long as the asks rest, and
    are past the limit when those are canceled; the same of every exposure."""
    made = Account()
    made.learn(PLACE)
    made.put(live_order(side=Side.ASK, terms=(Terms(Price(5_600), contracts(150)),)), NOW)
    seen = figures(preview(made, asked(write)))
    assert seen[Measure.POSITION, TICKER] == (before, after)
    exposed = [seen[measure, of] for measure, of in seen if measure.endswith("exposure")]
    assert len(exposed) == 4 and all(one[0] < one[1] for one in exposed)


def test_what_one_market_hides_does_not_make_room_in_another() -> None:
    """150 asks rest in one market of an event; a batch bids a little there and opens in the other one. Catches an event
    that counts the first by its small side, and so has room for the second that it has not."""
    made = Account()
    made.learn(PLACE)
    made.put(live_order(side=Side.ASK, terms=(Terms(Price(5_600), contracts(150)),)), NOW)
    before = made.exposure((None, "event", "EVENT"))
    seen = figures(preview(made, asked(CreateBatch((order("1"), order("10", ticker="OTHER"))))))
    assert seen[Measure.EVENT_EXPOSURE, "EVENT"] == (before, before + COST + FEE)
    assert seen[Measure.ACCOUNT_EXPOSURE, ""] == (before, before + COST + FEE)


def test_what_only_closes_adds_nothing() -> None:
    """Catches an exit that is denied for a figure past its limit: what closes grows on no side."""
    seen = figures(preview(held(15_000), asked(CreateBatch((order("100", side=Side.ASK), order("50", side=Side.ASK))))))
    assert seen[Measure.POSITION, TICKER] == (15_000, 15_000)
    assert seen[Measure.ACCOUNT_EXPOSURE, ""][0] == seen[Measure.ACCOUNT_EXPOSURE, ""][1]


def test_what_is_held_stays_where_a_leg_only_closes() -> None:
    """150 asks rest in one market, and NO is held in another; a batch bids in the shade of the asks and closes a little
    of the NO. Catches a sum without what is held: the bids would have all its room."""
    made = Account()
    for place in (PLACE, OTHER):
        made.learn(place)
    made.put(live_order(side=Side.ASK, terms=(Terms(Price(1_000), contracts(150)),)), NOW)
    made.adopt((0, "OTHER"), Held(Count(-1_000), Money(9_000_000)))
    seen = figures(preview(made, asked(CreateBatch((order(), order("1", ticker="OTHER"))))))
    assert seen[Measure.EVENT_EXPOSURE, "EVENT"] == (9_000_000, 9_000_000 + COST + FEE)


def test_an_amend_of_what_has_filled_in_part_adds_for_what_is_left() -> None:
    """Its count is the new total, fills included. Catches the fills counted again."""
    one = live_order(order_id="x", filled=contracts(6))
    assert added_notional(one, amend("10", "0.5600")) == 0
    assert added_notional(one, amend("12", "0.5600")) == 2 * 560_000
    assert added_notional(one, amend("5", "0.9900")) == 0


def test_the_own_figures_are_the_subaccounts() -> None:
    """Catches another client's orders in one's own figure, or one's own missing where it has limits."""
    made = Account()
    made.learn(PLACE)
    made.put(live_order(subaccount=3), NOW)
    seen = preview(made, asked(CreateOrder(order()), own=True))
    one = COST + FEE
    assert figures(seen)[Measure.ACCOUNT_EXPOSURE, ""] == (one, 2 * one)
    assert figures(seen, own=True)[Measure.ACCOUNT_EXPOSURE, ""] == (0, one)
    assert figures(seen, own=True)[Measure.OPEN_ORDERS, ""] == (0, 1)
    assert figures(preview(made, asked(CreateOrder(order()))), own=True) == {}


@pytest.mark.parametrize(
    ("position", "write", "expected"),
    [
        (0, CreateOrder(order()), (False,)),
        (-1_000, CreateOrder(order()), (True,)),
        (-999, CreateOrder(order()), (False,)),
        (-1_500, CreateBatch((order(), order("5"), order("0.01"))), (True, True, False)),  # each after the one before
        (-1_000, CreateBatch((order(side=Side.ASK), order())), (False, True)),
        (-1_000, CreateBatch((order(ticker="OTHER"), order())), (False, True)),
        (-1_000, CancelAll(0), ()),
        (-1_000, DecreaseOrder("x", reduce_to=Count(0)), ()),
    ],
)
def test_each_leg_reduces_or_not(position: int, write: Write, expected: tuple[bool, ...]) -> None:
    """Catches two closing legs that open together, and a leg judged by another market's position."""
    assert preview(held(position), asked(write)).reduces == expected


@pytest.mark.parametrize(
    ("count", "remaining", "expected"), [("10", 1_000, True), ("11", 1_000, False), ("5", 1_000, False)]
)
def test_an_amend_reduces_without_the_order_it_replaces(count: str, remaining: int, expected: bool) -> None:
    """Ten short and a bid of ten: an amend to ten closes, to eleven opens. What it leaves counts with the old total
    until a read shows it, so even less closes only where the old one did."""
    made = held(-1_000)
    made.put(live_order(order_id="x"), NOW)
    seen = preview(made, asked(amend(count, order_id="x")))
    assert seen.reduces == ((expected or count == "5"),)


def test_nothing_is_previewed_for_an_exit_or_an_order_nobody_knows() -> None:
    """Catches an amend of nothing that passes as one that raises nothing: the check denies for the order."""
    for write in (CancelAll(0), DecreaseOrder("x", reduce_to=Count(1)), amend(order_id="nobodys")):
        assert preview(Account(), asked(write)) == Preview((), ())


def test_a_preview_changes_nothing() -> None:
    """Catches a denied order that counts."""
    made = held(300)
    made.put(live_order(order_id="x"), NOW)
    before = (made.books()[0][1].state(), [made.exposure(scope) for scope in scopes(None, PLACE)], dict(made.orders))
    for write in (CreateOrder(order()), CreateBatch((order(), order())), amend("20", order_id="x")):
        preview(made, asked(write, own=True))
    assert before == (
        made.books()[0][1].state(),
        [made.exposure(scope) for scope in scopes(None, PLACE)],
        dict(made.orders),
    )


@pytest.mark.parametrize(
    "write",
    [
        CreateOrder(order("10", "0.3000", side=Side.ASK)),
        CreateBatch((order(), order("5", side=Side.ASK), order("1", "0.9000"))),
        amend("20", "0.7000", order_id="x-1"),
        amend("4", "0.2000", order_id="x-1"),
    ],
)
@pytest.mark.parametrize("position", [-700, 0, 700])
def test_what_is_previewed_is_what_is_counted(write: Write, position: int) -> None:
    """The figures after an approval are those that were judged, on the sides that were bought. Catches a preview that
    counts by rules of its own."""
    ledger = Ledger()
    ledger.live.adopt((0, TICKER), Held(Count(position), Money(abs(position) * 3_000)))
    approve(ledger, "d-1")
    ledger.live.put(replace(ledger.live.orders["d-1/0"], order_id="x-1"), NOW)
    seen = figures(preview(ledger.live, asked(write)))
    approve(ledger, "d-2", write)
    live = ledger.live
    sides = {write.side} if isinstance(write, AmendOrder) else {new.side for new in orders_of(write)}
    whole, bids, asks = live.book(0, TICKER).all_figures()
    bought = [whole, *(bids if side is Side.BID else asks for side in sides)]
    assert seen[Measure.POSITION, TICKER][1] in [position for position, _ in bought]
    assert seen[Measure.MARKET_EXPOSURE, TICKER][1] in [exposure for _, exposure in bought]
    assert seen[Measure.ACCOUNT_EXPOSURE, ""] == seen[Measure.MARKET_EXPOSURE, TICKER]
    assert live.figures(0, TICKER) == (
        live.worst_position(None, TICKER),
        live.exposure((None, "account", "")),
    )
    assert seen[Measure.OPEN_ORDERS, ""][1] == live.open_orders(None)
    assert seen[Measure.DAY_ORDERS, ""][1] == live.days.orders(TODAY, (None, ""))
    assert seen[Measure.DAY_NOTIONAL, ""][1] == live.days.notional(TODAY, (None, ""))


def test_an_amend_counts_in_the_subaccount_that_its_order_is_in() -> None:
    """A new policy may have given the client another one. Catches an amend that is tried on the empty book there, where
    taking the old order away makes room for any new one: it was seen to only reduce, and no limit held it."""
    ledger = Ledger()
    ledger.live.put(live_order(order_id="x", subaccount=1), NOW)
    write = amend("500", "0.9600", order_id="x")
    seen = preview(ledger.live, asked(write, own=True))
    assert seen.reduces == (False,)
    assert (
        figures(seen)[Measure.POSITION, TICKER] == figures(seen, own=True)[Measure.POSITION, TICKER] == (1_000, 50_000)
    )
    approve(ledger, "d-2", write)
    assert [ledger.live.worst_position(owner, TICKER) for owner in (None, 1, 0)] == [50_000, 50_000, 0]
