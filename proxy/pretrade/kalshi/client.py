"""Our own calls to the exchange: a small pool of kept, verified TLS connections, and a plain word for every failure.

Rule of this file: a write goes out at most once. `NotSent` is raised only while no byte can have left us; from then on
a failure is `Unknown`, and nothing here sends anything a second time but a read that found its kept connection closed.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from importlib.metadata import version
from pathlib import Path

from pretrade.kalshi.connection import Answer, ClosedUnanswered, Connection, NotSent, Unknown
from pretrade.kalshi.reading_room import Place, ReadingRoom
from pretrade.kalshi.signing import SIGNATURE_HEADER, SIGNATURE_HEADERS, SignedRequest
from pretrade.kalshi.slots import Slots
from pretrade.model.frozen import frozen

__all__ = ["Address", "Answer", "Lane", "NotSent", "Unknown", "Upstream", "tls_context"]

MAX_BODY_BYTES = 16 * 1024 * 1024
"""Room for the longest list the exchange sends (1000 markets are about 3 MB)."""

_READ_IDLE_SECONDS = 30.0
USER_AGENT = f"pretrade/{version('pretrade')}"
_METHOD = re.compile(r"GET|POST|PUT|DELETE", re.ASCII)
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
_VALUE = re.compile(r"[!-~]+", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9]{12,}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and the name that the server's certificate must prove; both from the policy alone."""

    host: str
    port: int
    server_name: str


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A verifying client context, TLS 1.2 or newer: trusts the given file's CAs alone, or the system's without one.

    Built by hand, because `ssl.create_default_context` would honour SSLKEYLOGFILE. Raises OSError on a bad file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=ca_file)
    return context


class Lane(Enum):
    """Each kind of request has connections of its own, so that hanging reads or orders never keep a cancel waiting,
    nor clients' reads our own reading of the exchange's record, nor the other way round."""

    READ = auto()
    ORDER = auto()
    EXIT = auto()
    RECONCILE = auto()


_REPEATABLE = frozenset([Lane.READ, Lane.RECONCILE])


@frozen
class _Errand:
    """One request's bytes, until when (the loop's clock) they may take, the last look before them, and the room for the
    answer."""

    message: bytes
    deadline: float
    last_look: Callable[[], None] | None
    room: Place | None


