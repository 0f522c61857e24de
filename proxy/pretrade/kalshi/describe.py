"""The journal's form of a Write, in the exchange's words, and back.

Rule of this file: `restore` is the exact inverse of `describe`, so that a decision can be judged again from its row.
"""

from collections.abc import Callable, Mapping
from typing import assert_never

from pretrade.kalshi import bodies, forms
from pretrade.kalshi.encode import amend_fields, cancel_fields, decrease_fields, encode, group_fields, order_fields
from pretrade.kalshi.fields import Fields
from pretrade.kalshi.wire_error import WireError, shown
from pretrade.model.codes import DenyCode
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupWrite, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
)

_PLACE = frozenset({"type", "order_id", "subaccount"})
_GROUP_PLACE = frozenset({"type", "order_group_id", "subaccount", "exchange_index"})


def describe(write: Write) -> dict[str, object]:
    """A write as plain JSON values: `type`, then its fields as the exchange spells them, prices and counts as text.

    Creates and batch cancels have `orders`, a list with one entry for each order, one create included.
    """
    match write:
        case CreateOrder():
            return {"type": "create_order", "orders": [order_fields(write.order)]}
        case CreateBatch():
            return {"type": "create_batch", "orders": [order_fields(order) for order in write.orders]}
        case AmendOrder():
            return _placed("amend_order", write, amend_fields(write))
        case DecreaseOrder():
            return _placed("decrease_order", write, decrease_fields(write))
        case CancelOrder():
            return {"type": "cancel_order", **cancel_fields(write)}
        case CancelBatch():
            return {"type": "cancel_batch", "orders": [cancel_fields(order) for order in write.orders]}
        case CancelAll():
            subaccount = {} if write.subaccount is None else {"subaccount": write.subaccount}
            return {"type": "cancel_all", **subaccount}
        case Withdraw():
            return {"type": "withdraw", "template": write.template, "names": list(write.names)}
        case CreateGroup() | LimitGroup() | ChangeGroup():
            return _describe_group(write)
        case _:
            assert_never(write)


def restore(description: Mapping[str, object]) -> Write:
    """The write that was described. Raises WireError for anything that `describe` does not give."""
    kind = Fields({"type": description.get("type")}, ("type",))
    return _RESTORERS[kind.need("type", forms.word(_RESTORERS))](description)


def _placed(kind: str, write: AmendOrder | DecreaseOrder, fields: dict[str, object]) -> dict[str, object]:
    place = {} if write.subaccount is None else {"subaccount": write.subaccount}
    return {"type": kind, "order_id": write.order_id, **fields, **place}


def _describe_group(write: GroupWrite) -> dict[str, object]:
    if isinstance(write, CreateGroup):
        return {"type": "create_order_group", **group_fields(write)}
    if isinstance(write, LimitGroup):
        limit = CreateGroup(write.limit, write.subaccount, write.exchange_index)
        return {"type": "limit_order_group", "order_group_id": write.group_id, **group_fields(limit)}
    place = {"subaccount": write.subaccount, "exchange_index": write.exchange_index}
    stated = {name: value for name, value in place.items() if value is not None}
    return {"type": f"{write.act}_order_group", "order_group_id": write.group_id, **stated}


def _create_order(description: Mapping[str, object]) -> Write:
    orders = bodies.new_orders(Fields(description, ("type", "orders")))
    if len(orders) != 1:
        raise WireError(DenyCode.FIELD_INVALID, "orders: must have one entry", "orders")
    return CreateOrder(orders[0])


def _create_batch(description: Mapping[str, object]) -> Write:
    return CreateBatch(bodies.new_orders(Fields(description, ("type", "orders"))))


def _amend_order(description: Mapping[str, object]) -> Write:
    fields = Fields(description, _PLACE | bodies.AMEND_KEYS)
    order_id, subaccount = fields.need("order_id", forms.identifier), fields.take("subaccount", forms.subaccount)
    return bodies.amended_order(fields, order_id, subaccount)


def _decrease_order(description: Mapping[str, object]) -> Write:
    fields = Fields(description, _PLACE | bodies.DECREASE_KEYS)
    order_id, subaccount = fields.need("order_id", forms.identifier), fields.take("subaccount", forms.subaccount)
    return bodies.decreased_order(fields, order_id, subaccount)


def _cancel_order(description: Mapping[str, object]) -> Write:
    return bodies.canceled_order(Fields(description, {"type"} | bodies.CANCEL_KEYS))


def _cancel_batch(description: Mapping[str, object]) -> Write:
    return CancelBatch(bodies.canceled_orders(Fields(description, ("type", "orders"))))


def _cancel_all(description: Mapping[str, object]) -> Write:
    return CancelAll(Fields(description, ("type", "subaccount")).take("subaccount", forms.subaccount))


def _withdraw(description: Mapping[str, object]) -> Write:
    fields = Fields(description, ("type", "template", "names"))
    write = Withdraw(fields.need("template", forms.text), fields.need("names", _names))
    try:
        encode(write)
    except ValueError as error:
        fields.refuse("template", str(error))
    return write


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list, was {shown(value)}")
    return tuple(forms.identifier(item) for item in value)


def _create_group(description: Mapping[str, object]) -> Write:
    return bodies.new_group(Fields(description, {"type"} | bodies.GROUP_KEYS))


def _limit_group(description: Mapping[str, object]) -> Write:
    fields = Fields(description, _GROUP_PLACE | bodies.GROUP_LIMIT_KEYS)
    return bodies.limited_group(fields, *_where(fields))


def _change_group(description: Mapping[str, object]) -> Write:
    fields = Fields(description, _GROUP_PLACE)
    act = fields.need("type", forms.text).removesuffix("_order_group")
    group_id, subaccount, exchange_index = _where(fields)
    return ChangeGroup(group_id, GroupAct(act), subaccount, exchange_index)


def _where(fields: Fields) -> tuple[str, int | None, int | None]:
    return (
        fields.need("order_group_id", forms.identifier),
        fields.take("subaccount", forms.subaccount),
        fields.take("exchange_index", forms.exchange_index),
    )


_RESTORERS: dict[str, Callable[[Mapping[str, object]], Write]] = {
    "create_order": _create_order,
    "create_batch": _create_batch,
    "amend_order": _amend_order,
    "decrease_order": _decrease_order,
    "cancel_order": _cancel_order,
    "cancel_batch": _cancel_batch,
    "cancel_all": _cancel_all,
    "withdraw": _withdraw,
    "create_order_group": _create_group,
    "limit_order_group": _limit_group,
    "reset_order_group": _change_group,
    "trigger_order_group": _change_group,
    "delete_order_group": _change_group,
}
