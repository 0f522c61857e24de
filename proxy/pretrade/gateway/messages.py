"""What passes between the front door and the gate: plain values without a mitmproxy type in them."""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.codes import DenyCode


class Door(StrEnum):
    """How the client reached us."""

    PROXY = "proxy"
    BASE_URL = "base_url"


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as its bytes said it: nothing normalised, nothing trusted.

    `target` is the request target with its query, `authority` the one of an absolute-form target (else empty),
    `connect` the CONNECT host and port of the proxy door, `sni` the name of the TLS handshake. Header names are
    lower-case.
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
    """A request that does not get as far as being judged: the code says at which step, `detail` what was seen."""

    code: DenyCode
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client. `decision_id` is empty for a read that passed."""

    status: int
    body: bytes
    content_type: str = "application/json"
    decision_id: str = ""
    outcome_unknown: bool = False


def printable(text: str, limit: int = 120) -> str:
    """A client's text made safe to show and to log: ASCII, escaped, cut to a length."""
    return ascii(text)[1:-1][:limit]
