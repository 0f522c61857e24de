"""The dry-run book: what approved orders would have become if no one ever traded with us.

Rule of this file: a dry-run order never fills. Good-till-canceled rests, immediate-or-cancel ends with nothing,
fill-or-kill is the exchange's 409. Everything follows from the approved writes alone, so folding the journal gives
the same book again.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import NAMESPACE_OID, uuid5

from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    TimeInForce,
    Withdraw,
    Write,
)
from pretrade.model.units import Count


class Result(StrEnum):
    """What the exchange would have said about one order."""

    RESTING = "resting"
    CANCELED = "canceled"
    NOT_FILLED = "not_filled"
    DUPLICATE = "duplicate"
    NOT_FOUND = "not_found"
    TICKER_MISMATCH = "ticker_mismatch"
    SIDE_MISMATCH = "side_mismatch"


NONE = Count(0)


@dataclass(frozen=True, slots=True)
class DryRunOrder:
    """One order of the dry-run book. `remaining` is zero once it is canceled or expired."""

    order_id: str
    client: str
    terms: NewOrder
    remaining: Count


@dataclass(frozen=True, slots=True)
class DryRunLeg:
    """The answer about one order: what happened, the order after it, and the count it was reduced by."""

    result: Result
    order_id: str
    client_order_id: str | None = None
    remaining: Count = NONE
    reduced_by: Count = NONE


def order_id(decision_id: str, leg: int) -> str:
    """The id of the order that a decision's leg creates: always the same, and plainly not the exchange's."""
    return f"dry-{uuid5(NAMESPACE_OID, f'{decision_id}/{leg}')}"


class DryRunBook:
    """All dry-run orders of one instance, by id, and the client order ids ever used."""

    def __init__(self) -> None:
        self._orders: dict[str, DryRunOrder] = {}
        self._client_order_ids: set[str] = set()

    def owned(self, client: str, order_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Of these ids, the ones that name a dry-run order of this client, resting or not."""
        return tuple(name for name in order_ids if (order := self._orders.get(name)) and order.client == client)

    def resting(self, now_ms: int) -> tuple[DryRunOrder, ...]:
        """The orders that still rest."""
        return tuple(order for order in self._orders.values() if _remaining(order, now_ms))

    def apply(self, decision_id: str, client: str, write: Write, now_ms: int) -> tuple[DryRunLeg, ...]:
        """Carry an approved write out and say what the exchange would have said, one leg an order."""
        match write:
            case CreateOrder(order):
                return (self._create(decision_id, 0, client, order),)
            case CreateBatch(orders):
                return tuple(self._create(decision_id, leg, client, order) for leg, order in enumerate(orders))
            case AmendOrder():
                return (self._amend(write, now_ms),)
            case DecreaseOrder():
                return (self._decrease(write, now_ms),)
            case CancelOrder():
                return (self._cancel(write.order_id, now_ms),)
            case CancelBatch(orders):
                return tuple(self._cancel(order.order_id, now_ms) for order in orders)
            case CancelAll():
                mine = [order.order_id for order in self.resting(now_ms) if order.client == client]
                return tuple(self._cancel(name, now_ms) for name in mine)
            case Withdraw():
                return (DryRunLeg(Result.NOT_FOUND, write.names[-1]),)

    def _create(self, decision_id: str, leg: int, client: str, terms: NewOrder) -> DryRunLeg:
        name, own_id = order_id(decision_id, leg), terms.client_order_id
        if own_id is not None and own_id in self._client_order_ids:
            return DryRunLeg(Result.DUPLICATE, name, own_id)
        if terms.time_in_force is TimeInForce.FILL_OR_KILL:
            return DryRunLeg(Result.NOT_FILLED, name, own_id)
        if own_id is not None:
            self._client_order_ids.add(own_id)
        rests = terms.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        remaining = terms.count if rests else NONE
        self._orders[name] = DryRunOrder(name, client, terms, remaining)
        return DryRunLeg(Result.RESTING if rests else Result.CANCELED, name, own_id, remaining)

    def _amend(self, write: AmendOrder, now_ms: int) -> DryRunLeg:
        order = self._orders.get(write.order_id)
        if order is None or not _remaining(order, now_ms):
            return DryRunLeg(Result.NOT_FOUND, write.order_id)
        if write.ticker != order.terms.ticker:
            return DryRunLeg(Result.TICKER_MISMATCH, write.order_id)
        if write.side is not order.terms.side:
            return DryRunLeg(Result.SIDE_MISMATCH, write.order_id)
        own_id = write.updated_client_order_id or order.terms.client_order_id
        terms = replace(order.terms, price=write.price, count=write.count, client_order_id=own_id)
        if write.expiration_time is not None:
            terms = replace(terms, expiration_time=write.expiration_time or None)
        self._orders[order.order_id] = replace(order, terms=terms, remaining=write.count)
        return DryRunLeg(Result.RESTING, order.order_id, own_id, write.count)

    def _decrease(self, write: DecreaseOrder, now_ms: int) -> DryRunLeg:
        order = self._orders.get(write.order_id)
        remaining = NONE if order is None else _remaining(order, now_ms)
        if order is None or not remaining:
            return DryRunLeg(Result.NOT_FOUND, write.order_id)
        wanted = remaining - write.reduce_by if write.reduce_by is not None else (write.reduce_to or 0)
        left = Count(min(remaining, max(0, wanted)))
        return self._shrink(order, remaining, left)

    def _cancel(self, name: str, now_ms: int) -> DryRunLeg:
        order = self._orders.get(name)
        remaining = NONE if order is None else _remaining(order, now_ms)
        if order is None or not remaining:
            return DryRunLeg(Result.NOT_FOUND, name)
        return self._shrink(order, remaining, NONE)

    def _shrink(self, order: DryRunOrder, remaining: Count, left: Count) -> DryRunLeg:
        self._orders[order.order_id] = replace(order, remaining=left)
        result = Result.RESTING if left else Result.CANCELED
        return DryRunLeg(result, order.order_id, order.terms.client_order_id, left, Count(remaining - left))


def _remaining(order: DryRunOrder, now_ms: int) -> Count:
    expiry = order.terms.expiration_time
    return NONE if expiry is not None and expiry * 1000 <= now_ms else order.remaining
