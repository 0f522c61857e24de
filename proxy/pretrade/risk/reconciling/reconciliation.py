"""The ledger held against the exchange's own record: what the record proves, and where the two break.

Rule of this file: pure but for the ledger that it is given; it asks no clock. One step after another, in an order that
matters: markets, orders, writes of which nobody knows, positions, money.
"""

from collections.abc import Iterable
from dataclasses import replace

from pretrade.model.drop_copy import ExchangeOrder
from pretrade.model.orders import AmendOrder, orders_of
from pretrade.model.units import Money
from pretrade.risk.ledger.changes import BaselineRead, MoneyRead, OrderAbsent, PlaceLearned, Silent, WriteResolved
from pretrade.risk.ledger.learning import legs_open
from pretrade.risk.ledger.ledger import Ledger, Pending
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciled_groups import look_for_groups, take_in_groups
from pretrade.risk.reconciling.reconciled_orders import look_for_ours, take_in_orders
from pretrade.risk.reconciling.reconciled_orphans import report_orphans
from pretrade.risk.reconciling.reconciled_positions import take_in_positions
from pretrade.risk.reconciling.reconciled_trades import take_in_trades
from pretrade.risk.reconciling.reconciliation_round import (
    COVER_MS,
    UNSEEN_MS,
    Findings,
    Reconciliation,
    Round,
    is_strange,
    markets_of,
)


def reconcile(ledger: Ledger, round_: Round) -> Findings:
    """Take a copy into the ledger and say what changed.

    Raises KeyError, with nothing taken in, where the place of a market that is held or traded in is not known.
    """
    step = Reconciliation(ledger, round_)
    _take_in_places(step)
    take_in_orders(step)
    look_for_ours(step)
    look_for_groups(step)
    _resolve_unknown(step)
    take_in_positions(step)
    take_in_trades(step)
    report_orphans(step)
    _take_in_money(step)
    if ledger.baseline_ms is None:
        step.note(BaselineRead(round_.copy.as_of_ms))
    return step.found


def take_in_some(ledger: Ledger, round_: Round, orders: tuple[ExchangeOrder, ...]) -> Findings:
    """Take in some orders of a copy ahead of the rest, and nothing else: what an order tells does not hang on the
    others. The whole copy must follow. Raises KeyError as `reconcile` does."""
    step = Reconciliation(ledger, replace(round_, copy=replace(round_.copy, orders=orders, positions=())))
    _take_in_places(step)
    take_in_orders(step)
    round_.screening.look(ledger, orders)
    return step.found


def _take_in_places(step: Reconciliation) -> None:
    known, read = step.ledger.live.places, step.round.places
    needed = sorted(set(markets_of(step.round.copy, step.ledger, step.round.screening, step.orders)))
    places = [read[ticker] if ticker in read or ticker not in known else known[ticker] for ticker in needed]
    for place in places:
        if known.get(place.ticker) != place:
            step.note(PlaceLearned(place))


def _resolve_unknown(step: Reconciliation) -> None:
    """Of every write whose end is unknown: what the copy proves. An id that another's order has proves nothing."""
    strange = {order.client_order_id for order in step.orders if is_strange(order, step.ledger)} - {None}
    taken = step.round.screening.strange | strange
    for pending in tuple(step.ledger.pending.values()):
        if pending.state is not OrderState.UNKNOWN:
            continue
        if isinstance(pending.write, AmendOrder):
            _resolve_amend(step, pending)
        else:
            _resolve(step, pending, taken)


def _resolve_amend(step: Reconciliation, pending: Pending) -> None:
    """An amend is over once its terms are decided, which the read of its order does, or the order has ended."""
    orders = step.ledger.live.orders.values()
    if any(terms.decision_id == pending.decision_id for order in orders for terms in order.terms):
        step.look_again()
    else:
        step.note(WriteResolved(pending.decision_id))


def _resolve(step: Reconciliation, pending: Pending, taken: set[str | None]) -> None:
    """Find out about a create, or an exit; what cannot be known yet stays as it is."""
    round_, open_legs = step.round, legs_open(step.ledger, pending)
    if orders_of(pending.write) and not open_legs:  # every leg was found, or given back before
        step.note(WriteResolved(pending.decision_id))
    elif any(leg.client_order_id in taken for leg in open_legs):
        return  # the exchange has another order under this id: never proven absent, a person looks
    elif not round_.is_late_for(max(pending.sent_ms, pending.lost_ms), UNSEEN_MS) or not _is_covered(step, pending):
        step.look_again()
    elif pending.silent == 0:
        step.note(Silent(pending.decision_id))
        step.look_again()
    elif not round_.proves:
        step.look_again()
    else:
        for leg in open_legs:
            step.note(OrderAbsent(leg.key, round_.copy.as_of_ms))
        step.note(WriteResolved(pending.decision_id))


def _is_covered(step: Reconciliation, pending: Pending) -> bool:
    """Whether every order made since before the write was read."""
    return pending.sent_ms >= step.round.since_ms + COVER_MS


def _take_in_money(step: Reconciliation) -> None:
    copy, ledger = step.round.copy, step.ledger
    for balance in copy.balances:
        mine = [position for position in copy.positions if position.subaccount == balance.subaccount]
        realized, fees = _total(p.realized for p in mine), _total(p.fees for p in mine)
        read = MoneyRead(balance.subaccount, balance.cash, realized, fees)
        if ledger.money.get(balance.subaccount) != (read.cash, read.realized, read.fees):
            step.note(read)
    take_in_groups(step)


def _total(figures: Iterable[Money]) -> Money:
    return Money(sum(figures))
