"""The drop copy: the exchange's own record of our orders, fills, positions and money, as frozen values.

Rule of this file: what the exchange says, in our words and units, and nothing that we believe. All figures are exact
integers (`units`), all moments Unix milliseconds of the exchange's clock, rounded down.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price


class OrderStatus(StrEnum):
    """All that an order can be since November 2025 (sim_semantics.md 3); `canceled` may have filled in part."""

    RESTING = "resting"
    CANCELED = "canceled"
    EXECUTED = "executed"


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """One order as the exchange has it. `remaining` is what may still fill: zero for one that does not rest.

    `cost` is what its fills cost, of the leg bought and without fees, `fees` what they cost beside. `client_order_id`
    is for people where its author wrote odd characters: it then has `?` in it, as no id of ours has.
    """

    order_id: str
    client_order_id: str | None
    subaccount: int
    ticker: str
    side: Side
    price: Price
    status: OrderStatus
    filled: Count
    remaining: Count
    created_ms: int
    updated_ms: int | None
    order_group_id: str | None
    cost: Money
    fees: Money
    exchange_index: int


@dataclass(frozen=True, slots=True)
class ExchangeFill:
    """One execution of an order of ours, at its price in YES terms.

    An average that does not fit into $0.0001 is rounded to the dearer price of the leg bought: never a cost too low.
    """

    fill_id: str
    order_id: str
    subaccount: int
    ticker: str
    side: Side
    count: Count
    price: Price
    fee: Money
    created_ms: int


@dataclass(frozen=True, slots=True)
class ExchangePosition:
    """One unsettled position: a signed count (YES positive), the cost basis of what is open (the exchange's
    market_exposure, after its netting), the profit realised so far (negative for a loss) and the fees paid."""

    subaccount: int
    ticker: str
    count: Count
    cost: Money
    realized: Money
    fees: Money


@dataclass(frozen=True, slots=True)
class ExchangeSettlement:
    """One position that was paid out when its market was decided: the contracts of each side, and the payout in whole
    cents, what the exchange kept of it by rounding taken off."""

    subaccount: int
    ticker: str
    yes: Count
    no: Count
    revenue: Money
    settled_ms: int


@dataclass(frozen=True, slots=True)
class ExchangeBalance:
    """The cash of one subaccount that is free for new orders, over all shards (market_data.md 4)."""

    subaccount: int
    cash: Money


@dataclass(frozen=True, slots=True)
class ExchangeGroup:
    """One order group, the subaccount and the shard that it belongs to, and its limit, None where the exchange did not
    say."""

    group_id: str
    subaccount: int
    limit: Count | None = None
    exchange_index: int = 0


@dataclass(frozen=True, slots=True)
class DropCopy:
    """One complete reading of the exchange's record, never a part of one.

    It is no snapshot of one moment. Everything in it was so at some moment not before `as_of_ms`; orders were read
    before positions, and positions before fills. An order in `gone` was unknown to the exchange, now and in its
    history, at such a moment: that proves nothing about one made after `as_of_ms`. `started_ms` is when the reading
    began, by our own clock. `subaccounts` are those whose positions, balances and groups were read; a ticker without a
    position there has none. `settlements` were read after the fills, where there was reason to. `orders` are all that
    rest, in every subaccount that the key may see, and what was asked for beside; each order stands there once, in the
    latest state that was seen.
    """

    as_of_ms: int
    started_ms: int
    positions: tuple[ExchangePosition, ...]
    orders: tuple[ExchangeOrder, ...]
    gone: frozenset[str]
    fills: tuple[ExchangeFill, ...]
    balances: tuple[ExchangeBalance, ...]
    groups: tuple[ExchangeGroup, ...]
    subaccounts: tuple[int, ...]
    settlements: tuple[ExchangeSettlement, ...] = ()
