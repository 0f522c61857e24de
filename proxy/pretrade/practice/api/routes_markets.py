"""The public routes of markets: market objects, order books and trades.

Rule of this file: no key is needed; a read changes nothing but what time has ended.
"""

from collections.abc import Callable

from pretrade.practice.api.archive import border_us, is_archived, living
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.filters import optional_flag, required_texts, span
from pretrade.practice.api.market_filters import living_markets
from pretrade.practice.api.market_views import book_view, market_view, trade_view
from pretrade.practice.api.query import newest_first, page
from pretrade.practice.api.views import Json
from pretrade.practice.core.records import Trade
from pretrade.practice.core.state import MarketState

_API = "/trade-api/v2"
_MAX_TICKERS = 100
_MAX_DEPTH = 100


def markets(call: Call) -> Reply:
    """The markets that fit every filter, in the world's order."""
    wanted, found = living_markets(call), list(call.exchange.markets.values())
    return Reply(200, page(call.query, found, "markets", lambda state: market_view(call, state), wanted=wanted))


def market(call: Call) -> Reply:
    """One market."""
    return Reply(200, {"market": market_view(call, living(call, call.params["ticker"]))})


def orderbook(call: Call) -> Reply:
    """The book of one market, `depth` levels a side (0, negative or none: all)."""
    depth = max(call.query.integer("depth", -_MAX_DEPTH, _MAX_DEPTH) or 0, 0)
    return Reply(200, {"orderbook_fp": book_view(living(call, call.params["ticker"]), depth)})


def orderbooks(call: Call) -> Reply:
    """The books of up to 100 markets; tickers that are unknown or archived are left out."""
    tickers = required_texts(call.query, "tickers", _MAX_TICKERS)
    known = [call.exchange.markets[ticker] for ticker in tickers if ticker in call.exchange.markets]
    return Reply(200, {"orderbooks": [_named_book(state) for state in known if not is_archived(call, state)]})


def trades(call: Call) -> Reply:
    """Public trades, newest first; those from before the border are in the archive."""
    border, fits = border_us(call.exchange), trade_filter(call)

    def wanted(trade: Trade) -> bool:
        return trade.at_us >= border and fits(trade)

    return Reply(200, newest_first(call.query, trades_of(call), "trades", trade_view, wanted=wanted))


def trades_of(call: Call) -> list[Trade]:
    """The trades that the ticker of a query leaves to look at, oldest first."""
    ticker = call.query.text("ticker")
    if ticker is None:
        return call.exchange.trades
    state = call.exchange.markets.get(ticker)
    return [] if state is None else state.trades


def trade_filter(call: Call) -> Callable[[Trade], bool]:
    """Whether a trade fits the other filters of a query; there are no block trades here. Raises 400."""
    times, block = span(call.query), optional_flag(call.query, "is_block_trade")
    return lambda trade: block is not True and times.holds(trade.at_us)


def _named_book(state: MarketState) -> Json:
    return {"ticker": state.market.ticker, "orderbook_fp": book_view(state, 0)}


ROUTES = (
    Route("GET", _API + "/markets", "GetMarkets", markets),
    Route("GET", _API + "/markets/trades", "GetTrades", trades),
    Route("GET", _API + "/markets/orderbooks", "GetMarketOrderbooks", orderbooks),
    Route("GET", _API + "/markets/{ticker}", "GetMarket", market),
    Route("GET", _API + "/markets/{ticker}/orderbook", "GetMarketOrderbook", orderbook),
)
