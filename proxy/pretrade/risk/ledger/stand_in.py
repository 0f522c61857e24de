"""An order that only an amend of ours tells of: the row that made it known was lost, and the amend's own was not.

Rule of this file: it counts in full, under the exchange's id, until the order that it stands for takes its place: one
of ours whose id was in the lost row, once an answer or a read tells that id again. Else it was somebody else's order,
and the next read shows what has become of it.
"""

from pretrade.model.frozen import replace
from pretrade.model.orders import AmendOrder
from pretrade.model.units import Money
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.approved import Approval
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.worst_case import cost

_KEY = "amended/"


def stand_in(approval: Approval, write: AmendOrder) -> LiveOrder:
    """The order of which nothing is known but that this amend names it: as if it had its terms already, and nothing of
    it had filled."""
    return LiveOrder(
        key=f"{_KEY}{write.order_id}",
        client=approval.client,
        subaccount=approval.subaccount,
        ticker=write.ticker,
        side=write.side,
        terms=(Terms(write.price, write.count),),
        state=OrderState.RESTING,
        multiplier=approval.multiplier,
        approved_ms=approval.now_ms,
        day=approval.day,
        notional=cost(write.side, write.price, write.count),
        order_id=write.order_id,
    )


def is_stand_in(order: LiveOrder) -> bool:
    """Whether an order stands for one whose row was lost."""
    return order.key.startswith(_KEY)


def take_place(account: Account, key: str, order_id: str, at_ms: int) -> None:
    """Let an order of ours have the exchange's id; what stood for it under that id goes over to it, amends under way
    included. What that counted goes along where both count on one day, and else stays where it is, for good: a day
    gives back what the order counted on it."""
    order, other = account.orders[key], account.by_order_id(order_id)
    if other is None or other.key == key or not is_stand_in(other):
        return
    more = other.notional if other.day == order.day else 0
    merged = replace(
        order,
        order_id=order_id,
        terms=(*order.terms, *other.terms[1:]),
        notional=Money(order.notional + more),
        filled=max(order.filled, other.filled),
        spent=max(order.spent, other.spent),
        answered_ms=max(order.answered_ms, other.answered_ms),
        flags=order.flags._replace(rests_until=None),
    )
    account.put(replace(other, notional=other.spent), at_ms)
    account.close(other.key, at_ms)
    account.put(merged, at_ms)
