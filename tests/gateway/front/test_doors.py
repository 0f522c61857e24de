"""Both doors over real sockets and real TLS: what is not addressed to the exchange in the one form we pass on is
refused, whoever it comes from. Every request here is signed and within every limit, so only its form or address can
stop it. The whole hostile matrix is larger; this is its first part.
"""

import asyncio
import gzip
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gateway.doorkit import HOST, Counter, Opened, Response, SilentError, opened, until
from tests.gateway.gatekit import BASE_URL_HOST, ORDERS, RealGate, chunked, order, request

from pretrade.model.instance import Environment

NAME = f"{HOST}:443"
CHUNKED = ("Transfer-Encoding: chunked",)
WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: aGVsbG8=")


type Made = Callable[[], bytes]

INSIDE_THE_TUNNEL: dict[str, tuple[Made, str]] = {
    "Host other": (lambda: request(host="evil.example"), "DESTINATION_NOT_ALLOWED"),
    "Host with another port": (lambda: request(host=f"{HOST}:8443"), "DESTINATION_NOT_ALLOWED"),
    "no Host": (lambda: request(host=None), "DESTINATION_NOT_ALLOWED"),
    "two Hosts": (lambda: request(headers=(f"Host: {HOST}",)), "REQUEST_MALFORMED"),
    "two Hosts, one other": (lambda: request(headers=("Host: evil.example",)), "REQUEST_MALFORMED"),
    "absolute form": (lambda: request(line=f"POST https://{HOST}{ORDERS} HTTP/1.1"), "REQUEST_MALFORMED"),
    "absolute form elsewhere": (
        lambda: request(line=f"POST https://evil.example{ORDERS} HTTP/1.1"),
        "REQUEST_MALFORMED",
    ),
    "CONNECT again": (lambda: b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "REQUEST_MALFORMED"),
    "raw bytes": (lambda: b"\x00\x01\x02raw\r\n\r\n", "REQUEST_MALFORMED"),
    "raw bytes without an end": (lambda: b"\x00\x01\x02raw", "REQUEST_MALFORMED"),
    "leading CRLF": (lambda: b"\r\n" + request(), "REQUEST_MALFORMED"),
    "leading LF": (lambda: b"\n" + request(), "REQUEST_MALFORMED"),
    "HTTP/2 preface": (lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "REQUEST_MALFORMED"),
    "WebSocket upgrade": (lambda: request("GET", "/trade-api/ws/v2", headers=WEBSOCKET), "WEBSOCKET_NOT_AVAILABLE"),
    "WebSocket upgrade of an order": (lambda: request(headers=WEBSOCKET), "REQUEST_MALFORMED"),
    "h2c upgrade": (
        lambda: request(headers=("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings")),
        "REQUEST_MALFORMED",
    ),
    "TRACE": (lambda: request("TRACE"), "ENDPOINT_UNKNOWN"),
    "lower-case method": (lambda: request("post"), "REQUEST_MALFORMED"),
    "mixed-case method": (lambda: request("Post"), "REQUEST_MALFORMED"),
    "HTTP/1.0": (lambda: request(version="HTTP/1.0"), "REQUEST_MALFORMED"),
    "HTTP/2.0 in the line": (lambda: request(version="HTTP/2.0"), "REQUEST_MALFORMED"),
    "HTTP/9.9": (lambda: request(version="HTTP/9.9"), "REQUEST_MALFORMED"),
    "length and chunked": (lambda: request(headers=CHUNKED), "REQUEST_MALFORMED"),
    "two lengths": (lambda: request(headers=("Content-Length: 2",)), "REQUEST_MALFORMED"),
    "a signed length": (lambda: request(framing=("Content-Length: +2",), body=b"{}"), "REQUEST_MALFORMED"),
    "chunked": (lambda: chunked(order()), "REQUEST_MALFORMED"),
    "chunked, gzip": (
        lambda: request(framing=("Transfer-Encoding: gzip, chunked",), body=b"1\r\nx\r\n0\r\n\r\n"),
        "REQUEST_MALFORMED",
    ),
    "chunked with trailers": (lambda: chunked(order(), b"X: y\r\n"), "REQUEST_MALFORMED"),
    "a chunk that is none": (lambda: request(framing=CHUNKED, body=b"x\r\n\r\n"), "REQUEST_MALFORMED"),
    "a body cut short": (lambda: request(framing=("Content-Length: 9999",)), "closed"),
    "a body over our limit": (lambda: request(body=b"x" * 70_000), "BODY_TOO_LARGE"),
    "a body over mitmproxy's limit": (lambda: request(body=b"x" * 200_000), "BODY_TOO_LARGE"),
    "a chunked body over the limit": (
        lambda: chunked(b"x" * 200_000),
        "REQUEST_MALFORMED",
    ),
    "Expect": (lambda: request(headers=("Expect: 100-continue",)), "REQUEST_MALFORMED"),
    "another Expect": (lambda: request(headers=("Expect: 200-ok",)), "REQUEST_MALFORMED"),
    "gzip": (lambda: request(headers=("Content-Encoding: gzip",), body=gzip.compress(order())), "REQUEST_MALFORMED"),
    "br": (lambda: request(headers=("Content-Encoding: br",)), "REQUEST_MALFORMED"),
    "folded header": (lambda: request(headers=("X-A: 1\r\n 2",)), "REQUEST_MALFORMED"),
    "NUL in a header": (lambda: request(headers=("X-A: 1\0",)), "REQUEST_MALFORMED"),
    "space before the colon": (lambda: request(headers=("X-A : 1",)), "REQUEST_MALFORMED"),
    "a dot segment": (lambda: request(target="/trade-api/v2/x/../portfolio/events/orders"), "ENDPOINT_UNKNOWN"),
    "an escaped path": (lambda: request(target="/trade-api/v2/portfolio%2fevents/orders"), "REQUEST_MALFORMED"),
    "a doubled slash": (lambda: request(target="//trade-api/v2/portfolio/events/orders"), "ENDPOINT_UNKNOWN"),
}

