"""The live key's only way out: what was approved (or is a read) goes in, a request with live headers comes out.

Rule of this file: `Signer` has no method that signs bytes of a caller's choosing, and no way to get the key back out.
The form of a signature is auth.md 1: base64 of a signature over timestamp + METHOD + path, without body and query.
"""

import asyncio
import base64
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn, SupportsIndex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pretrade.kalshi.keys import PSS, SHA256, PrivateKey, algorithm_of, public_pem_of, signing_text
from pretrade.kalshi.wire import encode
from pretrade.model.decisions import Approved

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"
SIGNATURE_HEADERS = (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)

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


@dataclass(frozen=True, slots=True)
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


class Signer:
    """Holds one live key. It cannot be copied, pickled or printed with its key; `close` ends its threads.

    Ed25519 signs inline (tens of microseconds); RSA signs in two threads of its own, because it takes milliseconds.
    """

    __slots__ = ("_key", "_pool", "algorithm", "key_id")

    def __init__(self, key: PrivateKey, key_id: str) -> None:
        """Take over a key that `keys.load_private_key` or `keys.generate_private_key` made. Raises SigningError."""
        if not _KEY_ID.fullmatch(key_id):
            message = f"the live key id must be 1-128 plain characters, as the exchange shows it; was {key_id[:80]!r}"
            raise SigningError(message)
        self.key_id = key_id
        self.algorithm = algorithm_of(key)
        self._key = key
        is_inline = isinstance(key, Ed25519PrivateKey)
        self._pool = None if is_inline else ThreadPoolExecutor(_RSA_THREADS, thread_name_prefix="signer")

    def __repr__(self) -> str:
        return f"Signer(key_id={self.key_id!r}, algorithm={self.algorithm!r})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        message = "a Signer holds a live key and can neither be copied nor pickled"
        raise TypeError(message)

    def public_pem(self) -> bytes:
        """The public half, in the form that the exchange takes when a key is registered."""
        return public_pem_of(self._key.public_key())

    def close(self) -> None:
        """Let the RSA threads end once they have finished; signing afterwards raises."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)

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

    async def _signed(self, method: str, path: str, query: str, body: bytes, now_ms: int) -> SignedRequest:
        target = _target(path, query)
        signature = await self._signature(signing_text(now_ms, method, path))
        headers = (
            (KEY_HEADER, self.key_id),
            (TIMESTAMP_HEADER, str(now_ms)),
            (SIGNATURE_HEADER, base64.b64encode(signature).decode("ascii")),
        )
        return SignedRequest(method, target, headers, body)

    async def _signature(self, text: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(text)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._key.sign, text, PSS, SHA256)


def _target(path: str, query: str) -> str:
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query) or "#" in query:
        message = "a path or query with other than plain characters is never signed"
        raise SigningError(message)
    return f"{path}?{query}" if query else path
