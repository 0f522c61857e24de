"""Bytes over real TLS: what a client library would hide, seen from the socket."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any

from tests.practice.rawclient import API, signed_headers

from pretrade.practice.server import RunningPractice

PROBE = API + "/exchange/status"


@dataclass(frozen=True)
class Heard:
    """All that came back until the connection ended, and how it ended: `closed` or `reset`."""

    raw: bytes
    end: str

    @property
    def first(self) -> bytes:
        """What came before the answer to the probe; everything where the probe was not answered."""
        return self.raw.rpartition(b"HTTP/1.1 200 OK")[0] if self.probed else self.raw

    @property
    def probed(self) -> bool:
        """Whether the connection went on: the probe, sent behind the request, was answered on it."""
        return b'"exchange_active"' in self.raw

    @property
    def head(self) -> str:
        return self.first.partition(b"\r\n\r\n")[0].decode()

    @property
    def body(self) -> bytes:
        return self.first.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    @property
    def headers(self) -> dict[str, str]:
        return {n.lower(): v for n, _, v in (line.partition(": ") for line in self.head.split("\r\n")[1:])}


def request_bytes(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """A signed request; `headers` are added with their underscores made hyphens."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "localhost", "Content-Length": str(len(data)), "Content-Type": "application/json"}
    lines |= signed_headers(method, path) | {name.replace("_", "-"): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode() + data


def probe_bytes() -> bytes:
    return request_bytes("GET", PROBE, Connection="close")


async def talk(practice: RunningPractice, *texts: bytes) -> Heard:
    """Send all at once on one connection and hear everything until it ends."""
    trusting = ssl.create_default_context(cafile=str(practice.ca_file))
    reader, writer = await asyncio.open_connection(
        practice.host, practice.port, ssl=trusting, server_hostname="localhost"
    )
    raw, end = b"", "closed"
    try:
        writer.write(b"".join(texts))
        async with asyncio.timeout(20):
            while piece := await reader.read(65_536):
                raw += piece
    except ConnectionResetError:
        end = "reset"
    finally:
        writer.transport.abort()
    return Heard(raw, end)


async def ask(practice: RunningPractice, method: str, path: str, body: Any = None, **headers: str) -> Heard:
    """One request with a probe behind it on the same connection."""
    return await talk(practice, request_bytes(method, path, body, **headers), probe_bytes())
