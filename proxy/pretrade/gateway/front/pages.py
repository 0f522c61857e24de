"""An answer's bytes on their way to a client.

Rule of this file: the head is ours but for the value of its Content-Type; the body is sent as it is.
"""

from http import HTTPStatus

from mitmproxy.connection import Client
from mitmproxy.proxy import commands, layer

from pretrade.gateway.front.heads import Message, Unreadable
from pretrade.gateway.messages import Answer

PIECE = 60 * 1024
"""Bytes of an answer that go out in one piece; in TLS they fit in one that mitmproxy takes at once. There the buffer
between OpenSSL and the socket grows to what is put into it at once and never shrinks: with a list of 3 MB in one piece
each kept connection held 4 MB from then on."""

_REASONS = {int(status): status.phrase for status in HTTPStatus}


def send_page(
    client: Client, answer: Answer, request: Message | Unreadable, *, last: bool
) -> layer.CommandGenerator[None]:
    """Send an answer, a large one in pieces that are no copies of it. One to HEAD has no body: sent all the same, it
    would be read as the next answer's start."""
    is_head = isinstance(request, Message) and request.method == "HEAD"
    body = b"" if is_head else answer.body
    head = _head(answer, body, last=last)
    if len(body) <= PIECE:
        yield commands.SendData(client, head + body)
        return
    yield commands.SendData(client, head)
    whole = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield commands.SendData(client, whole[start : start + PIECE])  # type: ignore[arg-type]


def _head(answer: Answer, body: bytes, *, last: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    lines += [f"Content-Type: {answer.content_type}"] if body and answer.content_type else []
    lines += [f"Content-Length: {len(body)}"] if answer.status not in (204, 304) else []
    lines += ["Connection: close"] if last else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
