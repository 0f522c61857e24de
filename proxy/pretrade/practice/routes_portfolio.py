"""The routes that read an account: orders, fills, positions, balance, settlements.

Rule of this file: reads change nothing but what time has ended. Lists default to all subaccounts, positions and
balance to subaccount 0 (market_data.md 5): a trap of the exchange's that a client must meet here too.
"""

from collections.abc import Iterable

from pretrade.model.units import format_count
from pretrade.practice.accounts import Position
from pretrade.practice.call import Call, Reply, Route
from pretrade.practice.errors import not_found
from pretrade.practice.query import page
from pretrade.practice.records import Fill, Order, OrderStatus
from pretrade.practice.views import balance_view, event_position_view, fill_view, order_view, position_view

_PORTFOLIO = "/trade-api/v2/portfolio"
_READ = ("read",)
_MICROS = 1_000_000


def orders(call: Call) -> Reply:
    """The account's orders, newest first."""
    call.exchange.sweep()
    status = call.query.word("status", [str(s) for s in OrderStatus])
    mine = [order for order in _own_orders(call) if status in {None, order.status}]
    user_id = call.account.user_id
    return Reply(200, page(call.query, mine, "orders", lambda order: order_view(order, user_id)))


def order(call: Call) -> Reply:
    """One order of the account, in any subaccount the key may see."""
    call.exchange.sweep()
    found = call.exchange.own_order(call.account.name, call.params["order_id"], call.bound(None))
    return Reply(200, {"order": order_view(found, call.account.user_id)})


def queue_position(call: Call) -> Reply:
    """The count ahead of one resting order."""
    call.exchange.sweep()
    found = call.exchange.own_order(call.account.name, call.params["order_id"], call.bound(None))
    if found.status is not OrderStatus.RESTING:
        raise not_found()
    return Reply(200, {"queue_position_fp": format_count(call.exchange.markets[found.ticker].book.ahead_of(found))})


def fills(call: Call) -> Reply:
    """The account's fills, newest first."""
    return Reply(200, page(call.query, list(_own_fills(call)), "fills", fill_view))


def positions(call: Call) -> Reply:
    """Market positions and their sums by event, of one subaccount: 0 unless asked for another."""
    query = call.query
    query.word("settlement_status", ("unsettled", "settled", "all"))
    held = [
        (t, p) for t, p in _own_positions(call, call.subaccount() or 0) if _is_wanted(query.texts("count_filter"), p)
    ]
    by_event: dict[str, list[Position]] = {}
    for ticker, position in held:
        by_event.setdefault(call.exchange.markets[ticker].market.event_ticker, []).append(position)
    body = page(query, held, "market_positions", lambda pair: position_view(*pair))
    body["event_positions"] = [event_position_view(event, several) for event, several in by_event.items()]
    return Reply(200, body)


def balance(call: Call) -> Reply:
    """The available balance. All subaccounts share one purse here (see `accounts`), so every one shows the same."""
    call.exchange.sweep()
    call.subaccount()
    unbound = call.api_key.subaccount is None
    return Reply(200, balance_view(call.exchange, call.account, with_breakdown=unbound))


def settlements(call: Call) -> Reply:
    """No market settles yet, so the list is empty."""
    return Reply(200, page(call.query, [], "settlements", lambda row: row))


def _own_orders(call: Call) -> list[Order]:
    query, subaccount = call.query, call.subaccount()
    low, high = query.integer("min_ts", 0, 10**12), query.integer("max_ts", 0, 10**12)
    tickers = _tickers(call)
    return [
        order
        for order in reversed(call.exchange.orders.values())
        if order.account == call.account.name
        and subaccount in {None, order.subaccount}
        and (tickers is None or order.ticker in tickers)
        and (low is None or order.created_us >= low * _MICROS)
        and (high is None or order.created_us <= high * _MICROS)
    ]


def _own_fills(call: Call) -> Iterable[Fill]:
    query, subaccount = call.query, call.subaccount()
    low, high = query.integer("min_ts", 0, 10**12), query.integer("max_ts", 0, 10**12)
    tickers, order_id = _tickers(call), query.text("order_id")
    for fill in reversed(call.exchange.fills):
        if (
            fill.account == call.account.name
            and subaccount in {None, fill.subaccount}
            and order_id in {None, fill.order_id}
            and (tickers is None or fill.ticker in tickers)
            and (low is None or fill.at_us >= low * _MICROS)
            and (high is None or fill.at_us <= high * _MICROS)
        ):
            yield fill


def _own_positions(call: Call, subaccount: int) -> Iterable[tuple[str, Position]]:
    tickers = _tickers(call)
    for (number, ticker), position in call.account.positions.items():
        if number == subaccount and (tickers is None or ticker in tickers):
            yield ticker, position


def _is_wanted(count_filter: list[str], position: Position) -> bool:
    """Every named figure must not be zero."""
    figures = {"position": position.count, "total_traded": position.traded}
    return all(figures.get(name, 1) for name in count_filter)


def _tickers(call: Call) -> set[str] | None:
    """The tickers that `ticker` and `event_ticker` leave, None for all."""
    ticker, event = call.query.text("ticker"), call.query.text("event_ticker")
    if ticker is None and event is None:
        return None
    wanted = {ticker} if ticker is not None else set(call.exchange.markets)
    return wanted if event is None else wanted & {m.market.ticker for m in call.exchange.markets_of(event)}


ROUTES = (
    Route("GET", _PORTFOLIO + "/orders", "GetOrders", orders, _READ),
    Route("GET", _PORTFOLIO + "/orders/{order_id}", "GetOrder", order, _READ, cost=2),
    Route("GET", _PORTFOLIO + "/orders/{order_id}/queue_position", "GetOrderQueuePosition", queue_position, _READ),
    Route("GET", _PORTFOLIO + "/fills", "GetFills", fills, _READ),
    Route("GET", _PORTFOLIO + "/positions", "GetPositions", positions, _READ),
    Route("GET", _PORTFOLIO + "/balance", "GetBalance", balance, ("read", "read::portfolio_balance")),
    Route("GET", _PORTFOLIO + "/settlements", "GetSettlements", settlements, _READ),
)
