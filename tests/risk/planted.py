"""Bugs of the ledger, planted one at a time: what the state machine must find.

Rule of this file: each is a slip that somebody could make, in the fewest words; none of them raises by itself.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest import MonkeyPatch

from pretrade.gateway.account import restore
from pretrade.journal.events import EventKind
from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.model.units import Count, Money
from pretrade.risk.ledger import book, learning, preview, state
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.book import Book
from pretrade.risk.ledger.day import Days
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import LiveOrder
from pretrade.risk.reconciling import (
    reconciled_amends,
    reconciled_orders,
    reconciled_positions,
    reconciliation,
    reconciliation_round,
)

type Planted = Callable[[MonkeyPatch], None]

PLANTED: dict[str, Planted] = {}


def planted(plant: Planted) -> Planted:
    """Keep a bug under its name."""
    PLANTED[plant.__name__] = plant
    return plant


def _instead(patch: MonkeyPatch, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` makes of the original in its place."""
    patch.setattr(owner, name, make(getattr(owner, name)))


@planted
def resting_orders_do_not_count(patch: MonkeyPatch) -> None:
    def make(count: Any) -> Any:
        return lambda self, book, order, sign: None if order.order_id else count(self, book, order, sign)

    _instead(patch, Account, "_count", make)


@planted
def an_unknown_order_is_let_go(patch: MonkeyPatch) -> None:
    def make(settle: Any) -> Any:
        def lets_go(self: Ledger, decision_id: str, outcome: Outcome, at_ms: int) -> None:
            lost = outcome.state is OutcomeState.UNKNOWN
            settle(self, decision_id, Outcome(OutcomeState.NOT_SENT) if lost else outcome, at_ms)

        return lets_go

    _instead(patch, Ledger, "settle", make)


@planted
def the_approval_of_a_cancel_is_believed(patch: MonkeyPatch) -> None:
    def make(approve: Any) -> Any:
        def believes(self: Ledger, approval: Any) -> Any:
            told = approve(self, approval)
            write = approval.write
            order = self.live.by_order_id(write.order_id) if isinstance(write, CancelOrder | DecreaseOrder) else None
            if order is not None:
                self.end(order.key, approval.now_ms)
            return told

        return believes

    _instead(patch, Ledger, "approve", make)


@planted
def the_answer_to_a_cancel_is_believed(patch: MonkeyPatch) -> None:
    def make(settle: Any) -> Any:
        def believes(self: Ledger, decision_id: str, outcome: Outcome, at_ms: int) -> None:
            pending = self.pending.get(decision_id)
            settle(self, decision_id, outcome, at_ms)
            write = pending.write if pending else None
            order = self.live.by_order_id(write.order_id) if isinstance(write, CancelOrder) else None
            if order is not None and outcome.state is OutcomeState.ACCEPTED:
                self.end(order.key, at_ms)

        return believes

    _instead(patch, Ledger, "settle", make)


@planted
def an_amend_counts_its_new_terms_alone(patch: MonkeyPatch) -> None:
    patch.setattr(LiveOrder, "amended", lambda self, terms, stated=None: replace(self, terms=(terms,)))


@planted
def the_answer_to_an_amend_is_believed(patch: MonkeyPatch) -> None:
    def make(answered: Any) -> Any:
        def believes(self: LiveOrder, decision_id: str, at_ms: int, stated: int | None) -> LiveOrder:
            new = answered(self, decision_id, at_ms, stated)
            return replace(new, terms=tuple(t for t in new.terms if t.decision_id == decision_id) or new.terms)

        return believes

    _instead(patch, LiveOrder, "amend_answered", make)


@planted
def a_leg_of_a_batch_is_lost(patch: MonkeyPatch) -> None:
    def make(orders: Any) -> Any:
        return staticmethod(lambda approval: orders(approval)[:2])

    _instead(patch, Ledger, "_new_orders", make)


@planted
def notional_is_given_back_twice(patch: MonkeyPatch) -> None:
    def make(close: Any) -> Any:
        def twice(self: Account, key: str, at_ms: int) -> None:
            order = self.orders[key]
            close(self, key, at_ms)
            unused = order.notional - order.spent
            self.days.add(order.day, order.subaccount, order.ticker, orders=0, notional=-unused)

        return twice

    _instead(patch, Account, "close", make)


