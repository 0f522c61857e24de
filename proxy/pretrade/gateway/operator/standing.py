"""What stands open, for people: positions, orders that may fill, what nobody knows, the last reconciliation, limits.

Rule of this file: plain JSON values, figures as text in the exchange's own spelling; it reads and changes nothing.
"""

from collections import Counter

from pretrade.gateway.instance import Instance
from pretrade.kalshi.wire import describe
from pretrade.model.instance import Mode
from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_money
from pretrade.risk.checks.limit_use import LimitUse, limits_used
from pretrade.risk.ledger.account import Account, BookKey
from pretrade.risk.ledger.book import Book
from pretrade.risk.ledger.ledger import Pending
from pretrade.risk.ledger.live_order import OrderState

SHOWN = 100
"""Rows of a kind that are told; the answer must stay small however much there is."""


def standing(instance: Instance) -> dict[str, object]:
    """What is held, what may fill, what is unknown and what is used, each with at most SHOWN rows. A dry run sends
    nothing, so there is nothing to reconcile."""
    mode = instance.policy.instance.mode
    account = instance.ledger.account(mode)
    books = sorted(account.books(), key=lambda item: (-item[1].exposure(), item[0]))
    return {
        "exposure": format_money(account.exposure((None, "account", ""))),
        "books": [_book(key, book) for key, book in books[:SHOWN]],
        "more_books": max(0, len(books) - SHOWN),
        "orders": _orders(account),
        "unknown_writes": [_unknown(instance, pending) for pending in unknown_writes(instance)[:SHOWN]],
        "reconciliation": reconciliation(instance) if mode is Mode.LIVE else None,
        "limits": _limits(instance, account),
    }


def unknown_writes(instance: Instance) -> list[Pending]:
    """The writes whose end nobody knows, oldest first; not those that this run still waits for."""
    under_way = instance.attempts.under_way | instance.endings.withdrawn
    pending = instance.ledger.pending.values()
    return sorted((one for one in pending if one.decision_id not in under_way), key=lambda one: one.sent_ms)


def _book(key: BookKey, book: Book) -> dict[str, object]:
    subaccount, ticker = key
    return {
        "subaccount": subaccount,
        "ticker": ticker,
        "position": format_count(book.position),
        "may_buy": format_count(book.may_fill(Side.BID)),
        "may_sell": format_count(book.may_fill(Side.ASK)),
        "worst_position": format_count(book.worst_position()),
        "exposure": format_money(book.exposure()),
        "differs": book.has_seen,
    }


def _orders(account: Account) -> dict[str, int]:
    """How many orders may fill, by where they are; `not_ours` of the resting ones have no row of ours."""
    states = Counter(order.state for order in account.orders.values())
    not_ours = sum(order.client is None for order in account.orders.values())
    return {str(state): states[state] for state in OrderState} | {"not_ours": not_ours}


def _unknown(instance: Instance, pending: Pending) -> dict[str, object]:
    return {
        "decision_id": pending.decision_id,
        "client": pending.client,
        "type": str(describe(pending.write)["type"]),
        "age_s": max(0, instance.clock.now_ms() - pending.sent_ms) // 1000,
    }


def reconciliation(instance: Instance) -> dict[str, object]:
    """How the reconciliation of a live instance stands: age of the last good reading, breaks, and what went wrong."""
    reconciled = instance.reconciled
    age_ms = reconciled.age_ms()
    return {
        "age_s": None if age_ms is None else age_ms // 1000,
        "rounds": reconciled.rounds,
        "problem": reconciled.problem,
        "breaks": [{"kind": one.kind, "subject": one.subject, "detail": one.detail} for one in reconciled.breaks],
    }


def _limits(instance: Instance, account: Account) -> list[dict[str, str]]:
    day = instance.ledger.day_of(instance.clock.day(instance.zone))
    return [_limit(use) for use in limits_used(account, instance.policy, day)]


def _limit(use: LimitUse) -> dict[str, str]:
    figures = {"used": use.text(use.used), "limit": use.text(use.limit), "left": use.text(use.left)}
    return {"rule": use.rule, "client": use.client, "of": use.of} | figures
