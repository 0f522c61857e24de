"""Orders without an id whose clients hung up before the answer: after a restart the same order gets that answer.

Rule of this file: an answer is rebuilt from its outcome's row, in the exchange's shape; what cannot be rebuilt is
unknown.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pretrade.gateway.messages import Answer
from pretrade.gateway.way.attempts import Attempt, Attempts, meaning
from pretrade.gateway.way.normalise import without_ids
from pretrade.gateway.way.records import read_rewrites
from pretrade.gateway.way.refusals import answer_of
from pretrade.journal.events import Event, EventKind
from pretrade.kalshi.dry_run_replies import Entry, created, created_batch, refused_create_entry
from pretrade.kalshi.wire import restore
from pretrade.model.orders import CreateOrder, Write
from pretrade.model.outcomes import OutcomeState

type Find = Callable[[str], Iterable[Event]]
"""Reads the journal's rows of one decision, oldest first."""

_FIGURES = ("order_id", "client_order_id", "fill_count", "remaining_count", "average_fill_price")


def reopen_unread(unread: Iterable[str], deliveries: Iterable[Event], find: Find, attempts: Attempts) -> None:
    """Keep the answers that nobody read for the clients that come again with the same order.

    `unread` are those that a snapshot names, `deliveries` the rows behind it.
    """
    delivered = dict.fromkeys(unread, False)
    for event in deliveries:
        if event.decision_id is not None:
            delivered[event.decision_id] = json.loads(event.body)["delivered"]
    for decision_id, was_read in delivered.items():
        attempt = None if was_read else answer_again(decision_id, find(decision_id))
        if attempt is not None:
            attempts.open(attempt)


def answer_again(decision_id: str, rows: Iterable[Event]) -> Attempt | None:
    """A create's answer, made again from the rows of its decision; None where it was not accepted."""
    decision: dict[str, Any] | None = None
    for event in rows:
        body = json.loads(event.body)
        if event.kind == EventKind.DECISION:
            decision = body
        elif event.kind == EventKind.OUTCOME and body["state"] == OutcomeState.ACCEPTED and decision is not None:
            return _attempt(decision_id, decision, body)
    return None


def _attempt(decision_id: str, decision: dict[str, Any], outcome: dict[str, Any]) -> Attempt:
    write, ts_ms = restore(decision["request"]), decision["facts"]["now_ms"]
    write = without_ids(write, decision_id, read_rewrites(decision))
    return answered_attempt(decision_id, (decision["client"], decision["subaccount"]), write, outcome["legs"], ts_ms)


def answered_attempt(
    decision_id: str, owner: tuple[str, int], write: Write, legs: Sequence[Mapping[str, Any]], ts_ms: int
) -> Attempt:
    """A create, as its client sent it, with the answer that its legs make, which nobody has read; `owner` is its client
    and subaccount."""
    entries = [_entry(leg, ts_ms) for leg in legs]
    reply = created(entries[0]) if isinstance(write, CreateOrder) else created_batch(entries)
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    answer.set_result(answer_of(reply, decision_id))
    attempt = Attempt(decision_id, meaning(*owner, write), answer)
    attempt.sent = attempt.took_effect = attempt.was_unread = True
    return attempt


def _entry(leg: Mapping[str, Any], ts_ms: int) -> Entry:
    if leg["state"] in (OutcomeState.REJECTED, OutcomeState.ABSENT):
        return refused_create_entry(leg["client_order_id"], leg["code"] or "rejected")
    return {name: leg[name] for name in _FIGURES if leg[name] is not None} | {"ts_ms": ts_ms}
