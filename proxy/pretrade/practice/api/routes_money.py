"""The routes that read an account's money: balance, what resting orders hold, deposits and withdrawals.

Rule of this file: reads only. The balance defaults to subaccount 0 and to all shards (market_data.md 4); cash is per
shard, so the sum may be more than any one order can use.
"""

from collections.abc import Sequence

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.money_views import balance_view, cents, indexed_view, mark, movement_view
from pretrade.practice.api.query import newest_first
from pretrade.practice.core.accounts import Purse
from pretrade.practice.core.instruments import leg_price
from pretrade.practice.core.records import OrderStatus
from pretrade.practice.core.statements import CashMovement

_PORTFOLIO = "/trade-api/v2/portfolio"
_READ = ("read",)
_MAX_MOVEMENTS = 500


def balance(call: Call) -> Reply:
    """The available balance and the positions' value of one subaccount."""
    number, asked = call.subaccount() or 0, call.query.shard()
    call.account.require_subaccount(number)
    shards = call.shards() if asked is None else [asked]
    known = call.portfolio.purses(call.account)
    purses = {shard: known.get((number, shard), Purse()) for shard in shards}
    unbound = call.api_key.subaccount is None
    view = balance_view(purses, _value(call, number, asked), call.exchange.clock(), with_breakdown=unbound)
    return Reply(200, view)


def resting_value(call: Call) -> Reply:
    """What all resting orders of the account would cost: their full price, whether or not they only close.

    A documented choice: the real exchange answers this to FCM members only.
    """
    subaccount = call.bound(None)
    held = dict.fromkeys(call.shards(), 0)
    for order in call.portfolio.orders(call.account):
        if order.status is OrderStatus.RESTING and subaccount in {None, order.subaccount}:
            held[order.exchange_index] += leg_price(order.side, order.price) * order.remaining
    total = cents(sum(held.values()))
    return Reply(200, {"total_resting_order_value": total, "resting_order_value_breakdown": indexed_view(held)})


def deposits(call: Call) -> Reply:
    """The account's deposits, newest first."""
    return _movements(call, "deposits", call.account.deposits)


def withdrawals(call: Call) -> Reply:
    """The account's withdrawals, newest first."""
    return _movements(call, "withdrawals", call.account.withdrawals)


def _movements(call: Call, name: str, rows: Sequence[CashMovement]) -> Reply:
    call.require_unrestricted()
    return Reply(200, newest_first(call.query, rows, name, movement_view, _MAX_MOVEMENTS))


def _value(call: Call, subaccount: int, shard: int | None) -> int:
    markets = call.exchange.markets
    return sum(
        mark(position, markets[ticker])
        for (number, ticker), position in call.portfolio.positions(call.account).items()
        if number == subaccount and shard in {None, markets[ticker].market.exchange_index}
    )


ROUTES = (
    Route("GET", _PORTFOLIO + "/balance", "GetBalance", balance, ("read::portfolio_balance",)),
    Route(
        "GET",
        _PORTFOLIO + "/summary/total_resting_order_value",
        "GetPortfolioRestingOrderTotalValue",
        resting_value,
        _READ,
    ),
    Route("GET", _PORTFOLIO + "/deposits", "GetDeposits", deposits, _READ),
    Route("GET", _PORTFOLIO + "/withdrawals", "GetWithdrawals", withdrawals, _READ),
)
