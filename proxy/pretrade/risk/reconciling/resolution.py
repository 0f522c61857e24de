"""What a person may settle: a write of which nobody knows, an order that the exchange does not know, one past us.

Rule of this file: pure. A person's word is taken where the record says nothing, never against it; where it could be
wrong, more counts, not less.
"""

from enum import StrEnum

from pretrade.model.drop_copy import DropCopy, ExchangeOrder
from pretrade.model.orders import AmendOrder, orders_of
from pretrade.model.units import Count
from pretrade.risk.ledger.changes import AmendAbsent, Change, OrderAbsent, OrderRead, OrphanExplained, WriteResolved
from pretrade.risk.ledger.learning import legs_open
from pretrade.risk.ledger.ledger import Ledger, Pending
from pretrade.risk.ledger.live_order import LiveOrder, OrderState
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS


class Verdict(StrEnum):
    """What a person says. `absent`: it is not at the exchange, and no more of it has filled. `done`: it happened and is
    over; what may have filled counts as filled, until the exchange's positions show otherwise."""

    ABSENT = "absent"
    DONE = "done"


class ResolutionError(Exception):
    """It cannot be settled so; the message says why."""


def resolution(ledger: Ledger, name: str, verdict: Verdict, copy: DropCopy) -> tuple[Change, ...]:
    """The changes that settle what `name` stands for: a decision, an order's key, or the id of an order past us.

    `copy` is a reading of now, with every order made since. Raises ResolutionError.
    """
    if name in ledger.orphans:
        return _explain(name, verdict)
    pending = ledger.pending.get(name)
    if pending is not None:
        return (*_settle(ledger, pending, verdict, copy), WriteResolved(name))
    ghosts = ghosts_of(ledger, name)
    if not ghosts:
        raise ResolutionError(f"nothing is open under {name}; `pretrade status` shows what is")
    return tuple(_end_ghost(ghost, verdict, copy) for ghost in ghosts)


def ghosts_of(ledger: Ledger, name: str) -> tuple[LiveOrder, ...]:
    """The orders of a decision, or the one with this key, that the exchange was found not to know."""
    orders = ledger.live.orders.values()
    return tuple(one for one in orders if one.order_id and one.silent and name in (one.key, one.key.rpartition("/")[0]))


def _explain(name: str, verdict: Verdict) -> tuple[Change, ...]:
    if verdict is Verdict.ABSENT:
        raise ResolutionError(f"the exchange has the order {name}, so it counts; --as done says that it is explained")
    return (OrphanExplained(name),)


def _settle(ledger: Ledger, pending: Pending, verdict: Verdict, copy: DropCopy) -> tuple[Change, ...]:
    if pending.state is not OrderState.UNKNOWN:
        raise ResolutionError(f"{pending.decision_id} is in flight: its answer is still waited for")
    _require_over(max(pending.sent_ms, pending.lost_ms), copy)
    if isinstance(pending.write, AmendOrder):
        return _settle_amend(ledger, pending, pending.write, verdict, copy)
    if not orders_of(pending.write):
        return ()  # nothing is held for an exit
    return tuple(_settle_leg(leg, verdict, copy) for leg in legs_open(ledger, pending))


def _require_over(at_ms: int, copy: DropCopy) -> None:
    left_ms = at_ms + UNSEEN_MS - copy.as_of_ms
    if left_ms > 0:
        raise ResolutionError(f"it may still come to be: the exchange would take it for {-(-left_ms // 1000)} s more")


def _settle_leg(leg: LiveOrder, verdict: Verdict, copy: DropCopy) -> Change:
    for order in copy.orders:
        if order.client_order_id == leg.client_order_id and _is_same_place(order, leg):
            raise ResolutionError(
                f"the exchange shows it as the order {order.order_id}; `pretrade reconcile` takes it in"
            )
    if verdict is Verdict.ABSENT:
        return OrderAbsent(leg.key, copy.as_of_ms)
    return _ended(leg, f"resolved/{leg.key}", _all_of(leg), copy)


def _is_same_place(order: ExchangeOrder, leg: LiveOrder) -> bool:
    """Whether an order under our id can be ours: another's under the same id is for a person to tell apart."""
    return (order.subaccount, order.ticker, order.side) == (leg.subaccount, leg.ticker, leg.side)


def _settle_amend(
    ledger: Ledger, pending: Pending, write: AmendOrder, verdict: Verdict, copy: DropCopy
) -> tuple[Change, ...]:
    own, shown = ledger.live.by_order_id(write.order_id), _shown(copy, write.order_id)
    if own is None:
        return ()
    if shown is None:
        raise ResolutionError(f"the exchange does not show the order {write.order_id}: resolve {own.key} first")
    if verdict is Verdict.ABSENT and (shown.price, shown.filled + shown.remaining) == (write.price, write.count):
        raise ResolutionError(f"the exchange shows the order {write.order_id} with these terms")
    if verdict is Verdict.ABSENT:
        return (AmendAbsent(own.key, pending.decision_id, copy.as_of_ms),)
    others = tuple(one.decision_id for one in own.terms if one.decision_id not in (None, pending.decision_id))
    keep = tuple(name for name in others if name is not None)
    total = Count(shown.filled + shown.remaining)
    is_open = shown.remaining > 0
    return (OrderRead(own.key, shown.order_id, shown.filled, total, shown.price, is_open, copy.as_of_ms, keep),)


def _end_ghost(own: LiveOrder, verdict: Verdict, copy: DropCopy) -> Change:
    if own.order_id is None or own.order_id not in copy.gone:
        raise ResolutionError(f"the exchange knows the order {own.order_id}: nothing about it is open")
    _require_over(max(own.answered_ms, own.approved_ms), copy)
    return _ended(own, own.order_id, own.filled if verdict is Verdict.ABSENT else _all_of(own), copy)


def _ended(own: LiveOrder, order_id: str, filled: Count, copy: DropCopy) -> OrderRead:
    return OrderRead(own.key, order_id, filled, filled, own.price, is_open=False, at_ms=copy.as_of_ms)


def _all_of(own: LiveOrder) -> Count:
    return Count(own.filled + own.remaining)


def _shown(copy: DropCopy, order_id: str) -> ExchangeOrder | None:
    return next((order for order in copy.orders if order.order_id == order_id), None)
