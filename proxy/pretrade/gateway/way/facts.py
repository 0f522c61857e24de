"""Step 6: what `decide` may look at, read at one moment.

Rule of this file: it reads and changes nothing; what is missing is left out, and the checks deny for it.
"""

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import markets_seen
from pretrade.gateway.operator.confirming import confirmed
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.own_groups import own_groups
from pretrade.model.facts import Facts, NamedOrder, Place
from pretrade.model.frozen import replace
from pretrade.model.groups import OF_A_GROUP, GroupSeen
from pretrade.model.instance import Mode
from pretrade.model.markets import MarketFacts, fee_bound_multiplier
from pretrade.model.orders import UNKNOWN_FLAGS, AmendOrder, Flags, Write, orders_of, tickers_of
from pretrade.risk.checks.capped import crowded
from pretrade.risk.checks.standing_checks import named_orders
from pretrade.risk.ledger.live_order import LiveOrder
from pretrade.risk.ledger.pace_seen import PaceAsked, pace_seen
from pretrade.risk.ledger.preview import Asked, preview


def gather(instance: Instance, client: Client, write: Write, *, by_proxy: bool = False) -> Facts:
    """The facts for one write of one client, or of the proxy's own in its place."""
    policy, ledger = instance.policy, instance.ledger
    mode, now_ms = policy.instance.mode, instance.clock.now_ms()
    if mode is Mode.DRY_RUN:
        ledger.dry.expire(now_ms)
    day = ledger.day_of(instance.clock.day(instance.zone))
    known = _known(instance, tickers_of(write))
    places = tuple([place_of(facts) for facts in known])
    is_bounded = policy.clients[client.name].limits is not None
    asked = Asked(write, client.subaccount, day, policy.fees.multiplier_ceiling, places, is_bounded)
    seen = preview(ledger.account(mode), asked)
    ticket = confirmed(instance, client.name, write, now_ms)
    markets = markets_seen(instance, known)
    account_state, client_state = instance.trading.states(client.name)
    paced = PaceAsked(write, client.name, mode, seen.reduces, places, instance.pace_clock.now_ms())
    return Facts(
        now_ms=now_ms,
        role=policy.instance.role,
        mode=mode,
        trading_state=account_state,
        client_state=client_state,
        client=client.name,
        subaccount=client.subaccount,
        day=day,
        shares_subaccount=client.shares_subaccount,
        reconciled_ms=instance.reconciled.age_ms(),
        usages=seen.usages,
        reduces=seen.reduces,
        places=places,
        orders=_named(instance, client, mode, write),
        groups=_groups(instance, client, write),
        confirmed=None if ticket is None else ticket.decision_id,
        confirmed_for=() if ticket is None else ticket.asked,
        group=_group(instance, client, mode, write, by_proxy=by_proxy),
        own_groups=own_groups(instance, client, write, known),
        by_proxy=by_proxy,
        markets=markets,
        exchange=instance.exchange_status.seen(),
        losses=instance.losses.seen(client.subaccount, write, day),
        marks=instance.losses.marks_of(known, markets),
        pace=pace_seen(ledger, paced, policy),
        crowded=crowded(ledger, mode, client.subaccount, write),
    )


def _known(instance: Instance, tickers: tuple[str, ...]) -> tuple[MarketFacts, ...]:
    return tuple([facts for ticker in tickers if (facts := instance.markets.get(ticker)) is not None])


def place_of(facts: MarketFacts) -> Place:
    """What the ledger keeps of a market's facts."""
    multiplier = fee_bound_multiplier(facts)
    return Place(facts.ticker, facts.event, facts.series, multiplier or 0, has_flat_fee=multiplier is None)


def _named(instance: Instance, client: Client, mode: Mode, write: Write) -> tuple[NamedOrder, ...]:
    ledger, named = instance.ledger, named_orders(write)
    if not named:
        return ()
    names = dict.fromkeys(order_id for _, order_id in named)
    if mode is Mode.LIVE:
        known = tuple(
            ledger.named(name, client.name, client.subaccount, shares=client.shares_subaccount) for name in names
        )
    else:
        known = tuple(ledger.dry.named(name, client.name) for name in names)
    if not isinstance(write, AmendOrder):
        return known
    order = ledger.account(mode).by_order_id(write.order_id)
    return tuple(replace(one, flags=_flags(order, is_own=one.owner == client.name)) for one in known)


def _flags(order: LiveOrder | None, *, is_own: bool) -> Flags:
    """What an order was placed with; of another client's that is nobody's business, and it is not changed anyway."""
    return order.flags if order is not None and is_own else UNKNOWN_FLAGS


def _groups(instance: Instance, client: Client, write: Write) -> tuple[str, ...]:
    """Of the order groups that a write names, those of the client's subaccount; none where others trade in it too."""
    if client.shares_subaccount:
        return ()
    named = {order.order_group_id for order in orders_of(write) if order.order_group_id is not None}
    groups = instance.ledger.live.groups
    return tuple(sorted(name for name in named if groups.seen(name, client.subaccount) is not None))


def _group(instance: Instance, client: Client, mode: Mode, write: Write, *, by_proxy: bool) -> GroupSeen | None:
    """The order group that a write changes, if it is of the client's subaccount and nobody else trades in it; for the
    proxy's own write, one that it made for the client."""
    if not isinstance(write, OF_A_GROUP):
        return None
    groups = instance.ledger.account(mode).groups
    if by_proxy:
        made = dict(groups.made_for(client.name)).get(write.group_id)
        return None if made is None else GroupSeen(write.group_id, made.limit)
    return None if client.shares_subaccount else groups.seen(write.group_id, client.subaccount)
