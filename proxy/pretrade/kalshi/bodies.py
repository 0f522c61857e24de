"""From the fields of a JSON object to the values of the model (orders.md 2-6).

Rule of this file: every key is known, every value has its form, every combination is one that the exchange documents.
Used for clients' bodies and for our own descriptions of writes alike.
"""

from pretrade.kalshi import forms
from pretrade.kalshi.fields import Fields
from pretrade.model.groups import CreateGroup, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from pretrade.model.units import Count

MAX_BATCH = 100
"""Entries of one batch. The exchange documents no maximum; its write budget allows fewer at once on most tiers."""

MAX_CANCELS = 10_000
"""Far more than fit into the largest body that is taken."""

MAX_GROUP_LIMIT = 100_000_000
"""The largest limit of an order group, in 0.01 contracts (orders.md 15)."""

ORDER_KEYS = frozenset(
    {
        "ticker",
        "client_order_id",
        "side",
        "count",
        "price",
        "expiration_time",
        "time_in_force",
        "post_only",
        "self_trade_prevention_type",
        "cancel_order_on_pause",
        "reduce_only",
        "subaccount",
        "order_group_id",
        "exchange_index",
    }
)
AMEND_KEYS = frozenset(
    {
        "ticker",
        "side",
        "price",
        "count",
        "client_order_id",
        "updated_client_order_id",
        "expiration_time",
        "exchange_index",
    }
)
DECREASE_KEYS = frozenset({"reduce_by", "reduce_to", "exchange_index", "market_ticker"})
CANCEL_KEYS = frozenset({"order_id", "subaccount", "exchange_index", "market_ticker"})
GROUP_KEYS = frozenset({"contracts_limit", "contracts_limit_fp", "subaccount", "exchange_index"})
GROUP_LIMIT_KEYS = frozenset({"contracts_limit", "contracts_limit_fp"})

_SIDE = forms.choice(Side)
_TIME_IN_FORCE = forms.choice(TimeInForce)
_SELF_TRADE = forms.choice(SelfTradePrevention)


def new_order(fields: Fields) -> NewOrder:
    """One order to create, from a body, a batch entry or our own description of it."""
    order = NewOrder(
        ticker=fields.need("ticker", forms.ticker),
        side=fields.need("side", _SIDE),
        count=fields.need("count", forms.count),
        price=fields.need("price", forms.price),
        time_in_force=fields.need("time_in_force", _TIME_IN_FORCE),
        self_trade_prevention_type=fields.need("self_trade_prevention_type", _SELF_TRADE),
        client_order_id=fields.take("client_order_id", forms.client_order_id),
        expiration_time=fields.take("expiration_time", forms.unix_seconds),
        post_only=fields.take("post_only", forms.flag) or False,
        reduce_only=fields.take("reduce_only", forms.flag) or False,
        cancel_order_on_pause=fields.take("cancel_order_on_pause", forms.flag),
        subaccount=fields.take("subaccount", forms.subaccount),
        order_group_id=fields.take("order_group_id", forms.identifier),
        exchange_index=fields.take("exchange_index", forms.exchange_index),
    )
    _check_combinations(fields, order)
    return order


def new_orders(fields: Fields) -> tuple[NewOrder, ...]:
    """The orders of a batch. Two legs with one client_order_id are refused: the exchange would reject the second."""
    entries = fields.need("orders", forms.objects(MAX_BATCH))
    legs = [Fields(entry, ORDER_KEYS, leg) for leg, entry in enumerate(entries)]
    orders: list[NewOrder] = []
    first: dict[str, int] = {}
    for number, leg in enumerate(legs):
        order = new_order(leg)
        name = order.client_order_id
        if name is not None and first.setdefault(name, number) != number:
            leg.refuse("client_order_id", f"repeats that of orders[{first[name]}]")
        orders.append(order)
    return tuple(orders)


