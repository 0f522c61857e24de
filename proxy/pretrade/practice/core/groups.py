"""Order groups: create, find, change, trigger and delete them, and count what they match (orders.md 15).

Rule of this file: everything about groups lives here; `matching` tells it of each trade, `admission` asks whether a
group takes new orders. All raise ExchangeError with the wire's code and then have changed nothing.

Choices where the exchange's pages leave room: the limit triggers when the rolling sum *exceeds* it; the match that goes
over it stands as a whole, and what remains of that order is canceled with the rest; a cancel by a group carries no
reason; a group lists the orders that rest in it; a group of another subaccount or shard answers like one that never
was, as do unknown ones (404 order_group_not_found).
"""

from pretrade.practice.core import resting
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.errors import ExchangeError, bad_request
from pretrade.practice.core.events import GroupChanged, GroupKind
from pretrade.practice.core.records import Order, OrderGroup
from pretrade.practice.core.state import State

WINDOW_US = 15_000_000
"""The rolling window over which matched contracts are summed."""

MAX_GROUPS = 100_000
_LEAST, _MOST = 100, 100_000_000
"""One contract and one million contracts, in 0.01 contracts."""


def create(state: State, account: Account, limit: int, *, subaccount: int = 0, shard: int = 0) -> OrderGroup:
    """A new group of an account's subaccount on one shard; `limit` in 0.01 contracts. Raises 400 outside its range."""
    state.advance()
    state.require_exchange()
    state.require_shard(shard)
    state.require_exchange(shard)
    _require_limit(limit)
    account.require_subaccount(subaccount)
    groups = state.groups.setdefault(account.name, {})
    if len(groups) >= MAX_GROUPS:
        raise ExchangeError(400, "too_many_order_groups", f"at most {MAX_GROUPS} order groups at a time")
    now = state.clock()
    group = OrderGroup(state.new_id(), account.name, subaccount, shard, limit, now, now)
    groups[group.group_id] = group
    _tell(state, group, GroupKind.CREATED)
    return group


def find(state: State, account: Account, group_id: str, subaccount: int | None, shard: int | None = None) -> OrderGroup:
    """A group of this account; None for `subaccount` or `shard` means any. Raises 404 order_group_not_found."""
    group = state.groups.get(account.name, {}).get(group_id)
    if group is None or subaccount not in {None, group.subaccount} or shard not in {None, group.exchange_index}:
        raise ExchangeError(404, "order_group_not_found")
    return group


def of(state: State, account: Account, subaccount: int | None = None) -> list[OrderGroup]:
    """The groups of an account, oldest first; of all subaccounts for None."""
    groups = state.groups.get(account.name, {}).values()
    return [group for group in groups if subaccount in {None, group.subaccount}]


def set_limit(state: State, group: OrderGroup, limit: int) -> None:
    """Another limit; one below what has matched in the window triggers the group at once. Raises 400."""
    _begin(state, group)
    _require_limit(limit)
    group.limit = limit
    _tell(state, group, GroupKind.LIMIT_UPDATED)
    if not group.triggered and matched(group, state.clock()) > limit:
        _trigger(state, group)


def reset(state: State, group: OrderGroup) -> None:
    """Let a group take orders again and forget what it has matched."""
    _begin(state, group)
    group.matched.clear()
    group.recent = 0
    group.triggered = False
    _tell(state, group, GroupKind.RESET)


def trigger(state: State, group: OrderGroup) -> None:
    """Cancel all orders of a group and refuse new ones until a reset; a triggered group stays as it is."""
    _begin(state, group)
    if not group.triggered:
        _trigger(state, group)


def delete(state: State, group: OrderGroup) -> None:
    """Cancel all orders of a group and remove it for good."""
    _begin(state, group)
    _cancel_orders(state, group)
    del state.groups[group.account][group.group_id]
    _tell(state, group, GroupKind.DELETED)


def matched(group: OrderGroup, now_us: int) -> int:
    """What the group's orders matched within the window that ends now, in 0.01 contracts."""
    while group.matched and group.matched[0][0] <= now_us - WINDOW_US:
        group.recent -= group.matched.popleft()[1]
    return group.recent


def count_match(state: State, order: Order, count: int) -> None:
    """Count a trade of an order in its group, which is triggered when that takes it over its limit."""
    group = state.group_of(order)
    if group is None or group.triggered:
        return
    group.matched.append((state.clock(), count))
    group.recent += count
    if matched(group, state.clock()) > group.limit:
        _trigger(state, group)


def _begin(state: State, group: OrderGroup) -> None:
    state.advance()
    state.require_exchange(group.exchange_index)


def _require_limit(limit: int) -> None:
    if not _LEAST <= limit <= _MOST:
        raise bad_request(f"contracts_limit must be between 1 and 1000000, was {limit / 100:g}")


def _trigger(state: State, group: OrderGroup) -> None:
    group.triggered = True
    _cancel_orders(state, group)
    _tell(state, group, GroupKind.TRIGGERED)


def _cancel_orders(state: State, group: OrderGroup) -> None:
    for order in list(group.orders.values()):
        resting.cancel(state, order, "")


def _tell(state: State, group: OrderGroup, kind: GroupKind) -> None:
    group.updated_us = state.clock()
    state.tell(GroupChanged(group, kind, group.updated_us))
