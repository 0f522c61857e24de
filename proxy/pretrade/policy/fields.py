"""How one value of a policy is written: each kind of field has a grammar, a unit and a sentence that says so.

Rule of this file: a value reaches it as the text the operator wrote and leaves it as an exact value or an error.
The general forms are in `yamltext.forms`.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal, NewType

from pretrade.model.instance import Environment, Mode, Role
from pretrade.model.units import Count, Money, Price, parse_count, parse_decimal, parse_money, parse_price
from pretrade.yamltext.forms import Form, at_most, boolean, dollars, duration, integer, matching, member, one_of

Multiplier = NewType("Multiplier", int)
"""A factor on the exchange's fee, in units of 0.0001."""

MAX_COUNT = Count(1_000_000 * 100)
MAX_POSITION = Count(100_000_000 * 100)
MAX_RISK = Money(10_000_000 * 1_000_000)
MAX_AMOUNT = Money(1_000_000_000 * 1_000_000)
MAX_DAY_ORDERS = 1_000_000
MAX_OPEN_ORDERS = 1_000_000
MAX_MULTIPLIER = Multiplier(10 * 10_000)
MAX_SUBACCOUNT = 63
"""The exchange numbers subaccounts 0 to 63 (auth.md 3)."""

EXCHANGE_DOMAINS = ("kalshi.com", "kalshi.co")
"""No address in a policy may lie in these: where the exchange is, the program knows, and no text can change it."""

FIX_PORTS = range(8228, 8234)
"""The exchange's FIX gateways listen here (auth.md 5); orders would pass unseen."""

# Loopback and the private networks by name: `is_private` also takes 0.0.0.0, link-local and documentation addresses.
_NEAR = tuple(
    ip_network(net) for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_ENDPOINT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})", re.ASCII)
