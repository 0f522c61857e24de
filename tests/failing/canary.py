"""What must be nowhere: the secrets of a session, in every spelling that a careless line could give them.

Rule of this file: a secret is searched for by its parts, so that half of one, or one across lines, is found as well.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.e2e.harness import World

PIECE = 24
"""Bytes of a spelling that are too many to be there by chance."""


def spellings(secret: bytes) -> Iterator[bytes]:
    """A secret as bytes, hex and base64, the last at each of its three places in a longer text."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret)
        inner = text[4 * (shift > 0) : -4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def pieces(secret: bytes) -> set[bytes]:
    """What to look for: every spelling cut into pieces that overlap by nearly all."""
    found: set[bytes] = set()
    for spelling in spellings(secret):
        found |= {spelling[at : at + PIECE] for at in range(len(spelling) - PIECE + 1)}
    return found


def secrets_of(world: World) -> dict[str, bytes]:
    """Key material and tokens by name. The seed's base64 is also the body of its PEM file."""
    live = load_pem_private_key(world.live_key.read_bytes(), None)
    leaf = load_pem_private_key(_private_part((world.folder / "certs" / "leaf.pem").read_bytes()), None)
    assert isinstance(live, Ed25519PrivateKey)
    assert isinstance(leaf, EllipticCurvePrivateKey)
    return {
        "live key": live.private_bytes_raw(),
        "leaf key": leaf.private_numbers().private_value.to_bytes(32),
        "control token": (world.folder / "practice" / "control.token").read_bytes().strip(),
    }


def _private_part(pem: bytes) -> bytes:
    match = re.search(rb"-----BEGIN (EC )?PRIVATE KEY-----.*?-----END (EC )?PRIVATE KEY-----\n?", pem, re.DOTALL)
    assert match is not None
    return match[0]


def live_signatures(tapped: Path) -> list[bytes]:
    """Every signature that the exchange received, as the wire-tap kept them."""
    streams: dict[int, bytes] = {}
    for line in tapped.read_text().splitlines():
        chunk = json.loads(line)
        streams[chunk["connection"]] = streams.get(chunk["connection"], b"") + base64.b64decode(chunk["data"])
    pattern = re.compile(rb"KALSHI-ACCESS-SIGNATURE: ([A-Za-z0-9+/=]+)")
    return [base64.b64decode(value) for stream in streams.values() for value in pattern.findall(stream)]


def hits(secrets: Mapping[str, bytes], artefacts: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Which secret is in which artefact."""
    wanted = {piece: name for name, secret in secrets.items() for piece in pieces(secret)}
    found = [
        (wanted[data[at : at + PIECE]], artefact)
        for artefact, data in artefacts.items()
        for at in range(len(data) - PIECE + 1)
        if data[at : at + PIECE] in wanted
    ]
    return list(dict.fromkeys(found))


def files_below(folder: Path, *but: Path) -> dict[str, bytes]:
    """Every file of a folder with what is in it, but for those that are to hold a secret."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    kept = [file for file in files if not any(file.is_relative_to(one) for one in but)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in kept}
