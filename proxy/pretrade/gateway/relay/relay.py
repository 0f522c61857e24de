"""Our own relay: a WebSocket server on loopback that serves only what the doors hand over to it.

Rule of this file: nobody gets anything here but with a token of the gate's, which is good once. Everything else that
connects is refused, or hung up on when it says nothing.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.protocol import State

from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.messages import Answer, Refusal
from pretrade.gateway.relay.handshake import TOKEN_HEADER
from pretrade.gateway.relay.stream_life import StreamLife
from pretrade.gateway.relay.streams import TOKEN_MS, Admission
from pretrade.gateway.way.refusals import Refuser
from pretrade.kalshi.stream import CLOSE_S, CONNECT_S, HANDSHAKE_S, QUIET, StreamDialler
from pretrade.kalshi.stream_commands import MAX_COMMAND
from pretrade.model.codes import DenyCode

log = structlog.get_logger()

HOST = "127.0.0.1"
OPEN_S = CONNECT_S + HANDSHAKE_S + 4.0
"""From the connection to our 101: longer than the exchange has for its own."""
PING_S = 10.0
MAX_FRAME = 4 * MAX_COMMAND
"""What is larger is not even read, and has no answer but the close code 1009."""
MAX_WAITING = 16
"""Commands that wait for their turn, before the client is made to wait."""
MAX_STRANGERS = 64
"""Connections that have not shown a token yet; for one more, the oldest is closed."""


class Relay:
    """The server, and the lives of its streams."""

    def __init__(self, instance: Instance, dialler: StreamDialler) -> None:
        self._instance = instance
        self._dialler = dialler
        self._refuser = Refuser(instance.journal, instance.flood)
        self._strangers = Stalls(self._cut, TOKEN_MS / 1000, MAX_STRANGERS)
        self._legs: dict[str, ServerConnection] = {}
        self._lives: dict[str, StreamLife] = {}
        self._tasks: dict[asyncio.Task[None], StreamLife] = {}
        self._stopping = asyncio.Event()
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen, and let the gate know where. Raises OSError."""
        self._server = await serve(
            self._serve,
            HOST,
            0,
            process_request=self._process_request,
            create_connection=self._make_leg,  # type: ignore[arg-type]  # a class is asked for, calling it is all
            compression=None,
            logger=QUIET,
            server_header=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=PING_S,
            ping_timeout=2 * PING_S,
            max_size=MAX_FRAME,
            max_queue=MAX_WAITING,
        )
        self._instance.streams.relay = self._server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """End every stream with 1001 and stop listening. Takes a few seconds at most."""
        self._instance.streams.relay = None
        self._stopping.set()
        for task, life in self._tasks.items():
            if not life.told.done():
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for leg in list(self._legs.values()):
            leg.transport.abort()
        if self._server is not None:
            self._server.close(close_connections=False)
            await self._server.wait_closed()

    # What follows is called by the server.

    def _make_leg(self, *arguments: Any, **more: Any) -> ServerConnection:
        return _Leg(self._came, self._gone, *arguments, **more)

    def _came(self, leg: ServerConnection) -> None:
        self._legs[str(leg.id)] = leg
        self._strangers.expect(str(leg.id))

    def _gone(self, leg: ServerConnection) -> None:
        self._strangers.forget(str(leg.id))
        self._legs.pop(str(leg.id), None)
        life = self._lives.pop(str(leg.id), None)
        if life is not None and not life.is_open.done():
            life.is_open.set_result(False)

    async def _process_request(self, leg: ServerConnection, request: Request) -> Response | None:
        """Let in who has a token, once the exchange has opened the stream; None lets the 101 go out."""
        tokens = request.headers.get_all(TOKEN_HEADER)
        admission = self._instance.streams.redeem(tokens[0]) if len(tokens) == 1 else None
        self._strangers.forget(str(leg.id))
        if admission is None:
            refusal = Refusal(DenyCode.DESTINATION_NOT_ALLOWED, "the relay serves only what the doors hand over to it")
            return _page(self._refuser.refuse(refusal, None))
        if leg.state is not State.CONNECTING:
            self._instance.streams.end(admission)
            return None
        answer = await asyncio.shield(self._begin(leg, admission).told)
        return None if answer is None else _page(answer)

    def _begin(self, leg: ServerConnection, admission: Admission) -> StreamLife:
        life = StreamLife(self._instance, self._dialler, self._refuser, admission, leg, self._stopping)
        self._lives[str(leg.id)] = life
        task = asyncio.create_task(life.run(), name=f"stream {admission.decision_id}")
        self._tasks[task] = life
        task.add_done_callback(self._ended)
        return life

    async def _serve(self, leg: ServerConnection) -> None:
        """The client's side stands: its life goes on with it, and outlives this call by its closing at most."""
        life = self._lives.get(str(leg.id))
        if life is not None and not life.is_open.done():
            life.is_open.set_result(True)
        await leg.wait_closed()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task).finish()
        if not task.cancelled() and (error := task.exception()):
            log.error("stream_failed", error=type(error).__name__, detail=str(error)[:200])

    def _cut(self, leg_id: str) -> None:
        if leg := self._legs.get(leg_id):
            leg.transport.abort()


class _Leg(ServerConnection):
    """The client's side of a stream, which says when it came and when it is gone."""

    def __init__(self, came: "Told", gone: "Told", *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._came, self._gone = came, gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone(self)


type Told = Callable[[ServerConnection], None]


def _page(answer: Answer) -> Response:
    """A refusal as the HTTP answer that stands in the place of a 101."""
    headers = Headers(
        [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Connection", "close"),
        ]
    )
    return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)
