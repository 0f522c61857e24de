"""Both ways of an open stream: commands up, messages down, until either side ends or does what it may not.

Rule of this file: up goes only what `stream_commands` wrote; down goes everything, as it came. Nothing is kept but what
the library holds, which is bounded: whoever does not read makes the other side wait, and a client only for so long.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from pretrade.kalshi.stream_commands import TOO_MANY, Refused, read_command
from pretrade.model.codes import CODES, DenyCode

SLOW_S = 5.0
"""What a client may take to read what is before one message, ours or the exchange's. Shorter than the exchange waits
for a pong that stands in the same queue."""
COMMANDS, WITHIN_S = 100, 10.0
"""So many commands may come within so many seconds: a client that reconnects asks for all its markets at once."""

NORMAL, GOING_AWAY, POLICY, FAILED, RESTARTED = 1000, 1001, 1008, 1011, 1012
_NO_CODE, _NO_CLOSE = 1005, 1006


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ended: by whom (client, exchange or proxy), with which close code, and why. A `code` of 1005 or 1006
    was never sent by anybody: there was no code, or no close at all.

    `is_retryable` says whether the same may be done again on another stream; None where the words are not ours."""

    by: str
    code: int
    reason: str
    is_retryable: bool | None = None

    @property
    def client_code(self) -> int:
        """The code that the client is told. What the exchange said is passed on; what it did not say is put in words
        that clients know: it went away, so come again."""
        if self.by == "exchange":
            return {_NO_CODE: NORMAL, _NO_CLOSE: RESTARTED}.get(self.code, self.code)
        return self.code


@dataclass(slots=True)
class Pumps:
    """One stream's two pumps. `on_refused` records a refused frame and gives the error frame for the client."""

    client: Connection
    exchange: Connection
    sees_private: bool
    on_refused: Callable[[Refused], str]
    stopping: asyncio.Event
    commands: int = 0
    messages: int = 0
    _latest: deque[float] = field(default_factory=lambda: deque(maxlen=COMMANDS))

    async def run(self) -> Ending:
        """Pump until one side ends or the proxy stops; both are still to be closed."""
        tasks = [asyncio.create_task(part) for part in (self._down(), self._up(), self._until_stop())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return next(task for task in tasks if task in done).result()

    async def _until_stop(self) -> Ending:
        await self.stopping.wait()
        return Ending("proxy", GOING_AWAY, "pretrade: the proxy is stopping", is_retryable=True)

    async def _up(self) -> Ending:
        while True:
            try:
                frame = await self.client.recv()
            except ConnectionClosed as e:
                return _ended("client", e)
            command = self._too_many() or read_command(frame, sees_private=self.sees_private)
            ending = await (self._refuse(command) if isinstance(command, Refused) else self._pass_up(command.text))
            if ending is not None:
                return ending

    async def _pass_up(self, text: str) -> Ending | None:
        try:
            await self.exchange.send(text)
        except ConnectionClosed as e:
            return _ended("exchange", e)
        self.commands += 1
        return None

    async def _refuse(self, refused: Refused) -> Ending | None:
        ending = await self._tell(self.on_refused(refused))
        if ending is None and refused.ends:
            retryable = CODES[refused.code].is_retryable
            return Ending("proxy", POLICY, f"pretrade: {refused.code}", is_retryable=retryable)
        return ending

    async def _down(self) -> Ending:
        while True:
            try:
                message = await self.exchange.recv()
            except ConnectionClosed as e:
                return _ended("exchange", e)
            if ending := await self._tell(message):
                return ending
            self.messages += 1

    async def _tell(self, message: str | bytes) -> Ending | None:
        try:
            async with asyncio.timeout(SLOW_S):
                await self.client.send(message)
        except TimeoutError:
            return Ending("proxy", POLICY, "pretrade: the client reads too slowly", is_retryable=True)
        except ConnectionClosed as e:
            return _ended("client", e)
        return None

    def _too_many(self) -> Refused | None:
        """The command is counted, and refused if it is one too many for the last seconds."""
        now = asyncio.get_running_loop().time()
        is_late = len(self._latest) < COMMANDS or now - self._latest[0] > WITHIN_S
        self._latest.append(now)
        if is_late:
            return None
        detail = f"{COMMANDS} commands within {WITHIN_S:.0f} s are taken"
        return Refused(DenyCode.STREAM_COMMANDS_EXCEED_MAXIMUM, TOO_MANY, detail)


def _ended(by: str, closed: ConnectionClosed) -> Ending:
    """How a side ended that was found closed. What it sent first counts; else what we could not take from it."""
    if closed.rcvd is not None:
        return Ending(by, closed.rcvd.code, closed.rcvd.reason)
    if closed.sent is not None:
        return Ending(by, FAILED, f"pretrade: the {by}'s side failed with {closed.sent.code}", is_retryable=True)
    return Ending(by, _NO_CLOSE, f"pretrade: the {by} is gone", is_retryable=True)
