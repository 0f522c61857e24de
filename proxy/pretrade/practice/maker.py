"""A seeded market maker that keeps every market quoted on both sides.

Rule of this file: it trades through the exchange's own operations, from an account of its own, and never takes.
After its quotes were hit it moves its middle one tick the way the taker went and quotes anew, so prices react to
trading and stand still otherwise.
"""

import random

from pretrade.model.orders import NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice.exchange import Exchange
from pretrade.practice.instruments import ONE, Market
from pretrade.practice.state import MarketStatus

ACCOUNT = "maker"
_CASH = 10**15
_LEVELS = 5
_SMALLEST, _LARGEST = 50, 300


class MarketMaker:
    """Quotes `_LEVELS` levels a side around a middle of its own in every active market."""

    def __init__(self, exchange: Exchange, rng: random.Random) -> None:
        self._exchange = exchange
        self._rng = rng
        self._account = exchange.open_account(ACCOUNT, _CASH)
        self._seen_fills = 0
        self._mids = {ticker: state.market.opening_mid for ticker, state in exchange.markets.items()}

    def start(self) -> None:
        """Quote every market for the first time."""
        for ticker in self._mids:
            self._quote(ticker)

    def react(self) -> None:
        """Take note of own fills since the last call, and quote anew where there were any."""
        hit: dict[str, Side] = {}
        for fill in self._exchange.fills[self._seen_fills :]:
            if fill.account == ACCOUNT:
                hit[fill.ticker] = fill.side
        self._seen_fills = len(self._exchange.fills)
        for ticker, side in hit.items():
            self._mids[ticker] = self._moved(ticker, side)
            self._quote(ticker)

    def _moved(self, ticker: str, own_side: Side) -> int:
        """One tick up after having sold, one down after having bought, never to the edge of the grid."""
        market, mid = self._exchange.markets[ticker].market, self._mids[ticker]
        moved = market.tick_above(mid) if own_side is Side.ASK else market.tick_below(mid)
        return moved if self._prices(market, Side.BID, moved) and self._prices(market, Side.ASK, moved) else mid

    def _quote(self, ticker: str) -> None:
        """Replace all quotes of a market; a level that would trade is left out."""
        if self._exchange.markets[ticker].status(self._exchange.clock()) != MarketStatus.ACTIVE:
            return
        self._exchange.withdraw(self._account, ticker)
        market = self._exchange.markets[ticker].market
        for side in Side:
            for price in self._prices(market, side, self._mids[ticker]):
                self._place(ticker, side, price)

    def _prices(self, market: Market, side: Side, mid: int) -> list[int]:
        """Up to `_LEVELS` prices one tick apart, starting one tick from the middle."""
        step = market.tick_below if side is Side.BID else market.tick_above
        prices: list[int] = []
        price = step(mid)
        while 0 < price < ONE and len(prices) < _LEVELS:
            prices.append(price)
            price = step(price)
        return prices

    def _place(self, ticker: str, side: Side, price: int) -> None:
        count = Count(100 * self._rng.randint(_SMALLEST, _LARGEST))
        order = NewOrder(
            ticker=ticker,
            side=side,
            count=count,
            price=Price(price),
            time_in_force=TimeInForce.GOOD_TILL_CANCELED,
            self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
            post_only=True,
        )
        if not self._exchange.would_cross(ticker, side, price):
            self._exchange.create(self._account, order)
