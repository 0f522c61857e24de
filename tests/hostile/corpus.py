"""Hostile requests, each made of an order that would be approved and sent, with one thing wrong or odd about it.

Rule of this file: a case is bytes for either door and what its client must see: a code of ours, `closed` for a
connection that ends without an answer, `SENT` for an order that goes out because what is odd about it is not passed on.
Where the bytes are followed by a second order (`smuggled`), that one may never be read.
"""

import gzip
import zlib
from collections.abc import Callable

from tests.gateway.gatekit import ORDERS, chunked, order, request

SENT, READ, CLOSED = "sent", "read", "closed"
MALFORMED, NOT_HERE, NO_SUCH, TOO_LARGE = (
    "REQUEST_MALFORMED", "DESTINATION_NOT_ALLOWED", "ENDPOINT_UNKNOWN", "BODY_TOO_LARGE",
)  # fmt: skip
MARK = "hostile-mark"
"""Stands in what must not reach the exchange."""

type Made = Callable[[str], bytes]
type Cases = dict[str, tuple[Made, str]]


def _lengths(*values: str) -> Made:
    return lambda host: request(host=host, framing=tuple(f"Content-Length: {value}" for value in values), body=order())


def _spoilt(old: str, new: str) -> Made:
    """The good request with one piece of its head replaced."""

    def make(host: str) -> bytes:
        data = request(host=host)
        assert old.encode() in data, old
        return data.replace(old.encode("latin-1"), new.encode("latin-1"), 1)

    return make


def _headers(*headers: str) -> Made:
    return lambda host: request(host=host, headers=headers)


def _line(method: str = "POST", target: str = ORDERS, version: str = "HTTP/1.1", gap: str = " ") -> Made:
    return lambda host: request(
        method, target.partition("?")[0], order(), host=host, line=f"{method}{gap}{target}{gap}{version}"
    )


def _framed(framing: str, body: bytes, **more: str) -> Made:
    return lambda host: request(host=host, framing=(*more.values(), framing), body=body)


def smuggled(host: str) -> bytes:
    """A second order, behind another request's end as some other parser would see it."""
    return request(host=host, body=order(client_order_id=f"{MARK}-1"))


def _chunks(sizes: bytes, trailers: bytes = b"") -> Made:
    def make(host: str) -> bytes:
        body = order()
        data = sizes % len(body) + b"\r\n" + body + b"\r\n0\r\n" + trailers + b"\r\n"
        return request(host=host, body=data, framing=("Transfer-Encoding: chunked",))

    return make


def _zeroed(host: str) -> bytes:
    body = order()
    return request(host=host, framing=(f"Content-Length: 00{len(body)}",), body=body)


LENGTHS: Cases = {
    "two the same": (_lengths("300", "300"), MALFORMED),
    "two that differ": (_lengths("2", "300"), MALFORMED),
    "zero and a body": (
        lambda host: request(host=host, framing=("Content-Length: 0",), body=order()),
        "BODY_UNDECODABLE",
    ),
    "none and a body": (lambda host: request(host=host, framing=(), body=order()), "BODY_UNDECODABLE"),
    "a list": (_lengths("2, 2"), MALFORMED),
    "a sign": (_lengths("+2"), MALFORMED),
    "hex": (_lengths("0x2"), MALFORMED),
    "negative": (_lengths("-1"), MALFORMED),
    "an underscore": (_lengths("2_0"), MALFORMED),
    "a dot": (_lengths("2.0"), MALFORMED),
    "an exponent": (_lengths("2e1"), MALFORMED),
    "empty": (_lengths(""), MALFORMED),
    "two words": (_lengths("2 2"), MALFORMED),
    "folded": (_lengths("\r\n 2"), MALFORMED),
    "folded to two digits": (_lengths("2\r\n 0"), MALFORMED),
    "vertical tab": (_lengths("\x0b2"), MALFORMED),
    "form feed": (_lengths("2\x0c"), MALFORMED),
    "NUL": (_lengths("2\0"), MALFORMED),
    "digits of another script": (_lengths("\xb2"), MALFORMED),
    "past 64 bits": (_lengths("18446744073709551618"), MALFORMED),
    "far too long": (_lengths("99999999999"), TOO_LARGE),
    "one too many": (_lengths("65537"), TOO_LARGE),
    "zeros without end": (_lengths("0" * 5_000 + "2"), TOO_LARGE),
    "a leading zero": (_zeroed, SENT),
    "space before the colon": (lambda host: request(host=host, framing=("Content-Length : 2",)), MALFORMED),
    "tab before the colon": (lambda host: request(host=host, framing=("Content-Length\t: 2",)), MALFORMED),
    "an underscore in the name": (
        lambda host: request(host=host, framing=("Content_Length: 300",), body=order()),
        "BODY_UNDECODABLE",
    ),
}


