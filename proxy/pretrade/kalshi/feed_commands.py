"""What our own stream says to the exchange: the few commands, each written out in full (market_data.md 8).

Rule of this file: pure text, and no command that trades: there is none. Markets are named by plain tickers only.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum

BOOKS, TRADES, LIFECYCLE = "orderbook_delta", "trade", "market_lifecycle_v2"
ACCOUNT = ("fill", "user_orders", "market_positions")
"""The private channels: whatever they tell, the account is not any more as it was."""
GROUPS = ("order_group_updates",)
"""What becomes of order groups: private as well, and only asked for where the proxy makes some."""


class Change(StrEnum):
    """What an update does to the markets of a subscription."""

    ADD = "add_markets"
    DELETE = "delete_markets"
    SNAPSHOT = "get_snapshot"


def subscribe(command_id: int, channels: Sequence[str], tickers: Iterable[str] = ()) -> str:
    """Subscribe to channels, of these markets or of all.

    `use_yes_price` is always said, because what holds without it is about to change: both sides of a book then come in
    YES dollars, which is what it will be.
    """
    params: dict[str, object] = {"channels": list(channels)}
    if markets := list(tickers):
        params |= {"market_tickers": markets}
    if BOOKS in channels:
        params |= {"use_yes_price": True}
    return _text(command_id, "subscribe", params)


def unsubscribe(command_id: int, sid: int) -> str:
    """End a subscription."""
    return _text(command_id, "unsubscribe", {"sids": [sid]})


def update(command_id: int, sid: int, change: Change, tickers: Iterable[str]) -> str:
    """Change the markets of a subscription, or have their books told anew."""
    params: dict[str, object] = {"sid": sid, "action": str(change), "market_tickers": list(tickers)}
    return _text(command_id, "update_subscription", params)


def list_subscriptions(command_id: int) -> str:
    """Ask which subscriptions there are: the answer stands in one row with all that was told before it."""
    return json.dumps({"id": command_id, "cmd": "list_subscriptions"}, separators=(",", ":"))


def _text(command_id: int, cmd: str, params: dict[str, object]) -> str:
    return json.dumps({"id": command_id, "cmd": cmd, "params": params}, separators=(",", ":"))
