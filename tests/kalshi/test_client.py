"""The upstream client against a server of real sockets and real TLS that misbehaves in every way we know of.

Two things are asserted throughout: which of NotSent and Unknown is raised, and how many requests reached the server.
"""

import asyncio
import select
import socket
import ssl
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.kalshi.fault_server import (
    NAME,
    OK,
    FaultServer,
    answers,
    fault_server,
    make_ca_and_leaf,
    one_after_another,
    reset,
    wait_for,
)

from pretrade.kalshi.client import Address, Lane, NotSent, Unknown, Upstream, tls_context
from pretrade.kalshi.signing import SIGNATURE_HEADERS, SignedRequest

PATH = "/trade-api/v2/portfolio/events/orders"
HEADERS = tuple((name, f"value-{number}") for number, name in enumerate(SIGNATURE_HEADERS))
WRITE = SignedRequest("POST", PATH, HEADERS, b'{"ticker":"T"}')
CANCEL = SignedRequest("DELETE", PATH + "/1?market_ticker=T", HEADERS)
READ = SignedRequest("GET", "/trade-api/v2/markets?limit=5", HEADERS)
REFUSED_FOR_OTHER_REASONS = 5.0


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_ca_and_leaf(tmp_path_factory.mktemp("tls"), NAME)


@asynccontextmanager
async def upstream_to(server: FaultServer, ca_file: Path, **settings):
    settings = {"connect_timeout": 2.0, "answer_timeout": REFUSED_FOR_OTHER_REASONS} | settings
    upstream = Upstream(Address("127.0.0.1", server.port, NAME), tls_context(ca_file), **settings)
    try:
        yield upstream
    finally:
        await upstream.close()


async def outcome_of(upstream: Upstream, request: SignedRequest, *, lane: Lane) -> object:
    """The answer's status, or the type of what was raised."""
    try:
        return (await upstream.send(request, lane=lane)).status
    except (NotSent, Unknown) as e:
        return NotSent if isinstance(e, NotSent) else Unknown


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


# --- what goes out ---


async def test_the_request_has_our_bytes_only(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca) as upstream:
            answer = await upstream.send(WRITE, lane=Lane.ORDER)
            await upstream.send(READ, lane=Lane.READ)
    assert (answer.status, answer.content_type, answer.body) == (201, "application/json", b'{"order": 1}')
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST {PATH} HTTP/1.1"
    assert lines[1] == f"Host: {NAME}"
    assert lines[2].startswith("User-Agent: pretrade/")
    signature = [f"{name}: value-{number}" for number, name in enumerate(SIGNATURE_HEADERS)]
    assert lines[3:] == ["Accept: application/json", "Content-Type: application/json", "Content-Length: 14", *signature]
    assert body == WRITE.body
    assert server.requests[1].startswith(b"GET /trade-api/v2/markets?limit=5 HTTP/1.1\r\n")
    assert b"Content-" not in server.requests[1]


@pytest.mark.parametrize(
    "request_",
    [
        SignedRequest("POST", PATH + "\r\nX: 1", HEADERS, b"{}"),
        SignedRequest("POST", PATH + " HTTP/1.1", HEADERS, b"{}"),
        SignedRequest("POST", PATH + "\0", HEADERS, b"{}"),
        SignedRequest("POST", "//evil.example\N{LATIN SMALL LETTER E WITH ACUTE}", HEADERS, b"{}"),
        SignedRequest("POST", "https://evil.example/", HEADERS, b"{}"),
        SignedRequest("POST\r\n", PATH, HEADERS, b"{}"),
        SignedRequest("TRACE", PATH, HEADERS),
        SignedRequest("get", PATH, HEADERS),
        SignedRequest("POST", PATH, ((SIGNATURE_HEADERS[0], "a\r\nX: 1"),), b"{}"),
        SignedRequest("POST", PATH, ((SIGNATURE_HEADERS[0], "a\nb"),), b"{}"),
        SignedRequest("POST", PATH, ((SIGNATURE_HEADERS[0], ""),), b"{}"),
        SignedRequest("POST", PATH, (("Host", "evil.example"),), b"{}"),
        SignedRequest("POST", PATH, (("Transfer-Encoding", "chunked"),), b"{}"),
    ],
)
async def test_a_part_with_a_second_meaning_is_not_sent(tls, request_):
    """Catches header injection and request splitting: nothing is even dialled."""
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca) as upstream:
            assert await outcome_of(upstream, request_, lane=Lane.ORDER) is NotSent
    assert server.connections == 0


