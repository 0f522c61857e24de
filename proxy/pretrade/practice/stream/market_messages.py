"""The public messages about trading: order book, trades and tickers.

Rule of this file: facts in, the `msg` of a message out, nothing else (market_data.md 8, asyncapi). Prices have 4
decimals, counts 2, all of them text.
"""

from typing import Any

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.core.book import Book
from pretrade.practice.core.events import BookChanged
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.records import Trade
from pretrade.practice.stream.formats import market_id, rfc3339

type Json = dict[str, Any]


def snapshot(ticker: str, book: Book, *, use_yes_price: bool) -> Json:
    """A whole book, each side with its best level last; the key of an empty side is absent.

    So says the asyncapi; kalshi-sdk 22.4 wants both keys and skips the snapshot of a one-sided book.
    A documented choice: with `use_yes_price` the no side keeps its order of levels, so its prices run downwards.
    """
    body: Json = {"market_ticker": ticker, "market_id": market_id(ticker)}
    for side, key in ((Side.BID, "yes_dollars_fp"), (Side.ASK, "no_dollars_fp")):
        levels = [
            [format_price(_shown(side, price, use_yes_price=use_yes_price)), format_count(count)]
            for price, count in reversed(book.depth(side))
        ]
        if levels:
            body[key] = levels
    return body


def delta(event: BookChanged, *, use_yes_price: bool, own: bool) -> Json:
    """One level's change. Who caused it, and nobody else, sees the client_order_id and subaccount of the order.

    A documented choice: `subaccount` is there for subaccount 0 too; a client_order_id that was never given is absent.
    """
    body: Json = {
        "market_ticker": event.ticker,
        "market_id": market_id(event.ticker),
        "price_dollars": format_price(_shown(event.side, event.price, use_yes_price=use_yes_price)),
        "delta_fp": format_count(event.delta),
        "side": "yes" if event.side is Side.BID else "no",
        "ts": rfc3339(event.at_us),
        "ts_ms": event.at_us // 1_000,
    }
    if own:
        body["subaccount"] = event.order.subaccount
        if event.order.client_order_id:
            body["client_order_id"] = event.order.client_order_id
    return body


def trade(printed: Trade) -> Json:
    """A public print."""
    outcome = "yes" if printed.taker_side is Side.BID else "no"
    return {
        "trade_id": printed.trade_id,
        "market_ticker": printed.ticker,
        "yes_price_dollars": format_price(printed.price),
        "no_price_dollars": format_price(ONE - printed.price),
        "count_fp": format_count(printed.count),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": str(printed.taker_side),
        "is_block_trade": False,
        "ts": printed.at_us // 1_000_000,
        "ts_ms": printed.at_us // 1_000,
    }


def _shown(side: Side, price: int, *, use_yes_price: bool) -> int:
    """The price of a level: the no side in NO dollars, unless the subscription asked for YES dollars."""
    return price if side is Side.BID or use_yes_price else ONE - price
