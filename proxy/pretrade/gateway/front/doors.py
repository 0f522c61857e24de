"""The two doors: mitmproxy with the addons needed and no more, behind listeners of our own.

The listeners are ours because mitmproxy's own would open a UDP port for a reverse proxy, only log a failed bind, and be
started by an option that anybody may set (feasibility.md 1).
"""

import asyncio
import socket
from asyncio import selector_events
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy import options
from mitmproxy.addons import core, proxyserver
from mitmproxy.proxy import mode_servers
from OpenSSL import SSL

from pretrade.gateway.front.alpn import check_http_1_1_only
from pretrade.gateway.front.enforcer import Enforcer
from pretrade.gateway.front.failclosed import HOOK_DEADLINE_S, FailClosedMaster
from pretrade.gateway.front.gatekeeper import GateKeeper
from pretrade.gateway.front.layers import LARGE_ANSWER
from pretrade.gateway.front.options import apply_required
from pretrade.gateway.front.through import GIVEN_UP
from pretrade.gateway.machine.stalls import STALLED_S, Stalls

PROXY_MODE = "regular"
BASE_URL_MODE = "reverse:http://base.invalid:80"
"""Narrower than a second regular door: it takes no CONNECT. Its target is never resolved or dialled."""
BACKLOG = 512
UNREAD = 16 * 1024
"""Bytes of one client that wait to be read before it is made to wait: half of what asyncio may keep of them."""
UNREAD_PASSING = 8 * 1024
"""The same of another host's bytes: in asyncio's own measure, 64 KB, the tunnels came to 100 MB where nobody read."""
READ_AT_ONCE = 16 * 1024
"""Bytes that one reading of a socket may bring."""
# 256 KB in asyncio, so that each connection held as much of what nobody had looked at: two hundred that send without
# end came to 50 MB. There is no argument for it, and a Python without the name does not start, which is seen at once.
selector_events._SelectorTransport.max_size = READ_AT_ONCE  # type: ignore[attr-defined]
MAX_CONNECTIONS = 2_000
"""Clients' connections at once: what `stalls` and `through` leave, and as many with a request under way as leave the
process the file handles that it needs for the exchange. For one more, the new one is closed."""
LINGER_S = 2.0
"""How long a closed connection may wait for its client to read; and how often tunnels to other hosts are looked at."""
_TCP_CLOSE = 7
"""The state of a connection that was reset, in the first byte of Linux's tcp_info."""
_RELEASE_BUFFERS = 0x10
"""OpenSSL's SSL_MODE_RELEASE_BUFFERS: a connection that waits keeps no room for records, 34 KB each. Python's own ssl
sets it as well."""
MAX_UNREAD = 16 * 1024 * 1024
"""Bytes of answers that wait for clients to take them, in all."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """A client that has not taken all that it was sent: the bytes left, when it was found so or took some (in the
    loop's time), and whether it has taken any since it was found."""

    unread: int
    since: float
    reads: bool = False

    @property
    def rank(self) -> tuple[bool, float]:
        """Who goes first where too much is unread: a client that reads slowly but steadily is the last to."""
        return self.reads, self.since


def _seen(before: _Behind | None, unread: int, now: float) -> _Behind:
    if before is None:
        return _Behind(unread, now)
    if unread < before.unread:
        return _Behind(unread, now, reads=True)
    return _Behind(unread, before.since, before.reads)


class Doors:
    """The proxy door and the base-URL door on sockets that were bound before."""

    def __init__(
        self, gate: GateKeeper, leaf: Path, deadline_s: float = HOOK_DEADLINE_S, stalled_s: float = STALLED_S
    ) -> None:
        """Set mitmproxy up and check that it is as it must be. Needs a running loop; raises OptionsDifferError."""
        self._proxyserver = proxyserver.Proxyserver()
        context = tls_context(leaf)
        check_http_1_1_only(context)
        self.enforcer = Enforcer(
            gate, context, Stalls(self._close_client, stalled_s), relieve=self._relieve, narrow=self._narrow
        )
        self._master = FailClosedMaster(options.Options(), self.enforcer, deadline_s)
        self._master.addons.add(core.Core(), self._proxyserver, self.enforcer)
        apply_required(self._master.options)
        self.enforcer.options_are_set = True
        self._servers: list[asyncio.Server] = []
        self._running: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._behind: dict[asyncio.StreamWriter, _Behind] = {}
        self._next_look: asyncio.TimerHandle | None = None

    async def open(self, proxy: socket.socket, base_url: socket.socket) -> None:
        """Take connections on both sockets from now on."""
        self._running = asyncio.create_task(self._master.run(), name="mitmproxy")
        self._look_at_tunnels()
        for mode, bound in ((PROXY_MODE, proxy), (BASE_URL_MODE, base_url)):
            door: mode_servers.ServerInstance[Any] = mode_servers.ServerInstance.make(mode, self._proxyserver)
            self._servers.append(
                await asyncio.start_server(self._serve(door), sock=bound, backlog=BACKLOG, limit=UNREAD)
            )

    def stop_listening(self) -> None:
        """Take no new connections; those that are open go on."""
        for server in self._servers:
            server.close()

    async def close(self) -> None:
        """Close every connection and end mitmproxy."""
        self.stop_listening()
        if self._next_look is not None:
            self._next_look.cancel()
        close_clients(self._proxyserver)
        self._master.shutdown()  # type: ignore[no-untyped-call]
        if self._running is not None:
            await self._running
        for writer in self._writers:
            writer.transport.abort()

    def _serve(self, door: mode_servers.ServerInstance[Any]) -> Callable[..., Awaitable[None]]:
        """mitmproxy's handler of a connection, after which the socket is closed for certain.

        A connection that mitmproxy closes twice at once it does not close at all: the second cancellation meets the
        first one's clean-up. And a closed one is open, and known to nobody, for as long as its client does not read.
        """

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._writers) >= MAX_CONNECTIONS:
                writer.close()
                return
            self._writers.add(writer)
            try:
                await door.handle_stream(reader, writer)
            finally:
                await _close(writer)
                self._writers.discard(writer)
                _forget_fault(reader)

        return handle

    def _relieve(self) -> None:
        """End clients that leave too much unread: those first that have taken nothing yet, then those that took
        something longest ago. The newest answer has not been read by anybody yet."""
        now = asyncio.get_running_loop().time()
        by_age = [*self._behind, *self._writers.difference(self._behind)]
        unread = {writer: size for writer in by_age if (size := _unread(writer)) > LARGE_ANSWER}
        self._behind = {writer: _seen(self._behind.get(writer), size, now) for writer, size in unread.items()}
        total = sum(unread.values())
        for writer in sorted(list(self._behind)[:-1], key=lambda one: self._behind[one].rank):
            if total <= MAX_UNREAD:
                return
            total -= unread[writer]
            writer.transport.abort()

    def _look_at_tunnels(self) -> None:
        """Have the tunnels to other hosts looked at, now and every so often."""
        self._next_look = asyncio.get_running_loop().call_later(LINGER_S, self._look_at_tunnels)
        end_left_tunnels(self._proxyserver, self.enforcer.passing)

    def _narrow(self, client: str) -> None:
        narrow_tunnel(self._proxyserver, client)

    def _close_client(self, client: str) -> None:
        close_clients(self._proxyserver, client)


