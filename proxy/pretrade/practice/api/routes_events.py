"""The public routes of events and series, and of the history of their fees.

Rule of this file: as in `routes_markets`. Events and series are never archived.
"""

from collections.abc import Callable

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.event_views import (
    event_fee_view,
    event_view,
    last_updated_us,
    living_of,
    markets_of_series,
    metadata_view,
    multiplier_view,
    series_view,
)
from pretrade.practice.api.filters import as_moment, parse_moment, sized
from pretrade.practice.api.market_filters import STATUSES
from pretrade.practice.api.market_views import market_view
from pretrade.practice.api.multivariate import collection_of
from pretrade.practice.api.query import page
from pretrade.practice.api.views import Json, rfc3339
from pretrade.practice.core.errors import not_found
from pretrade.practice.core.instruments import Event, Series

_API = "/trade-api/v2"
_MAX_EVENTS = 200
_MOST_SECONDS = 10**11
_SECOND_US = 1_000_000


def event(call: Call) -> Reply:
    """One event; its markets beside it, inside it with `with_nested_markets`, nowhere with `exclude_markets`."""
    found, excluded = _event(call), call.query.flag("exclude_markets")
    nested = call.query.flag("with_nested_markets") and not excluded
    beside = [] if nested or excluded else [market_view(call, market) for market in living_of(call, found)]
    return Reply(200, {"event": event_view(call, found, with_markets=nested), "markets": beside})


def metadata(call: Call) -> Reply:
    """The metadata of one event."""
    return Reply(200, metadata_view(call, _event(call)))


def events(call: Call) -> Reply:
    """The events that fit every filter, without combos; related milestones beside them where asked for."""
    fits = _event_filter(call)

    def wanted(one: Event) -> bool:
        return collection_of(call, one) is None and fits(one)

    body = _event_page(call, wanted, default=_MAX_EVENTS)
    if call.query.flag("with_milestones"):
        shown = {one["event_ticker"] for one in body["events"]}
        milestones = call.extras.get("milestones", ())
        body["milestones"] = [dict(one) for one in milestones if shown & set(one["related_event_tickers"])]
    return Reply(200, body)


def combos(call: Call) -> Reply:
    """The multivariate events, by ticker, and of one series or one collection where asked for, never both."""
    series, collection = call.query.text("series_ticker"), call.query.text("collection_ticker")
    tickers = frozenset(call.query.texts("tickers"))
    if series is not None and collection is not None:
        raise call.query.bad("collection_ticker", "excluded_with")

    def wanted(one: Event) -> bool:
        own = collection_of(call, one)
        if own is None or (tickers and one.ticker not in tickers):
            return False
        return collection in {None, own} and series in {None, one.series_ticker}

    return Reply(200, _event_page(call, wanted, default=100))


def one_series(call: Call) -> Reply:
    """One series."""
    found = call.exchange.series.get(call.params["series_ticker"])
    if found is None:
        raise not_found()
    return Reply(200, {"series": series_view(call, found, with_volume=call.query.flag("include_volume"))})


def all_series(call: Call) -> Reply:
    """The series that fit every filter; of several tags one is enough (a documented choice)."""
    query = call.query
    category, tags = query.text("category"), set(query.texts("tags"))
    updated = query.integer("min_updated_ts", 0, _MOST_SECONDS)
    volume, product = query.flag("include_volume"), query.flag("include_product_metadata")

    def wanted(one: Series) -> bool:
        return (
            category in {None, one.category}
            and (not tags or bool(tags & set(one.tags)))
            and (updated is None or last_updated_us(markets_of_series(call, one)) > updated * _SECOND_US)
        )

    found = [one for one in call.exchange.series.values() if wanted(one)]
    views = [series_view(call, one, with_volume=volume, with_metadata=product) for one in found]
    return Reply(200, {"series": views})


def event_fee_changes(call: Call) -> Reply:
    """The fee overrides that events have been given, oldest first."""
    ticker = call.query.text("event_ticker")
    changes = [change for change in call.exchange.fee_changes if change.event_ticker is not None]
    body = page(
        call.query,
        changes,
        "event_fee_changes",
        event_fee_view,
        wanted=lambda change: ticker in {None, change.event_ticker},
    )
    return Reply(200, body)


def series_fee_changes(call: Call) -> Reply:
    """The fee changes of series that are still to come; those that have been, too, with `show_historical`."""
    ticker, history = call.query.text("series_ticker"), call.query.flag("show_historical")
    now = as_moment(call.exchange.clock())
    given = [dict(one) for one in call.extras.get("series_fee_changes", ())]
    found = [
        one
        for one in [*_made_series_changes(call), *given]
        if ticker in {None, one["series_ticker"]} and (history or (parse_moment(one["scheduled_ts"]) or now) > now)
    ]
    return Reply(200, {"series_fee_change_arr": found})


def _made_series_changes(call: Call) -> list[Json]:
    """The changes that the exchange itself has made."""
    return [
        {
            "id": change.change_id,
            "series_ticker": change.series_ticker,
            "fee_type": str(change.fee_type),
            "fee_multiplier": multiplier_view(change.multiplier or 0),
            "scheduled_ts": rfc3339(change.at_us),
        }
        for change in call.exchange.fee_changes
        if change.event_ticker is None
    ]


def _event(call: Call) -> Event:
    found = call.exchange.events.get(call.params["event_ticker"])
    if found is None:
        raise not_found()
    return found


def _event_page(call: Call, wanted: Callable[[Event], bool], *, default: int) -> Json:
    nested, query = call.query.flag("with_nested_markets"), sized(call.query, default, _MAX_EVENTS)
    found = list(call.exchange.events.values())
    return page(query, found, "events", lambda one: event_view(call, one, with_markets=nested), _MAX_EVENTS, wanted)


def _event_filter(call: Call) -> Callable[[Event], bool]:
    """The filters of GET /events. An event has a status when one of its markets has it (a documented choice)."""
    query, exchange, now = call.query, call.exchange, call.exchange.clock()
    series, tickers = query.text("series_ticker"), frozenset(query.texts("tickers"))
    status = query.word("status", ("unopened", "open", "closed", "settled"))
    closes, updated = (query.integer(name, 0, _MOST_SECONDS) for name in ("min_close_ts", "min_updated_ts"))

    def wanted(one: Event) -> bool:
        if series not in {None, one.series_ticker} or (tickers and one.ticker not in tickers):
            return False
        markets = exchange.markets_of(one.ticker)
        return (
            (status is None or any(market.status(now) in STATUSES[status] for market in markets))
            and (closes is None or any(market.market.close_us > closes * _SECOND_US for market in markets))
            and (updated is None or last_updated_us(markets) > updated * _SECOND_US)
        )

    return wanted


ROUTES = (
    Route("GET", _API + "/events", "GetEvents", events),
    Route("GET", _API + "/events/fee_changes", "GetEventFeeChanges", event_fee_changes),
    Route("GET", _API + "/events/multivariate", "GetMultivariateEvents", combos),
    Route("GET", _API + "/events/{event_ticker}", "GetEvent", event),
    Route("GET", _API + "/events/{event_ticker}/metadata", "GetEventMetadata", metadata),
    Route("GET", _API + "/series", "GetSeriesList", all_series),
    Route("GET", _API + "/series/fee_changes", "GetSeriesFeeChanges", series_fee_changes),
    Route("GET", _API + "/series/{series_ticker}", "GetSeries", one_series),
)
