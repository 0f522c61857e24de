"""Our own layers in mitmproxy's core: what a connection says before its TLS, and inside it.

Rule of this file: bytes in, bytes out. Everything that decides is asked for through a hook, so that it runs under the
fail-closed manager; what is answered when that fails stands before it begins. No layer here opens a connection but to
our own relay.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from mitmproxy.connection import Client, Server
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.proxy.layers import ClientTLSLayer
from OpenSSL import SSL

from pretrade.gateway.front.bounded import MAX_HELLO, MAX_HELLO_PIECES, Bounded
from pretrade.gateway.front.heads import MAX_FIRST_HEAD, Message, RequestReader, Unreadable
from pretrade.gateway.front.pages import send_page
from pretrade.gateway.front.passing import Relayed, hang_up
from pretrade.gateway.front.through import OPENED, Address, Through
from pretrade.gateway.messages import Answer, Handover
from pretrade.gateway.way.attempts import Ticket
from pretrade.model.codes import DenyCode

LARGE_ANSWER = 64 * 1024
"""Behind a larger answer nothing is read that came before it was given: whoever asks and asks and never reads would
have us keep all the answers."""

AT_ONCE = 4 * 1024
"""Bytes that are cut into requests before the first of these is answered: 64 KB of short ones are 800, which take ten
times the room."""

_TLS_HANDSHAKE = 0x16
_TAKEN_AT_ONCE = 65_535
"""Bytes of TLS for a client that are taken from OpenSSL at once, as mitmproxy does."""


@dataclass(slots=True)
class Asked:
    """One request on its way through the hooks. `answer` is the refusal that stands until the gate has answered.

    `tunnel` is the CONNECT's address, or None outside a tunnel. A CONNECT that may pass is `let_in`; where there is a
    `through`, its bytes go to another host, untouched, at the first of these addresses that can be reached.
    """

    client: Client
    request: Message | Unreadable
    tunnel: Address | None
    answer: Answer
    ticket: Ticket = field(default_factory=Ticket)
    let_in: bool = False
    through: tuple[Address, ...] | None = None
    is_from_gate: bool = False
    has_failed: bool = False


class _OfOneRequest:
    """A hook's only argument, given without a look at its fields: mitmproxy asks for it three times a request."""

    asked: Asked

    def args(self) -> list[Any]:
        return [self.asked]


@dataclass
class PretradeConnectHook(_OfOneRequest, commands.StartHook):
    """A client asks for a tunnel, or says something else before one."""

    asked: Asked


@dataclass
class PretradeRequestHook(_OfOneRequest, commands.StartHook):
    """A client sent a request, or what is none."""

    asked: Asked


class Watcher(Protocol):
    """Who is told what a connection is at. None of it may raise."""

    def ask(self, client: Client, request: Message | Unreadable, tunnel: Address | None) -> Asked:
        """A request to put into a hook, with the refusal that stands. It is under way until `ended`."""

    def expects(self, client: Client) -> None:
        """Something must come from this connection soon."""

    def began(self, client: Client) -> None:
        """A request has begun."""

    def ended(self, asked: Asked, *, delivered: bool) -> None:
        """A request was answered, or nobody was there any more."""

    def may_dial(self, server: Server) -> None:
        """This one server may be connected to."""

    def handed_over(self, asked: Asked, *, reached: bool) -> None:
        """A request was handed over to our own relay, or that could not be reached."""

    def passes(self, client: Client) -> None:
        """This connection is another host's from now on, and owes us nothing."""

    def strayed(self, address: Address, detail: str) -> None:
        """A tunnel to another host was cut, and why."""


class FirstLayer(Bounded):
    """A connection to the proxy door: one CONNECT, then the tunnel."""

    def __init__(self, made: context.Context, watcher: Watcher) -> None:
        super().__init__(made)
        self._watcher = watcher
        self._reader = RequestReader(max_head=MAX_FIRST_HEAD)
        self._closing = False

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif isinstance(event, events.DataReceived) and not self._closing:
            for request in self._reader.feed(event.data)[:1]:
                yield from self._connect(request)

    def _connect(self, request: Message | Unreadable) -> layer.CommandGenerator[None]:
        client = self.context.client
        asked = self._watcher.ask(client, request, None)
        yield PretradeConnectHook(asked)
        if not asked.let_in or asked.tunnel is None:
            self._closing = True
            yield from send_page(client, asked.answer, request, last=True)
            yield from hang_up(client, self._watcher)
            return
        if asked.through is not None:
            inside: layer.Layer = Through(self.context, self._watcher, asked.tunnel, asked.through)
        else:
            yield commands.SendData(client, OPENED)
            self._watcher.expects(client)
            inside = _Tunnel(self.context, self._watcher, asked.tunnel)
        self._handle_event = inside.handle_event  # type: ignore[method-assign]
        yield from inside.handle_event(events.Start())
        if self._reader.rest:
            yield from inside.handle_event(events.DataReceived(client, self._reader.rest))


class _Tunnel(layer.Layer):
    """Inside a tunnel to the exchange: TLS. What comes in the clear is read as well, to be refused in words."""

    def __init__(self, made: context.Context, watcher: Watcher, tunnel: Address) -> None:
        super().__init__(made)
        self._watcher = watcher
        self._address = tunnel

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif isinstance(event, events.DataReceived):
            if event.data[0] == _TLS_HANDSHAKE:
                inside: layer.Layer = _BoundedTLS(self.context)
                inside.child_layer = RequestLayer(self.context, self._watcher, self._address)  # type: ignore[attr-defined]
            else:
                inside = RequestLayer(self.context, self._watcher, self._address)
            self._handle_event = inside.handle_event  # type: ignore[method-assign]
            yield from inside.handle_event(events.Start())
            yield from inside.handle_event(event)


