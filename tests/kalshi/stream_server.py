"""An exchange's WebSocket for tests, over real TLS: it notes every handshake and frame and does as told."""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from pretrade.kalshi.client import Address, tls_context
from pretrade.kalshi.stream import StreamDialler
from pretrade.practice.certs import ensure_certificates

type OnRequest = Callable[[ServerConnection, Request], Awaitable[Response | None]]
type OnOpen = Callable[[ServerConnection], Awaitable[None]]


async def listen(side: ServerConnection) -> None:
    """An exchange that only reads."""
    await side.wait_closed()


async def let_in(side: ServerConnection, request: Request) -> Response | None:
    """An exchange that takes every handshake."""
    return None


@dataclass
class FakeExchange:
    """Takes handshakes as `on_request` says, then does `on_open`; `frames` are all that was ever sent up."""

    on_request: OnRequest = let_in
    on_open: OnOpen = listen
    port: int = 0
    ca_file: Path = Path()
    handshakes: list[Request] = field(default_factory=list)
    frames: list[str | bytes] = field(default_factory=list)
    sides: list[ServerConnection] = field(default_factory=list)
    closed: list[int | None] = field(default_factory=list)

    async def take(self, side: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request)
        return await self.on_request(side, request)

    async def serve(self, side: ServerConnection) -> None:
        self.sides.append(side)
        reading = asyncio.create_task(self._read(side))
        with contextlib.suppress(ConnectionClosed):
            await self.on_open(side)
        await reading
        self.closed.append(side.close_code)

    async def _read(self, side: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.frames.append(await side.recv())


@asynccontextmanager
async def exchange(folder: Path, **how: Any) -> AsyncIterator[FakeExchange]:
    """A running exchange with a certificate of its own."""
    fake = FakeExchange(**how)
    fake.ca_file, context = server_tls(folder)
    async with serve(
        fake.serve, "127.0.0.1", 0, ssl=context, process_request=fake.take, close_timeout=1, ping_interval=None
    ) as server:
        fake.port = server.sockets[0].getsockname()[1]
        yield fake


def server_tls(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The CA's file and the server's context of a fake exchange."""
    ca_file, chain = ensure_certificates(folder, dt.datetime.now(dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return ca_file, context


@asynccontextmanager
async def raw_exchange(folder: Path, answer: bytes, *, ends: bool = True) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a server that answers every head with these bytes, and the heads that it was sent. Where it does not
    end the connection itself, it notes the client's end of it as an empty head."""
    heads: list[bytes] = []

    async def answer_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            if not ends:
                await reader.read()
                heads.append(b"")
        writer.close()

    _, context = server_tls(folder)
    server = await asyncio.start_server(answer_head, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


def dialler(port: int, ca_file: Path) -> StreamDialler:
    return StreamDialler(Address("127.0.0.1", port, "127.0.0.1"), tls_context(ca_file))
