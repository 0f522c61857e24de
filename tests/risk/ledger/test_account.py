"""One account: orders, books, totals of every scope, and indexes move together or not at all."""

import random
from dataclasses import replace

import pytest
from tests.builders import TICKER
from tests.risk.kit import NOW, PLACE, TODAY, contracts, live_order

from pretrade.model.facts import Place
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.account import FILLED_KEPT_MS, NOWHERE, Account, scopes
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.live_order import Terms
from pretrade.risk.ledger.worst_case import fee

COST = 5_600_000
FEE = fee(Side.BID, Price(5_600), contracts(10), 10_000)
ALL = (None, "")


def account(*orders: object) -> Account:
    """An account with these orders, whose market's place is known; their notional is counted on the day."""
    made = Account()
    made.learn(PLACE)
    for order in orders:
        made.put(order, NOW)  # type: ignore[arg-type]
        made.days.add(TODAY, 0, TICKER, orders=1, notional=COST)
    return made


def figures(made: Account, subaccount: int | None = None) -> tuple[int, ...]:
    """Exposure of market, event, series and account; worst position; open orders of all and of the market."""
    exposed = (made.exposure(scope) for scope in scopes(subaccount, made.place(TICKER)))
    counts = (made.open_orders(subaccount), made.open_orders(subaccount, TICKER))
    return (*exposed, made.worst_position(subaccount, TICKER), *counts)


def test_an_order_counts_in_every_scope_of_its_own_and_of_all() -> None:
    """Catches a scope that is left out, and another subaccount's order in a client's own figure."""
    made = account(live_order(), live_order("d-2/0", subaccount=3))
    one = COST + FEE
    assert figures(made) == (2 * one, 2 * one, 2 * one, 2 * one, 2_000, 2, 2)
    assert figures(made, 3) == figures(made, 0) == (one, one, one, one, 1_000, 1, 1)
    assert figures(made, 7) == (0,) * 7


