"""The gate: steps 2 to 5 for every request, then the way of a read or the way of a write.

Rule of this file: every way through it ends in an Answer that one line here made. It knows no mitmproxy type, opens
no file and asks no clock but the instance's.
"""

import asyncio
from dataclasses import replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.clock import Stopwatch
from pretrade.gateway.messages import Answer, Door, Handover, RawRequest, Refusal, printable
from pretrade.gateway.questions import own_endpoints
from pretrade.gateway.questions.own_endpoints import OwnEndpoints
from pretrade.gateway.relay.handshake import check_handshake, relay_head
from pretrade.gateway.way.attempts import Attempt, Ticket
from pretrade.gateway.way.destination import check_connect, check_destination
from pretrade.gateway.way.identity import Identified, check_fresh, check_user, identify
from pretrade.gateway.way.reads import Reads
from pretrade.gateway.way.records import WriteRequest
from pretrade.gateway.way.refusals import Refuser, answer_of, new_decision_id
from pretrade.gateway.way.replay import digest, fingerprint
from pretrade.gateway.way.writes import Writes
from pretrade.journal.events import EventKind
from pretrade.kalshi import legacy
from pretrade.kalshi.endpoints import Found, Handling, find, handling
from pretrade.kalshi.hosts import environment_of
from pretrade.kalshi.replies import refusal as refusal_reply
from pretrade.kalshi.signing import HANDSHAKE_PATH
from pretrade.kalshi.wire import WireError, decode
from pretrade.model.codes import DenyCode
from pretrade.model.orders import Write

FAULTS_KEPT = 100
"""Faults that wait for their row; a storm of them is in the process log."""

_CLOSED = {
    Handling.BELOW_POLICY: DenyCode.ENDPOINT_BELOW_POLICY,
    Handling.NOT_ALLOWED: DenyCode.ENDPOINT_NOT_ALLOWED,
}