# --- before a byte has left: NotSent ---


async def test_refused_connection_is_not_sent(tls):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with upstream_to(FaultServer(port), tls[0]) as upstream:
        with pytest.raises(NotSent, match="could not connect"):
            await upstream.send(WRITE, lane=Lane.ORDER)


async def test_a_name_that_does_not_resolve_is_not_sent(tls):
    upstream = Upstream(Address("nowhere.invalid", 443, NAME), tls_context(tls[0]))
    with pytest.raises(NotSent, match="could not connect"):
        await upstream.send(WRITE, lane=Lane.ORDER)


@pytest.mark.parametrize("case", ["other-name", "other-ca", "system-roots"])
async def test_an_unverified_server_gets_no_byte(tls, tmp_path, case):
    """Catches a client that accepts any CA or any name: the server must not see a request."""
    ca, leaf = tls
    if case == "other-name":
        ca, leaf = make_ca_and_leaf(tmp_path, "evil.example", "127.0.0.1")
    if case == "other-ca":
        ca, _ = make_ca_and_leaf(tmp_path, NAME)
    trusted = None if case == "system-roots" else ca
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, trusted) as upstream:
            with pytest.raises(NotSent, match="certificate verify failed"):
                await upstream.send(WRITE, lane=Lane.ORDER)
        await until(lambda: server.open_now == 0)
    assert server.requests == []


