"""The stream over a real WebSocket: handshake, reading, writing, heartbeat. The only file here that knows aiohttp.

Rule of this file: no message is made here. Timers are asyncio's, because they watch the network; every moment that a
client is told is the exchange's.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.stream import desk
from pretrade.practice.stream.hub import Hub
from pretrade.practice.stream.session import GOING_AWAY, End, Frame, Member, Session

PATH = "/trade-api/ws/v2"
HEARTBEAT = b"heartbeat"
_MAX_COMMAND_BYTES = 1 << 20

type Admit = Callable[[Mapping[str, str], str], Member]
"""Who a handshake's headers and path belong to. Raises ExchangeError."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: a ping each `heartbeat`, and a close of a client that has not answered one by the time of the next.

    That an unanswered ping closes the connection at the next is a documented choice, and so is its code, 1011.
    """

    heartbeat: float = 10.0
    close: float = 2.0


class StreamServer:
    """Opens and serves the connections of a hub."""

    def __init__(self, hub: Hub, admit: Admit, timing: Timing | None = None) -> None:
        self.hub = hub
        self._admit = admit
        self._timing = timing or Timing()
        self._open: set[_Connection] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends. A bad key, clock, signature or scope is answered before the upgrade."""
        socket = web.WebSocketResponse(
            autoping=False, timeout=self._timing.close, max_msg_size=_MAX_COMMAND_BYTES, compress=True
        )
        try:
            member = self._admit(request.headers, request.rel_url.raw_path)
            if not socket.can_prepare(request).ok:
                raise ExchangeError(400, "bad_request", "this path is a WebSocket; a handshake was expected")
            connection = _Connection(self.hub, member, socket, request.transport, self._timing)
        except ExchangeError as error:
            return web.json_response(error.body(), status=error.status, dumps=_compact)
        self._open.add(connection)
        try:
            await socket.prepare(request)
            await connection.serve()
        finally:
            self._open.discard(connection)
            connection.forget()
        return socket

    async def stop(self) -> None:
        """Close all connections with code 1001; what waits to be sent is not sent any more."""
        leaving = list(self._open)
        for connection in leaving:
            connection.leaving.set()
        await asyncio.gather(*(connection.ended.wait() for connection in leaving))


class _Connection:
    """One connection: a reader, a writer and a heartbeat that end together; `leaving` ends them all."""

    def __init__(
        self,
        hub: Hub,
        member: Member,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        timing: Timing,
    ) -> None:
        self._hub = hub
        self._socket = socket
        self._transport = transport
        self._timing = timing
        self._waiting = asyncio.Event()
        self._late: deque[Frame] = deque()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._has_answered = True
        self._session: Session = hub.open(member, self._waiting.set)
        self.leaving = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self) -> None:
        """Run until the client leaves or something ends the connection."""
        parts = (self._read(), self._write(), self._beat(), self._leave())
        tasks: list[asyncio.Task[End | None]] = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hub.close(self._session)
        for end in [task.result() for task in done]:
            if end is not None:
                await self._finish(end)

    def forget(self) -> None:
        """Let go of everything, whatever became of the connection."""
        self._hub.close(self._session)
        for timer in self._timers.values():
            timer.cancel()
        self.ended.set()

    async def _leave(self) -> End:
        await self.leaving.wait()
        return End(GOING_AWAY)

    async def _read(self) -> None:
        async for message in self._socket:
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    desk.answer(self._hub, self._session, message.data)
                case WSMsgType.PING if not self._session.is_silent:
                    with contextlib.suppress(ConnectionError):
                        await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    self._has_answered = True
                case WSMsgType.PING:
                    pass
                case _:
                    return

    async def _write(self) -> End | None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                while self._late:
                    await self._send(self._late.popleft())
                while (item := self._hub.take(self._session)) is not None:
                    if isinstance(item, End):
                        return item
                    if item.after_seconds:
                        self._send_later(item)
                    else:
                        await self._send(item)
        return None

    def _send_later(self, frame: Frame) -> None:
        def is_due() -> None:
            del self._timers[id(frame)]
            self._late.append(frame)
            self._waiting.set()

        self._timers[id(frame)] = asyncio.get_running_loop().call_later(frame.after_seconds, is_due)

    async def _send(self, frame: Frame) -> None:
        await self._socket.send_str(frame.text(self._hub.exchange.clock() // 1_000))

    async def _beat(self) -> End | None:
        """A client that reads nothing does not let a ping out either, and has not answered it by the next."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while self._has_answered:
                if self._session.is_silent:
                    await asyncio.Event().wait()
                self._has_answered = False
                await asyncio.wait_for(self._socket.ping(HEARTBEAT), self._timing.heartbeat)
                await asyncio.sleep(self._timing.heartbeat)
        return End(WSCloseCode.INTERNAL_ERROR)

    async def _finish(self, end: End) -> None:
        """Close with a code, or cut; who does not take part in the closing is cut too."""
        if end.code is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._socket.close(code=end.code), self._timing.close)
        if self._transport is not None and (end.code is None or not self._socket.closed):
            self._transport.abort()


def _compact(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), sort_keys=True)
