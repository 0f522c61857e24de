"""Keys of the exchange's two kinds: making, reading and writing them, and checking signatures (auth.md 1).

Rule of this file: only RSA of at least 2048 bits and Ed25519 get in, and no error message holds key material.
"""

import base64
import binascii
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem_format
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

type PrivateKey = RSAPrivateKey | Ed25519PrivateKey
type PublicKey = RSAPublicKey | Ed25519PublicKey
type KeyKind = Literal["rsa", "ed25519"]

SHA256 = hashes.SHA256()
PSS = padding.PSS(mgf=padding.MGF1(SHA256), salt_length=32)
"""The exchange's RSA form: SHA-256, MGF1 with SHA-256, salt as long as the digest."""

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""Above this a verification takes long enough to be an attack on the event loop."""

_MAX_SIGNATURE_CHARACTERS = (MAX_RSA_BITS // 8 + 2) // 3 * 4
_WANTED = "an RSA key of 2048 to 8192 bits or an Ed25519 key"


class KeyFormatError(ValueError):
    """A key that cannot be read or is not of a kind the exchange takes; the message says which, never its content."""


def signing_text(timestamp_ms: int | str, method: str, path: str) -> bytes:
    """What a signature covers: timestamp, method and path (from the root, without query), nothing between them.

    Never raises: a stranger's odd characters give a text that no signature fits.
    """
    return f"{timestamp_ms}{method}{path}".encode(errors="surrogatepass")


def verify(public_key: PublicKey, signature_b64: str, text: bytes) -> bool:
    """Whether the signature is right for the text. Never raises, whatever a stranger sends as the signature.

    Only the one canonical base64 spelling of a signature is taken: another spelling of the same signature would
    look new to a replay cache.
    """
    signature = _decode_base64(signature_b64)
    if signature is None:
        return False
    try:
        if isinstance(public_key, Ed25519PublicKey):
            public_key.verify(signature, text)
        else:
            public_key.verify(signature, text, PSS, SHA256)
    except InvalidSignature:
        return False
    return True


def _decode_base64(text: str) -> bytes | None:
    if len(text) > _MAX_SIGNATURE_CHARACTERS or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw if base64.b64encode(raw) == text.encode("ascii") else None


def load_public_key(pem: bytes) -> PublicKey:
    """Read a public key in PEM. Raises KeyFormatError, also for a private key, which should not be handed around."""
    if b"PRIVATE KEY-----" in pem:
        message = "this is a private key; a public key (-----BEGIN PUBLIC KEY-----) was expected"
        raise KeyFormatError(message)
    try:
        key = pem_format.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as e:
        message = f"not a readable public key in PEM; expected {_WANTED}"
        raise KeyFormatError(message) from e
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        message = f"a key of this kind is not taken by the exchange; expected {_WANTED}"
        raise KeyFormatError(message)
    _check_size(key)
    return key


def load_private_key(pem: bytes, passphrase: bytes | None = None) -> PrivateKey:
    """Read a private key in PEM (PKCS#1 or PKCS#8), encrypted or not. Raises KeyFormatError without its content."""
    try:
        key = pem_format.load_pem_private_key(pem, passphrase)
    except TypeError:
        wrong = "the key is encrypted and no passphrase was given" if passphrase is None else "the key is not encrypted"
        raise KeyFormatError(wrong) from None
    except (ValueError, UnsupportedAlgorithm):
        # The cause is dropped on purpose: what a parser says about a private key may quote from it.
        hint = "" if passphrase is None else ", or the passphrase is wrong"
        message = f"not a readable private key in PEM{hint}; expected {_WANTED}"
        raise KeyFormatError(message) from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        message = f"a key of this kind is not taken by the exchange; expected {_WANTED}"
        raise KeyFormatError(message)
    _check_size(key)
    return key


def generate_private_key(kind: KeyKind) -> PrivateKey:
    """Make a new key: RSA of 2048 bits, which every client can use, or Ed25519, which signs about 20 times faster."""
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)


def private_pem_of(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """The private key as PKCS#8 PEM, encrypted when there is a passphrase."""
    secrecy: pem_format.KeySerializationEncryption = pem_format.NoEncryption()
    if passphrase is not None:
        secrecy = pem_format.BestAvailableEncryption(passphrase)
    return key.private_bytes(pem_format.Encoding.PEM, pem_format.PrivateFormat.PKCS8, secrecy)


def public_pem_of(key: PublicKey) -> bytes:
    """The public key as PEM in the form that the exchange and `load_public_key` read."""
    return key.public_bytes(pem_format.Encoding.PEM, pem_format.PublicFormat.SubjectPublicKeyInfo)


def algorithm_of(key: PrivateKey | PublicKey) -> str:
    """The key's kind in words: `rsa-2048` (with its size) or `ed25519`."""
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return f"rsa-{key.key_size}"
    return "ed25519"


def _check_size(key: PrivateKey | PublicKey) -> None:
    if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        return
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        message = f"the RSA key has {key.key_size} bits; expected {_WANTED}"
        raise KeyFormatError(message)
