"""HTTP/1.1 requests out of a stream of bytes: exactly, or not at all. The parser is llhttp, by httptools.

Rule of this file: a length is stated by one Content-Length and bounded before a byte of the body is kept; what frames a
body in any other way, or lets a client wait for our word before it sends one, is not read. Nothing is normalised, and
after something unreadable nothing more is read from the connection.
"""

from dataclasses import dataclass, field

import httptools

from pretrade.gateway.messages import printable
from pretrade.gateway.way.destination import MAX_BODY, MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET
from pretrade.model.codes import DenyCode
from pretrade.model.frozen import frozen

MAX_HEAD = MAX_TARGET + MAX_HEADER_BYTES + 4096
"""Bytes before the blank line, with room for line ends, inside a tunnel and at the base-URL door."""

MAX_FIRST_HEAD = 8 * 1024
"""Bytes of the head that opens a connection to the proxy door: a CONNECT."""

_MAX_DIGITS = 20
"""Digits of a stated length: leading zeros without end are no number for anybody."""
_NOT_READ = (b"transfer-encoding", b"expect", b"trailer")
_METHOD_STARTS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@frozen
class Message:
    """One request as its bytes said it; header names are lower-case. `last` says that the connection ends with it."""

    method: str
    target: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no request we read, and why."""

    code: DenyCode
    detail: str


@dataclass(slots=True)
class RequestReader:
    """Cuts one connection's bytes into requests. `rest` holds what came after a CONNECT or an upgrade, in the same
    piece or in a later one: none of it is read as a request."""

    max_head: int = MAX_HEAD
    max_body: int = MAX_BODY
    rest: bytes = b""
    _parser: httptools.HttpRequestParser = field(init=False)
    _done: list[Message | Unreadable] = field(default_factory=list)
    _unreadable: Unreadable | None = None
    _head_size: int = 0
    _in_message: bool = False
    _head_complete: bool = False
    _has_read: bool = False
    _has_ended: bool = False
    _target: bytearray = field(default_factory=bytearray)
    _headers: list[tuple[str, str]] = field(default_factory=list)
    _body: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    @property
    def in_message(self) -> bool:
        """Whether a request has begun and not ended."""
        return self._in_message

    @property
    def in_body(self) -> bool:
        """Whether a request's head is complete and its body is not."""
        return self._in_message and self._head_complete

    def feed(self, data: bytes) -> list[Message | Unreadable]:
        """The requests that these bytes complete; an Unreadable is the last one there will ever be."""
        if self._unreadable is not None:
            return []
        if self._has_ended:
            self.rest += data
            return []
        if not self._in_message and self._has_read:
            data = data.lstrip(b"\r\n")  # as the parser does where blank lines come in one piece with a request
            if not data:
                return []
        if not self._in_message and data[:1] not in _METHOD_STARTS:
            return [self._stop(f"a request begins with a method, this with {printable(data[:8].decode('latin-1'))}")]
        self._in_message = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as e:
            self._has_ended, self.rest = True, data[e.args[0] :]
        except httptools.HttpParserError as e:
            self._stop(printable(str(e)))
        if self._in_message and not self._head_complete and not self._done:
            # Where these bytes also end an earlier request, how many of them are the next one's is not known: at most
            # one piece goes uncounted until the head is complete.
            self._head_size += len(data)
            if self._head_size > self.max_head:
                self._stop(f"a head may have {self.max_head} bytes")
        done, self._done = self._done, []
        return [*done, self._unreadable] if self._unreadable is not None else done

    def _stop(self, detail: str, code: DenyCode = DenyCode.REQUEST_MALFORMED) -> Unreadable:
        if self._unreadable is None:
            self._unreadable = Unreadable(code, detail)
            self._target, self._headers, self._body = bytearray(), [], bytearray()
        return self._unreadable

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """A request line begins."""
        self._in_message, self._head_complete, self._head_size = True, False, 0
        self._target, self._headers, self._body = bytearray(), [], bytearray()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        if self._unreadable is None:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, as often as it occurs."""
        lower = name.lower()
        if lower in _NOT_READ:
            self._stop(f"header {lower.decode()} is not taken")
        if len(self._headers) > MAX_HEADERS:
            self._stop(f"at most {MAX_HEADERS} headers are taken")
        if self._unreadable is None:
            self._headers.append((lower.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The blank line: how much may follow is known from here on."""
        self._head_complete = True
        size = sum(len(name) + len(value) for name, value in self._headers) + len(self._target)
        if size > self.max_head:
            self._stop(f"a head may have {self.max_head} bytes")
        for name, value in self._headers:
            if name == "content-length" and (len(value) > _MAX_DIGITS or int(value) > self.max_body):
                self._stop(f"a body may have {self.max_body} bytes, this one has {value}", DenyCode.BODY_TOO_LARGE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._unreadable is None:
            self._body += body

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._in_message, self._has_read = False, True
        if self._unreadable is not None:
            return
        self._done.append(
            Message(
                method=self._parser.get_method().decode("latin-1"),
                target=self._target.decode("latin-1"),
                http_version=f"HTTP/{self._parser.get_http_version()}",
                headers=tuple(self._headers),
                body=bytes(self._body),
                last=not self._parser.should_keep_alive() or self._parser.should_upgrade(),
            )
        )
