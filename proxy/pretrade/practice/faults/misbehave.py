"""Requests that meet a fault: how much is read, when it is executed, and what becomes of the answer.

Rule of this file: the order of things in time; what is sent instead is `spoil`'s business, what is told of another
order or batch is `swap`'s.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.core.records import Order
from pretrade.practice.faults.byhand import pause
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault, FaultPlan
from pretrade.practice.faults.sending import End, Sending
from pretrade.practice.faults.spoil import Asked, spoilt
from pretrade.practice.faults.swap import about_another, join_batch, split_batch
from pretrade.practice.requestlog import SeenRequest

_CLOSED = Sending(end=End.CLOSE)
_DELAYS = frozenset({FaultKind.HOLD, FaultKind.LATE_EXECUTION})
_PROPER_IN_THE_END = _DELAYS | {
    FaultKind.STALE_READS,
    FaultKind.LATE_FILLS,
    FaultKind.CLOCK_SKEW,
    FaultKind.PAUSE_TRADING,
    FaultKind.PAUSE_EXCHANGE,
}


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Carries faults out.

    `execute` answers a request properly, `begin` sets in the condition of a fault that has one, `shown_us` is the time
    as the exchange believes it, `stopping` ends what takes time.
    """

    orders: Mapping[str, Order]
    faults: FaultPlan
    shown_us: Callable[[], int]
    execute: Callable[[HttpRequest], Reply]
    begin: Callable[[Fault], None]
    stopping: asyncio.Event

    async def answer(
        self, fault: Fault, request: web.Request, whole: HttpRequest, seen: SeenRequest
    ) -> Sending | Reply:
        """What to send for a request that meets a fault; `whole` has no body yet, `seen` is filled in."""
        seen.fault = str(fault.kind)
        if fault.kind is FaultKind.CLOSE_BEFORE_READ:
            return _CLOSED
        if fault.kind is FaultKind.CLOSE_DURING_READ:
            half = await request.content.readexactly((request.content_length or 0) // 2)
            seen.body = half.decode("utf-8", "backslashreplace")
            return _CLOSED
        read = replace(whole, body=await request.read())
        seen.body = read.body.decode("utf-8", "backslashreplace")
        if fault.kind is FaultKind.LATE_EXECUTION:
            await pause(fault.seconds, self.stopping)
        self.begin(fault)
        reply = self._executed(fault, read, seen) if fault.executes() else None
        if fault.kind is FaultKind.HOLD:
            await pause(fault.seconds, self.stopping)
        url = read.path + (f"?{read.query}" if read.query else "")
        return spoilt(fault, Asked(url, self.shown_us()), reply)

    async def only_delays(self, fault: Fault, seen: SeenRequest) -> bool:
        """Carry out a fault under which its request is answered properly in the end; False for other kinds."""
        if fault.kind not in _PROPER_IN_THE_END:
            return False
        seen.fault = str(fault.kind)
        if fault.kind in _DELAYS:
            await pause(fault.seconds, self.stopping)
        self.begin(fault)
        return True

    def _executed(self, fault: Fault, request: HttpRequest, seen: SeenRequest) -> Reply:
        if fault.kind is FaultKind.PARTIAL_BATCH:
            return self._in_part(fault, request, seen)
        seen.executed = True
        reply = self.execute(request)
        if fault.kind is FaultKind.OTHER_ORDER:
            return about_another(reply, self.orders, self.faults.rng)
        return reply

    def _in_part(self, fault: Fault, request: HttpRequest, seen: SeenRequest) -> Reply:
        rest, taken = split_batch(request, fault.every)
        if rest is None:
            return join_batch(request.method, None, taken)
        seen.executed = True
        return join_batch(request.method, self.execute(rest), taken)
