"""Every refusal becomes a row; a flood of them becomes one counted row a second per client and code.

What is counted instead of written out in full shares the decision id of its counted row, so that the id in a
client's hand is always one that the log knows.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import OWN_PREFIX, Answer, RawRequest, Refusal, printable
from pretrade.journal.events import EventKind, utc_text
from pretrade.journal.writer import Journal
from pretrade.kalshi.replies import Reply
from pretrade.kalshi.replies import refusal as refusal_reply
from pretrade.model.codes import CODES, DenyCode

FULL_ROWS = 10
"""Rows written out in full in one second for one client and code."""
WINDOW_NS = 1_000_000_000
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def would_write(method: object, path: object) -> bool:
    """Whether a request would change something at the exchange, by its method and path: the proxy's own endpoints
    change nothing."""
    return method in _WRITING and not (isinstance(path, str) and path.startswith(OWN_PREFIX))


def new_decision_id() -> str:
    """A short id that nobody can guess and nobody has used: 64 random bits."""
    return f"d-{secrets.token_hex(8)}"


@dataclass(slots=True)
class _Window:
    opened_ns: int
    full: int = 0
    counted: int = 0
    writes: int = 0
    retryable: int = 0
    decision_id: str = field(default_factory=new_decision_id)
    first_utc_ns: int = 0
    last_utc_ns: int = 0


class FloodGuard:
    """Decides which refusals are written out in full and counts the others."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """`on_write` hears of every refused write of a known client, for which reasons, whatever becomes of its row."""
        self._journal = journal
        self._clock = clock
        self.on_write: Callable[[str, tuple[DenyCode, ...]], None] | None = None
        self._windows: dict[tuple[str, DenyCode], _Window] = {}

    def admit(
        self,
        client: str | None,
        code: DenyCode,
        *,
        is_write: bool = False,
        is_retryable: bool = False,
        codes: tuple[DenyCode, ...] = (),
    ) -> str | None:
        """None when this refusal is to be written out in full; else the id of the counted row that now includes it.

        `codes` are all its reasons, where there are more than the first; `is_retryable` is what its client is told."""
        if is_write and client and self.on_write is not None:
            self.on_write(client, codes or (code,))
        key = (client or "", code)
        window = self._windows.get(key)
        if window is None or self._clock.monotonic_ns() - window.opened_ns >= WINDOW_NS:
            self._close(key)
            window = self._windows[key] = _Window(self._clock.monotonic_ns())
        if window.full < FULL_ROWS:
            window.full += 1
            return None
        window.counted += 1
        window.writes += is_write
        window.retryable += is_retryable
        window.last_utc_ns = self._clock.utc_ns()
        window.first_utc_ns = window.first_utc_ns or window.last_utc_ns
        return window.decision_id

    def flush(self, *, everything: bool = False) -> None:
        """Write the counted rows of the windows that have ended, or of all of them."""
        now = self._clock.monotonic_ns()
        for key, window in list(self._windows.items()):
            if everything or now - window.opened_ns >= WINDOW_NS:
                self._close(key)

    def _close(self, key: tuple[str, DenyCode]) -> None:
        window = self._windows.pop(key, None)
        if window is None or not window.counted:
            return
        client, code = key
        body = {
            "client": client or None,
            "code": str(code),
            "step": str(CODES[code].step),
            "count": window.counted,
            "writes": window.writes,
            "retryable": window.retryable,
            "first_utc": utc_text(window.first_utc_ns),
            "last_utc": utc_text(window.last_utc_ns),
        }
        self._journal.record(EventKind.REFUSALS, body, window.decision_id)


class Refuser:
    """Turns a refusal into its row and its answer. Nothing has been sent, so the answer does not wait for the row."""

    def __init__(self, journal: Journal, flood: FloodGuard) -> None:
        self._journal = journal
        self._flood = flood

    def refuse(
        self,
        refusal: Refusal,
        raw: RawRequest | None,
        *,
        client: str | None = None,
        laps: Mapping[str, int] | None = None,
        hint: str | None = None,
    ) -> Answer:
        """Record a refusal of any step before the decision and answer the client. `raw` is None for bytes that are no
        request."""
        is_write = raw is not None and would_write(raw.method, raw.path)
        retryable = CODES[refusal.code].is_retryable
        counted_as = self._flood.admit(client, refusal.code, is_write=is_write, is_retryable=retryable)
        if counted_as is None:
            counted_as = new_decision_id()
            self._journal.record(EventKind.REFUSAL, _refusal_body(refusal, raw, client, laps or {}), counted_as)
        more = _moment(refusal)
        words = refusal.told or refusal.detail
        reply = refusal_reply(refusal.code, decision_id=counted_as, message=words, hint=hint, more=more)
        return answer_of(reply, counted_as)

    def record_fault(self, decision_id: str, hook: str) -> None:
        """Record a request that ended in a fault of ours, with the hook that failed."""
        code = DenyCode.INTERNAL_FAULT
        body = {"client": None, "step": str(CODES[code].step), "code": str(code), "detail": f"hook {hook} failed"}
        self._journal.record(EventKind.REFUSAL, body, decision_id)


def answer_of(reply: Reply, decision_id: str, *, outcome_unknown: bool = False) -> Answer:
    """One of our own replies as the gate's answer."""
    return Answer(reply.status, reply.body, "application/json", decision_id, outcome_unknown)


def _moment(refusal: Refusal) -> dict[str, object]:
    """From when the same request may pass, for the answer and for the row; nothing where that is not known."""
    at_ms = refusal.retry_at_ms
    return {} if at_ms is None else {"retry_at": utc_text(at_ms * 1_000_000)}


def _refusal_body(
    refusal: Refusal, raw: RawRequest | None, client: str | None, laps: Mapping[str, int]
) -> dict[str, object]:
    body: dict[str, object] = {
        "client": client,
        "step": str(CODES[refusal.code].step),
        "code": str(refusal.code),
        "retryable": CODES[refusal.code].is_retryable,
        "detail": refusal.detail,
        **_moment(refusal),
    }
    if raw is None:
        return body
    return body | {
        "door": str(raw.door),
        "method": printable(raw.method, 16),
        "path": printable(raw.path, 200),
        "host": printable(raw.connect[0] if raw.connect else raw.value("host") or "", 100),
        "latency_us": dict(laps),
    }
