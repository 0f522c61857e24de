"""From a client's bytes to one Write, exactly or not at all (orders.md 2-6).

Rule of this file: query, content type and body are each in the documented form or the request is refused. What passes
is a value of the model; nothing of the client's bytes goes further.
"""

import re
from collections.abc import Callable

from pretrade.kalshi import bodies, forms, strict_json
from pretrade.kalshi.endpoints import Found, Handling, handling
from pretrade.kalshi.fields import Fields, read_query
from pretrade.kalshi.wire_error import WireError, shown
from pretrade.model.codes import DenyCode
from pretrade.model.groups import ChangeGroup, GroupAct
from pretrade.model.orders import CancelAll, CancelBatch, CancelOrder, CreateBatch, CreateOrder, Withdraw, Write

_JSON_TYPE = re.compile(r'application/json(?:[ \t]*;[ \t]*charset="?utf-?8"?)?', re.ASCII | re.IGNORECASE)
_CANCEL_QUERY = ("subaccount", "exchange_index", "market_ticker")
_GROUP_QUERY = ("subaccount", "exchange_index")
_ACTS = {
    "ResetOrderGroup": GroupAct.RESET,
    "TriggerOrderGroup": GroupAct.TRIGGER,
    "DeleteOrderGroup": GroupAct.DELETE,
}


def decode(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    """The Write that a request means, for endpoints handled as ORDER, ORDER_GROUP or WITHDRAW.

    `query` is the raw text after `?`. Raises WireError, whose message names the field (and the leg of a batch), for
    everything that is not exactly in the documented form; ValueError for an endpoint that is not decoded here.
    """
    if handling(found.endpoint) is Handling.WITHDRAW:
        read_query(query, ())
        no_body(content_type, body)
        return Withdraw(found.endpoint.template, path_ids(found))
    decoder = _DECODERS.get(found.endpoint.operation)
    if decoder is None:
        raise ValueError(f"{found.endpoint.method} {found.endpoint.template} is not a V2 write")
    return decoder(found, query, content_type, body)


def json_body(content_type: str | None, body: bytes) -> dict[str, object]:
    """The JSON object of a body that must be there, sent as application/json. Raises WireError."""
    if not body:
        raise WireError(DenyCode.BODY_UNDECODABLE, "the body is empty; this endpoint takes one JSON object")
    if content_type is None or _JSON_TYPE.fullmatch(content_type) is None:
        was = "missing" if content_type is None else shown(content_type)
        raise WireError(DenyCode.CONTENT_TYPE_NOT_JSON, f"Content-Type must be application/json, was {was}")
    return strict_json.loads(body)


def no_body(content_type: str | None, body: bytes) -> None:
    """Take no body, or the `{}` that one client sends with every DELETE."""
    if body:
        Fields(json_body(content_type, body), ())


def path_ids(found: Found) -> tuple[str, ...]:
    """The ids in the path, each in the form of an id. Raises WireError."""
    return tuple(Fields({"id": name}, ("id",)).need("id", forms.identifier) for name in found.names)


def order_id(found: Found) -> str:
    """The order id in the path of a single order's endpoint. Raises WireError."""
    return path_ids(found)[0]


def _create(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    return CreateOrder(bodies.new_order(Fields(json_body(content_type, body), bodies.ORDER_KEYS)))


def _create_batch(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    return CreateBatch(bodies.new_orders(Fields(json_body(content_type, body), ("orders",))))


def _amend(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    subaccount = read_query(query, ("subaccount",)).subaccount
    fields = Fields(json_body(content_type, body), bodies.AMEND_KEYS)
    return bodies.amended_order(fields, order_id(found), subaccount)


def _decrease(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    subaccount = read_query(query, ("subaccount",)).subaccount
    fields = Fields(json_body(content_type, body), bodies.DECREASE_KEYS)
    return bodies.decreased_order(fields, order_id(found), subaccount)


def _cancel(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    where = read_query(query, _CANCEL_QUERY)
    no_body(content_type, body)
    return CancelOrder(order_id(found), where.exchange_index, where.market_ticker, where.subaccount)


def _cancel_batch(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    return CancelBatch(bodies.canceled_orders(Fields(json_body(content_type, body), ("orders",))))


def _cancel_all(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    subaccount = read_query(query, ("subaccount",)).subaccount
    no_body(content_type, body)
    return CancelAll(subaccount)


def _create_group(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    return bodies.new_group(Fields(json_body(content_type, body), bodies.GROUP_KEYS))


def _limit_group(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    where = read_query(query, _GROUP_QUERY)
    fields = Fields(json_body(content_type, body), bodies.GROUP_LIMIT_KEYS)
    return bodies.limited_group(fields, path_ids(found)[0], where.subaccount, where.exchange_index)


def _change_group(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    where = read_query(query, _GROUP_QUERY)
    no_body(content_type, body)
    return ChangeGroup(path_ids(found)[0], _ACTS[found.endpoint.operation], where.subaccount, where.exchange_index)


_DECODERS: dict[str, Callable[[Found, str, str | None, bytes], Write]] = {
    "CreateOrderV2": _create,
    "BatchCreateOrdersV2": _create_batch,
    "AmendOrderV2": _amend,
    "DecreaseOrderV2": _decrease,
    "CancelOrderV2": _cancel,
    "BatchCancelOrdersV2": _cancel_batch,
    "CancelAllOrders": _cancel_all,
    "CreateOrderGroup": _create_group,
    "UpdateOrderGroupLimit": _limit_group,
    "ResetOrderGroup": _change_group,
    "TriggerOrderGroup": _change_group,
    "DeleteOrderGroup": _change_group,
}
