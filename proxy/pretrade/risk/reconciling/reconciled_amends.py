"""Amends of a resting order, held against a read of it: which of their terms the read leaves open.

Rule of this file: an amend that was answered is decided by a read that is later than the answer; one of which nobody
knows by a read that shows what nothing but it can have brought, or by two that come so late that it can no longer
happen (or where it asked for what the order had: can no longer make a difference).
"""

from pretrade.model.drop_copy import ExchangeOrder
from pretrade.risk.ledger.changes import AmendAbsent, Silent
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, UNSEEN_MS, Reconciliation


def undecided(step: Reconciliation, own: LiveOrder, order: ExchangeOrder) -> tuple[str, ...]:
    """The amends of an order whose terms this read may not show yet; what is proven not to be is taken back."""
    named = [(terms, terms.decision_id) for terms in own.terms if terms.decision_id is not None]
    return tuple(name for terms, name in named if not _is_decided(step, own, terms, name, order))


def _is_decided(step: Reconciliation, own: LiveOrder, terms: Terms, decision_id: str, order: ExchangeOrder) -> bool:
    """Whether the read is the truth about an amend: it shows its terms, or came late enough to."""
    round_, pending = step.round, step.ledger.pending.get(decision_id)
    if terms.answered_ms is not None:
        return round_.is_late_for(terms.answered_ms, SETTLE_MS)
    if pending is not None and pending.state is not OrderState.UNKNOWN:
        return False
    is_shown = _shows(order, terms)
    if is_shown and not any(_explains(order, other) for other in own.terms if other is not terms):
        return True
    lost_ms = terms.sent_ms if pending is None else max(terms.sent_ms, pending.lost_ms)
    if not round_.is_late_for(lost_ms, UNSEEN_MS):
        return False
    if terms.silent == 0:
        step.note(Silent(decision_id, own.key))
        return False
    if not round_.proves:
        return False
    if not is_shown:  # else it asked for what another has brought: whether it came makes no difference any more
        step.note(AmendAbsent(own.key, decision_id, round_.copy.as_of_ms))
    return True


def _shows(order: ExchangeOrder, terms: Terms) -> bool:
    return (order.price, order.filled + order.remaining) == (terms.price, terms.total)


def _explains(order: ExchangeOrder, terms: Terms) -> bool:
    """Whether an order that has these terms may stand there so: a decrease makes it smaller, and tells nobody why."""
    return order.price == terms.price and order.filled + order.remaining <= terms.total
