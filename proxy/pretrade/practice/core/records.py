"""What the exchange keeps about orders, fills and trades.

Rule of this file: plain records in the exact units of `model.units`; only the exchange's own operations change an Order
(`exchange`, `matching`, and `clearing` for what a fill does to it).
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from pretrade.model.orders import SelfTradePrevention, Side, TimeInForce


class OrderStatus(StrEnum):
    """The whole set since November 2025 (sim_semantics.md 3)."""

    RESTING = "resting"
    CANCELED = "canceled"
    EXECUTED = "executed"


type Key = tuple[int, str]
"""A subaccount's number and a market's ticker: what one signed position belongs to."""


@dataclass(slots=True)
class Order:
    """One order from creation to its end; costs and fees are money.

    `initial` is the total asked for by the create or the last amend; a decrease leaves it (choice), so `filled` +
    `remaining` may be less. `reason` is the exchange's last_update_reason, "" for a create and for an owner's cancel.
    `fee_reserve` is the money set aside for the fees of a resting order's fills, `rounding` the rounding fees that have
    accumulated towards a rebate (both are `clearing`'s).
    """

    order_id: str
    account: str
    subaccount: int
    client_order_id: str
    ticker: str
    side: Side
    price: int
    initial: int
    remaining: int
    time_in_force: TimeInForce
    stp: SelfTradePrevention
    created_us: int
    updated_us: int
    post_only: bool = False
    cancel_order_on_pause: bool = False
    expiration_time: int | None = None
    filled: int = 0
    status: OrderStatus = OrderStatus.RESTING
    reason: str = ""
    taker_cost: int = 0
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    fee_reserve: int = 0
    rounding: int = 0
    order_group_id: str | None = None
    exchange_index: int = 0

    @property
    def key(self) -> Key:
        """Where its position is kept."""
        return (self.subaccount, self.ticker)


@dataclass(frozen=True, slots=True)
class Fill:
    """One side's half of a trade: count at price (in YES terms), fee as money."""

    fill_id: str
    trade_id: str
    order_id: str
    account: str
    subaccount: int
    ticker: str
    side: Side
    price: int
    count: int
    is_taker: bool
    fee: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Trade:
    """A public print: the price is the resting order's."""

    trade_id: str
    ticker: str
    price: int
    count: int
    taker_side: Side
    at_us: int


@dataclass(slots=True)
class OrderGroup:
    """Orders that stop together: once more than `limit` matched within 15 s, all are canceled until a reset.

    `matched` holds the moments (microseconds) and counts of recent matches, `recent` is the sum of those counts,
    `orders` what rests (orders.md 15).
    """

    group_id: str
    account: str
    subaccount: int
    exchange_index: int
    limit: int
    created_us: int
    updated_us: int
    triggered: bool = False
    matched: deque[tuple[int, int]] = field(default_factory=deque)
    recent: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
