"""The two doors: mitmproxy with the addons needed and no more, behind listeners of our own.

The listeners are ours because mitmproxy's own would open a UDP port for a reverse proxy, only log a failed bind, and be
started by an option that anybody may set (feasibility.md 1).
"""

import asyncio
import socket
from pathlib import Path
from typing import Any

from mitmproxy import options
from mitmproxy.addons import core, next_layer, proxyserver
from mitmproxy.proxy import mode_servers
from OpenSSL import SSL

from pretrade.gateway.enforcer import Enforcer, GateKeeper
from pretrade.gateway.failclosed import HOOK_DEADLINE_S, FailClosedMaster, speak_for_mitmproxy
from pretrade.gateway.options import apply_required
from pretrade.gateway.stalls import STALLED_S, Stalls

PROXY_MODE = "regular"
BASE_URL_MODE = "reverse:http://base.invalid:80"
"""Narrower than a second regular door: it takes no CONNECT. Its target is never resolved or dialled."""
BACKLOG = 512


class Doors:
    """The proxy door and the base-URL door on sockets that were bound before."""

    def __init__(
        self, gate: GateKeeper, leaf: Path, deadline_s: float = HOOK_DEADLINE_S, stalled_s: float = STALLED_S
    ) -> None:
        """Set mitmproxy up and check that it is as it must be. Needs a running loop; raises OptionsDifferError."""
        self._proxyserver = proxyserver.Proxyserver()
        self.enforcer = Enforcer(gate, tls_context(leaf), Stalls(self._close_client, stalled_s))
        speak_for_mitmproxy(self.enforcer.error_page)
        self._master = FailClosedMaster(options.Options(), self.enforcer, deadline_s)
        self._master.addons.add(core.Core(), self._proxyserver, self.enforcer, next_layer.NextLayer())
        apply_required(self._master.options)
        self.enforcer.options_are_set = True
        self._servers: list[asyncio.Server] = []
        self._running: asyncio.Task[None] | None = None

    async def open(self, proxy: socket.socket, base_url: socket.socket) -> None:
        """Take connections on both sockets from now on."""
        self._running = asyncio.create_task(self._master.run(), name="mitmproxy")
        for mode, bound in ((PROXY_MODE, proxy), (BASE_URL_MODE, base_url)):
            door: mode_servers.ServerInstance[Any] = mode_servers.ServerInstance.make(mode, self._proxyserver)
            self._servers.append(await asyncio.start_server(door.handle_stream, sock=bound, backlog=BACKLOG))

    def stop_listening(self) -> None:
        """Take no new connections; those that are open go on."""
        for server in self._servers:
            server.close()

    async def close(self) -> None:
        """Close every connection and end mitmproxy."""
        self.stop_listening()
        close_clients(self._proxyserver)
        self._master.shutdown()  # type: ignore[no-untyped-call]
        if self._running is not None:
            await self._running

    def _close_client(self, client: str) -> None:
        close_clients(self._proxyserver, client)


def close_clients(server: proxyserver.Proxyserver, client: str | None = None) -> None:
    """Close the connection of this client, or of all of them."""
    for handler in list(server.connections.values()):
        transport = handler.transports.get(handler.client)
        if transport is not None and transport.writer is not None and client in (None, handler.client.id):
            transport.writer.close()


def tls_context(leaf: Path) -> SSL.Context:
    """TLS towards clients: one leaf, TLS 1.2 or newer, HTTP/1.1 only, no renegotiation."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
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
