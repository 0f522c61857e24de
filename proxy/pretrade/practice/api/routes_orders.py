"""The routes that write orders: V2 create, batch, amend, decrease, cancel, cancel-all, and the 410 of the V1 family.

Rule of this file: decode, call the exchange, print the result (orders.md 1-6). What the exchange cannot know about the
caller is checked here: the key's subaccount, and whether its region is attested.
"""

from dataclasses import replace

from pretrade.model.orders import CancelOrder, NewOrder
from pretrade.practice.api import decode
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.region import require_region
from pretrade.practice.api.views import Json, canceled_view, created_view, decreased_view
from pretrade.practice.core import routing
from pretrade.practice.core.errors import ExchangeError, Shape

_ORDERS = "/trade-api/v2/portfolio/events/orders"
_V1 = "/trade-api/v2/portfolio/orders"
_TRADE = ("write::trade",)
_CREATE_BATCH = "BatchCreateOrdersV2Request"
_CANCEL_BATCH = "BatchCancelOrdersV2Request"


def create(call: Call) -> Reply:
    """Create one order."""
    new = decode.new_order(call.json("CreateOrderV2Request"))
    new = replace(new, subaccount=call.bound(new.subaccount))
    require_region(call, new.ticker)
    return Reply(201, created_view(call.exchange.create(call.account, new)))


def create_batch(call: Call) -> Reply:
    """Create several orders, each by itself: 201 although some are refused; a body that does not decode is a 400."""
    decoded = [_decoded(call, entry) for entry in decode.entries(call.json(_CREATE_BATCH), _CREATE_BATCH)]
    return Reply(201, {"orders": [_created(call, new) for new in decoded]})


def amend(call: Call) -> Reply:
    """Change a resting order."""
    change = decode.amend(call.params["order_id"], call.subaccount(), call.json("AmendOrderV2Request"))
    require_region(call, change.ticker)
    return Reply(200, created_view(call.exchange.amend(call.account, change)))


def decrease(call: Call) -> Reply:
    """Make a resting order smaller."""
    change = decode.decrease(call.params["order_id"], call.subaccount(), call.json("DecreaseOrderV2Request"))
    return Reply(200, decreased_view(call.exchange.decrease(call.account, change)))


def cancel(call: Call) -> Reply:
    """Cancel one resting order; a body is ignored (one client always sends `{}`)."""
    which = CancelOrder(
        order_id=call.params["order_id"],
        exchange_index=call.query.integer("exchange_index", routing.AUTO, routing.LAST),
        market_ticker=call.query.text("market_ticker"),
        subaccount=call.subaccount(),
    )
    return Reply(200, canceled_view(call.exchange.cancel(call.account, which)))


def cancel_batch(call: Call) -> Reply:
    """Cancel several resting orders, each by itself."""
    entries = [decode.cancel_entry(entry) for entry in decode.entries(call.json(_CANCEL_BATCH), _CANCEL_BATCH)]
    bound = [replace(which, subaccount=call.bound(which.subaccount)) for which in entries]
    return Reply(200, {"orders": [_canceled(call, which) for which in bound]})


def cancel_all(call: Call) -> Reply:
    """Cancel everything that rests, of one subaccount or of all."""
    call.exchange.cancel_all(call.account, call.subaccount())
    return Reply(204)


def removed(_: Call) -> Reply:
    """Any write of the V1 family (orders.md 1)."""
    raise ExchangeError(410, "deprecated_v1_order_endpoint")


def _decoded(call: Call, entry: Json) -> NewOrder | Json:
    """An entry as an order, or what to answer for it; what the JSON decoder refuses, it refuses for the whole batch."""
    try:
        new = decode.new_order(entry)
    except ExchangeError as error:
        if error.shape is Shape.FLAT:
            raise
        return _failed(error, entry.get("client_order_id"))
    return replace(new, subaccount=call.bound(new.subaccount))


def _created(call: Call, new: NewOrder | Json) -> Json:
    if not isinstance(new, NewOrder):
        return new
    try:
        require_region(call, new.ticker)
        return created_view(call.exchange.create(call.account, new))
    except ExchangeError as error:
        return _failed(error, new.client_order_id)


def _canceled(call: Call, which: CancelOrder) -> Json:
    try:
        return canceled_view(call.exchange.cancel(call.account, which))
    except ExchangeError as error:
        return {"order_id": which.order_id, "reduced_by": "0.00", "error": error.flat()}


def _failed(error: ExchangeError, client_order_id: str | None) -> Json:
    return {"error": error.flat()} | ({"client_order_id": client_order_id} if client_order_id else {})


ROUTES = (
    Route("POST", _ORDERS, "CreateOrderV2", create, _TRADE, routed=True),
    Route("POST", _ORDERS + "/batched", "BatchCreateOrdersV2", create_batch, _TRADE, batch=True),
    Route("POST", _ORDERS + "/{order_id}/amend", "AmendOrderV2", amend, _TRADE, routed=True),
    Route("POST", _ORDERS + "/{order_id}/decrease", "DecreaseOrderV2", decrease, _TRADE, routed=True),
    Route("DELETE", _ORDERS + "/batched", "BatchCancelOrdersV2", cancel_batch, _TRADE, cost=2, batch=True),
    Route("DELETE", _ORDERS + "/{order_id}", "CancelOrderV2", cancel, _TRADE, cost=2, routed=True),
    Route("DELETE", _ORDERS, "CancelAllOrders", cancel_all, _TRADE, cost=2),
    Route("POST", _V1, "CreateOrder", removed, _TRADE),
    Route("POST", _V1 + "/batched", "BatchCreateOrders", removed, _TRADE),
    Route("POST", _V1 + "/{order_id}/amend", "AmendOrder", removed, _TRADE),
    Route("POST", _V1 + "/{order_id}/decrease", "DecreaseOrder", removed, _TRADE),
    Route("DELETE", _V1 + "/batched", "BatchCancelOrders", removed, _TRADE),
    Route("DELETE", _V1 + "/{order_id}", "CancelOrder", removed, _TRADE),
)
