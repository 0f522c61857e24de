"""The Enforcer: mitmproxy's hooks in, the gate's answers out. With `failclosed`, `options` and `doors`, the only files
that know mitmproxy.

Rule of this file: a refusal is on the flow before anything else runs and only the gate's answer replaces it; a flow on
which anything failed never gets to the gate; mitmproxy's own dialler is shut for good, whatever the flow says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mitmproxy import connection, ctx, http, tls
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer, server_hooks
from OpenSSL import SSL

from pretrade.gateway.attempts import Ticket
from pretrade.gateway.destination import MAX_BODY
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.options import REQUIRED, refuse_changes
from pretrade.gateway.refusals import answer_of, new_decision_id
from pretrade.gateway.stalls import Stalls
from pretrade.kalshi.replies import refusal
from pretrade.model.codes import DenyCode

_STANDING = "pretrade.standing"
_SHUT = "pretrade never lets mitmproxy dial"


class GateKeeper(Protocol):
    """What the Enforcer needs of the gate."""

    def connect(self, host: str, port: int) -> Answer | None:
        """May a tunnel to this address be opened? None when it may."""

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        """Answer one request."""

    def answered(self, ticket: Ticket, *, delivered: bool) -> None:
        """Note whether an answer reached its client."""

    def unreadable(self, code: DenyCode, detail: str) -> Answer:
        """Answer what could not be read as a request. Must not raise."""

    def note_fault(self, decision_id: str, hook: str) -> None:
        """Keep a fault for the log. Must not raise."""


@dataclass(slots=True)
class _Standing:
    """What stands for one flow: the answer that its client gets, whatever anybody else puts on the flow."""

    answer: Answer
    response: http.Response
    headers: tuple[tuple[bytes, bytes], ...] = ()
    ticket: Ticket = field(default_factory=Ticket)
    is_from_gate: bool = False
    has_failed: bool = False


class Enforcer:
    """The one addon of ours in mitmproxy's chain. `in_flight` holds the client connections with a request under way."""

    def __init__(
        self,
        gate: GateKeeper,
        tls_context: SSL.Context,
        stalls: Stalls,
        required: Mapping[str, object] = REQUIRED,
    ) -> None:
        self._gate = gate
        self._tls_context = tls_context
        self._stalls = stalls
        self._required = required
        # Made once: it is replaced on nearly every flow, and a hook that fails leaves an answer of its own.
        self._armed = _fault_answer(None)
        self._tunnels: dict[str, tuple[str, int]] = {}
        self.in_flight: set[str] = set()
        self.options_are_set = False

    def configure(self, updated: set[str]) -> None:
        """Undo any change to an option that the gate rests on, once they have been set up."""
        if self.options_are_set:
            refuse_changes(ctx.options, self._required)

    def client_connected(self, client: connection.Client) -> None:
        """From now on a request is expected."""
        self._stalls.expect(client.id)

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Open a tunnel only to a host of the exchange, and remember to which: the flow can be made to lie."""
        self._stalls.expect(flow.client_conn.id)
        if self._let_stand(flow, self._armed).has_failed:
            return
        host, port = flow.request.host, flow.request.port
        answer = self._gate.connect(host, port)
        if answer is not None:
            self._let_stand(flow, answer, is_from_gate=True)
            return
        self._tunnels[flow.client_conn.id] = (host, port)
        flow.response = None
        del flow.metadata[_STANDING]

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Answer the client's TLS with our one leaf."""
        data.ssl_conn = SSL.Connection(self._tls_context)
        data.ssl_conn.set_accept_state()

    def tls_start_server(self, data: tls.TlsData) -> None:
        """mitmproxy never speaks TLS to a server here."""
        data.ssl_conn = None

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Put the refusal on the flow: from here on, nothing that fails can let it through."""
        standing = self._let_stand(flow, self._armed)
        # mitmproxy takes an Expect header away as soon as it has answered it, and other addons may do worse.
        standing.headers = flow.request.data.headers.fields
        self.in_flight.add(flow.client_conn.id)
        self._stalls.expect(flow.client_conn.id)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Let the gate answer, and put its answer in the refusal's place."""
        self._stalls.forget(flow.client_conn.id)
        standing: _Standing = flow.metadata[_STANDING]
        if standing.has_failed:
            return
        answer = await self._gate.handle(self._raw(flow, standing), standing.ticket)
        self._let_stand(flow, answer, is_from_gate=True)

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer is on its way, if the client is still there."""
        self._ended(flow, delivered=flow.client_conn.connected)

    def error(self, flow: http.HTTPFlow) -> None:
        """The request ended without an answer being read."""
        self._ended(flow, delivered=False)

    def _ended(self, flow: http.HTTPFlow, *, delivered: bool) -> None:
        self.in_flight.discard(flow.client_conn.id)
        self._stalls.forget(flow.client_conn.id)
        standing: _Standing = flow.metadata[_STANDING]
        # Being told that the outcome is open settles nothing: the same order must not be sent anew.
        if not standing.answer.outcome_unknown:
            self._gate.answered(standing.ticket, delivered=delivered)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The shut dialler: what the gate approves is sent by our own client, never by mitmproxy."""
        data.server.error = _SHUT

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget the client. A request of its own that mitmproxy gave up on ends here, for no other hook tells us."""
        self._tunnels.pop(client.id, None)
        self.in_flight.discard(client.id)
        self._stalls.forget(client.id)

    def refuse_fault(self, hook: str, data: object) -> None:
        """Leave a refusal where a hook failed. A write that may have left us is answered as unknown instead, and an
        answer that the gate gave already stands: an accepted order stays accepted, whatever fails after it."""
        if isinstance(data, http.HTTPFlow):
            self._refuse_flow(hook, data)
        elif isinstance(data, server_hooks.ServerConnectionHookData):
            data.server.error = _SHUT
        elif isinstance(data, connection.Connection):
            data.error = "pretrade failed"
        elif isinstance(data, tls.TlsData):
            data.ssl_conn = None
        elif isinstance(data, layer.NextLayer):
            data.layer = _Closing(data.context)

    def _refuse_flow(self, hook: str, flow: http.HTTPFlow) -> None:
        earlier: _Standing | None = flow.metadata.get(_STANDING)
        if earlier is not None and earlier.is_from_gate:
            return
        standing = self._let_stand(flow, _fault_answer(earlier.ticket if earlier is not None else None))
        standing.has_failed = True
        self._gate.note_fault(standing.answer.decision_id, hook)

    def seal(self, data: object) -> None:
        """Put back what stands, should another addon have cleared or replaced it, and shut the dialler again."""
        if isinstance(data, http.HTTPFlow):
            standing: _Standing | None = data.metadata.get(_STANDING)
            if standing is not None:
                data.response = standing.response
                data.request.stream = False
        elif isinstance(data, server_hooks.ServerConnectionHookData):
            data.server.error = _SHUT
        elif isinstance(data, tls.ClientHelloData):
            data.ignore_connection = False

    def _let_stand(self, flow: http.HTTPFlow, answer: Answer, *, is_from_gate: bool = False) -> _Standing:
        earlier: _Standing | None = flow.metadata.get(_STANDING)
        standing = _Standing(answer, _response(answer, flow.request.method), is_from_gate=is_from_gate)
        if earlier is not None:
            standing.headers, standing.ticket = earlier.headers, earlier.ticket
            standing.has_failed = earlier.has_failed
        flow.metadata[_STANDING] = standing
        flow.response = standing.response
        flow.request.stream = False
        return standing

    def error_page(self, status: int, message: str = "") -> bytes:
        """What mitmproxy says on its own, before or instead of the hooks, in our words and with a row in the log."""
        code, detail = DenyCode.INTERNAL_FAULT, message
        if status == 413:
            code, detail = DenyCode.BODY_TOO_LARGE, f"a body may have {MAX_BODY} bytes"
        elif status == 400:
            # What follows these words is advice to mitmproxy's own users, to switch the check off.
            code, detail = DenyCode.REQUEST_MALFORMED, message.partition(", refusing to")[0]
        answer = self._gate.unreadable(code, detail)
        response = _response(answer, "")
        response.headers["Connection"] = "close"
        page: bytes = http1.assemble_response(response)
        return page

    def _raw(self, flow: http.HTTPFlow, standing: _Standing) -> RawRequest:
        request, client = flow.request, flow.client_conn
        data = request.data
        reverse = client.proxy_mode.type_name == "reverse"
        return RawRequest(
            door=Door.BASE_URL if reverse else Door.PROXY,
            method=data.method.decode("latin-1"),
            target=data.path.decode("latin-1"),
            http_version=data.http_version.decode("latin-1"),
            headers=tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in standing.headers),
            body=request.raw_content or b"",
            authority=data.authority.decode("latin-1"),
            scheme="https" if client.tls_established else "http",
            connect=self._tunnels.get(client.id),
            sni=client.sni,
        )


def _fault_answer(ticket: Ticket | None) -> Answer:
    """What a client is told when something of ours failed, by whether its write may have left us."""
    attempt = ticket.attempt if ticket is not None else None
    if attempt is not None and not attempt.abandon():
        reply = refusal(DenyCode.OUTCOME_UNKNOWN, decision_id=attempt.decision_id, message=None)
        return answer_of(reply, attempt.decision_id, outcome_unknown=True)
    decision_id = attempt.decision_id if attempt is not None else new_decision_id()
    return answer_of(refusal(DenyCode.INTERNAL_FAULT, decision_id=decision_id, message=None), decision_id)


def _response(answer: Answer, method: str) -> http.Response:
    # An answer to HEAD has no body: sent all the same, it would be read as the start of the next answer.
    body = b"" if method == "HEAD" else answer.body
    headers = {"Content-Type": answer.content_type} if body else {}
    return http.Response.make(answer.status, body, headers)


class _Closing(layer.Layer):
    """The layer of a connection about which nothing could be decided: it is closed."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield commands.CloseConnection(self.context.client)