def test_the_context_trusts_one_file_and_keeps_no_secrets_log(tls, tmp_path, monkeypatch):
    """Catches a practice context that trusts the system's roots as well, and one that obeys SSLKEYLOGFILE."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "secrets"))
    context = tls_context(tls[0])
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.keylog_filename is None
    assert len(context.get_ca_certs()) == 1


def test_a_context_that_does_not_verify_is_refused(tls):
    for spoil in ("check_hostname", "verify_mode"):
        context = tls_context(tls[0])
        context.check_hostname = False
        if spoil == "verify_mode":
            context.verify_mode = ssl.CERT_NONE
        with pytest.raises(ValueError, match="must verify"):
            Upstream(Address("127.0.0.1", 1, NAME), context)


async def test_a_handshake_that_never_ends_is_not_sent(tls):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultServer(listener.getsockname()[1])
        async with upstream_to(server, tls[0], connect_timeout=0.2) as upstream:
            with pytest.raises(NotSent, match="connecting to the exchange took too long"):
                await upstream.send(WRITE, lane=Lane.ORDER)


async def test_no_free_connection_before_the_deadline_is_not_sent(tls):
    ca, leaf = tls
    with fault_server(leaf, answers()) as server:
        async with upstream_to(server, ca, answer_timeout=0.4, max_connections=1) as upstream:
            first = asyncio.ensure_future(outcome_of(upstream, WRITE, lane=Lane.ORDER))
            await until(lambda: len(server.requests) == 1)
            upstream._answer_timeout = 0.05
            with pytest.raises(NotSent, match="stayed busy"):
                await upstream.send(WRITE, lane=Lane.ORDER)
            assert await first is Unknown
    assert len(server.requests) == 1


async def test_after_close_nothing_is_sent(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca) as upstream:
            assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) == 201
            await upstream.close()
            assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) is NotSent
        await until(lambda: server.open_now == 0)
    assert (len(server.requests), server.connections) == (1, 1)


# --- after a byte has left: Unknown, and never a second time ---


def close_unread(conn: ssl.SSLSocket, _request: bytes) -> bool:
    """Wait until the request lies in the socket, then close without reading a byte of it."""
    wait_for(lambda: bool(select.select([conn], [], [], 0)[0]))
    return False


FAULTS = {
    "closed after reading": answers(keep=False),
    "reset after reading": reset,
    "half a head": answers(OK[:30], keep=False),
    "half a body": answers(OK[:-4], keep=False),
    "half a chunked body": answers(b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", keep=False),
    "no length, ended by closing": answers(b"HTTP/1.1 201 Created\r\n\r\n{}", keep=False),
    "not http": answers(b"SSH-2.0-OpenSSH_9.9\r\n", keep=False),
    "status 000": answers(OK.replace(b"201", b"000")),
    "status 999": answers(OK.replace(b"201", b"999")),
    "two lengths": answers(OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 12\r\n\r\n")),
    "length and chunks": answers(OK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")),
    "compressed": answers(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")),
    "odd transfer coding": answers(b"HTTP/1.1 201 C\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "switching protocols": answers(b"HTTP/1.1 101 S\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n"),
    "switching protocols, bare": answers(b"HTTP/1.1 101 S\r\n\r\n"),
    "surplus bytes with the answer": answers(OK + b"EXTRA"),
    "two answers": answers(OK + OK),
    "endless head": answers(b"HTTP/1.1 201 C\r\n" + b"X-Pad: 0123456789\r\n" * 20_000),
    "huge body": answers(b"HTTP/1.1 201 C\r\nContent-Length: 900000\r\n\r\n" + b" " * 900_000),
    "huge chunked body": answers(
        b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"2710\r\n" + b" " * 10_000 + b"\r\n") * 90
    ),
    "slow": answers(b"HTTP/1.1 201 Created\r\n"),
    "silent": answers(),
    "interim answers only": answers(*[b"HTTP/1.1 102 P\r\n\r\n"] * 5),
}


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_after_sending_is_unknown_and_sent_once(tls, fault, is_write):
    """Catches a retried write, a NotSent after the first byte, and an answer taken from half of one."""
    ca, leaf = tls
    with fault_server(leaf, FAULTS[fault]) as server:
        async with upstream_to(server, ca, answer_timeout=0.5, max_body=100_000) as upstream:
            request = WRITE if is_write else READ
            assert await outcome_of(upstream, request, lane=Lane.ORDER if is_write else Lane.READ) is Unknown
        await until(lambda: server.open_now == 0)
    assert len(server.requests) == 1
    assert server.connections == 1


async def test_closed_with_the_request_unread_is_unknown(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK), on_connect=close_unread) as server:
        async with upstream_to(server, ca) as upstream:
            assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) is Unknown
    assert (server.connections, server.requests) == (1, [])


async def test_the_deadline_covers_the_whole_answer(tls):
    """Catches a deadline that starts anew with every byte."""

    def trickle(conn: ssl.SSLSocket, _request: bytes) -> bool:
        for byte in OK:
            conn.sendall(bytes([byte]))
            time.sleep(0.2)
        return True

    ca, leaf = tls
    with fault_server(leaf, trickle) as server:
        async with upstream_to(server, ca, answer_timeout=0.3) as upstream:
            began = time.monotonic()
            with pytest.raises(Unknown, match="deadline"):
                await upstream.send(WRITE, lane=Lane.ORDER)
            assert time.monotonic() - began < 8
    assert len(server.requests) == 1


# --- whole answers ---

WHOLE = {
    "in single bytes": (answers(*[bytes([byte]) for byte in OK]), 201, b'{"order": 1}'),
    "chunked": (
        answers(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n", b"1\r\n \r\n0\r\nX-T: 1\r\n\r\n"
        ),
        200,
        b"{}\n ",
    ),
    "204": (answers(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, b""),
    "after interim answers": (
        answers(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\n", OK),
        201,
        b'{"order": 1}',
    ),
    "identity": (answers(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: identity\r\n\r\n")), 201, b'{"order": 1}'),
    "500": (answers(b"HTTP/1.1 500 I\r\nContent-Length: 1\r\n\r\n!"), 500, b"!"),
    "1.0, closing": (answers(b"HTTP/1.0 403 F\r\nContent-Length: 2\r\n\r\n{}", keep=False), 403, b"{}"),
    "as large as allowed": (
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000),
        200,
        b"x" * 100_000,
    ),
}


@pytest.mark.parametrize("form", WHOLE)
async def test_whole_answers_come_back_as_they_are(tls, form):
    ca, leaf = tls
    behaviour, status, body = WHOLE[form]
    with fault_server(leaf, behaviour) as server:
        async with upstream_to(server, ca, max_body=100_000) as upstream:
            answer = await upstream.send(CANCEL, lane=Lane.ORDER)
    assert (answer.status, answer.body) == (status, body)
    assert len(server.requests) == 1


# --- kept connections ---


async def test_a_fit_connection_is_used_again(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca) as upstream:
            for _ in range(5):
                assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) == 201
                assert await outcome_of(upstream, READ, lane=Lane.READ) == 201
    assert (len(server.requests), server.connections) == (10, 1)


async def test_connection_close_is_obeyed(tls):
    ca, leaf = tls
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with fault_server(leaf, answers(closing)) as server:
        async with upstream_to(server, ca) as upstream:
            for _ in range(2):
                assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) == 201
    assert (len(server.requests), server.connections) == (2, 2)


async def test_a_connection_that_idled_too_long_carries_no_write(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca, idle_limit=0.1) as upstream:
            await upstream.send(WRITE, lane=Lane.ORDER)
            await asyncio.sleep(0.15)
            await upstream.send(READ, lane=Lane.READ)
            assert server.connections == 1
            await asyncio.sleep(0.15)
            await upstream.send(WRITE, lane=Lane.ORDER)
            await until(lambda: server.open_now == 1)
    assert (len(server.requests), server.connections) == (3, 2)


@pytest.mark.parametrize("surplus", [b"", b"EXTRA", OK], ids=["eof", "EXTRA", "an answer"])
@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("loop_has_turns", [True, False], ids=["seen by the loop", "still in the socket"])
async def test_a_connection_with_something_waiting_is_not_used(tls, surplus, is_write, loop_has_turns):
    """Catches a reused connection with waiting bytes: the caller would read `EXTRAHTTP/1.1`, or another's answer."""
    ca, leaf = tls
    done = []

    def answer_then_more(conn: ssl.SSLSocket, _request: bytes) -> bool:
        conn.sendall(OK)
        wait_for(lambda: bool(done))
        if len(server.requests) == 1 and surplus:
            conn.sendall(surplus)
        return bool(surplus)

    with fault_server(leaf, answer_then_more) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            (kept,) = upstream._idle
            done.append(True)
            if loop_has_turns:
                await until(lambda: not upstream._idle)
            else:
                wait_for(lambda: not kept.can_carry_another())
            request = WRITE if is_write else READ
            assert await outcome_of(upstream, request, lane=Lane.ORDER if is_write else Lane.READ) == 201
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize(
    ("is_write", "requests", "ending"), [(True, 2, Unknown), (False, 3, 201)], ids=["write", "read"]
)
async def test_only_a_read_is_repeated_when_its_kept_connection_closes(tls, is_write, requests, ending):
    """Catches a write that is retried on a stale connection: the exchange may have acted before it closed."""
    ca, leaf = tls
    with fault_server(leaf, one_after_another(answers(OK), answers(keep=False), answers(OK), answers(OK))) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            request = WRITE if is_write else READ
            assert await outcome_of(upstream, request, lane=Lane.ORDER if is_write else Lane.READ) == ending
    assert len(server.requests) == requests


