"""The oracle's Fractions as the program's integers, exactly or not at all."""

from fractions import Fraction

from pretrade.model.units import Count, Money, Price

NOW_MS = 1_795_226_000_000


def price_of(value: Fraction) -> Price:
    """A price as the program has it."""
    return Price(whole(value * 10_000))


def count_of(value: Fraction) -> Count:
    """Contracts as the program has them."""
    return Count(whole(value * 100))


def money_of(value: Fraction) -> Money:
    """Dollars as the program has them."""
    return Money(whole(value * 1_000_000))


def whole(value: Fraction) -> int:
    """An integer, exactly."""
    if value.denominator != 1:
        raise ValueError(value)
    return value.numerator


def ms_of(span: Fraction) -> int:
    """Seconds as the program has them."""
    return whole(span * 1_000)
