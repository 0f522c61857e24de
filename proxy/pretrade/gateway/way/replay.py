"""One signature, one request: what makes a captured or repeated request harmless.

A client's signature does not cover its body (auth.md 1), so each one is held to the bytes it first came with. Same
bytes are the same request: a write gets the first one's answer, a read passes. Other bytes under the same signature
are refused, save that Ed25519 signs the same text the same way, so two honest requests within one millisecond share
a signature.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pretrade.gateway.messages import RawRequest, Refusal
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.identity import FRESH_MS, Identified
from pretrade.model.codes import DenyCode

KEEP_READ_MS = 4 * FRESH_MS
"""Longer than a signature can be taken at all: it may lie that long in the future when it first comes."""
KEEP_WRITE_MS = 300_000
"""How long a write's answer is kept for a client that sends the same bytes again (the slowest known one waits 30 s)."""
KEPT_WRITES = 4_096
"""Writes whose answers are kept that long. Past this number, those go first whose signature is too old to be taken
anyway: a bot that is denied as fast as it can ask costs 1.6 KB a time."""
SECOND_REQUEST_MS = 1_000
SECOND_REQUESTS = 2


def digest(raw: RawRequest) -> bytes:
    """SHA-256 over what the signature leaves open: query and body, kept apart by a byte that neither starts with."""
    return hashlib.sha256(raw.query.encode() + b"\0" + raw.body).digest()


@dataclass(slots=True)
class _Seen:
    at_ms: int
    signed_ms: int
    attempts: dict[bytes, Attempt | None] = field(default_factory=dict)


class Replays:
    """The signatures seen so far with the bytes they came with. Each is kept at least while it is fresh: a read's no
    longer than that, a write's as long as its answer may be asked for again.

    `now_ms` is monotonic here: a wall clock that is set back must not bring an old signature to life. One that is set
    back further than a write is kept for could: so no order is taken that was signed no later than what is forgotten.
    """

    def __init__(self) -> None:
        self._reads: OrderedDict[bytes, _Seen] = OrderedDict()
        self._writes: OrderedDict[bytes, _Seen] = OrderedDict()
        self._spent: set[bytes] = set()
        self._forgotten_ms = 0

    def spend(self, signature: str) -> None:
        """Note a signature (see `fingerprint`) that a former run approved a write under: nothing may come under it."""
        self._spent.add(bytes.fromhex(signature))

    def earlier(self, who: Identified, bytes_digest: bytes) -> tuple[bool, Attempt | None]:
        """Whether this signature came before with the same bytes, and the write's attempt if it was a write."""
        seen = self._find(who)
        if seen is None or bytes_digest not in seen.attempts:
            return False, None
        return True, seen.attempts[bytes_digest]

    def check(self, who: Identified, now_ms: int) -> Refusal | None:
        """Refuse other bytes under a signature that was used before."""
        if _key(who) in self._spent:
            return Refusal(DenyCode.SIGNATURE_REPLAYED, "the signature was used before the proxy started")
        seen = self._find(who)
        if seen is None:
            return None
        young = now_ms - seen.at_ms <= SECOND_REQUEST_MS
        deterministic = isinstance(who.client.public_key, Ed25519PublicKey)
        if deterministic and young and len(seen.attempts) < SECOND_REQUESTS:
            return None
        return Refusal(DenyCode.SIGNATURE_REPLAYED, "the signature was used before with another query or body")

    def check_forgotten(self, who: Identified) -> Refusal | None:
        """Refuse a write that may be one whose signature is forgotten. Not to be asked about a cancel: one that comes
        twice does no harm, and one that never comes may."""
        if who.timestamp_ms > self._forgotten_ms:
            return None
        detail = "the signature is older than what is remembered (if this clock was set back, restart the proxy)"
        return Refusal(DenyCode.SIGNATURE_STALE, detail)

    def remember(self, who: Identified, bytes_digest: bytes, attempt: Attempt | None, now_ms: int) -> None:
        """Note that this signature came with these bytes; `attempt` is None for a read."""
        _forget(self._reads, now_ms - KEEP_READ_MS)
        keep_ms = KEEP_WRITE_MS if len(self._writes) < KEPT_WRITES else KEEP_READ_MS
        self._forgotten_ms = max(self._forgotten_ms, _forget(self._writes, now_ms - keep_ms))
        # A signature covers the method, so it never belongs to a read and a write at once.
        table = self._reads if attempt is None else self._writes
        seen = table.setdefault(_key(who), _Seen(now_ms, who.timestamp_ms))
        seen.attempts[bytes_digest] = attempt

    def _find(self, who: Identified) -> _Seen | None:
        key = _key(who)
        return self._writes.get(key) or self._reads.get(key)


def fingerprint(who: Identified) -> str:
    """A name for a client's signature that does not give it away, as hex."""
    return _key(who).hex()


def _forget(table: OrderedDict[bytes, _Seen], before_ms: int) -> int:
    """Forget what was first seen before then; gives the latest time at which any of it was signed, or 0."""
    latest = 0
    while table and next(iter(table.values())).at_ms < before_ms:
        latest = max(latest, table.popitem(last=False)[1].signed_ms)
    return latest


def _key(who: Identified) -> bytes:
    return _hashed(who.client.key_id, who.signature)


@lru_cache(maxsize=1)
def _hashed(key_id: str, signature: str) -> bytes:
    """Kept for the next question: four or five of them, one after the other, are about the same request."""
    return hashlib.sha256(f"{key_id} {signature}".encode()).digest()
