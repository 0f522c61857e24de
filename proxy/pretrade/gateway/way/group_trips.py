"""What follows when an order group of the proxy's own has tripped, and how a person gets it back.

Rule of this file: a trip stops its client at once, and only a person's resume resets the group. The reset is a write
like any other, and it comes first: a client is never resumed into a group that takes nothing.
"""

from collections.abc import Callable
from http import HTTPStatus

from pretrade.gateway.instance import Instance
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.by_hand import command, said
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.own_groups import groups_of
from pretrade.gateway.way.records import WriteRequest
from pretrade.kalshi.errors import is_unknown_group, says_of_group
from pretrade.model.groups import ChangeGroup, GroupAct
from pretrade.model.instance import TradingState
from pretrade.model.orders import Write, orders_of
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.ledger.groups import GROUP_TRIPPED

type Begin = Callable[[WriteRequest], Attempt]


def heard(instance: Instance, client: str, write: Write, outcome: Outcome) -> None:
    """Stop a client whose order the exchange refused because the group that we made for it has tripped. `write` is as
    the client sent it: an order that named a group is in ours only where it named ours."""
    if not any(leg.state is OutcomeState.REJECTED for leg in outcome.legs):
        return
    ours = {None, *(group_id for group_id, _ in groups_of(instance).made_for(client))}
    legs = zip(orders_of(write), outcome.legs, strict=False)
    codes = [leg.code for order, leg in legs if leg.state is OutcomeState.REJECTED and order.order_group_id in ours]
    named = [code for code in codes if code is not None and says_of_group(code)]
    if any(is_unknown_group(code) for code in named):
        instance.reconciled.want()  # somebody has deleted it: the list shows that, and the next order has another made
    elif named:
        _tripped(instance, client, f"the exchange takes no order in it ({named[0]})")


def announced(instance: Instance, group_id: str) -> None:
    """Stop the client whose group the exchange says has tripped; others' groups are no matter of ours."""
    owner = dict(groups_of(instance).items()).get(group_id)
    if owner is not None and owner.made_for:
        _tripped(instance, owner.made_for, "the exchange has canceled its orders")


def _tripped(instance: Instance, client: str, seen: str) -> None:
    """Stop a client, once for each trip. The row says for a start, too, that there is a group to be reset. One that was
    resumed all the same, because the exchange did not know the group, or just as it tripped again, is stopped anew."""
    groups = instance.ledger.live.groups
    is_stopped = instance.trading.stands_at(client, TradingState.REDUCING)
    if groups.trip(client) or (groups.made_for(client) and not is_stopped):
        reason = f"its order group has matched more than it may in 15 s: {seen}"
        instance.trading.stop(TradingState.REDUCING, cause=GROUP_TRIPPED, reason=reason, client=client)


async def reset(instance: Instance, begin: Begin, client: str, actor: str) -> None:
    """Reset the groups of a client that have tripped, before it is resumed. Raises AdminError where one was not reset;
    the client is then as it was. One that the exchange does not know any more needs no reset, and neither does one of a
    subaccount that was the client's in an earlier policy: nothing of it is put there."""
    known = next((one for one in instance.clients.values() if one.name == client), None)
    if known is None:
        return
    for group_id, group in groups_of(instance).made_for(client):
        if not group.is_tripped or group.subaccount != known.subaccount:
            continue
        write = ChangeGroup(group_id, GroupAct.RESET, group.subaccount, group.exchange_index)
        answer = await begin(command(instance.clock, known, write, actor, by_proxy=True)).wait()
        if answer.status == HTTPStatus.NOT_FOUND:
            instance.reconciled.want()
        elif answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise AdminError(f"{client} stays as it is, for its order group {group_id} was not reset: {said(answer)}")
