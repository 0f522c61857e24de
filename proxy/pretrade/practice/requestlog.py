"""What arrived: every write request, so that a test can prove what the exchange saw.

Rule of this file: a request is noted when its head has arrived, whatever becomes of it.
Of signatures only a digest is kept.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from pretrade.practice.auth import SIGNATURE_HEADER

_SECRET = {"authorization", "cookie", "proxy-authorization"}


@dataclass(slots=True)
class SeenRequest:
    """One write request. `body` is None until it has been read; `status` is None while and if there is no answer."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    at_us: int
    body: str | None = None
    executed: bool = False
    status: int | None = None
    fault: str | None = None


@dataclass(slots=True)
class RequestLog:
    """All write requests since the start or the last `clear`."""

    requests: list[SeenRequest] = field(default_factory=list)

    def note(self, method: str, path: str, query: str, headers: list[tuple[str, str]], at_us: int) -> SeenRequest:
        """Add a request whose head has arrived."""
        kept = [(name, _shown(name, value)) for name, value in headers if name.lower() not in _SECRET]
        seen = SeenRequest(method, path, query, kept, at_us)
        self.requests.append(seen)
        return seen

    def count(self) -> int:
        """How many there are."""
        return len(self.requests)

    def clear(self) -> None:
        """Start anew."""
        self.requests.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """The requests as JSON-ready dicts."""
        return [asdict(request) for request in self.requests]


def _shown(name: str, value: str) -> str:
    if name.upper() != SIGNATURE_HEADER:
        return value
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
