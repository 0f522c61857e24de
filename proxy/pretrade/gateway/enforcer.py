"""The Enforcer: mitmproxy's hooks in, the gate's answers out. With `failclosed`, `options` and `server`, the only files
that know mitmproxy.

Rule of this file: a refusal is on the flow before anything else runs and only the gate's answer replaces it;
mitmproxy's own dialler is shut for good, whatever the flow says.
"""

from typing import Protocol

from mitmproxy import connection, ctx, http, tls
from mitmproxy.proxy import server_hooks
from OpenSSL import SSL

from pretrade.gateway.attempts import Ticket
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.options import REQUIRED, refuse_changes
from pretrade.gateway.refusals import answer_of, new_decision_id
from pretrade.kalshi.replies import refusal
from pretrade.model.codes import DenyCode

_TICKET = "pretrade.ticket"


class GateKeeper(Protocol):
    """What the Enforcer needs of the gate."""

    def connect(self, host: str, port: int) -> Answer | None:
        """May a tunnel to this address be opened? None when it may."""

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        """Answer one request."""

    def answered(self, ticket: Ticket, *, delivered: bool) -> None:
        """Note whether an answer reached its client."""

    def note_fault(self, decision_id: str, hook: str) -> None:
        """Keep a fault for the log. Must not raise."""


class Enforcer:
    """The one addon of ours in mitmproxy's chain."""

    def __init__(self, gate: GateKeeper, tls_context: SSL.Context) -> None:
        self._gate = gate
        self._tls_context = tls_context
        self._tunnels: dict[str, tuple[str, int]] = {}
        self.in_flight: set[str] = set()
        self.options_are_set = False

    def configure(self, updated: set[str]) -> None:
        """Undo any change to an option that the gate rests on, once they have been set up."""
        if self.options_are_set:
            refuse_changes(ctx.options, REQUIRED)

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Open a tunnel only to a host of the exchange, and remember to which: the flow can be made to lie."""
        flow.response = _response(_fault_answer(None))
        host, port = flow.request.host, flow.request.port
        answer = self._gate.connect(host, port)
        if answer is None:
            self._tunnels[flow.client_conn.id] = (host, port)
        flow.response = None if answer is None else _response(answer)

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Answer the client's TLS with our one leaf."""
        data.ssl_conn = SSL.Connection(self._tls_context)
        data.ssl_conn.set_accept_state()

    def tls_start_server(self, data: tls.TlsData) -> None:
        """mitmproxy never speaks TLS to a server here."""
        data.ssl_conn = None

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Put the refusal on the flow: from here on, nothing that fails can let it through."""
        flow.metadata[_TICKET] = Ticket()
        flow.response = _response(_fault_answer(None))
        flow.request.stream = False
        self.in_flight.add(flow.id)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Let the gate answer, and put its answer in the refusal's place."""
        ticket: Ticket = flow.metadata[_TICKET]
        answer = await self._gate.handle(self._raw(flow), ticket)
        flow.response = _response(answer)
        self._gate.answered(ticket, delivered=flow.client_conn.connected)

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer is on its way."""
        self.in_flight.discard(flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """The request ended without an answer being read."""
        self.in_flight.discard(flow.id)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The shut dialler: what the gate approves is sent by our own client, never by mitmproxy."""
        data.server.error = "pretrade never lets mitmproxy dial"

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget the client's tunnel."""
        self._tunnels.pop(client.id, None)

    def refuse_fault(self, hook: str, data: object) -> None:
        """Leave a refusal where a hook failed. A write that may have left us is answered as unknown instead."""
        if isinstance(data, http.HTTPFlow):
            answer = _fault_answer(data.metadata.get(_TICKET))
            data.response = _response(answer)
            self._gate.note_fault(answer.decision_id, hook)
        elif isinstance(data, server_hooks.ServerConnectionHookData):
            data.server.error = "pretrade failed, so nothing is dialled"
        elif isinstance(data, connection.Connection):
            data.error = "pretrade failed"

    def _raw(self, flow: http.HTTPFlow) -> RawRequest:
        request, client = flow.request, flow.client_conn
        data = request.data
        reverse = client.proxy_mode.type_name == "reverse"
        return RawRequest(
            door=Door.BASE_URL if reverse else Door.PROXY,
            method=data.method.decode("latin-1"),
            target=data.path.decode("latin-1"),
            http_version=data.http_version.decode("latin-1"),
            headers=tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in data.headers.fields),
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


def _response(answer: Answer) -> http.Response:
    headers = {"Content-Type": answer.content_type} if answer.body else {}
    return http.Response.make(answer.status, answer.body, headers)
