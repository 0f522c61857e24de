"""Connections that owe us a request: closed after a while, and when there are too many of them.

A blank line too few, a body cut short, a handshake never finished: such a connection waits without end, and a few
thousand of them would leave no room for a client that trades. One that is idle between two requests owes nothing, and
is closed only when there are too many of those.
"""

import asyncio
from collections.abc import Callable, Iterable

STALLED_S = 5.0
"""From the connection, and from the CONNECT, to the first head; from a head's first byte to its end, and from there to
the end of its body; and from our last answer to the client's hanging up."""

MAX_STALLED = 500
"""Connections that may owe something at once; for one more, the one that has owed longest is closed."""

MAX_IDLE = 500
"""Connections that may wait between two requests, each of which holds 50 KB; for one more, the one that has waited
longest is closed."""


class Stalls:
    """One timer a client connection. `close` is called with the id of a connection whose time is up."""

    def __init__(
        self,
        close: Callable[[str], None],
        after_s: float = STALLED_S,
        most: int = MAX_STALLED,
        most_idle: int = MAX_IDLE,
    ) -> None:
        self._close = close
        self._after_s = after_s
        self._most = most
        self._most_idle = most_idle
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._idle: dict[str, None] = {}

    def expect(self, client: str) -> None:
        """Something must come from this connection soon; the time starts anew."""
        self.forget(client)
        if len(self._timers) >= self._most:
            self._close_longest(self._timers)
        self._timers[client] = asyncio.get_running_loop().call_later(self._after_s, self._time_is_up, client)

    def rest(self, client: str) -> None:
        """This connection owes nothing: its next request may come or not."""
        self.forget(client)
        if len(self._idle) >= self._most_idle:
            self._close_longest(self._idle)
        self._idle[client] = None

    def forget(self, client: str) -> None:
        """It came, or the connection has gone."""
        self._idle.pop(client, None)
        if timer := self._timers.pop(client, None):
            timer.cancel()

    def _close_longest(self, waiting: Iterable[str]) -> None:
        longest = next(iter(waiting))
        self.forget(longest)
        self._close(longest)

    def _time_is_up(self, client: str) -> None:
        self._timers.pop(client, None)
        self._close(client)
