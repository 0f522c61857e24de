"""How the ledger takes in what the exchange's own record shows.

Rule of this file: one small function a kind of change; the live run and the start-up go through the same ones.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pretrade.model.groups import CreateGroup
from pretrade.model.orders import orders_of
from pretrade.model.units import Count, Money
from pretrade.risk.ledger.changes import (
    AmendAbsent,
    BaselineRead,
    Change,
    DayBegan,
    FillsRead,
    GroupFound,
    GroupsRead,
    LossReached,
    Marked,
    MoneyRead,
    OrderAbsent,
    OrderRead,
    OrphanExplained,
    OrphanOrder,
    PaidOut,
    PlaceLearned,
    PositionAdopted,
    PositionSeen,
    Silent,
    StartRead,
    Unexplained,
    WriteResolved,
)
from pretrade.risk.ledger.ledger import Ledger, Pending, order_key
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.stand_in import take_place

ORPHANS_KEPT = 1_000
"""Orders without a row that nobody has explained; all of them count, however many stand here."""


def learn(ledger: Ledger, change: Change) -> None:
    """Apply one change. One about an order or a write that is not open any more is no news."""
    _APPLY[type(change)](ledger, change)


def _order_read(ledger: Ledger, read: OrderRead) -> None:
    if read.key not in ledger.live.orders:
        return
    take_place(ledger.live, read.key, read.order_id, read.at_ms)
    order = ledger.live.orders[read.key]
    kept = tuple(terms for terms in order.terms if terms.decision_id in read.keep)
    order = replace(order, order_id=read.order_id, state=OrderState.RESTING, silent=0)
    ledger.live.put(order, read.at_ms)
    ledger.fill(order.key, read.filled, read.at_ms)
    if not read.is_open:
        ledger.end(order.key, read.at_ms)
        return
    order = ledger.live.orders[order.key]
    if order.terms[1:] != kept:  # the next read may be of before this one: until then it is news, as an answer is
        order = replace(order, answered_ms=max(order.answered_ms, read.at_ms))
    order = replace(order, terms=(Terms(read.price, read.total), *kept))
    spare = max(0, order.notional - order.worst_cost)
    ledger.live.put(replace(order, notional=Money(order.notional - spare)), read.at_ms)
    if spare:
        ledger.live.days.add(order.day, order.subaccount, order.ticker, orders=0, notional=-spare)


def _orphan(ledger: Ledger, orphan: OrphanOrder) -> None:
    order = orphan.order
    before = replace(order, filled=Count(order.filled - orphan.filled_since))
    ledger.live.put(before, orphan.at_ms)
    ledger.fill(order.key, order.filled, orphan.at_ms)
    if not orphan.is_open:
        ledger.end(order.key, orphan.at_ms)
    if order.order_id is not None and is_news(ledger, order.approved_ms):
        ledger.orphans[order.order_id] = order
        while len(ledger.orphans) > ORPHANS_KEPT:
            del ledger.orphans[next(iter(ledger.orphans))]


def is_news(ledger: Ledger, created_ms: int) -> bool:
    """Whether an order that has no row of ours was made after the ledger began, by the exchange's clock."""
    return ledger.baseline_ms is not None and created_ms >= ledger.baseline_ms


def _orphan_explained(ledger: Ledger, explained: OrphanExplained) -> None:
    ledger.orphans.pop(explained.order_id, None)


def _silent(ledger: Ledger, silent: Silent) -> None:
    order = ledger.live.orders.get(silent.key)
    if order is not None and order.is_amending:
        terms = tuple(
            replace(t, silent=t.silent + 1) if t.decision_id == silent.decision_id else t for t in order.terms
        )
        ledger.live.orders[order.key] = replace(order, terms=terms)
    elif order is not None:
        ledger.live.orders[order.key] = replace(order, silent=order.silent + 1)
    elif silent.decision_id in ledger.pending:
        pending = ledger.pending[silent.decision_id]
        ledger.pending[silent.decision_id] = replace(pending, silent=pending.silent + 1)


