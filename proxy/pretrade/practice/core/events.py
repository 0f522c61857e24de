"""What the exchange tells its listeners while it changes: the one source of everything the WebSocket says.

Rule of this file: facts only, told in the order in which they happened, after the change. An event that carries an
Order or a group carries the living record: read it at once, it goes on changing.

Of one trade they come in this order: Traded, BookChanged (the resting order's level), Filled and PositionChanged of the
taker, the same of the maker, OrderChanged of the maker, what order groups do; after an operation's last trade come the
BookChanged of what rests of the taker and, once, its OrderChanged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.orders import Side
from pretrade.practice.core.records import Fill, Order, OrderGroup, Trade


@dataclass(frozen=True, slots=True)
class BookChanged:
    """The count at a price of one side of a book changed by `delta` (0.01 contracts), because of `order`."""

    ticker: str
    side: Side
    price: int
    delta: int
    order: Order
    at_us: int


@dataclass(frozen=True, slots=True)
class Traded:
    """A public print."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class Filled:
    """One account's half of a trade, and its signed position afterwards (0.01 contracts)."""

    fill: Fill
    order: Order
    post_position: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was accepted, filled, amended, decreased or ended; `order.reason` says why."""

    order: Order


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position, its cost or its realised profit changed, or it was settled: `account.position(key)` has it."""

    account: str
    subaccount: int
    ticker: str
    at_us: int


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Cash came to a purse or left it otherwise than by trading: a deposit, a withdrawal, a transfer."""

    account: str
    subaccount: int
    shard: int
    at_us: int


class Lifecycle(StrEnum):
    """What can happen to a market as a whole, in the words of channel market_lifecycle_v2 (market_data.md 8)."""

    CREATED = "created"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    CLOSE_DATE_UPDATED = "close_date_updated"
    DETERMINED = "determined"
    SETTLED = "settled"
    PRICE_LEVEL_STRUCTURE_UPDATED = "price_level_structure_updated"
    METADATA_UPDATED = "metadata_updated"


@dataclass(frozen=True, slots=True)
class MarketChanged:
    """A market was opened, paused, moved, determined, settled or given another price grid."""

    ticker: str
    kind: Lifecycle
    at_us: int


@dataclass(frozen=True, slots=True)
class EventFeeChanged:
    """An event got another fee type or multiplier than its series, or the series' own again."""

    event_ticker: str
    at_us: int


class GroupKind(StrEnum):
    """What can happen to an order group, in the words of channel order_group_updates."""

    CREATED = "created"
    TRIGGERED = "triggered"
    RESET = "reset"
    DELETED = "deleted"
    LIMIT_UPDATED = "limit_updated"


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """An order group changed."""

    group: OrderGroup
    kind: GroupKind
    at_us: int


type Event = (
    BookChanged
    | Traded
    | Filled
    | OrderChanged
    | PositionChanged
    | CashMoved
    | MarketChanged
    | EventFeeChanged
    | GroupChanged
)
type Listener = Callable[[Event], None]
