"""Who may open a stream: one-time tokens from the gate to the relay, and how many streams there may be.

Rule of this file: a token is worth one stream, once, for a few seconds; a stream counts from its token on until it is
over, whichever way it ends.
"""

import secrets
from collections import Counter, deque
from dataclasses import dataclass, field

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import RawRequest, Refusal
from pretrade.gateway.way.identity import Client
from pretrade.model.codes import DenyCode

TOKEN_MS = 5_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams there may be at once, and how many one client may open in any minute: a bot that reconnects in a
    loop would otherwise have us sign as fast as it can."""

    for_client: int = 8
    in_all: int = 64
    a_minute: int = 30


@dataclass(frozen=True, slots=True)
class Admission:
    """A handshake that the gate has let in: whose it is, by which request, and the id of its rows."""

    client: Client
    raw: RawRequest
    decision_id: str
    until_ms: int


@dataclass(slots=True)
class Streams:
    """The streams that are open or about to be. `relay` is where our own relay listens; None while it does not."""

    clock: Clock
    limits: StreamLimits = field(default_factory=StreamLimits)
    relay: tuple[str, int] | None = None
    _waiting: dict[str, Admission] = field(default_factory=dict)
    _open: Counter[str] = field(default_factory=Counter)
    _opened: dict[str, deque[int]] = field(default_factory=dict)

    def admit(self, client: Client, raw: RawRequest, decision_id: str) -> str | Refusal:
        """A token for one stream of this client, or why there is none."""
        now = self.clock.age_ms()
        self._forget_late(now)
        if refusal := self._full(client, now):
            return refusal
        token = secrets.token_urlsafe(32)
        self._waiting[token] = Admission(client, raw, decision_id, now + TOKEN_MS)
        self._open[client.name] += 1
        self._opened.setdefault(client.name, deque()).append(now)
        return token

    def redeem(self, token: str | None) -> Admission | None:
        """What a token stands for, once; None for every other. The stream must be `end`ed."""
        self._forget_late(self.clock.age_ms())
        return self._waiting.pop(token or "", None)

    def end(self, admission: Admission) -> None:
        """A stream is over, or never came to be."""
        self._open[admission.client.name] -= 1
        self._open += Counter()  # drops what has come to nothing

    def may_open_at_ms(self, client: Client) -> int | None:
        """From when (Unix ms) a client that has used up its minute may open a stream again; None where it has not."""
        now = self.clock.age_ms()
        opened = self._opened_lately(client, now)
        if len(opened) < self.limits.a_minute:
            return None
        # One more, for a millisecond of the wall's clock may end before the other clock's does.
        return self.clock.now_ms() + opened[-self.limits.a_minute] + _MINUTE_MS - now + 1

    @property
    def count(self) -> int:
        """How many streams are open or about to be."""
        return self._open.total()

    def _forget_late(self, now: int) -> None:
        for token, admission in list(self._waiting.items()):
            if now > admission.until_ms:
                del self._waiting[token]
                self.end(admission)

    def _full(self, client: Client, now: int) -> Refusal | None:
        opened, may_open_at_ms = self._opened_lately(client, now), None
        if self._open[client.name] >= self.limits.for_client:
            detail = f"client {client.name} has {self._open[client.name]} streams open, {self.limits.for_client} may be"
        elif self._open.total() >= self.limits.in_all:
            detail = f"{self._open.total()} streams are open, and no more may be"
        elif len(opened) >= self.limits.a_minute:
            detail = f"client {client.name} opened {len(opened)} streams within a minute, and no more may be"
            may_open_at_ms = self.may_open_at_ms(client)
        else:
            return None
        return Refusal(DenyCode.STREAMS_EXCEED_MAXIMUM, detail, may_open_at_ms)

    def _opened_lately(self, client: Client, now: int) -> deque[int]:
        opened = self._opened.get(client.name, deque())
        while opened and opened[0] <= now - _MINUTE_MS:
            opened.popleft()
        return opened
