"""What a client can ask for: every write, as one frozen value in the field's own words.

Rule of this file: one word inside for direction, the YES leg (`bid` or `ask`); only `kalshi` knows other spellings.
What is not a field here cannot be sent.
"""

from enum import StrEnum
from typing import NamedTuple

from pretrade.model.frozen import frozen
from pretrade.model.groups import GroupWrite
from pretrade.model.units import Count, Price


class Side(StrEnum):
    """The YES leg of the single book: a bid buys YES, an ask sells YES (which is the same as buying NO at 1 - p)."""

    BID = "bid"
    ASK = "ask"

    __hash__ = str.__hash__  # an Enum's own is a call into Python, and much is looked up by the side


class TimeInForce(StrEnum):
    """How long an order may rest (orders.md 2)."""

    GOOD_TILL_CANCELED = "good_till_canceled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"


class SelfTradePrevention(StrEnum):
    """What happens when an order would meet one of the same account (orders.md 2, 11)."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"


@frozen
class NewOrder:
    """One order to create. `subaccount` and `client_order_id` are None only before the gate has written them in;
    `cancel_order_on_pause` is None where the client left it out, which the exchange reads as false."""

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
    cancel_order_on_pause: bool | None = None
    subaccount: int | None = None
    order_group_id: str | None = None
    exchange_index: int | None = None


class Flags(NamedTuple):
    """What an order was placed with and no amend can change, and until when it rests: in Unix seconds, zero for as long
    as the market is open, None where nobody here knows. The names are those of NewOrder."""

    post_only: bool
    reduce_only: bool
    self_trade_prevention_type: str
    cancel_order_on_pause: bool
    rests_until: int | None

    def amending(self, stated: int | None) -> "Flags":
        """While an amend that states this end is under way: the later of both."""
        if stated is None or self.rests_until is None:
            return self
        return self._replace(rests_until=stated and self.rests_until and max(stated, self.rests_until))

    def amended(self, stated: int | None) -> "Flags":
        """Once the exchange has taken that amend; one that says nothing of an end keeps it (orders.md 4)."""
        return self if stated is None else self._replace(rests_until=stated)


UNKNOWN_FLAGS = Flags(
    post_only=False,
    reduce_only=False,
    self_trade_prevention_type="not known",
    cancel_order_on_pause=False,
    rests_until=None,
)
"""Those of an order that has no row of ours, or one of before they were kept: nothing that a policy asks for."""


def flags_of(new: NewOrder) -> Flags:
    """What an order is placed with."""
    return Flags(
        new.post_only,
        new.reduce_only,
        new.self_trade_prevention_type,
        bool(new.cancel_order_on_pause),
        new.expiration_time or 0,
    )


@frozen
class CreateOrder:
    """Create one order."""

    order: NewOrder


@frozen
class CreateBatch:
    """Create several orders; we approve all of them or none."""

    orders: tuple[NewOrder, ...]


@frozen
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


@frozen
class DecreaseOrder:
    """Make a resting order smaller: exactly one of `reduce_by` and `reduce_to` (which may be zero) is set."""

    order_id: str
    reduce_by: Count | None = None
    reduce_to: Count | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None
    subaccount: int | None = None


@frozen
class CancelOrder:
    """Cancel one resting order."""

    order_id: str
    exchange_index: int | None = None
    market_ticker: str | None = None
    subaccount: int | None = None


@frozen
class CancelBatch:
    """Cancel several resting orders by id."""

    orders: tuple[CancelOrder, ...]


@frozen
class CancelAll:
    """Cancel every resting order of one subaccount on every shard. The gate writes the subaccount in, because the
    exchange reads a missing number as all of them (orders.md 6)."""

    subaccount: int | None = None


@frozen
class Withdraw:
    """Withdraw one's own RFQ or quote: the catalogue's path and the values of its braces, in order."""

    template: str
    names: tuple[str, ...]


type Create = CreateOrder | CreateBatch
type Exit = DecreaseOrder | CancelOrder | CancelBatch | CancelAll | Withdraw
type Write = Create | AmendOrder | Exit | GroupWrite

_EXITS = frozenset({DecreaseOrder, CancelOrder, CancelBatch, CancelAll, Withdraw})
"""None of them has a kind below it, so that its type says what a write is: six times as fast as `isinstance`."""


def orders_of(write: Write) -> tuple[NewOrder, ...]:
    """The orders that a write would create, one by one; none for anything but a create."""
    if isinstance(write, CreateOrder):
        return (write.order,)
    if isinstance(write, CreateBatch):
        return write.orders
    return ()


def tickers_of(write: Write) -> tuple[str, ...]:
    """The markets in which a write can trade, each once, in its order."""
    if isinstance(write, CreateOrder):
        return (write.order.ticker,)
    if isinstance(write, AmendOrder):
        return (write.ticker,)
    return tuple(dict.fromkeys([order.ticker for order in orders_of(write)]))


def is_exit(write: Write) -> bool:
    """Whether a write can only lower what is at risk: cancels, decreases and withdrawals, never an amend."""
    return type(write) in _EXITS
