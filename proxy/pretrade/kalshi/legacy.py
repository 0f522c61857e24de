"""The removed V1 order family, recognised so that its clients are told what to send instead (orders.md 1 and 14).

Rule of this file: nothing here is ever sent. A V1 request is denied whatever it says; what it would mean in V2 is
worked out exactly or not at all, and a malformed one is a hint that names its first mistake.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pretrade.kalshi import bodies, forms, legacy_bodies
from pretrade.kalshi.decode import json_body, no_body, order_id
from pretrade.kalshi.encode import encode
from pretrade.kalshi.endpoints import Found
from pretrade.kalshi.fields import Fields, read_query
from pretrade.kalshi.wire_error import WireError
from pretrade.model.orders import CancelBatch, CancelOrder, CreateBatch, CreateOrder, Write

_REMOVED = "The exchange removed the V1 order endpoints in June 2026."
_ORDERS = "/trade-api/v2/portfolio/events/orders"
_MAX_BODY_SHOWN = 600


@dataclass(frozen=True, slots=True)
class LegacyWrite:
    """A V1 write: its kind in the words of `describe`, the V2 write that means exactly the same where there is one, and
    for people how it reads in V2."""

    kind: str
    write: Write | None
    hint: str


def recognise(found: Found, query: str, content_type: str | None, body: bytes) -> LegacyWrite:
    """What a V1 write is and how it reads in V2. Any bytes give an answer; ValueError only for another endpoint."""
    entry = _KINDS.get(found.endpoint.operation)
    if entry is None:
        raise ValueError(f"{found.endpoint.method} {found.endpoint.template} is not a V1 write")
    kind, reader, form = entry
    try:
        write = reader(found, query, content_type, body)
    except WireError as error:
        return LegacyWrite(kind, None, f"{_REMOVED} In V2: {form}. This request could not be translated: {error}.")
    return LegacyWrite(kind, write, f"{_REMOVED} The same in V2: {_request_text(write) or form}")


def _request_text(write: Write) -> str | None:
    """The V2 request on one line, None where its body is too long for a hint."""
    request = encode(write)
    if len(request.body) > _MAX_BODY_SHOWN:
        return None
    target = f"{request.method} {request.path}" + (f"?{request.query}" if request.query else "")
    return f"{target} with {request.body.decode('ascii')}" if request.body else target


def _create(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    v2 = legacy_bodies.create_fields(Fields(json_body(content_type, body), legacy_bodies.CREATE_KEYS))
    return CreateOrder(bodies.new_order(Fields(v2, bodies.ORDER_KEYS)))


def _create_batch(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    read_query(query, ())
    entries = Fields(json_body(content_type, body), ("orders",)).need("orders", forms.objects(bodies.MAX_BATCH))
    legs = [Fields(entry, legacy_bodies.CREATE_KEYS, leg) for leg, entry in enumerate(entries)]
    v2 = {"orders": [legacy_bodies.create_fields(leg) for leg in legs]}
    return CreateBatch(bodies.new_orders(Fields(v2, ("orders",))))


def _amend(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    subaccount = read_query(query, ("subaccount",)).subaccount
    v2 = legacy_bodies.amend_fields(Fields(json_body(content_type, body), legacy_bodies.AMEND_KEYS))
    return bodies.amended_order(Fields(v2, bodies.AMEND_KEYS), order_id(found), subaccount)


def _decrease(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    subaccount = read_query(query, ("subaccount",)).subaccount
    v2 = legacy_bodies.decrease_fields(Fields(json_body(content_type, body), legacy_bodies.DECREASE_KEYS))
    return bodies.decreased_order(Fields(v2, bodies.DECREASE_KEYS), order_id(found), subaccount)


def _cancel(found: Found, query: str, content_type: str | None, body: bytes) -> Write:
    where = read_query(query, ("subaccount", "exchange_index", "market_ticker"))
    no_body(content_type, body)
    return CancelOrder(order_id(found), where.exchange_index, where.market_ticker, where.subaccount)


def _cancel_batch(_: Found, query: str, content_type: str | None, body: bytes) -> Write:
    """The old form lists `ids`, the later one `orders` as V2 does."""
    read_query(query, ())
    fields = Fields(json_body(content_type, body), ("ids", "orders"))
    if "ids" not in fields:
        return CancelBatch(bodies.canceled_orders(fields))
    if "orders" in fields:
        fields.refuse("ids", "stands beside orders; exactly one of them may be given")
    return CancelBatch(tuple(CancelOrder(order_id) for order_id in fields.need("ids", _ids)))


def _ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= bodies.MAX_BATCH:
        raise ValueError(f"must be a list of 1 to {bodies.MAX_BATCH} order ids")
    return tuple(forms.identifier(item) for item in value)


_ORDER_FORM = (
    "ticker, side (bid for buy yes and sell no, ask for sell yes and buy no), count and price (of YES, in dollars) as "
    "strings, time_in_force and self_trade_prevention_type"
)
_KINDS: dict[str, tuple[str, Callable[[Found, str, str | None, bytes], Write], str]] = {
    "CreateOrder": ("create_order", _create, f"POST {_ORDERS} with {_ORDER_FORM}"),
    "BatchCreateOrders": ("create_batch", _create_batch, f"POST {_ORDERS}/batched with orders, each of {_ORDER_FORM}"),
    "AmendOrder": ("amend_order", _amend, f"POST {_ORDERS}/ORDER_ID/amend with ticker, side, price and count"),
    "DecreaseOrder": ("decrease_order", _decrease, f"POST {_ORDERS}/ORDER_ID/decrease with reduce_by or reduce_to"),
    "CancelOrder": ("cancel_order", _cancel, f"DELETE {_ORDERS}/ORDER_ID"),
    "BatchCancelOrders": ("cancel_batch", _cancel_batch, f"DELETE {_ORDERS}/batched with orders, each of order_id"),
}
