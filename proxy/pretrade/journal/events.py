"""What the journal holds: events, and the one spelling of their bodies.

Rule of this file: a body is canonical JSON text from the moment it is handed in, so that what is hashed, stored,
read back and compared is the same string everywhere.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from pretrade.model.frozen import frozen

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1


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
    STREAM = "stream"
    TRADING_STATE = "trading_state"
    RECONCILIATION = "reconciliation"
    RESOLUTION = "resolution"
    SNAPSHOT = "snapshot"
    PREFLIGHT = "preflight"
    CONFIRMATION = "confirmation"
    ROTATION = "rotation"
    DAY_LOSS = "day_loss"
    NOTICE = "notice"
    UNTOLD = "untold"


@frozen
class Draft:
    """An event before it has a place in the chain; the fields are those of Event."""

    utc: str
    mono_ns: int
    boot: str
    kind: EventKind
    decision_id: str | None
    body: str


@frozen
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


_DELETE = "\x7f"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(body: Mapping[str, object]) -> str:
    """Write a body in its one spelling: sorted keys, no spaces, ASCII only.

    Raises TypeError for a float (figures are text or integers), a key that is not text and anything JSON has no word
    for; ValueError for an integer beyond 64 bits, which SQLite would round, and for a body that contains itself.
    """
    text = _quickly_spelled(body)
    if text is None:
        text = _ENCODER.encode(body)
        _require_text_keys(body)
    _require_exact(body)
    return text


def _quickly_spelled(body: Mapping[str, object]) -> str | None:
    """orjson's spelling where it is the standard library's, which is nearly always; it takes no key but text."""
    try:
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode("ascii")
    except (TypeError, UnicodeDecodeError):
        return None
    return None if _DELETE in text else text


def _require_exact(body: Mapping[str, object]) -> None:
    """Walk through some four hundred values a decision; what there is most of is asked for first."""
    parts: list[Any] = [body]
    for part in parts:  # grows while it is walked: a list of every dict and list at every depth
        for value in part.values() if isinstance(part, dict) else part:
            kind = type(value)
            if kind is str or value is None or kind is bool:
                continue
            if kind is list or kind is dict:
                parts.append(value)
            elif kind is int or isinstance(value, int):
                if not _MIN_INT64 <= value <= _MAX_INT64:
                    raise ValueError(f"a body holds an integer beyond 64 bits: {value}")
            elif isinstance(value, float):
                raise TypeError(f"a body holds the float {value!r}; figures are recorded as text or integers")
            elif not isinstance(value, str):
                parts.append(value)


def _require_text_keys(body: Mapping[str, object]) -> None:
    """The standard library makes text of a key that is none."""
    parts: list[Any] = [body]
    for part in parts:
        if isinstance(part, dict) and any(not isinstance(key, str) for key in part):
            raise TypeError(f"a body has keys that are not text: {list(part)!r}")
        inside = part.values() if isinstance(part, dict) else part
        parts += [value for value in inside if isinstance(value, dict | list | tuple)]


def require_plain(text: str, what: str) -> None:
    """Refuse a name that is empty or has anything but printable ASCII in it. Raises ValueError."""
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError(f"{what} must be printable ASCII and not empty, was {text!r}")


def utc_text(utc_ns: int) -> str:
    """Write nanoseconds since 1970 as `2026-01-31T12:00:00.000000Z`: cut to microseconds, never rounded up."""
    seconds, nanoseconds = divmod(utc_ns, 1_000_000_000)
    return f"{_second_text(seconds)}.{nanoseconds // 1000:06}Z"


@lru_cache(maxsize=8)
def _second_text(second: int) -> str:
    """Kept for its second, which may have hundreds of rows."""
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()
