"""What the exchange holds in memory: markets with their books, accounts, orders, fills, trades, switches.

Rule of this file: lookups and identities only; the rules of admission are in `admission`, what changes things is in
`exchange`. The clock (microseconds since 1970) and the randomness are given, so that a run can be repeated exactly.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from pretrade.practice.accounts import Account
from pretrade.practice.book import Book
from pretrade.practice.errors import ExchangeError, not_found
from pretrade.practice.instruments import Event, Market, Series
from pretrade.practice.records import Fill, Order, Trade

type Clock = Callable[[], int]
"""Microseconds since 1970."""


class MarketStatus:
    """Market states of the exchange that this one uses (market_data.md 3)."""

    INITIALIZED = "initialized"
    INACTIVE = "inactive"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class World:
    """What there is to trade at the start."""

    series: tuple[Series, ...]
    events: tuple[Event, ...]
    markets: tuple[Market, ...]


@dataclass(slots=True)
class MarketState:
    """A market while it trades. `paused` makes it inactive until somebody opens it again."""

    market: Market
    book: Book = field(default_factory=Book)
    last_price: int = 0
    previous_price: int = 0
    volume: int = 0
    paused: bool = False
    updated_us: int = 0

    def status(self, now_us: int) -> str:
        """The status at a moment: closing is a matter of time, nobody has to do it."""
        if now_us < self.market.open_us:
            return MarketStatus.INITIALIZED
        if now_us >= self.market.close_us:
            return MarketStatus.CLOSED
        return MarketStatus.INACTIVE if self.paused else MarketStatus.ACTIVE


class State:
    """Everything the exchange knows."""

    def __init__(self, world: World, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self.series = {series.ticker: series for series in world.series}
        self.events = {event.ticker: event for event in world.events}
        self.markets = {market.ticker: MarketState(market, updated_us=market.open_us) for market in world.markets}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.expiring: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.fees_collected = 0
        self.exchange_active = True
        self.trading_active = True
        self._rng = rng

    def new_id(self) -> str:
        """A fresh identifier in the form of a UUID."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def open_account(self, name: str, cash: int) -> Account:
        """The account of this name, opened with this cash if it is new."""
        if name not in self.accounts:
            self.accounts[name] = Account(name, self.new_id(), cash)
        return self.accounts[name]

    def market(self, ticker: str) -> MarketState:
        """The market of a ticker. Raises the exchange's 404."""
        if ticker not in self.markets:
            raise not_found()
        return self.markets[ticker]

    def multiplier(self, market: Market) -> int:
        """The fee multiplier of a market's series, in hundredths."""
        return self.series[self.events[market.event_ticker].series_ticker].fee_multiplier

    def markets_of(self, event_ticker: str) -> list[MarketState]:
        """The markets of one event, in the world's order."""
        return [state for state in self.markets.values() if state.market.event_ticker == event_ticker]

    def own_order(self, account: str, order_id: str, subaccount: int | None) -> Order:
        """An order of this account (and of this subaccount, unless that is None). Raises the exchange's 404."""
        order = self.orders.get(order_id)
        if order is None or order.account != account or subaccount not in {None, order.subaccount}:
            raise not_found()
        return order

    def open_interest(self, ticker: str) -> int:
        """Contracts outstanding: the sum of all YES positions, which equals that of all NO positions."""
        counts = (p.count for a in self.accounts.values() for (_, t), p in a.positions.items() if t == ticker)
        return sum(count for count in counts if count > 0)

    def require_exchange(self) -> None:
        """Refuse while the whole exchange is paused: nothing changes then, cancels included (market_data.md 7)."""
        if not self.exchange_active:
            raise ExchangeError(409, "exchange_is_paused")

    def require_trading(self) -> None:
        """Refuse places and amends while trading is paused (orders.md 7, market_data.md 7)."""
        self.require_exchange()
        if not self.trading_active:
            raise ExchangeError(409, "trading_is_paused")
