"""Whether an order may enter: steps 7 to 16 of the admission pipeline, in its order (sim_semantics.md 2).

Rule of this file: checks raise ExchangeError and change nothing. Steps 1 to 6 (key, scope, rate, path, JSON, schema)
belong to the HTTP side and have passed.
"""

from dataclasses import replace

from pretrade.model.orders import AmendOrder, NewOrder, Side, TimeInForce
from pretrade.practice.accounts import Account, collateral
from pretrade.practice.book import Book
from pretrade.practice.errors import ExchangeError, invalid_order, not_found
from pretrade.practice.fees import worst_taker_fee
from pretrade.practice.instruments import Market
from pretrade.practice.records import Order
from pretrade.practice.state import MarketState, MarketStatus, State

MICROS = 1_000_000
_SHARDS_HERE = {None, -1, 0}


def open_market(state: State, ticker: str) -> MarketState:
    """Steps 7 and 8 for what places or amends: trading is on, the market exists and is active."""
    state.require_trading()
    market = state.market(ticker)
    if market.status(state.clock()) != MarketStatus.ACTIVE:
        raise ExchangeError(400, "MARKET_NOT_ACTIVE", message="MARKET_NOT_ACTIVE")
    return market


def require_exit_allowed(state: State, ticker: str) -> None:
    """Cancels and decreases pass a trading pause, not an exchange pause and not a closed market (orders.md 7)."""
    state.require_exchange()
    if state.market(ticker).status(state.clock()) == MarketStatus.CLOSED:
        raise ExchangeError(400, "MARKET_INACTIVE", message="MARKET_INACTIVE")


def require_this_shard(index: int | None) -> None:
    """There is one shard, 0; -1 asks for routing by ticker. Any other shard knows none of these orders."""
    if index not in _SHARDS_HERE:
        raise not_found()


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
    """An expiry in the past is refused (orders.md 2)."""
    if expiration_time * MICROS <= now_us:
        raise invalid_order("Expiration timestamp must be in the future")


def require_new_id(account: Account, client_order_id: str | None) -> None:
    """Step 11: a client_order_id is used once, for ever (orders.md 8)."""
    if client_order_id and client_order_id in account.client_order_ids:
        raise ExchangeError(409, "order_already_exists")


def allowed_count(account: Account, new: NewOrder, subaccount: int) -> int:
    """Step 13: a reduce-only order shrinks to the opposite position, possibly to nothing."""
    if not new.reduce_only:
        return new.count
    position = account.count_of((subaccount, new.ticker))
    opposite = -position if new.side is Side.BID else position
    return max(0, min(new.count, opposite))


def require_money(state: State, account: Account, order: Order) -> None:
    """Step 14: with this order resting at its limit, and its worst fee paid, nothing is owed.

    An amended order replaces its former self, which has the same id.
    """
    if order.remaining == 0:
        return
    market = state.markets[order.ticker]
    resting = account.resting.get(order.key, {})
    position = account.count_of(order.key)
    added = collateral(position, (resting | {order.order_id: order}).values()) - collateral(position, resting.values())
    met = sum(1 for _ in market.book.crossing(order.side, order.price))
    fee = worst_taker_fee(order.side, order.price, order.remaining, state.multiplier(market.market), met)
    if account.available() < added + fee:
        raise ExchangeError(400, "insufficient_balance")


def require_no_cross(book: Book, order: Order) -> None:
    """Step 15: a post-only order that would trade is refused."""
    if order.post_only and next(book.crossing(order.side, order.price), None) is not None:
        raise invalid_order("post only cross")


def require_fillable(book: Book, order: Order) -> None:
    """Step 16: fill-or-kill needs the whole count on the book; own orders count, so a self-cross may still cut it."""
    if order.time_in_force is not TimeInForce.FILL_OR_KILL:
        return
    if sum(maker.remaining for maker in book.crossing(order.side, order.price)) < order.remaining:
        raise ExchangeError(409, "fill_or_kill_insufficient_resting_volume")


def amended(state: State, account: Account, order: Order, change: AmendOrder) -> Order:
    """The order as an amend would have it, all checks passed (orders.md 4); the stored order is untouched."""
    if change.ticker != order.ticker:
        raise ExchangeError(400, "order_ticker_mismatch")
    if change.side is not order.side:
        raise ExchangeError(400, "order_side_mismatch")
    if change.client_order_id and change.client_order_id != order.client_order_id:
        raise ExchangeError(400, "order_id_and_client_order_id_mismatch")
    market = open_market(state, order.ticker)
    require_size(market.market, change.price, change.count - order.filled)
    if change.expiration_time:
        require_future(change.expiration_time, state.clock())
    if change.updated_client_order_id != order.client_order_id:
        require_new_id(account, change.updated_client_order_id)
    kept = order.expiration_time if change.expiration_time is None else change.expiration_time or None
    return replace(
        order,
        price=change.price,
        initial=change.count,
        remaining=change.count - order.filled,
        client_order_id=change.updated_client_order_id or order.client_order_id,
        expiration_time=kept,
    )
