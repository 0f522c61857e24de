"""The routes of candlesticks: of one market, of an event's markets, of up to a hundred markets.

Rule of this file: as in `routes_markets`; the figures come from the tape. Archived markets have theirs in
`routes_history`.
"""

from pretrade.practice.api import archive
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.candles import MAX_CANDLES, candles, require_at_most, window
from pretrade.practice.api.filters import required_texts
from pretrade.practice.core.errors import not_found
from pretrade.practice.core.state import MarketState

_API = "/trade-api/v2"
_MAX_TICKERS = 100
_MAX_BATCH = 10_000


def market_candles(call: Call) -> Reply:
    """The candlesticks of one market of a series; 404 for a market of another series."""
    ticker = call.params["ticker"]
    market = archive.living(call, ticker)
    if call.params["series_ticker"] != call.exchange.events[market.market.event_ticker].series_ticker:
        raise not_found()
    asked = window(call.query)
    require_at_most(call.query, asked, 1, MAX_CANDLES)
    found = candles(call.tape, ticker, asked, latest_before=call.query.flag("include_latest_before_start"))
    return Reply(200, {"ticker": ticker, "candlesticks": found})


def event_candles(call: Call) -> Reply:
    """The candlesticks of all living markets of an event; the end is moved up where they would be too many."""
    event = call.exchange.events.get(call.params["ticker"])
    if event is None or event.series_ticker != call.params["series_ticker"]:
        raise not_found()
    markets = [m for m in call.exchange.markets_of(event.ticker) if not archive.is_archived(call, m)]
    asked = window(call.query)
    cut = asked.cut(MAX_CANDLES // max(len(markets), 1))
    tickers = [market.market.ticker for market in markets]
    body = {
        "market_tickers": tickers,
        "market_candlesticks": [candles(call.tape, ticker, cut) for ticker in tickers],
        "adjusted_end_ts": cut.last_ts,
    }
    return Reply(200, body)


def batch_candles(call: Call) -> Reply:
    """The candlesticks of up to 100 markets, 10,000 in all; tickers that are unknown are left out."""
    tickers = required_texts(call.query, "market_tickers", _MAX_TICKERS)
    asked = window(call.query)
    require_at_most(call.query, asked, len(tickers), _MAX_BATCH)
    latest = call.query.flag("include_latest_before_start")
    found = [
        {"market_ticker": ticker, "candlesticks": candles(call.tape, ticker, asked, latest_before=latest)}
        for ticker in tickers
        if _is_living(call, call.exchange.markets.get(ticker))
    ]
    return Reply(200, {"markets": found})


def _is_living(call: Call, market: MarketState | None) -> bool:
    return market is not None and not archive.is_archived(call, market)


ROUTES = (
    Route("GET", _API + "/markets/candlesticks", "BatchGetMarketCandlesticks", batch_candles),
    Route(
        "GET",
        _API + "/series/{series_ticker}/markets/{ticker}/candlesticks",
        "GetMarketCandlesticks",
        market_candles,
    ),
    Route(
        "GET",
        _API + "/series/{series_ticker}/events/{ticker}/candlesticks",
        "GetMarketCandlesticksByEvent",
        event_candles,
    ),
)
