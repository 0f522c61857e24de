"""All routes of market data in one place, for the dispatcher.

Rule of this file: a list, nothing else. Of two routes that fit a path the earlier one answers, so those with literal
segments come first.
"""

from pretrade.practice.api import (
    routes_candles,
    routes_events,
    routes_exchange,
    routes_extras,
    routes_history,
    routes_live,
    routes_markets,
)
from pretrade.practice.api.call import Route

ROUTES: tuple[Route, ...] = (
    *routes_candles.ROUTES,
    *routes_markets.ROUTES,
    *routes_events.ROUTES,
    *routes_exchange.ROUTES,
    *routes_history.ROUTES,
    *routes_extras.ROUTES,
    *routes_live.ROUTES,
)
