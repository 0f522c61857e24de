import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.support import GTC, NOW_US

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.core.book import Book
from pretrade.practice.core.records import Order

BID, ASK = Side.BID, Side.ASK


def _order(name, side, price, count):
    stp = SelfTradePrevention.TAKER_AT_CROSS
    return Order(name, "me", 0, "", "A", side, price, count, count, GTC, stp, NOW_US, NOW_US)


def _book(*orders):
    book = Book()
    for order in orders:
        book.add(order)
    return book


@pytest.mark.parametrize(
    ("side", "limit", "met"), [(BID, 4_999, None), (BID, 5_000, "a"), (ASK, 4_001, None), (ASK, 4_000, "b")]
)
def test_the_limit_is_met_at_equality(side, limit, met):
    book = _book(_order("a", ASK, 5_000, 100), _order("b", BID, 4_000, 100))
    first = book.first_met(side, limit)
    assert (first and first.order_id) == met
    assert [list(level.orders) for level in book.met(side, limit)] == ([[met]] if met else [])


def test_depth_best_and_queue_position():
    orders = [_order("a", BID, 4_000, 100), _order("b", BID, 4_000, 50), _order("c", BID, 4_200, 25)]
    book = _book(*orders)
    assert book.depth(BID) == [(4_200, 25), (4_000, 150)]
    assert (book.best(BID), book.best(ASK)) == (4_200, None)
    assert [book.ahead_of(order) for order in orders] == [25, 125, 0]
    for order in orders:
        book.remove(order)
    assert (book.bids.levels, book.bids.ranks, book.depth(BID)) == ({}, [], [])


_STEPS = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 30), st.integers(1, 9), st.integers(0, 99)), max_size=40
)


@given(_STEPS)
def test_the_kept_totals_and_order_are_those_of_a_sorted_list(steps):
    """Catches a total that is not taken back, a level that stays when it is empty, and a side sorted the wrong way."""
    book, resting = Book(), []
    for number, (side, price, count, pick) in enumerate(steps):
        if pick < 30 and resting:
            book.remove(resting.pop(pick % len(resting)))
        elif pick < 50 and resting and (order := resting[pick % len(resting)]).remaining > 1:
            book.reduce(order, 1)
            order.remaining -= 1
        else:
            resting.append(_order(str(number), side, price, count))
            book.add(resting[-1])
    for side, sign in ((BID, -1), (ASK, 1)):
        queue = sorted((o for o in resting if o.side is side), key=lambda o: (sign * o.price, int(o.order_id)))
        totals = {
            price: sum(o.remaining for o in queue if o.price == price)
            for price in dict.fromkeys(o.price for o in queue)
        }
        assert list(book.orders(side)) == queue
        assert book.depth(side) == list(totals.items())
        assert book.best(side) == (queue[0].price if queue else None)
        assert [book.ahead_of(o) for o in queue] == [sum(e.remaining for e in queue[:i]) for i, o in enumerate(queue)]


def test_the_places_of_many_orders_take_one_walk():
    """Catches a walk for each order: 20,000 at one price took over ten seconds."""
    book = _book(*(_order(str(number), BID, 4_000, 100) for number in range(20_000)), _order("best", BID, 4_100, 7))
    began = time.process_time()
    places = list(book.queue(BID, {str(number) for number in range(20_000)}))
    assert time.process_time() - began < 1
    assert places == [(str(number), 7 + 100 * number) for number in range(20_000)]
    assert list(book.queue(BID, {"1", "none"})) == [("1", 107)]
    assert list(book.queue(ASK, {"1"})) == []
