"""What a start learns from the journal: the ledger, the trading state, and the orders whose end nobody knows."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

from pretrade.gateway.messages import Answer
from pretrade.gateway.way.attempts import Attempt, Attempts, meaning
from pretrade.gateway.way.normalise import without_ids
from pretrade.gateway.way.records import read_approval, read_outcome_row, read_questions, read_rewrites
from pretrade.gateway.way.refusals import answer_of
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.kalshi.replies import refusal
from pretrade.kalshi.wire import WireError, restore
from pretrade.model.codes import DenyCode
from pretrade.model.instance import TradingState
from pretrade.model.units import UnitError
from pretrade.risk.checks.injecting import undone
from pretrade.risk.ledger.changes import CHANGES
from pretrade.risk.ledger.confirmations import Ticket
from pretrade.risk.ledger.groups import GROUP_TRIPPED
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger, Pending

FOLDED = (
    EventKind.DECISION,
    EventKind.OUTCOME,
    EventKind.TRADING_STATE,
    EventKind.RECONCILIATION,
    EventKind.RESOLUTION,
    EventKind.CONFIRMATION,
    EventKind.DAY_LOSS,
)
"""The kinds of event that the ledger is made of."""


def fold(events: Iterable[Event], ledger: Ledger | None = None) -> Ledger:
    """The ledger that these events add up to: the one that the proxy had when it wrote the last of them.

    Begins with an empty one, or with that of a snapshot. Raises JournalError for a row that cannot be read back: left
    out, its orders would be free again.
    """
    ledger = Ledger() if ledger is None else ledger
    for event in events:
        try:
            _apply(ledger, event)
        except (WireError, UnitError, KeyError, ValueError, TypeError) as e:
            raise JournalError(f"row {event.seq} ({event.kind}) cannot be read back: {e}") from e
    return ledger


def _apply(ledger: Ledger, event: Event) -> None:
    body = json.loads(event.body)
    if event.kind == EventKind.TRADING_STATE:
        ledger.set_state(body.get("client", ""), TradingState(body["state"]))
        if body.get("cause") == GROUP_TRIPPED:
            ledger.live.groups.trip(body["client"])
    elif event.kind in (EventKind.RECONCILIATION, EventKind.RESOLUTION, EventKind.DAY_LOSS):
        for change in CHANGES.validate_python(body["changes"]):
            learn(ledger, change)
    elif event.kind == EventKind.OUTCOME and event.decision_id:
        ledger.settle(event.decision_id, read_outcome_row(body), body["at_ms"])
    elif event.kind == EventKind.DECISION and event.decision_id and body["verdict"] == "approved":
        ledger.approve(read_approval(event.decision_id, restore(body["request"]), body))
    elif event.kind == EventKind.DECISION and event.decision_id and body.get("ticket") == event.decision_id:
        ledger.confirmations.ask(_ticket(event.decision_id, body))
    elif event.kind == EventKind.CONFIRMATION and event.decision_id:
        ledger.confirmations.approve(event.decision_id, body["approver"], body["at_ms"])


def _ticket(decision_id: str, body: dict[str, Any]) -> Ticket:
    return Ticket(
        decision_id,
        body["client"],
        undone(restore(body["request"]), read_rewrites(body)),
        body["facts"]["now_ms"],
        body.get("ticket_under", ""),
        asked=read_questions(body.get("ticket_asked", ())),
    )


def spent_signatures(pages: Iterable[Sequence[Event]], now_ms: int, keep_ms: int) -> list[str]:
    """The fingerprints of signatures under which writes were approved lately: a new run must not take them again.

    `pages` hold decisions, newest first; the first page that is old throughout ends it.
    """
    spent: list[str] = []
    for page in pages:
        bodies = [json.loads(event.body) for event in page]
        lately = [body for body in bodies if abs(now_ms - body["facts"]["now_ms"]) <= keep_ms]
        spent += [str(body["signature"]) for body in lately if body["verdict"] == "approved"]
        if not lately:
            break
    return spent


def reopen(ledger: Ledger, attempts: Attempts) -> None:
    """Hold creates without an id whose end is unknown to one copy, as the run that sent them did."""
    for pending in ledger.pending.values():
        attempts.open(_unknown(pending))


def _unknown(pending: Pending) -> Attempt:
    write = without_ids(pending.write, pending.decision_id, pending.injected)
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    reply = refusal(
        DenyCode.OUTCOME_UNKNOWN,
        decision_id=pending.decision_id,
        message="the same order was sent before the proxy restarted, and what became of it is not known",
        hint="Look at your orders and fills; if you mean another order, give it a client_order_id of its own.",
    )
    answer.set_result(answer_of(reply, pending.decision_id, outcome_unknown=True))
    attempt = Attempt(pending.decision_id, meaning(pending.client, pending.subaccount, write), answer)
    attempt.sent = True
    return attempt
