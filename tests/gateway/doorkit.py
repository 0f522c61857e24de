"""Doors on loopback for tests: a client that shows every byte, an exchange that counts, a gate that misbehaves."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from mitmproxy.addons.core import Core
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.mode_servers import ServerInstance

from pretrade.gateway.front.doors import Doors, bind, close_clients
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.way.attempts import Attempt, Ticket
from pretrade.gateway.way.refusals import answer_of
from pretrade.kalshi.replies import refusal
from pretrade.model.codes import DenyCode

HOST = "api.elections.kalshi.com"
PATIENCE_S = 10.0
"""Every client here gives up after this long: a refusal that takes longer is none."""


class SilentError(Exception):
    """Neither an answer nor the end of the connection within PATIENCE_S."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer as its bytes said it; status 0 when the connection ended without one."""

    status: int
    head: bytes = b""
    body: bytes = b""

    @property
    def code(self) -> str:
        """Our denial code, or what is wrong with the body."""
        if not self.status:
            return "closed"
        try:
            return str(json.loads(self.body)["code"])
        except (ValueError, KeyError):
            return f"not ours: {self.body[:80]!r}"


class Wire:
    """A connection of a client, bytes in and bytes out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def ask(self, data: bytes) -> Response:
        await self.send(data)
        return await self.answer()

    async def ask_raw(self, data: bytes) -> bytes:
        """As many bytes back as were sent."""
        await self.send(data)
        return await asyncio.wait_for(self.reader.readexactly(len(data)), PATIENCE_S)

    async def answer(self) -> Response:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._read()
        except TimeoutError:
            raise SilentError from None

    async def _read(self) -> Response:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            status = int(lines[0].split()[1])
            if status == 100:
                return await self._read()
            length = [line for line in lines if line.lower().startswith(b"content-length:")]
            body = await self.reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return Response(0)
        return Response(status, head, body)

    async def tls(self, name: str | None, alpn: list[str] | None = None) -> None:
        """Become a TLS client; `name` is the SNI. Any certificate will do: these tests are about the other side."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(alpn)
        await self.writer.start_tls(context, server_hostname=name, ssl_handshake_timeout=PATIENCE_S)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(2):
                await self.writer.wait_closed()


class Counter:
    """A listening socket where the exchange might be: it counts who comes and answers everybody 200."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()


type Handle = Callable[[RawRequest, Ticket], Awaitable[Answer]]


async def ok(raw: RawRequest, ticket: Ticket) -> Answer:
    return Answer(200, b'{"code": "FROM_GATE"}', decision_id="d-1")


@dataclass
class FakeGate:
    """A gate by interface: it lets every tunnel open and answers with `on_handle`; it notes what it is told."""

    on_handle: Handle = ok
    on_connect: Callable[[str, int], Answer | None] = lambda host, port: None
    on_answered: Callable[[Ticket, bool], None] = lambda ticket, delivered: None
    handled: list[RawRequest] = field(default_factory=list)
    delivered: list[bool] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def connect(self, host: str, port: int) -> Answer | None:
        return self.on_connect(host, port)

    def passes_through(self, host: str, port: int) -> bool:
        return False

    def refuse_tunnel(
        self, host: str, port: int, detail: str, code: DenyCode = DenyCode.DESTINATION_NOT_ALLOWED
    ) -> Answer:
        raise AssertionError("no other host is listed")

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        self.handled.append(raw)
        answer = await self.on_handle(raw, ticket)
        ticket.attempt = ticket.attempt or Attempt("d-1", ("bot", "an order without an id"), asyncio.Future())
        return answer

    def answered(self, ticket: Ticket, *, delivered: bool) -> None:
        self.delivered.append(delivered)
        self.on_answered(ticket, delivered)

    def unreadable(self, code: DenyCode, detail: str) -> Answer:
        return answer_of(refusal(code, decision_id="d-2", message=detail), "d-2")

    def note_fault(self, decision_id: str, hook: str) -> None:
        self.faults.append(hook)


@dataclass
class Opened:
    """Open doors, and ways in."""

    doors: Doors
    proxy_port: int
    base_url_port: int

    async def proxy(self) -> Wire:
        return Wire(*await asyncio.open_connection("127.0.0.1", self.proxy_port))

    async def base_url(self) -> Wire:
        return Wire(*await asyncio.open_connection("127.0.0.1", self.base_url_port))

    async def try_tunnel(self, data: bytes, target: str) -> Response:
        """The answer to one request inside a tunnel, or to the CONNECT, or status 0 when we are hung up on."""
        wire = await self.proxy()
        try:
            answer = await wire.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            if answer.status != 200:
                return answer
            await wire.tls(HOST)
            return await wire.ask(data)
        except (ConnectionError, ssl.SSLError):
            return Response(0)
        finally:
            await wire.close()

    async def tunnel(self, target: str = f"{HOST}:443", sni: str | None = HOST, alpn: list[str] | None = None) -> Wire:
        """The proxy door's normal way in. Raises ConnectionError when the tunnel or its TLS is refused."""
        wire = await self.proxy()
        answer = await wire.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        if answer.status != 200:
            await wire.close()
            raise ConnectionError(answer.code)
        await wire.tls(sni, alpn)
        return wire

    def add_addons(self, *, before: Any = None, after: Any = None) -> None:
        """Put addons into mitmproxy's chain, right before and after ours."""
        manager = self.doors._master.addons
        place = manager.chain.index(self.doors.enforcer)
        if after is not None:
            manager.chain.insert(place + 1, manager.register(after))
        if before is not None:
            manager.chain.insert(place, manager.register(before))


@asynccontextmanager
async def opened(gate: Any, leaf: Path, deadline_s: float = 5.0, stalled_s: float = 2.0) -> AsyncIterator[Opened]:
    """Doors with this gate behind them; a hook may take `deadline_s`, half a request `stalled_s`."""
    doors = Doors(gate, leaf, deadline_s, stalled_s)
    proxy, base_url = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    await doors.open(proxy, base_url)
    try:
        yield Opened(doors, proxy.getsockname()[1], base_url.getsockname()[1])
    finally:
        await doors.close()
        await until(lambda: not doors._proxyserver.connections)
        for _ in range(3):
            await asyncio.sleep(0)  # the loop lets go of what was closed


@asynccontextmanager
async def stock(*addons: Any) -> AsyncIterator[int]:
    """The port of a mitmproxy as its maker ships it, with these addons: what a test is red against."""
    running = Master(Options(), with_termlog=False)
    server = Proxyserver()
    running.addons.add(Core(), server, NextLayer(), *addons)
    running.options.update(server=False, connection_strategy="lazy", upstream_cert=False)
    task = asyncio.create_task(running.run())
    door: ServerInstance[Any] = ServerInstance.make("regular", server)
    listener = await asyncio.start_server(door.handle_stream, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        close_clients(server)
        running.shutdown()
        await task
        await until(lambda: not server.connections)


async def until(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait until a condition holds; TimeoutError when it does not."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.005)


def get(target: str = "/trade-api/v2/markets", host: str = HOST, *headers: str) -> bytes:
    """A GET as bytes."""
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def post(body: bytes = b"{}", target: str = "/trade-api/v2/portfolio/events/orders", host: str = HOST) -> bytes:
    """A POST as bytes."""
    head = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
