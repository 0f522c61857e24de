"""One signature, one request: what makes a captured or repeated request harmless.

A client's signature does not cover its body (auth.md 1), so each one is held to the bytes it first came with. Same
bytes are the same request: a write gets the first one's answer, a read passes. Other bytes under the same signature
are refused, save that Ed25519 signs the same text the same way, so two honest requests within one millisecond share
a signature.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pretrade.gateway.attempts import Attempt
from pretrade.gateway.identity import FRESH_MS, Identified
from pretrade.gateway.messages import RawRequest, Refusal
from pretrade.model.codes import DenyCode

KEEP_MS = 300_000
"""How long a write's answer is kept for a client that sends the same bytes again (the slowest known one waits 30 s)."""
SECOND_REQUEST_MS = 1_000
SECOND_REQUESTS = 2


def digest(raw: RawRequest) -> bytes:
    """SHA-256 over what the signature leaves open: query and body, kept apart by a byte that neither starts with."""
    return hashlib.sha256(raw.query.encode() + b"\0" + raw.body).digest()


@dataclass(slots=True)
class _Seen:
    timestamp_ms: int
    attempts: dict[bytes, Attempt | None] = field(default_factory=dict)


class Replays:
    """The signatures seen so far with the bytes they came with. A signature is kept at least while it is fresh."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def earlier(self, who: Identified, bytes_digest: bytes) -> tuple[bool, Attempt | None]:
        """Whether this signature came before with the same bytes, and the write's attempt if it was a write."""
        seen = self._seen.get(self._key(who))
        if seen is None or bytes_digest not in seen.attempts:
            return False, None
        return True, seen.attempts[bytes_digest]

    def check(self, who: Identified, now_ms: int) -> Refusal | None:
        """Refuse other bytes under a signature that was used before."""
        seen = self._seen.get(self._key(who))
        if seen is None:
            return None
        young = now_ms - who.timestamp_ms <= SECOND_REQUEST_MS
        deterministic = isinstance(who.client.public_key, Ed25519PublicKey)
        if deterministic and young and len(seen.attempts) < SECOND_REQUESTS:
            return None
        return Refusal(DenyCode.SIGNATURE_REPLAYED, "the signature was used before with another query or body")

    def remember(self, who: Identified, bytes_digest: bytes, attempt: Attempt | None, now_ms: int) -> None:
        """Note that this signature came with these bytes."""
        self._forget(now_ms)
        seen = self._seen.setdefault(self._key(who), _Seen(who.timestamp_ms))
        seen.attempts[bytes_digest] = attempt

    def _forget(self, now_ms: int) -> None:
        keep_from = now_ms - max(KEEP_MS, 2 * FRESH_MS)
        while self._seen and next(iter(self._seen.values())).timestamp_ms < keep_from:
            self._seen.popitem(last=False)

    @staticmethod
    def _key(who: Identified) -> tuple[str, str]:
        return who.client.key_id, who.signature
