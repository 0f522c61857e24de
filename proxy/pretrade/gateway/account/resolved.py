"""What follows once the end of an unknown create is known: its last row, what a client gets that sends it again, and
what it took from its market's book.

Rule of this file: nothing here frees anything; the ledger has learned it by then, and its row is handed in.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace

from pretrade.gateway.account.unread import answered_attempt
from pretrade.gateway.instance import Instance
from pretrade.gateway.way.normalise import without_ids
from pretrade.gateway.way.records import outcome_body
from pretrade.journal.events import EventKind
from pretrade.model.orders import orders_of
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, format_count
from pretrade.risk.ledger.changes import Change, OrderAbsent, OrderRead, WriteResolved
from pretrade.risk.ledger.learning import legs_open
from pretrade.risk.ledger.ledger import Ledger, Pending, order_key
from pretrade.risk.ledger.live_order import LiveOrder, OrderState

ABSENT_CODE = "not_found"


class Unknowns:
    """The creates of which nobody knows, while a round finds out about them. A batch may take several rounds. And the
    orders of which only a read tells what they took: those, and any that an amend may have changed."""

    def __init__(self) -> None:
        self._pending: dict[str, Pending] = {}
        self._legs: dict[str, dict[str, LegOutcome]] = {}
        self._unsure: dict[str, LiveOrder] = {}

    def look(self, ledger: Ledger) -> None:
        """Note what is unknown before a round, or a part of one; what was found of creates before is kept."""
        self._unsure = {key: one for key, one in ledger.live.orders.items() if one.order_id is None or one.is_amending}
        unknown = (one for one in ledger.pending.values() if one.state is OrderState.UNKNOWN and orders_of(one.write))
        self._pending = {one.decision_id: one for one in unknown}
        self._legs = {name: self._legs.get(name, {}) for name in self._pending}
        for name, pending in self._pending.items():
            for order in legs_open(ledger, pending):
                self._legs[name].setdefault(order.key, LegOutcome(OutcomeState.UNKNOWN, None, order.client_order_id))

    def tell(self, instance: Instance, changes: Iterable[Change], detail: str) -> None:
        """Record the end of each that is known now, and keep its answer for the client, or forget it."""
        for change in changes:
            if isinstance(change, OrderRead):
                self._note_take(instance, change)
                self._note(change.key, _found(change))
            elif isinstance(change, OrderAbsent):
                self._note(change.key, LegOutcome(OutcomeState.ABSENT, code=ABSENT_CODE))
            elif isinstance(change, WriteResolved) and change.decision_id in self._pending:
                self._close(instance, self._pending[change.decision_id], detail)

    def _note_take(self, instance: Instance, read: OrderRead) -> None:
        """As the answer to an order does (`sending`): a book that was read before still shows what it took."""
        order = self._unsure.get(read.key)
        if order is not None and read.filled > order.filled:
            instance.books.took(order.ticker, order.side, Count(read.filled - order.filled))

    def _note(self, key: str, told: LegOutcome) -> None:
        legs = self._legs.get(key.rpartition("/")[0], {})
        if key in legs:
            legs[key] = replace(told, client_order_id=legs[key].client_order_id)

    def _close(self, instance: Instance, pending: Pending, detail: str) -> None:
        name, at_ms = pending.decision_id, instance.clock.now_ms()
        known = self._legs.pop(name)
        keys = (order_key(name, leg) for leg in range(len(orders_of(pending.write))))
        legs = tuple(known[key] for key in keys if key in known)
        is_absent = all(leg.state is OutcomeState.ABSENT for leg in legs)
        if not legs:  # its legs ended in an earlier run, which has told of them
            return
        state = OutcomeState.ABSENT if is_absent else OutcomeState.ACCEPTED
        instance.journal.record(
            EventKind.OUTCOME, outcome_body(Outcome(state, None, legs, detail), at_ms, {}), decision_id=name
        )
        if is_absent:
            instance.attempts.forget(name)
            return
        if len(legs) < len(orders_of(pending.write)):
            return  # what the others came to was told before: an answer without them would be none
        owner, write = (pending.client, pending.subaccount), without_ids(pending.write, name, pending.injected)
        attempt = answered_attempt(name, owner, write, [asdict(leg) for leg in legs], pending.sent_ms)
        if instance.attempts.replace(attempt):
            instance.journal.record(EventKind.DELIVERY, {"delivered": False}, name)


def _found(read: OrderRead) -> LegOutcome:
    remaining = max(0, read.total - read.filled) if read.is_open else 0
    return LegOutcome(
        OutcomeState.ACCEPTED,
        order_id=read.order_id,
        fill_count=format_count(read.filled),
        remaining_count=format_count(Count(remaining)),
    )