@planted
def an_amend_counts_on_the_day_of_its_order(patch: MonkeyPatch) -> None:
    def make(hold: Any) -> Any:
        def elsewhere(self: Ledger, approval: Any, write: AmendOrder) -> None:
            order = self.live.by_order_id(write.order_id)
            hold(self, replace(approval, day=order.day) if order and order.day else approval, write)

        return elsewhere

    _instead(patch, Ledger, "_hold_amend", make)


@planted
def a_snapshot_forgets_amends(patch: MonkeyPatch) -> None:
    def make(account_state: Any) -> Any:
        def forgets(account: Account) -> Any:
            made = account_state(account)
            return replace(made, orders=tuple(replace(order, terms=order.terms[:1]) for order in made.orders))

        return forgets

    _instead(patch, state, "_account_state", make)


@planted
def a_snapshot_forgets_what_the_exchange_shows(patch: MonkeyPatch) -> None:
    _instead(patch, Book, "state", lambda original: lambda self: replace(original(self), seen=None))


@planted
def a_snapshot_forgets_what_is_pending(patch: MonkeyPatch) -> None:
    def make(state_of: Any) -> Any:
        return lambda *args: replace(state_of(*args), pending=())

    _instead(patch, state, "state_of", make)
    from tests.risk import kit

    patch.setattr(kit, "state_of", state.state_of)


@planted
def a_snapshot_forgets_the_days(patch: MonkeyPatch) -> None:
    patch.setattr(Days, "restore", lambda self, day, use: None)


@planted
def the_fold_skips_what_reads_told(patch: MonkeyPatch) -> None:
    def make(apply: Any) -> Any:
        return lambda into, event: None if event.kind == EventKind.RECONCILIATION else apply(into, event)

    _instead(patch, restore, "_apply", make)


@planted
def the_fold_skips_ends(patch: MonkeyPatch) -> None:
    def make(apply: Any) -> Any:
        return lambda into, event: None if event.kind == EventKind.OUTCOME else apply(into, event)

    _instead(patch, restore, "_apply", make)


@planted
def a_preview_looks_at_the_first_subaccount(patch: MonkeyPatch) -> None:
    def first(self: Any, ticker: str) -> preview.Tried:
        known = self.account.book(0, ticker)
        return self.markets.setdefault(ticker, preview.Tried.on(known))

    patch.setattr(preview._Trial, "market", first)


@planted
def an_event_counts_its_dearest_market_alone(patch: MonkeyPatch) -> None:
    def make(held: Any) -> Any:
        def alone(trial: Any, owner: int | None) -> Any:
            for usage in held(trial, owner):
                is_sum = usage.measure in ("event_exposure", "series_exposure")
                yield usage._replace(before=0, after=usage.after - usage.before) if is_sum else usage

        return alone

    _instead(patch, preview, "_held", make)


@planted
def what_reduces_forgets_the_orders_that_reduce_already(patch: MonkeyPatch) -> None:
    def reduces(self: Book, side: Any, count: int) -> bool:
        mine, other = self._legs(side)
        return bool(mine.held(other) + count <= 0)

    patch.setattr(Book, "reduces", reduces)


@planted
def an_absence_is_believed_at_once(patch: MonkeyPatch) -> None:
    patch.setattr(reconciliation, "UNSEEN_MS", 0)


@planted
def an_answer_need_not_be_older_than_a_read(patch: MonkeyPatch) -> None:
    for module in (reconciled_orders, reconciled_amends, reconciled_positions):
        patch.setattr(module, "SETTLE_MS", -60_000)


@planted
def the_fills_of_an_orphan_move_nothing(patch: MonkeyPatch) -> None:
    def make(table: Any) -> Any:
        orphan = table[learning.OrphanOrder]
        return {**table, learning.OrphanOrder: lambda into, one: orphan(into, replace(one, filled_since=Count(0)))}

    _instead(patch, learning, "_APPLY", make)


@planted
def an_orphan_does_not_count(patch: MonkeyPatch) -> None:
    _instead(patch, learning, "_APPLY", lambda table: {**table, learning.OrphanOrder: lambda into, one: None})


@planted
def fees_do_not_count(patch: MonkeyPatch) -> None:
    patch.setattr(LiveOrder, "worst_fee", property(lambda self: Money(0)))
    patch.setattr(preview, "fee", lambda *args: Money(0))


