"""The live key's only way out: what was approved (or is a read) goes in, a request with live headers comes out.

Rule of this file: `Signer` has no method that signs bytes of a caller's choosing, and no way to get the key back out.
The form of a signature is auth.md 1: base64 of a signature over timestamp + METHOD + path, without body and query.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn, SupportsIndex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pretrade.kalshi.keys import PSS, SHA256, PrivateKey, algorithm_of, public_pem_of, signing_text
from pretrade.kalshi.wire import encode
from pretrade.model.decisions import Approved
from pretrade.model.frozen import frozen

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"
SIGNATURE_HEADERS = (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)

HANDSHAKE_PATH = "/trade-api/ws/v2"
"""The one path of the exchange's stream."""
PROBE_PATH = "/trade-api/v2/portfolio/events/orders/00000000-0000-0000-0000-000000000000"
"""An order that cannot exist: asking to cancel it shows whether the key may trade, and changes nothing (auth.md 4)."""

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9._/:-]*", re.ASCII)
_QUERY = re.compile(r"[!-~]*", re.ASCII)
_RSA_THREADS = 2


class SigningError(ValueError):
    """Something that must not be signed, or a signer that cannot sign; the message never holds key material."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One GET to pass on: the full path from the root and the raw query without its question mark."""

    path: str
    query: str = ""


@frozen
class SignedRequest:
    """One request as it will leave: `target` is path?query, `headers` are the three of the signature, or none.

    Its repr leaves the headers out, because a signature covers no body: for a few seconds it is as good as the key
    for that method and path (threats 27).
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = b""


def unsigned(read: ReadRequest) -> SignedRequest:
    """A read of an endpoint that asks for no signature. Raises SigningError on a path or query in an odd form."""
    return SignedRequest("GET", _target(read.path, read.query), ())


@dataclass(frozen=True, slots=True, repr=False)
class _LiveKey:
    """A key with the id that the exchange knows it by; RSA keys with threads of their own."""

    key: PrivateKey
    key_id: str
    sign: Callable[[bytes], bytes]
    pool: ThreadPoolExecutor | None

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=False)


def _live_key(key: PrivateKey, key_id: str) -> _LiveKey:
    if not _KEY_ID.fullmatch(key_id):
        message = f"the live key id must be 1-128 plain characters, as the exchange shows it; was {key_id[:80]!r}"
        raise SigningError(message)
    if isinstance(key, Ed25519PrivateKey):
        return _LiveKey(key, key_id, key.sign, None)
    return _LiveKey(key, key_id, lambda text: key.sign(text, PSS, SHA256), ThreadPoolExecutor(_RSA_THREADS, "signer"))


class Signer:
    """Holds one live key. It cannot be copied, pickled or printed with its key; `close` ends its threads.

    Ed25519 signs inline (tens of microseconds); RSA signs in two threads of its own, because it takes milliseconds.
    """

    __slots__ = ("_live",)

    def __init__(self, key: PrivateKey, key_id: str) -> None:
        """Take over a key that `keys.load_private_key` or `keys.generate_private_key` made. Raises SigningError."""
        self._live = _live_key(key, key_id)

    @property
    def key_id(self) -> str:
        """What the exchange calls the key."""
        return self._live.key_id

    @property
    def algorithm(self) -> str:
        """What kind of key it is, for people."""
        return algorithm_of(self._live.key)

    def rotate(self, to: "Signer") -> None:
        """Sign with another's key from now on, and take it over: `to` is not to be used or closed any more.

        What is being signed at this moment keeps the key that it began with.
        """
        before, self._live = self._live, to._live
        before.close()

    def __repr__(self) -> str:
        return f"Signer(key_id={self.key_id!r}, algorithm={self.algorithm!r})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        message = "a Signer holds a live key and can neither be copied nor pickled"
        raise TypeError(message)

    def public_pem(self) -> bytes:
        """The public half, in the form that the exchange takes when a key is registered."""
        return public_pem_of(self._live.key.public_key())

    def close(self) -> None:
        """Let the RSA threads end once they have finished; signing afterwards raises."""
        self._live.close()

    async def sign(self, approved: Approved, now_ms: int) -> SignedRequest:
        """Sign an approved write. The bytes are made here, from the write itself: nothing else can be signed as one.

        Raises SigningError for anything that is not an `Approved`.
        """
        if not isinstance(approved, Approved):
            message = f"only an approved write can be signed, this was a {type(approved).__name__}"
            raise SigningError(message)
        wire = encode(approved.write)
        return await self._signed(wire.method, wire.path, wire.query, wire.body, now_ms)

    async def sign_read(self, read: ReadRequest, now_ms: int) -> SignedRequest:
        """Sign a read; it goes out as a GET without a body, whatever else it was meant to be. Raises SigningError."""
        return await self._signed("GET", read.path, read.query, b"", now_ms)

    async def sign_handshake(self, now_ms: int) -> SignedRequest:
        """Sign the handshake of the exchange's stream; no path but that one can be signed by it."""
        return await self._signed("GET", HANDSHAKE_PATH, "", b"", now_ms)

    async def sign_probe(self, now_ms: int) -> SignedRequest:
        """Sign the cancel of an order that cannot exist; no other write can be signed by it."""
        return await self._signed("DELETE", PROBE_PATH, "", b"", now_ms)

    async def _signed(self, method: str, path: str, query: str, body: bytes, now_ms: int) -> SignedRequest:
        target, live = _target(path, query), self._live
        signature = await _signature(live, signing_text(now_ms, method, path))
        headers = (
            (KEY_HEADER, live.key_id),
            (TIMESTAMP_HEADER, str(now_ms)),
            (SIGNATURE_HEADER, base64.b64encode(signature).decode("ascii")),
        )
        return SignedRequest(method, target, headers, body)


async def _signature(live: _LiveKey, text: bytes) -> bytes:
    if live.pool is None:
        return live.sign(text)
    return await asyncio.get_running_loop().run_in_executor(live.pool, live.sign, text)


def _target(path: str, query: str) -> str:
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query) or "#" in query:
        message = "a path or query with other than plain characters is never signed"
        raise SigningError(message)
    return f"{path}?{query}" if query else path
