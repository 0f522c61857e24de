"""HTTP in front of the dispatcher: the one place that knows aiohttp's requests and carries out faults.

Rule of this file: a write is noted before anything is done with it; the order of things is note, fault, body, answer.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass

from aiohttp import web

from pretrade.practice.call import Reply
from pretrade.practice.control import PREFIX, Control
from pretrade.practice.dispatch import Dispatcher, HttpRequest
from pretrade.practice.errors import ExchangeError, Shape
from pretrade.practice.faults import Fault, FaultKind, FaultPlan
from pretrade.practice.requestlog import RequestLog, SeenRequest


@dataclass(frozen=True, slots=True)
class Front:
    """Answers every request that arrives. `stopping` ends held answers when the server stops."""

    dispatcher: Dispatcher
    control: Control
    faults: FaultPlan
    log: RequestLog
    stopping: asyncio.Event

    async def handle(self, request: web.Request) -> web.Response:
        """The handler of every method and path."""
        path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
        try:
            if path.startswith(PREFIX):
                return _response(self.control.answer(await _whole(request, path, query)))
            return await self._handle(request, path, query)
        except ConnectionError:
            return _close(request)  # the client went away in the middle of its body

    async def _handle(self, request: web.Request, path: str, query: str) -> web.Response:
        seen = self._note(request, path, query)
        fault = self.faults.take(request.method, path)
        if fault is not None:
            seen.fault = str(fault.kind)
            if fault.kind is FaultKind.CLOSE_BEFORE_READ:
                return _close(request)
        whole = await _whole(request, path, query)
        seen.body = whole.body.decode("utf-8", "backslashreplace")
        reply = None
        if fault is None or fault.executes():
            reply = self.dispatcher.answer(whole)
            seen.executed = True
        if fault is not None:
            reply = await self._spoilt(fault, reply)
        if reply is None:
            return _close(request)
        seen.status = reply.status
        return _response(reply)

    def _note(self, request: web.Request, path: str, query: str) -> SeenRequest:
        now = self.dispatcher.exchange.clock()
        if request.method == "GET":
            return SeenRequest(request.method, path, query, [], now)
        return self.log.note(request.method, path, query, list(request.headers.items()), now)

    async def _spoilt(self, fault: Fault, reply: Reply | None) -> Reply | None:
        """What is answered instead, the same much later, or None for no answer at all."""
        match fault.kind:
            case FaultKind.STATUS:
                return Reply(fault.status, _error(fault.status).body())
            case FaultKind.EMPTY_SUCCESS:
                return Reply(201, {})
            case FaultKind.HOLD:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), fault.seconds)
                return reply
            case _:
                return None


def _error(status: int) -> ExchangeError:
    if status == 429:
        return ExchangeError(429, "too_many_requests", shape=Shape.TEXT)
    codes = {408: "request_timeout", 500: "internal_server_error", 502: "bad_gateway", 503: "service_unavailable"}
    return ExchangeError(status, codes.get(status, "error"))


async def _whole(request: web.Request, path: str, query: str) -> HttpRequest:
    return HttpRequest(request.method, path, query, request.headers, await request.read())


def _close(request: web.Request) -> web.Response:
    """Close the connection; the response object that the library wants is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


def _response(reply: Reply) -> web.Response:
    if reply.body is None:
        return web.Response(status=reply.status)
    text = json.dumps(reply.body, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return web.Response(status=reply.status, body=text.encode(), content_type="application/json")
