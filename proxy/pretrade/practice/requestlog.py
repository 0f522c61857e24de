"""What arrived: every request, so that a test can prove what the exchange saw.

Rule of this file: a request is noted when its head has arrived, whatever becomes of it. Of signatures only a digest is
kept. Writes and reads are kept apart, the last `_KEPT` of each.
"""

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from pretrade.practice.api.auth import SIGNATURE_HEADER

_SECRET = {"authorization", "cookie", "proxy-authorization"}
_KEPT = 20_000


@dataclass(slots=True)
class SeenRequest:
    """One request. `body` is None until it has been read; `status` is None while and if there is no answer."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    at_us: int
    body: str | None = None
    executed: bool = False
    status: int | None = None
    fault: str | None = None


def _a_shelf() -> deque[SeenRequest]:
    return deque(maxlen=_KEPT)


@dataclass(slots=True)
class RequestLog:
    """The requests since the start or the last `clear`: `requests` are the writes."""

    requests: deque[SeenRequest] = field(default_factory=_a_shelf)
    reads: deque[SeenRequest] = field(default_factory=_a_shelf)
    _count: int = 0

    def note(self, method: str, path: str, query: str, headers: Iterable[tuple[str, str]], at_us: int) -> SeenRequest:
        """Add a request whose head has arrived."""
        kept = [(name, _shown(name, value)) for name, value in headers if name.lower() not in _SECRET]
        seen = SeenRequest(method, path, query, kept, at_us)
        if method == "GET":
            self.reads.append(seen)
        else:
            self.requests.append(seen)
            self._count += 1
        return seen

    def count(self) -> int:
        """How many writes there were, those no longer kept included."""
        return self._count

    def clear(self) -> None:
        """Start anew."""
        self.requests.clear()
        self.reads.clear()
        self._count = 0

    def as_json(self, *, reads: bool = False) -> list[dict[str, Any]]:
        """The writes, or the reads, as JSON-ready dicts."""
        return [asdict(request) for request in (self.reads if reads else self.requests)]


def _shown(name: str, value: str) -> str:
    if name.upper() != SIGNATURE_HEADER:
        return value
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
