"""The whole ledger as one plain value, and back: what a snapshot holds.

Rule of this file: `ledger_of(state_of(x))` is x; what an account can reckon again (totals, indexes) is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from pretrade.model.facts import Place, Question
from pretrade.model.instance import TradingState
from pretrade.model.orders import Write
from pretrade.model.rewrites import Rewrite
from pretrade.model.units import Money
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.book import Book, BookState
from pretrade.risk.ledger.confirmations import Ticket
from pretrade.risk.ledger.day import DayUse
from pretrade.risk.ledger.dry_run import DryRunBook, DryRunState
from pretrade.risk.ledger.groups import Group, Groups
from pretrade.risk.ledger.ledger import Ledger, Pending
from pretrade.risk.ledger.live_order import LiveOrder, OrderState
from pretrade.risk.ledger.pace import Pace, PaceState
from pretrade.risk.ledger.trades_state import TradesState, trades_of, trades_state


@dataclass(frozen=True, slots=True)
class DayState:
    """One day's counts: (subaccount or None, ticker or empty, orders, notional)."""

    day: str
    counts: tuple[tuple[int | None, str, int, int], ...]


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account; books as (subaccount, ticker, state), `filled` as (subaccount, ticker, Unix ms)."""

    orders: tuple[LiveOrder, ...]
    places: tuple[Place, ...]
    books: tuple[tuple[int, str, BookState], ...]
    days: tuple[DayState, ...]
    pace: PaceState = field(default_factory=PaceState)
    groups: tuple[tuple[str, Group], ...] = ()
    filled: tuple[tuple[int, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PendingState:
    """A pending write; `request` is it in the journal's own form."""

    decision_id: str
    client: str
    subaccount: int
    request: dict[str, Any]
    sent_ms: int
    state: OrderState
    silent: int
    lost_ms: int
    injected: tuple[Rewrite, ...] = ()
    by_proxy: bool = False


@dataclass(frozen=True, slots=True)
class TicketState:
    """An order that waits for a person; `request` is it in the journal's own form."""

    decision_id: str
    client: str
    request: dict[str, Any]
    asked_ms: int
    approvals: tuple[tuple[str, int], ...]
    under: str = ""
    asked: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The whole ledger."""

    trading_state: TradingState
    live: AccountState
    dry: AccountState
    dry_book: DryRunState
    dry_expiries: tuple[tuple[int, str], ...]
    pending: tuple[PendingState, ...]
    ended: tuple[tuple[str, str | None, int], ...]
    orphans: tuple[tuple[str, LiveOrder], ...]
    money: tuple[tuple[int, Money, Money, Money], ...]
    baseline_ms: int | None
    client_states: tuple[tuple[str, TradingState], ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    trades: TradesState = field(default_factory=TradesState)
    tickets: tuple[TicketState, ...] = ()


STATE: TypeAdapter[LedgerState] = TypeAdapter(LedgerState)
"""Writes a state as plain JSON values (`dump_python(…, mode="json")`) and reads it back; raises ValueError."""


def state_of(ledger: Ledger, describe: Callable[[Write], dict[str, Any]]) -> LedgerState:
    """The ledger as it is now; `describe` writes a write in the journal's form."""
    return LedgerState(
        trading_state=ledger.trading_state,
        live=_account_state(ledger.live),
        dry=_account_state(ledger.dry.account),
        dry_book=ledger.dry.book.state(),
        dry_expiries=ledger.dry.expiries,
        pending=tuple(
            PendingState(
                p.decision_id,
                p.client,
                p.subaccount,
                describe(p.write),
                p.sent_ms,
                p.state,
                p.silent,
                p.lost_ms,
                p.injected,
                p.by_proxy,
            )
            for p in ledger.pending.values()
        ),
        ended=tuple((order_id, client, at_ms) for order_id, (client, at_ms) in ledger.ended.items()),
        orphans=tuple(ledger.orphans.items()),
        money=tuple((subaccount, *figures) for subaccount, figures in sorted(ledger.money.items())),
        baseline_ms=ledger.baseline_ms,
        client_states=tuple(sorted(ledger.client_states.items())),
        trades=trades_state(ledger.trades),
        tickets=tuple(
            TicketState(t.decision_id, t.client, describe(t.write), t.asked_ms, t.approvals, t.under, t.asked)
            for t in ledger.confirmations.tickets.values()
        ),
    )


def _account_state(account: Account) -> AccountState:
    return AccountState(
        orders=tuple(account.orders.values()),
        places=tuple(account.places.values()),
        books=tuple((subaccount, ticker, book.state()) for (subaccount, ticker), book in account.books()),
        days=tuple(
            DayState(day, tuple((*scope, use.orders[scope], use.notional[scope]) for scope in use.orders))
            for day, use in account.days.items()
        ),
        pace=account.pace.state(),
        groups=account.groups.items(),
        filled=tuple((*key, at_ms) for key, at_ms in account.filled()),
    )


def ledger_of(state: LedgerState, restore: Callable[[dict[str, Any]], Write]) -> Ledger:
    """The ledger that had this state. Raises what `restore` raises for a write that cannot be read back."""
    ledger = Ledger()
    ledger.trading_state = state.trading_state
    _fill(ledger.live, state.live)
    _fill(ledger.dry.account, state.dry)
    ledger.dry.book = DryRunBook.of(state.dry_book)
    ledger.dry.expiries = state.dry_expiries
    ledger.pending = {
        p.decision_id: Pending(
            p.decision_id,
            p.client,
            p.subaccount,
            restore(p.request),
            p.sent_ms,
            p.state,
            p.silent,
            p.lost_ms,
            p.injected,
            p.by_proxy,
        )
        for p in state.pending
    }
    ledger.ended = {order_id: (client, at_ms) for order_id, client, at_ms in state.ended}
    ledger.orphans = dict(state.orphans)
    ledger.money = {subaccount: (cash, realized, fees) for subaccount, cash, realized, fees in state.money}
    if state.groups:  # a snapshot of before the limits of groups were kept
        ledger.live.groups.read(state.groups, {})
    ledger.baseline_ms = state.baseline_ms
    ledger.client_states = dict(state.client_states)
    ledger.trades = trades_of(state.trades)
    ledger.confirmations.tickets = {
        t.decision_id: Ticket(t.decision_id, t.client, restore(t.request), t.asked_ms, t.under, t.approvals, t.asked)
        for t in state.tickets
    }
    return ledger


def _fill(account: Account, state: AccountState) -> None:
    account.pace = Pace.of(state.pace)
    account.groups = Groups(dict(state.groups))
    for place in state.places:
        account.learn(place)
    for subaccount, ticker, at_ms in state.filled:
        account.restore_filled((subaccount, ticker), at_ms)
    for subaccount, ticker, book in state.books:
        account.restore_book((subaccount, ticker), Book.of(book))
    for order in state.orders:
        account.put(order, 0)
    for day in state.days:
        use = DayUse()
        for subaccount_or_none, ticker, orders, notional in day.counts:
            use.orders[subaccount_or_none, ticker] = orders
            use.notional[subaccount_or_none, ticker] = notional
        account.days.restore(day.day, use)
