"""What the exchange was sent, byte by byte: every one of them must be of our own serialiser's making.

Rule of this file: the tap's record is read by a grammar of its own that knows one spelling of a message and no other;
a write's target and body must besides be what `encode` makes of what `decode` reads in them.
"""

import base64
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import WireRequest, decode, encode

_MESSAGE = re.compile(
    rb"(?P<method>GET|POST|PUT|DELETE) (?P<target>/[A-Za-z0-9._/-]+(?:\?[!-~]+)?) HTTP/1\.1\r\n"
    rb"Host: 127\.0\.0\.1(?::[0-9]+)?\r\n"
    rb"User-Agent: pretrade/[0-9.]+\r\n"
    rb"Accept: application/json\r\n"
    rb"(?:Content-Type: application/json\r\nContent-Length: (?P<length>[1-9][0-9]*)\r\n)?"
    rb"(?:KALSHI-ACCESS-KEY: practice-live-key\r\n"
    rb"KALSHI-ACCESS-TIMESTAMP: [0-9]{13}\r\n"
    rb"KALSHI-ACCESS-SIGNATURE: [A-Za-z0-9+/]+=*\r\n)?\r\n"
)


_OWN_STREAM = re.compile(
    rb"GET /trade-api/ws/v2 HTTP/1\.1\r\n"
    rb"Host: 127\.0\.0\.1(?::[0-9]+)?\r\n"
    rb"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    rb"Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\nSec-WebSocket-Version: 13\r\n"
    rb"KALSHI-ACCESS-KEY: practice-live-key\r\n"
    rb"KALSHI-ACCESS-TIMESTAMP: [0-9]{13}\r\n"
    rb"KALSHI-ACCESS-SIGNATURE: [A-Za-z0-9+/]+=*\r\n"
    rb"User-Agent: pretrade/[0-9.]+\r\n\r\n"
)
"""The handshake of the proxy's own stream, behind which there are frames: it takes no orders (market_data.md 8)."""


class NotOursError(AssertionError):
    """Bytes reached the exchange that our serialiser did not write."""


class Sent(NamedTuple):
    """One request as the exchange received it."""

    method: str
    target: str
    body: bytes


def read_stream(data: bytes) -> list[Sent]:
    """The requests that one connection's bytes are. Raises NotOursError for any byte that is not part of one."""
    found: list[Sent] = []
    if _OWN_STREAM.match(data) is not None:
        return found
    while data:
        match = _MESSAGE.match(data)
        if match is None:
            raise NotOursError(f"not our bytes: {data[:200]!r}")
        end = match.end() + int(match["length"] or 0)
        found.append(_checked(Sent(match["method"].decode(), match["target"].decode(), data[match.end() : end])))
        data = data[end:]
    return found


def _checked(sent: Sent) -> Sent:
    if sent.method == "GET" and not sent.body:
        return sent
    path, _, query = sent.target.partition("?")
    endpoint = find(sent.method, path)
    if endpoint is None:
        raise NotOursError(f"no endpoint: {sent}")
    ours = encode(decode(endpoint, query, "application/json" if sent.body else None, sent.body))
    if ours != WireRequest(sent.method, path, query, sent.body):
        raise NotOursError(f"not as we write it: {sent}, but {ours}")
    return sent


@dataclass
class Record:
    """The tap's record, read on from where it was read last. A connection's bytes are read whole each time."""

    path: Path
    _writes_before: int = 0

    def writes(self) -> list[Sent]:
        """All writes so far, connection by connection."""
        streams: dict[int, bytes] = defaultdict(bytes)
        text = self.path.read_text() if self.path.exists() else ""
        for line in text.splitlines():
            chunk = json.loads(line)
            streams[chunk["connection"]] += base64.b64decode(chunk["data"])
        return [sent for data in streams.values() for sent in read_stream(data) if sent.method != "GET"]

    def new_writes(self) -> int:
        """How many writes came since this was asked last."""
        count = len(self.writes())
        before, self._writes_before = self._writes_before, count
        return count - before
