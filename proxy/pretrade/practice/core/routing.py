"""Which shard a request goes to (orders.md 2, changes.md "Sharding in practice").

Rule of this file: from `exchange_index` and a ticker to one shard, nothing else. A shard that does not know the market
or the order answers 404, whatever exists elsewhere.
"""

from pretrade.practice.core.errors import bad_request, not_found
from pretrade.practice.core.state import State

AUTO = -1
"""What a client writes to demand routing by ticker."""

LAST = 100
"""The highest shard that may be named (SDK model of the intra-exchange transfer)."""

DEFAULT = 0
"""Where a request goes that names neither a shard nor a ticker."""


def for_ticker(state: State, ticker: str, index: int | None) -> int:
    """The shard of a create or amend: that of its market; an index that names another one is a 404."""
    shard = state.market(ticker).market.exchange_index
    if index not in {None, AUTO, shard}:
        raise not_found()
    return shard


def for_exit(state: State, ticker: str | None, index: int | None) -> int:
    """The shard of a cancel or decrease, whose path carries no ticker.

    A named shard counts first, then the market ticker; with neither it is shard 0. An index of -1 needs a ticker (400,
    choice), and an index that contradicts the ticker is a 404 (choice).
    """
    if ticker is not None:
        return for_ticker(state, ticker, index)
    if index == AUTO:
        raise bad_request("exchange_index -1 routes by ticker and needs market_ticker")
    shard = DEFAULT if index is None else index
    state.require_shard(shard)
    return shard
