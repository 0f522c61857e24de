"""The Enforcer: mitmproxy's hooks in, the gate's answers out.

Rule of this file: a refusal stands before anything else runs and only the gate's answer replaces it; a request on
which anything failed never gets to the gate; mitmproxy's own dialler is shut but for the hosts that the policy passes
through.
"""

import asyncio
import re
from collections.abc import Callable, Mapping

from mitmproxy import connection, ctx, tls
from mitmproxy.proxy import layer, server_hooks
from OpenSSL import SSL

from pretrade.gateway.front.gatekeeper import GateKeeper
from pretrade.gateway.front.heads import Message, Unreadable
from pretrade.gateway.front.layers import LARGE_ANSWER, Asked, Closing, FirstLayer, RequestLayer
from pretrade.gateway.front.options import REQUIRED, refuse_changes
from pretrade.gateway.front.through import MAX_THROUGH, Address, find, misled
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.messages import Answer, Door, RawRequest, printable
from pretrade.gateway.way.attempts import Ticket
from pretrade.gateway.way.refusals import answer_of, new_decision_id
from pretrade.kalshi.replies import refusal
from pretrade.model.codes import DenyCode

SHUT = "pretrade never lets mitmproxy dial"

_ADDRESS = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})", re.ASCII)


class Enforcer:
    """The one addon of ours in mitmproxy's chain. `in_flight` holds the client connections with a request under way,
    `passing` those whose tunnel leads to another host."""

    name = "nextlayer"
    """What mitmproxy calls the addon that answers `next_layer`; it warns where there is none."""

    def __init__(
        self,
        gate: GateKeeper,
        tls_context: SSL.Context,
        stalls: Stalls,
        required: Mapping[str, object] = REQUIRED,
        relieve: Callable[[], None] = lambda: None,
        narrow: Callable[[str], None] = lambda client: None,
    ) -> None:
        """`relieve` is called after every large answer, to end the clients that leave too many of them unread; `narrow`
        with a client whose tunnel to another host has found its far end, before anything passes."""
        self._gate = gate
        self._relieve = relieve
        self._narrow = narrow
        self._tls_context = tls_context
        self._stalls = stalls
        self._required = required
        # Made once: it stands for every request, and a hook that fails leaves an answer of its own.
        self._armed = fault_answer(None)
        self._may_dial: dict[str, Address] = {}
        self.passing: set[str] = set()
        self.in_flight: set[str] = set()
        self.options_are_set = False

    def configure(self, updated: set[str]) -> None:
        """Undo any change to an option that the gate rests on, once they have been set up."""
        if self.options_are_set:
            refuse_changes(ctx.options, self._required)

    def next_layer(self, data: layer.NextLayer) -> None:
        """Put our own layers where mitmproxy asks for the first one; it never asks again."""
        client = data.context.client
        if data.layer is not None:
            return
        if client.proxy_mode.type_name == "reverse":
            data.layer = RequestLayer(data.context, self, None)
        else:
            data.layer = FirstLayer(data.context, self)

    def client_connected(self, client: connection.Client) -> None:
        """From now on a request is expected."""
        self._stalls.expect(client.id)

    async def pretrade_connect(self, asked: Asked) -> None:
        """Open a tunnel only to a host of the exchange, or to one that the policy passes through."""
        if asked.has_failed:
            return
        request = asked.request
        if isinstance(request, Unreadable) or request.method != "CONNECT":
            await self.pretrade_request(asked)
            return
        address = _address(request.target)
        if address is None:
            detail = f"CONNECT takes host:port, was {printable(request.target)}"
            self._answer(asked, self._gate.unreadable(DenyCode.REQUEST_MALFORMED, detail))
            return
        answer = (
            await self._find(asked, address) if self._gate.passes_through(*address) else self._gate.connect(*address)
        )
        if answer is not None:
            self._answer(asked, answer)
            return
        asked.tunnel, asked.let_in = address, True

    async def _find(self, asked: Asked, address: Address) -> Answer | None:
        """Where another host is, if there is room for one more tunnel; else the refusal."""
        if len(self.passing) >= MAX_THROUGH:
            full = f"{MAX_THROUGH} tunnels to other hosts are open, and no more may be"
            return self._gate.refuse_tunnel(*address, full, DenyCode.TUNNELS_EXCEED_MAXIMUM)
        self.passing.add(asked.client.id)
        asked.through = await find(*address)
        problem = misled(address[0], asked.through)
        return None if problem is None else self._gate.refuse_tunnel(*address, problem)

    async def pretrade_request(self, asked: Asked) -> None:
        """Let the gate answer, and put its answer in the refusal's place."""
        if asked.has_failed:
            return
        request = asked.request
        if isinstance(request, Unreadable):
            self._answer(asked, self._gate.unreadable(request.code, request.detail))
        else:
            self._answer(asked, await self._gate.handle(_raw(asked, request), asked.ticket))

    @staticmethod
    def _answer(asked: Asked, answer: Answer) -> None:
        asked.answer, asked.is_from_gate = answer, True

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Answer the client's TLS with our one leaf."""
        data.ssl_conn = SSL.Connection(self._tls_context)
        data.ssl_conn.set_accept_state()

    def tls_start_server(self, data: tls.TlsData) -> None:
        """mitmproxy never speaks TLS to a server here."""
        data.ssl_conn = None

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The shut dialler: what the gate approves is sent by our own client, never by mitmproxy."""
        self._shut(data)

    def _shut(self, data: server_hooks.ServerConnectionHookData) -> None:
        server = data.server
        allowed = self._may_dial.get(server.id)
        is_as_allowed = server.address == allowed and server.via is None and server.transport_protocol == "tcp"
        if allowed is None or not is_as_allowed:
            server.error = SHUT
        else:
            server.sockname = None  # the backstop `connect_addr`, on loopback, is for what must not get out

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Keep less of what another host says than is kept of a client's own requests."""
        if data.client.id in self.passing:
            self._narrow(data.client.id)

    def server_disconnected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Forget a server that was passed through to."""
        self._may_dial.pop(data.server.id, None)

    def server_connect_error(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Forget a server that could not be reached."""
        self._may_dial.pop(data.server.id, None)

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget the client."""
        self.in_flight.discard(client.id)
        self.passing.discard(client.id)
        self._stalls.forget(client.id)

    # What follows is told by our own layers.

    def ask(self, client: connection.Client, request: Message | Unreadable, tunnel: Address | None) -> Asked:
        """A request to put into a hook, with the refusal that stands. It is under way until `ended`."""
        self._stalls.forget(client.id)
        self.in_flight.add(client.id)
        return Asked(client, request, tunnel, self._armed)

    def expects(self, client: connection.Client) -> None:
        """Something must come from this connection soon."""
        self.in_flight.discard(client.id)
        self._stalls.expect(client.id)

    def began(self, client: connection.Client) -> None:
        """A request has begun, or its body has."""
        self.in_flight.add(client.id)
        self._stalls.expect(client.id)

    def ended(self, asked: Asked, *, delivered: bool) -> None:
        """A request was answered, or nobody was there any more."""
        self.in_flight.discard(asked.client.id)
        if asked.client.connected:
            self._stalls.rest(asked.client.id)
        if len(asked.answer.body) > LARGE_ANSWER:
            self._relieve()
        # Being told that the outcome is open settles nothing: the same order must not be sent anew.
        if asked.ticket.minds_delivery and not asked.answer.outcome_unknown:
            # Not called from here: what fails in a layer ends the connection without a word.
            asyncio.get_running_loop().call_soon(lambda: self._gate.answered(asked.ticket, delivered=delivered))

    def may_dial(self, server: connection.Server) -> None:
        """This one server may be connected to, at the address that it has now."""
        if server.address is not None:
            self._may_dial[server.id] = server.address

    def passes(self, client: connection.Client) -> None:
        """This connection is another host's from now on, and owes us nothing."""
        self._stalls.forget(client.id)

    def strayed(self, address: Address, detail: str) -> None:
        """A tunnel to another host was cut, and why."""
        self._gate.refuse_tunnel(*address, detail)

    def handed_over(self, asked: Asked, *, reached: bool) -> None:
        """A request is our own relay's from now on, and owes us nothing; else the answer that stands is a fault."""
        if reached:
            self.in_flight.discard(asked.client.id)
        else:
            self._gate.note_fault(asked.answer.decision_id, "relay")

    # What follows is called by the fail-closed manager.

    def refuse_fault(self, hook: str, data: object) -> None:
        """Leave a refusal where a hook failed. A write that may have left us is answered as unknown instead, and an
        answer that the gate gave already stands: an accepted order stays accepted, whatever fails after it."""
        if isinstance(data, Asked):
            self._refuse(hook, data)
        elif isinstance(data, server_hooks.ServerConnectionHookData):
            data.server.error = SHUT
        elif isinstance(data, connection.Connection):
            data.error = "pretrade failed"
        elif isinstance(data, tls.TlsData):
            data.ssl_conn = None
        elif isinstance(data, layer.NextLayer):
            data.layer = Closing(data.context)

    def _refuse(self, hook: str, asked: Asked) -> None:
        asked.let_in, asked.has_failed = False, True
        if not asked.is_from_gate or asked.answer.handover is not None:
            asked.answer = fault_answer(asked.ticket)
            self._gate.note_fault(asked.answer.decision_id, hook)

    def seal(self, data: object) -> None:
        """Shut again what another addon may have opened."""
        if isinstance(data, server_hooks.ServerConnectionHookData):
            self._shut(data)
        elif isinstance(data, tls.ClientHelloData):
            data.ignore_connection = False
        elif isinstance(data, layer.NextLayer) and not isinstance(data.layer, FirstLayer | RequestLayer):
            data.layer = Closing(data.context)