_HIDDEN = b"0\r\n\r\n"
TRANSFERS: Cases = {
    "chunked": (lambda host: chunked(order(), host=host), MALFORMED),
    "length, then chunked": (
        lambda host: request(
            host=host, framing=("Content-Length: 5", "Transfer-Encoding: chunked"), body=_HIDDEN + smuggled(host)
        ),
        MALFORMED,
    ),
    "chunked, then length": (
        lambda host: request(
            host=host, framing=("Transfer-Encoding: chunked", "Content-Length: 5"), body=_HIDDEN + smuggled(host)
        ),
        MALFORMED,
    ),
    **{
        f"coded {value!r}": (
            lambda host, value=value: request(
                host=host, framing=(f"Transfer-Encoding: {value}",), body=_HIDDEN + smuggled(host)
            ),
            MALFORMED,
        )
        for value in (
            "xchunked",
            "chunked, identity",
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "\tchunked",
            "CHUNKED",
            "chunked;q=1",
            '"chunked"',
            "chunked\x0b",
            ",chunked",
            "chunked,",
            "",
            "deflate",
            "\r\n chunked",
        )
    },
    "two of them": (_framed("Transfer-Encoding: chunked", _HIDDEN, first="Transfer-Encoding: identity"), MALFORMED),
    "space before the colon": (_framed("Transfer-Encoding : chunked", _HIDDEN), MALFORMED),
    "an underscore in the name": (_headers("Transfer_Encoding: chunked"), SENT),
    "a dash too many": (_headers("X-Transfer-Encoding: chunked"), SENT),
    "in HTTP/1.0": (lambda host: chunked(order(), host=host, version="HTTP/1.0"), MALFORMED),
    "hex size with a prefix": (_chunks(b"0x%x"), MALFORMED),
    "negative size": (_chunks(b"-%x"), MALFORMED),
    "size with an extension": (_chunks(b"%x;a=b"), MALFORMED),
    "size with a line feed": (_chunks(b"%x;a=\nb"), MALFORMED),
    "size past 64 bits": (_chunks(b"ffffffffffffffff%x"), MALFORMED),
    "trailers": (_chunks(b"%x", b"X-A: b\r\n"), MALFORMED),
    "trailers that frame": (_chunks(b"%x", b"Content-Length: 5\r\n"), MALFORMED),
    "a footer that is no header": (_chunks(b"%x", b"X-A\r\n"), MALFORMED),
    "a chunk without its end": (
        lambda host: request(
            host=host, body=b"1\r\n" + order() + b"\r\n0\r\n\r\n", framing=("Transfer-Encoding: chunked",)
        ),
        MALFORMED,
    ),
    "trailers announced": (_headers("Trailer: X-A"), MALFORMED),
    "TE": (_headers("TE: trailers"), MALFORMED),
}

