"""Seeded market makers that keep markets quoted on both sides, each market in its own manner.

Rule of this file: they trade through the exchange's own operations, from one account of theirs, and never take. What
they do depends only on what happened and when, never on how often somebody looked: they react to their own fills right
after whatever caused them, and take their steps at planned moments.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from pretrade.model.orders import NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice.core.events import Event, Filled, Lifecycle, MarketChanged
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import ONE, Market
from pretrade.practice.worlds import floor
from pretrade.practice.worlds.schema import MakerKeys

ACCOUNT = "maker"
_CASH = 10**15
_CHANCES = 1_000_000
_NEW_QUOTES = {Lifecycle.ACTIVATED, Lifecycle.PRICE_LEVEL_STRUCTURE_UPDATED}


@dataclass(slots=True)
class _Quoted:
    """A market that is quoted: in which manner, around which middle, and where that is drawn to."""

    manner: MakerKeys
    mid: int
    mean: int


class Makers:
    """The market makers of all markets; `manners` says for each market how it is quoted."""

    def __init__(self, exchange: Exchange, rng: random.Random, manners: Mapping[str, MakerKeys]) -> None:
        self._exchange = exchange
        self._rng = rng
        self._quoted = {
            ticker: _Quoted(manner, mid, manner.mean or mid)
            for ticker, manner in manners.items()
            if manner.kind != "none" and (mid := exchange.markets[ticker].market.opening_mid)
        }
        self._hits: dict[str, Side] = {}
        self._changed: dict[str, None] = {}
        if self._quoted:
            self._account = exchange.open_account(ACCOUNT, _CASH)
            for shard in sorted({exchange.markets[ticker].market.exchange_index for ticker in self._quoted} - {0}):
                self._account.deposit(0, shard, _CASH, exchange.clock())
            exchange.listeners.append(self._hear)

    def start(self) -> None:
        """Quote every open market, plan for those that open later, and plan the steps of those that walk."""
        now = self._exchange.clock()
        for ticker, quoted in self._quoted.items():
            opens = self._exchange.markets[ticker].market.open_us
            if opens > now:
                self._exchange.schedule(opens, partial(self._quote, ticker))
            else:
                self._quote(ticker)
            if quoted.manner.kind == "walk":
                self._exchange.schedule(max(opens, now) + quoted.manner.every, partial(self._walk, ticker))

    def react(self) -> None:
        """Quote anew where own quotes were hit or the market changed since the last call."""
        while self._hits or self._changed:
            hits, changed = self._hits, self._changed
            self._hits, self._changed = {}, {}
            for ticker, side in hits.items():
                if self._quoted[ticker].manner.kind == "reactive":
                    self._shift(ticker, 1 if side is Side.ASK else -1)
            for ticker in hits | changed:
                self._quote(ticker)

    def move(self, ticker: str, price: int) -> int:
        """Put a market's middle (and what it is drawn to) at a price and quote there; how many quotes stand then."""
        quoted = self._quoted.get(ticker)
        if quoted is None:
            return 0
        quoted.mid = quoted.mean = price
        self._quote(ticker)
        return len(self._account.resting.get((0, ticker), {}))

    def mid(self, ticker: str) -> int | None:
        """The middle of a market, None where nobody makes it."""
        quoted = self._quoted.get(ticker)
        return None if quoted is None else quoted.mid

    def _hear(self, event: Event) -> None:
        if isinstance(event, Filled) and event.fill.account == ACCOUNT:
            self._hits[event.fill.ticker] = event.fill.side
        elif isinstance(event, MarketChanged) and event.ticker in self._quoted and event.kind in _NEW_QUOTES:
            self._changed[event.ticker] = None
            # whoever changed the market may call nobody afterwards: a pause that ends by itself, a script
            self._exchange.schedule(self._exchange.clock(), self.react)

    def _walk(self, ticker: str) -> None:
        """One step by chance, then plan the next; the end of the market ends the walk."""
        if floor.has_ended(self._exchange, ticker):
            return
        quoted = self._quoted[ticker]
        self._exchange.schedule(self._exchange.clock() + quoted.manner.every, partial(self._walk, ticker))
        drawn, up = self._rng.randrange(_CHANCES) < quoted.manner.pull, self._rng.random() < 0.5
        if drawn and quoted.mid == quoted.mean:
            return
        self._shift(ticker, 1 if (quoted.mid < quoted.mean if drawn else up) else -1)
        self._quote(ticker)

    def _shift(self, ticker: str, ticks: int) -> None:
        """Move the middle, but never so near to the edge of the grid that a side could not be quoted."""
        market, quoted = self._exchange.markets[ticker].market, self._quoted[ticker]
        moved = floor.steps(market, floor.snapped(market, quoted.mid), ticks)
        if all(self._prices(market, quoted.manner, side, moved) for side in Side):
            quoted.mid = moved

    def _quote(self, ticker: str) -> None:
        """Have whole quotes at every wanted price and nowhere else; a level that would trade is left out."""
        if not floor.trades(self._exchange, ticker):
            return
        market, quoted = self._exchange.markets[ticker].market, self._quoted[ticker]
        mid = floor.snapped(market, quoted.mid)
        wanted = [(side, price) for side in Side for price in self._prices(market, quoted.manner, side, mid)]
        standing = {
            (order.side, order.price): order.order_id
            for order in self._account.resting.get((0, ticker), {}).values()
            if not order.filled and not self._is_full(ticker, quoted.manner, order.side)
        }
        kept = {order_id for place in wanted if (order_id := standing.get(place)) is not None}
        self._exchange.withdraw(self._account, ticker, kept)
        for side, price in wanted:
            if (side, price) not in standing:
                self._place(market, quoted.manner, side, price)

    def _prices(self, market: Market, manner: MakerKeys, side: Side, mid: int) -> list[int]:
        """The prices of a side, one tick apart, from `gap` ticks off the middle; fewer at the edge of the grid."""
        away = -1 if side is Side.BID else 1
        price = floor.steps(market, mid, away * manner.gap)
        prices: list[int] = []
        while 0 < price < ONE and len(prices) < manner.levels:
            if market.on_grid(price):
                prices.append(price)
            price = floor.steps(market, price, away)
        return prices

    def _place(self, market: Market, manner: MakerKeys, side: Side, price: int) -> None:
        if self._is_full(market.ticker, manner, side) or self._exchange.would_cross(market.ticker, side, price):
            return
        count = Count(100 * self._rng.randint(manner.smallest, manner.largest))
        order = NewOrder(
            ticker=market.ticker,
            side=side,
            count=count,
            price=Price(price),
            time_in_force=TimeInForce.GOOD_TILL_CANCELED,
            self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
            post_only=True,
        )
        self._exchange.create(self._account, order)

    def _is_full(self, ticker: str, manner: MakerKeys, side: Side) -> bool:
        """Whether the inventory is at its limit on this side."""
        if manner.inventory_limit is None:
            return False
        held = self._account.count_of((0, ticker))
        return (held if side is Side.BID else -held) >= manner.inventory_limit