def _address(target: str) -> Address | None:
    match = _ADDRESS.fullmatch(target)
    return (match.group(1), int(match.group(2))) if match else None


def _raw(asked: Asked, message: Message) -> RawRequest:
    client = asked.client
    reverse = client.proxy_mode.type_name == "reverse"
    authority, target = _split(message.target)
    if not reverse and asked.tunnel is None:
        authority = ""  # a proxy is asked in absolute form; that it is no proxy for this is said further on
    return RawRequest(
        door=Door.BASE_URL if reverse else Door.PROXY,
        method=message.method,
        target=target,
        http_version=message.http_version,
        headers=message.headers,
        body=message.body,
        authority=authority,
        scheme="https" if client.tls_established else "http",
        connect=asked.tunnel,
        sni=client.sni,
        peer=client.peername[:2],
        at=client.sockname[:2],
    )


def _split(target: str) -> tuple[str, str]:
    """The authority of an absolute-form target, empty for the usual kind, and what follows it."""
    if target.startswith("/"):
        return "", target
    authority, slash, path = target.rpartition("://")[2].partition("/")
    return authority or target, slash + path


def fault_answer(ticket: Ticket | None) -> Answer:
    """What a client is told when something of ours failed, by whether its write may have left us."""
    attempt = ticket.attempt if ticket is not None else None
    if attempt is not None and not attempt.abandon():
        reply = refusal(DenyCode.OUTCOME_UNKNOWN, decision_id=attempt.decision_id, message=None)
        return answer_of(reply, attempt.decision_id, outcome_unknown=True)
    decision_id = attempt.decision_id if attempt is not None else new_decision_id()
    return answer_of(refusal(DenyCode.INTERNAL_FAULT, decision_id=decision_id, message=None), decision_id)
