"""The one rewrite that is on by default: what the client left out and the exchange would guess, we write out.

A missing subaccount becomes the client's own (the exchange reads it as 0, or as all of them for cancel-all); a missing
client_order_id is made from the decision id, so that an order whose answer is lost can be found again.
"""

from collections.abc import Iterable

from pretrade.model.frozen import replace
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CreateBatch,
    CreateOrder,
    NewOrder,
    Withdraw,
    Write,
)
from pretrade.model.rewrites import Rewrite
from pretrade.risk.checks.injecting import undone


def made_id(decision_id: str) -> str:
    """With what the ids begin that are made for the orders of a decision."""
    return f"pt-{decision_id}"


def write_out(write: Write, *, subaccount: int, decision_id: str) -> tuple[Write, tuple[str, ...]]:
    """The write with everything stated, and the names of the fields that were filled in."""
    if isinstance(write, Withdraw):
        return write, ()
    if isinstance(write, CreateOrder):
        order = _fill(write.order, subaccount, made_id(decision_id))
        return CreateOrder(order), _added(write.order, order)
    if isinstance(write, CreateBatch):
        made = made_id(decision_id)
        orders = tuple(_fill(order, subaccount, f"{made}-{leg}") for leg, order in enumerate(write.orders))
        names = {name for old, new in zip(write.orders, orders, strict=True) for name in _added(old, new)}
        return CreateBatch(orders), tuple(sorted(names))
    if isinstance(write, CancelBatch):
        cancels = tuple(
            order if order.subaccount is not None else replace(order, subaccount=subaccount) for order in write.orders
        )
        return CancelBatch(cancels), () if cancels == write.orders else ("subaccount",)
    if write.subaccount is not None:
        return write, ()
    if isinstance(write, CancelAll):
        return CancelAll(subaccount), ("subaccount",)
    return replace(write, subaccount=subaccount), ("subaccount",)


def _fill(order: NewOrder, subaccount: int, client_order_id: str) -> NewOrder:
    if order.subaccount is None:
        order = replace(order, subaccount=subaccount)
    if order.client_order_id is None:
        order = replace(order, client_order_id=client_order_id)
    return order


def _added(old: NewOrder, new: NewOrder) -> tuple[str, ...]:
    fields = ("client_order_id", "subaccount")
    return tuple(name for name in fields if getattr(old, name) is None and getattr(new, name) is not None)


def without_ids(write: Write, decision_id: str, injected: Iterable[Rewrite] = ()) -> Write:
    """The write as the client sent it, without the ids that `write_out` made for this decision and without what the
    policy had written in."""
    made, write = made_id(decision_id), undone(write, injected)
    if isinstance(write, CreateOrder):
        return CreateOrder(_strip(write.order, made))
    if isinstance(write, CreateBatch):
        return CreateBatch(tuple(_strip(order, made) for order in write.orders))
    return write


def _strip(order: NewOrder, made: str) -> NewOrder:
    own = order.client_order_id
    return replace(order, client_order_id=None) if own is not None and own.startswith(made) else order