class Upstream:
    """Sends signed requests to one address. All times are in seconds; `max_connections` is for each lane.

    `answer_timeout` is the whole time for one request, from the call to the last byte of the answer, and includes
    waiting for a free connection and at most `connect_timeout` for a new one. A connection that has idled longer than
    `idle_limit` carries no write. Belongs to one event loop.
    """

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext,
        *,
        connect_timeout: float = 3.0,
        answer_timeout: float = 8.0,
        max_body: int = MAX_BODY_BYTES,
        idle_limit: float = 4.0,
        max_connections: int = 32,
    ) -> None:
        """Take the settings; nothing is dialled yet. Raises ValueError for a context that does not verify."""
        if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
            message = "the TLS context must verify the certificate and the host name"
            raise ValueError(message)
        if not _HOST.fullmatch(address.server_name):
            message = f"the server name must be a plain host name, was {address.server_name!r}"
            raise ValueError(message)
        self._address = address
        self._context = context
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._max_body = max_body
        self._idle_limit = idle_limit
        self._room = ReadingRoom()
        self._slots = {lane: Slots(max_connections) for lane in Lane}
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        self._is_closed = False
        self.on_dated: Callable[[str, float], None] | None = None
        """Hears, in a turn of the loop of its own, of each answer to a signed request: its Date, and when it was asked
        by the loop's clock. No cache on the way may keep such an answer."""

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> Answer:
        """Send one request and return its whole answer, whatever its status. A `reader` is who asks, where that may be
        one of several: nobody has more than a share of a lane's connections, nor of the room for answers.

        `last_look` is called when a connection is in hand and nothing comes between it and the first byte; what it
        raises comes out, with nothing sent. Raises NotSent if no byte can have left us, Unknown in every other case
        without a whole answer. A caller that is cancelled must treat a write as unknown. A read (and never a write)
        is asked a second time, once, if its kept connection was closed before any byte of an answer.
        """
        self._refuse_if_closed()
        message = _message(request, self._address.server_name)
        is_repeatable = request.method == "GET" and lane in _REPEATABLE
        room = Place(self._room, reader or "") if lane is Lane.READ else None
        asked = asyncio.get_running_loop().time()
        deadline = asked + self._answer_timeout
        slots = self._slots[lane]
        try:
            await slots.take(reader, deadline)
        except TimeoutError as e:
            message_to_caller = "every connection to the exchange stayed busy until the deadline"
            raise NotSent(message_to_caller) from e
        try:
            answer = await self._carry(_Errand(message, deadline, last_look, room), is_repeatable=is_repeatable)
            return self._heard(request, asked, answer)
        finally:
            slots.give_back(reader)

    async def _carry(self, errand: _Errand, *, is_repeatable: bool) -> Answer:
        """Ask on a kept connection or on a fresh one; what may be asked again, also where the kept one was closed."""
        kept = self._take_kept(_READ_IDLE_SECONDS if is_repeatable else self._idle_limit)
        if kept is not None:
            try:
                return await self._ask(kept, errand)
            except ClosedUnanswered:
                if not is_repeatable:
                    raise
        return await self._ask(await self._dial(errand.deadline), errand)

    def _heard(self, request: SignedRequest, asked: float, answer: Answer) -> Answer:
        if self.on_dated is not None and request.headers and answer.date:
            asyncio.get_running_loop().call_soon(self.on_dated, answer.date, asked)
        return _kept_secret(request, answer)

    async def close(self) -> None:
        """Take no more requests and close every connection; a request still under way ends as Unknown."""
        self._is_closed = True
        connections = list(self._open)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.closed

    def _take_kept(self, idle_limit: float) -> Connection | None:
        """The connection used last, if it is fit; the unfit are closed. What lies below it has idled even longer."""
        oldest = asyncio.get_running_loop().time() - idle_limit
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since >= oldest and connection.can_carry_another():
                return connection
            connection.abort()
        return None

    async def _dial(self, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + self._connect_timeout)):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._max_body, self._forget),
                    self._address.host,
                    self._address.port,
                    ssl=self._context,
                    server_hostname=self._address.server_name,
                )
        except TimeoutError as e:
            message = "connecting to the exchange took too long"
            raise NotSent(message) from e
        except (OSError, UnicodeError) as e:
            message = f"could not connect to the exchange: {e}"
            raise NotSent(message) from e
        if not connection.closed.done():
            self._open.add(connection)
        return connection

    async def _ask(self, connection: Connection, errand: _Errand) -> Answer:
        try:
            self._refuse_if_closed()
            if errand.last_look is not None:
                errand.last_look()
            return await connection.ask(errand.message, errand.deadline, errand.room)
        finally:
            self._keep_or_end(connection)

    def _keep_or_end(self, connection: Connection) -> None:
        """After an answer, a fault or a cancelled caller alike: only a connection between two answers is kept."""
        if not self._is_closed and connection.is_kept:
            self._idle.append(connection)  # its socket is asked when it is taken again
        else:
            connection.abort()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            message = "the connections to the exchange are closed"
            raise NotSent(message)

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _kept_secret(request: SignedRequest, answer: Answer) -> Answer:
    """The answer, unless it repeats the live signature: for some seconds that is as good as the key for this path, with
    any body, and no client may see it (threats 27). Raises Unknown. Its longest plain run is looked for, because an
    error page writes the other characters of base64 in ways of its own."""
    for name, value in request.headers:
        run = max(_RUN.findall(value), key=len, default="") if name == SIGNATURE_HEADER else ""
        if run and (run.encode() in answer.body or run in answer.content_type):
            message = "the answer repeats the request's signature"
            raise Unknown(message)
    return answer


def _message(request: SignedRequest, host: str) -> bytes:
    """The request's bytes, every one of them ours. Raises NotSent for a part that could carry a second meaning."""
    for name, value in request.headers:
        if name not in SIGNATURE_HEADERS or not _VALUE.fullmatch(value):
            message = "a header is not one of the signature's or has an odd character"
            raise NotSent(message)
    if not _METHOD.fullmatch(request.method) or not _TARGET.fullmatch(request.target):
        message = "the method or the target has an odd form"
        raise NotSent(message)
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {host}", f"User-Agent: {USER_AGENT}"]
    lines.append("Accept: application/json")
    if request.body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body
