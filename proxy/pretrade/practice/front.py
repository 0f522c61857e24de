"""HTTP in front of the dispatcher: the one place that takes aiohttp's requests apart and puts its responses together.

Rule of this file: a request is noted before anything is done with it; the order of things is note, fault, body, answer.
"""

import asyncio
from dataclasses import dataclass, replace

from aiohttp import web

from pretrade.practice.api.auth import KEY_HEADER
from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.assemble import Practice
from pretrade.practice.faults.byhand import SentByHand, end_connection
from pretrade.practice.faults.misbehave import Misbehaviour
from pretrade.practice.faults.plan import Fault
from pretrade.practice.faults.sending import JSON_TYPE, Sending, http_date, json_bytes
from pretrade.practice.play.control import PREFIX, Control
from pretrade.practice.requestlog import SeenRequest
from pretrade.practice.stream.wire import PATH as STREAM_PATH
from pretrade.practice.stream.wire import StreamServer


@dataclass(frozen=True, slots=True)
class Front:
    """Answers every request that arrives. `stopping` ends held answers when the server stops."""

    practice: Practice
    control: Control
    stopping: asyncio.Event
    stream: StreamServer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The handler of every method and path."""
        path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
        whole = HttpRequest(request.method, path, query, request.headers, b"")
        try:
            if path.startswith(PREFIX):
                return self._response(self.control.answer(replace(whole, body=await request.read())))
            return await self._answer(request, whole)
        except (ConnectionError, asyncio.IncompleteReadError):
            return _gone(request)  # the client went away in the middle of its body

    async def _answer(self, request: web.Request, whole: HttpRequest) -> web.StreamResponse:
        seen = self._note(whole)
        fault = self.practice.faults.take(whole.method, whole.path, whole.headers.get(KEY_HEADER, ""))
        if whole.path == STREAM_PATH and await self._may_upgrade(fault, seen):
            return await self.stream.handle(request)
        if fault is None:
            read = replace(whole, body=await request.read())
            seen.body = read.body.decode("utf-8", "backslashreplace")
            seen.executed = True
            answer: Sending | Reply = self.practice.dispatcher.answer(read)
        else:
            answer = await self._misbehaviour().answer(fault, request, whole, seen)
        if isinstance(answer, Sending):
            return SentByHand(answer, self.stopping)
        seen.status = answer.status
        return self._response(answer)

    async def _may_upgrade(self, fault: Fault | None, seen: SeenRequest) -> bool:
        """Whether a handshake goes on to become a stream: yes, unless it meets a fault that answers in its place."""
        return fault is None or await self._misbehaviour().only_delays(fault, seen)

    def _misbehaviour(self) -> Misbehaviour:
        return Misbehaviour(
            orders=self.practice.exchange.orders,
            faults=self.practice.faults,
            shown_us=self._shown_us,
            execute=self.practice.dispatcher.answer,
            begin=self.control.begin,
            stopping=self.stopping,
        )

    def _note(self, whole: HttpRequest) -> SeenRequest:
        now = self.practice.exchange.clock()
        return self.practice.log.note(whole.method, whole.path, whole.query, whole.headers.items(), now)

    def _shown_us(self) -> int:
        """What the exchange believes the time is."""
        return self.practice.exchange.clock() + self.practice.dispatcher.clock_window.skew_ms * 1_000

    def _response(self, reply: Reply) -> web.Response:
        headers = {"Date": http_date(self._shown_us())}
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        return web.Response(status=reply.status, body=json_bytes(reply.body), content_type=JSON_TYPE, headers=headers)


def _gone(request: web.Request) -> web.Response:
    """Close the connection; the response object that the library wants is never sent."""
    end_connection(request)
    return web.Response(status=500)