async def test_a_read_is_repeated_once_only(tls):
    ca, leaf = tls
    with fault_server(
        leaf, one_after_another(answers(OK), answers(keep=False), answers(keep=False), answers(OK))
    ) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            assert await outcome_of(upstream, READ, lane=Lane.READ) is Unknown
    assert len(server.requests) == 3


async def test_a_read_that_got_a_byte_is_not_repeated(tls):
    ca, leaf = tls
    with fault_server(leaf, one_after_another(answers(OK), answers(b"H", keep=False), answers(OK))) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            assert await outcome_of(upstream, READ, lane=Lane.READ) is Unknown
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_a_write_called_a_read_is_still_not_repeated(tls, method):
    ca, leaf = tls
    with fault_server(leaf, one_after_another(answers(OK), answers(keep=False), answers(OK))) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            mislabelled = SignedRequest(method, PATH, HEADERS)
            assert await outcome_of(upstream, mislabelled, lane=Lane.READ) is Unknown
    assert len(server.requests) == 2


# --- many at once, and callers that go away ---


@pytest.mark.parametrize("is_eager", [False, True], ids=["tasks", "eager tasks"])
async def test_fifty_at_once_share_the_pool_and_get_their_own_answers(tls, is_eager):
    ca, leaf = tls

    def echo(conn: ssl.SSLSocket, request: bytes) -> bool:
        body = request.partition(b"\r\n\r\n")[2]
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return True

    if is_eager:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    with fault_server(leaf, echo) as server:
        async with upstream_to(server, ca, max_connections=8, answer_timeout=20) as upstream:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(upstream.send(SignedRequest("POST", PATH, HEADERS, b"%d" % i), lane=Lane.ORDER))
                    for i in range(50)
                ]
            assert [task.result().body for task in tasks] == [b"%d" % i for i in range(50)]
            assert len(upstream._open) <= 8
    assert len(server.requests) == 50
    assert server.connections <= 8


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_caller_spoils_nothing(tls, turns):
    """Catches a connection that goes back to the pool with another's answer still on its way."""
    ca, leaf = tls
    go_on = []

    def late(conn: ssl.SSLSocket, _request: bytes) -> bool:
        is_first = len(server.requests) == 1
        if is_first:
            wait_for(lambda: bool(go_on))
        body = b"first" if is_first else b"other"
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)
        return True

    with fault_server(leaf, late) as server:
        async with upstream_to(server, ca, max_connections=1) as upstream:
            task = asyncio.ensure_future(upstream.send(WRITE, lane=Lane.ORDER))
            if turns == 7:
                await until(lambda: len(server.requests) == 1)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.append(True)
            reached = len(server.requests)
            answer = await upstream.send(WRITE, lane=Lane.ORDER)
            assert answer.body == (b"other" if reached else b"first")
            assert not upstream._slots[Lane.ORDER].locked()


