"""The ticker of each market: what it says now, and for which markets it says something new.

Rule of this file: a change is only noted when it happens; tickers are made when somebody is about to send, so that one
operation that changes a market many times makes one ticker.
"""

from collections import defaultdict
from typing import Any

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.core.book import Book
from pretrade.practice.core.events import BookChanged, Event, PositionChanged, Traded
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.records import Trade
from pretrade.practice.core.state import State
from pretrade.practice.stream.formats import market_id, rfc3339

type Json = dict[str, Any]

_DOLLAR = 1_000_000


class Tickers:
    """Watches all markets of an exchange."""

    def __init__(self, exchange: State) -> None:
        self._exchange = exchange
        self._changed: dict[str, int] = dict.fromkeys(exchange.markets, exchange.clock())
        self._said: dict[str, Json] = {}
        self._last_size: dict[str, int] = {}
        self._turnover: defaultdict[str, int] = defaultdict(int)
        for trade in exchange.trades:
            self._count(trade)

    def note(self, event: Event) -> bool:
        """Remember that a market may have a new ticker; whether it may."""
        match event:
            case Traded(trade):
                self._count(trade)
                self._changed[trade.ticker] = trade.at_us
            case BookChanged() | PositionChanged():
                self._changed[event.ticker] = event.at_us
            case _:
                return False
        return True

    def news(self) -> list[Json]:
        """The tickers in which a field other than the time has changed since the last call."""
        changed, self._changed = self._changed, {}
        found = []
        for ticker, at_us in changed.items():
            facts = self._facts(ticker)
            if self._said.get(ticker) != facts:
                self._said[ticker] = facts
                found.append(facts | _times(at_us))
        return found

    def current(self, ticker: str) -> Json:
        """The ticker of a market as it is now."""
        return self._facts(ticker) | _times(self._exchange.clock())

    def _count(self, trade: Trade) -> None:
        self._last_size[trade.ticker] = trade.count
        self._turnover[trade.ticker] += trade.price * trade.count

    def _facts(self, ticker: str) -> Json:
        """All fields but the times. An empty side is a bid of 0 or an ask of 1 with no size (market_data.md 2).

        A documented choice: `dollar_volume` is the sum of price x count of all trades and `dollar_open_interest` the
        last price x open interest, both cut to whole dollars.
        """
        state = self._exchange.markets[ticker]
        bid_price, bid_size = _best(state.book, Side.BID, 0)
        ask_price, ask_size = _best(state.book, Side.ASK, ONE)
        open_interest = state.open_interest
        return {
            "market_ticker": ticker,
            "market_id": market_id(ticker),
            "price_dollars": format_price(state.last_price),
            "yes_bid_dollars": format_price(bid_price),
            "yes_ask_dollars": format_price(ask_price),
            "yes_bid_size_fp": format_count(bid_size),
            "yes_ask_size_fp": format_count(ask_size),
            "last_trade_size_fp": format_count(self._last_size.get(ticker, 0)),
            "volume_fp": format_count(state.volume),
            "open_interest_fp": format_count(open_interest),
            "dollar_volume": self._turnover[ticker] // _DOLLAR,
            "dollar_open_interest": open_interest * state.last_price // _DOLLAR,
        }


def _best(book: Book, side: Side, when_empty: int) -> tuple[int, int]:
    best = next(book.side(side).best_first(), None)
    return (when_empty, 0) if best is None else (best[0], best[1].total)


def _times(at_us: int) -> Json:
    return {"ts": at_us // 1_000_000, "ts_ms": at_us // 1_000, "time": rfc3339(at_us)}
