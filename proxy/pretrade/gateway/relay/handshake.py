"""The handshake of a stream: the one form that is taken from a client, and the one that goes to our own relay for it.

Rule of this file: of the client's headers nothing passes on but the WebSocket key, which is 24 characters of base64; an
extension or subprotocol that is not passed on cannot be agreed on.
"""

import re

from pretrade.gateway.messages import RawRequest, Refusal, printable
from pretrade.kalshi.signing import HANDSHAKE_PATH
from pretrade.model.codes import DenyCode

TOKEN_HEADER = "Pretrade-Token"  # noqa: S105  (its name, not a token)

_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==", re.ASCII)
"""Sixteen bytes in base64, in their one spelling (RFC 6455, 4.1)."""


def check_handshake(raw: RawRequest) -> Refusal | None:
    """Whether a request for the stream's path is a WebSocket handshake and nothing else; None when it is."""
    problem = _problem(raw)
    return Refusal(DenyCode.HANDSHAKE_MALFORMED, problem) if problem else None


def _problem(raw: RawRequest) -> str | None:
    if raw.method != "GET" or raw.target != HANDSHAKE_PATH:
        return f"a stream is opened by GET {HANDSHAKE_PATH}, without a query"
    if raw.body or raw.values("content-length"):
        return "a handshake has no body, and no Content-Length"
    if raw.value("upgrade") != "websocket":
        return (
            f"Upgrade must be websocket and nothing else, was {printable(', '.join(raw.values('upgrade')) or 'none')}"
        )
    if "upgrade" not in _tokens(raw.value("connection") or ""):
        return "one Connection header must name Upgrade"
    if raw.value("sec-websocket-version") != "13":
        return "Sec-WebSocket-Version must be 13"
    if not _KEY.fullmatch(raw.value("sec-websocket-key") or ""):
        return "one Sec-WebSocket-Key of 16 bytes in base64 is needed"
    return None


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


def relay_head(raw: RawRequest, host: str, token: str) -> bytes:
    """The head that our own relay is asked with, for a handshake that `check_handshake` found nothing against."""
    lines = [
        f"GET {HANDSHAKE_PATH} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {raw.value('sec-websocket-key')}",
        f"{TOKEN_HEADER}: {token}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
