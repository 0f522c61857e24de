"""The forms of single values in the exchange's JSON (orders.md 2-6).

Rule of this file: a reader takes any JSON value and gives the typed one, or raises ValueError with a text that can
stand after the field's name. Each kind of value has one spelling: prices and counts are strings, flags true or false.
"""

import re
from collections.abc import Callable, Collection
from enum import StrEnum

from pretrade.kalshi.wire_error import shown
from pretrade.model.units import Count, Price, parse_count, parse_decimal, parse_price

_MAX_DECIMAL_TEXT = 32
_MAX_TIME = 9_999_999_999
"""Unix seconds: a later one is a number of milliseconds by mistake."""

_TICKER = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,127}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:@/+=#~-]{0,127}", re.ASCII)

type Reader[T] = Callable[[object], T]


def text(value: object) -> str:
    """A JSON string. Prices and counts are strings; the exchange refuses a number there as well (orders.md 7)."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, was {shown(value)}")
    return value


def _matching(pattern: re.Pattern[str], what: str) -> Reader[str]:
    def read(value: object) -> str:
        if pattern.fullmatch(text(value)) is None:
            raise ValueError(f"must be {what}, was {shown(value)}")
        return text(value)

    return read


ticker = _matching(_TICKER, "a ticker: 1-128 of A-Z, 0-9, '.', '_' and '-', starting with a letter or digit")
identifier = _matching(_ID, "an id: 1-128 of A-Z, a-z, 0-9, '.', '_' and '-', starting with a letter or digit")
client_order_id = _matching(
    _CLIENT_ORDER_ID, "1-128 of A-Z, a-z, 0-9 and . _ : @ / + = # ~ -, starting with a letter, digit or _"
)


def flag(value: object) -> bool:
    """True or false, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, was {shown(value)}")
    return value


def integer(low: int, high: int) -> Reader[int]:
    """A reader of whole numbers from `low` to `high`. True is not 1."""

    def read(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, was {shown(value)}")
        return value

    return read


subaccount = integer(0, 63)
exchange_index = integer(-1, 100)
unix_seconds = integer(1, _MAX_TIME)
unix_seconds_or_zero = integer(0, _MAX_TIME)


def word(words: Collection[str]) -> Reader[str]:
    """A reader of exactly these words."""

    def read(value: object) -> str:
        if text(value) not in words:
            raise ValueError(f"must be one of {', '.join(words)}, was {shown(value)}")
        return text(value)

    return read


def choice[E: StrEnum](kind: type[E]) -> Reader[E]:
    """A reader of exactly the values of an enumeration."""
    members = {member.value: member for member in kind}
    read = word(members)
    return lambda value: members[read(value)]


def _decimal_text(value: object) -> str:
    digits = text(value)
    if len(digits) > _MAX_DECIMAL_TEXT:
        raise ValueError(f"must be a plain decimal number, was {shown(value)}")
    return digits


def price(value: object) -> Price:
    """Dollars as a decimal string with up to 4 decimals, strictly between 0 and 1."""
    return parse_price(_decimal_text(value))


def count(value: object) -> Count:
    """Contracts as a decimal string with up to 2 decimals, at least 0.01."""
    return parse_count(_decimal_text(value))


def count_or_zero(value: object) -> Count:
    """Contracts as a decimal string with up to 2 decimals; zero is one."""
    return Count(parse_decimal(_decimal_text(value), 2, "a count"))


def objects(maximum: int) -> Reader[list[dict[str, object]]]:
    """A reader of a list of 1 to `maximum` objects."""

    def read(value: object) -> list[dict[str, object]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ValueError(f"must be a list of objects, was {shown(value)}")
        if not 1 <= len(value) <= maximum:
            raise ValueError(f"must have 1 to {maximum} entries, had {len(value)}")
        return value

    return read
