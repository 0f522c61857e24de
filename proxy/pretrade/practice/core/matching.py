"""Matching: what an admitted order does to the book, trade by trade, until it rests or ends.

Rule of this file: one trade at a time against the best order that is there now, because a trade can change the book
(an order group that triggers takes its orders away); price-time priority and the resting order's price always; no
checks but self-trade prevention, which covers all subaccounts of one account (orders.md 11).
"""

from pretrade.model.orders import SelfTradePrevention, TimeInForce
from pretrade.practice.core import clearing, groups, resting
from pretrade.practice.core.events import Traded
from pretrade.practice.core.records import Fill, Order, OrderStatus, Trade
from pretrade.practice.core.state import State

SELF_TRADE = "SelfTradeCancel"


def enter(state: State, order: Order) -> list[Fill]:
    """Match an admitted order, then rest what remains of it if it is good till canceled; returns its own fills.

    What ends it short of that: a self-cross (`taker_at_cross`) and its group triggering on the way. A fill-or-kill that
    met an own order keeps what it has filled (orders.md 11).
    """
    fills, ended = _match(state, order)
    if order.remaining and ended is None and order.time_in_force is TimeInForce.GOOD_TILL_CANCELED:
        resting.rest(state, order)
        resting.tell_order(state, order)
        return fills
    if order.filled == order.initial:
        resting.end(state, order, OrderStatus.EXECUTED)
        return fills
    order.reason = _short_reason(order) if ended is None else ended
    resting.end(state, order, OrderStatus.CANCELED)
    return fills


def trade(state: State, taker: Order, maker: Order, count: int) -> Fill:
    """Settle one match at the resting order's price and return the taker's half of it."""
    market = state.markets[taker.ticker]
    now, price = state.clock(), maker.price
    done = Trade(state.new_id(), taker.ticker, price, count, taker.side, now)
    state.trades.append(done)
    market.trades.append(done)
    market.last_price = price
    market.volume += count
    if state.listeners:
        state.tell(Traded(done))
    resting.take(state, maker, count)
    fill = _fill(state, taker, done, is_taker=True)
    _fill(state, maker, done, is_taker=False)
    if maker.remaining == 0:
        resting.forget(state, maker)
        resting.end(state, maker, OrderStatus.EXECUTED)
    else:
        resting.tell_order(state, maker)
    groups.count_match(state, maker, count)
    groups.count_match(state, taker, count)
    return fill


def _match(state: State, taker: Order) -> tuple[list[Fill], str | None]:
    """The taker's fills, and the reason why its remainder must end at once, None for none."""
    book = state.markets[taker.ticker].book
    group = state.group_of(taker)
    fills: list[Fill] = []
    while taker.remaining and (maker := book.first_met(taker.side, taker.price)) is not None:
        if maker.account != taker.account:
            fills.append(trade(state, taker, maker, min(taker.remaining, maker.remaining)))
            if group is not None and group.triggered:
                return fills, ""
        elif taker.stp is SelfTradePrevention.TAKER_AT_CROSS:
            return fills, SELF_TRADE
        else:
            resting.cancel(state, maker, SELF_TRADE)
    return fills, None


def _fill(state: State, order: Order, done: Trade, *, is_taker: bool) -> Fill:
    fill = clearing.book_fill(state, order, done, is_taker=is_taker)
    order.reason = "Trade"
    return fill


def _short_reason(order: Order) -> str:
    """Why an order ends with less than it asked for: shrunk by reduce-only, or nothing left to trade with (choice: no
    reason of its own; what had filled before stays the last update's reason)."""
    if order.filled + order.remaining < order.initial:
        return "ReduceOnlyCancel"
    if order.time_in_force is TimeInForce.FILL_OR_KILL:
        return SELF_TRADE
    return order.reason