def _unread(writer: asyncio.StreamWriter) -> int:
    return writer.transport.get_write_buffer_size()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection once its client has read what it was sent, or has had the time to."""
    writer.close()
    try:
        async with asyncio.timeout(LINGER_S):
            await writer.wait_closed()
    except TimeoutError:
        writer.transport.abort()
    except OSError:
        pass


def _forget_fault(reader: asyncio.StreamReader) -> None:
    """Let go of how a write failed on a connection that is over: asyncio keeps the exception with the reader, and its
    traceback holds every frame of that write, and so the answer, in a ring that waits for the collector."""
    if (fault := reader.exception()) is not None:
        fault.__traceback__ = None


def close_clients(server: proxyserver.Proxyserver, client: str | None = None) -> None:
    """Close the connection of this client, or of all of them; who does not read by then is cut off. What is being
    dialled for it is given up, which may take the kernel minutes."""
    loop = asyncio.get_running_loop()
    for handler in list(server.connections.values()):
        if client not in (None, handler.client.id):
            continue
        transport = handler.transports.get(handler.client)
        if transport is not None and isinstance(transport.writer, asyncio.StreamWriter):
            transport.writer.close()
            loop.call_later(LINGER_S, transport.writer.transport.abort)
        for dialling in [one.handler for one in handler.transports.values() if one.writer is None]:
            if dialling is not None:
                dialling.cancel(GIVEN_UP)


def end_left_tunnels(server: proxyserver.Proxyserver, passing: Collection[str]) -> None:
    """End those of these clients' tunnels whose client is gone. While mitmproxy waits for the host to read, it hears
    nothing from the client, so that the seat would be kept until nothing had moved for `tcp_timeout`."""
    for handler in [one for one in server.connections.values() if one.client.id in passing]:
        side = handler.transports.get(handler.client)
        if side is None or not isinstance(side.writer, asyncio.StreamWriter) or not _has_gone(side.writer):
            continue
        for end in handler.transports.values():
            if isinstance(end.writer, asyncio.StreamWriter):
                end.writer.transport.abort()


def _has_gone(writer: asyncio.StreamWriter) -> bool:
    """Whether the other end can neither read nor write any more, as the kernel knows. One that has said all it had to
    say may still read: it has not gone. Where the kernel tells nothing (it does on Linux), nobody has."""
    try:
        known: bytes = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except AttributeError:
        return False
    except OSError:
        return True  # closed here already
    return known[0] == _TCP_CLOSE


def narrow_tunnel(server: proxyserver.Proxyserver, client: str) -> None:
    """Keep little of what passes between this client and another host: whatever one side sent last is with the other's
    kernel before more is read, and of what is not read yet no more than a little waits."""
    for handler in [one for one in server.connections.values() if one.client.id == client]:
        for side in handler.transports.values():
            if isinstance(side.writer, asyncio.StreamWriter) and isinstance(side.reader, asyncio.StreamReader):
                side.writer.transport.set_write_buffer_limits(high=0)
                # mitmproxy dials with asyncio's default, and a reader has no other way to be told
                side.reader._limit = UNREAD_PASSING  # type: ignore[attr-defined]


def tls_context(leaf: Path) -> SSL.Context:
    """TLS towards clients: one leaf, TLS 1.2 or newer, HTTP/1.1 only, no renegotiation."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_mode(_RELEASE_BUFFERS)
    context.use_certificate_chain_file(str(leaf))
    context.use_privatekey_file(str(leaf))
    context.check_privatekey()
    context.set_alpn_select_callback(_choose_http_1_1)
    return context


def _choose_http_1_1(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to the address. Raises OSError.

    Its protocol number is stated because asyncio sets TCP_NODELAY only on sockets that have one, and without it a
    request takes 40 ms (feasibility.md 1).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)  # noqa: FBT003 - positional only
    return bound