class _BoundedTLS(ClientTLSLayer):
    """TLS with a client whose first message is bounded: one of 16 MB in records of one byte would stop the event loop
    for minutes."""

    def __init__(self, made: context.Context) -> None:
        super().__init__(made)
        self._pieces = 0

    def receive_handshake_data(self, data: bytes) -> layer.CommandGenerator[tuple[bool, str | None]]:
        """As in mitmproxy, up to the bounds; past them the connection is closed."""
        self._pieces += 1
        is_too_long = self._pieces > MAX_HELLO_PIECES or len(self.recv_buffer) + len(data) > MAX_HELLO
        if is_too_long and not self.client_hello_parsed:
            return False, "the first TLS message is too long"
        return (yield from super().receive_handshake_data(data))

    def tls_interact(self) -> layer.CommandGenerator[None]:
        """As in mitmproxy, but less than was asked for is all there was: to be told so takes an exception a request."""
        taken = _TAKEN_AT_ONCE
        while taken == _TAKEN_AT_ONCE:
            try:
                data = self.tls.bio_read(_TAKEN_AT_ONCE)
            except SSL.WantReadError:
                return
            yield commands.SendData(self.conn, data)
            taken = len(data)


class RequestLayer(Bounded):
    """Requests of one client, one after the other, each answered before the next is looked at."""

    def __init__(self, made: context.Context, watcher: Watcher, tunnel: Address | None) -> None:
        super().__init__(made)
        self._watcher = watcher
        self._tunnel = tunnel
        self._reader = RequestReader()
        self._closing = False
        self._more = 0
        self._left = 0
        self._asked: Asked | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif isinstance(event, events.DataReceived) and not self._closing:
            yield from self._read(event.data)

    def _read(self, data: bytes) -> layer.CommandGenerator[None]:
        for start in range(0, len(data), AT_ONCE):
            self._left = max(0, len(data) - start - AT_ONCE)
            yield from self._read_some(data[start : start + AT_ONCE])
            if self._closing:
                return

    def _read_some(self, data: bytes) -> layer.CommandGenerator[None]:
        was_in_message, was_in_body = self._reader.in_message, self._reader.in_body
        requests = self._reader.feed(data)
        self._more = len(requests)
        if self._reader.in_message and (not was_in_message or (self._reader.in_body and not was_in_body)):
            self._watcher.began(self.context.client)
        for request in requests:
            self._more -= 1
            yield from self._answer(request)
            if self._closing:
                return

    def _answer(self, request: Message | Unreadable) -> layer.CommandGenerator[None]:
        client = self.context.client
        if isinstance(request, Message) and self._is_followed(request):
            request = Unreadable(DenyCode.REQUEST_MALFORMED, "nothing may follow a handshake before its answer")
        asked = self._asked = self._watcher.ask(client, request, self._tunnel)
        self.early = 0
        yield PretradeRequestHook(asked)
        if asked.answer.handover is not None:
            is_relayed = yield from self._hand_over(asked, asked.answer.handover)
            if is_relayed:
                self._asked = None
                return
        last = isinstance(request, Unreadable) or request.last or self._runs_ahead(asked.answer)
        # Half a connection will do to send an answer, but whoever closed the other half may have gone for good.
        delivered = client.connected
        yield from send_page(client, asked.answer, request, last=last)
        self._asked = None
        self._watcher.ended(asked, delivered=delivered)
        if last:
            self._closing = True
            yield from hang_up(client, self._watcher)
        elif self._reader.in_message:
            self._watcher.began(client)

    def _give_up(self) -> layer.CommandGenerator[None]:
        asked, self._asked = self._asked, None
        yield from super()._give_up()
        if asked is not None:  # its order may have been sent: for the same one its answer is kept
            self._watcher.ended(asked, delivered=False)

    def _runs_ahead(self, answer: Answer) -> bool:
        """Whether a client has asked on without waiting for an answer that is large."""
        return len(answer.body) > LARGE_ANSWER and (
            self._more > 0 or self._left > 0 or self.early > 0 or self._reader.in_message
        )

    def _is_followed(self, request: Message) -> bool:
        """Whether something came at once behind a handshake, read already or not."""
        return bool(self._reader.rest) or (self._left > 0 and any(name == "upgrade" for name, _ in request.headers))

    def _hand_over(self, asked: Asked, handover: Handover) -> layer.CommandGenerator[bool]:
        """Give the connection to our own relay, for good; False when it cannot be reached."""
        relay = self.context.server = Server(address=handover.relay)
        self._watcher.may_dial(relay)
        error = yield commands.OpenConnection(relay)
        self._watcher.handed_over(asked, reached=not error)
        if error:
            return False
        self._closing = True
        self._handle_event = Relayed(self.context, self._watcher).handle_event  # type: ignore[method-assign]
        yield commands.SendData(relay, handover.head)
        return True


class Closing(layer.Layer):
    """The layer of a connection about which nothing could be decided: it is closed."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield commands.CloseConnection(self.context.client)
