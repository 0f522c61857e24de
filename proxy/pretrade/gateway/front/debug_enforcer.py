"""The gate behind mitmproxy's own HTTP: what the debug door puts into mitmdump and mitmweb.

Rule of this file: a refusal is on the flow before anything else runs and only the gate's answer replaces it; the
dialler of mitmproxy is shut for good, whatever the flow says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mitmproxy import connection, ctx, http, tls
from mitmproxy.net.http import http1
from mitmproxy.proxy import server_hooks
from OpenSSL import SSL

from pretrade.gateway.front.enforcer import SHUT, fault_answer
from pretrade.gateway.front.gatekeeper import GateKeeper
from pretrade.gateway.front.options import refuse_changes
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.gateway.way.attempts import Ticket
from pretrade.gateway.way.destination import MAX_BODY
from pretrade.model.codes import DenyCode

_STANDING = "pretrade.standing"


@dataclass(slots=True)
class _Standing:
    """What stands for one flow: the answer that its client gets, whatever anybody else puts on the flow."""

    answer: Answer
    headers: tuple[tuple[bytes, bytes], ...] = ()
    ticket: Ticket = field(default_factory=Ticket)


class FlowEnforcer:
    """The one addon of ours in somebody else's chain of addons."""

    def __init__(
        self, gate: GateKeeper, tls_context: SSL.Context, stalls: Stalls, required: Mapping[str, object]
    ) -> None:
        self._gate = gate
        self._tls_context = tls_context
        self._stalls = stalls
        self._required = required
        self._armed = fault_answer(None)
        self._tunnels: dict[str, tuple[str, int]] = {}
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
        self._let_stand(flow, self._armed)
        host, port = flow.request.host, flow.request.port
        answer = self._gate.connect(host, port)
        if answer is not None:
            self._let_stand(flow, answer)
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
        self._stalls.expect(flow.client_conn.id)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Let the gate answer, and put its answer in the refusal's place."""
        self._stalls.forget(flow.client_conn.id)
        standing: _Standing = flow.metadata[_STANDING]
        answer = await self._gate.handle(self._raw(flow, standing), standing.ticket)
        self._let_stand(flow, answer)

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer is on its way, if the client is still there."""
        self._ended(flow, delivered=flow.client_conn.connected)

    def error(self, flow: http.HTTPFlow) -> None:
        """The request ended without an answer being read."""
        self._ended(flow, delivered=False)

    def _ended(self, flow: http.HTTPFlow, *, delivered: bool) -> None:
        self._stalls.forget(flow.client_conn.id)
        standing: _Standing = flow.metadata[_STANDING]
        if not standing.answer.outcome_unknown:
            self._gate.answered(standing.ticket, delivered=delivered)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The shut dialler: what the gate approves is sent by our own client, never by mitmproxy."""
        data.server.error = SHUT

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget the client."""
        self._tunnels.pop(client.id, None)
        self._stalls.forget(client.id)

    def _let_stand(self, flow: http.HTTPFlow, answer: Answer) -> _Standing:
        earlier: _Standing | None = flow.metadata.get(_STANDING)
        standing = _Standing(answer)
        if earlier is not None:
            standing.headers, standing.ticket = earlier.headers, earlier.ticket
        flow.metadata[_STANDING] = standing
        flow.response = _response(answer, flow.request.method)
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
        return RawRequest(
            door=Door.PROXY,
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


def _response(answer: Answer, method: str) -> http.Response:
    # An answer to HEAD has no body: sent all the same, it would be read as the start of the next answer.
    body = b"" if method == "HEAD" else answer.body
    headers = {"Content-Type": answer.content_type} if body else {}
    return http.Response.make(answer.status, body, headers)
