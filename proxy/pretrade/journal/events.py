"""What the journal holds: events, and the one spelling of their bodies.

Rule of this file: a body is canonical JSON text from the moment it is handed in, so that what is hashed, stored,
read back and compared is the same string everywhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

_INT64 = range(-(2**63), 2**63)


class EventKind(StrEnum):
    """What happened. The shape of each kind's body is described with the views that read it (views.sql)."""

    START = "start"
    STOP = "stop"
    POLICY = "policy"
    DECISION = "decision"
    REFUSAL = "refusal"
    REFUSALS = "refusals"
    OUTCOME = "outcome"
    DELIVERY = "delivery"
    READS = "reads"
    TRADING_STATE = "trading_state"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has a place in the chain; the fields are those of Event."""

    utc: str
    mono_ns: int
    boot: str
    kind: EventKind
    decision_id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the journal.

    `seq` counts from 1 without gaps. `utc` is ISO-8601 with microseconds and Z, `mono_ns` the monotonic clock of the
    process run named `boot`. `body` is canonical JSON text. `prev_hash` and `hash` are lower-case hex (chain.py).
    """

    seq: int
    utc: str
    mono_ns: int
    boot: str
    kind: EventKind
    decision_id: str | None
    body: str
    prev_hash: str
    hash: str


def canonical(body: Mapping[str, object]) -> str:
    """Write a body in its one spelling: sorted keys, no spaces, ASCII only.

    Raises TypeError for a float (figures are text or integers), a key that is not text and anything JSON has no word
    for; ValueError for an integer beyond 64 bits, which SQLite would round, and for a body that contains itself.
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    _require_exact(body)
    return text


def _require_exact(body: Mapping[str, object]) -> None:
    parts: list[object] = [body]
    for part in parts:  # grows while it is walked: a list of everything at every depth
        if type(part) is str:  # nearly everything is: the quick way out
            continue
        if isinstance(part, dict):
            if not all(isinstance(key, str) for key in part):
                raise TypeError(f"a body has keys that are not text: {list(part)!r}")
            parts.extend(part.values())
        elif isinstance(part, list | tuple):
            parts.extend(part)
        elif isinstance(part, float):
            raise TypeError(f"a body holds the float {part!r}; figures are recorded as text or integers")
        elif isinstance(part, int) and part not in _INT64:
            raise ValueError(f"a body holds an integer beyond 64 bits: {part}")


def require_plain(text: str, what: str) -> None:
    """Refuse a name that is empty or has anything but printable ASCII in it. Raises ValueError."""
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError(f"{what} must be printable ASCII and not empty, was {text!r}")


def utc_text(utc_ns: int) -> str:
    """Write nanoseconds since 1970 as `2026-01-31T12:00:00.000000Z`: cut to microseconds, never rounded up."""
    seconds, nanoseconds = divmod(utc_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
