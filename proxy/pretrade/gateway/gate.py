"""The gate: steps 2 to 5 for every request, then the way of a read or the way of a write.

Rule of this file: every way through it ends in an Answer that one line here made. It knows no mitmproxy type, opens
no file and asks no clock but the instance's.
"""

import asyncio

from pretrade.gateway.attempts import Attempt, Ticket
from pretrade.gateway.clock import Stopwatch
from pretrade.gateway.destination import check_connect, check_destination
from pretrade.gateway.identity import Identified, check_fresh, identify
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer, Door, RawRequest, Refusal, printable
from pretrade.gateway.reads import Reads
from pretrade.gateway.records import WriteRequest
from pretrade.gateway.refusals import Refuser, new_decision_id
from pretrade.gateway.replay import digest, fingerprint
from pretrade.gateway.writes import Writes
from pretrade.journal.events import EventKind
from pretrade.kalshi import legacy
from pretrade.kalshi.endpoints import Found, Handling, find, handling
from pretrade.kalshi.wire import WireError, decode
from pretrade.model.codes import DenyCode
from pretrade.model.orders import Write

FAULTS_KEPT = 100
"""Faults that wait for their row; a storm of them is in the process log."""

_CLOSED = {
    Handling.BELOW_POLICY: DenyCode.ENDPOINT_BELOW_POLICY,
    Handling.NOT_ALLOWED: DenyCode.ENDPOINT_NOT_ALLOWED,
    Handling.WEBSOCKET: DenyCode.WEBSOCKET_NOT_AVAILABLE,
}


