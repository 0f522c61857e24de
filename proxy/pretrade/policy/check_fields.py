"""How one value of the checks on prices, liquidity, pace and loss is written, and of what goes with them.

Rule of this file: as in `fields.py`: a value reaches it as the text the operator wrote and leaves it as an exact value
or an error.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated

from pretrade.model.units import Count, Price, parse_count, parse_decimal
from pretrade.policy.words import BelowGrade, BreakKind, Grade, SelfTradeRule, StopState, WhenMissing
from pretrade.yamltext.forms import Form, at_most, dollars, duration, integer, member, one_of

MAX_RATE = 10_000
"""Orders a second: far above what the exchange takes of any account."""
MAX_TIMES = 1_000_000
MAX_GROUP_LIMIT = 100_000_000
"""A million contracts, the most that the exchange lets an order group match (orders.md 15)."""
MAX_PERCENT = 1_000
"""A slippage in percent of the best price may be past 100: an ask at 1 cent, the next at 20."""
MAX_REASON = 200
_RATE = re.compile(r"(\S+)/s", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an order may rest at most, in milliseconds; None for as long as it likes."""

    ms: int | None

    def __str__(self) -> str:
        return "never" if self.ms is None else span(self.ms)


def span(ms: int) -> str:
    """Write a duration the way a policy does, in the largest unit that is exact: `15s`, `5m`, `1500ms`."""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def rate(milli: int) -> str:
    """Write a rate the way a policy does, as in `10/s` or `0.5/s`."""
    whole, part = divmod(milli, 1_000)
    decimals = f".{part:03d}".rstrip("0") if part else ""
    return f"{whole}{decimals}/s"


def percent(hundredths: int) -> str:
    """Write a percentage in 1/100 % for people, as in `5%` or `2.5%`."""
    whole, part = divmod(hundredths, 100)
    decimals = f".{part:02d}".rstrip("0") if part else ""
    return f"{whole}{decimals}%"


def _rate(text: str) -> int:
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a number a second, as in 10/s or 0.5/s, was {text!r}")
    milli = parse_decimal(match.group(1), 3, "a rate")
    return at_most(milli, MAX_RATE * 1_000, f"a rate may be at most {MAX_RATE:,}/s, was {text!r}")


def _percent(text: str) -> int:
    hundredths = parse_decimal(text, 2, "a percentage")
    return at_most(hundredths, MAX_PERCENT * 100, f"a percentage may be at most {MAX_PERCENT:,}, was {text!r}")


def _at_least_one(unit: str, what: str, maximum: int) -> Form:
    read = integer(what, maximum)

    def parse(text: str) -> int:
        if (number := read(text)) < 1:
            raise ValueError(f"{what} must be at least 1, was {text!r}")
        return number

    return Form(unit, f"a whole number, 1 to {maximum:,}", parse)


def _grade(text: str) -> Grade:
    return Grade[one_of(*(str(grade) for grade in Grade))(text).upper()]


_lifetime_span = duration("1s", "8760h")


def _lifetime(text: str) -> Lifetime:
    return Lifetime(None if text == "never" else _lifetime_span(text))


def _group_limit(text: str) -> Count:
    limit = parse_count(text)
    if not 100 <= limit <= MAX_GROUP_LIMIT:
        raise ValueError(f"an order group's limit must be from 1 to {MAX_GROUP_LIMIT // 100:,}, was {text!r}")
    return limit


def _date(text: str) -> str:
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError(f"must be a day as in 2026-12-31, was {text!r}")


def _reason(text: str) -> str:
    if not text.strip() or text != text.strip() or not text.isprintable() or len(text) > MAX_REASON:
        raise ValueError(f"must say why in 1 to {MAX_REASON} characters, was {text!r}")
    return text


def _argument(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(f"must be one argument of a command, was {text!r}")
    return text


def _distance(text: str) -> Price:
    """No distance at all is a limit; a whole dollar is further than any two prices are apart."""
    distance = parse_decimal(dollars(text, "$0.10"), 4, "a distance")
    return Price(at_most(distance, 10_000, f"a distance between prices may be at most $1, was {text!r}"))


def _until(least: str, most: str) -> Form:
    return Form("a duration", f"from {least} to {most}: a number and ms, s, m or h", duration(least, most))


DistanceField = Annotated[
    Price,
    Form("dollars", "$ and a decimal with up to 4 places, at most $1", _distance, "the exchange has prices in $0.0001"),
]
PercentField = Annotated[int, Form("percent", "a decimal with up to 2 places, at most 1,000", _percent)]
ShareField = Annotated[int, _at_least_one("percent", "a share", 100)]
GradeField = Annotated[Grade, Form("", "illiquid, thin, moderate or liquid", _grade)]
BelowGradeField = Annotated[BelowGrade, Form("", "deny or confirm", member(BelowGrade))]
WhenMissingField = Annotated[WhenMissing, Form("", "deny or last_trade", member(WhenMissing))]
SelfTradeField = Annotated[SelfTradeRule, Form("", "any, taker_at_cross or maker", member(SelfTradeRule))]
StopField = Annotated[StopState, Form("", "REDUCING or HALTED", member(StopState))]
BreakField = Annotated[BreakKind, Form("", "orphan, ghost, terms or position", member(BreakKind))]
FreshField = Annotated[int, _until("100ms", "5m")]
"""How old a figure of the market may be."""
WindowField = Annotated[int, _until("1s", "24h")]
"""How far back something is counted."""
BeforeCloseField = Annotated[int, _until("0s", "24h")]
SkewField = Annotated[int, _until("100ms", "1m")]
ConfirmWindow = Annotated[int, _until("10s", "1h")]
RestField = Annotated[int, _until("10s", "8760h")]
"""How long an order may rest before it ends by itself: long enough to reach the exchange first."""
LifetimeField = Annotated[
    Lifetime, Form("a duration", "never, or from 1s to 8760h: a number and ms, s, m or h", _lifetime)
]
GroupLimitField = Annotated[
    Count,
    Form("contracts", "a decimal with up to 2 places, from 1 to 1,000,000", _group_limit, "the exchange's own range"),
]
RateField = Annotated[int, Form("orders a second", "a decimal with up to 3 places and /s, at most 10,000/s", _rate)]
BurstField = Annotated[int, _at_least_one("orders", "a burst", 100_000)]
SameOrders = Annotated[int, _at_least_one("orders", "a number of orders", MAX_TIMES)]
Times = Annotated[int, _at_least_one("times", "a number of times", MAX_TIMES)]
Approvals = Annotated[int, _at_least_one("people", "a number of people", 3)]
UsedField = Annotated[int, _at_least_one("percent of a limit", "a share", 100)]
DateField = Annotated[str, Form("a day", "YYYY-MM-DD, in limits.day.timezone, that day included", _date)]
ReasonField = Annotated[str, Form("", f"1 to {MAX_REASON} characters", _reason)]
ArgumentField = Annotated[str, Form("", "the words of a command, one an item; no shell reads them", _argument)]
