"""Which order groups the proxy has made for its clients by the policy's `inject`, and which one an order belongs in.

Rule of this file: it reads and changes nothing; `group_maker` makes them. A group is of one client, one subaccount and
one shard: the exchange lets no order into a group of another (orders.md 2).
"""

from collections.abc import Iterable

from pretrade.gateway.instance import Instance
from pretrade.gateway.way.identity import Client
from pretrade.model.markets import MarketFacts
from pretrade.model.orders import AmendOrder, NewOrder, Write, orders_of
from pretrade.model.units import Count
from pretrade.policy.combine import bounds_for
from pretrade.risk.ledger.groups import Groups


def group_limit(instance: Instance, client: str) -> Count | None:
    """The limit of a client's own groups; None where the policy asks for none."""
    return bounds_for(instance.policy, client, "").injected.group_limit


def groups_of(instance: Instance) -> Groups:
    """The groups of the account that is written to."""
    return instance.ledger.account(instance.policy.instance.mode).groups


def own_groups(
    instance: Instance, client: Client, write: Write, known: Iterable[MarketFacts]
) -> tuple[str | None, ...]:
    """For each order of a write the group that the proxy made for the client where it goes, for an amend the one that
    its order is in, if that has no higher limit; None where there is none, empty where the policy asks for none.
    `known` are its markets."""
    limit = group_limit(instance, client.name)
    if limit is None:
        return ()
    groups = groups_of(instance)
    if isinstance(write, AmendOrder):
        order = instance.ledger.account(instance.policy.instance.mode).by_order_id(write.order_id)
        return (None if order is None else groups.holds(client.name, order.group_id, limit),)
    shards = shards_of(orders_of(write), known)
    return tuple(
        None if shard is None else groups.own(client.name, client.subaccount, shard, limit) for shard in shards
    )


def shards_of(orders: tuple[NewOrder, ...], known: Iterable[MarketFacts]) -> tuple[int | None, ...]:
    """The shard that each order goes to: the one that it names, else its market's (orders.md 2); None where that is not
    known."""
    by_ticker = {facts.ticker: facts.exchange_index for facts in known}
    return tuple(
        order.exchange_index if order.exchange_index not in (None, -1) else by_ticker.get(order.ticker)
        for order in orders
    )
