"""What makers and strangers need to know of a market before they trade in it.

Rule of this file: looking only.
"""

from pretrade.model.markets import MarketStatus
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import ONE, Market

_BEFORE_THE_END = (MarketStatus.INITIALIZED, MarketStatus.INACTIVE, MarketStatus.ACTIVE)


def trades(exchange: Exchange, ticker: str) -> bool:
    """Whether orders can be placed in a market now."""
    state = exchange.markets[ticker]
    is_on = exchange.switches_of(state.market.exchange_index).trading
    return is_on and state.status(exchange.clock()) is MarketStatus.ACTIVE


def has_ended(exchange: Exchange, ticker: str) -> bool:
    """Whether a market has closed."""
    return exchange.markets[ticker].status(exchange.clock()) not in _BEFORE_THE_END


def snapped(market: Market, price: int) -> int:
    """The nearest price at or below this one that is on the grid; the lowest tick where there is none below."""
    stretch = next(r for r in market.price_ranges if r.start <= price < r.end)
    below = stretch.start + (price - stretch.start) // stretch.step * stretch.step
    return below if below > 0 else market.tick_above(0)


def steps(market: Market, price: int, ticks: int) -> int:
    """The price so many ticks up (down for a negative number); 0 or $1 where the grid ends."""
    step = market.tick_above if ticks > 0 else market.tick_below
    for _ in range(abs(ticks)):
        if not 0 < price < ONE:
            return price
        price = step(price)
    return price
