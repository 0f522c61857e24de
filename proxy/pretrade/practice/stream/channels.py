"""The channels as a table: who may hear what, which markets can be picked, what an update may do.

Rule of this file: data only, from the exchange's asyncapi and market_data.md 8. `communications`, the two CF Benchmarks
feeds, `pyth_value` and `multivariate_market_lifecycle` can be subscribed to and updated but stay silent: there are no
quotes, outside prices or combos here.
"""

from dataclasses import dataclass, field
from enum import Enum


class Markets(Enum):
    """What a channel does with `market_ticker(s)` and `market_id(s)`."""

    REQUIRED = "required"
    """Tickers must be given, ids are not understood."""
    TICKERS = "tickers"
    """Tickers may be given; without them the subscription hears of every market."""
    TICKERS_OR_IDS = "tickers or ids"
    """As TICKERS, and ids are understood too."""
    IGNORED = "ignored"
    """The channel hears everything, whatever is picked."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A channel of outside prices: the field of its ids, its actions, and the error for an update without ids."""

    field: str
    subscribe: str
    unsubscribe: str
    listing: str
    list_type: str
    missing: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `actions` are those of update_subscription; a feed has its own."""

    name: str
    markets: Markets
    actions: frozenset[str] = field(default_factory=frozenset)
    numbered: bool = False
    """Whether its messages carry `seq`; answers about a subscription always do."""
    feed: Feed | None = None


ADD, DELETE, SNAPSHOT = "add_markets", "delete_markets", "get_snapshot"
_CHANGES = frozenset({ADD, DELETE})

_CF = Feed(
    "index_ids", "subscribe_indices", "unsubscribe_indices", "indexlist", "cfbenchmarks_value_indexlist", missing=24
)
_CF_5HZ = Feed(
    "index_ids", "subscribe_indices", "unsubscribe_indices", "indexlist", "cfbenchmarks_value_5hz_indexlist", missing=24
)
_PYTH = Feed(
    "underlying_tickers",
    "subscribe_underlyings",
    "unsubscribe_underlyings",
    "underlying_list",
    "pyth_value_underlying_list",
    missing=28,
)

ORDERBOOK, TICKER, TRADE = "orderbook_delta", "ticker", "trade"
FILL, USER_ORDERS, POSITIONS, GROUPS = "fill", "user_orders", "market_positions", "order_group_updates"
LIFECYCLE, COMMUNICATIONS = "market_lifecycle_v2", "communications"

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel(ORDERBOOK, Markets.REQUIRED, _CHANGES | {SNAPSHOT}, numbered=True),
        Channel(TICKER, Markets.TICKERS_OR_IDS, _CHANGES),
        Channel(TRADE, Markets.TICKERS_OR_IDS, _CHANGES, numbered=True),
        Channel(FILL, Markets.TICKERS, _CHANGES),
        Channel(POSITIONS, Markets.TICKERS, _CHANGES),
        Channel(USER_ORDERS, Markets.TICKERS, _CHANGES),
        Channel(GROUPS, Markets.IGNORED, numbered=True),
        Channel(LIFECYCLE, Markets.IGNORED, numbered=True),
        Channel("multivariate_market_lifecycle", Markets.IGNORED, numbered=True),
        Channel(COMMUNICATIONS, Markets.IGNORED, numbered=True),
        Channel("cfbenchmarks_value", Markets.IGNORED, numbered=True, feed=_CF),
        Channel("cfbenchmarks_value_5hz", Markets.IGNORED, numbered=True, feed=_CF_5HZ),
        Channel("pyth_value", Markets.IGNORED, numbered=True, feed=_PYTH),
    )
}