CONNECTS: dict[str, tuple[str, str]] = {
    "another host": ("evil.example:443", "DESTINATION_NOT_ALLOWED"),
    "a name that ends like one": (f"not{HOST}:443", "DESTINATION_NOT_ALLOWED"),
    "a name that begins like one": (f"{HOST}.evil.example:443", "DESTINATION_NOT_ALLOWED"),
    "an address": ("127.0.0.1:443", "DESTINATION_NOT_ALLOWED"),
    "an IPv6 address": ("[::1]:443", "DESTINATION_NOT_ALLOWED"),
    "another port": (f"{HOST}:8443", "DESTINATION_NOT_ALLOWED"),
    "port 80": (f"{HOST}:80", "DESTINATION_NOT_ALLOWED"),
    "a trailing dot": (f"{HOST}.:443", "DESTINATION_NOT_ALLOWED"),
    "upper case": (f"{HOST.upper()}:443", "DESTINATION_NOT_ALLOWED"),
    "no port": (HOST, "REQUEST_MALFORMED"),
    "user info": (f"x@{HOST}:443", "REQUEST_MALFORMED"),
}

AT_THE_PROXY_DOOR: dict[str, tuple[Made, str]] = {
    "plain http, absolute": (lambda: request(line=f"POST http://{HOST}{ORDERS} HTTP/1.1"), "DESTINATION_NOT_ALLOWED"),
    "https, absolute": (lambda: request(line=f"POST https://{HOST}{ORDERS} HTTP/1.1"), "DESTINATION_NOT_ALLOWED"),
    "elsewhere, absolute": (
        lambda: request("GET", line="GET http://evil.example/ HTTP/1.1"),
        "DESTINATION_NOT_ALLOWED",
    ),
    "without a tunnel": (request, "DESTINATION_NOT_ALLOWED"),
    "half a TLS hello": (lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "REQUEST_MALFORMED"),
    "another protocol": (lambda: b"SSH-2.0-x\r\n", "REQUEST_MALFORMED"),
    "nothing": (lambda: b"", "closed"),
}

