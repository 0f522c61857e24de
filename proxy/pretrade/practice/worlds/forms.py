"""How the values of a world file are written: moments, durations, prices, counts, money, names.

Rule of this file: forms only; what each key means is in `schema`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pretrade.model.markets import FeeType
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price, parse_count, parse_decimal, parse_money, parse_price
from pretrade.practice.core import routing
from pretrade.practice.core.accounts import LAST_SUBACCOUNT
from pretrade.practice.core.instruments import PriceStructure, SettlementBounds
from pretrade.yamltext.forms import Form, at_most, boolean, dollars, integer, matching, member, one_of

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_SPAN = re.compile(r"([0-9.]+)(ms|s|m|h|d)", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,6})?Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 10_000 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class When:
    """A moment: microseconds since 1970, or (`relative`) since the exchange started for the first time."""

    us: int
    relative: bool

    def at(self, start_us: int) -> int:
        """The moment in microseconds since 1970, for an exchange that started then."""
        return start_us + self.us if self.relative else self.us


def _span(text: str) -> int:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a duration like 500ms, 30s, 5m, 2h or 3d, was {text!r}")
    span = parse_decimal(match.group(1), 6, "a duration") * _UNITS[match.group(2)] // 1_000_000
    return at_most(span, _LONGEST, f"a duration may be at most 10,000 days, was {text!r}")


def _some_span(text: str) -> int:
    span = _span(text)
    if span < 1_000:
        raise ValueError(f"must be a duration of at least 1ms, was {text!r}")
    return span


def _when(text: str) -> When:
    if _DATE.fullmatch(text):
        try:
            return When((datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1), relative=False)
        except ValueError as error:
            raise ValueError(f"there is no such moment: {text!r} ({error})") from error
    if not _SPAN.fullmatch(text.lstrip("+-")) or len(text) - len(text.lstrip("+-")) > 1:
        raise ValueError(f"must be a moment like 2026-12-31T17:00:00Z, or one from the start like +2d, was {text!r}")
    span = _span(text.lstrip("+-"))
    return When(-span if text.startswith("-") else span, relative=True)


def _price(text: str) -> Price:
    return parse_price(dollars(text, "$0.45"))


def _floor(text: str) -> int:
    return 0 if text in {"$0", "$0.00"} else _price(text)


def _money(text: str) -> Money:
    return parse_money(dollars(text, "$250"))


def _some_count(text: str) -> Count:
    count = parse_count(text)
    if count < 1:
        raise ValueError(f"must be above 0, was {text!r}")
    return count


def _chance(text: str) -> int:
    return at_most(parse_decimal(text, 6, "a chance"), 1_000_000, f"a chance may be at most 1, was {text!r}")


TICKER = r"[A-Z0-9][A-Z0-9._-]{0,127}"
_TIERS = ("basic", "advanced", "expert", "premier", "paragon", "prime", "prestige")

Version = Annotated[Literal["1"], Form("", "1", one_of("1"))]
Flag = Annotated[bool, Form("", "true or false", boolean)]
Text = Annotated[str, Form("", "a text", str)]
Ticker = Annotated[str, Form("", "upper-case letters, digits, `.` `_` `-`", matching(TICKER, "a ticker like KXBTC-A1"))]
Name = Annotated[
    str, Form("", "letters, digits, `.` `_` `-`", matching(r"[A-Za-z0-9._-]{1,64}", "letters, digits, '.', '_' or '-'"))
]
Moment = Annotated[When, Form("", "2026-12-31T17:00:00Z, or from the first start: +2d, -1d, 30s", _when)]
Span = Annotated[int, Form("", "a duration: 500ms, 30s, 5m, 2h, 3d", _span)]
SomeSpan = Annotated[int, Form("", "a duration of at least 1ms", _some_span)]
PriceField = Annotated[Price, Form("dollars", "$ and a decimal with up to 4 places, between $0 and $1", _price)]
FloorField = Annotated[int, Form("dollars", "$0, or a price", _floor)]
MoneyField = Annotated[Money, Form("dollars", "$ and a decimal with up to 6 places", _money)]
CountField = Annotated[Count, Form("contracts", "a decimal above 0 with up to 2 places", _some_count)]
Whole = Annotated[int, Form("", "a whole number, at most 1,000,000", integer("a number", 1_000_000))]
Levels = Annotated[int, Form("", "a whole number, at most 50", integer("a number of levels", 50))]
Chance = Annotated[int, Form("", "a decimal from 0 to 1", _chance)]
Multiplier = Annotated[
    int, Form("", "a decimal with up to 2 places", lambda text: parse_decimal(text, 2, "a multiplier"))
]
Strike = Annotated[int, Form("", "a whole number", integer("a strike", 10**11))]
Shard = Annotated[int, Form("", f"0 to {routing.LAST}", integer("a shard", routing.LAST))]
Subaccount = Annotated[int, Form("", f"0 to {LAST_SUBACCOUNT}", integer("a subaccount", LAST_SUBACCOUNT))]
SideField = Annotated[Side, Form("", "bid or ask", member(Side))]
Leg = Annotated[Literal["yes", "no"], Form("", "yes or no", one_of("yes", "no"))]
Structure = Annotated[PriceStructure, Form("", "one of the exchange's price structures", member(PriceStructure))]
FeeTypeField = Annotated[FeeType, Form("", "one of the exchange's fee types", member(FeeType))]
Bounds = Annotated[SettlementBounds, Form("", "default or floor", member(SettlementBounds))]
Rounding = Annotated[Literal["direct", "cent"], Form("", "direct or cent", one_of("direct", "cent"))]
Tier = Annotated[str, Form("", ", ".join(_TIERS), one_of(*_TIERS))]
MakerKind = Annotated[
    Literal["none", "static", "reactive", "walk"],
    Form("", "none, static, reactive or walk", one_of("none", "static", "reactive", "walk")),
]
