"""How one value of a policy is written: each kind of field has a grammar, a unit and a sentence that says so.

Rule of this file: a value reaches it as the text the operator wrote and leaves it as an exact value or an error.
Nothing is coerced, rounded or guessed; the message says what was expected and what was there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, NewType

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pretrade.model.instance import Environment, Mode, Role
from pretrade.model.units import Count, Money, Price, parse_count, parse_decimal, parse_money, parse_price

Multiplier = NewType("Multiplier", int)
"""A factor on the exchange's fee, in units of 0.0001."""

MAX_COUNT = Count(1_000_000 * 100)
MAX_RISK = Money(10_000_000 * 1_000_000)
MAX_DAY_ORDERS = 1_000_000
MAX_MULTIPLIER = Multiplier(10 * 10_000)
MAX_LENGTH = 512
"""Characters in one value: more than any path or name needs, and short enough to be shown in an error."""
MAX_SUBACCOUNT = 63
"""The exchange numbers subaccounts 0 to 63 (auth.md 3)."""

EXCHANGE_DOMAINS = ("kalshi.com", "kalshi.co")
"""No address in a policy may lie in these: where the exchange is, the program knows, and no text can change it."""

# Loopback and the private networks by name: `is_private` also takes 0.0.0.0, link-local and documentation addresses.
_NEAR = tuple(
    ip_network(net) for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_INTEGER = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_ENDPOINT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})", re.ASCII)
_URL = re.compile(r"https://(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a value: its unit (empty where it has none), the form in words, and what reads it.

    `parse` takes the operator's text and raises ValueError with the sentence that people read. `source` says whose rule
    the form is, where it is not our own.
    """

    unit: str
    form: str
    parse: Callable[[str], object]
    source: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Put this grammar in the place of everything pydantic would do with the field."""
        return core_schema.no_info_plain_validator_function(self._read)

    def _read(self, value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError("policy_form", "must be one value, was a list or a group of keys")
        if len(value) > MAX_LENGTH:
            raise PydanticCustomError("policy_form", "is far too long for any value of a policy")
        try:
            return self.parse(value)
        except ValueError as error:
            raise PydanticCustomError("policy_form", "{why}", {"why": str(error)}) from error


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


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in allowed:
            return text
        listed = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if len(allowed) > 1 else allowed[0]
        raise ValueError(f"must be {listed}, was {text!r}")

    return parse


def _member[E: StrEnum](enum: type[E]) -> Callable[[str], E]:
    check = _one_of(*enum)
    return lambda text: enum(check(text))


def _boolean(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def parse(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"must be {expected}, was {text!r}")
        return text

    return parse


def _integer(what: str, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if _INTEGER.fullmatch(text) is None:
            raise ValueError(f"{what} must be a plain whole number like 25, was {text!r}")
        return _at_most(int(text), maximum, f"{what} may be at most {maximum:,}, was {text!r}")

    return parse


def _at_most(value: int, maximum: int, message: str) -> int:
    if value > maximum:
        raise ValueError(message)
    return value


def _dollars(text: str, example: str) -> str:
    if not text.startswith("$"):
        raise ValueError(f'must carry its unit, as in "{example}", was {text!r}')
    return text[1:]


def _count(text: str) -> Count:
    return Count(_at_most(parse_count(text), MAX_COUNT, f"a count may be at most {MAX_COUNT // 100:,}, was {text!r}"))


def _risk(text: str) -> Money:
    money = parse_money(_dollars(text, "$200"))
    return Money(_at_most(money, MAX_RISK, f"a risk may be at most ${MAX_RISK // 1_000_000:,}, was {text!r}"))


def _price(text: str) -> Price:
    return parse_price(_dollars(text, "$0.02"))


def _multiplier(text: str) -> Multiplier:
    value = parse_decimal(text, 4, "a multiplier")
    return Multiplier(_at_most(value, MAX_MULTIPLIER, f"a multiplier may be at most 10, was {text!r}"))


def _endpoint(text: str) -> Endpoint:
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"must be an IP address and a port like 127.0.0.1:8080, was {text!r}")
    host, port = match.group(1) or match.group(2), int(match.group(3))
    _at_most(port, 65_535, f"a port may be at most 65535, was {text!r}")
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


def _path(text: str) -> str:
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(f"must be the path of a file or folder, was {text!r}")
    if text.startswith("~"):
        raise ValueError(f"must be written out, ~ is not expanded, was {text!r}")
    return text


Version = Annotated[Literal["1"], Form("", "1", _one_of("1"))]
End = Annotated[Literal["policy"], Form("", "policy", _one_of("policy"))]
RoleField = Annotated[Role, Form("", "W, R or ABH", _member(Role))]
EnvironmentField = Annotated[Environment, Form("", "practice, demo or production", _member(Environment))]
ModeField = Annotated[Mode, Form("", "dry_run or live", _member(Mode))]
Flag = Annotated[bool, Form("", "true or false", _boolean)]
ListenField = Annotated[Endpoint, Form("", "IP:PORT, loopback or private; port 0 picks a free one", _endpoint)]
UrlField = Annotated[HttpsUrl, Form("", "https://HOST:PORT, no path", _url)]
PathField = Annotated[str, Form("", "a path, relative to this file", _path)]
KeyId = Annotated[
    str,
    Form("", "letters, digits, `.` `_` `-`", _matching(r"[A-Za-z0-9._-]{1,128}", "letters, digits, '.', '_' or '-'")),
]
ClientName = Annotated[
    str,
    Form(
        "",
        "lower-case letters, digits, `-`",
        _matching(r"[a-z0-9][a-z0-9-]{0,63}", "a name of at most 64 lower-case letters, digits or '-'"),
    ),
]
Subaccount = Annotated[
    int, Form("", "0 to 63", _integer("a subaccount", MAX_SUBACCOUNT), "the exchange numbers subaccounts so")
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
PriceField = Annotated[
    Price,
    Form(
        "dollars",
        "$ and a decimal with up to 4 places, between $0 and $1",
        _price,
        "the exchange takes prices in $0.0001, both ends excluded",
    ),
]
DayOrders = Annotated[int, Form("orders", "a whole number, at most 1,000,000", _integer("a number", MAX_DAY_ORDERS))]
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
        _matching(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", "a time zone's name like America/New_York"),
    ),
]
Glob = Annotated[
    str,
    Form(
        "",
        "upper-case letters, digits, `.` `_` `-`; `*` fits any run of them",
        _matching(r"[A-Z0-9._*-]{1,128}", "upper-case letters, digits, '.', '_', '-' and '*'"),
    ),
]
