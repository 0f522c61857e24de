"""The private messages: fills, orders, positions and order groups of the account that listens.

Rule of this file: facts in, the `msg` of a message out, nothing else (market_data.md 8, asyncapi). Money has 6
decimals.

Documented choices: the deprecated `side`, `purchased_side` and `is_yes` name the outcome that is bought (yes for a bid,
no for an ask), `action` is always buy; the subaccount is there for subaccount 0 too.
"""

from typing import Any

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.core.accounts import Position
from pretrade.practice.core.events import Filled, GroupChanged, GroupKind, PositionChanged
from pretrade.practice.core.records import Order
from pretrade.practice.stream.formats import dollars, rfc3339

type Json = dict[str, Any]

_WITH_LIMIT = {GroupKind.CREATED, GroupKind.LIMIT_UPDATED}


def fill(event: Filled) -> Json:
    """A fill, with the signed position after it."""
    done, order = event.fill, event.order
    outcome = _outcome(done.side)
    body: Json = {
        "trade_id": done.trade_id,
        "order_id": done.order_id,
        "market_ticker": done.ticker,
        "exchange_index": order.exchange_index,
        "is_taker": done.is_taker,
        "side": outcome,
        "action": "buy",
        "purchased_side": outcome,
        "outcome_side": outcome,
        "book_side": str(done.side),
        "yes_price_dollars": format_price(done.price),
        "count_fp": format_count(done.count),
        "fee_cost": dollars(done.fee),
        "post_position_fp": format_count(event.post_position),
        "ts": done.at_us // 1_000_000,
        "ts_ms": done.at_us // 1_000,
        "subaccount": done.subaccount,
    }
    return body | ({"client_order_id": order.client_order_id} if order.client_order_id else {})


def user_order(order: Order, user_id: str) -> Json:
    """An order as it is now; `last_update_reason` is absent on a new order and on one canceled by its owner."""
    body: Json = {
        "order_id": order.order_id,
        "user_id": user_id,
        "ticker": order.ticker,
        "exchange_index": order.exchange_index,
        "status": str(order.status),
        "side": _outcome(order.side),
        "is_yes": order.side is Side.BID,
        "outcome_side": _outcome(order.side),
        "book_side": str(order.side),
        "yes_price_dollars": format_price(order.price),
        "fill_count_fp": format_count(order.filled),
        "remaining_count_fp": format_count(order.remaining),
        "initial_count_fp": format_count(order.initial),
        "taker_fill_cost_dollars": dollars(order.taker_cost),
        "maker_fill_cost_dollars": dollars(order.maker_cost),
        "taker_fees_dollars": dollars(order.taker_fees),
        "maker_fees_dollars": dollars(order.maker_fees),
        "client_order_id": order.client_order_id,
        "self_trade_prevention_type": str(order.stp),
        "created_time": rfc3339(order.created_us),
        "created_ts_ms": order.created_us // 1_000,
        "last_update_time": rfc3339(order.updated_us),
        "last_updated_ts_ms": order.updated_us // 1_000,
        "subaccount_number": order.subaccount,
    }
    if order.reason:
        body["last_update_reason"] = order.reason
    if order.order_group_id is not None:
        body["order_group_id"] = order.order_group_id
    if order.expiration_time is not None:
        body["expiration_time"] = rfc3339(order.expiration_time * 1_000_000)
        body["expiration_ts_ms"] = order.expiration_time * 1_000
    return body


def market_position(event: PositionChanged, user_id: str, position: Position) -> Json:
    """A position as it is now.

    A documented choice: `position_fee_cost_dollars` is the sum of the fees paid, as `fees_paid_dollars` is: which part
    of them belongs to what is still open is not documented.
    """
    return {
        "user_id": user_id,
        "market_ticker": event.ticker,
        "position_fp": format_count(position.count),
        "position_cost_dollars": dollars(position.cost),
        "realized_pnl_dollars": dollars(position.realized),
        "fees_paid_dollars": dollars(position.fees),
        "position_fee_cost_dollars": dollars(position.fees),
        "volume_fp": format_count(position.volume),
        "subaccount": event.subaccount,
    }


def order_group(event: GroupChanged) -> Json:
    """What happened to an order group; the limit is there when it was set."""
    body: Json = {
        "event_type": str(event.kind),
        "order_group_id": event.group.group_id,
        "ts_ms": event.at_us // 1_000,
    }
    return body | ({"contracts_limit_fp": format_count(event.group.limit)} if event.kind in _WITH_LIMIT else {})


def _outcome(side: Side) -> str:
    return "yes" if side is Side.BID else "no"
