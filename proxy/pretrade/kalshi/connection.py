"""One connection to the exchange: one request at a time out, one whole answer in, or a fault.

Rule of this file: once a byte of a request was handed to the transport the end is an Answer or `Unknown`, never
`NotSent`; and a byte that nobody asked for ends the connection.
"""

import asyncio
import select
import socket
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import field
from typing import Protocol, runtime_checkable

import httptools

from pretrade.kalshi.reading_room import Place
from pretrade.model.frozen import frozen

MAX_HEAD_BYTES = 64 * 1024
"""What an answer may have beside its body: heads and chunk sizes."""

_FIRST_STATUS = 100
_FIRST_FINAL_STATUS = 200
_LAST_STATUS = 599


MAX_READ_AHEAD = 64 * 1024
"""Bytes of an answer that TLS keeps while its reader pauses, on each connection, beside one reading of the socket."""

# What one reading takes at most, and what every connection keeps a buffer of: 256 KB in asyncio, and as much again in
# OpenSSL's, which never shrinks. There is no argument for it; where a later Python has no such name, nothing changes.
sslproto.SSLProtocol.max_size = MAX_READ_AHEAD


@runtime_checkable
class _LimitsReading(Protocol):
    """What asyncio's TLS transport can do and its documentation has for writing alone."""

    def set_read_buffer_limits(self, high: int) -> None: ...


class NotSent(Exception):  # noqa: N818  (the word of the whole program for it)
    """No byte of the request left us; the message says why."""


class Unknown(Exception):  # noqa: N818  (the word of the whole program for it)
    """At least one byte may have left us and no whole, plain answer came back; the message says why."""


class ClosedUnanswered(Unknown):
    """The connection ended before any byte of an answer, as a kept connection does that the other side has closed."""


@frozen
class Answer:
    """One whole answer, as it came: `content_type` and `date` are empty when the exchange sent none."""

    status: int
    content_type: str
    body: bytes
    date: str = field(default="", compare=False)