HEADERS: Cases = {
    "folded": (_headers("X-A: 1\r\n Content-Length: 2"), MALFORMED),
    "folded by a tab": (_headers("X-A: 1\r\n\tContent-Length: 2"), MALFORMED),
    "bare CR": (_headers(f"X-A: 1\rX-B: {MARK}"), MALFORMED),
    "bare LF": (_headers(f"X-A: 1\nX-B: {MARK}"), MALFORMED),
    "NUL": (_headers("X-A: 1\0"), MALFORMED),
    "an escape": (_headers("X-A: \x1b[2J"), MALFORMED),
    "eight bits": (_headers("X-A: \xe9"), MALFORMED),
    "DEL": (_headers("X-A: \x7f"), MALFORMED),
    "no colon": (_headers("X-A"), MALFORMED),
    "no name": (_headers(": 1"), MALFORMED),
    "a space in the name": (_headers("X A: 1"), MALFORMED),
    "a slash in the name": (_headers("X/A: 1"), MALFORMED),
    "eight bits in the name": (_headers("X-\xe9: 1"), MALFORMED),
    "NUL in the name": (_headers("X-\0: 1"), MALFORMED),
    "space before the colon of Host": (_spoilt("Host:", "Host :"), MALFORMED),
    "a leading space in the first": (_spoilt("Host:", " Host:"), MALFORMED),
    "bare line feeds": (lambda host: request(host=host).replace(b"\r\n", b"\n"), MALFORMED),
    "one bare line feed": (
        _spoilt("Content-Type: application/json\r\n", "Content-Type: application/json\n"),
        MALFORMED,
    ),
    "two key headers": (_headers("KALSHI-ACCESS-KEY: other"), MALFORMED),
    "two signatures": (_headers("KALSHI-ACCESS-SIGNATURE: other"), MALFORMED),
    "two timestamps": (_headers("KALSHI-ACCESS-TIMESTAMP: 1"), MALFORMED),
    "the key with underscores": (_headers(f"KALSHI_ACCESS_KEY: {MARK}"), SENT),
    "the key named as hop by hop": (_headers("Connection: KALSHI-ACCESS-KEY, KALSHI-ACCESS-SIGNATURE"), SENT),
    "closing, and the key named as hop by hop": (_headers("Connection: close, KALSHI-ACCESS-KEY"), SENT),
    "two content types": (_headers("Content-Type: application/json"), MALFORMED),
    "65 of them": (_headers(*(f"X-{i}: 1" for i in range(65))), MALFORMED),
    "5,000 of them": (_headers(*(f"X-{i}: 1" for i in range(5_000))), MALFORMED),
    "a long one": (_headers("X-A: " + "a" * 17_000), MALFORMED),
    "a very long one": (_headers("X-A: " + "a" * 1_000_000), MALFORMED),
    "a long name": (_headers("X" * 17_000 + ": a"), MALFORMED),
    "Expect": (_headers("Expect: 100-continue"), MALFORMED),
    "Expect, oddly spelt": (_headers("eXPECT:100-Continue"), MALFORMED),
    "another Expect": (_headers("Expect: 200-ok"), MALFORMED),
    "gzip": (
        lambda host: request(host=host, headers=("Content-Encoding: gzip",), body=gzip.compress(order())),
        MALFORMED,
    ),
    "deflate": (
        lambda host: request(host=host, headers=("Content-Encoding: deflate",), body=zlib.compress(order())),
        MALFORMED,
    ),
    "a bomb": (
        lambda host: request(host=host, headers=("Content-Encoding: gzip",), body=gzip.compress(bytes(20_000_000))),
        MALFORMED,
    ),
    "br": (_headers("Content-Encoding: br"), MALFORMED),
    "zstd": (_headers("Content-Encoding: zstd"), MALFORMED),
    "identity and gzip": (_headers("Content-Encoding: identity, gzip"), MALFORMED),
    "identity": (_headers("Content-Encoding: identity"), SENT),
    "a form": (
        _spoilt("Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"),
        "CONTENT_TYPE_NOT_JSON",
    ),
    "JSON in UTF-16": (
        _spoilt("Content-Type: application/json", "Content-Type: application/json; charset=utf-16"),
        "CONTENT_TYPE_NOT_JSON",
    ),
}

OVERRIDES: Cases = {
    name: (_headers(f"{name}: {value}"), SENT)
    for name, value in {
        "X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "PUT", "X-Method-Override": "DELETE",
        "X-Original-URL": "/trade-api/v2/portfolio/withdrawals", "X-Rewrite-URL": f"/{MARK}",
        "X-Original-Method": "DELETE", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "80", "X-Forwarded-Prefix": "/x", "X-Forwarded-For": "127.0.0.1", "X-Host": "evil.example",
        "Forwarded": "for=127.0.0.1;host=evil.example;proto=http", "X-Real-IP": "127.0.0.1", "Via": "1.1 evil.example",
        "Max-Forwards": "0", "Proxy-Authorization": f"Basic {MARK}", "Proxy-Connection": "keep-alive",
        "Authorization": f"Bearer {MARK}", "Cookie": f"a={MARK}", "Idempotency-Key": MARK, "Range": "bytes=0-1",
        "If-Match": MARK, "Alt-Svc": 'h3="evil.example:443"', "Keep-Alive": "timeout=999999", "X-Practice-Token": MARK,
    }.items()
}  # fmt: skip
"""Each asks some server somewhere for another method, path, host or user. None is passed on."""

