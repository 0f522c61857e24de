"""What the exchange holds in memory: markets with their books, accounts, orders, fills, trades, groups, switches.

Rule of this file: lookups, identities and time; the rules of admission are in `admission`, what changes things is in
`exchange` and the files it calls. The clock (microseconds since 1970) and the randomness are given, so that a run can
be repeated exactly.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pretrade.model.markets import MarketStatus
from pretrade.practice.core.accounts import PRIMARY, Account
from pretrade.practice.core.book import Book
from pretrade.practice.core.errors import ExchangeError, not_found
from pretrade.practice.core.events import CashMoved, Listener
from pretrade.practice.core.events import Event as Happening
from pretrade.practice.core.instruments import Event, Market, Series
from pretrade.practice.core.records import Fill, Order, OrderGroup, Trade
from pretrade.practice.core.statements import FeeChange, Outcome
from pretrade.practice.core.timetable import Timetable

type Clock = Callable[[], int]
"""Microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class World:
    """What there is to trade at the start."""

    series: tuple[Series, ...]
    events: tuple[Event, ...]
    markets: tuple[Market, ...]


@dataclass(slots=True)
class MarketState:
    """A market while it trades.

    `market` is replaced when its close or its price structure moves; `paused` makes it inactive until somebody opens it
    again; `open_interest` is the sum of all YES positions, which equals that of all NO positions; `verdict` is the
    status from its determination on (None before), `outcome` what was determined.
    """

    market: Market
    book: Book = field(default_factory=Book)
    trades: list[Trade] = field(default_factory=list)
    last_price: int = 0
    volume: int = 0
    paused: bool = False
    updated_us: int = 0
    open_interest: int = 0
    outcome: Outcome | None = None
    verdict: MarketStatus | None = None
    settled_us: int | None = None

    def status(self, now_us: int) -> MarketStatus:
        """The status at a moment: closing is a matter of time, nobody has to do it."""
        if self.verdict:
            return self.verdict
        if now_us >= self.market.close_us:
            return MarketStatus.CLOSED
        if now_us < self.market.open_us:
            return MarketStatus.INITIALIZED
        return MarketStatus.INACTIVE if self.paused else MarketStatus.ACTIVE


@dataclass(slots=True)
class Switches:
    """Whether anything may change (`exchange`) and whether orders may be placed and amended (`trading`)."""

    exchange: bool = True
    trading: bool = True


class State:
    """Everything the exchange knows."""

    def __init__(self, world: World, clock: Clock, rng: random.Random) -> None:
        self.series = {series.ticker: series for series in world.series}
        self.events = {event.ticker: event for event in world.events}
        self.markets = {market.ticker: MarketState(market) for market in world.markets}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.fees_collected = 0
        self.switches = Switches()
        self.shard_switches = {shard: Switches() for shard in sorted({0} | {m.exchange_index for m in world.markets})}
        self.groups: dict[str, dict[str, OrderGroup]] = {}
        self.listeners: list[Listener] = []
        self.fee_changes: list[FeeChange] = []
        self._timetable = Timetable()
        self._clock = clock
        self._moment: int | None = None
        self._rng = rng

    def clock(self) -> int:
        """The moment at which things happen: now, or while something due is carried out, when it was due."""
        return self._clock() if self._moment is None else self._moment

    def schedule(self, at_us: int, act: Callable[[], object]) -> None:
        """Have `act` called by `advance` once time has come to `at_us`. What may be off by then, `act` has to see."""
        self._timetable.add(at_us, act)

    def advance(self) -> None:
        """Do everything that is due by the clock, in due order, each as of its due moment, however late this is called.

        Every operation calls this first, so that nothing ever meets an order that should be gone.
        """
        if self._moment is not None:
            return
        now = self._clock()
        try:
            while (due := self._timetable.take(now)) is not None:
                # what an earlier act planned for the past happens after that act, not before it
                self._moment = max(due[0], self._moment or due[0])
                due[1]()
        finally:
            self._moment = None

    def next_due_us(self) -> int | None:
        """When the next thing is due, None when nothing is planned."""
        return self._timetable.next_us()

    def tell(self, event: Happening) -> None:
        """Tell every listener what just happened."""
        for listener in self.listeners:
            listener(event)

    def new_id(self) -> str:
        """A fresh identifier in the form of a random UUID (version 4)."""
        digits = f"{self._rng.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def open_account(self, name: str, cash: int) -> Account:
        """The account of this name, opened with this cash in its primary subaccount on shard 0 if it is new."""
        if name not in self.accounts:
            self.accounts[name] = Account(name, self.new_id())
            self.put_cash(self.accounts[name], PRIMARY, 0, cash)
        return self.accounts[name]

    def put_cash(self, account: Account, subaccount: int, shard: int, money: int) -> None:
        """Put money into a purse, or take it out when negative, and tell it; the caller has checked it."""
        now = self.clock()
        account.deposit(subaccount, shard, money, now)
        self.tell(CashMoved(account.name, subaccount, shard, now))

    def market(self, ticker: str) -> MarketState:
        """The market of a ticker. Raises the exchange's 404."""
        if ticker not in self.markets:
            raise not_found()
        return self.markets[ticker]

    def markets_of(self, event_ticker: str) -> list[MarketState]:
        """The markets of one event, in the world's order."""
        return [state for state in self.markets.values() if state.market.event_ticker == event_ticker]

    def own_order(self, account: str, order_id: str, subaccount: int | None, shard: int | None = None) -> Order:
        """An order of this account, of this subaccount and on this shard; None for any. Raises the exchange's 404."""
        order = self.orders.get(order_id)
        if order is None or order.account != account:
            raise not_found()
        if subaccount not in {None, order.subaccount} or shard not in {None, order.exchange_index}:
            raise not_found()
        return order

    def group_of(self, order: Order) -> OrderGroup | None:
        """The group an order belongs to, None for none and for one that has been deleted."""
        if order.order_group_id is None:
            return None
        return self.groups.get(order.account, {}).get(order.order_group_id)

    def open_interest(self, ticker: str) -> int:
        """Contracts outstanding in a market, in 0.01 contracts."""
        return self.markets[ticker].open_interest

    @property
    def exchange_active(self) -> bool:
        """Whether the exchange as a whole takes any change."""
        return self.switches.exchange

    @property
    def trading_active(self) -> bool:
        """Whether trading is on for the exchange as a whole; nothing trades unless `exchange_active` is on as well."""
        return self.switches.trading

    def switches_of(self, shard: int) -> Switches:
        """What is on at a shard: its own switches, and those of the whole exchange."""
        own = self.shard_switches[shard]
        exchange = own.exchange and self.switches.exchange
        return Switches(exchange, exchange and own.trading and self.switches.trading)

    def require_shard(self, shard: int) -> None:
        """Raise the exchange's 404 for a shard that does not exist."""
        if shard not in self.shard_switches:
            raise not_found()

    def require_exchange(self, shard: int | None = None) -> None:
        """Refuse while the exchange (or the shard) is paused: not even cancels pass then (market_data.md 7)."""
        switches = self.switches if shard is None else self.switches_of(shard)
        if not switches.exchange:
            raise ExchangeError(409, "exchange_is_paused")

    def require_trading(self, shard: int | None = None) -> None:
        """Refuse places and amends while trading (on the shard) is paused (orders.md 7, market_data.md 7)."""
        self.require_exchange(shard)
        switches = self.switches if shard is None else self.switches_of(shard)
        if not switches.trading:
            raise ExchangeError(409, "trading_is_paused")
