"""The words of a policy that mean one of a few things.

Rule of this file: the words of an enum stand in order, the tightest first where it is not said otherwise.
"""

from enum import IntEnum, StrEnum


class Grade(IntEnum):
    """How liquid a market is, from worst to best; written in lower case."""

    ILLIQUID = 0
    THIN = 1
    MODERATE = 2
    LIQUID = 3

    __hash__ = int.__hash__  # an Enum's own is a call into Python, and every order's market is graded

    def __str__(self) -> str:
        return _GRADES[self]


_GRADES = tuple(grade.name.lower() for grade in Grade)


class BelowGrade(StrEnum):
    """What becomes of an order in a market below the lowest grade: denied, or asked to be confirmed."""

    DENY = "deny"
    CONFIRM = "confirm"


class WhenMissing(StrEnum):
    """What a price is compared with where the book has no usable midpoint: nothing (denied), or the last trade."""

    DENY = "deny"
    LAST_TRADE = "last_trade"


class SelfTradeRule(StrEnum):
    """Which self-trade prevention an order must ask for. The first two are as tight as each other."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"
    ANY = "any"


class StopState(StrEnum):
    """What a halt rule turns trading to: only what reduces passes, or only exits."""

    REDUCING = "REDUCING"
    HALTED = "HALTED"


class BreakKind(StrEnum):
    """A difference between our record and the exchange's: an order past us, an order of ours that it does not know,
    one that is not as we sent it, a position that is not what our fills make."""

    ORPHAN = "orphan"
    GHOST = "ghost"
    TERMS = "terms"
    POSITION = "position"