class Gate:
    """Takes one request at a time from either door and answers it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._refuser = Refuser(instance.journal, instance.flood)
        self._reads = Reads(instance)
        self._own = OwnEndpoints(instance)
        self._writes = Writes(instance)
        self._faults: list[tuple[str, str]] = []

    def connect(self, host: str, port: int) -> Answer | None:
        """May the proxy door open a tunnel to this address? None when it may, else the answer."""
        refusal = self._stopping() or check_connect(host, port, self._instance.destinations)
        if refusal is None:
            return None
        return self._refuser.refuse(refusal, _tunnel(host, port))

    def refuse_tunnel(
        self, host: str, port: int, detail: str, code: DenyCode = DenyCode.DESTINATION_NOT_ALLOWED
    ) -> Answer:
        """Refuse a tunnel to another host that the policy lists, for what was found out about it since."""
        return self._refuser.refuse(Refusal(code, printable(detail)), _tunnel(host, port))

    def passes_through(self, host: str, port: int) -> bool:
        """Whether a tunnel to this address is another host's that the policy lists; never one of the exchange's."""
        listed = (host, port) in self._instance.destinations.other_hosts
        return listed and environment_of(host) is None and not self._instance.stopping

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        """Answer one request. `ticket` tells the caller, should anything fail, whether something may have been sent."""
        watch = Stopwatch(self._instance.clock)
        refusal = self._stopping() or check_destination(raw, self._instance.destinations)
        if refusal is not None:
            return self._refuser.refuse(refusal, raw)
        who = identify(raw, self._instance.clients)
        watch.lap("identify")
        name = who.client.name if isinstance(who, Identified) else None
        found = self._find(raw)
        if isinstance(found, Refusal):
            return self._refuser.refuse(found, raw, client=self._certainly(who, raw), laps=watch.laps)
        if isinstance(who, Refusal):
            return self._refuser.refuse(who, raw, laps=watch.laps)
        if refusal := check_user(who.client, raw) or _check_upgrade(raw, found):
            return self._refuser.refuse(refusal, raw, client=name, laps=watch.laps)
        return await self._handle_known(raw, found, who, watch, ticket)

    def _certainly(self, who: Identified | Refusal, raw: RawRequest) -> str | None:
        """Whose doing a request is that nobody looks at further; None where its signature is old, for that may be in
        anybody's hands, and what is refused a client can stop it."""
        if isinstance(who, Refusal) or check_user(who.client, raw) is not None:
            return None
        clock, started_ms = self._instance.clock, self._instance.started_ms
        return who.client.name if check_fresh(who, clock.now_ms(), started_ms) is None else None

    def _find(self, raw: RawRequest) -> Found | Refusal:
        path = raw.path
        found = own_endpoints.find(raw.method, path) or find(raw.method, path)
        if found is None:
            asked = f"{printable(raw.method, 16)} {printable(path)}"
            return Refusal(DenyCode.ENDPOINT_UNKNOWN, f"the catalogue does not know {asked}")
        how = handling(found.endpoint)
        is_relayed = path == HANDSHAKE_PATH and self._instance.streams.relay is not None
        if how is Handling.WEBSOCKET and not is_relayed:
            return Refusal(DenyCode.WEBSOCKET_NOT_AVAILABLE, f"{printable(path)} is not relayed here")
        if how in _CLOSED:
            return Refusal(_CLOSED[how], f"{found.endpoint.method} {found.endpoint.template} is closed")
        return found

    async def _handle_known(
        self, raw: RawRequest, found: Found, who: Identified, watch: Stopwatch, ticket: Ticket
    ) -> Answer:
        replays, clock = self._instance.replays, self._instance.clock
        bytes_digest = digest(raw)
        came_before, earlier = replays.earlier(who, bytes_digest)
        if earlier is not None:
            return await self._await(earlier, ticket)
        is_stream = handling(found.endpoint) is Handling.WEBSOCKET
        if not came_before:
            refusal = replays.check(who, clock.age_ms())
        else:  # a read may pass again; a stream outlives its signature, so each has one of its own
            refusal = Refusal(DenyCode.SIGNATURE_REPLAYED, "the signature was used for a stream") if is_stream else None
        refusal = refusal or check_fresh(who, clock.now_ms(), self._instance.started_ms)
        if refusal is not None:
            return self._refuser.refuse(refusal, raw, client=who.client.name, laps=watch.laps)
        if is_stream or handling(found.endpoint) is Handling.READ:
            replays.remember(who, bytes_digest, None, clock.age_ms())
            return self._hand_over(raw, who) if is_stream else await self._read(raw, found, who, watch)
        if raw.method != "DELETE" and (refusal := replays.check_forgotten(who)):
            return self._refuser.refuse(refusal, raw, client=who.client.name, laps=watch.laps)
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
        full = self._instance.disk.refusal(write)
        return write if full is None else self._refuser.refuse(full, raw, client=client, laps=watch.laps)

    def _hand_over(self, raw: RawRequest, who: Identified) -> Answer:
        """A stream for this client, by our own relay: a read, so HALTED does not stop it."""
        streams, decision_id = self._instance.streams, new_decision_id()
        token = streams.admit(who.client, raw, decision_id)
        if isinstance(token, Refusal) or streams.relay is None:
            stopped = Refusal(DenyCode.SHUTTING_DOWN, "the relay is stopping")
            return self._refuser.refuse(token if isinstance(token, Refusal) else stopped, raw, client=who.client.name)
        fault = answer_of(refusal_reply(DenyCode.INTERNAL_FAULT, decision_id=decision_id), decision_id)
        host, port = streams.relay
        return replace(fault, handover=Handover(streams.relay, relay_head(raw, f"{host}:{port}", token)))

    async def _read(self, raw: RawRequest, found: Found, who: Identified, watch: Stopwatch) -> Answer:
        is_own = self._own.serves(found.endpoint)
        if is_own:
            result = await self._own.answer(who.client, found.endpoint, raw)
        else:
            result = await self._reads.handle(who.client, raw, found.endpoint, watch)
        if isinstance(result, Refusal):
            return self._refuser.refuse(result, raw, client=who.client.name, laps=watch.laps)
        if is_own:
            self._reads.note(who.client, raw, result.status, watch.total())
        return result

    @staticmethod
    async def _await(attempt: Attempt, ticket: Ticket) -> Answer:
        ticket.attempt = attempt
        return await attempt.wait()

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

    def begin(self, request: WriteRequest) -> Attempt:
        """Start on a write that is a person's command: judged, recorded, signed and sent like a client's."""
        return self._writes.begin(request)

    def note_fault(self, decision_id: str, hook: str) -> None:
        """Keep a fault for the log. Writes nothing now: the fault may be the journal's own."""
        if len(self._faults) < FAULTS_KEPT:
            self._faults.append((decision_id, hook))

    def flush(self, *, everything: bool = False) -> None:
        """Write what is recorded in batches: reads, faults, counted refusals, and outcomes that could not be."""
        self._reads.flush()
        self._instance.endings.flush()
        faults, self._faults = self._faults, []
        for decision_id, hook in faults:
            self._refuser.record_fault(decision_id, hook)
        self._instance.flood.flush(everything=everything)


def _tunnel(host: str, port: int) -> RawRequest:
    return RawRequest(Door.PROXY, "CONNECT", f"{host}:{port}", "HTTP/1.1", (), b"", connect=(host, port))


def _answered(answer: Answer) -> Attempt:
    """A write that could not be read: answered already, and nothing of it is sent."""
    attempt = Attempt(answer.decision_id, None, asyncio.get_running_loop().create_future())
    attempt.answer.set_result(answer)
    return attempt


def _check_upgrade(raw: RawRequest, found: Found) -> Refusal | None:
    if handling(found.endpoint) is Handling.WEBSOCKET:
        return check_handshake(raw)
    return Refusal(DenyCode.REQUEST_MALFORMED, "this endpoint takes no upgrade") if raw.values("upgrade") else None
