"""Orders without an id whose clients hung up before the answer: after a restart the same order gets that answer.

Rule of this file: an answer is rebuilt from its outcome's row, in the exchange's shape; what cannot be rebuilt is
unknown.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from pretrade.gateway.attempts import Attempt, Attempts, meaning
from pretrade.gateway.messages import Answer
from pretrade.gateway.normalise import without_ids
from pretrade.gateway.refusals import answer_of
from pretrade.journal.events import Event, EventKind
from pretrade.kalshi.dry_run_replies import Entry, created, created_batch, refused_create_entry
from pretrade.kalshi.wire import restore
from pretrade.model.orders import CreateOrder
from pretrade.model.outcomes import OutcomeState

type Read = Callable[[Collection[EventKind]], Iterable[Event]]
"""Reads the journal's rows of some kinds, oldest first."""

_FIGURES = ("order_id", "client_order_id", "fill_count", "remaining_count", "average_fill_price")


def reopen_unread(read: Read, attempts: Attempts) -> None:
    """Keep the answers that nobody read for the clients that come again with the same order."""
    delivered = {event.decision_id: json.loads(event.body)["delivered"] for event in read((EventKind.DELIVERY,))}
    unread = {decision_id for decision_id, was_read in delivered.items() if not was_read}
    if not unread:
        return
    decisions: dict[str, Any] = {}
    for event in read((EventKind.DECISION, EventKind.OUTCOME)):
        if event.decision_id is None or event.decision_id not in unread:
            continue
        body = json.loads(event.body)
        if event.kind == EventKind.DECISION:
            decisions[event.decision_id] = body
        elif body["state"] == OutcomeState.ACCEPTED:
            attempts.open(_attempt(event.decision_id, decisions[event.decision_id], body))


def _attempt(decision_id: str, decision: dict[str, Any], outcome: dict[str, Any]) -> Attempt:
    write = restore(decision["request"])
    entries = [_entry(leg, decision["facts"]["now_ms"]) for leg in outcome["legs"]]
    reply = created(entries[0]) if isinstance(write, CreateOrder) else created_batch(entries)
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    answer.set_result(answer_of(reply, decision_id))
    what = meaning(decision["client"], decision["subaccount"], without_ids(write, decision_id))
    attempt = Attempt(decision_id, what, answer)
    attempt.sent = attempt.took_effect = attempt.was_unread = True
    return attempt


def _entry(leg: dict[str, Any], ts_ms: int) -> Entry:
    if leg["state"] == OutcomeState.REJECTED:
        return refused_create_entry(leg["client_order_id"], leg["code"] or "rejected")
    return {name: leg[name] for name in _FIGURES if leg[name] is not None} | {"ts_ms": ts_ms}
