"""The routes that read what an account trades: orders, queue positions, fills, positions, settlements.

Rule of this file: reads only, through `call.portfolio`, which may lag. Lists default to all subaccounts, positions and
queue positions to subaccount 0 (market_data.md 5): a trap of the exchange's that a client must meet here too. Lists
leave out what `archive` says is historical.
"""

from collections.abc import Callable, Iterable, Mapping

from pretrade.model.orders import Side
from pretrade.model.units import format_count
from pretrade.practice.api import archive
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.money_views import settlement_view
from pretrade.practice.api.query import Query, newest_first, page
from pretrade.practice.api.views import Json, event_position_view, fill_view, order_view, position_view
from pretrade.practice.core.accounts import Position
from pretrade.practice.core.errors import not_found
from pretrade.practice.core.records import Order, OrderStatus

_PORTFOLIO = "/trade-api/v2/portfolio"
_READ = ("read",)
_MAX_EVENTS = 10
_MAX_TICKERS = 100
_UNSETTLED, _SETTLED, _ALL = "unsettled", "settled", "all"
_FIGURES: dict[str, Callable[[Position], int]] = {
    "position": lambda position: position.count,
    "total_traded": lambda position: position.traded,
}

type _Row = tuple[int, str, Position]


def orders(call: Call) -> Reply:
    """The account's orders, newest first; `status` has three words."""
    query, subaccount, shard = call.query, call.subaccount(), call.query.shard()
    status = query.word("status", [str(s) for s in OrderStatus])
    tickers, in_period = _tickers(call, _MAX_EVENTS), query.period()
    user_id = call.account.user_id

    def wanted(order: Order) -> bool:
        return (
            status in {None, order.status}
            and subaccount in {None, order.subaccount}
            and shard in {None, order.exchange_index}
            and tickers(order.ticker)
            and in_period(order.created_us)
            and not archive.is_archived_order(call.exchange, order)
        )

    rows = call.portfolio.orders(call.account)
    return Reply(200, newest_first(query, rows, "orders", lambda o: order_view(o, user_id), wanted=wanted))


def order(call: Call) -> Reply:
    """One order of the account, in any subaccount the key may see."""
    found = call.portfolio.order(call.account, call.params["order_id"], call.bound(None))
    return Reply(200, {"order": order_view(found, call.account.user_id)})


def queue_position(call: Call) -> Reply:
    """The count ahead of one resting order. This and the list show the book itself, which does not lag."""
    found = call.exchange.own_order(call.account.name, call.params["order_id"], call.bound(None))
    if found.status is not OrderStatus.RESTING:
        raise not_found()
    return Reply(200, {"queue_position_fp": _queue_position(call, found)})


def queue_positions(call: Call) -> Reply:
    """The counts ahead of all resting orders of some markets or one event, in one subaccount: 0 unless asked."""
    query = call.query
    if not query.texts("market_tickers") and query.text("event_ticker") is None:
        raise query.bad("market_tickers", "required_without")
    wanted, subaccount = _tickers(call, 1, "market_tickers"), call.subaccount() or 0
    rows = [
        {"order_id": order_id, "market_ticker": ticker, "queue_position_fp": format_count(ahead[order_id])}
        for (number, ticker), resting in call.account.resting.items()
        if number == subaccount and wanted(ticker)
        for ahead in (_ahead(call, ticker, resting),)
        for order_id in resting
    ]
    return Reply(200, {"queue_positions": rows})


def fills(call: Call) -> Reply:
    """The account's fills, newest first."""
    query, subaccount, shard = call.query, call.subaccount(), call.query.shard()
    tickers, in_period, order_id = _tickers(call, 1), query.period(), query.text("order_id")
    body = newest_first(
        query,
        call.portfolio.fills(call.account),
        "fills",
        lambda fill: fill_view(fill, _shard_of(call, fill.ticker)),
        wanted=lambda fill: (
            order_id in {None, fill.order_id}
            and subaccount in {None, fill.subaccount}
            and shard in {None, _shard_of(call, fill.ticker)}
            and tickers(fill.ticker)
            and in_period(fill.at_us)
            and fill.at_us >= archive.border_us(call.exchange)
        ),
    )
    return Reply(200, body)


