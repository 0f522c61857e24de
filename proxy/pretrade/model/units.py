"""Exact numbers: the only place where text becomes money, and money text.

Rule of this file: every figure is an integer of its smallest unit, a text that does not fit is an error, never rounded.
A price times a count is a money without a conversion, because 0.0001 dollar x 0.01 contract = 0.000001 dollar.
"""

import re
from functools import lru_cache
from typing import NewType

Price = NewType("Price", int)
"""Dollars for one YES contract, in units of $0.0001 (the exchange takes up to 4 decimals in a request)."""
Count = NewType("Count", int)
"""Contracts, in units of 0.01 contract."""
Money = NewType("Money", int)
"""Dollars, in units of $0.000001 (the exchange answers with up to 6 decimals)."""

ONE_DOLLAR_PRICE = Price(10_000)
ONE_CONTRACT = Count(100)
ONE_DOLLAR = Money(1_000_000)
NO_CONTRACTS = Count(0)
NO_MONEY = Money(0)

MAX_DIGITS = 12
"""Digits allowed before the decimal point: far above any real figure, far below where a text could hurt."""

FIGURES_REMEMBERED = 4_096
"""Figures whose text is kept, and texts whose figure is: the same limits are written into every decision's row, and
orders and answers are about the same counts and prices. No text that is a figure is long."""

_DECIMAL = re.compile(rf"(0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(?:\.([0-9]+))?", re.ASCII)


class UnitError(ValueError):
    """A text that is not a figure in the expected form; the message says what was expected."""


@lru_cache(FIGURES_REMEMBERED)
def parse_decimal(text: str, places: int, what: str) -> int:
    """Read a plain decimal like `12` or `12.50` as an integer of 10**-places.

    Exact or not at all: no sign, exponent, leading zeros or spaces, ASCII digits only, at most `places` decimals.
    Raises UnitError.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise UnitError(f"{what} must be a plain decimal number like 1 or 1.50, was {text!r}")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > places:
        raise UnitError(f"{what} may have at most {places} decimals, was {text!r}")
    return int(whole + fraction.ljust(places, "0"))


def parse_price(text: str) -> Price:
    """Read a price in dollars, strictly between 0 and 1 (the exchange's rule, orders.md 9). Raises UnitError."""
    price = parse_decimal(text, 4, "a price")
    if not 0 < price < ONE_DOLLAR_PRICE:
        raise UnitError(f"a price must lie between 0 and 1 dollar, both excluded, was {text!r}")
    return Price(price)


def parse_count(text: str) -> Count:
    """Read a number of contracts, at least 0.01 (orders.md 2). Raises UnitError."""
    count = parse_decimal(text, 2, "a count")
    if count < 1:
        raise UnitError(f"a count must be at least 0.01, was {text!r}")
    return Count(count)


def parse_money(text: str) -> Money:
    """Read an amount in dollars with up to 6 decimals; zero is an amount. Raises UnitError."""
    return Money(parse_decimal(text, 6, "an amount"))


def _format(value: int, places: int) -> str:
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**places)
    return f"{sign}{whole}.{fraction:0{places}d}"


@lru_cache(FIGURES_REMEMBERED)
def format_price(price: int) -> str:
    """Write a price the way the exchange does: always 4 decimals, as in `0.5600`."""
    return _format(price, 4)


@lru_cache(FIGURES_REMEMBERED)
def format_count(count: int) -> str:
    """Write a count the way the exchange does: always 2 decimals, as in `10.00`."""
    return _format(count, 2)


@lru_cache(FIGURES_REMEMBERED)
def format_money(money: int) -> str:
    """Write an amount for people: at least 2 decimals, more where they are not zero, as in `$56.00` or `$0.0175`."""
    sign = "-" if money < 0 else ""
    whole, fraction = divmod(abs(money), ONE_DOLLAR)
    if fraction % 10_000 == 0:
        return f"{sign}${whole}.{fraction // 10_000:02d}"
    return f"{sign}${whole}." + f"{fraction:06d}".rstrip("0")


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide and round up: how every cost and fee is rounded here, so that an estimate is never below the truth."""
    return -(-numerator // denominator)