def test_an_event_is_the_sum_of_its_markets() -> None:
    """Catches an event that counts one of its markets, and one market that counts in another's event."""
    made = account(live_order(), live_order("d-2/0", ticker="OTHER"), live_order("d-3/0", ticker="THIRD"))
    made.learn(Place("OTHER", "EVENT", "SERIES"))
    made.learn(Place("THIRD", "ELSEWHERE", "SERIES"))
    one = COST + FEE
    names = [("market", TICKER), ("event", "EVENT"), ("event", "ELSEWHERE"), ("series", "SERIES"), ("account", "")]
    assert [made.exposure((None, *name)) // one for name in names] == [1, 2, 1, 3, 3]
    assert [made.exposure((None, kind, NOWHERE)) for kind in ("event", "series")] == [0, 0]


def test_what_was_counted_moves_to_where_a_market_belongs() -> None:
    """Catches exposure that stays under the old event when a market's place is learned, or that is counted in both."""
    made = Account()
    made.put(live_order(), NOW)
    one = COST + FEE
    assert made.exposure((None, "event", NOWHERE)) == one
    made.learn(PLACE)
    made.learn(PLACE)
    assert figures(made)[:4] == (one,) * 4
    assert made.exposure((None, "event", NOWHERE)) == 0
    made.learn(Place(TICKER, "LATER", "SERIES"))
    assert [made.exposure((None, "event", name)) for name in ("EVENT", "LATER")] == [0, one]


def test_putting_an_order_again_replaces_it() -> None:
    """Catches an amended order that counts twice."""
    made = account(live_order())
    made.put(live_order(terms=(Terms(Price(5_600), contracts(20)),)), NOW + 1)
    assert figures(made)[4:] == (2_000, 1, 1)
    assert made.book(0, TICKER).touched_ms == NOW + 1
    made.put(live_order(), NOW)
    assert figures(made)[4:] == (1_000, 1, 1)
    assert made.book(0, TICKER).touched_ms == NOW + 1  # never earlier than something of ours


@pytest.mark.parametrize(
    ("steps", "position", "left", "spent"),
    [
        ((400,), 400, 600, 2_240_000),
        ((400, 400), 400, 600, 2_240_000),
        ((400, 300), 400, 600, 2_240_000),  # less than was known is no news
        ((400, 1_000), 1_000, 0, COST),
        ((0,), 0, 1_000, 0),
    ],
)
def test_a_fill_is_counted_once(steps: tuple[int, ...], position: int, left: int, spent: int) -> None:
    """Catches a fill told twice that counts twice, and an old answer that takes one back."""
    made = account(live_order())
    for filled in steps:
        made.fill("d-1/0", Count(filled), NOW)
    order = made.orders["d-1/0"]
    assert (made.book(0, TICKER).position, order.remaining, order.spent) == (position, left, spent)
    assert made.worst_position(None, TICKER) == 1_000


@pytest.mark.parametrize(("filled", "kept"), [(0, 0), (400, 2_240_000), (1_000, COST)])
def test_what_did_not_fill_gives_its_notional_back(filled: int, kept: int) -> None:
    """Catches notional of a canceled remainder that stays, and that of fills which goes."""
    made = account(live_order())
    made.fill("d-1/0", Count(filled), NOW)
    made.close("d-1/0", NOW)
    assert (made.days.orders(TODAY, ALL), made.days.notional(TODAY, ALL)) == (1, kept)
    assert figures(made)[4:] == (filled, 0, 0)
    assert made.by_order_id("x-d-1/0") is None and made.orders == {}


def test_each_fill_keeps_the_price_that_the_order_had_then() -> None:
    """Five fill at 56 cents, the rest is amended to 40 and canceled: 2.80 stay. Catches the price of today for the
    fills of yesterday."""
    made = account(live_order())
    made.fill("d-1/0", Count(500), NOW)
    order = made.orders["d-1/0"]

    made.put(replace(order, terms=(Terms(Price(4_000), contracts(10)),)), NOW)
    made.close("d-1/0", NOW)
    assert made.days.notional(TODAY, ALL) == 2_800_000


def test_orders_with_one_client_order_id_are_all_found() -> None:
    """The exchange takes an id once, and which one is not known. Catches the second that hides behind the first, and
    one that is lost when the other ends."""
    made = account()
    for key in ("d-1/0", "d-2/0"):
        made.put(live_order(key, client_order_id="c-1"), NOW)
        made.put(live_order(key, client_order_id="c-1"), NOW)
    assert [one.key for one in made.with_client_order_id("c-1")] == ["d-1/0", "d-2/0"]
    made.close("d-1/0", NOW)
    assert [one.key for one in made.with_client_order_id("c-1")] == ["d-2/0"]
    made.close("d-2/0", NOW)
    assert made.with_client_order_id("c-1") == made.with_client_order_id("c-0") == ()


def test_an_order_is_found_by_the_exchanges_id_once_it_has_one() -> None:
    """Catches an index that stays behind, or that names no order before the answer."""
    made = account(live_order(order_id=None))
    assert made.by_order_id("x-1") is None
    made.put(live_order(order_id="x-1"), NOW)
    found = made.by_order_id("x-1")
    assert found is not None and found.key == "d-1/0"


def test_what_the_exchange_shows_counts_and_goes() -> None:
    """Catches a position seen that no total has, and a book that is kept for ever after it."""
    made = account()
    key = (0, TICKER)
    made.see(key, None)
    assert made.books() == ()
    made.see(key, Held(contracts(3), Money(900_000)))
    assert figures(made) == (900_000,) * 4 + (300, 0, 0)
    made.see(key, None)
    assert figures(made) == (0,) * 7 and made.books() == ()


def test_an_adopted_position_replaces_ours() -> None:
    """Catches a position that is added to ours, and totals that keep the old one."""
    made = account()
    made.adopt((0, TICKER), Held(contracts(3), Money(900_000)))
    made.adopt((0, TICKER), Held(contracts(-2), Money(800_000)))
    assert figures(made) == (800_000,) * 4 + (200, 0, 0)
    made.adopt((0, TICKER), Held())
    assert figures(made) == (0,) * 7 and made.books() == ()


def test_looking_at_a_market_keeps_nothing() -> None:
    """Catches an account that grows with every ticker that anybody asks for."""
    made = account()
    made.book(0, "NEVER-1")
    made.place("NEVER-1")
    made.exposure((None, "market", "NEVER-1"))
    made.open_orders(0, "NEVER-1")
    assert made.books() == () and set(made.places) == {TICKER}


def test_when_a_book_was_filled_last_is_known_for_a_while() -> None:
    """Catches memory that grows with every market there ever was, a moment that is forgotten with its book, and a hold
    that never left us taken for a fill."""
    account = Account()
    moments = (NOW, NOW + FILLED_KEPT_MS, NOW + FILLED_KEPT_MS + 1)
    for number, at_ms in enumerate(moments):
        ticker, bid, ask = f"M{number}", f"{number}/0", f"{number}/1"
        for key, side in ((bid, Side.BID), (ask, Side.ASK)):
            account.put(live_order(key=key, ticker=ticker, side=side), at_ms)
            account.fill(key, Count(1_000), at_ms)
            account.close(key, at_ms)
        assert not account.books()
        assert account.book(0, ticker).touched_ms == at_ms
    account.put(live_order(ticker="M1"), NOW + 2 * FILLED_KEPT_MS)
    account.close("d-1/0", NOW + 2 * FILLED_KEPT_MS)
    assert account.book(0, "M1").touched_ms == moments[1]
    assert account.filled() == (((0, "M1"), moments[1]), ((0, "M2"), moments[2]))


def test_the_orders_of_a_market_are_those_that_may_fill_there() -> None:
    """Catches an order that is still listed where it ended, or no more once its id or its fill became known."""
    made = account(live_order(), live_order("d-2/0", ticker="OTHER"), live_order("d-3/0", subaccount=3))
    made.put(replace(live_order(), order_id="o-1"), NOW)
    made.put(replace(live_order(), order_id="o-2"), NOW)
    made.fill("d-3/0", contracts(1), NOW)
    assert {order.key: order.filled for order in made.orders_in(TICKER)} == {live_order().key: 0, "d-3/0": 100}
    assert [order.key for order in made.orders_in("OTHER")] == ["d-2/0"]
    for key in list(made.orders):
        made.close(key, NOW)
    assert [*made.orders_in(TICKER), *made.orders_in("OTHER")] == []


@pytest.mark.parametrize("seed", range(20))
def test_the_books_in_use_are_those_with_orders_that_may_fill(seed: int) -> None:
    """Orders come, fill and go in any order, and positions are seen and adopted. Catches a book with an open order that
    is not looked at, whose loss nobody would count, and one without that stays."""
    made, by = Account(), random.Random(seed)
    for step in range(60):
        subaccount, ticker = by.choice((0, 3)), by.choice(("A-1", "A-2", "B-1"))
        match by.choice(("put", "put", "close", "fill", "see", "adopt")):
            case "put":
                key = f"{subaccount} {ticker} {by.randrange(3)}"
                made.put(live_order(key, subaccount=subaccount, ticker=ticker), NOW)
            case "close" if made.orders:
                made.close(by.choice(list(made.orders)), NOW)
            case "fill" if made.orders:
                made.fill(by.choice(list(made.orders)), contracts(by.randrange(1, 11)), NOW)
            case "see":
                made.see((subaccount, ticker), by.choice((None, Held(Count(500), Money(2_000_000)))))
            case "adopt":
                made.adopt((subaccount, ticker), Held(Count(500 * (step % 2)), Money(0)))
        assert dict(made.open_books()) == {key: book for key, book in made.books() if book.open_orders}
        assert sum(book.open_orders for _, book in made.open_books()) == len(made.orders) == made.open_orders(None)
