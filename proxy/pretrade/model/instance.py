"""What an instance is: its role, where it trades, and whether it may trade now."""

from enum import StrEnum


class Role(StrEnum):
    """W is the live-trading instance, R reads only, ABH is experimental."""

    W = "W"
    R = "R"
    ABH = "ABH"

    __hash__ = str.__hash__  # an Enum's own is a call into Python, and every write's reports are found by it


class Environment(StrEnum):
    """Where approved orders go."""

    PRACTICE = "practice"
    DEMO = "demo"
    PRODUCTION = "production"


class Mode(StrEnum):
    """`live` sends what is approved; `dry_run` answers like the exchange and sends nothing."""

    DRY_RUN = "dry_run"
    LIVE = "live"


class TradingState(StrEnum):
    """ACTIVE lets every approved write through, REDUCING only what lowers exposure, HALTED only exits."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"

    __hash__ = str.__hash__  # an Enum's own is a call into Python, and every write's reports are found by it

    def is_as_strict_as(self, other: "TradingState") -> bool:
        """Whether this state stops all that the other one stops."""
        return _STRICTNESS[self] >= _STRICTNESS[other]


_STRICTNESS = {state: rank for rank, state in enumerate(TradingState)}