_URL = re.compile(r"https://(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?", re.ASCII)
_HOST_PORT = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9-]{1,63})*):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where we listen: an IP address and a port; port 0 lets the system pick a free one. Its text goes into a URL."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpsUrl:
    """Where a practice exchange is: the scheme is always https and there is no path."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class OtherHost:
    """Another host that clients may reach through the proxy door, byte for byte."""

    host: str
    port: int


def _count(text: str) -> Count:
    return Count(at_most(parse_count(text), MAX_COUNT, f"a count may be at most {MAX_COUNT // 100:,}, was {text!r}"))


def _risk(text: str) -> Money:
    money = parse_money(dollars(text, "$200"))
    return Money(at_most(money, MAX_RISK, f"a risk may be at most ${MAX_RISK // 1_000_000:,}, was {text!r}"))


def _position(text: str) -> Count:
    """No contracts at all is a limit: such a market can only be left."""
    position = parse_decimal(text, 2, "a position")
    return Count(at_most(position, MAX_POSITION, f"a position may be at most {MAX_POSITION // 100:,}, was {text!r}"))


def _amount(text: str) -> Money:
    money = parse_money(dollars(text, "$200"))
    return Money(at_most(money, MAX_AMOUNT, f"an amount may be at most ${MAX_AMOUNT // 1_000_000:,}, was {text!r}"))


def _price(text: str) -> Price:
    return parse_price(dollars(text, "$0.02"))


def _multiplier(text: str) -> Multiplier:
    value = parse_decimal(text, 4, "a multiplier")
    return Multiplier(at_most(value, MAX_MULTIPLIER, f"a multiplier may be at most 10, was {text!r}"))


def _endpoint(text: str) -> Endpoint:
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"must be an IP address and a port like 127.0.0.1:8080, was {text!r}")
    host, port = match.group(1) or match.group(2), int(match.group(3))
    at_most(port, 65_535, f"a port may be at most 65535, was {text!r}")
    if not any(ip_address(host) in net for net in _NEAR):
        raise ValueError(f"must be a loopback or a private address, never one the world can reach, was {text!r}")
    return Endpoint(host, port)


def _url(text: str) -> HttpsUrl:
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(f"must be https://HOST or https://HOST:PORT in lower case and nothing more, was {text!r}")
    host, port = match.group(1).strip("[]"), int(match.group(2) or 443)
    if any(host == domain or host.endswith(f".{domain}") for domain in EXCHANGE_DOMAINS):
        raise ValueError(f"must not be the exchange itself; choose demo or production as the environment, was {text!r}")
    if not 1 <= port <= 65_535:
        raise ValueError(f"a port must lie between 1 and 65535, was {text!r}")
    return HttpsUrl(host, port)


def _other_host(text: str) -> OtherHost:
    match = _HOST_PORT.fullmatch(text)
    if match is None or match.group(1).rpartition(".")[2].isdigit():
        raise ValueError(f"must be NAME:PORT with a host's name in lower case and no address, was {text!r}")
    host, port = match.group(1), int(match.group(2))
    if any(host == domain or host.endswith(f".{domain}") for domain in EXCHANGE_DOMAINS):
        raise ValueError(f"must not be the exchange, whose requests are judged and never passed through, was {text!r}")
    if not 1 <= port <= 65_535:
        raise ValueError(f"a port must lie between 1 and 65535, was {text!r}")
    if port in FIX_PORTS:
        raise ValueError(f"must not be one of the exchange's FIX ports, was {text!r}")
    return OtherHost(host, port)


def _path(text: str) -> str:
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(f"must be the path of a file or folder, was {text!r}")
    if text.startswith("~"):
        raise ValueError(f"must be written out, ~ is not expanded, was {text!r}")
    return text


Version = Annotated[Literal["1"], Form("", "1", one_of("1"))]
End = Annotated[Literal["policy"], Form("", "policy", one_of("policy"))]
RoleField = Annotated[Role, Form("", "W, R or ABH", member(Role))]
EnvironmentField = Annotated[Environment, Form("", "practice, demo or production", member(Environment))]
ModeField = Annotated[Mode, Form("", "dry_run or live", member(Mode))]
Flag = Annotated[bool, Form("", "true or false", boolean)]
ListenField = Annotated[Endpoint, Form("", "IP:PORT, loopback or private; port 0 picks a free one", _endpoint)]
UrlField = Annotated[HttpsUrl, Form("", "https://HOST:PORT, no path", _url)]
OtherHostField = Annotated[
    OtherHost, Form("", "NAME:PORT; no address, not the exchange, none of its FIX ports", _other_host)
]
PathField = Annotated[str, Form("", "a path, relative to this file", _path)]
KeyId = Annotated[
    str,
    Form("", "letters, digits, `.` `_` `-`", matching(r"[A-Za-z0-9._-]{1,128}", "letters, digits, '.', '_' or '-'")),
]
UserName = Annotated[
    str,
    Form(
        "",
        "the name of a user",
        matching(r"[a-z_][a-z0-9_-]{0,31}", "the name of a user of this machine, as `id -un` prints it"),
    ),
]
ClientName = Annotated[
    str,
    Form(
        "",
        "lower-case letters, digits, `-`",
        matching(r"[a-z0-9][a-z0-9-]{0,63}", "a name of at most 64 lower-case letters, digits or '-'"),
    ),
]
Subaccount = Annotated[
    int, Form("", "0 to 63", integer("a subaccount", MAX_SUBACCOUNT), "the exchange numbers subaccounts so")
]
CountField = Annotated[
    Count,
    Form(
        "contracts", "a decimal with up to 2 places, at most 1,000,000", _count, "the exchange counts in 0.01 contract"
    ),
]
RiskField = Annotated[
    Money,
    Form(
        "dollars",
        "$ and a decimal with up to 6 places, at most $10,000,000",
        _risk,
        "the exchange reckons in $0.000001",
    ),
]
PositionField = Annotated[
    Count,
    Form(
        "contracts",
        "a decimal with up to 2 places, at most 100,000,000",
        _position,
        "the exchange counts in 0.01 contract",
    ),
]
AmountField = Annotated[
    Money,
    Form(
        "dollars",
        "$ and a decimal with up to 6 places, at most $1,000,000,000",
        _amount,
        "the exchange reckons in $0.000001",
    ),
]
PriceField = Annotated[
    Price,
    Form(
        "dollars",
        "$ and a decimal with up to 4 places, between $0 and $1",
        _price,
        "the exchange takes prices in $0.0001, both ends excluded",
    ),
]
DayOrders = Annotated[int, Form("orders", "a whole number, at most 1,000,000", integer("a number", MAX_DAY_ORDERS))]
OpenOrders = Annotated[int, Form("orders", "a whole number, at most 1,000,000", integer("a number", MAX_OPEN_ORDERS))]
EveryField = Annotated[int, Form("a duration", "from 1s to 10m: a number and ms, s, m or h", duration("1s", "10m"))]
AgeField = Annotated[int, Form("a duration", "from 1s to 1h: a number and ms, s, m or h", duration("1s", "1h"))]
MultiplierField = Annotated[
    Multiplier,
    Form(
        "times the exchange's fee",
        "a decimal with up to 4 places, at most 10",
        _multiplier,
        "the exchange multiplies its fee, 0.07 x count x p x (1 - p), by a number per series",
    ),
]
Timezone = Annotated[
    str,
    Form(
        "",
        "a name of the IANA time zone database",
        matching(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", "a time zone's name like America/New_York"),
    ),
]
Scope = Annotated[
    str,
    Form(
        "",
        "a scope of API keys (`write`, or `write::` and a name), or `unlisted`",
        matching(r"unlisted|write(?:::[a-z_]{1,40})?", "a scope like write or write::transfer, or unlisted"),
    ),
]
Glob = Annotated[
    str,
    Form(
        "",
        "upper-case letters, digits, `.` `_` `-`; `*` fits any run of them",
        matching(r"[A-Z0-9._*-]{1,128}", "upper-case letters, digits, '.', '_', '-' and '*'"),
    ),
]
