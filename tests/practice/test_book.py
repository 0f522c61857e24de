import pytest
from tests.practice.support import GTC, NOW_US

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.book import Book, plan
from pretrade.practice.records import Order

BID, ASK = Side.BID, Side.ASK


def _order(name, side, price, count, account="other", stp=SelfTradePrevention.TAKER_AT_CROSS):
    return Order(name, account, 0, "", "A", side, price, count, count, GTC, stp, NOW_US, NOW_US)


def _book(*orders):
    book = Book()
    for order in orders:
        book.add(order)
    return book


def _names(todo):
    return [(maker.order_id, count) for maker, count in todo.fills]


def test_better_prices_trade_first_and_then_the_older_order():
    """Catches a book that walks its levels or a level's queue the wrong way."""
    asks = [_order("late", ASK, 5_000, 100), _order("dear", ASK, 5_100, 100), _order("later", ASK, 5_000, 100)]
    todo = plan(_book(*asks), _order("t", BID, 5_100, 250, "me"))
    assert _names(todo) == [("late", 100), ("later", 100), ("dear", 50)]
    bids = [_order("low", BID, 4_000, 100), _order("high", BID, 4_500, 100)]
    assert _names(plan(_book(*bids), _order("t", ASK, 100, 150, "me"))) == [("high", 100), ("low", 50)]


@pytest.mark.parametrize(("side", "limit", "met"), [(BID, 4_999, 0), (BID, 5_000, 1), (ASK, 4_001, 0), (ASK, 4_000, 1)])
def test_the_limit_is_met_at_equality(side, limit, met):
    book = _book(_order("a", ASK, 5_000, 100), _order("b", BID, 4_000, 100))
    assert len(list(book.crossing(side, limit))) == met


def test_taker_at_cross_stops_at_the_first_own_order():
    asks = [_order("x", ASK, 5_000, 100), _order("mine", ASK, 5_100, 100, "me"), _order("y", ASK, 5_200, 100)]
    todo = plan(_book(*asks), _order("t", BID, 5_200, 300, "me"))
    assert (_names(todo), todo.stopped, todo.self_cancels) == ([("x", 100)], True, ())


def test_maker_cancels_own_orders_on_the_way_and_goes_on():
    asks = [_order("x", ASK, 5_000, 100), _order("mine", ASK, 5_100, 100, "me"), _order("y", ASK, 5_200, 100)]
    todo = plan(_book(*asks), _order("t", BID, 5_200, 200, "me", SelfTradePrevention.MAKER))
    assert (_names(todo), todo.stopped) == ([("x", 100), ("y", 100)], False)
    assert [order.order_id for order in todo.self_cancels] == ["mine"]


def test_an_own_order_behind_the_last_needed_one_is_left_alone():
    asks = [_order("x", ASK, 5_000, 100), _order("mine", ASK, 5_000, 100, "me")]
    for stp in SelfTradePrevention:
        todo = plan(_book(*asks), _order("t", BID, 5_000, 100, "me", stp))
        assert (todo.stopped, todo.self_cancels) == (False, ())


def test_depth_best_and_queue_position():
    orders = [_order("a", BID, 4_000, 100), _order("b", BID, 4_000, 50), _order("c", BID, 4_200, 25)]
    book = _book(*orders)
    assert book.depth(BID) == [(4_200, 25), (4_000, 150)]
    assert (book.best(BID), book.best(ASK)) == (4_200, None)
    assert [book.ahead_of(order) for order in orders] == [25, 125, 0]
    for order in orders:
        book.remove(order)
    assert book.bids == {}