class Gate:
    """Takes one request at a time from either door and answers it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._refuser = Refuser(instance.journal, instance.flood)
        self._reads = Reads(instance)
        self._writes = Writes(instance)
        self._faults: list[tuple[str, str]] = []

    def connect(self, host: str, port: int) -> Answer | None:
        """May the proxy door open a tunnel to this address? None when it may, else the answer."""
        refusal = self._stopping() or check_connect(host, port, self._instance.destinations)
        if refusal is None:
            return None
        raw = RawRequest(Door.PROXY, "CONNECT", f"{host}:{port}", "HTTP/1.1", (), b"", connect=(host, port))
        return self._refuser.refuse(refusal, raw)

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        """Answer one request. `ticket` tells the caller, should anything fail, whether something may have been sent."""
        watch = Stopwatch(self._instance.clock)
        refusal = self._stopping() or check_destination(raw, self._instance.destinations)
        if refusal is not None:
            return self._refuser.refuse(refusal, raw)
        who = identify(raw, self._instance.clients)
        watch.lap("identify")
        name = who.client.name if isinstance(who, Identified) else None
        found = find(raw.method, raw.path)
        if found is None or handling(found.endpoint) in _CLOSED:
            return self._refuser.refuse(_closed(found), raw, client=name, laps=watch.laps)
        if isinstance(who, Refusal):
            return self._refuser.refuse(who, raw, laps=watch.laps)
        if raw.values("upgrade"):
            refusal = Refusal(DenyCode.REQUEST_MALFORMED, "this endpoint takes no upgrade")
            return self._refuser.refuse(refusal, raw, client=name, laps=watch.laps)
        return await self._handle_known(raw, found, who, watch, ticket)

    async def _handle_known(
        self, raw: RawRequest, found: Found, who: Identified, watch: Stopwatch, ticket: Ticket
    ) -> Answer:
        replays, clock = self._instance.replays, self._instance.clock
        bytes_digest = digest(raw)
        came_before, earlier = replays.earlier(who, bytes_digest)
        if earlier is not None:
            return await self._await(earlier, ticket)
        refusal = None if came_before else replays.check(who, clock.age_ms())
        refusal = refusal or check_fresh(who, clock.now_ms(), self._instance.started_ms)
        if refusal is not None:
            return self._refuser.refuse(refusal, raw, client=who.client.name, laps=watch.laps)
        if handling(found.endpoint) is Handling.READ:
            replays.remember(who, bytes_digest, None, clock.age_ms())
            return await self._read(raw, found, who, watch)
        write = self._decode(raw, found, who, watch)
        if isinstance(write, Answer):
            attempt = _answered(write)  # kept as well: a signature is used up by the bytes it first came with
        else:
            request = WriteRequest(
                new_decision_id(), who.client, raw, found.endpoint, write, watch, signature=fingerprint(who)
            )
            attempt = self._writes.begin(request)
        replays.remember(who, bytes_digest, attempt, clock.age_ms())
        return await self._await(attempt, ticket)

    def _decode(self, raw: RawRequest, found: Found, who: Identified, watch: Stopwatch) -> Write | Answer:
        content_type = raw.value("content-type")
        client = who.client.name
        if handling(found.endpoint) is Handling.REMOVED_V1:
            old = legacy.recognise(found, raw.query, content_type, raw.body)
            refusal = Refusal(DenyCode.ORDER_FAMILY_REMOVED, f"{raw.method} {found.endpoint.template} was removed")
            return self._refuser.refuse(refusal, raw, client=client, laps=watch.laps, hint=old.hint)
        try:
            write = decode(found, raw.query, content_type, raw.body)
        except WireError as e:
            return self._refuser.refuse(Refusal(e.code, str(e)), raw, client=client, laps=watch.laps)
        watch.lap("decode")
        return write

    async def _read(self, raw: RawRequest, found: Found, who: Identified, watch: Stopwatch) -> Answer:
        result = await self._reads.handle(who.client, raw, found.endpoint, watch)
        if isinstance(result, Refusal):
            return self._refuser.refuse(result, raw, client=who.client.name, laps=watch.laps)
        return result

    @staticmethod
    async def _await(attempt: Attempt, ticket: Ticket) -> Answer:
        ticket.attempt = attempt
        return await asyncio.shield(attempt.answer)

    def _stopping(self) -> Refusal | None:
        if self._instance.stopping:
            return Refusal(DenyCode.SHUTTING_DOWN, "the proxy is stopping")
        return None

    def answered(self, ticket: Ticket, *, delivered: bool) -> None:
        """Note whether an answer reached its client."""
        attempt = ticket.attempt
        if attempt is None:
            return
        self._instance.attempts.close(attempt, delivered=delivered)
        if attempt.meaning is not None and attempt.took_effect and delivered is attempt.was_unread:
            # Over a restart, the same order must get this answer (see `unread`), and once it has, no more.
            attempt.was_unread = not delivered
            self._instance.journal.record(EventKind.DELIVERY, {"delivered": delivered}, attempt.decision_id)

    def unreadable(self, code: DenyCode, detail: str) -> Answer:
        """Answer bytes that could not be read as a request, so that there is nothing to check in them."""
        return self._refuser.refuse(Refusal(code, printable(detail)), None)

    def note_fault(self, decision_id: str, hook: str) -> None:
        """Keep a fault for the log. Writes nothing now: the fault may be the journal's own."""
        if len(self._faults) < FAULTS_KEPT:
            self._faults.append((decision_id, hook))

    def flush(self, *, everything: bool = False) -> None:
        """Write what is recorded in batches: reads, faults, counted refusals, and outcomes that could not be."""
        self._reads.flush()
        self._writes.flush()
        faults, self._faults = self._faults, []
        for decision_id, hook in faults:
            self._refuser.record_fault(decision_id, hook)
        self._instance.flood.flush(everything=everything)


def _answered(answer: Answer) -> Attempt:
    """A write that could not be read: answered already, and nothing of it is sent."""
    attempt = Attempt(answer.decision_id, None, asyncio.get_running_loop().create_future())
    attempt.answer.set_result(answer)
    return attempt


def _closed(found: Found | None) -> Refusal:
    if found is None:
        return Refusal(DenyCode.ENDPOINT_UNKNOWN, "the catalogue does not know this method and path")
    code = _CLOSED[handling(found.endpoint)]
    return Refusal(code, f"{found.endpoint.method} {found.endpoint.template} is closed")
