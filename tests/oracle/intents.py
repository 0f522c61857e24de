"""What can be asked for, and by whom, in the oracle's words."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.seen import Flags


class New(NamedTuple):
    """One order to create."""

    ticker: str
    side: str
    price: Fraction
    count: Fraction
    subaccount: int | None = None
    flags: Flags = Flags()


class Amend(NamedTuple):
    """New terms for an order."""

    key: str
    ticker: str
    side: str
    price: Fraction
    count: Fraction
    flags: Flags = Flags()


class Exit(NamedTuple):
    """A cancel or a decrease of an order."""

    key: str
    subaccount: int | None = None


type Intent = tuple[New, ...] | Amend | Exit
"""What a client asks for: one order or a batch, an amend, an exit."""


@dataclass(frozen=True)
class Asker:
    """Who asks, and under what circumstances."""

    client: str
    subaccount: int
    shares: bool
    role: str
    state: str
    day: str


def orders_of(intent: Intent) -> tuple[New | Amend, ...]:
    """What of a write has a price."""
    if isinstance(intent, Exit):
        return ()
    return (intent,) if isinstance(intent, Amend) else intent
