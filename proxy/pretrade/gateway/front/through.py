"""Tunnels to other hosts, those that the policy lists: bytes both ways as they come, and what is looked at anyway.

Rule of this file: nothing is decrypted, changed or kept. Looked at is where a listed name leads, and whom the client's
first TLS message asks for: a name in the exchange's domains is the exchange, at whatever address it is served from.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from mitmproxy.connection import Client, Server
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.tls import get_client_hello

from pretrade.gateway.front.bounded import MAX_HELLO, MAX_HELLO_PIECES, Bounded
from pretrade.kalshi.hosts import DOMAINS

MAX_THROUGH = 128
"""Tunnels to other hosts at once, each of which holds two file handles, and some 200 KB where neither end reads, for as
long as its ends like."""

FIND_S = 4.0
"""What the name service may take."""
MAX_FAR_ENDS = 4
"""Addresses of one name that are tried, one after the other."""

GIVEN_UP = "pretrade gave up"
"""With what the dialling of a client is canceled that is closed meanwhile: no other address is tried then."""

OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_NOT_REACHED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TLS_HANDSHAKE = b"\x16"

type Address = tuple[str, int]


async def find(host: str, port: int) -> tuple[Address, ...]:
    """The addresses that a name leads to now; none where it leads nowhere, or nobody says in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(FIND_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return ()
    return tuple(dict.fromkeys((str(entry[4][0]), port) for entry in found))[:MAX_FAR_ENDS]


def misled(host: str, far_ends: Iterable[Address]) -> str | None:
    """What is wrong with where a name leads, or None. Whoever answers for a name may let it lead anywhere: to this
    machine's own services (which only a name without a dot, or in .localhost, may mean) or to a cloud's metadata."""
    is_local = "." not in host or host.endswith(".localhost")
    for text, _ in far_ends:
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return f"{host} leads to {text}, where nothing is passed through to"
        if address.is_loopback and not is_local:
            return f"{host} leads to this machine ({text}); only a name like localhost may"
    return None


def asks_for_exchange(first: bytes) -> bool | None:
    """Whether a client's first bytes are a TLS hello with a name of the exchange's in it; None while that is open.

    Raises ValueError for what begins as a hello and cannot be read as one: somebody else may read it otherwise.
    """
    if not first.startswith(_TLS_HANDSHAKE):
        return False
    hello = get_client_hello(first)
    if hello is None:
        return None
    return any(domain.encode() in hello.lower() for domain in DOMAINS)


class Watcher(Protocol):
    """Who is told what such a tunnel is at. None of it may raise."""

    def expects(self, client: Client) -> None:
        """Something must come of this connection soon."""

    def passes(self, client: Client) -> None:
        """From now on it owes us nothing."""

    def may_dial(self, server: Server) -> None:
        """This one server may be connected to."""

    def strayed(self, address: Address, detail: str) -> None:
        """A tunnel to this address was cut, and why."""


class Through(Bounded):
    """Bytes to another host and back for what else a bot talks to."""

    def __init__(
        self, made: context.Context, watcher: Watcher, address: Address, far_ends: tuple[Address, ...]
    ) -> None:
        super().__init__(made)
        self._watcher = watcher
        self._address = address
        self._far_ends = far_ends
        self._first = b""
        self._pieces = 0

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        client = self.context.client
        self._watcher.expects(client)
        is_open = yield from self._dial()
        if not is_open:
            yield commands.SendData(client, _NOT_REACHED)
            yield commands.CloseConnection(client)
            return
        self._watcher.passes(client)
        yield commands.SendData(client, OPENED)
        self._inside = TCPLayer(self.context, ignore=True)
        self._handle_event = self._look  # type: ignore[method-assign]
        yield from self._inside.handle_event(events.Start())

    def _dial(self) -> layer.CommandGenerator[bool]:
        for far_end in self._far_ends:
            server = self.context.server = Server(address=far_end)
            self._watcher.may_dial(server)
            error = yield commands.OpenConnection(server)
            if not error or error == GIVEN_UP:
                return not error
        return False

    def _look(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Hold the client's first bytes back until it is known whom they ask for."""
        if not isinstance(event, events.DataReceived) or event.connection is not self.context.client:
            yield from self._inside.handle_event(event)
            return
        self._first += event.data
        self._pieces += 1
        problem, is_known = self._read_first()
        if problem:
            self._watcher.strayed(self._address, problem)
            self._handle_event = self._cut  # type: ignore[method-assign]
            yield commands.CloseConnection(self.context.server)
            yield commands.CloseConnection(self.context.client)
        elif is_known:
            self._handle_event = self._inside.handle_event  # type: ignore[method-assign]
            yield from self._inside.handle_event(events.DataReceived(self.context.client, self._first))
            self._first = b""

    def _read_first(self) -> tuple[str, bool]:
        try:
            asks = asks_for_exchange(self._first)
        except ValueError:
            return "the first TLS message cannot be read", True
        if asks:
            return (
                "the first TLS message asks for the exchange, whose requests are judged and never passed through",
                True,
            )
        if asks is None and (len(self._first) > MAX_HELLO or self._pieces > MAX_HELLO_PIECES):
            return "the first TLS message is too long", True
        return "", asks is not None

    def _cut(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Nothing more is done with what comes."""
        yield from ()