@planted
def the_cheapest_contracts_count(patch: MonkeyPatch) -> None:
    def cheapest(count: int, ladders: Any) -> int:
        levels = sorted(level for ladder in ladders for level in ladder.counts.items())
        total, left = 0, count
        for leg, at_leg in levels:
            total += leg * min(left, at_leg)
            left -= min(left, at_leg)
        return total

    patch.setattr(book, "dearest", cheapest)


@planted
def fills_do_not_move_what_the_exchange_showed(patch: MonkeyPatch) -> None:
    def make(fill: Any) -> Any:
        def still(self: Book, side: Any, leg: int, count: int) -> None:
            before = self.state().seen
            fill(self, side, leg, count)
            if before is not None:
                self._yes.seen_count, self._no.seen_count = before.yes_count, before.no_count

        return still

    _instead(patch, Book, "fill", make)


@planted
def a_position_is_adopted_while_orders_are_under_way(patch: MonkeyPatch) -> None:
    patch.setattr(reconciled_positions, "_is_proven", lambda *args: True)
    patch.setattr(reconciled_positions, "_may_be_lag", lambda *args: False)


@planted
def a_position_that_agrees_is_adopted_at_once(patch: MonkeyPatch) -> None:
    patch.setattr(reconciliation_round.Round, "is_late_for", lambda self, at_ms, by_ms: True)


@planted
def a_read_takes_amends_away_that_it_cannot_show(patch: MonkeyPatch) -> None:
    patch.setattr(reconciled_orders, "undecided", lambda *args: ())


@planted
def the_day_goes_back_with_the_clock(patch: MonkeyPatch) -> None:
    patch.setattr(Ledger, "day_of", lambda self, today: today)


@planted
def the_fills_in_an_answer_are_left_out(patch: MonkeyPatch) -> None:
    def make(accept: Any) -> Any:
        return lambda self, order, told, order_id, at_ms: accept(
            self, order, replace(told, fill_count="0.00"), order_id, at_ms
        )

    _instead(patch, Ledger, "_accept", make)


@planted
def a_restart_lets_go_of_what_was_under_way(patch: MonkeyPatch) -> None:
    def lets_go(self: Ledger, at_ms: int = 0) -> None:
        for decision_id in tuple(self.pending):
            self.settle(decision_id, Outcome(OutcomeState.NOT_SENT), at_ms)

    patch.setattr(Ledger, "lose_sight", lets_go)


@planted
def a_rejected_leg_of_a_batch_frees_the_batch(patch: MonkeyPatch) -> None:
    def make(settle_leg: Any) -> Any:
        def frees(self: Ledger, key: str, end: OutcomeState, told: Any, at_ms: int) -> None:
            settle_leg(self, key, end, told, at_ms)
            if told is not None and told.state is OutcomeState.REJECTED:
                for other in [o for o in self.live.orders.values() if o.key.startswith(key.split("/")[0] + "/")]:
                    self.end(other.key, at_ms)

        return frees

    _instead(patch, Ledger, "_settle_leg", make)


@planted
def a_read_gives_no_fill_to_the_position(patch: MonkeyPatch) -> None:
    def make(table: Any) -> Any:
        read = table[learning.OrderRead]

        def no_fill(into: Ledger, one: Any) -> None:
            order = into.live.orders.get(one.key)
            if order is not None:
                into.live.put(replace(order, filled=max(order.filled, one.filled)), one.at_ms)
            read(into, one)

        return {**table, learning.OrderRead: no_fill}

    _instead(patch, learning, "_APPLY", make)


FAST = (
    "resting_orders_do_not_count",
    "an_unknown_order_is_let_go",
    "an_amend_counts_its_new_terms_alone",
    "the_approval_of_a_cancel_is_believed",
)
"""Those that are planted in every `make test`: the machine finds them within a second or two."""

ELSEWHERE = (
    "a_position_is_adopted_while_orders_are_under_way",
    "a_read_takes_amends_away_that_it_cannot_show",
    "a_snapshot_forgets_what_the_exchange_shows",
    "an_answer_need_not_be_older_than_a_read",
    "fills_do_not_move_what_the_exchange_showed",
    "the_day_goes_back_with_the_clock",
    "the_fills_of_an_orphan_move_nothing",
    "what_reduces_forgets_the_orders_that_reduce_already",
)
"""Those that hundreds of random runs may not meet: `test_machine_scripts.py` says what does, each time."""
