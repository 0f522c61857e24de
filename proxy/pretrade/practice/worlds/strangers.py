"""Strangers: seeded traders who take the best price now and then, so that there are trades nobody here asked for.

Rule of this file: immediate-or-cancel at the best price of the other side, from one account; each market has its own
rhythm, and every order is planned when the one before it is done.
"""

import random
from collections.abc import Callable, Mapping
from functools import partial

from pretrade.model.orders import NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.worlds import floor
from pretrade.practice.worlds.schema import NoiseKeys

ACCOUNT = "noise"
_CASH = 10**15


class Strangers:
    """The strangers of all markets; `after` is called after each of their orders."""

    def __init__(
        self,
        exchange: Exchange,
        rng: random.Random,
        habits: Mapping[str, NoiseKeys],
        after: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._rng = rng
        self._habits = habits
        self._after = after
        if habits:
            self._account = exchange.open_account(ACCOUNT, _CASH)
            for shard in sorted({exchange.markets[ticker].market.exchange_index for ticker in habits} - {0}):
                self._account.deposit(0, shard, _CASH, exchange.clock())

    def start(self) -> None:
        """Plan everybody's first order."""
        for ticker in self._habits:
            self._plan(ticker)

    def _plan(self, ticker: str) -> None:
        wait = 1 + int(self._rng.expovariate(1) * self._habits[ticker].every)
        self._exchange.schedule(self._exchange.clock() + wait, partial(self._trade, ticker))

    def _trade(self, ticker: str) -> None:
        if floor.has_ended(self._exchange, ticker):
            return
        habit = self._habits[ticker]
        side = self._rng.choice((Side.BID, Side.ASK))
        count = Count(100 * self._rng.randint(habit.smallest, habit.largest))
        state = self._exchange.markets[ticker]
        price = state.book.best(Side.ASK if side is Side.BID else Side.BID)
        # what rests off a new grid is left alone: nobody can ask for its price
        if price is not None and state.market.on_grid(price) and floor.trades(self._exchange, ticker):
            at_once, stp = TimeInForce.IMMEDIATE_OR_CANCEL, SelfTradePrevention.TAKER_AT_CROSS
            self._exchange.create(self._account, NewOrder(ticker, side, count, Price(price), at_once, stp))
            self._after()
        self._plan(ticker)
