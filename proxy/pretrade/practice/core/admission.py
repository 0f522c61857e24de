"""Whether an order may enter: steps 7 to 16 of the admission pipeline, in its order (sim_semantics.md 2).

Rule of this file: checks raise ExchangeError and change nothing. Steps 1 to 6 (key, scope, rate, path, JSON, schema)
belong to the HTTP side and have passed.
"""

from dataclasses import replace

from pretrade.model.markets import MarketStatus
from pretrade.model.orders import AmendOrder, NewOrder, Side, TimeInForce
from pretrade.practice.core import clearing, routing
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.book import Book
from pretrade.practice.core.errors import ExchangeError, invalid_order
from pretrade.practice.core.groups import find
from pretrade.practice.core.instruments import Market
from pretrade.practice.core.records import Order
from pretrade.practice.core.resting import MICROS
from pretrade.practice.core.state import MarketState, State

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999: no later moment can be written as the exchange writes moments."""


def admitted(state: State, account: Account, new: NewOrder) -> Order:
    """The order that a create makes, all checks passed; it has no id yet and nothing knows it."""
    state.require_trading()
    shard = routing.for_ticker(state, new.ticker, new.exchange_index)
    subaccount = new.subaccount or 0
    account.require_subaccount(subaccount)
    market = require_active(state, new.ticker, shard)
    require_size(market.market, new.price, new.count)
    require_flags(new, state.clock())
    require_new_id(account, new.client_order_id)
    require_group(state, account, new, shard)
    order = draft(state, account, new, shard)
    require_money(state, account, order)
    require_no_cross(market.book, order)
    require_fillable(market.book, order)
    return order


def amended(state: State, account: Account, order: Order, change: AmendOrder) -> Order:
    """The order as an amend would have it, all checks passed (orders.md 4); the stored order is untouched.

    A post-only order that would cross at its new price is refused like a new one and stays as it was (choice).
    """
    if change.side is not order.side:
        raise ExchangeError(400, "order_side_mismatch")
    if change.client_order_id and change.client_order_id != order.client_order_id:
        raise ExchangeError(400, "order_id_and_client_order_id_mismatch")
    market = require_active(state, order.ticker, order.exchange_index)
    require_size(market.market, change.price, change.count - order.filled)
    if change.expiration_time:
        require_future(change.expiration_time, state.clock())
    if change.updated_client_order_id != order.client_order_id:
        require_new_id(account, change.updated_client_order_id)
    kept = order.expiration_time if change.expiration_time is None else change.expiration_time or None
    wanted = replace(
        order,
        price=change.price,
        initial=change.count,
        remaining=change.count - order.filled,
        client_order_id=change.updated_client_order_id or order.client_order_id,
        expiration_time=kept,
    )
    require_money(state, account, wanted, order)
    require_no_cross(market.book, wanted)
    return wanted


def require_active(state: State, ticker: str, shard: int) -> MarketState:
    """Steps 7 and 8 for what places or amends: trading is on at the shard, the market is active."""
    state.require_trading(shard)
    market = state.market(ticker)
    if market.status(state.clock()) is not MarketStatus.ACTIVE:
        raise ExchangeError(400, "MARKET_NOT_ACTIVE", message="MARKET_NOT_ACTIVE")
    return market


def require_exit_allowed(state: State, order: Order) -> None:
    """Cancels and decreases pass a trading pause, not an exchange pause and not a closed market (orders.md 7)."""
    state.require_exchange(order.exchange_index)
    status = state.market(order.ticker).status(state.clock())
    if status not in {MarketStatus.ACTIVE, MarketStatus.INACTIVE}:
        raise ExchangeError(400, "MARKET_INACTIVE", message="MARKET_INACTIVE")


def require_size(market: Market, price: int, count: int) -> None:
    """Step 9: the price is on the grid, the count is at least 0.01."""
    if not market.on_grid(price):
        raise ExchangeError(400, "invalid_price")
    if count < 1:
        raise ExchangeError(400, "invalid_order_size")


def require_flags(new: NewOrder, now_us: int) -> None:
    """Step 10 and what cannot go together (orders.md 2)."""
    if new.expiration_time is not None:
        if new.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
            raise invalid_order("expiration_time can only be used with good_till_canceled")
        require_future(new.expiration_time, now_us)
    if new.reduce_only and new.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL:
        raise invalid_order("reduce_only can only be used with immediate_or_cancel")
    if new.post_only and new.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
        raise invalid_order("post_only can only be used with good_till_canceled")


def require_future(expiration_time: int, now_us: int) -> None:
    """An expiry in the past is refused (orders.md 2), and so is one that RFC 3339 cannot print (choice)."""
    if expiration_time * MICROS <= now_us:
        raise invalid_order("Expiration timestamp must be in the future")
    if expiration_time > LAST_SECOND:
        raise invalid_order("Expiration timestamp must be before the year 10000")


def require_new_id(account: Account, client_order_id: str | None) -> None:
    """Step 11: a client_order_id is used once, for ever (orders.md 8); a refused order uses none (choice)."""
    if client_order_id and client_order_id in account.client_order_ids:
        raise ExchangeError(409, "order_already_exists")


def require_group(state: State, account: Account, new: NewOrder, shard: int) -> None:
    """Step 12: the order's group is on its shard and of its subaccount, and has not triggered (orders.md 2, 15)."""
    if new.order_group_id is None:
        return
    group = find(state, account, new.order_group_id, new.subaccount or 0, shard)
    if group.triggered:
        raise ExchangeError(409, "order_group_triggered", "the order group takes no orders until it is reset")