AT_THE_BASE_URL_DOOR: dict[str, tuple[Made, str]] = {
    "CONNECT": (lambda: b"CONNECT %b HTTP/1.1\r\nHost: x\r\n\r\n" % NAME.encode(), "REQUEST_MALFORMED"),
    "the exchange's Host": (request, "DESTINATION_NOT_ALLOWED"),
    "a rebound name": (lambda: request(host="evil.example:8081"), "DESTINATION_NOT_ALLOWED"),
    "no Host": (lambda: request(host=None), "DESTINATION_NOT_ALLOWED"),
    "Origin": (lambda: request(host=BASE_URL_HOST, headers=("Origin: http://x.example",)), "DESTINATION_NOT_ALLOWED"),
    "Origin null": (lambda: request(host=BASE_URL_HOST, headers=("Origin: null",)), "DESTINATION_NOT_ALLOWED"),
    "absolute form": (
        lambda: request(host=BASE_URL_HOST, line=f"POST http://evil.example{ORDERS} HTTP/1.1"), "REQUEST_MALFORMED",
    ),
    "h2c upgrade": (lambda: request(host=BASE_URL_HOST, headers=("Upgrade: h2c",)), "REQUEST_MALFORMED"),
    "a TLS hello": (lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "REQUEST_MALFORMED"),
}  # fmt: skip


async def base_url(way: Opened, data: bytes) -> Response:
    wire = await way.base_url()
    answer = await wire.ask(data)
    await wire.close()
    return answer


async def proxy(way: Opened, data: bytes) -> Response:
    wire = await way.proxy()
    answer = await wire.ask(data)
    await wire.close()
    return answer


async def test_control_the_same_request_in_the_right_form_is_sent(leaf: Path, tmp_path: Path) -> None:
    """The control of this file: unspoilt, the request passes through either door, also when its bytes come in two."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        inside = await way.try_tunnel(request(), NAME)
        outside = await base_url(way, request(host=BASE_URL_HOST))
        wire = await way.tunnel(alpn=["h2", "http/1.1"])
        split = request()
        await wire.send(split[:2])
        await asyncio.sleep(0.05)
        first_bytes = await wire.ask(split[2:])
        await wire.close()
    assert [inside.status, outside.status, first_bytes.status] == [201, 201, 201]
    assert len(gate.upstream.sent) == 3


@pytest.mark.parametrize("name", INSIDE_THE_TUNNEL)
async def test_a_wrong_form_inside_the_tunnel_is_refused(leaf: Path, tmp_path: Path, name: str) -> None:
    """Catches a request of another form or for another host that gets as far as the exchange, or is never answered."""
    data, code = INSIDE_THE_TUNNEL[name]
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        answer = await way.try_tunnel(data(), NAME)
        good = await way.try_tunnel(request(), NAME)
        await until(lambda: not way.doors.enforcer.in_flight)
    assert answer.code == code
    assert b"mitmproxy" not in answer.head
    assert (good.status, len(gate.upstream.sent)) == (201, 1)


@pytest.mark.parametrize("name", CONNECTS)
async def test_a_tunnel_elsewhere_is_refused(leaf: Path, tmp_path: Path, name: str) -> None:
    """Catches an open proxy. Seen red with `check_connect` answering None."""
    target, code = CONNECTS[name]
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        answer = await way.try_tunnel(request(), target)
    assert (answer.code, gate.upstream.sent) == (code, [])


@pytest.mark.parametrize("sni", ["evil.example", "demo-api.kalshi.co", "127.0.0.1", None])
async def test_a_tls_name_that_is_not_the_tunnels_is_refused(leaf: Path, tmp_path: Path, sni: str | None) -> None:
    """Catches a request whose three addresses differ, each of which some other program will believe."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        wire = await way.tunnel(sni=sni)
        answer = await wire.ask(request())
        await wire.close()
    assert (answer.code, gate.upstream.sent) == ("DESTINATION_NOT_ALLOWED", [])


async def test_another_environments_name_is_refused(leaf: Path, tmp_path: Path) -> None:
    """Catches a client of the real exchange that trades on demo, or the other way round, without noticing."""
    gate = RealGate(tmp_path, environment=Environment.DEMO)
    async with opened(gate.gate, leaf, 2) as way:
        answer = await way.try_tunnel(request(), NAME)
    assert (answer.code, gate.upstream.sent) == ("ENVIRONMENT_MISMATCH", [])


async def test_plain_http_inside_the_tunnel_is_refused(leaf: Path, tmp_path: Path) -> None:
    """Catches an order that crossed the tunnel in the clear."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        for data, code in ((request(), "DESTINATION_NOT_ALLOWED"), (b"\0\1raw\r\n\r\n", "REQUEST_MALFORMED")):
            wire = await way.proxy()
            await wire.ask(f"CONNECT {NAME} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            assert (await wire.ask(data)).code == code
            await wire.close()
    assert gate.upstream.sent == []


async def test_a_client_of_http_2_alone_is_refused(leaf: Path, tmp_path: Path) -> None:
    """Catches HTTP/2 turned on: its framing on the way down is not safe in this mitmproxy (threats 2.3)."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        wire = await way.tunnel(alpn=["h2"])
        chosen: ssl.SSLObject = wire.writer.get_extra_info("ssl_object")
        assert chosen.selected_alpn_protocol() is None
        answer = await wire.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        await wire.close()
    assert (answer.code, gate.upstream.sent) == ("REQUEST_MALFORMED", [])