class _AnswerReader:
    """The parser's callbacks for one answer. Interim answers (1xx) are read past; at a 101 the parser itself stops."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.answer: Answer | None = None
        self.fault = ""
        self.keep_alive = False
        self._content_type = ""
        self._date = ""
        self._body: list[bytes] = []

    def end(self) -> None:
        """Let go of the answer and of the parser, which holds this reader as well: such a ring stays in memory, with a
        large answer in it, until the collector comes by, and it has no reason to come soon."""
        self.answer = None
        self._body = []
        del self.parser

    def feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fault = "the exchange switched protocols"
        except httptools.HttpParserError as e:
            self.fault = f"malformed answer: {e}"

    def on_message_begin(self) -> None:
        if self.answer is not None:
            self.fault = "more than one answer"
        self._content_type = self._date = ""
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower(), value.strip().lower():
            case b"content-encoding", encoding if encoding != b"identity":
                self.fault = "the answer is compressed, which was not asked for"
            case b"transfer-encoding", coding if coding != b"chunked":
                self.fault = "the answer has a transfer coding other than chunked"
            case b"content-type", _:
                self._content_type = value.decode("latin-1")
            case b"date", _:
                self._date = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if _FIRST_STATUS <= status < _FIRST_FINAL_STATUS:
            return
        if not _FIRST_FINAL_STATUS <= status <= _LAST_STATUS:
            self.fault = f"malformed answer: status {status}"
            return
        self.keep_alive = self.parser.should_keep_alive()
        self.answer = Answer(status, self._content_type, b"".join(self._body), self._date)
        self._body = []


class Connection(asyncio.Protocol):
    """One TLS connection. `closed` is done once its socket is closed; `idle_since` is in the loop's time."""

    def __init__(self, max_body: int, on_closed: Callable[["Connection"], None]) -> None:
        loop = asyncio.get_running_loop()
        self.idle_since = loop.time()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._new_answer: Callable[[], asyncio.Future[Answer]] = loop.create_future
        self._on_closed = on_closed
        self._max_bytes = max_body + MAX_HEAD_BYTES
        self._transport: asyncio.Transport | None = None
        self._socket_events = select.poll()
        self._waiting: asyncio.Future[Answer] | None = None
        self._reader: _AnswerReader | None = None
        self._received = 0
        self._is_between_answers = True
        self._room: Place | None = None
        self._is_paused = False
        self._loop = loop
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, message: bytes, deadline: float, room: Place | None = None) -> asyncio.Future[Answer]:
        """Send one request. The future ends with the answer or Unknown, at the latest at `deadline`, in the loop's
        time; cancel it and the connection is spent. Where there is a `room`, the answer takes its place in it.

        Raises NotSent, before any byte was written, when the connection has ended or still waits for an answer.
        """
        if self._transport is None or self._transport.is_closing() or not self._is_between_answers:
            message_to_caller = "the connection ended before the request was written"
            raise NotSent(message_to_caller)
        self._is_between_answers = False
        self._reader = _AnswerReader()
        self._received = 0
        self._room = room
        self._waiting = self._new_answer()
        self._end_by(deadline)
        self._transport.write(message)
        return self._waiting

    def _end_by(self, deadline: float) -> None:
        """Have a timer run at the deadline or before. Nearly every answer comes in time, so a timer is left standing
        for the requests that follow: it looks when it runs, and waits on for what was asked since."""
        self._deadline = deadline
        if self._timer is not None and self._timer.when() <= deadline:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._deadline:
            self._end_by(self._deadline)
        else:
            self._fail(Unknown("no whole answer came before the deadline"))

    @property
    def is_kept(self) -> bool:
        """Whether the last answer was whole and no end is known of since."""
        return self._transport is not None and not self._transport.is_closing() and self._is_between_answers

    def can_carry_another(self) -> bool:
        """Whether it is kept and nothing has happened since: no end, not a byte waiting to be read.

        The socket itself is asked, because the event loop may not have got round to reading it yet.
        """
        return self.is_kept and not self._socket_events.poll(0)

    def abort(self) -> None:
        """Close at once, without waiting for the other side."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport; asyncio calls this after the TLS handshake has verified the server."""
        if not isinstance(transport, asyncio.Transport):
            message = "a stream transport was expected"
            raise TypeError(message)
        self._transport = transport
        self._socket_events.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        # Without it Nagle and the delayed ACK cost some 40 ms a request; asyncio sets it for most sockets, not for all.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Past this much that waits to be decrypted the socket is not read: asyncio's own is four times as much.
        if isinstance(transport, _LimitsReading):
            transport.set_read_buffer_limits(MAX_READ_AHEAD)

    def data_received(self, data: bytes) -> None:
        """Feed the answer's parser; whatever is odd ends both the wait and the connection."""
        reader = self._reader
        if reader is None or self._waiting is None or self._waiting.done():
            self.abort()
            return
        self._received += len(data)
        if self._received > self._max_bytes:
            self._fail(Unknown(f"the answer is larger than {self._max_bytes} bytes"))
            return
        reader.feed(data)
        if reader.fault:
            self._fail(Unknown(reader.fault))
        elif reader.answer is not None:
            self._deliver(self._waiting, reader.answer, keep_alive=reader.keep_alive)
        elif self._room is not None:
            self._room.hold(self, self._received)

    def pause(self) -> None:
        """Leave what comes with the exchange until `resume`."""
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take what comes again."""
        if self._transport is not None and self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _let_go(self) -> None:
        """Keep nothing of an answer that is whole or given up."""
        room, self._room = self._room, None
        if room is not None:
            room.leave(self)
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.end()

    def eof_received(self) -> None:
        """Half closed is closed: an answer without a stated length cannot be told from half of one."""
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait, if there is one, and tell the pool."""
        why = f": {exc}" if exc is not None else ""
        if self._received == 0:
            self._fail(ClosedUnanswered(f"the connection ended before an answer{why}"))
        else:
            self._fail(Unknown(f"the connection ended within the answer{why}"))
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(None)
        self._on_closed(self)

    def _deliver(self, waiting: asyncio.Future[Answer], answer: Answer, *, keep_alive: bool) -> None:
        self._let_go()
        waiting.set_result(answer)
        self._waiting = None
        if keep_alive:
            self._is_between_answers = True
            self.idle_since = self._loop.time()
        else:
            self.abort()

    def _fail(self, fault: Unknown) -> None:
        self._let_go()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(fault)
        self._waiting = None
        self.abort()
