"""What the policy's `inject` has the proxy write into a client's orders, as people and clients read it: the rules, the
client's order groups, and the fields of one order.

Rule of this file: it reads and changes nothing; beside each field stands the policy key that has it written in.
"""

from collections.abc import Iterable

from pretrade.gateway.instance import Instance
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.own_groups import group_limit, groups_of
from pretrade.model.rewrites import Rewrite
from pretrade.model.units import format_count
from pretrade.policy.bounds import Injected
from pretrade.policy.combine import bounds_for

GROUP_WINDOW_S = 15
"""Over how long the exchange counts what a group's orders match (orders.md 15)."""

type Shown = dict[str, object]


def rules_shown(instance: Instance, client: str) -> list[Shown]:
    """What is written into each order of a client that opens something, one entry for each field, in the exchange's
    names; an empty list where nothing is."""
    rules, found = _rules(instance, client), list[Shown]()
    if rules.group_limit is not None:
        limit = {"contracts": format_count(rules.group_limit), "within_s": GROUP_WINDOW_S}
        found.append({"field": "order_group_id", "rule": rules.group_rule, **limit})
    if rules.on_pause:
        found.append({"field": "cancel_order_on_pause", "rule": rules.on_pause_rule, "value": True})
    if rules.within_ms is not None:
        found.append({"field": "expiration_time", "rule": rules.within_rule, "within_s": rules.within_ms // 1000})
    return found


def groups_shown(instance: Instance, client: Client) -> list[Shown]:
    """The order groups that the proxy has made for a client. `limit` is the lowest that it may have now; `is_in_use`
    says that new orders go into it: its limit is still the policy's."""
    groups, limit = groups_of(instance), group_limit(instance, client.name)
    return [
        {
            "order_group_id": group_id,
            "exchange_index": group.exchange_index,
            "limit": None if group.limit is None else format_count(group.limit),
            "is_tripped": group.is_tripped,
            "is_in_use": limit is not None
            and groups.own(client.name, client.subaccount, group.exchange_index, limit) == group_id,
        }
        for group_id, group in groups.made_for(client.name)
    ]


def written_shown(instance: Instance, client: str, rewrites: Iterable[Rewrite]) -> list[Shown]:
    """The fields that are written into one order, each with its value and the key of the policy."""
    rules = _rules(instance, client)
    keys = {
        "order_group_id": rules.group_rule,
        "cancel_order_on_pause": rules.on_pause_rule,
        "expiration_time": rules.within_rule,
    }
    return [{"field": one.field, "value": one.after, "rule": keys[one.field]} for one in rewrites]


def _rules(instance: Instance, client: str) -> Injected:
    return bounds_for(instance.policy, client, "").injected  # no market states any of its own
