"""Which events and markets are combos: those in the series of a collection that the world brings along.

Rule of this file: lookups in the extras `multivariate_event_collections` and `multivariate_markets` only.

Documented choice: combos are ordinary events and markets of the world, traded and settled like others; that their
outcome follows from their legs is for the world's script to bring about.
"""

from pretrade.practice.api.call import Call
from pretrade.practice.api.views import Json
from pretrade.practice.core.instruments import Event, Market


def collection_of(call: Call, event: Event) -> str | None:
    """The ticker of the collection that an event belongs to, None for an ordinary event."""
    for one in call.extras.get("multivariate_event_collections", ()):
        if one["series_ticker"] == event.series_ticker:
            return str(one["collection_ticker"])
    return None


def combo_of(call: Call, market: Market) -> Json:
    """The fields that a combo market has more than others; none for an ordinary one."""
    collection = collection_of(call, call.exchange.events[market.event_ticker])
    if collection is None:
        return {}
    for one in call.extras.get("multivariate_markets", ()):
        if one["ticker"] == market.ticker:
            return {"mve_collection_ticker": collection, "mve_selected_legs": one["mve_selected_legs"]}
    return {"mve_collection_ticker": collection}
