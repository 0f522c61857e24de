"""The routes of the archive: where the border is, and markets, trades, orders, fills and positions from beyond it.

Rule of this file: every list shows only what `archive` says has crossed the border; the living routes show the rest.
Account reads go through `call.portfolio`, like all of them.
"""

from collections.abc import Callable

from pretrade.practice.api import archive
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.candles import MAX_CANDLES, historical_candles, require_at_most, window
from pretrade.practice.api.filters import span
from pretrade.practice.api.market_filters import archived_markets
from pretrade.practice.api.market_views import market_view, trade_view
from pretrade.practice.api.query import newest_first, page
from pretrade.practice.api.routes_markets import trade_filter, trades_of
from pretrade.practice.api.views import (
    Json,
    event_position_view,
    fill_view,
    order_view,
    position_view,
    rfc3339,
)
from pretrade.practice.core.accounts import Position
from pretrade.practice.core.records import Fill, Order, Trade

_HISTORICAL = "/trade-api/v2/historical"
_READ = ("read",)

type _Row = tuple[int, str, Position]


def cutoff(call: Call) -> Reply:
    """The border, which is the same for all kinds of records."""
    border = rfc3339(archive.border_us(call.exchange))
    names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts", "market_positions_last_updated_ts")
    return Reply(200, dict.fromkeys(names, border))


def markets(call: Call) -> Reply:
    """The archived markets that fit every filter."""
    wanted, found = archived_markets(call), list(call.exchange.markets.values())
    return Reply(200, page(call.query, found, "markets", lambda state: market_view(call, state), wanted=wanted))


def market(call: Call) -> Reply:
    """One archived market."""
    return Reply(200, {"market": market_view(call, archive.archived(call, call.params["ticker"]))})


def market_candles(call: Call) -> Reply:
    """The candlesticks of one archived market, as far back as the tape goes."""
    ticker = archive.archived(call, call.params["ticker"]).market.ticker
    asked = window(call.query)
    require_at_most(call.query, asked, 1, MAX_CANDLES)
    return Reply(200, {"ticker": ticker, "candlesticks": historical_candles(call.tape, ticker, asked)})


def trades(call: Call) -> Reply:
    """Public trades from before the border, newest first."""
    border, fits = archive.border_us(call.exchange), trade_filter(call)

    def wanted(trade: Trade) -> bool:
        return trade.at_us < border and fits(trade)

    return Reply(200, newest_first(call.query, trades_of(call), "trades", trade_view, wanted=wanted))


def orders(call: Call) -> Reply:
    """The account's orders that ended before the border, newest first; of all subaccounts unless asked for one."""
    account, fits = call.account, _order_filter(call)
    rows = call.portfolio.orders(account)

    def view(order: Order) -> Json:
        return order_view(order, account.user_id)

    return Reply(200, newest_first(call.query, rows, "orders", view, wanted=fits))


def fills(call: Call) -> Reply:
    """The account's fills from before the border, newest first; of all subaccounts unless asked for one."""
    ticker, times, subaccount = call.query.text("ticker"), span(call.query), call.subaccount()
    border = archive.border_us(call.exchange)

    def wanted(fill: Fill) -> bool:
        return (
            fill.at_us < border
            and ticker in {None, fill.ticker}
            and times.holds(fill.at_us)
            and subaccount in {None, fill.subaccount}
        )

    def view(fill: Fill) -> Json:
        return fill_view(fill, call.exchange.markets[fill.ticker].market.exchange_index)

    return Reply(200, newest_first(call.query, call.portfolio.fills(call.account), "fills", view, wanted=wanted))


def positions(call: Call) -> Reply:
    """The positions paid out before the border and their sums by event, of one subaccount: 0 unless asked for another.

    The sums are of the page's events, over all of their archived positions.
    """
    wanted, exchange = _position_filter(call), call.exchange
    rows = [(number, ticker, p) for (number, ticker), p in call.portfolio.positions(call.account).items()]

    def event_of(row: _Row) -> str:
        return exchange.markets[row[1]].market.event_ticker

    shown: dict[str, list[Position]] = {}

    def view(row: _Row) -> Json:
        shown.setdefault(event_of(row), [])
        return position_view(row[1], row[2], exchange.markets[row[1]].market.exchange_index, resting=0)

    body = page(call.query, rows, "market_positions", view, wanted=wanted)
    for row in filter(wanted, rows):
        if event_of(row) in shown:
            shown[event_of(row)].append(row[2])
    body["event_positions"] = [event_position_view(event, held) for event, held in shown.items()]
    return Reply(200, body)


def _order_filter(call: Call) -> Callable[[Order], bool]:
    ticker, times, subaccount = call.query.text("ticker"), span(call.query), call.subaccount()
    return lambda order: (
        archive.is_archived_order(call.exchange, order)
        and ticker in {None, order.ticker}
        and times.holds(order.created_us)
        and subaccount in {None, order.subaccount}
    )


def _position_filter(call: Call) -> Callable[[_Row], bool]:
    ticker, event, subaccount = call.query.text("ticker"), call.query.text("event_ticker"), call.subaccount() or 0
    return lambda row: (
        archive.is_archived_position(call.exchange, row[2])
        and row[0] == subaccount
        and ticker in {None, row[1]}
        and event in {None, call.exchange.markets[row[1]].market.event_ticker}
    )


ROUTES = (
    Route("GET", _HISTORICAL + "/cutoff", "GetHistoricalCutoff", cutoff),
    Route("GET", _HISTORICAL + "/markets", "GetHistoricalMarkets", markets),
    Route("GET", _HISTORICAL + "/markets/{ticker}", "GetHistoricalMarket", market),
    Route("GET", _HISTORICAL + "/markets/{ticker}/candlesticks", "GetMarketCandlesticksHistorical", market_candles),
    Route("GET", _HISTORICAL + "/trades", "GetTradesHistorical", trades),
    Route("GET", _HISTORICAL + "/orders", "GetHistoricalOrders", orders, _READ),
    Route("GET", _HISTORICAL + "/fills", "GetFillsHistorical", fills, _READ),
    Route("GET", _HISTORICAL + "/positions", "GetHistoricalPositions", positions, _READ),
)
