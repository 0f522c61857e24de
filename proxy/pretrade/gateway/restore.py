"""What a start learns from the journal: the ledger, the trading state, and the orders whose end nobody knows."""

import asyncio
import json
from collections.abc import Iterable

from pretrade.gateway.attempts import Attempt, Attempts, meaning
from pretrade.gateway.messages import Answer
from pretrade.gateway.normalise import without_ids
from pretrade.gateway.refusals import answer_of
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.kalshi.replies import refusal
from pretrade.kalshi.wire import WireError, restore
from pretrade.model.codes import DenyCode
from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import orders_of
from pretrade.model.outcomes import OutcomeState
from pretrade.risk.ledger import Ledger, Pending

FOLDED = (EventKind.DECISION, EventKind.OUTCOME, EventKind.TRADING_STATE)
"""The kinds of event that the ledger is made of."""


def fold(events: Iterable[Event]) -> Ledger:
    """The ledger that these events add up to: the one that the proxy had when it wrote the last of them.

    Raises JournalError for a row that cannot be read back: left out, its orders would be free again.
    """
    ledger = Ledger()
    for event in events:
        try:
            _apply(ledger, event)
        except (WireError, KeyError, ValueError, TypeError) as e:
            raise JournalError(f"row {event.seq} ({event.kind}) cannot be read back: {e}") from e
    return ledger


def _apply(ledger: Ledger, event: Event) -> None:
    body = json.loads(event.body)
    if event.kind == EventKind.TRADING_STATE:
        ledger.trading_state = TradingState(body["state"])
    elif event.kind == EventKind.OUTCOME and event.decision_id:
        ledger.settle(event.decision_id, OutcomeState(body["state"]))
    elif event.kind == EventKind.DECISION and event.decision_id and body["verdict"] == "approved":
        facts, write = body["facts"], restore(body["request"])
        ledger.approve(event.decision_id, body["client"], Mode(body["mode"]), facts["day"], write, facts["now_ms"])


def spent_signatures(decisions: Iterable[Event], now_ms: int, keep_ms: int) -> list[str]:
    """The fingerprints of signatures under which writes were approved lately: a new run must not take them again."""
    spent = []
    for event in decisions:
        body = json.loads(event.body)
        if body["verdict"] == "approved" and abs(now_ms - body["facts"]["now_ms"]) <= keep_ms:
            spent.append(str(body["signature"]))
    return spent


def reopen(ledger: Ledger, attempts: Attempts) -> None:
    """Hold creates without an id whose end is unknown to one copy, as the run that sent them did."""
    for pending in ledger.pending.values():
        attempts.open(_unknown(pending))


def _unknown(pending: Pending) -> Attempt:
    write = without_ids(pending.write, pending.decision_id)
    subaccount = next((order.subaccount for order in orders_of(write)), None) or 0
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    reply = refusal(
        DenyCode.OUTCOME_UNKNOWN,
        decision_id=pending.decision_id,
        message="the same order was sent before the proxy restarted, and what became of it is not known",
        hint="Look at your orders and fills; if you mean another order, give it a client_order_id of its own.",
    )
    answer.set_result(answer_of(reply, pending.decision_id, outcome_unknown=True))
    attempt = Attempt(pending.decision_id, meaning(pending.client, subaccount, write), answer)
    attempt.sent = True
    return attempt
