"""What a start learns of the causes that stop trading: what has happened within their windows, and which breaks stand.

Rule of this file: counted again in the order of the journal's rows, so that a restart gives nobody a second try: a bot
whose supervisor restarts the proxy with it would never be stopped. A resume among the rows begins anew, as it did.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.stops.auto_halt import AutoHalt
from pretrade.gateway.stops.trading import StateChange, Trading
from pretrade.gateway.way.records import read_outcome_row
from pretrade.gateway.way.refusals import would_write
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.journal.reader import back_from_the_end, tail
from pretrade.kalshi.wire import WireError, restore
from pretrade.model.codes import DenyCode
from pretrade.model.instance import TradingState
from pretrade.model.units import UnitError
from pretrade.risk.checks.auto_halt import exchange_failed, rejections
from pretrade.risk.reconciling.reconciliation_round import Break

ROWS = 10_000
"""Of longer windows no more than the latest rows are counted again: a start must stay short."""

_COUNTED = (
    EventKind.DECISION,
    EventKind.REFUSAL,
    EventKind.REFUSALS,
    EventKind.OUTCOME,
    EventKind.TRADING_STATE,
)


def recall(path: Path, auto_halt: AutoHalt, trading: Trading, clock: Clock) -> None:
    """Count again what the rows of this journal tell. What has been too often by now stops at once, should the row of
    that stop have been lost. Raises JournalError."""
    for event in tail(path, 1000, kinds=(EventKind.TRADING_STATE,)):
        change = _state_change(json.loads(event.body))
        trading.last[change.client] = change
        if change.state is not change.previous:
            trading.since[change.client] = event.utc
    for event in tail(path, 1, kinds=(EventKind.RECONCILIATION,)):
        auto_halt.know(Break(**one) for one in json.loads(event.body)["breaks"])
    rows = _lately(path, clock.now_ms() - auto_halt.longest_ms)
    retelling = _Retelling(auto_halt, clock, _resumed(rows))
    for event in rows:
        try:
            retelling.tell(event)
        except (WireError, UnitError, KeyError, ValueError, TypeError) as e:
            raise JournalError(f"row {event.seq} ({event.kind}) cannot be read back: {e}") from e


def _state_change(body: dict[str, Any]) -> StateChange:
    states = {name: TradingState(body[name]) for name in ("state", "previous")}
    return StateChange(**({"client": ""} | body | states))


def _lately(path: Path, since_ms: int) -> list[Event]:
    """The rows of a moment or later, oldest first; by the clock that wrote them."""
    rows: list[Event] = []
    for page in back_from_the_end(path, kinds=_COUNTED):
        rows += (event for event in page if _utc_ms(event) >= since_ms)
        if _utc_ms(page[-1]) < since_ms or len(rows) >= ROWS:
            break
    return rows[:ROWS][::-1]


def _resumed(rows: Iterable[Event]) -> dict[str, int]:
    """The row by which each client, or under an empty name the account, was resumed last: what came before is behind
    it."""
    bodies = ((event.seq, json.loads(event.body)) for event in rows if event.kind == EventKind.TRADING_STATE)
    return {body.get("client", ""): seq for seq, body in bodies if body["state"] == TradingState.ACTIVE}


def _utc_ms(event: Event) -> int:
    return int(datetime.fromisoformat(event.utc).timestamp() * 1000)


class _Retelling:
    """Tells the rows once more, each at its age on this run's clock; one that is dated later than now is of now."""

    def __init__(self, auto_halt: AutoHalt, clock: Clock, resumed: Mapping[str, int]) -> None:
        self._auto_halt = auto_halt
        self._now_ms = clock.now_ms()
        self._age_ms = clock.age_ms()
        self._resumed = resumed
        self._latest_ms = -(2**63)
        self._approved: dict[str, Event] = {}

    def tell(self, event: Event) -> None:
        """One row. Raises what reading its body raises."""
        at_ms = self._age_ms - max(0, self._now_ms - _utc_ms(event))
        self._latest_ms = at_ms = max(at_ms, self._latest_ms)
        if event.kind == EventKind.DECISION and '"verdict":"approved"' in event.body:
            self._approved[event.decision_id or ""] = event  # read when its outcome comes
        elif event.kind == EventKind.OUTCOME:
            self._tell_outcome(event, at_ms)
        else:
            self._tell_refusal(event, json.loads(event.body), at_ms)

    def _tell_refusal(self, event: Event, body: dict[str, Any], at_ms: int) -> None:
        match event.kind:
            case EventKind.DECISION:
                codes, times = body["codes"], 1
            case EventKind.REFUSAL if would_write(body.get("method"), body.get("path")):
                codes, times = [body["code"]], 1
            case EventKind.REFUSALS:
                codes, times = [body["code"]], body.get("writes", 0)
            case _:
                return
        client = body["client"] or ""
        if client and self._is_after_resume(event, client):
            self._auto_halt.count_refusal(client, _codes(codes), times, at_ms)

    def _tell_outcome(self, event: Event, at_ms: int) -> None:
        """The first outcome of a write; a second one tells only what was found out about it later."""
        decision = self._approved.pop(event.decision_id or "", None)
        if decision is None:
            return
        body, outcome = json.loads(decision.body), read_outcome_row(json.loads(event.body))
        if self._is_after_resume(event, body["client"]):
            times = rejections(restore(body["request"]), outcome)
            self._auto_halt.count_rejections(body["client"], times, at_ms)
        if self._is_after_resume(event, ""):
            self._auto_halt.count_failure(exchange_failed(outcome), at_ms)

    def _is_after_resume(self, event: Event, client: str) -> bool:
        return event.seq > self._resumed.get(client, 0)


def _codes(names: Iterable[str]) -> tuple[DenyCode, ...]:
    """The codes of these names that this version knows."""
    return tuple(DenyCode(name) for name in names if name in DenyCode)
