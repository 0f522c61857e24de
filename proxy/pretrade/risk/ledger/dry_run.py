"""The dry-run book: what approved orders would have become if no one ever traded with us.

Rule of this file: a dry-run order never fills. Good-till-canceled rests, immediate-or-cancel ends with nothing,
fill-or-kill is the exchange's 409. Everything follows from the approved writes alone, so folding the journal gives
the same book again.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from uuid import NAMESPACE_OID, uuid5

from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, LimitGroup
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
    GROUP_TRIGGERED = "group_triggered"
    DONE = "done"


NONE = Count(0)
ENDED_KEPT = 2_000
"""Orders that have ended and are still known, so that a second cancel is answered as the exchange answers it."""
IDS_KEPT_MS = 2 * 24 * 3_600_000
"""How long a client order id stays taken: the exchange never frees one, but a dry run must not grow for ever."""


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


@dataclass(frozen=True, slots=True)
class DryRunState:
    """A dry-run book as a snapshot holds it: the ids with the time at which they were taken."""

    orders: tuple[DryRunOrder, ...]
    client_order_ids: tuple[tuple[str, int], ...]
    ended: tuple[str, ...]
    triggered: tuple[str, ...] = ()


class DryRunBook:
    """All dry-run orders of one instance, by id, and the client order ids ever used."""

    def __init__(self) -> None:
        self._orders: dict[str, DryRunOrder] = {}
        self._client_order_ids: dict[str, int] = {}
        self._ended: dict[str, None] = {}
        self._triggered: set[str] = set()

    def state(self) -> "DryRunState":
        """Everything in the book, as one value."""
        ids, triggered = tuple(self._client_order_ids.items()), tuple(sorted(self._triggered))
        return DryRunState(tuple(self._orders.values()), ids, tuple(self._ended), triggered)

    @classmethod
    def of(cls, state: "DryRunState") -> Self:
        """The book that gave this state."""
        book = cls()
        book._orders = {order.order_id: order for order in state.orders}
        book._client_order_ids = dict(state.client_order_ids)
        book._ended = dict.fromkeys(state.ended)
        book._triggered = set(state.triggered)
        return book

    def owned(self, client: str, order_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Of these ids, the ones that name a dry-run order of this client, resting or not."""
        return tuple(name for name in order_ids if (order := self._orders.get(name)) and order.client == client)

    def resting(self, now_ms: int) -> tuple[DryRunOrder, ...]:
        """The orders that still rest."""
        return tuple(order for order in self._orders.values() if _remaining(order, now_ms))

    def remaining(self, order_id: str, now_ms: int) -> Count:
        """What still rests of an order; nothing of one that is not known."""
        order = self._orders.get(order_id)
        return NONE if order is None else _remaining(order, now_ms)

    def end(self, order_id: str) -> None:
        """Note that an order rests no more; of those only the latest are remembered."""
        self._ended[order_id] = None
        while len(self._ended) > ENDED_KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._orders.pop(oldest, None)

    def _forget_ids(self, now_ms: int) -> None:
        while self._client_order_ids:
            oldest = next(iter(self._client_order_ids))
            if self._client_order_ids[oldest] > now_ms - IDS_KEPT_MS:
                return
            del self._client_order_ids[oldest]

    def apply(  # noqa: C901 - one case a kind of write
        self, decision_id: str, client: str, write: Write, now_ms: int
    ) -> tuple[DryRunLeg, ...]:
        """Carry an approved write out and say what the exchange would have said, one leg an order."""
        self._forget_ids(now_ms)
        match write:
            case CreateOrder(order):
                return (self._create(decision_id, 0, client, order, now_ms),)
            case CreateBatch(orders):
                return tuple(self._create(decision_id, leg, client, order, now_ms) for leg, order in enumerate(orders))
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
            case CreateGroup():
                return (DryRunLeg(Result.DONE, order_id(decision_id, 0)),)
            case LimitGroup() | ChangeGroup():
                return (DryRunLeg(Result.DONE, write.group_id), *self._change_group(write, now_ms))

    def _change_group(self, write: LimitGroup | ChangeGroup, now_ms: int) -> tuple[DryRunLeg, ...]:
        """The orders that go with a group: all of them where it is triggered or deleted."""
        if isinstance(write, LimitGroup):
            return ()
        self._triggered.discard(write.group_id)
        if write.act is GroupAct.RESET:
            return ()
        if write.act is GroupAct.TRIGGER:
            self._triggered.add(write.group_id)
        members = [one.order_id for one in self.resting(now_ms) if one.terms.order_group_id == write.group_id]
        return tuple(self._cancel(name, now_ms) for name in members)

    def _create(self, decision_id: str, leg: int, client: str, terms: NewOrder, now_ms: int) -> DryRunLeg:
        name, own_id = order_id(decision_id, leg), terms.client_order_id
        if own_id is not None and own_id in self._client_order_ids:
            return DryRunLeg(Result.DUPLICATE, name, own_id)
        if terms.order_group_id in self._triggered:
            return DryRunLeg(Result.GROUP_TRIGGERED, name, own_id)
        if terms.time_in_force is TimeInForce.FILL_OR_KILL:
            return DryRunLeg(Result.NOT_FILLED, name, own_id)
        if own_id is not None:
            self._client_order_ids[own_id] = now_ms
        rests = terms.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        remaining = terms.count if rests else NONE
        self._orders[name] = DryRunOrder(name, client, terms, remaining)
        if not rests:
            self.end(name)
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
        if not left:
            self.end(order.order_id)
        result = Result.RESTING if left else Result.CANCELED
        return DryRunLeg(result, order.order_id, order.terms.client_order_id, left, Count(remaining - left))


def _remaining(order: DryRunOrder, now_ms: int) -> Count:
    expiry = order.terms.expiration_time
    return NONE if expiry is not None and expiry * 1000 <= now_ms else order.remaining
