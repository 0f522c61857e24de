"""Orders that the exchange itself keeps from opening anything, and what may make them open all the same.

Rule of this file: an immediate-or-cancel order with reduce_only trades no more than is held at that moment (orders.md
2). What is held then may be promised already: another order on the same side that rests, or may come to rest, would
close the same contracts again later, and that opens.
"""

from pretrade.model.instance import Mode
from pretrade.model.orders import NewOrder, TimeInForce, Write, orders_of
from pretrade.risk.ledger.approved import order_key
from pretrade.risk.ledger.ledger import Ledger


def is_capped(order: NewOrder) -> bool:
    """Whether the exchange caps an order at the position held."""
    return order.reduce_only and order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL


def crowded(ledger: Ledger, mode: Mode, subaccount: int, write: Write) -> tuple[bool, ...]:
    """For each order of a write of which all are capped, whether another on its side, which is not, may still fill.
    Empty for any other write."""
    orders = orders_of(write)
    if not orders or not all(is_capped(order) for order in orders):
        return ()
    capped = {
        order_key(pending.decision_id, leg)
        for pending in ledger.pending.values()
        for leg, order in enumerate(orders_of(pending.write))
        if is_capped(order)
    }
    return tuple(
        any(
            other.side is order.side and other.subaccount == subaccount and other.remaining and other.key not in capped
            for other in ledger.account(mode).orders_in(order.ticker)
        )
        for order in orders
    )
