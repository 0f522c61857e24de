"""The public routes: markets, order books, trades, events, series, and the exchange's own state.

Rule of this file: no key is needed; a read changes nothing but what time has ended.
"""

from collections.abc import Iterable

from pretrade.practice.call import Call, Reply, Route
from pretrade.practice.errors import bad_parameter, not_found
from pretrade.practice.instruments import Event
from pretrade.practice.market_views import book_view, event_view, market_view, series_view, trade_view
from pretrade.practice.query import page
from pretrade.practice.state import MarketState, MarketStatus
from pretrade.practice.views import Json, rfc3339

_API = "/trade-api/v2"
_FILTERS = {
    "unopened": MarketStatus.INITIALIZED,
    "open": MarketStatus.ACTIVE,
    "paused": MarketStatus.INACTIVE,
    "closed": MarketStatus.CLOSED,
    "settled": "finalized",
}
"""The filter's words are not the statuses of market objects (market_data.md 3)."""
_MAX_TICKERS = 100
_MAX_EVENTS = 200


def markets(call: Call) -> Reply:
    """The markets that fit every filter."""
    return Reply(200, page(call.query, list(_filtered(call)), "markets", lambda m: market_view(call.exchange, m)))


def market(call: Call) -> Reply:
    """One market."""
    return Reply(200, {"market": market_view(call.exchange, call.exchange.market(call.params["ticker"]))})


def orderbook(call: Call) -> Reply:
    """The book of one market, `depth` levels a side (0 or none: all)."""
    call.exchange.sweep()
    depth = call.query.integer("depth", 0, 100) or 0
    return Reply(200, {"orderbook_fp": book_view(call.exchange.market(call.params["ticker"]), depth)})


def orderbooks(call: Call) -> Reply:
    """The books of up to 100 markets; tickers that are unknown are left out."""
    call.exchange.sweep()
    tickers = call.query.texts("tickers")
    if not 0 < len(tickers) <= _MAX_TICKERS:
        raise bad_parameter("GetMarketOrderbooks", "Tickers", "lte" if tickers else "required")
    known = [call.exchange.markets[t] for t in tickers if t in call.exchange.markets]
    return Reply(200, {"orderbooks": [{"ticker": m.market.ticker, "orderbook_fp": book_view(m, 0)} for m in known]})


def trades(call: Call) -> Reply:
    """Public trades, newest first."""
    query = call.query
    ticker = query.text("ticker")
    low, high = query.integer("min_ts", 0, 10**12), query.integer("max_ts", 0, 10**12)
    wanted = [
        trade
        for trade in reversed(call.exchange.trades)
        if ticker in {None, trade.ticker}
        and (low is None or trade.at_us >= low * 1_000_000)
        and (high is None or trade.at_us <= high * 1_000_000)
    ]
    return Reply(200, page(query, wanted, "trades", trade_view))


def event(call: Call) -> Reply:
    """One event; its markets beside it, or inside it with `with_nested_markets`."""
    found = call.exchange.events.get(call.params["event_ticker"])
    if found is None:
        raise not_found()
    nested = call.query.flag("with_nested_markets")
    beside = [] if nested else [market_view(call.exchange, m) for m in call.exchange.markets_of(found.ticker)]
    return Reply(200, {"event": event_view(call.exchange, found, with_markets=nested), "markets": beside})


def events(call: Call) -> Reply:
    """The events, of one series where asked for."""
    series_ticker, nested = call.query.text("series_ticker"), call.query.flag("with_nested_markets")
    found = [e for e in call.exchange.events.values() if series_ticker in {None, e.series_ticker}]

    def view(one: Event) -> Json:
        return event_view(call.exchange, one, with_markets=nested)

    return Reply(200, page(call.query, found, "events", view, _MAX_EVENTS))


def one_series(call: Call) -> Reply:
    """One series."""
    found = call.exchange.series.get(call.params["series_ticker"])
    if found is None:
        raise not_found()
    return Reply(200, {"series": series_view(found)})


def all_series(call: Call) -> Reply:
    """The series, of one category where asked for."""
    category = call.query.text("category")
    found = [s for s in call.exchange.series.values() if category in {None, s.category}]
    return Reply(200, {"series": [series_view(series) for series in found]})


def status(call: Call) -> Reply:
    """Whether the exchange takes changes, and whether it trades."""
    switches = {
        "exchange_active": call.exchange.exchange_active,
        "trading_active": call.exchange.exchange_active and call.exchange.trading_active,
        "intra_exchange_transfers_active": call.exchange.exchange_active,
    }
    shard = {"exchange_index": 0, "description": "default"} | switches
    return Reply(200, switches | {"exchange_index_statuses": [shard]})


def schedule(call: Call) -> Reply:
    """Open around the clock, no maintenance planned."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    now = call.exchange.clock()
    year = 365 * 86_400 * 1_000_000
    week = {day: [{"open_time": "00:00", "close_time": "23:59"}] for day in days}
    hours = [week | {"start_time": rfc3339(now - year), "end_time": rfc3339(now + year)}]
    return Reply(200, {"schedule": {"standard_hours": hours, "maintenance_windows": []}})


def user_data_timestamp(call: Call) -> Reply:
    """How current portfolio reads are: they are never behind here."""
    return Reply(200, {"as_of_time": rfc3339(call.exchange.clock())})


def _filtered(call: Call) -> Iterable[MarketState]:
    query = call.query
    tickers, event_ticker, series = query.texts("tickers"), query.text("event_ticker"), query.text("series_ticker")
    wanted = query.word("status", list(_FILTERS))
    now = call.exchange.clock()
    for state in call.exchange.markets.values():
        found = state.market
        if (
            (not tickers or found.ticker in tickers)
            and event_ticker in {None, found.event_ticker}
            and series in {None, call.exchange.events[found.event_ticker].series_ticker}
            and (wanted is None or state.status(now) == _FILTERS[wanted])
        ):
            yield state


ROUTES = (
    Route("GET", _API + "/markets", "GetMarkets", markets),
    Route("GET", _API + "/markets/trades", "GetTrades", trades),
    Route("GET", _API + "/markets/orderbooks", "GetMarketOrderbooks", orderbooks),
    Route("GET", _API + "/markets/{ticker}", "GetMarket", market),
    Route("GET", _API + "/markets/{ticker}/orderbook", "GetMarketOrderbook", orderbook),
    Route("GET", _API + "/events", "GetEvents", events),
    Route("GET", _API + "/events/{event_ticker}", "GetEvent", event),
    Route("GET", _API + "/series", "GetSeriesList", all_series),
    Route("GET", _API + "/series/{series_ticker}", "GetSeries", one_series),
    Route("GET", _API + "/exchange/status", "GetExchangeStatus", status),
    Route("GET", _API + "/exchange/schedule", "GetExchangeSchedule", schedule),
    Route("GET", _API + "/exchange/user_data_timestamp", "GetUserDataTimestamp", user_data_timestamp),
)
