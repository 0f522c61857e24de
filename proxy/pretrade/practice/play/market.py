"""Actions on trading: fill a resting order, move a price, pause and resume a market or more.

Rule of this file: the exchange and the makers do the work; an action picks what is meant and tells what happened.
"""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pretrade.model.markets import MarketStatus
from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.api.views import fill_view
from pretrade.practice.assemble import Practice
from pretrade.practice.core import lifecycle, routing
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.records import Order, OrderStatus
from pretrade.practice.play.action import (
    Action,
    ActionError,
    CountText,
    Done,
    PriceText,
    Seconds,
    lasting,
    market_of,
    require_on_grid,
)

_SHORT_ID = 8


class Fill(Action):
    """Let a visitor trade against a resting order, at its price: all of it, or `count`.

    The order is named by its id, the beginning of it, or its client_order_id.
    """

    order_id: Annotated[str, Field(min_length=1)]
    count: CountText | None = None

    def do(self, practice: Practice) -> Done:
        """Raises ActionError where no resting order, or more than one, is meant."""
        order = _resting(practice, self.order_id)
        if self.count is not None and self.count > order.remaining:
            left = format_count(order.remaining)
            raise ActionError(f"count {format_count(self.count)} is more than the {left} that still rest")
        result = practice.exchange.fill_by_visitor(order.order_id, self.count)
        practice.dispatcher.after_write()
        fill = result.fills[0]
        text = f"filled {format_count(fill.count)} of order {order.order_id[:_SHORT_ID]} at ${format_price(fill.price)}"
        rest = f", {format_count(order.remaining)} still rest" if order.remaining else ", the whole of it"
        return Done(text + rest, {"fill": fill_view(fill)})


class Move(Action):
    """Bring a market to a price: its maker's middle and quotes go there.

    With `trade`, a visitor first buys or sells everything that rests on the way, orders of clients too.
    """

    market: str
    price: PriceText
    trade: bool = False

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market or a price between two ticks."""
        market = market_of(practice, self.market).market
        require_on_grid(market, self.price)
        if practice.makers.mid(self.market) is None and not self.trade:
            raise ActionError(
                f"nobody makes {self.market}, so nothing would move it but trades; ask for them with trade"
            )
        traded = _sweep(practice, self.market, self.price) if self.trade else 0
        quotes = practice.makers.move(self.market, self.price)
        on_the_way = f", {format_count(traded)} traded on the way" if traded else ""
        said = f"{self.market} moved to ${format_price(self.price)}, {quotes} quotes{on_the_way}"
        return Done(said, {"quotes": quotes, "traded": format_count(traded)})


class _Switched(Action):
    """A market, all trading, or the whole exchange, on one shard or on all of them."""

    what: Literal["trading", "exchange", "market"] = "trading"
    market: str | None = None
    shard: Annotated[int, Field(ge=0, le=routing.LAST)] | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.what == "market") != (self.market is not None):
            raise ValueError("what: market needs a market, and a market needs what: market")
        if self.what == "market" and self.shard is not None:
            raise ValueError("a market lives on one shard; name either a market or a shard")
        return self


class Pause(_Switched):
    """Pause a market, all trading, or the whole exchange, on one shard or on all of them; `lasting` ends it again.

    While trading is paused orders can be canceled and decreased; while the exchange is paused nothing changes.
    """

    lasting: Seconds | None = None

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market."""
        _turn(practice, self, on=False)
        until = lasting(practice, _target(self), self.lasting, partial(self._end, practice))
        return Done(f"{_target(self)} paused{until}")

    def _end(self, practice: Practice) -> None:
        """End it by itself; a market that has closed meanwhile has nothing to resume."""
        exchange = practice.exchange
        if self.market is None or exchange.market(self.market).status(exchange.clock()) is MarketStatus.INACTIVE:
            _turn(practice, self, on=True)


class Resume(_Switched):
    """End a pause of a market, of all trading, or of the whole exchange."""

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market."""
        _turn(practice, self, on=True)
        practice.conditions.pop(_target(self), None)
        practice.dispatcher.after_write()
        return Done(f"{_target(self)} resumed")


def _target(action: _Switched) -> str:
    if action.market is not None:
        return f"market {action.market}"
    where = "" if action.shard is None else f" on shard {action.shard}"
    return {"trading": "all trading", "exchange": "the whole exchange"}[action.what] + where


def _turn(practice: Practice, action: _Switched, *, on: bool) -> None:
    """Turn on or off what was named: a market, or one of the two switches of the exchange or of a shard."""
    if action.market is None:
        _turn_switch(practice.exchange, action.what, action.shard, on=on)
        return
    market_of(practice, action.market)
    turn_market = lifecycle.resume_market if on else lifecycle.pause_market
    turn_market(practice.exchange, action.market)


def _turn_switch(exchange: Exchange, what: str, shard: int | None, *, on: bool) -> None:
    """Set one switch and leave the other one alone."""
    if shard is not None and shard not in exchange.shard_switches:
        raise ActionError(f"there is no shard {shard}; there are {', '.join(map(str, exchange.shard_switches))}")
    switches = exchange.switches if shard is None else exchange.shard_switches[shard]
    both = {"trading": switches.trading, "exchange": switches.exchange} | {what: on}
    exchange.pause(**both, shard=shard)


def _resting(practice: Practice, name: str) -> Order:
    """The resting order of clients that an id, the beginning of one, or a client_order_id means."""
    resting = [order for order in practice.exchange.orders.values() if order.status is OrderStatus.RESTING]
    found = [order for order in resting if name in {order.order_id, order.client_order_id}]
    found = found or [order for order in resting if order.order_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ActionError(f"no resting order is called {name}; `pretrade practice state` lists those that rest")
    raise ActionError(f"{len(found)} resting orders begin with {name}; name more of the id")


def _sweep(practice: Practice, ticker: str, price: int) -> int:
    """Let visitors take all that rests up to a price, and how much that was. A fill may take other orders away: those
    of a group that it triggers."""
    market = practice.exchange.markets[ticker]
    before = market.volume
    for side in Side:
        while (order := market.book.first_met(side, price)) is not None:
            practice.exchange.fill_by_visitor(order.order_id)
    return market.volume - before
