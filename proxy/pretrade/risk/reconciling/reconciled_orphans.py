"""Orders in the exchange's record that have no row of ours: from before the ledger began, or past this proxy.

Rule of this file: whoever made them, they count. Those past the proxy are told until a person explains them.
"""

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.model.units import NO_CONTRACTS, Count, format_count, format_price
from pretrade.risk.ledger.changes import OrphanOrder
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.reconciling.reconciliation_round import Reconciliation, is_old


def take_in_orphan(step: Reconciliation, order: ExchangeOrder) -> None:
    """Count an order that has no row. One that ended before the ledger began is in its position already, and so is one
    that was in an earlier copy."""
    is_open, was_before = order.status is OrderStatus.RESTING, is_old(order, step.ledger)
    if not is_open and (was_before or order.created_ms < step.round.news_ms):
        return
    filled_since = NO_CONTRACTS if was_before else order.filled
    if filled_since:
        step.moved_past_us.add((order.subaccount, order.ticker))
    step.note(OrphanOrder(_live_order(step, order), is_open, step.round.copy.as_of_ms, filled_since))


def report_orphans(step: Reconciliation) -> None:
    """Tell every order past the proxy that nobody has explained, as it is now."""
    live = step.ledger.live
    for order_id, seen in step.ledger.orphans.items():
        order = live.by_order_id(order_id)
        state = "has ended" if order is None else f"may fill {format_count(order.remaining)} more"
        filled = format_count((order or seen).filled)
        what = f"{seen.side} at {format_price(seen.price)} in {seen.ticker} of subaccount {seen.subaccount}"
        step.report("orphan", order_id, f"an order past this proxy: {what}, filled {filled}, {state}")


def _live_order(step: Reconciliation, order: ExchangeOrder) -> LiveOrder:
    return LiveOrder(
        key=f"exchange/{order.order_id}",
        client=None,
        subaccount=order.subaccount,
        ticker=order.ticker,
        side=order.side,
        terms=(Terms(order.price, Count(order.filled + order.remaining)),),
        state=OrderState.RESTING,
        multiplier=step.round.multiplier,
        approved_ms=order.created_ms,
        filled=order.filled,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        answered_ms=order.created_ms,
    )
