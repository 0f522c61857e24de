"""The layer of a connection that is our own relay's business, and how a connection is left.

Rule of this file: bytes are passed on, and none is read. Until the relay has answered the handshake, a client has
nothing to say: what it sends all the same is the end of both sides.
"""

from typing import Protocol

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy import commands, context, events, layer


class Expecting(Protocol):
    """Who is told that a client owes us something."""

    def expects(self, client: Client) -> None:
        """Something must come from this connection soon."""


class Relayed(layer.Layer):
    """Bytes between a client and our own relay, which is connected and asked already, until either hangs up."""

    def __init__(self, made: context.Context, watcher: Expecting) -> None:
        super().__init__(made)
        self._watcher = watcher
        self._is_answered = False

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        client, relay = self.context.client, self.context.server
        if isinstance(event, events.DataReceived) and event.connection is relay:
            self._is_answered = True
            yield commands.SendData(client, event.data)
        elif isinstance(event, events.DataReceived) and self._is_answered:
            if relay.connected:
                yield commands.SendData(relay, event.data)
        elif isinstance(event, events.ConnectionClosed) and event.connection is relay:
            yield commands.CloseConnection(relay)
            yield from hang_up(client, self._watcher)
        elif isinstance(event, events.ConnectionEvent):
            yield from self._end()

    def _end(self) -> layer.CommandGenerator[None]:
        for side in (self.context.server, self.context.client):
            if side.state is not ConnectionState.CLOSED:
                yield commands.CloseConnection(side)


def hang_up(client: Client, watcher: Expecting) -> layer.CommandGenerator[None]:
    """Say that nothing more comes, and wait for the other side to have read it: closing a socket with bytes that were
    never read resets the connection, and the answer is lost with it. Who does not hang up in time is hung up on."""
    yield commands.CloseTcpConnection(client, half_close=True)
    watcher.expects(client)