@pytest.mark.parametrize("name", AT_THE_PROXY_DOOR)
async def test_no_request_is_proxied_without_a_tunnel(leaf: Path, tmp_path: Path, name: str) -> None:
    """Catches absolute-form requests, which never meet the check of the CONNECT."""
    data, code = AT_THE_PROXY_DOOR[name]
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        assert (await proxy(way, data())).code == code
    assert gate.upstream.sent == []


@pytest.mark.parametrize("name", AT_THE_BASE_URL_DOOR)
async def test_the_base_url_door_takes_its_own_address_alone(leaf: Path, tmp_path: Path, name: str) -> None:
    """Catches CONNECT at the wrong door, and web pages: by their Origin, or by a name that was rebound to us."""
    data, code = AT_THE_BASE_URL_DOOR[name]
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        assert (await base_url(way, data())).code == code
    assert gate.upstream.sent == []


async def test_mitmproxy_never_dials(leaf: Path, tmp_path: Path) -> None:
    """Catches a mitmproxy that opens connections of its own: at CONNECT, for an absolute form, for an answer."""
    gate = RealGate(tmp_path)
    async with Counter() as elsewhere, opened(gate.gate, leaf, 2) as way:
        target = f"127.0.0.1:{elsewhere.port}"
        await way.try_tunnel(request(), target)
        await proxy(way, request(line=f"GET http://{target}/ HTTP/1.1"))
        await base_url(way, request(host=target))
        await way.try_tunnel(request(host=target), NAME)
    assert (elsewhere.connections, gate.upstream.sent) == (0, [])


async def test_a_refused_head_leaves_nothing_in_the_connection(leaf: Path, tmp_path: Path) -> None:
    """Catches a body after the answer to HEAD, which the client would read as the next request's answer.

    Seen red with the body left on.
    """
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2) as way:
        wire = await way.tunnel()
        await wire.send(request("HEAD", "/trade-api/v2/markets"))
        head = await wire.reader.readuntil(b"\r\n\r\n")
        answer = await wire.ask(request())
        await wire.close()
    assert head.startswith(b"HTTP/1.1 403 ")
    assert answer.status == 201


async def test_an_idle_connection_is_kept(leaf: Path, tmp_path: Path) -> None:
    """The other side of closing stalled ones: a client's pool may keep a connection between two requests."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2, stalled_s=0.6) as way:
        wire = await way.tunnel()
        first = await wire.ask(request())
        await asyncio.sleep(1.0)
        second = await wire.ask(request())
        await wire.close()
    assert [first.status, second.status] == [201, 201]


async def test_a_slow_answer_is_not_a_stall(leaf: Path, tmp_path: Path) -> None:
    """Catches a stall timer that would hang up on an order while the exchange thinks. Seen red without `forget`."""
    gate = RealGate(tmp_path)
    gate.upstream.on_send = lambda: asyncio.sleep(1.0)
    async with opened(gate.gate, leaf, 5, stalled_s=0.6) as way:
        answer = await way.try_tunnel(request(), NAME)
    assert answer.status == 201


async def test_closing_ends_every_connection(leaf: Path, tmp_path: Path) -> None:
    """Catches a stop that leaves a client's connection open."""
    gate = RealGate(tmp_path)
    async with opened(gate.gate, leaf, 2, stalled_s=60) as way:
        wire = await way.tunnel()
    assert (await wire.answer()).status == 0
    await wire.close()


async def test_silence_is_an_error_of_the_test_client(leaf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of "within 10 s": a door that never answers is noticed."""
    monkeypatch.setattr("tests.gateway.doorkit.PATIENCE_S", 0.2)
    async with opened(RealGate(leaf.parent).gate, leaf, 2, stalled_s=60) as way:
        wire = await way.tunnel()
        with pytest.raises(SilentError):
            await wire.ask(request()[:-1])
        await wire.close()
