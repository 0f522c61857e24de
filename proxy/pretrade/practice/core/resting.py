"""How an order enters its book, shrinks there and leaves it, and how orders end.

Rule of this file: whoever puts a resting order anywhere, changes its size or takes it away does it here, so that book,
account, group and listeners never disagree. No checks: they have been made.
"""

from functools import partial

from pretrade.practice.core import clearing
from pretrade.practice.core.events import BookChanged, OrderChanged
from pretrade.practice.core.records import Order, OrderStatus
from pretrade.practice.core.state import State

MICROS = 1_000_000


def rest(state: State, order: Order) -> None:
    """Put an order at the back of its level, where it stays until it fills, ends or expires."""
    account = state.accounts[order.account]
    order.fee_reserve = clearing.fee_reserve(state, account, order)
    account.add(order)
    state.markets[order.ticker].book.add(order)
    if (group := state.group_of(order)) is not None:
        group.orders[order.order_id] = order
    watch_expiry(state, order)
    tell_book(state, order, order.remaining)


def watch_expiry(state: State, order: Order) -> None:
    """Have a resting order canceled at its expiry, if it has one and still has the same one then (orders.md 2).

    Expiries are kept while trading or the exchange is paused too (choice).
    """
    if order.expiration_time is not None:
        state.schedule(order.expiration_time * MICROS, partial(_expire, state, order, order.expiration_time))


def leave(state: State, order: Order) -> None:
    """Take a resting order out of its book with all that remains of it, without ending it."""
    state.markets[order.ticker].book.remove(order)
    forget(state, order)
    tell_book(state, order, -order.remaining)


def shrink(state: State, order: Order, remaining: int) -> None:
    """Make what remains of a resting order smaller (never zero); it keeps its place in the queue."""
    taken = order.remaining - remaining
    if taken:
        state.markets[order.ticker].book.reduce(order, taken)
        state.accounts[order.account].reduce(order, taken)
        order.remaining = remaining
        tell_book(state, order, -taken)


def take(state: State, order: Order, count: int) -> None:
    """Take out of the book what is about to fill of a resting order: all of it, or a part that leaves it its place."""
    book = state.markets[order.ticker].book
    if count == order.remaining:
        book.remove(order)
    else:
        book.reduce(order, count)
    tell_book(state, order, -count)


def forget(state: State, order: Order) -> None:
    """Drop an order that rests no more from its account's and its group's resting orders."""
    state.accounts[order.account].remove(order)
    if (group := state.group_of(order)) is not None:
        group.orders.pop(order.order_id, None)


def cancel(state: State, order: Order, reason: str) -> int:
    """End a resting order as canceled and return what remained of it."""
    reduced = order.remaining
    leave(state, order)
    order.reason = reason
    end(state, order, OrderStatus.CANCELED)
    return reduced


def end(state: State, order: Order, status: OrderStatus) -> None:
    """Give an order that is not on the book its last status; what remained of it is gone."""
    order.status, order.remaining, order.updated_us = status, 0, state.clock()
    tell_order(state, order)


def tell_order(state: State, order: Order) -> None:
    """Tell the listeners that an order changed."""
    if state.listeners:
        state.tell(OrderChanged(order))


def tell_book(state: State, order: Order, delta: int) -> None:
    """Tell the listeners that the level of an order changed."""
    if state.listeners:
        state.tell(BookChanged(order.ticker, order.side, order.price, delta, order, state.clock()))


def _expire(state: State, order: Order, expiration_time: int) -> None:
    if order.status is OrderStatus.RESTING and order.expiration_time == expiration_time:
        cancel(state, order, "ExpiryCancel")