async def test_nagle_is_off(tls):
    ca, leaf = tls
    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca) as upstream:
            await upstream.send(READ, lane=Lane.READ)
            (kept,) = upstream._idle
            raw = kept._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


# --- lanes, and the last look ---


async def test_hanging_reads_and_orders_keep_no_exit_waiting(tls):
    """Catches one pool for all: whoever fills it with reads or hanging orders would trap all cancels."""
    ca, leaf = tls

    def hang_unless_exit(conn: ssl.SSLSocket, request: bytes) -> bool:
        if b"DELETE" in request:
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            return True
        time.sleep(0.3)
        return False

    with fault_server(leaf, hang_unless_exit) as server:
        async with upstream_to(server, ca, max_connections=1) as upstream:
            hanging = [
                asyncio.ensure_future(outcome_of(upstream, READ, lane=Lane.READ)),
                asyncio.ensure_future(outcome_of(upstream, WRITE, lane=Lane.ORDER)),
            ]
            await until(lambda: len(server.requests) == 2)
            assert (await upstream.send(CANCEL, lane=Lane.EXIT)).status == 200
            assert not any(one.done() for one in hanging)
            await asyncio.gather(*hanging)


async def test_a_last_look_that_objects_sends_nothing_and_spoils_no_connection(tls):
    """Catches a look that comes before the wait for a connection: what happens meanwhile would not be seen."""
    ca, leaf = tls
    looks = []

    def object_() -> None:
        looks.append(len(server.requests))
        raise NotSent("trading was halted")

    with fault_server(leaf, answers(OK)) as server:
        async with upstream_to(server, ca, max_connections=1) as upstream:
            with pytest.raises(NotSent, match="halted"):
                await upstream.send(WRITE, lane=Lane.ORDER, last_look=object_)
            assert (server.requests, looks) == ([], [0])
            assert await outcome_of(upstream, WRITE, lane=Lane.ORDER) == 201
            assert len(server.requests) == 1
