"""The practice exchange in this process with a clock that stands until it is moved: no sockets, no threads, no waiting.

Rule of this file: it moves the clock and hands requests over; the exchange is the one that the server serves.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.assemble import Practice, assemble
from pretrade.practice.core.accounts import Account
from pretrade.practice.scenario import Scenario

START_US = 1_798_761_600_000_000
"""2027-01-01T00:00:00Z: where the clock of a simulation stands at first."""

_NOBODY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
_MICROS = 1_000_000


class Simulation:
    """One exchange and its clock. Same scenario, seed and calls: the same answers, to the byte."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        *,
        start_us: int = START_US,
        keys: KeyStore | None = None,
        tier: str = "prestige",
    ) -> None:
        self._now_us = start_us
        self._in_process: dict[str, ApiKey] = {}
        self.practice: Practice = assemble(scenario, clock=lambda: self._now_us, seed=seed, keys=keys, tier=tier)

    @property
    def now_us(self) -> int:
        """The clock, in microseconds since 1970."""
        return self._now_us

    def advance(self, seconds: float) -> None:
        """Move the clock on, to the nearest microsecond, and do what is due on the way, each thing at its moment."""
        self.advance_to(self._now_us + round(seconds * _MICROS))

    def advance_to(self, at_us: int) -> None:
        """Move the clock to a moment and do what is due on the way. Raises ValueError for one that has passed."""
        if at_us < self._now_us:
            raise ValueError(f"time runs forward only: {at_us} has passed, it is {self._now_us}")
        self._now_us = at_us
        self.practice.tick()

    def advance_to_next(self) -> bool:
        """Move the clock to when the next thing is due and do it; False when nothing is planned."""
        due = self.practice.exchange.next_due_us()
        if due is None:
            return False
        self.advance_to(max(due, self._now_us))
        return True

    def request(self, method: str, target: str, body: object = None, *, key_id: str | None = None) -> Reply:
        """The reply to a request whose signature is taken as checked.

        `target` is the path and query; `body` is what becomes JSON, or bytes as they are; `key_id` is a key that the
        exchange knows, by default one of account `main` with all rights. Raises KeyError for an unknown key.
        """
        key = self.key_of("main") if key_id is None else self.practice.dispatcher.keys[key_id]
        return self.request_as(key, method, target, body)

    def request_as(self, key: ApiKey, method: str, target: str, body: object = None) -> Reply:
        """The same for any key, known or not: `key_of` makes one for an account."""
        parts = urlsplit(target)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if content else {}
        return self.practice.dispatcher.answer_as(key, HttpRequest(method, parts.path, parts.query, headers, content))

    def send(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to a request as a client would send it, signature and all."""
        return self.practice.dispatcher.answer(HttpRequest(method, path, query, headers, body))

    def key_of(self, account: str) -> ApiKey:
        """A key of an account with all rights, for this process only: it signs nothing. Raises KeyError."""
        if account not in self.practice.exchange.accounts:
            raise KeyError(account)
        return self._in_process.setdefault(
            account, ApiKey(f"in-process-{account}", account, _NOBODY, ("read", "write"), name="in process")
        )

    def account(self, name: str = "main") -> Account:
        """An account as the exchange has it. Raises KeyError."""
        return self.practice.exchange.accounts[name]

    def body(self, method: str, target: str, body: object = None, *, key_id: str | None = None) -> dict[str, Any]:
        """The JSON of a reply that must be a success. Raises ValueError with status and body of any other."""
        reply = self.request(method, target, body, key_id=key_id)
        if not 200 <= reply.status < 300:
            raise ValueError(f"{method} {target} was answered {reply.status}: {reply.body}")
        return reply.body or {}
