"""The routes of order groups: create, list, read, limit, reset, trigger, delete (orders.md 15).

Rule of this file: decode, call `groups`, print. Reads default to all subaccounts; writes, like those of orders, to
subaccount 0 and shard 0, where a group of another one is not found.
"""

from typing import Any

from pretrade.model.units import format_count
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.decode import figure
from pretrade.practice.api.schemas import GROUP, GROUP_LIMIT
from pretrade.practice.api.views import Json
from pretrade.practice.core import groups
from pretrade.practice.core.errors import bad_request
from pretrade.practice.core.records import OrderGroup

_GROUPS = "/trade-api/v2/portfolio/order_groups"
_ONE = _GROUPS + "/{order_group_id}"
_READ = ("read",)
_TRADE = ("write::trade",)


def create(call: Call) -> Reply:
    """A new group for orders of one subaccount on one shard."""
    got = call.fields(GROUP)
    subaccount, shard = call.bound(got.get("subaccount")) or 0, got.get("exchange_index") or 0
    group = groups.create(call.exchange, call.account, _limit(got), subaccount=subaccount, shard=shard)
    body = {"order_group_id": group.group_id, "subaccount": group.subaccount, "exchange_index": group.exchange_index}
    return Reply(201, body)


def listed(call: Call) -> Reply:
    """The account's groups, of all subaccounts unless asked for one."""
    found = groups.of(call.exchange, call.account, call.subaccount())
    return Reply(200, {"order_groups": [_view(group) | {"id": group.group_id} for group in found]})


def one(call: Call) -> Reply:
    """One group with the ids of the orders that rest in it."""
    group = groups.find(call.exchange, call.account, call.params["order_group_id"], call.subaccount())
    return Reply(200, _view(group) | {"orders": list(group.orders)})


def set_limit(call: Call) -> Reply:
    """Give a group another limit; one that is already exceeded triggers it."""
    groups.set_limit(call.exchange, _found(call), _limit(call.fields(GROUP_LIMIT)))
    return Reply(200, {})


def reset(call: Call) -> Reply:
    """Let a triggered group take orders again."""
    call.require_json()
    groups.reset(call.exchange, _found(call))
    return Reply(200, {})


def trigger(call: Call) -> Reply:
    """Cancel what rests in a group and let it take no orders until it is reset."""
    call.require_json()
    groups.trigger(call.exchange, _found(call))
    return Reply(200, {})


def delete(call: Call) -> Reply:
    """Cancel what rests in a group and forget it."""
    groups.delete(call.exchange, _found(call))
    return Reply(200, {})


def _found(call: Call) -> OrderGroup:
    subaccount, shard = call.subaccount() or 0, call.query.shard() or 0
    return groups.find(call.exchange, call.account, call.params["order_group_id"], subaccount, shard)


def _limit(got: dict[str, Any]) -> int:
    """The limit in 0.01 contracts, from either of its two fields; if both are there they must agree."""
    whole, exact = got.get("contracts_limit"), got.get("contracts_limit_fp")
    if whole is None and not exact:
        raise bad_request("contracts_limit or contracts_limit_fp must be given")
    limit = figure(exact, 2, "invalid_order_size") if exact else 100 * int(whole or 0)
    if whole is not None and limit != 100 * whole:
        raise bad_request("contracts_limit and contracts_limit_fp must match")
    return limit


def _view(group: OrderGroup) -> Json:
    """A group; a documented choice: auto-cancel is what a group is for, so it is enabled, triggered or not."""
    return {
        "is_auto_cancel_enabled": True,
        "contracts_limit_fp": format_count(group.limit),
        "exchange_index": group.exchange_index,
    }


ROUTES = (
    Route("POST", _GROUPS + "/create", "CreateOrderGroup", create, _TRADE),
    Route("GET", _GROUPS, "GetOrderGroups", listed, _READ),
    Route("GET", _ONE, "GetOrderGroup", one, _READ),
    Route("DELETE", _ONE, "DeleteOrderGroup", delete, _TRADE),
    Route("PUT", _ONE + "/limit", "UpdateOrderGroupLimit", set_limit, _TRADE),
    Route("PUT", _ONE + "/reset", "ResetOrderGroup", reset, _TRADE),
    Route("PUT", _ONE + "/trigger", "TriggerOrderGroup", trigger, _TRADE),
)
