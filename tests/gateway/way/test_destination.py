"""The address and the form of a request, at both doors: what is refused, by which code, and what the reason says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.fakes import BASE_URL_HOST, HOST

from pretrade.gateway.messages import Door, RawRequest, Refusal
from pretrade.gateway.way import destination
from pretrade.gateway.way.destination import MAX_BODY, Destinations, check_connect, check_destination
from pretrade.kalshi.hosts import CLEARING_HOSTS, FIX_HOSTS, all_names, names_of
from pretrade.model.codes import DenyCode
from pretrade.model.instance import Environment

DEMO = Destinations(Environment.DEMO, frozenset({BASE_URL_HOST, "localhost:8081"}))
PRODUCTION_HOST = "external-api.kalshi.com"
NOT_ALLOWED, MISMATCH = DenyCode.DESTINATION_NOT_ALLOWED, DenyCode.ENVIRONMENT_MISMATCH
MALFORMED, TOO_LARGE = DenyCode.REQUEST_MALFORMED, DenyCode.BODY_TOO_LARGE


def proxy(*headers: tuple[str, str], host: str | None = HOST, **changes: object) -> RawRequest:
    """A good GET through the proxy door, with these changes."""
    given_ = ((("host", host),) if host is not None else ()) + headers
    target = "/trade-api/v2/markets"
    base = RawRequest(Door.PROXY, "GET", target, "HTTP/1.1", given_, b"", connect=(HOST, 443), sni=HOST)
    return replace(base, **changes)  # type: ignore[arg-type]


def base_url(*headers: tuple[str, str], host: str | None = BASE_URL_HOST, **changes: object) -> RawRequest:
    """A good GET at the base-URL door, with these changes."""
    at_door = {"door": Door.BASE_URL, "scheme": "http", "connect": None, "sni": None}
    return proxy(*headers, host=host, **(at_door | changes))


@pytest.mark.parametrize(
    "raw",
    [
        proxy(),
        proxy(host=f"{HOST}:443"),
        proxy(target="/trade-api/v2/markets?limit=5&cursor=a%20b&tickers=A,B"),
        proxy(("content-encoding", "identity")),
        proxy(method="POST", body=b"x" * MAX_BODY),
        proxy(method="DELETE", body=b"{}"),
        base_url(),
        base_url(host="localhost:8081"),
    ],
)
def test_a_plain_request_to_the_exchange_passes(raw: RawRequest) -> None:
    assert check_destination(raw, DEMO) is None


@pytest.mark.parametrize(
    ("host", "port", "code", "detail"),
    [
        (HOST, 443, None, ""),
        ("demo-api.kalshi.co", 443, None, ""),
        (PRODUCTION_HOST, 443, MISMATCH, "does not belong to environment demo"),
        ("api.elections.kalshi.com", 443, MISMATCH, "does not belong to environment demo"),
        (HOST, 80, NOT_ALLOWED, ":80 is not an exchange host on port 443"),
        (HOST, 8443, NOT_ALLOWED, ":8443 is not"),
        (PRODUCTION_HOST, 80, NOT_ALLOWED, ":80 is not"),
        (HOST.upper(), 443, NOT_ALLOWED, "is not an exchange host"),
        (f"{HOST}.", 443, NOT_ALLOWED, "is not an exchange host"),
        (f"x.{HOST}", 443, NOT_ALLOWED, "is not an exchange host"),
        (f"{HOST}.example.com", 443, NOT_ALLOWED, "is not an exchange host"),
        ("kalshi.com", 443, NOT_ALLOWED, "is not an exchange host"),
        ("127.0.0.1", 443, NOT_ALLOWED, "is not an exchange host"),
        ("::1", 443, NOT_ALLOWED, "is not an exchange host"),
        ("", 443, NOT_ALLOWED, "is not an exchange host"),
        ("\u0435xternal-api.demo.kalshi.co", 443, NOT_ALLOWED, "\\u0435xternal-api"),
        *((name, 443, NOT_ALLOWED, "is not an exchange host") for name in (*FIX_HOSTS, *CLEARING_HOSTS)),
    ],
)
def test_a_tunnel_leads_to_the_environments_own_names(host: str, port: int, code: DenyCode | None, detail: str) -> None:
    """Catches a tunnel to production from a demo instance, to FIX order entry, and to look-alikes of a name."""
    refusal = check_connect(host, port, DEMO)
    assert (refusal.code if refusal else None) is code
    assert refusal is None or detail in refusal.detail


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("host", all_names())
def test_practice_answers_to_every_name_and_the_others_to_their_own(environment: Environment, host: str) -> None:
    """Catches a practice instance that an unmodified client cannot reach, and a name that belongs to two."""
    allowed = environment is Environment.PRACTICE or host in names_of(environment)
    refusal = check_connect(host, 443, Destinations(environment, frozenset()))
    assert (refusal.code if refusal else None) is (None if allowed else MISMATCH)


@pytest.mark.parametrize(
    ("raw", "code", "detail"),
    [
        (proxy(connect=None), NOT_ALLOWED, "plain HTTP"),
        (proxy(scheme="http"), NOT_ALLOWED, "plain HTTP"),
        (proxy(connect=None, scheme="http"), NOT_ALLOWED, "plain HTTP"),
        (
            proxy(connect=(PRODUCTION_HOST, 443), sni=PRODUCTION_HOST, host=PRODUCTION_HOST),
            MISMATCH,
            "environment demo",
        ),
        (proxy(connect=("example.com", 443), sni="example.com", host="example.com"), NOT_ALLOWED, "example.com:443"),
        (proxy(connect=(HOST, 80)), NOT_ALLOWED, ":80 is not"),
        (proxy(sni=None), NOT_ALLOWED, "none"),
        (proxy(sni="demo-api.kalshi.co"), NOT_ALLOWED, "must be the same"),
        (proxy(sni=HOST.upper()), NOT_ALLOWED, "must be the same"),
        (proxy(host="demo-api.kalshi.co"), NOT_ALLOWED, "must be the same"),
        (proxy(host=f"{HOST}:80"), NOT_ALLOWED, "must be the same"),
        (proxy(host=f"{HOST}:443:443"), NOT_ALLOWED, "must be the same"),
        (proxy(host=""), NOT_ALLOWED, "must be the same"),
        (proxy(host=None), NOT_ALLOWED, "must be the same"),
        (proxy(host=f"evil@{HOST}"), NOT_ALLOWED, "must be the same"),
        (base_url(host=HOST), NOT_ALLOWED, "the door's own address"),
        (base_url(host="evil.example.com:8081"), NOT_ALLOWED, "the door's own address"),
        (base_url(host="127.0.0.1"), NOT_ALLOWED, "the door's own address"),
        (base_url(host="127.0.0.1:8082"), NOT_ALLOWED, "the door's own address"),
        (base_url(host="LOCALHOST:8081"), NOT_ALLOWED, "the door's own address"),
        (base_url(host=None), NOT_ALLOWED, "the door's own address"),
        (base_url(("origin", "https://evil.example.com")), NOT_ALLOWED, "Origin"),
        (base_url(("origin", "null")), NOT_ALLOWED, "Origin"),
        (base_url(("origin", "")), NOT_ALLOWED, "Origin"),
    ],
)
def test_a_wrong_address_is_refused(raw: RawRequest, code: DenyCode, detail: str) -> None:
    """Catches a request that names one host in the tunnel and another inside, and a web page that reaches the
    base-URL door by a name of its own (DNS rebinding)."""
    refusal = check_destination(raw, DEMO)
    assert refusal is not None
    assert refusal.code is code
    assert detail in refusal.detail


@pytest.mark.parametrize("make", [proxy, base_url])
@pytest.mark.parametrize(
    ("headers", "changes", "code", "detail"),
    [
        ((), {"method": "get"}, MALFORMED, "method get"),
        ((), {"method": ""}, MALFORMED, "method"),
        ((), {"method": "GET "}, MALFORMED, "method"),
        ((), {"method": "G\u0415T"}, MALFORMED, "method G\\u0415T"),
        ((), {"method": "X" * 17}, MALFORMED, "method"),
        ((), {"http_version": "HTTP/1.0"}, MALFORMED, "HTTP/1.1 is required, was HTTP/1.0"),
        ((), {"http_version": "HTTP/2.0"}, MALFORMED, "HTTP/1.1 is required"),
        ((), {"authority": HOST}, MALFORMED, "absolute-form"),
        ((), {"target": "/" + "a" * 4_096}, MALFORMED, "4096 characters, had 4097"),
        ((), {"target": "*"}, MALFORMED, "target *"),
        ((), {"target": ""}, MALFORMED, "target"),
        ((), {"target": "trade-api/v2/markets"}, MALFORMED, "target"),
        ((), {"target": f"https://{HOST}/trade-api/v2/markets"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/%6darkets"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/markets#x"}, MALFORMED, "target"),
        ((), {"target": "/trade-api\\v2"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/markets;x=1"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/markets?a?b"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/markets?a=\u00e9"}, MALFORMED, "\\xe9"),
        ((), {"target": "/trade-api/v2/mark ets"}, MALFORMED, "target"),
        ((), {"target": "/trade-api/v2/markets\r\nx: y"}, MALFORMED, "\\r\\n"),
        ((), {"target": "/trade-api/v2/markets\n"}, MALFORMED, "target"),
        ((("x", "y"),) * 64, {}, MALFORMED, "at most 64 headers"),
        ((("x", "y" * 16_384),), {}, MALFORMED, "16384 bytes"),
        ((("transfer-encoding", "chunked"),), {}, MALFORMED, "header transfer-encoding"),
        ((("transfer-encoding", "identity"),), {}, MALFORMED, "header transfer-encoding"),
        ((("expect", "100-continue"),), {}, MALFORMED, "header expect"),
        ((("trailer", "x"),), {}, MALFORMED, "header trailer"),
        ((("te", "trailers"),), {}, MALFORMED, "header te"),
        ((("x", "\u00e9"),), {}, MALFORMED, "outside printable ASCII"),
        ((("x", "a\x00b"),), {}, MALFORMED, "outside printable ASCII"),
        ((("x", "a\r\nb: c"),), {}, MALFORMED, "outside printable ASCII"),
        ((("x", "a\n"),), {}, MALFORMED, "outside printable ASCII"),
        ((("content-encoding", "gzip"),), {}, MALFORMED, "content encoding gzip"),
        ((("content-encoding", "identity, gzip"),), {}, MALFORMED, "content encoding identity, gzip"),
        ((("host", HOST),), {}, MALFORMED, "header host occurs more than once"),
        ((("content-type", "a"),) * 2, {}, MALFORMED, "header content-type occurs more than once"),
        ((("content-length", "0"),) * 2, {}, MALFORMED, "header content-length occurs more than once"),
        ((("kalshi-access-key", "a"),) * 2, {}, MALFORMED, "header kalshi-access-key occurs more than once"),
        ((("kalshi-access-timestamp", "1"),) * 2, {}, MALFORMED, "kalshi-access-timestamp occurs more than once"),
        ((("kalshi-access-signature", "a"),) * 2, {}, MALFORMED, "kalshi-access-signature occurs more than once"),
        ((), {"method": "POST", "body": b"x" * (MAX_BODY + 1)}, TOO_LARGE, f"{MAX_BODY} bytes, had {MAX_BODY + 1}"),
        ((), {"body": b"{}"}, MALFORMED, "a GET may not have a body"),
    ],
)
def test_an_odd_form_is_refused_at_both_doors(
    make: object, headers: tuple[tuple[str, str], ...], changes: dict[str, object], code: DenyCode, detail: str
) -> None:
    """Catches a form that another parser would read as another request: two lengths, two hosts, an encoded path, a
    chunked or compressed body, a line break in a value."""
    refusal = check_destination(make(*headers, **changes), DEMO)  # type: ignore[operator]
    assert refusal is not None
    assert refusal.code is code
    assert detail in refusal.detail


@given(
    st.tuples(st.text(max_size=8), st.text(max_size=40), st.text(max_size=9)),
    st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=4),
    st.none() | st.tuples(st.text(max_size=12), st.integers(-1, 70_000)),
    st.sampled_from(Door),
)
def test_any_request_is_answered_in_printable_words(
    line: tuple[str, str, str], headers: list[tuple[str, str]], connect: tuple[str, int] | None, door: Door
) -> None:
    """Catches an exception on a stranger's bytes, and a stranger's control characters in our log."""
    method, target, version = line
    raw = RawRequest(door, method, target, version, tuple(headers), b"", connect=connect, sni=None)
    refusal = check_destination(raw, DEMO)
    assert isinstance(refusal, Refusal)
    assert refusal.detail.isascii()
    assert refusal.detail.isprintable()


def test_the_limits_are_far_above_any_real_request() -> None:
    """A batch of 20 orders has about 8 KB; the longest signed target has less than 1 KB."""
    assert (destination.MAX_BODY, destination.MAX_TARGET, destination.MAX_HEADERS) == (65_536, 4_096, 64)
