"""The order groups of an account, each with the lowest limit that it may have now, and for whom the proxy made it.

Rule of this file: what we approve can only lower a limit here, from the moment it is approved; only the exchange's own
record raises one, once it is later than everything that we did. A limit that nobody knows is None and not zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pretrade.model.groups import OF_A_GROUP, ChangeGroup, CreateGroup, GroupAct, GroupSeen, LimitGroup
from pretrade.model.orders import Write
from pretrade.model.units import Count

GROUP_TRIPPED = "order_group"
"""The cause of a stop for a group that has tripped, as its row says."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its subaccount, its limit, and when we last did something about it or were answered.

    `made_for` is the client for whom the proxy made it itself and `made_with` the limit that it was given then; empty
    and zero for any other group. Only of such a one `exchange_index`, its shard, is known, and `is_tripped`: the
    exchange has canceled its orders, and takes none until a person has it reset.
    """

    subaccount: int
    limit: Count | None
    changed_ms: int = 0
    made_for: str = ""
    made_with: int = 0
    exchange_index: int = 0
    is_tripped: bool = False

    @property
    def is_of_nobody(self) -> bool:
        """Whether it was only ever read: nobody made or changed it through the proxy."""
        return not self.made_for and not self.changed_ms


class Groups:
    """The groups by their ids."""

    def __init__(self, groups: Mapping[str, Group] | None = None) -> None:
        self._groups = dict(groups or {})

    def items(self) -> tuple[tuple[str, Group], ...]:
        """Every group, by its id."""
        return tuple(sorted(self._groups.items()))

    def owners(self) -> dict[str, int]:
        """The subaccount of each group."""
        return {group_id: group.subaccount for group_id, group in self.items()}

    def seen(self, group_id: str, subaccount: int) -> GroupSeen | None:
        """A group that clients made in this subaccount; None for any other, and for one that nobody knows."""
        group = self._groups.get(group_id)
        is_theirs = group is not None and group.subaccount == subaccount and not group.made_for
        return GroupSeen(group_id, group.limit) if group is not None and is_theirs else None

    def made_for(self, client: str) -> tuple[tuple[str, Group], ...]:
        """Every group that the proxy made for a client, by its id."""
        return tuple(item for item in self.items() if item[1].made_for == client)

    def own(self, client: str, subaccount: int, exchange_index: int, limit: Count) -> str | None:
        """The group on a shard that the proxy made for a client with this limit, and whose limit is no higher now."""
        for group_id, group in self.made_for(client):
            if (group.subaccount, group.exchange_index, group.made_with) != (subaccount, exchange_index, limit):
                continue
            if group.limit is None or group.limit <= limit:
                return group_id
        return None

    def holds(self, client: str, group_id: str | None, limit: Count) -> str | None:
        """This group, if the proxy made it for a client and it holds its orders to no more than this limit: what is in
        an older one of a higher limit may not grow there."""
        group = None if group_id is None else self._groups.get(group_id)
        if group is None or group.made_for != client:
            return None
        return group_id if (group.made_with if group.limit is None else group.limit) <= limit else None

    def trip(self, client: str) -> bool:
        """Note that the groups of a client have tripped; False where that is known, or it has none."""
        made = [(group_id, group) for group_id, group in self.made_for(client) if not group.is_tripped]
        self._groups |= {group_id: replace(group, is_tripped=True) for group_id, group in made}
        return bool(made)

    def approve(self, write: Write, at_ms: int) -> None:
        """Note that a group is about to be changed: from here on it may have the lower limit."""
        if not isinstance(write, OF_A_GROUP) or write.group_id not in self._groups:
            return
        group = self._groups[write.group_id]
        limit = group.limit
        if isinstance(write, LimitGroup) and limit is not None:
            limit = min(limit, write.limit)
        self._groups[write.group_id] = replace(group, limit=limit, changed_ms=at_ms)

    def accepted(self, write: Write, group_id: str | None, at_ms: int, made_for: str = "") -> None:
        """Note the exchange's yes: a new group is there, the proxy's own where it was `made_for` a client; one that was
        changed is so from here on. One that serves a client already stays the proxy's own, whose ever it was meant to
        be: orders are in it."""
        if isinstance(write, CreateGroup) and group_id is not None:
            known = self._groups.get(group_id)
            self._groups[group_id] = _made(write, at_ms, made_for if known is None else known.made_for or made_for)
        elif isinstance(write, OF_A_GROUP) and write.group_id in self._groups:
            group = self._groups[write.group_id]
            is_reset = isinstance(write, ChangeGroup) and write.act is GroupAct.RESET
            self._groups[write.group_id] = replace(
                group, changed_ms=at_ms, is_tripped=group.is_tripped and not is_reset
            )

    def carry_out(self, write: Write, group_id: str | None, at_ms: int, made_for: str = "") -> None:
        """Do what a write asks for at once: in the dry run, where we are the exchange ourselves."""
        self.accepted(write, group_id, at_ms, made_for)
        if isinstance(write, LimitGroup) and write.group_id in self._groups:
            self._groups[write.group_id] = replace(self._groups[write.group_id], limit=write.limit)
        elif isinstance(write, ChangeGroup) and write.act is GroupAct.DELETE:
            self._groups.pop(write.group_id, None)

    def as_shown(self, shown: Mapping[str, tuple[int, Count | None]], is_old: Callable[[int], bool]) -> "Groups":
        """The groups that there are, as the exchange's record shows them (subaccount and limit). `is_old` says of a
        moment of ours whether the record is late enough to show what we did then; where it is not, what we know stays,
        and the lower of two limits counts."""
        merged = {group_id: group for group_id, group in self.items() if not is_old(group.changed_ms)}
        for group_id, (subaccount, limit) in shown.items():
            known = self._groups.get(group_id) or Group(subaccount, limit)
            limits = (limit, known.limit) if group_id in merged else (limit,)
            lowest = min((one for one in limits if one is not None), default=None)
            merged[group_id] = replace(known, subaccount=subaccount, limit=lowest)
        return Groups(merged)

    def read(self, groups: Iterable[tuple[str, int]], limits: Mapping[str, int]) -> None:
        """Take in the groups and their limits as `as_shown` found them."""
        known = self._groups
        self._groups = {
            group_id: replace(
                known.get(group_id) or Group(subaccount, None),
                subaccount=subaccount,
                limit=Count(limits[group_id]) if group_id in limits else None,
            )
            for group_id, subaccount in groups
        }


def _made(write: CreateGroup, at_ms: int, made_for: str) -> Group:
    """The group that was asked for."""
    group = Group(write.subaccount or 0, write.limit, at_ms)
    if not made_for:
        return group
    return replace(group, made_for=made_for, made_with=write.limit, exchange_index=write.exchange_index or 0)
