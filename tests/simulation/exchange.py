"""Our client to the exchange by interface: a network that loses and delays, and the practice exchange behind it.

Rule of this file: what a fault does to a request is drawn when its first byte leaves, and happens whoever has gone
meanwhile. `NotSent` is raised only before that byte. One write in ten meets a fault,
and fewer reads, of which a reconciliation needs a dozen.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.simulation.watch import ASKED, Asked, Watch

from pretrade.kalshi.client import Answer, Lane, NotSent, Unknown
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.units import Count, format_count
from pretrade.practice.api.call import Reply
from pretrade.practice.faults.sending import json_bytes
from pretrade.practice.simulation import Simulation

ANSWER_S = 8.0
"""How long our client waits, as `kalshi.client.Upstream` does."""
WINDOW_S = 9.9
"""Nearly as long as the exchange takes a signature for fresh: later than that a request is refused by itself."""


class Fault(StrEnum):
    """What goes wrong with one request."""

    NO_CONNECTION = "no_connection"
    SLOW_CONNECTION = "slow_connection"
    LOST_REQUEST = "lost_request"
    LOST_ANSWER = "lost_answer"
    LATE_REQUEST = "late_request"
    LATE_ANSWER = "late_answer"
    ERROR_UNDONE = "error_undone"
    ERROR_DONE = "error_done"
    EMPTY_UNDONE = "empty_undone"
    EMPTY_DONE = "empty_done"
    CUT = "cut"
    HALF_JSON = "half_json"
    OTHER_ORDER = "other_order"
    TOO_EARLY = "too_early"


BEFORE = (Fault.NO_CONNECTION, Fault.SLOW_CONNECTION)
"""What goes wrong before the first byte."""
_NOT_DONE = (Fault.LOST_REQUEST, Fault.ERROR_UNDONE, Fault.EMPTY_UNDONE)
_SILENT = (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.LATE_REQUEST, Fault.CUT)
_ERRORS = (500, 502, 503, 504, 408)


@dataclass(eq=False)
class _Flight:
    """A request that has left us."""

    request: SignedRequest
    fault: Fault | None
    asked: Asked | None
    answer: asyncio.Future[Answer]


@dataclass
class Wire:
    """The network between all processes and the one exchange. `faulty` is whether anything goes wrong."""

    simulation: Simulation
    chance: random.Random
    watch: Watch
    now_us: Callable[[], int]
    after_request: Callable[[], None]
    faulty: bool = True
    writes_hit: float = 0.1
    reads_hit: float = 0.03
    _outside: Context = field(default_factory=Context)

    def draw(self, request: SignedRequest) -> Fault | None:
        """What will go wrong with a request."""
        hit = self.chance.random() < (self.reads_hit if request.method == "GET" else self.writes_hit)
        fault = self.chance.choice(tuple(Fault))
        if request.method == "DELETE" and self.chance.random() < 0.3:
            fault = Fault.TOO_EARLY
        if request.method == "GET" and fault is Fault.OTHER_ORDER:
            fault = Fault.CUT  # no list has shown orders that there are not
        return fault if hit and self.faulty else None

    def launch(self, request: SignedRequest, fault: Fault | None) -> asyncio.Future[Answer]:
        """Let a request go; the future is what comes back, if anything does."""
        loop = asyncio.get_running_loop()
        flight = _Flight(request, fault, ASKED.get(), loop.create_future())
        if request.method != "GET":
            self.watch.left(request, fault)
        delay = self.chance.uniform(0.001, 0.06)
        if fault is Fault.LATE_REQUEST:
            delay = self.chance.uniform(0.5, WINDOW_S)
        loop.call_later(delay, self._arrive, flight, context=self._outside)
        if fault in _SILENT and self.chance.random() < 0.6:
            loop.call_later(self.chance.uniform(0.01, 2.0), self._hang_up, flight, context=self._outside)
        return flight.answer

    def _arrive(self, flight: _Flight) -> None:
        if flight.fault is Fault.TOO_EARLY:
            self._answer_too_early(flight)
            return
        reply = None if flight.fault in _NOT_DONE else self._execute(flight)
        answer = self._answer(flight.fault, reply)
        if answer is None:
            return
        delay = self.chance.uniform(0.001, 0.06)
        if flight.fault is Fault.LATE_ANSWER:
            delay = self.chance.uniform(2.0, 15.0)
        asyncio.get_running_loop().call_later(delay, self._land, flight, answer, context=self._outside)

    def _answer_too_early(self, flight: _Flight) -> None:
        """A cancel is confirmed before it has happened, which it does later or never: such answers have been seen."""
        path = flight.request.target.partition("?")[0]
        order = self.simulation.practice.exchange.orders.get(path.rpartition("/")[2])
        if flight.request.method != "DELETE" or order is None or not order.remaining:
            flight.fault = None
            self._arrive(flight)
            return
        body = {"order_id": order.order_id, "client_order_id": order.client_order_id, "ts_ms": self.now_us() // 1000}
        reply = Reply(200, body | {"reduced_by": format_count(Count(order.remaining))})
        self.watch.done(flight.request, flight.asked, reply)
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, self._land, flight, _json(200, reply.body), context=self._outside)
        if self.chance.random() < 0.7:
            loop.call_later(self.chance.uniform(0.1, 3.0), self._do, flight.request, context=self._outside)

    def _execute(self, flight: _Flight) -> Reply:
        request = flight.request
        reply = self._do(request)
        if request.method != "GET":
            self.watch.done(request, flight.asked, reply)
        return reply

    def _do(self, request: SignedRequest) -> Reply:
        simulation = self.simulation
        simulation.advance_to(self.now_us())
        path, _, query = request.target.partition("?")
        headers = dict(request.headers) | ({"Content-Type": "application/json"} if request.body else {})
        reply = simulation.send(request.method, path, query, headers, request.body)
        self.after_request()
        return reply

    def _answer(self, fault: Fault | None, reply: Reply | None) -> Answer | None:
        if fault in _SILENT and fault is not Fault.LATE_REQUEST:
            return None
        if fault in (Fault.ERROR_DONE, Fault.ERROR_UNDONE):
            return _json(self.chance.choice(_ERRORS), {"error": {"code": "internal_server_error"}})
        if fault in (Fault.EMPTY_DONE, Fault.EMPTY_UNDONE) or reply is None:
            return _json(201, {})
        if fault is Fault.HALF_JSON and reply.body and reply.status < 300:
            text = json_bytes(reply.body)
            return Answer(reply.status, "application/json", text[: len(text) // 2])
        if fault is Fault.OTHER_ORDER and reply.status < 300:
            return _json(reply.status, _about_another(reply.body))
        return _json(reply.status, reply.body)

    @staticmethod
    def _land(flight: _Flight, answer: Answer) -> None:
        if not flight.answer.done():
            flight.answer.set_result(answer)

    @staticmethod
    def _hang_up(flight: _Flight) -> None:
        if not flight.answer.done():
            flight.answer.set_exception(Unknown("the connection ended without an answer"))
            flight.answer.exception()


@dataclass
class SimUpstream:
    """One process' client to the exchange: the interface of `kalshi.client.Upstream`."""

    wire: Wire
    dead: bool = False

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> Answer:
        """As the real one promises."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ANSWER_S
        fault = self.wire.draw(request)
        await self._connect(fault)
        if last_look is not None:
            last_look()
        answer = self.wire.launch(request, fault)
        try:
            async with asyncio.timeout_at(deadline):
                return await answer
        except TimeoutError as e:
            raise Unknown("no whole answer came before the deadline") from e

    async def _connect(self, fault: Fault | None) -> None:
        chance = self.wire.chance
        if fault is Fault.SLOW_CONNECTION:
            await asyncio.sleep(chance.uniform(1.0, 6.0))
        elif chance.random() < 0.3:
            await asyncio.sleep(chance.uniform(0.001, 0.05))
        if self.dead or fault is Fault.NO_CONNECTION:
            raise NotSent("could not connect to the exchange")

    async def close(self) -> None:
        """Nothing is kept."""
        self.dead = True


def _json(status: int, body: Any) -> Answer:
    return Answer(status, "application/json" if body is not None else "", b"" if body is None else json_bytes(body))


def _about_another(body: Any) -> Any:
    """The same answer with other ids: it must not be believed."""
    text = json.dumps(body)
    for entry in [body, *((body or {}).get("orders") or [])]:
        for key in ("order_id", "client_order_id"):
            value = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(value, str):
                text = text.replace(value, f"other-{value[:20]}")
    return json.loads(text)
