"""What a fault puts onto the wire in place of the proper answer.

Rule of this file: pure; a fault and the proper answer in, bytes out. `misbehave` decides when.
"""

import gzip
import re
from dataclasses import dataclass
from typing import Any

from pretrade.practice.api.call import Reply
from pretrade.practice.core.errors import ExchangeError, Shape
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.faults.sending import JSON_TYPE, End, Sending, head, in_steps, json_bytes, message

_CODES = {
    408: "request_timeout",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
}
_STEPS_PER_SECOND = 10
_CHUNK = 16
_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
_DECIMAL = re.compile(r"-?([0-9]+)(?:\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer may need to know of its request."""

    url: str
    at_us: int


def spoilt(fault: Fault, asked: Asked, reply: Reply | None) -> Sending | Reply:
    """What to send for this fault; `reply` is the proper answer, None where the request was not executed.

    A Reply means: send this one in the ordinary way. Kinds that only hold an answer, begin a condition or change what
    is executed give the reply back.
    """
    match fault.kind:
        case FaultKind.CLOSE_AFTER_READ:
            return Sending(end=End.CLOSE)
        case FaultKind.RESET:
            return Sending(end=End.RESET)
        case FaultKind.STATUS:
            return Reply(fault.status, _error(fault.status).body())
        case FaultKind.EMPTY_SUCCESS:
            return Reply(201, {})
        case FaultKind.REDIRECT:
            return _redirect(fault, asked)
    if reply is None:
        raise LookupError(f"{fault.kind} needs an answer to spoil")
    return _other_body(fault.kind, asked, reply) or _other_form(fault, asked, reply) or reply


def _error(status: int) -> ExchangeError:
    if status == 429:
        return ExchangeError(429, "too_many_requests", shape=Shape.TEXT)
    return ExchangeError(status, _CODES.get(status, "error"))


def _redirect(fault: Fault, asked: Asked) -> Sending:
    where = {"Location": fault.location or asked.url}
    return Sending(message(307, asked.at_us, b"", "text/plain", where))


def _other_body(kind: FaultKind, asked: Asked, reply: Reply) -> Sending | None:
    """The answer with its proper status and another body, None for a kind that leaves the body alone."""
    text = _text(reply)
    match kind:
        case FaultKind.NO_BODY:
            return Sending(message(reply.status, asked.at_us, b""))
        case FaultKind.TRUNCATED_JSON:
            return Sending(message(reply.status, asked.at_us, text[: len(text) // 2]))
        case FaultKind.HTML:
            return Sending(message(reply.status, asked.at_us, _PAGE, "text/html"))
        case FaultKind.NOT_JSON:
            return Sending(message(reply.status, asked.at_us, b"ok, " + text))
        case FaultKind.WRONG_TYPES:
            return Sending(message(reply.status, asked.at_us, json_bytes(_mistyped(reply.body))))
        case FaultKind.DUPLICATE_KEYS:
            return Sending(message(reply.status, asked.at_us, _doubled(reply.body)))
        case _:
            return None


def _other_form(fault: Fault, asked: Asked, reply: Reply) -> Sending | None:
    """The answer with its proper status and body in another form on the wire, None for a kind that leaves it alone."""
    text = _text(reply)
    first, body = message(reply.status, asked.at_us, text)
    size = max(1, fault.rate // _STEPS_PER_SECOND)
    match fault.kind:
        case FaultKind.CUT_ANSWER:
            return Sending((first, body[: len(body) // 2]), end=End.CLOSE)
        case FaultKind.SLOW_BYTES:
            return Sending((first, *in_steps(body, size)), size / fault.rate)
        case FaultKind.SLOW_HEADERS:
            return Sending(in_steps(first + body, size), size / fault.rate)
        case FaultKind.WRONG_LENGTH:
            length = {"Content-Length": str(max(0, len(text) + fault.off))}
            return Sending(message(reply.status, asked.at_us, text, headers=length))
        case FaultKind.CHUNKED:
            start = head(reply.status, asked.at_us, {"Content-Type": JSON_TYPE, "Transfer-Encoding": "chunked"})
            chunks = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in in_steps(text, _CHUNK)]
            return Sending((start, *chunks, b"0\r\n\r\n"))
        case FaultKind.GZIP:
            packed = gzip.compress(text, mtime=0)
            return Sending(message(reply.status, asked.at_us, packed, headers={"Content-Encoding": "gzip"}))
        case _:
            return None


def _text(reply: Reply) -> bytes:
    return b"" if reply.body is None else json_bytes(reply.body)


def _mistyped(value: Any) -> Any:
    match value:
        case dict():
            return {name: _mistyped(inner) for name, inner in value.items()}
        case list():
            return [_mistyped(inner) for inner in value]
        case bool() | int():
            return str(value)
        case str() if found := _DECIMAL.fullmatch(value):
            return int(found.group(1))
        case str():
            return [value]
        case _:
            return {}


def _doubled(value: Any) -> bytes:
    match value:
        case dict():
            pairs = [(json_bytes(name), inner) for name, inner in value.items()]
            twice = [name + b":" + text for name, inner in pairs for text in (_doubled(inner), _different(inner))]
            return b"{" + b",".join(twice) + b"}"
        case list():
            return b"[" + b",".join(_doubled(inner) for inner in value) + b"]"
        case _:
            return json_bytes(value)


def _different(value: Any) -> bytes:
    """Another value of the same type."""
    match value:
        case bool():
            return json_bytes(not value)
        case int():
            return json_bytes(value + 1)
        case str():
            return json_bytes("9" + value)
        case dict():
            return b"{}"
        case list():
            return b"[]"
        case _:
            return b"0"