def amended_order(fields: Fields, order_id: str, subaccount: int | None) -> AmendOrder:
    """An amend; expiration_time 0 clears the expiry (orders.md 4)."""
    return AmendOrder(
        order_id=order_id,
        ticker=fields.need("ticker", forms.ticker),
        side=fields.need("side", _SIDE),
        price=fields.need("price", forms.price),
        count=fields.need("count", forms.count),
        client_order_id=fields.take("client_order_id", forms.client_order_id),
        updated_client_order_id=fields.take("updated_client_order_id", forms.client_order_id),
        expiration_time=fields.take("expiration_time", forms.unix_seconds_or_zero),
        exchange_index=fields.take("exchange_index", forms.exchange_index),
        subaccount=subaccount,
    )


def decreased_order(fields: Fields, order_id: str, subaccount: int | None) -> DecreaseOrder:
    """A decrease by or to a count, exactly one of the two (orders.md 5)."""
    reduce_by = fields.take("reduce_by", forms.count)
    reduce_to = fields.take("reduce_to", forms.count_or_zero)
    if reduce_by is None and reduce_to is None:
        fields.missing("reduce_by or reduce_to")
    if reduce_by is not None and reduce_to is not None:
        fields.refuse("reduce_to", "only one of reduce_by and reduce_to may be given")
    return DecreaseOrder(
        order_id=order_id,
        reduce_by=reduce_by,
        reduce_to=reduce_to,
        exchange_index=fields.take("exchange_index", forms.exchange_index),
        market_ticker=fields.take("market_ticker", forms.ticker),
        subaccount=subaccount,
    )


def canceled_order(fields: Fields) -> CancelOrder:
    """One cancel, from an entry of a batch or our own description of it."""
    return CancelOrder(
        order_id=fields.need("order_id", forms.identifier),
        exchange_index=fields.take("exchange_index", forms.exchange_index),
        market_ticker=fields.take("market_ticker", forms.ticker),
        subaccount=fields.take("subaccount", forms.subaccount),
    )


def canceled_orders(fields: Fields) -> tuple[CancelOrder, ...]:
    """The cancels of a batch: as many as the body has room for, because no maximum of ours may trap an exit."""
    entries = fields.need("orders", forms.objects(MAX_CANCELS))
    return tuple(canceled_order(Fields(entry, CANCEL_KEYS, leg)) for leg, entry in enumerate(entries))


def new_group(fields: Fields) -> CreateGroup:
    """An order group to create."""
    return CreateGroup(
        limit=group_limit(fields),
        subaccount=fields.take("subaccount", forms.subaccount),
        exchange_index=fields.take("exchange_index", forms.exchange_index),
    )


def limited_group(fields: Fields, group_id: str, subaccount: int | None, exchange_index: int | None) -> LimitGroup:
    """Another limit for an order group."""
    return LimitGroup(group_id, group_limit(fields), subaccount, exchange_index)


def group_limit(fields: Fields) -> Count:
    """A group's limit, from either of its two fields; where both are there they say the same (orders.md 15)."""
    whole = fields.take("contracts_limit", forms.integer(1, MAX_GROUP_LIMIT // 100))
    exact = fields.take("contracts_limit_fp", forms.count)
    if whole is None and exact is None:
        fields.missing("contracts_limit or contracts_limit_fp")
    limit = Count(whole * 100) if whole is not None else exact
    if limit is None or (exact is not None and exact != limit) or not 100 <= limit <= MAX_GROUP_LIMIT:
        fields.refuse("contracts_limit_fp", "must be from 1 to 1000000 contracts, and what contracts_limit says if any")
    return limit


def _check_combinations(fields: Fields, order: NewOrder) -> None:
    resting = order.time_in_force is TimeInForce.GOOD_TILL_CANCELED
    if order.expiration_time is not None and not resting:
        fields.refuse("expiration_time", "goes only with time_in_force good_till_canceled")
    if order.post_only and not resting:
        fields.refuse("post_only", "goes only with time_in_force good_till_canceled")
    if order.reduce_only and order.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL:
        fields.refuse("reduce_only", "goes only with time_in_force immediate_or_cancel")
