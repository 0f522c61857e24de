"""An answer as bytes for the wire: what is sent in which pieces, and what becomes of the connection afterwards.

Rule of this file: HTTP/1.1 as text, nothing else: no socket, no fault.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum
from http import HTTPStatus
from typing import Any

JSON_TYPE = "application/json"


class End(StrEnum):
    """What becomes of the connection once the last piece is sent."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Sending:
    """Pieces of bytes with a pause (seconds) between two of them, then the end."""

    pieces: tuple[bytes, ...] = ()
    pause_s: float = 0.0
    end: End = End.KEEP


def json_bytes(value: Any) -> bytes:
    """JSON as the exchange prints it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def http_date(at_us: int) -> str:
    """A moment (microseconds) as a Date header says it."""
    return formatdate(at_us // 1_000_000, usegmt=True)


def head(status: int, at_us: int, headers: Mapping[str, str]) -> bytes:
    """The first lines of an answer, up to and with the empty one."""
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {http_date(at_us)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def message(
    status: int, at_us: int, body: bytes, content_type: str = JSON_TYPE, headers: Mapping[str, str] | None = None
) -> tuple[bytes, bytes]:
    """Head and body of a proper answer; `headers` are added to it, or replace what it would say."""
    proper = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return head(status, at_us, proper | dict(headers or {})), body


def in_steps(text: bytes, size: int) -> tuple[bytes, ...]:
    """A text cut into pieces of `size` bytes."""
    return tuple(text[start : start + size] for start in range(0, len(text), size))
