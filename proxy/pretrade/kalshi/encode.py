"""From a Write to our own bytes: the only serialisation that ever goes to the exchange (invariant 7).

Rule of this file: the output depends on the Write alone: fixed key order, compact, prices with 4 decimals, counts with
2, absent fields left out, flags only when true (but the one that may be left out, which says no where its client did).
A request that is not the catalogue's own for this write is not made.
"""

from typing import assert_never
from urllib.parse import urlencode

import orjson

from pretrade.kalshi.endpoints import ENDPOINTS, Endpoint, Found, Handling, find, handling
from pretrade.model.frozen import frozen
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupWrite, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    Withdraw,
    Write,
)
from pretrade.model.units import format_count, format_price

_WRITES = {Handling.ORDER, Handling.ORDER_GROUP}
_ORDERS = {endpoint.operation: endpoint for endpoint in ENDPOINTS if handling(endpoint) in _WRITES}
_WITHDRAWALS = {endpoint.template: endpoint for endpoint in ENDPOINTS if handling(endpoint) is Handling.WITHDRAW}


@frozen
class WireRequest:
    """What goes out: `query` without `?`; a body that is not empty is application/json in ASCII."""

    method: str
    path: str
    query: str
    body: bytes


def encode(write: Write) -> WireRequest:
    """Our own request for a write. Raises ValueError for a write whose ids would not lead to its own endpoint; none
    that was decoded has such."""
    match write:
        case CreateOrder():
            return _order("CreateOrderV2", body=order_fields(write.order))
        case CreateBatch():
            return _order("BatchCreateOrdersV2", body={"orders": [order_fields(order) for order in write.orders]})
        case AmendOrder():
            query = _query(subaccount=write.subaccount)
            return _order("AmendOrderV2", (write.order_id,), query, amend_fields(write))
        case DecreaseOrder():
            query = _query(subaccount=write.subaccount)
            return _order("DecreaseOrderV2", (write.order_id,), query, decrease_fields(write))
        case CancelOrder():
            query = _query(write.subaccount, write.exchange_index, write.market_ticker)
            return _order("CancelOrderV2", (write.order_id,), query)
        case CancelBatch():
            return _order("BatchCancelOrdersV2", body={"orders": [cancel_fields(order) for order in write.orders]})
        case CancelAll():
            return _order("CancelAllOrders", query=_query(write.subaccount))
        case Withdraw():
            return _request(withdrawal(write), write.names, "", None)
        case CreateGroup() | LimitGroup() | ChangeGroup():
            return _encode_group(write)
        case _:
            assert_never(write)


_MAY_SAY_NO = "cancel_order_on_pause"
"""The one flag that is left out, or says no, as its client has it: where it is left out it may be written in."""
_ACTS: dict[GroupAct, tuple[str, dict[str, object] | None]] = {
    GroupAct.RESET: ("ResetOrderGroup", {}),
    GroupAct.TRIGGER: ("TriggerOrderGroup", {}),
    GroupAct.DELETE: ("DeleteOrderGroup", None),
}
"""The operation of each act and its body: the exchange wants an empty object with all but a DELETE."""


def _encode_group(write: GroupWrite) -> WireRequest:
    if isinstance(write, CreateGroup):
        return _order("CreateOrderGroup", body=group_fields(write))
    query = _query(write.subaccount, write.exchange_index)
    if isinstance(write, LimitGroup):
        return _order(
            "UpdateOrderGroupLimit", (write.group_id,), query, {"contracts_limit_fp": format_count(write.limit)}
        )
    operation, body = _ACTS[write.act]
    return _order(operation, (write.group_id,), query, body)


def group_fields(write: CreateGroup) -> dict[str, object]:
    """A new order group in the exchange's words."""
    return _present(
        contracts_limit_fp=format_count(write.limit),
        subaccount=write.subaccount,
        exchange_index=write.exchange_index,
    )


def withdrawal(write: Withdraw) -> Endpoint:
    """The catalogue's row of a withdrawal. Raises ValueError where the template is not one."""
    endpoint = _WITHDRAWALS.get(write.template)
    if endpoint is None:
        raise ValueError(f"{write.template!r} withdraws nothing")
    return endpoint


def order_fields(order: NewOrder) -> dict[str, object]:
    """A new order in the exchange's words, as in a create body."""
    return _present(
        ticker=order.ticker,
        client_order_id=order.client_order_id,
        side=str(order.side),
        count=format_count(order.count),
        price=format_price(order.price),
        expiration_time=order.expiration_time,
        time_in_force=str(order.time_in_force),
        post_only=order.post_only,
        self_trade_prevention_type=str(order.self_trade_prevention_type),
        cancel_order_on_pause=order.cancel_order_on_pause,
        reduce_only=order.reduce_only,
        subaccount=order.subaccount,
        order_group_id=order.order_group_id,
        exchange_index=order.exchange_index,
    )


def amend_fields(write: AmendOrder) -> dict[str, object]:
    """An amend in the exchange's words, as in its body: without order id and subaccount."""
    return _present(
        ticker=write.ticker,
        side=str(write.side),
        price=format_price(write.price),
        count=format_count(write.count),
        client_order_id=write.client_order_id,
        updated_client_order_id=write.updated_client_order_id,
        expiration_time=write.expiration_time,
        exchange_index=write.exchange_index,
    )


def decrease_fields(write: DecreaseOrder) -> dict[str, object]:
    """A decrease in the exchange's words, as in its body: without order id and subaccount."""
    return _present(
        reduce_by=None if write.reduce_by is None else format_count(write.reduce_by),
        reduce_to=None if write.reduce_to is None else format_count(write.reduce_to),
        exchange_index=write.exchange_index,
        market_ticker=write.market_ticker,
    )


def cancel_fields(write: CancelOrder) -> dict[str, object]:
    """A cancel in the exchange's words, as in an entry of a batch cancel."""
    return _present(
        order_id=write.order_id,
        subaccount=write.subaccount,
        exchange_index=write.exchange_index,
        market_ticker=write.market_ticker,
    )


def _present(**fields: object) -> dict[str, object]:
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (value is not False or name == _MAY_SAY_NO)
    }


def _query(subaccount: int | None = None, exchange_index: int | None = None, market_ticker: str | None = None) -> str:
    return urlencode(_present(subaccount=subaccount, exchange_index=exchange_index, market_ticker=market_ticker))


def _order(
    operation: str, names: tuple[str, ...] = (), query: str = "", body: dict[str, object] | None = None
) -> WireRequest:
    return _request(_ORDERS[operation], names, query, body)


def _request(endpoint: Endpoint, names: tuple[str, ...], query: str, body: dict[str, object] | None) -> WireRequest:
    path = _fill(endpoint.template, names)
    if find(endpoint.method, path) != Found(endpoint, names):
        raise ValueError(f"{endpoint.method} {path!r} is not a request to {endpoint.template}")
    content = b"" if body is None else orjson.dumps(body)
    if not content.isascii():
        raise ValueError(f"{endpoint.method} {path!r} has a body that is not ASCII")
    return WireRequest(endpoint.method, path, query, content)


def _fill(template: str, names: tuple[str, ...]) -> str:
    if not names and "{" not in template:
        return template
    segments = template.split("/")
    braces = [position for position, segment in enumerate(segments) if segment.startswith("{")]
    if len(braces) != len(names):
        raise ValueError(f"{template} takes {len(braces)} values, was given {len(names)}")
    for position, name in zip(braces, names, strict=True):
        segments[position] = name
    return "/".join(segments)
