"""One order from its approval to its proven end, and what of it may still fill.

Rule of this file: counted is what could be true. An amend adds terms that may hold; only a refusal or a read that is
late enough takes terms away.
"""

from enum import StrEnum

from pretrade.model.frozen import frozen, replace
from pretrade.model.orders import UNKNOWN_FLAGS, Flags, Side
from pretrade.model.units import NO_CONTRACTS, NO_MONEY, Count, Money, Price
from pretrade.risk.ledger.book import leg_price
from pretrade.risk.ledger.worst_case import cost, fee


class OrderState(StrEnum):
    """Where an order is. Each of these counts in full; an order that has ended is not kept."""

    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    RESTING = "resting"


@frozen
class Terms:
    """A price and a total (what has filled included) that an order has or may have.

    `decision_id` names the amend that brought them, None for the order's own; `sent_ms` is when it was approved,
    `answered_ms` when the exchange said yes. `silent` counts the reads that came late enough to show them and did not.
    """

    price: Price
    total: Count
    decision_id: str | None = None
    sent_ms: int = 0
    answered_ms: int | None = None
    silent: int = 0


@frozen
class LiveOrder:
    """An order that may still fill.

    `key` is its decision and leg, or the exchange's id for one that is not ours. `client` is None for an order that
    has no row of ours. `notional` is what of it counts on `day`; `spent` what has filled cost at most, each fill at the
    worst price that the order had then. `silent` counts the reads that came late enough to
    show it and did not; times are Unix milliseconds. `group_id` is the order group that it is in, None for none;
    `flags` what it was placed with.
    """

    key: str
    client: str | None
    subaccount: int
    ticker: str
    side: Side
    terms: tuple[Terms, ...]
    state: OrderState
    multiplier: int
    approved_ms: int
    day: str = ""
    notional: Money = NO_MONEY
    filled: Count = NO_CONTRACTS
    spent: Money = NO_MONEY
    order_id: str | None = None
    client_order_id: str | None = None
    answered_ms: int = 0
    silent: int = 0
    group_id: str | None = None
    flags: Flags = UNKNOWN_FLAGS

    @property
    def price(self) -> Price:
        """The worst price that it may have."""
        pick = max if self.side is Side.BID else min
        return self.terms[0].price if len(self.terms) == 1 else pick(terms.price for terms in self.terms)

    @property
    def remaining(self) -> Count:
        """The most that may still fill."""
        total = self.terms[0].total if len(self.terms) == 1 else max(terms.total for terms in self.terms)
        return Count(max(0, total - self.filled))

    @property
    def leg(self) -> int:
        """What one contract of the leg bought costs at most."""
        return leg_price(self.side, self.price)

    @property
    def worst_cost(self) -> Money:
        """What it costs at most, before fees: what has filled, and each contract that may still fill at the dearest of
        the terms that reach it."""
        total, reached = self.spent, self.filled
        for terms in sorted(self.terms, key=lambda terms: leg_price(self.side, terms.price), reverse=True):
            if terms.total > reached:
                total = Money(total + cost(self.side, terms.price, Count(terms.total - reached)))
                reached = terms.total
        return total

    @property
    def worst_fee(self) -> Money:
        """The most that the exchange can charge for what may still fill."""
        remaining = self.remaining
        return fee(self.side, self.price, remaining, self.multiplier) if remaining else Money(0)

    @property
    def is_amending(self) -> bool:
        """Whether more than one set of terms may hold."""
        return len(self.terms) > 1

    def amended(self, terms: Terms, stated: int | None = None) -> "LiveOrder":
        """The order while an amend to these terms is under way, which states this end or none."""
        return replace(self, terms=(*self.terms, terms), flags=self.flags.amending(stated))

    def without_amend(self, decision_id: str) -> "LiveOrder":
        """The order after an amend that did not happen."""
        return replace(self, terms=tuple(terms for terms in self.terms if terms.decision_id != decision_id))

    def amend_answered(self, decision_id: str, at_ms: int, stated: int | None = None) -> "LiveOrder":
        """The order after the exchange accepted an amend: both terms count until a read proves the new ones. The end
        that it states holds, unless another amend was under way meanwhile, of which nobody knows when it came."""
        sent_ms = next((t.sent_ms for t in self.terms if t.decision_id == decision_id), 0)
        others = [t for t in self.terms if t.decision_id not in (None, decision_id)]
        is_last = all(t.answered_ms is not None and t.answered_ms <= sent_ms for t in others)
        terms = tuple(replace(t, answered_ms=at_ms) if t.decision_id == decision_id else t for t in self.terms)
        flags = self.flags.amended(stated) if is_last else self.flags
        return replace(self, terms=terms, answered_ms=at_ms, flags=flags)
