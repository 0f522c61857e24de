"""Small makers of what the ledger is told: approvals, answers, reads, and the journal's rows of them.

Rule of this file: rows are made and read back by the gate's own words, through JSON text, as a restart would find them.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.builders import TICKER, facts, order

from pretrade.gateway.account.restore import fold
from pretrade.gateway.way.records import Judged, approval_of, facts_body, outcome_body
from pretrade.journal.events import Event, EventKind, canonical
from pretrade.kalshi.wire import describe, restore
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts, Place
from pretrade.model.instance import Mode
from pretrade.model.orders import CreateOrder, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Money, format_count
from pretrade.risk.ledger.changes import CHANGES, Change
from pretrade.risk.ledger.ledger import Approval, Ledger
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.state import STATE, LedgerState, ledger_of, state_of

NOW = 1_795_226_000_000
TODAY, TOMORROW = "2026-11-21", "2026-11-22"
PLACE = Place(TICKER, "EVENT", "SERIES", 10_000)


def facts_of(**changes: object) -> Facts:
    """Facts of a live write of momentum-bot's, with these changes."""
    return replace(facts(now_ms=NOW, day=TODAY, places=(PLACE,)), **changes)


def judged(write: Write, on: Facts, multiplier: int = 10_000) -> Judged:
    """An approval on these facts."""
    return Judged(Approved(write, ()), on, (), "policy", multiplier)


def approval(decision_id: str, write: Write, **changes: object) -> Approval:
    """An approval of this write as the ledger counts it."""
    return approval_of(judged(write, facts_of(**changes)), decision_id)


def approve(ledger: Ledger, decision_id: str, write: Write | None = None, **changes: object) -> None:
    """Approve a write, a small bid if nothing else is said."""
    ledger.approve(approval(decision_id, write or CreateOrder(order()), **changes))


def accepted(*legs: tuple[str, int, int]) -> Outcome:
    """The exchange's yes: (its order id, filled, left) a leg, in 0.01 contracts."""
    state = OutcomeState.ACCEPTED
    told = (
        LegOutcome(state, order_id=name, fill_count=format_count(filled), remaining_count=format_count(left))
        for name, filled, left in legs
    )
    return Outcome(state, 201, tuple(told))


REJECTED = Outcome(OutcomeState.REJECTED, 400)
NOT_SENT = Outcome(OutcomeState.NOT_SENT)
UNKNOWN = Outcome(OutcomeState.UNKNOWN)


def live_order(key: str = "d-1/0", **changes: object) -> LiveOrder:
    """A resting bid of ten contracts at 56 cents, with these changes; its notional is what it costs."""
    base = order()
    made = LiveOrder(
        key=key,
        client="momentum-bot",
        subaccount=0,
        ticker=base.ticker,
        side=base.side,
        terms=(Terms(base.price, base.count),),
        state=OrderState.RESTING,
        multiplier=10_000,
        approved_ms=NOW,
        day=TODAY,
        order_id=f"x-{key}",
        notional=Money(5_600_000),
    )
    return replace(made, **changes)


def contracts(whole: int) -> Count:
    """So many whole contracts."""
    return Count(whole * 100)


class Rows:
    """A journal in memory: every body goes through its text."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None) -> None:
        """Append a row."""
        self.events.append(Event(len(self.events) + 1, "", 0, "boot-1", kind, decision_id, canonical(body), "", ""))

    def approved(self, decision_id: str, one: Judged) -> None:
        """The row of an approval."""
        body = {
            "verdict": "approved",
            "request": describe(one.decision.write),
            "facts": facts_body(one.facts),
            "multiplier": one.multiplier,
        }
        self.add(EventKind.DECISION, body, decision_id)

    def ended(self, decision_id: str, outcome: Outcome, at_ms: int = NOW) -> None:
        """The row of an end."""
        self.add(EventKind.OUTCOME, outcome_body(outcome, at_ms, {}), decision_id)

    def read(self, *changes: Change) -> None:
        """The row of a reading of the exchange's record."""
        self.add(EventKind.RECONCILIATION, {"changes": CHANGES.dump_python(changes, mode="json")})

    def fold(self, start: int = 0, ledger: Ledger | None = None) -> Ledger:
        """What the rows after `start` add up to."""
        return fold(self.events[start:], ledger)

    def take_snapshot(self, ledger: Ledger) -> None:
        """The row that holds a whole ledger."""
        self.add(EventKind.SNAPSHOT, {"ledger": STATE.dump_python(state(ledger), mode="json"), "unread": []})

    def snapshot(self, number: int) -> Ledger:
        """The ledger of the snapshot in this row."""
        body = json.loads(self.events[number - 1].body)
        return ledger_of(STATE.validate_python(body["ledger"]), restore)


def state(ledger: Ledger) -> LedgerState:
    """The whole of a ledger as one value that compares."""
    return state_of(ledger, describe)


def through_text(ledger: Ledger) -> Ledger:
    """The ledger that a snapshot of this one would give back."""
    text = json.dumps(STATE.dump_python(state(ledger), mode="json"))
    return ledger_of(STATE.validate_python(json.loads(text)), restore)


def totals(ledger: Ledger) -> dict[str, Any]:
    """What a ledger reckons anew: the totals and the indexes of both accounts, without what is zero."""
    names = ("_exposure", "_position", "_open", "_by_order_id", "_by_client_order_id")
    found = {f"{mode} {name}": getattr(ledger.account(mode), name) for mode in Mode for name in names}
    return {name: {key: _sorted(value) for key, value in one.items() if value} for name, one in found.items()}


def _sorted(value: object) -> object:
    return tuple(sorted(value)) if isinstance(value, tuple) else value
