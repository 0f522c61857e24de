"""What passes between the front door and the gate: plain values without a mitmproxy type in them."""

from dataclasses import dataclass, field
from enum import StrEnum

from pretrade.model.codes import DenyCode
from pretrade.model.frozen import frozen

OWN_PREFIX = "/pretrade/"
"""Where the paths begin that the proxy answers itself: questions, whatever their method."""


class Door(StrEnum):
    """How the client reached us."""

    PROXY = "proxy"
    BASE_URL = "base_url"
    OPERATOR = "operator"
    """No door: a person's own command over the admin socket."""
    OWN = "own"
    """No door: a write that the proxy makes itself, for the order groups of the policy's `inject`."""


@frozen
class RawRequest:
    """A request as its bytes said it: nothing normalised, nothing trusted.

    `target` is the request target with its query, `authority` the one of an absolute-form target (else empty),
    `connect` the CONNECT host and port of the proxy door, `sni` the name of the TLS handshake; `peer` and `at` are the
    two ends of its connection, theirs and ours. Header names are lower-case.
    """

    door: Door
    method: str
    target: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    authority: str = ""
    scheme: str = "https"
    connect: tuple[str, int] | None = None
    sni: str | None = None
    peer: tuple[str, int] | None = None
    at: tuple[str, int] | None = None

    @property
    def path(self) -> str:
        """The target without its query: what a client signs."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the first question mark, or nothing."""
        return self.target.partition("?")[2]

    def values(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str | None:
        """The header's value when it occurs exactly once, else None."""
        values = self.values(name)
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that does not get as far as being judged: the code says at which step, `detail` what was seen.

    `retry_at_ms` (Unix ms) is from when the same request may pass, where time alone lets it and the moment is known.
    `told` is what the client reads instead of a detail that is for the log alone."""

    code: DenyCode
    detail: str
    retry_at_ms: int | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """A handshake that passed: where our own relay listens, and the head that it is to be asked with, once."""

    relay: tuple[str, int]
    head: bytes = field(repr=False)


@frozen
class Answer:
    """What goes back to the client. `decision_id` is empty for a read that passed.

    Where there is a `handover`, the connection goes to the relay instead, and the rest stands in case that fails.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    decision_id: str = ""
    outcome_unknown: bool = False
    handover: Handover | None = None


def printable(text: str, limit: int = 120) -> str:
    """A client's text made safe to show and to log: ASCII, escaped, cut to a length."""
    return ascii(text)[1:-1][:limit]