def _order_absent(ledger: Ledger, absent: OrderAbsent) -> None:
    if absent.key in ledger.live.orders:
        ledger.give_back(absent.key, absent.at_ms, was_order=False)


def _amend_absent(ledger: Ledger, absent: AmendAbsent) -> None:
    order = ledger.live.orders.get(absent.key)
    if order is not None and order.is_amending:
        ledger.drop_amend(order, absent.decision_id, absent.at_ms)


def _write_resolved(ledger: Ledger, resolved: WriteResolved) -> None:
    ledger.pending.pop(resolved.decision_id, None)


def _position_seen(ledger: Ledger, seen: PositionSeen) -> None:
    ledger.live.see((seen.subaccount, seen.ticker), seen.held)


def _position_adopted(ledger: Ledger, adopted: PositionAdopted) -> None:
    ledger.live.adopt((adopted.subaccount, adopted.ticker), adopted.held)


def _place_learned(ledger: Ledger, learned: PlaceLearned) -> None:
    ledger.live.learn(learned.place)


def _money_read(ledger: Ledger, read: MoneyRead) -> None:
    ledger.money[read.subaccount] = (read.cash, read.realized, read.fees)


def _groups_read(ledger: Ledger, read: GroupsRead) -> None:
    ledger.live.groups.read(read.groups, dict(read.limits))


def _group_found(ledger: Ledger, found: GroupFound) -> None:
    pending = ledger.pending.pop(found.decision_id, None)
    if pending is not None and isinstance(pending.write, CreateGroup):
        ledger.live.groups.accepted(pending.write, found.group_id, found.at_ms, pending.client)


def _baseline_read(ledger: Ledger, read: BaselineRead) -> None:
    ledger.baseline_ms = read.at_ms


def _day_began(ledger: Ledger, began: DayBegan) -> None:
    marks = {(subaccount, ticker): mark for subaccount, ticker, mark in began.marks}
    ledger.trades.begin(began.day, marks, is_late=began.is_late)


def _start_read(ledger: Ledger, read: StartRead) -> None:
    ledger.trades.start((read.subaccount, read.ticker), read.count)


def _unexplained(ledger: Ledger, change: Unexplained) -> None:
    ledger.trades.explain((change.subaccount, change.ticker), change.count)


def _marked(ledger: Ledger, marked: Marked) -> None:
    ledger.trades.mark((marked.subaccount, marked.ticker), marked.mark)


_APPLY: dict[type, Callable[[Ledger, Any], None]] = {
    OrderRead: _order_read,
    OrderAbsent: _order_absent,
    OrphanOrder: _orphan,
    OrphanExplained: _orphan_explained,
    AmendAbsent: _amend_absent,
    WriteResolved: _write_resolved,
    Silent: _silent,
    PositionSeen: _position_seen,
    PositionAdopted: _position_adopted,
    PlaceLearned: _place_learned,
    MoneyRead: _money_read,
    GroupsRead: _groups_read,
    GroupFound: _group_found,
    BaselineRead: _baseline_read,
    DayBegan: _day_began,
    FillsRead: lambda ledger, read: ledger.trades.take(read.fills, read.as_of_ms),
    PaidOut: lambda ledger, paid: ledger.trades.settle(paid.settlement),
    StartRead: _start_read,
    Unexplained: _unexplained,
    Marked: _marked,
    LossReached: lambda ledger, reached: ledger.trades.reach(reached.scope, reached.day, reached.loss),
}


def legs_open(ledger: Ledger, pending: Pending) -> tuple[LiveOrder, ...]:
    """The orders of a pending create whose fate is not known yet."""
    keys = (order_key(pending.decision_id, leg) for leg in range(len(orders_of(pending.write))))
    found = (ledger.live.orders.get(key) for key in keys)
    return tuple(order for order in found if order is not None and order.order_id is None)