def allowed_count(account: Account, new: NewOrder) -> int:
    """Step 13: a reduce-only order shrinks to the opposite position, possibly to nothing.

    The position is the one of this moment, so the entries of a batch, which enter one after the other, never flip it
    together; resting orders of the same side are not counted (choice), because reduce-only orders never rest.
    """
    if not new.reduce_only:
        return new.count
    position = account.count_of((new.subaccount or 0, new.ticker))
    opposite = -position if new.side is Side.BID else position
    return max(0, min(new.count, opposite))


def require_money(state: State, account: Account, order: Order, former: Order | None = None) -> None:
    """Step 14: with this order resting at its limit, and its worst fee paid, nothing is owed.

    `former` is what an amended order takes the place of: what that holds is free for it.
    """
    if order.remaining == 0:
        return
    pieces = orders_met(state.markets[order.ticker].book, order)
    needed = account.would_add(order, former) + clearing.worst_fee(state, account, order, pieces)
    freed = former.fee_reserve if former else 0
    if account.available(order.subaccount, order.exchange_index) + freed < needed:
        raise ExchangeError(400, "insufficient_balance")


def orders_met(book: Book, order: Order) -> int:
    """At most how many trades an order can make at once: as many orders as it needs to be filled.

    An own order takes nothing of it, and one in a group may be gone when its turn comes: behind them there are others.
    """
    met, left = 0, order.remaining
    for level in book.met(order.side, order.price):
        for other in level.orders.values():
            if left <= 0:
                return met
            if other.account != order.account:
                met += 1
                left -= 0 if other.order_group_id else other.remaining
    return met


def require_no_cross(book: Book, order: Order) -> None:
    """Step 15: a post-only order that would trade is refused, as on demo (pages of June 2026 tell of a cancel)."""
    if order.post_only and book.first_met(order.side, order.price) is not None:
        raise invalid_order("post only cross")


def require_fillable(book: Book, order: Order) -> None:
    """Step 16: fill-or-kill needs the whole count on the book; own orders count, so a self-cross may still cut it."""
    if order.time_in_force is not TimeInForce.FILL_OR_KILL:
        return
    left = order.remaining
    for level in book.met(order.side, order.price):
        left -= level.total
        if left <= 0:
            return
    raise ExchangeError(409, "fill_or_kill_insufficient_resting_volume")


def draft(state: State, account: Account, new: NewOrder, shard: int) -> Order:
    """A new order as it would enter, cut to what reduce-only allows; it has no id and nothing knows it."""
    now = state.clock()
    return Order(
        order_id="",
        account=account.name,
        subaccount=new.subaccount or 0,
        client_order_id=new.client_order_id or "",
        ticker=new.ticker,
        side=new.side,
        price=new.price,
        initial=new.count,
        remaining=allowed_count(account, new),
        time_in_force=new.time_in_force,
        stp=new.self_trade_prevention_type,
        created_us=now,
        updated_us=now,
        post_only=new.post_only,
        cancel_order_on_pause=bool(new.cancel_order_on_pause),
        expiration_time=new.expiration_time,
        order_group_id=new.order_group_id,
        exchange_index=shard,
    )
