"""Step 2: is this request addressed to the exchange through this door, in a form we would pass on?

Rule of this file: reject, never normalise. Where we send comes from the policy; nothing here chooses a destination.
"""

import re
from dataclasses import dataclass

from pretrade.gateway.messages import Door, RawRequest, Refusal, printable
from pretrade.kalshi.hosts import environment_of
from pretrade.model.codes import DenyCode
from pretrade.model.instance import Environment

MAX_BODY = 64 * 1024
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
MAX_TARGET = 4096

_METHOD = re.compile(r"[A-Z]{1,16}", re.ASCII)
_TARGET = re.compile(r"/[A-Za-z0-9._~/-]*(\?[A-Za-z0-9._~%&=,:;+*/@!$'()-]*)?", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*", re.ASCII)
_SINGLE = (
    "host",
    "content-type",
    "content-length",
    "kalshi-access-key",
    "kalshi-access-timestamp",
    "kalshi-access-signature",
)
_REFUSED = ("transfer-encoding", "expect", "trailer", "te")


@dataclass(frozen=True, slots=True)
class Destinations:
    """What each door accepts as an address: the environment's host names, and the base-URL door's own addresses.

    `other_hosts` are those that the policy passes through, untouched.
    """

    environment: Environment
    base_url_hosts: frozenset[str]
    other_hosts: frozenset[tuple[str, int]] = frozenset()

    def serves(self, host: str) -> bool:
        """Whether a host name is the exchange's in this environment. Practice stands in for every one of them."""
        belongs_to = environment_of(host)
        return belongs_to is not None and self.environment in (belongs_to, Environment.PRACTICE)


def check_connect(host: str, port: int, destinations: Destinations) -> Refusal | None:
    """May the proxy door open a tunnel to this host and port?"""
    if port == 443 and destinations.serves(host):
        return None
    if port == 443 and environment_of(host) is not None:
        detail = f"{host} does not belong to environment {destinations.environment}"
        return Refusal(DenyCode.ENVIRONMENT_MISMATCH, detail)
    return Refusal(DenyCode.DESTINATION_NOT_ALLOWED, f"{printable(host)}:{port} is not an exchange host on port 443")


def check_destination(raw: RawRequest, destinations: Destinations) -> Refusal | None:
    """Check the whole address and form of a request; None when there is nothing to object to."""
    if refusal := _check_form(raw):
        return refusal
    if raw.door is Door.BASE_URL:
        return _check_base_url(raw, destinations)
    return _check_proxy(raw, destinations)


def _check_proxy(raw: RawRequest, destinations: Destinations) -> Refusal | None:
    if raw.connect is None or raw.scheme != "https":
        detail = "plain HTTP and absolute-form requests are not proxied; the exchange is reached by CONNECT and TLS"
        return Refusal(DenyCode.DESTINATION_NOT_ALLOWED, detail)
    host, port = raw.connect
    if refusal := check_connect(host, port, destinations):
        return refusal
    addressed = raw.value("host") or ""
    if raw.sni != host or addressed not in (host, f"{host}:443"):
        detail = (
            f"CONNECT, TLS name and Host must be the same, were "
            f"{host}, {printable(raw.sni or 'none')} and {printable(addressed)}"
        )
        return Refusal(DenyCode.DESTINATION_NOT_ALLOWED, detail)
    return None


def _check_base_url(raw: RawRequest, destinations: Destinations) -> Refusal | None:
    addressed = raw.value("host") or ""
    if addressed not in destinations.base_url_hosts:
        # A web page that had its own name resolved to this machine arrives here with that name (DNS rebinding).
        detail = f"Host must be the door's own address, was {printable(addressed)}"
        return Refusal(DenyCode.DESTINATION_NOT_ALLOWED, detail)
    if raw.values("origin"):
        return Refusal(DenyCode.DESTINATION_NOT_ALLOWED, "requests from a web page (Origin header) are not taken")
    return None


def _check_form(raw: RawRequest) -> Refusal | None:
    problem = _request_line_problem(raw) or _header_problem(raw)
    if problem:
        return Refusal(DenyCode.REQUEST_MALFORMED, problem)
    if len(raw.body) > MAX_BODY:
        return Refusal(DenyCode.BODY_TOO_LARGE, f"a body may have {MAX_BODY} bytes, had {len(raw.body)}")
    if raw.method == "GET" and raw.body:
        return Refusal(DenyCode.REQUEST_MALFORMED, "a GET may not have a body")
    return None


def _request_line_problem(raw: RawRequest) -> str | None:
    if not _METHOD.fullmatch(raw.method):
        return f"method {printable(raw.method)} is not a plain upper-case word"
    if raw.http_version != "HTTP/1.1":
        return f"HTTP/1.1 is required, was {printable(raw.http_version)}"
    if raw.authority:
        return "an absolute-form target is not taken inside a tunnel or by the base-URL door"
    if len(raw.target) > MAX_TARGET:
        return f"a target may have {MAX_TARGET} characters, had {len(raw.target)}"
    if not _TARGET.fullmatch(raw.target):
        return f"target {printable(raw.target)} has characters that are not passed on"
    return None


def _header_problem(raw: RawRequest) -> str | None:
    names, values = [name for name, _ in raw.headers], [value for _, value in raw.headers]
    together = "".join(values)
    if len(names) > MAX_HEADERS or len(together) + len("".join(names)) > MAX_HEADER_BYTES:
        return f"at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of them are taken"
    for name, value in raw.headers:
        if name in _REFUSED:
            return f"header {name} is not taken"
        if name == "content-encoding" and value != "identity":
            return f"content encoding {printable(value)} is not taken"
    if not _HEADER_VALUE.fullmatch(together):  # of each character by itself, so of all values at once
        name = next(name for name, value in raw.headers if not _HEADER_VALUE.fullmatch(value))
        return f"header {printable(name)} has characters outside printable ASCII"
    if len(set(names)) == len(names):
        return None
    repeated = [name for name in _SINGLE if names.count(name) > 1]
    return f"header {repeated[0]} occurs more than once" if repeated else None