def positions(call: Call) -> Reply:
    """Market positions and their sums by event, of one subaccount: 0 unless asked for another. The sums are of the
    page's events, over all of their positions that are wanted, on whichever page."""
    wanted = _wanted_position(call)
    rows = [(number, ticker, p) for (number, ticker), p in call.portfolio.positions(call.account).items()]
    shown: dict[str, None] = {}

    def view(row: _Row) -> Json:
        shown[_event_of(call, row[1])] = None
        return position_view(row[1], row[2], _shard_of(call, row[1]), _resting(call, row[0], row[1]))

    body = page(call.query, rows, "market_positions", view, wanted=wanted)
    by_event: dict[str, list[Position]] = {event: [] for event in shown}
    for row in filter(wanted, rows):
        if (event := _event_of(call, row[1])) in by_event:
            by_event[event].append(row[2])
    body["event_positions"] = [event_position_view(event, several) for event, several in by_event.items()]
    return Reply(200, body)


def settlements(call: Call) -> Reply:
    """What was paid out, newest first, of all subaccounts unless asked for one."""
    subaccount, tickers, in_period = call.subaccount(), _tickers(call, 1), call.query.period()
    body = newest_first(
        call.query,
        call.portfolio.settlements(call.account),
        "settlements",
        settlement_view,
        wanted=lambda s: subaccount in {None, s.subaccount} and tickers(s.ticker) and in_period(s.settled_us),
    )
    return Reply(200, body)


def _wanted_position(call: Call) -> Callable[[_Row], bool]:
    query, subaccount, shard = call.query, call.subaccount() or 0, call.query.shard()
    status = query.word("settlement_status", (_UNSETTLED, _SETTLED, _ALL)) or _UNSETTLED
    figures, tickers = _figures(query), _tickers(call, 1)

    def wanted(row: _Row) -> bool:
        number, ticker, position = row
        return (
            number == subaccount
            and status in {_ALL, _UNSETTLED if position.settled_us is None else _SETTLED}
            and shard in {None, _shard_of(call, ticker)}
            and tickers(ticker)
            and all(figure(position) for figure in figures)
            and not archive.is_archived_position(call.exchange, position)
        )

    return wanted


def _figures(query: Query) -> list[Callable[[Position], int]]:
    """The figures that `count_filter` wants to be other than zero."""
    names = query.texts("count_filter")
    if any(name not in _FIGURES for name in names):
        raise query.bad("count_filter", "oneof")
    return [_FIGURES[name] for name in names]


def _tickers(call: Call, most_events: int, name: str = "ticker") -> Callable[[str], bool]:
    """Whether `ticker` and `event_ticker` (lists separated by commas) leave a market. Raises 400 for too many."""
    tickers: Iterable[str] = set(call.query.texts(name, _MAX_TICKERS))
    events = set(call.query.texts("event_ticker", most_events))
    return lambda ticker: (not tickers or ticker in tickers) and (not events or _event_of(call, ticker) in events)


def _event_of(call: Call, ticker: str) -> str:
    return call.exchange.markets[ticker].market.event_ticker


def _shard_of(call: Call, ticker: str) -> int:
    return call.exchange.markets[ticker].market.exchange_index


def _resting(call: Call, subaccount: int, ticker: str) -> int:
    return sum(order.remaining for order in call.account.resting.get((subaccount, ticker), {}).values())


def _ahead(call: Call, ticker: str, resting: Mapping[str, Order]) -> dict[str, int]:
    """The count ahead of each of an account's orders that rest in a market."""
    book = call.exchange.markets[ticker].book
    sides = {side: [order_id for order_id, order in resting.items() if order.side is side] for side in Side}
    return dict(place for side, ids in sides.items() for place in book.queue(side, set(ids)))


def _queue_position(call: Call, order: Order) -> str:
    return format_count(call.exchange.markets[order.ticker].book.ahead_of(order))


ROUTES = (
    Route("GET", _PORTFOLIO + "/orders", "GetOrders", orders, _READ),
    Route("GET", _PORTFOLIO + "/orders/queue_positions", "GetOrderQueuePositions", queue_positions, _READ),
    Route("GET", _PORTFOLIO + "/orders/{order_id}", "GetOrder", order, _READ, cost=2),
    Route("GET", _PORTFOLIO + "/orders/{order_id}/queue_position", "GetOrderQueuePosition", queue_position, _READ),
    Route("GET", _PORTFOLIO + "/fills", "GetFills", fills, _READ),
    Route("GET", _PORTFOLIO + "/positions", "GetPositions", positions, _READ),
    Route("GET", _PORTFOLIO + "/settlements", "GetSettlements", settlements, _READ),
)
