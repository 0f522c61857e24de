"""Connections that send something and never a request: closed after a while, since nobody would ever answer them.

mitmproxy waits without end for what cannot become a request any more (a line feed before it, a body cut short,
trailers, bytes of another protocol). A connection that is idle between two requests is left alone.
"""

import asyncio
from collections.abc import Callable

STALLED_S = 5.0
"""From the connection, and from the CONNECT, to the first head; and from a head to the end of its body."""


class Stalls:
    """One timer a client connection. `close` is called with the id of a connection whose time is up."""

    def __init__(self, close: Callable[[str], None], after_s: float = STALLED_S) -> None:
        self._close = close
        self._after_s = after_s
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def expect(self, client: str) -> None:
        """Something must come from this connection soon; the time starts anew."""
        self.forget(client)
        self._timers[client] = asyncio.get_running_loop().call_later(self._after_s, self._time_is_up, client)

    def forget(self, client: str) -> None:
        """It came, or the connection has gone."""
        if timer := self._timers.pop(client, None):
            timer.cancel()

    def _time_is_up(self, client: str) -> None:
        self._timers.pop(client, None)
        self._close(client)
