"""What a client may send before anybody can do anything with it.

Rule of this file: bounds and the layer that holds them; what is past one ends the connection, and so does a fault.
"""

from mitmproxy.proxy import commands, events, layer

from pretrade.gateway.front.failclosed import or_else

MAX_EARLY = 64 * 1024
"""Bytes that a client may send while its earlier request is being answered, or another host is being dialled."""

MAX_HELLO = 16 * 1024
MAX_HELLO_PIECES = 32
"""Bytes of a client's first TLS message, and pieces in which they may come. Usual ones have 2 KB and come in one or
two; mitmproxy looks through all that has come whenever a piece comes."""


class Bounded(layer.Layer):
    """A layer that keeps what a client sends while it waits for something else only up to a bound, and that ends its
    connection where it fails."""

    early = 0
    """Bytes that came while it waited."""

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """As in every layer; but more than the bound ends the connection."""
        if self._paused and isinstance(event, events.DataReceived):
            self.early += len(event.data)
            if self.early > MAX_EARLY:
                yield commands.CloseConnection(self.context.client)
                return
        yield from or_else(super().handle_event(event), self._give_up)

    def _give_up(self) -> layer.CommandGenerator[None]:
        """End a connection on which something failed; nothing more is read from it."""
        self._handle_event = self._over  # type: ignore[method-assign]
        yield commands.CloseConnection(self.context.client)

    def _over(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from ()
