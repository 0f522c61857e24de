"""The hash chain: every event names the one before it, so an edit, a gap or a change of order shows.

Rule of this file: pure functions over events. A row's hash is SHA-256 over DOMAIN and then the fields seq, utc,
mono_ns, boot, kind, decision_id, body and prev_hash, each as 8 bytes of big-endian length and that many bytes of text
(integers in decimal; decision_id is `-` when absent, else `=` and the id). The first row's prev_hash is GENESIS.

What the chain cannot show by itself: rows cut off at the end, or a whole file put back to an older state. Both need a
head that was noted somewhere else.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pretrade.journal.events import Draft, Event
from pretrade.model.frozen import frozen

DOMAIN = b"pretrade journal event v1\n"
GENESIS = "0" * 64

_AT_ONCE = 2047
"""Bytes that are hashed in one go: for more, hashlib lets go of the interpreter's lock, and a writer beside a busy loop
waits for it longer than any hash takes."""


@frozen
class Head:
    """The end of a chain: the last row's number and hash; `Head()` is that of an empty journal."""

    seq: int = 0
    hash: str = GENESIS


class FindingKind(StrEnum):
    """How a chain is broken."""

    ALTERED = "altered"
    MISSING = "missing"
    MISORDERED = "misordered"
    FORKED = "forked"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first row at which a chain does not hold, and why in words."""

    kind: FindingKind
    seq: int
    detail: str


def event_hash(draft: Draft | Event, seq: int, prev_hash: str) -> str:
    """The hash that a row with these fields must carry, as lower-case hex."""
    decision_id = "-" if draft.decision_id is None else f"={draft.decision_id}"
    fields = (str(seq), draft.utc, str(draft.mono_ns), draft.boot, draft.kind, decision_id, draft.body, prev_hash)
    data = [field.encode("utf-8", "surrogatepass") for field in fields]  # a tampered row may hold anything
    pieces = [piece for one in data for piece in (len(one).to_bytes(8), one)]
    whole = b"".join((DOMAIN, *pieces))
    digest = hashlib.sha256()
    for start in range(0, len(whole), _AT_ONCE):
        digest.update(whole[start : start + _AT_ONCE])
    return digest.hexdigest()


def link(draft: Draft, head: Head) -> Event:
    """Give a draft its place: the row that follows `head`."""
    seq = head.seq + 1
    return Event(
        seq=seq,
        utc=draft.utc,
        mono_ns=draft.mono_ns,
        boot=draft.boot,
        kind=draft.kind,
        decision_id=draft.decision_id,
        body=draft.body,
        prev_hash=head.hash,
        hash=event_hash(draft, seq, head.hash),
    )


def verify(events: Iterable[Event]) -> Finding | None:
    """Look at a whole journal from its first row, in the order of its rows; None when every row holds.

    MISSING names the first number that is not there. ALTERED: the row's own hash does not fit its fields. FORKED: the
    row is whole but names another predecessor, so it or the row before belongs to another history. MISORDERED: a number
    comes again or out of turn.
    """
    head = Head()
    for event in events:
        finding = _check(event, head)
        if finding is not None:
            return finding
        head = Head(event.seq, event.hash)
    return None


def _check(event: Event, head: Head) -> Finding | None:
    expected = head.seq + 1
    if event.seq > expected:
        return Finding(FindingKind.MISSING, expected, f"row {expected} is not there; the next one is {event.seq}")
    if event.seq < expected:
        return Finding(FindingKind.MISORDERED, event.seq, f"row {event.seq} comes where {expected} was expected")
    if event.hash != event_hash(event, event.seq, event.prev_hash):
        return Finding(FindingKind.ALTERED, event.seq, f"row {event.seq} does not fit its own hash")
    if event.prev_hash != head.hash:
        return Finding(FindingKind.FORKED, event.seq, f"row {event.seq} does not follow the row before it")
    return None
