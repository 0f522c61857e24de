"""Things that are due by the clock happen in their order and at their own moment, however late anybody asks."""

from hypothesis import given
from hypothesis import strategies as st
from tests.practice.core.test_exchange import amend_of
from tests.practice.support import DAY_US, NOW_US, Floor

from pretrade.practice.core.records import OrderStatus
from pretrade.practice.core.timetable import Timetable

SECOND = 1_000_000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99))), st.integers(0, 10))
def test_what_is_due_comes_by_moment_and_then_in_the_order_of_planning(planned, now):
    timetable, taken = Timetable(), []
    for number, (at_us, _) in enumerate(planned):
        timetable.add(at_us, lambda number=number: number)
    while (due := timetable.take(now)) is not None:
        taken.append((due[0], due[1]()))
    wanted = sorted((at_us, number) for number, (at_us, _) in enumerate(planned))
    assert taken == [entry for entry in wanted if entry[0] <= now]
    assert timetable.next_us() == next((at_us for at_us, _ in wanted if at_us > now), None)


def test_an_expiry_is_stamped_with_its_own_moment():
    """Catches an expiry stamped with the moment at which somebody asked."""
    floor = Floor()
    me = floor.account("me")
    orders = [floor.place(me, "bid", "0.40", "1", expiration_time=NOW_US // SECOND + s).order for s in (60, 30)]
    ended, moments = [], []
    floor.exchange.listeners.append(lambda e: (ended.append(e.order), moments.append(floor.exchange.clock())))
    floor.clock.advance(3_600)
    floor.exchange.advance()
    assert [o.updated_us - NOW_US for o in orders] == [60 * SECOND, 30 * SECOND]
    assert [ended[i] for i in (0, 2)] == [orders[1], orders[0]], "the earlier one first"
    assert moments == [NOW_US + 30 * SECOND] * 2 + [NOW_US + 60 * SECOND] * 2
    assert floor.exchange.clock() == floor.clock()


def test_every_operation_does_what_is_due_first():
    """Catches an order that trades with one that should have expired before it came."""
    floor = Floor()
    me, other = floor.account("me"), floor.account("other")
    floor.place(me, "ask", "0.40", "1", expiration_time=NOW_US // SECOND + 1)
    floor.clock.advance(1)
    assert floor.place(other, "bid", "0.40", "1").order.filled == 0


def test_what_is_planned_for_the_past_happens_next_and_time_never_runs_back():
    floor = Floor()
    exchange, seen = floor.exchange, []
    exchange.schedule(NOW_US + 5, lambda: (seen.append(exchange.clock()), exchange.schedule(NOW_US, late)))

    def late():
        seen.append(exchange.clock())
        exchange.advance()

    exchange.schedule(NOW_US + 9, lambda: seen.append(exchange.clock()))
    floor.clock.advance(1)
    exchange.advance()
    assert seen == [NOW_US + 5, NOW_US + 5, NOW_US + 9]
    assert exchange.next_due_us() == NOW_US + DAY_US, "the close of the markets"


def test_an_expiry_that_was_moved_or_cleared_is_not_carried_out():
    floor = Floor()
    me = floor.account("me")
    placed = [floor.place(me, "bid", "0.40", "10", expiration_time=NOW_US // SECOND + 5) for _ in range(4)]
    floor.exchange.amend(me, amend_of(placed[0], expiration_time=0))
    floor.exchange.amend(me, amend_of(placed[1], price="0.41", expiration_time=NOW_US // SECOND + 9))
    floor.exchange.amend(me, amend_of(placed[3], expiration_time=NOW_US // SECOND + 7))
    floor.clock.advance(5)
    floor.exchange.advance()
    assert [p.order.status is OrderStatus.RESTING for p in placed] == [True, True, False, True]
    floor.clock.advance(4)
    floor.exchange.advance()
    assert [p.order.reason for p in placed] == ["Amend", *["ExpiryCancel"] * 3]
    assert [(p.order.updated_us - NOW_US) // SECOND for p in placed] == [0, 9, 5, 7]
