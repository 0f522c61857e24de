"""The order groups of a copy: taken into the ledger, and which of them is one that we asked for and never heard of.

Rule of this file: a read that may be of before what we did to a group cannot make its limit looser.
"""

from pretrade.model.drop_copy import ExchangeGroup
from pretrade.model.groups import CreateGroup
from pretrade.risk.ledger.approved import Pending
from pretrade.risk.ledger.changes import GroupFound, GroupsRead
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS, Reconciliation


def look_for_groups(step: Reconciliation) -> None:
    """Find the groups of the proxy's own of whose making nobody knew. Where a person made one with the same limit in
    the meantime it serves as well: from here on no client may change it."""
    for pending in tuple(step.ledger.pending.values()):
        if pending.by_proxy and pending.state is OrderState.UNKNOWN and isinstance(pending.write, CreateGroup):
            found = _made_by(step, pending, pending.write)
            if found is not None:
                step.note(GroupFound(found.group_id, pending.decision_id, step.round.copy.as_of_ms))


def _made_by(step: Reconciliation, pending: Pending, write: CreateGroup) -> ExchangeGroup | None:
    """The group that a write may have made: one like it that was there in no read before it was sent, as far as is
    known, and that no client made."""
    known = dict(step.ledger.live.groups.items())
    place = pending.subaccount, write.exchange_index or 0, write.limit
    alike = [one for one in step.round.copy.groups if (one.subaccount, one.exchange_index, one.limit) == place]
    new = [one for one in alike if one.group_id not in known]
    free = [one for one in alike if one.group_id in known and known[one.group_id].is_of_nobody]
    return next(iter((*new, *free)), None)


def take_in_groups(step: Reconciliation) -> None:
    """Take in the groups that there are, with their limits."""
    groups = step.ledger.live.groups
    shown = {group.group_id: (group.subaccount, group.limit) for group in step.round.copy.groups}
    found = groups.as_shown(shown, lambda at_ms: step.round.is_late_for(at_ms, UNSEEN_MS)).items()
    if found != groups.items():
        owners = tuple((group_id, group.subaccount) for group_id, group in found)
        limits = tuple((group_id, group.limit) for group_id, group in found if group.limit is not None)
        step.note(GroupsRead(owners, limits))
