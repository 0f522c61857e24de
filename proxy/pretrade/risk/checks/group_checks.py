"""Order groups as writes: whose they are, and that none of their limits is loosened.

Rule of this file: a group's limit holds its client's orders at the exchange even when this proxy is gone, so it may
become tighter and nothing else. To reset a group lets it match anew, to delete it leaves its orders' successors without
a limit, and a group that was triggered by hand could only be got back by a reset.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.groups import OF_A_GROUP, ChangeGroup, CreateGroup, LimitGroup
from pretrade.model.orders import AmendOrder, NewOrder
from pretrade.model.units import format_count
from pretrade.policy.schema import Policy
from pretrade.risk.checks.capped import is_capped
from pretrade.risk.checks.case import Case, Leg

RULE = "order_groups.may_loosen"


def check_group_write(case: Case) -> tuple[Check, ...]:
    """A client makes groups and tightens its own; loosening, resetting, triggering and deleting is for those whom the
    policy lets. A limit that nobody knows may not be changed: any other could be looser."""
    if case.orders:
        return ()
    write, facts = case.write, case.facts
    if isinstance(write, CreateGroup):
        return (Check("clients.order_groups", f"a limit of {format_count(write.limit)}", "a new group", unit=""),)
    if not isinstance(write, OF_A_GROUP):
        return ()
    is_mine = facts.group is not None and facts.group.group_id == write.group_id
    code = None if is_mine else DenyCode.ORDER_GROUP_NOT_OWNED
    owned = Check("clients.order_groups", write.group_id, f"an order group of {facts.client}", code)
    return (owned,) if facts.by_proxy else (owned, _tighter(write, facts, case.policy))


def check_own_group(case: Case) -> tuple[Check, ...]:
    """Where the policy says so, what opens is in the group that the proxy made for its client: the limit that holds
    when the proxy is gone. Another that the client names is never overwritten. What can only close needs none."""
    own_groups = case.facts.own_groups
    bound = [leg for leg in case.opening if leg.bounds.injected.group_limit is not None]
    return tuple([
        _in_group(leg, own_groups[place] if (place := leg.number or 0) < len(own_groups) else None)
        for leg in bound
        if not (isinstance(leg.order, NewOrder) and is_capped(leg.order))
    ])  # fmt: skip


def _in_group(leg: Leg, own: str | None) -> Check:
    if isinstance(leg.order, AmendOrder):  # in an older group of a higher limit it is as good as in none
        named, nothing = own, "no order group of this limit"
    else:
        named, nothing = leg.order.order_group_id, "no order group"
    wanted = own or "an order group of the proxy's own"
    code = None
    if named is None:
        code = DenyCode.ORDER_GROUP_MISSING
    elif named != own:
        code = DenyCode.ORDER_GROUP_DIFFERS
    return Check(leg.bounds.injected.group_rule, named or nothing, wanted, code, leg.number)


def _tighter(write: LimitGroup | ChangeGroup, facts: Facts, policy: Policy) -> Check:
    if policy.order_groups.may_loosen:
        return Check(RULE, "true", "anything")
    if isinstance(write, ChangeGroup):
        return Check(RULE, f"to {write.act} it", "only to tighten it", DenyCode.ORDER_GROUP_LOOSENED)
    known = None if facts.group is None else facts.group.limit
    observed = format_count(write.limit)
    if known is None:
        return Check(RULE, observed, "what nobody knows", DenyCode.ORDER_GROUP_LIMIT_MISSING, unit="contracts")
    code = DenyCode.ORDER_GROUP_LOOSENED if write.limit > known else None
    return Check(RULE, observed, format_count(known), code, unit="contracts")
