"""What the account sees of its trading: orders, fills, positions and answers to writes, as the exchange prints them.

Rule of this file: records in, JSON-ready dicts out, nothing else. Prices have 4 decimals, money 6, counts 2, all of
them text (market_data.md 1, orders.md 13).
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.core.accounts import Position
from pretrade.practice.core.exchange import Result
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.records import Fill, Order

type Json = dict[str, Any]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def dollars(money: int, places: int = 6) -> str:
    """Money as text, cut (never rounded up) to fewer decimals where asked for."""
    units = abs(money) // 10 ** (6 - places)
    whole, fraction = divmod(units, 10**places)
    return f"{'-' if money < 0 else ''}{whole}.{fraction:0{places}d}"


def rfc3339(at_us: int) -> str:
    """A moment as the exchange prints it, in UTC with microseconds."""
    return (_EPOCH + dt.timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def directions(side: Side) -> Json:
    """The four spellings of a direction; `side` and `action` are the deprecated pair, always in YES terms."""
    is_bid = side is Side.BID
    return {
        "book_side": str(side),
        "outcome_side": "yes" if is_bid else "no",
        "side": "yes",
        "action": "buy" if is_bid else "sell",
    }


def prices(price: int) -> Json:
    """A price and its complement."""
    return {"yes_price_dollars": format_price(price), "no_price_dollars": format_price(ONE - price)}


def order_view(order: Order, user_id: str) -> Json:
    """An order of the list and of the single read."""
    view = {
        "order_id": order.order_id,
        "user_id": user_id,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        "type": "limit",
        "status": str(order.status),
        "fill_count_fp": format_count(order.filled),
        "remaining_count_fp": format_count(order.remaining),
        "initial_count_fp": format_count(order.initial),
        "taker_fill_cost_dollars": dollars(order.taker_cost),
        "maker_fill_cost_dollars": dollars(order.maker_cost),
        "taker_fees_dollars": dollars(order.taker_fees),
        "maker_fees_dollars": dollars(order.maker_fees),
        "created_time": rfc3339(order.created_us),
        "last_update_time": rfc3339(order.updated_us),
        "self_trade_prevention_type": str(order.stp),
        "cancel_order_on_pause": order.cancel_order_on_pause,
        "subaccount_number": order.subaccount,
        "exchange_index": order.exchange_index,
    }
    if order.order_group_id is not None:
        view["order_group_id"] = order.order_group_id
    if order.expiration_time is not None:
        view["expiration_time"] = rfc3339(order.expiration_time * 1_000_000)
    return view | directions(order.side) | prices(order.price)


def fill_view(fill: Fill, shard: int = 0) -> Json:
    """A fill on the shard of its market; it carries no client_order_id (market_data.md 6)."""
    return {
        "fill_id": fill.fill_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "ticker": fill.ticker,
        "market_ticker": fill.ticker,
        "count_fp": format_count(fill.count),
        "is_taker": fill.is_taker,
        "fee_cost": dollars(fill.fee),
        "created_time": rfc3339(fill.at_us),
        "ts": fill.at_us // 1_000_000,
        "subaccount_number": fill.subaccount,
        "exchange_index": shard,
    } | (directions(fill.side) | prices(fill.price))


def position_view(ticker: str, position: Position, shard: int, resting: int) -> Json:
    """A market position: signed count, exposure as cost basis (market_data.md 5).

    `resting` is the count (0.01 contracts) of the orders that rest. The exchange dropped its field in July 2026, but
    one client still reads no position without it, and all others ignore it (a documented choice).
    """
    return {
        "ticker": ticker,
        "exchange_index": shard,
        "position_fp": format_count(position.count),
        "market_exposure_dollars": dollars(position.cost),
        "total_traded_dollars": dollars(position.traded),
        "realized_pnl_dollars": dollars(position.realized),
        "fees_paid_dollars": dollars(position.fees),
        "resting_orders_count": resting // 100,
        "last_updated_ts": rfc3339(position.updated_us),
    }


def event_position_view(event_ticker: str, positions: Iterable[Position]) -> Json:
    """The positions of one event added up; cost and shares are of all that was ever traded, closed or not."""
    held = list(positions)
    return {
        "event_ticker": event_ticker,
        "total_cost_dollars": dollars(sum(p.traded for p in held)),
        "total_cost_shares_fp": format_count(sum(p.volume for p in held)),
        "event_exposure_dollars": dollars(sum(p.cost for p in held)),
        "realized_pnl_dollars": dollars(sum(p.realized for p in held)),
        "fees_paid_dollars": dollars(sum(p.fees for p in held)),
    }


def created_view(result: Result) -> Json:
    """The answer to a create or amend: counts of the whole order, averages of the fills it has just had."""
    order = result.order
    view: Json = {
        "order_id": order.order_id,
        "fill_count": format_count(order.filled),
        "remaining_count": format_count(order.remaining),
        "ts_ms": result.at_us // 1_000,
    }
    count = sum(fill.count for fill in result.fills)
    if count:
        view["average_fill_price"] = _average(sum(fill.price * fill.count for fill in result.fills) * 100, count)
        view["average_fee_paid"] = _average(sum(fill.fee for fill in result.fills) * 100, count)
    return _with_client_id(view, order)


def canceled_view(result: Result) -> Json:
    """The answer to a cancel."""
    view = {
        "order_id": result.order.order_id,
        "reduced_by": format_count(result.reduced_by),
        "ts_ms": result.at_us // 1_000,
    }
    return _with_client_id(view, result.order)


def decreased_view(result: Result) -> Json:
    """The answer to a decrease."""
    view = {
        "order_id": result.order.order_id,
        "remaining_count": format_count(result.order.remaining),
        "ts_ms": result.at_us // 1_000,
    }
    return _with_client_id(view, result.order)


def _with_client_id(view: Json, order: Order) -> Json:
    return view | ({"client_order_id": order.client_order_id} if order.client_order_id else {})


def _average(total: int, count: int) -> str:
    """Dollars per contract with 4 decimals, or with 6 where 4 do not say it exactly."""
    if total % (count * 100) == 0:
        return dollars(total // count, 4)
    return dollars((total + count // 2) // count)
