"""What a client can ask of an order group: a ceiling on what its orders may match within a rolling 15 seconds.

Rule of this file: frozen values. A group cancels its orders when it is over its limit and then takes none until it is
reset (orders.md 15); it is a limit of the exchange's own, and so is judged like one.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.units import Count


class GroupAct(StrEnum):
    """What else can be done to a group: let a triggered one take orders again, cancel its orders and stop it, or cancel
    its orders and remove it."""

    RESET = "reset"
    TRIGGER = "trigger"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Make a group with this limit."""

    limit: Count
    subaccount: int | None = None
    exchange_index: int | None = None


@dataclass(frozen=True, slots=True)
class LimitGroup:
    """Give a group another limit; one that has been matched already triggers it."""

    group_id: str
    limit: Count
    subaccount: int | None = None
    exchange_index: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Reset, trigger or delete a group."""

    group_id: str
    act: GroupAct
    subaccount: int | None = None
    exchange_index: int | None = None


type GroupWrite = CreateGroup | LimitGroup | ChangeGroup

OF_A_GROUP = (LimitGroup, ChangeGroup)
"""The writes that name a group that exists; a tuple, for a union would be made anew with every isinstance."""


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A group of the client's own: the lowest limit that it may have, None where nobody knows one."""

    group_id: str
    limit: Count | None
