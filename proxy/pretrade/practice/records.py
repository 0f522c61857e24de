"""What the exchange keeps about orders, fills and trades.

Rule of this file: plain records in the exact units of `model.units`; only `exchange` changes an Order.
"""

from dataclasses import dataclass
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
    """One order from creation to its end; `initial` is the total it may fill, costs and fees are money."""

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