LINES: Cases = {
    "lower case": (_line("post"), MALFORMED),
    "mixed case": (_line("Post"), MALFORMED),
    "an unknown method": (_line("FROB"), MALFORMED),
    "a method with a NUL": (_line("POS\0T"), MALFORMED),
    "a method and a tab": (_line(gap="\t"), MALFORMED),
    "a vertical tab": (_line(gap="\x0b"), MALFORMED),
    "a form feed": (_line(gap="\x0c"), MALFORMED),
    "two spaces before the version": (lambda host: request(host=host, line=f"POST {ORDERS}  HTTP/1.1"), SENT),
    "two spaces after the method": (lambda host: request(host=host, line=f"POST  {ORDERS} HTTP/1.1"), SENT),
    "TRACE": (_line("TRACE"), NO_SUCH),
    "TRACK": (_line("TRACK"), MALFORMED),
    "PATCH": (_line("PATCH"), NO_SUCH),
    "PUT": (_line("PUT"), NO_SUCH),
    "HEAD": (lambda host: request("HEAD", ORDERS, host=host), "403 without a body"),
    "OPTIONS": (_line("OPTIONS"), NO_SUCH),
    "OPTIONS *": (_line("OPTIONS", "*"), MALFORMED),
    "PROPFIND": (_line("PROPFIND"), NO_SUCH),
    "M-SEARCH": (_line("M-SEARCH"), MALFORMED),
    "PRI": (lambda host: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED),
    "RTSP": (_line("DESCRIBE", version="RTSP/1.0"), MALFORMED),
    "ICE": (_line("SOURCE", version="ICE/1.0"), MALFORMED),
    "HTTP/0.9": (lambda host: b"GET /trade-api/v2/markets\r\n\r\n", MALFORMED),
    **{
        version: (_line(version=version), MALFORMED)
        for version in (
            "HTTP/0.9",
            "HTTP/1.0",
            "HTTP/1.2",
            "HTTP/2.0",
            "HTTP/9.9",
            "HTTP/1.10",
            "HTTP/1",
            "http/1.1",
            "HTTPS/1.1",
            "HTTP/ 1.1",
            "HTTP/+1.1",
        )
    },
    "no version": (lambda host: request(host=host, line=f"POST {ORDERS}"), MALFORMED),
    "a blank line first": (lambda host: b"\r\n" + request(host=host), MALFORMED),
    "a line feed first": (lambda host: b"\n" + request(host=host), MALFORMED),
    "a space first": (lambda host: b" " + request(host=host), MALFORMED),
    "GET with an order": (
        lambda host: request("GET", "/trade-api/v2/portfolio/balance", order(), host=host),
        MALFORMED,
    ),
    "CONNECT again": (lambda host: b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n", MALFORMED),
    "CONNECT to the exchange": (
        lambda host: f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
        MALFORMED,
    ),
}

TARGETS: Cases = {
    **{
        f"absolute {start}": (_line(target=f"{start}{ORDERS}"), MALFORMED)
        for start in (
            "https://api.elections.kalshi.com",
            "http://api.elections.kalshi.com",
            "https://evil.example",
            "https://evil.example@api.elections.kalshi.com",
            "ftp://evil.example",
            "HTTPS://evil.example",
            "https://api.elections.kalshi.com:443",
            "https://[::1]",
            "//evil.example//x",
            "///",
        )
        if start.startswith(("http", "ftp", "HTTP"))
    },
    **{
        f"path {path}": (_line(target=path), code)
        for path, code in {
            "//evil.example/trade-api/v2/portfolio/events/orders": NO_SUCH,
            "//trade-api/v2/portfolio/events/orders": NO_SUCH,
            "/trade-api//v2/portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/portfolio/events/orders/": NO_SUCH,
            "/trade-api/v2/x/../portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/./portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/portfolio/events/orders/..": NO_SUCH,
            "/../trade-api/v2/portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/portfolio/events/%6frders": MALFORMED,
            "/trade-api/v2/portfolio%2fevents/orders": MALFORMED,
            "/trade-api/v2/x/%2e%2e/portfolio/events/orders": MALFORMED,
            "/trade-api/v2/x/%2e%2e%2Fportfolio/events/orders": MALFORMED,
            "/trade-api/v2/portfolio/events/orders%00": MALFORMED,
            "/trade-api/v2/portfolio/events/orders%0d%0aX:%20y": MALFORMED,
            "/trade-api/v2/portfolio/events/orders;x=1": MALFORMED,
            "/trade-api/v2/portfolio;x/events/orders": MALFORMED,
            "/trade-api/v2/portfolio\\events\\orders": MALFORMED,
            "/trade-api/v2/portfolio/events/orders#x": MALFORMED,
            "/Trade-Api/v2/portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/portfolio/events/ORDERS": NO_SUCH,
            "/trade-api/v3/portfolio/events/orders": NO_SUCH,
            "/trade-api/v2/portfolio/events/orders.json": NO_SUCH,
            "/trade-api/v2/portfolio/events/\xf6rders": MALFORMED,
            "/trade-api/v2/portfolio/events/orders\0": MALFORMED,
            "/trade-api/v2/portfolio/events/orders\x0b": MALFORMED,
            "trade-api/v2/portfolio/events/orders": MALFORMED,
            "*": MALFORMED,
            "/": NO_SUCH,
        }.items()
    },
    "path of 5,000": (_line(target="/" + "a" * 5_000), MALFORMED),
    "path of 200,000": (_line(target="/" + "a" * 200_000), MALFORMED),
    **{
        f"query {query}": (_line(target=f"{ORDERS}?{query}"), code)
        for query, code in {
            "count=9": "QUERY_NOT_ALLOWED",
            "subaccount=3": "QUERY_NOT_ALLOWED",
            "client_order_id=x": "QUERY_NOT_ALLOWED",
            "_method=DELETE": "QUERY_NOT_ALLOWED",
            "?": MALFORMED,
            "a=b#c": MALFORMED,
            'a="b"': MALFORMED,
            "a=<b>": MALFORMED,
        }.items()
    },
    "an empty query": (_line(target=f"{ORDERS}?"), SENT),
}

UPGRADES: Cases = {
    "websocket, of an order": (
        _headers(
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: aGVsbG8="
        ),
        MALFORMED,
    ),
    "websocket, of a read": (
        lambda host: request(
            "GET",
            "/trade-api/v2/markets",
            host=host,
            headers=(
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: aGVsbG8=",
            ),
        ),
        MALFORMED,
    ),
    "h2c": (_headers("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQ"), MALFORMED),
    "TLS": (_headers("Upgrade: TLS/1.2", "Connection: Upgrade"), MALFORMED),
    "anything": (_headers("Upgrade: foo", "Connection: Upgrade"), MALFORMED),
    "without Connection": (_headers("Upgrade: foo"), MALFORMED),
    "with bytes behind": (
        lambda host: request(host=host, headers=("Upgrade: foo", "Connection: Upgrade")) + smuggled(host),
        MALFORMED,
    ),
    "CONNECT-UDP": (
        lambda host: request(
            "GET",
            "/trade-api/v2/markets",
            host=host,
            headers=("Upgrade: connect-udp", "Connection: Upgrade", "Capsule-Protocol: ?1"),
        ),
        MALFORMED,
    ),
}

HOSTS: Cases = {
    **{f"{host or 'empty'}": (lambda _, host=host: request(host=host), NOT_HERE)
       for host in ("evil.example", "", "127.0.0.1", "api.elections.kalshi.com.", "API.ELECTIONS.KALSHI.COM",
                    "api.elections.kalshi.com:8443", "api.elections.kalshi.com:0443", "api.elections.kalshi.com:",
                    "api.elections.kalshi.com@evil.example", "api.elections.kalshi.com, evil.example",
                    "x.api.elections.kalshi.com", "[::1]", "api.elections.kalshi.com/", "demo-api.kalshi.co")},
    "none": (lambda _: request(host=None), NOT_HERE),
    "two, the second other": (lambda host: request(host=host, headers=("Host: evil.example",)), MALFORMED),
    "two, the first other": (lambda host: request(host="evil.example", headers=(f"Host: {host}",)), MALFORMED),
    "two the same": (lambda host: request(host=host, headers=(f"Host: {host}",)), MALFORMED),
}  # fmt: skip

RAW: Cases = {
    "TLS inside": (lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", MALFORMED),
    "SSH": (lambda _: b"SSH-2.0-x\r\n", MALFORMED),
    "FIX": (lambda _: b"8=FIXT.1.1\x019=100\x0135=A\x01", MALFORMED),
    "SOCKS": (lambda _: b"\x05\x01\x00", MALFORMED),
    "PROXY": (lambda host: b"PROXY TCP4 1.2.3.4 5.6.7.8 1 443\r\n" + request(host=host), MALFORMED),
    "zeros": (lambda _: bytes(100), MALFORMED),
    "noise": (lambda _: bytes(range(255, 128, -1)) * 10, MALFORMED),
    "a line of JSON": (lambda _: order() + b"\n", MALFORMED),
    "SMTP": (lambda _: b"EHLO x\r\n", MALFORMED),
}

FAMILIES: dict[str, Cases] = {
    "lengths": LENGTHS, "transfers": TRANSFERS, "headers": HEADERS, "overrides": OVERRIDES, "lines": LINES,
    "targets": TARGETS, "upgrades": UPGRADES, "hosts": HOSTS, "raw": RAW,
}  # fmt: skip
