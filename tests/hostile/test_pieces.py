"""Requests one behind the other, in any pieces: the verdict on each is the one that it has alone."""

import random

import pytest

from pretrade.gateway.front.heads import MAX_HEAD, Message, RequestReader, Unreadable

BATCH = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
SMALL = b"GET /markets HTTP/1.1\r\nHost: x\r\n\r\n"


def read(pieces: list[bytes]) -> list[Message | Unreadable]:
    reader = RequestReader()
    return [message for piece in pieces if piece for message in reader.feed(piece)]


@pytest.mark.parametrize("behind", [1, 10, len(SMALL) - 1])
def test_a_head_behind_a_large_body_is_not_counted_with_it(behind: int) -> None:
    """Catches a bound on heads that counts the body before it: a batch of orders with the start of the next request in
    its last packet was answered, and the next refused as too long. Seen red."""
    seen = read([BATCH + SMALL[:behind], SMALL[behind:]])
    assert [type(one) for one in seen] == [Message, Message]


def test_a_head_behind_a_body_is_still_bounded() -> None:
    """Catches a head without end that hides behind a body: 64 KB a piece, as the doors read, is all that goes free."""
    reader, endless = RequestReader(), b"GET / HTTP/1.1\r\nX-A: "
    seen = reader.feed(SMALL + endless)
    fed = 0
    while not any(isinstance(one, Unreadable) for one in seen):
        seen = reader.feed(b"a" * 1_000)
        fed += 1_000
        assert fed <= MAX_HEAD + 1_000


def test_any_cut_gives_the_same_requests() -> None:
    """Catches a verdict that hangs on where TCP cut a row of requests, with and without a refused one in it."""
    rng = random.Random(5)
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    for row in ([BATCH, SMALL, BATCH, SMALL], [SMALL, SMALL, BATCH], [SMALL, chunked, SMALL]):
        data = b"".join(row)
        whole = [type(one) for one in read([data])]
        for _ in range(60):
            cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(1, 6)))
            pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
            assert [type(one) for one in read(pieces)] == whole
