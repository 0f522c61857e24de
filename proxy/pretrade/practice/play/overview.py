"""The state of an exchange in a page: who has what, what rests, where the markets are, what is switched off or on.

Rule of this file: reads only; figures as the exchange prints them. Accounts without a key (makers, visitors) are left
out, for they are nobody's.
"""

from typing import Any

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.api.views import dollars, rfc3339
from pretrade.practice.assemble import Practice
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.records import Order
from pretrade.practice.core.state import MarketState

type Json = dict[str, Any]


def overview(practice: Practice) -> Json:
    """Everything of interest as JSON."""
    exchange = practice.exchange
    names = sorted({key.account for key in practice.dispatcher.keys.values()} & set(exchange.accounts))
    return {
        "now": rfc3339(exchange.clock()),
        "accounts": [_account(exchange.accounts[name]) for name in names],
        "markets": [_market(state, exchange.clock()) for state in exchange.markets.values()],
        "switches": _switches(practice),
        "conditions": _conditions(practice),
        "keys": _keys(practice),
        "writes_seen": practice.log.count(),
        "faults": len(practice.faults.waiting()),
        "stream_faults": len(practice.hub.faults.waiting()),
    }


def _account(account: Account) -> Json:
    return {
        "name": account.name,
        "purses": [
            {
                "subaccount": subaccount,
                "shard": shard,
                "cash_dollars": dollars(purse.cash),
                "available_dollars": dollars(purse.available),
            }
            for (subaccount, shard), purse in sorted(account.purses.items())
        ],
        "positions": [
            {
                "subaccount": subaccount,
                "market": ticker,
                "count": format_count(position.count),
                "cost_dollars": dollars(position.cost),
                "realized_dollars": dollars(position.realized),
            }
            for (subaccount, ticker), position in account.positions.items()
            if position.count
        ],
        "resting": [_order(order) for orders in account.resting.values() for order in orders.values()],
    }


def _order(order: Order) -> Json:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "subaccount": order.subaccount,
        "market": order.ticker,
        "side": str(order.side),
        "price_dollars": format_price(order.price),
        "remaining_count": format_count(order.remaining),
        "filled_count": format_count(order.filled),
    }


def _market(state: MarketState, now_us: int) -> Json:
    return {
        "market": state.market.ticker,
        "status": str(state.status(now_us)),
        "bid": _top(state, Side.BID),
        "ask": _top(state, Side.ASK),
        "last_dollars": format_price(state.last_price) if state.last_price else None,
        "volume": format_count(state.volume),
        "closes": rfc3339(state.market.close_us),
        "structure": str(state.market.structure),
        "shard": state.market.exchange_index,
    }


def _top(state: MarketState, side: Side) -> Json | None:
    best = next(iter(state.book.depth(side)), None)
    return None if best is None else {"price_dollars": format_price(best[0]), "count": format_count(best[1])}


def _switches(practice: Practice) -> Json:
    exchange = practice.exchange
    return {
        "exchange_active": exchange.exchange_active,
        "trading_active": exchange.trading_active,
        "shards": [
            {"shard": shard, "exchange_active": switches.exchange, "trading_active": switches.trading}
            for shard, switches in exchange.shard_switches.items()
        ],
    }


def _conditions(practice: Practice) -> Json:
    lag = practice.dispatcher.portfolio.lag
    names = ("orders", "order", "fills", "positions", "balance")
    return {
        "lag_seconds": {name: getattr(lag, f"{name}_us") / 1_000_000 for name in names},
        "clock_skew_seconds": practice.dispatcher.clock_window.skew_ms / 1_000,
    }


def _keys(practice: Practice) -> list[Json]:
    return [
        {"key_id": key.key_id, "account": key.account, "scopes": list(key.scopes), "subaccount": key.subaccount}
        for key in practice.dispatcher.keys.values()
    ]
