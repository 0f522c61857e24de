"""Many orders at once: kept connections of raw clients by both doors, each with one request under way at a time.

Rule of this file: it sends and notes what it was told, and judges nothing. The client's key is Ed25519, which signs
fast enough to keep the proxy busy; no two requests carry one signature.
"""

import asyncio
import base64
import itertools
import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.e2e.clients import HOST
from tests.e2e.harness import World
from tests.e2e.programs import Pretrade

from pretrade.cli.init import CLIENT_KEY_ID
from pretrade.kalshi.keys import private_pem_of, public_pem_of

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client; `body` is None where it has none."""

    method: str
    path: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a client was told about a request: status and body."""

    request: Request
    status: int
    body: Any

    @property
    def code(self) -> str:
        """Our code, or nothing where the answer is the exchange's own."""
        return (self.body or {}).get("code", "")


class FloodWorld(World):
    """A world whose client has an Ed25519 key."""

    key = None

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Pretrade:
        """Start the proxy; the first time with a key of ours in place of the client's."""
        if self.key is None:
            self.key = Ed25519PrivateKey.generate()
            self.client_key.write_bytes(private_pem_of(self.key))
            self.client_key.with_suffix(".pub.pem").write_bytes(public_pem_of(self.key.public_key()))
        return super().start_proxy(wait=wait, **environment)


class Flood:
    """Clients of one world that share a key and the count of its timestamps."""

    def __init__(self, world: FloodWorld) -> None:
        assert world.key is not None
        self._world, self._key = world, world.key
        self._stamps = _stamps()
        self._tls = ssl.create_default_context(cafile=str(world.folder / "certs" / "ca.crt"))

    def run(self, requests: Iterable[Request], connections: int) -> list[Told]:
        """Send all of them over so many connections, half of them by each door, and give what was told."""
        return asyncio.run(self.send(iter(requests), connections))

    async def send(
        self, requests: Iterator[Request], connections: int, tell: Callable[[Told], None] = lambda _: None
    ) -> list[Told]:
        """The same in a running loop; each connection takes the next request when its last one is answered, and `tell`
        hears of every answer at once."""
        told: list[Told] = []

        def note(one: Told) -> None:
            told.append(one)
            tell(one)

        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(self._client(requests, note, by_proxy=bool(number % 2)))
        return told

    async def _client(self, requests: Iterator[Request], note: Callable[[Told], None], *, by_proxy: bool) -> None:
        reader, writer = await (self._tunnel() if by_proxy else self._plain())
        host = HOST if by_proxy else f"127.0.0.1:{self._world.base_url_port}"
        for request in requests:
            writer.write(self._bytes(request, host))
            async with asyncio.timeout(PATIENCE_S):
                note(Told(request, *await _answer(reader)))
        writer.transport.abort()

    async def _plain(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._world.base_url_port)

    async def _tunnel(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._world.proxy_port)
        writer.write(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        await writer.start_tls(self._tls, server_hostname=HOST)
        return reader, writer

    def _bytes(self, request: Request, host: str) -> bytes:
        stamp = str(next(self._stamps))
        text = stamp + request.method + request.path.partition("?")[0]
        signature = base64.b64encode(self._key.sign(text.encode())).decode()
        body = b"" if request.body is None else json.dumps(request.body).encode()
        lines = [
            f"{request.method} {request.path} HTTP/1.1",
            f"Host: {host}",
            f"KALSHI-ACCESS-KEY: {CLIENT_KEY_ID}",
            f"KALSHI-ACCESS-TIMESTAMP: {stamp}",
            f"KALSHI-ACCESS-SIGNATURE: {signature}",
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


def _stamps() -> Iterator[int]:
    """The time in milliseconds, each but once: one that was used already gives the next."""
    last = 0
    for _ in itertools.count():
        last = max(last + 1, time.time_ns() // 1_000_000)
        yield last


async def _answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *fields = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(status_line.split()[1]), json.loads(body) if body else None
