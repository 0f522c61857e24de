"""The orders of a copy that tell nothing: each that rests there exactly as it is known here.

Rule of this file: to be found a few at a time while other things happen, because thousands may rest. What was found is
good for as long as the ledger's order is the very same object, which any change of it replaces. It stays with its
copy, and so does what the copy's orders have told when they are taken in a few at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import LiveOrder, OrderState


@dataclass(slots=True)
class Screening:
    """What has been found so far: the orders, by the exchange's ids, that stand there as they do here, the markets that
    they are in, and the client_order_ids of those that are none of ours. `moved_past_us` are the books in which the
    copy has shown fills of such orders."""

    same: dict[str, LiveOrder] = field(default_factory=dict)
    tickers: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    moved_past_us: set[BookKey] = field(default_factory=set)

    def look(self, ledger: Ledger, orders: Iterable[ExchangeOrder]) -> None:
        """Go through some orders of a copy."""
        live = ledger.live
        for order in orders:
            own = live.by_order_id(order.order_id)
            if own is not None and _is_as_shown(own, order):
                self.same[order.order_id] = own
                self.tickers.add(order.ticker)
                if own.client is None and order.client_order_id is not None:
                    self.strange.add(order.client_order_id)

    def others(self, ledger: Ledger, orders: Iterable[ExchangeOrder]) -> tuple[ExchangeOrder, ...]:
        """The orders of the copy that tell something, or may: all but those found whose own has not changed since."""
        same, live = self.same, ledger.live.orders
        return tuple(
            order for order in orders if (own := same.get(order.order_id)) is None or live.get(own.key) is not own
        )


def _is_as_shown(own: LiveOrder, order: ExchangeOrder) -> bool:
    """Whether a read of this order changes nothing about ours, however late it is: one that rests with the terms that
    it has there and no others, and was not missed by a read before."""
    terms = own.terms[0]
    return (
        order.status is OrderStatus.RESTING
        and own.state is OrderState.RESTING
        and len(own.terms) == 1
        and terms.decision_id is None
        and terms.price == order.price
        and own.filled == order.filled
        and terms.total == order.filled + order.remaining
        and own.silent == 0
        and own.side is order.side
        and own.ticker == order.ticker
        and own.subaccount == order.subaccount
    )
