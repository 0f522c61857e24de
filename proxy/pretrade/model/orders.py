"""What a client can ask for: every write, as one frozen value in the field's own words.

Rule of this file: one word inside for direction, the YES leg (`bid` or `ask`); only `kalshi` knows other spellings.
What is not a field here cannot be sent.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.units import Count, Price


class Side(StrEnum):
    """The YES leg of the single book: a bid buys YES, an ask sells YES (which is the same as buying NO at 1 - p)."""

    BID = "bid"
    ASK = "ask"


class TimeInForce(StrEnum):
    """How long an order may rest (orders.md 2)."""

    GOOD_TILL_CANCELED = "good_till_canceled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"


class SelfTradePrevention(StrEnum):
    """What happens when an order would meet one of the same account (orders.md 2, 11)."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """One order to create. `subaccount` and `client_order_id` are None only before the gate has written them in."""

    ticker: str
    side: Side
    count: Count
    price: Price
    time_in_force: TimeInForce
    self_trade_prevention_type: SelfTradePrevention
    client_order_id: str | None = None
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    subaccount: int | None = None
    order_group_id: str | None = None
    exchange_index: int | None = None


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """Create one order."""

    order: NewOrder


@dataclass(frozen=True, slots=True)
class CreateBatch:
    """Create several orders; we approve all of them or none."""

    orders: tuple[NewOrder, ...]


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Change price, total or expiry of a resting order. `count` is the new total, what has filled already included
    (orders.md 4); an amend may cross and fill at once, so it is judged like a new order of `count` at `price`."""

    order_id: str
    ticker: str
    side: Side
    price: Price
    count: Count
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    expiration_time: int | None = None
    exchange_index: int | None = None
    subaccount: int | None = None


@dataclass(frozen=True, slots=True)
class DecreaseOrder:
    """Make a resting order smaller: exactly one of `reduce_by` and `reduce_to` (which may be zero) is set."""

    order_id: str
    reduce_by: Count | None = None
    reduce_to: Count | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None
    subaccount: int | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one resting order."""

    order_id: str
    exchange_index: int | None = None
    market_ticker: str | None = None
    subaccount: int | None = None


@dataclass(frozen=True, slots=True)
class CancelBatch:
    """Cancel several resting orders by id."""

    orders: tuple[CancelOrder, ...]


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every resting order of one subaccount on every shard. The gate writes the subaccount in, because the
    exchange reads a missing number as all of them (orders.md 6)."""

    subaccount: int | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw one's own RFQ or quote: the catalogue's path and the values of its braces, in order."""

    template: str
    names: tuple[str, ...]


type Create = CreateOrder | CreateBatch
type Exit = DecreaseOrder | CancelOrder | CancelBatch | CancelAll | Withdraw
type Write = Create | AmendOrder | Exit


def orders_of(write: Write) -> tuple[NewOrder, ...]:
    """The orders that a write would create, one by one; none for anything but a create."""
    if isinstance(write, CreateOrder):
        return (write.order,)
    if isinstance(write, CreateBatch):
        return write.orders
    return ()


def is_exit(write: Write) -> bool:
    """Whether a write can only lower what is at risk: cancels, decreases and withdrawals, never an amend."""
    return isinstance(write, DecreaseOrder | CancelOrder | CancelBatch | CancelAll | Withdraw)
