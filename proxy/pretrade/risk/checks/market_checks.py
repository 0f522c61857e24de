"""When orders may be opened: the market takes orders and does not close too soon, and the exchange trades.

Rule of this file: nothing here binds an exit or an order that can only close what is held. What is not known, or was
seen too long ago, denies. One report a market and question; it carries the batch leg that opens there first.
"""

from typing import TypeGuard

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.markets import MarketStatus
from pretrade.model.seen import ExchangeSeen, MarketSeen
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.remembered import remembered

MARKET_MS = 60_000
"""How old a market's status, close time and price grid may be: they change rarely and are told when they do."""
EXCHANGE_MS = 30_000
"""How old the exchange's own status may be."""


def is_known(market: MarketSeen | None) -> TypeGuard[MarketSeen]:
    """Whether a market was seen, and lately enough for its status and its price grid to be believed."""
    return market is not None and market.age_ms <= MARKET_MS


def check_markets(case: Case) -> tuple[Check, ...]:
    """Each market in which the write may open something takes orders, and for long enough."""
    now_ms = case.facts.now_ms
    return tuple([report for leg in case.opens_in for report in _takes_orders(leg, now_ms)])


def _takes_orders(leg: Leg, now_ms: int) -> tuple[Check, ...]:
    market, number = leg.market, leg.number
    if is_known(market):
        return _open(market.status, number), _close_time(leg, market.close_ms, now_ms)
    observed = leg.order.ticker if market is None else f"{leg.order.ticker}, seen {market.age_ms} ms ago"
    limit = f"a market whose status was seen {MARKET_MS} ms ago at most"
    return (Check("market.status", observed, limit, DenyCode.MARKET_FACTS_MISSING, number),)


@remembered
def _open(status: MarketStatus, number: int | None) -> Check:
    code = None if status is MarketStatus.ACTIVE else DenyCode.MARKET_NOT_OPEN
    return Check("market.status", str(status), str(MarketStatus.ACTIVE), code, number)


def _close_time(leg: Leg, close_ms: int | None, now_ms: int) -> Check:
    """The close time has not passed, and is as far away as the policy wants. One that nobody told denies where a limit
    is stated on it."""
    number, least = leg.number, leg.bounds.no_open_before_close_ms
    rule = "market.close_time" if least is None else leg.bounds.no_open_before_close_rule
    if close_ms is None:
        code = None if least is None else DenyCode.MARKET_FACTS_MISSING
        return Check(rule, f"{leg.order.ticker}, close time not known", "a known close time", code, number)
    left = close_ms - now_ms
    if left <= 0:  # which is no limit that a policy may only watch
        return Check("market.close_time", f"past its close by {-left} ms", "open", DenyCode.MARKET_NOT_OPEN, number)
    code = None if left >= (least or 0) else DenyCode.MARKET_CLOSES_SOON
    return Check(rule, str(left), str(least or 1), code, number, "milliseconds")


def check_exchange(case: Case) -> tuple[Check, ...]:
    """The exchange trades where the write may open something, as it said itself lately."""
    return tuple([_trading(leg, case.facts.exchange) for leg in case.opens_in])


def _trading(leg: Leg, seen: ExchangeSeen | None) -> Check:
    """The market's own shard decides; what the exchange says of itself is about the first of its shards."""
    if seen is None or seen.age_ms > EXCHANGE_MS:
        observed = "never" if seen is None else str(seen.age_ms)
        missing = DenyCode.EXCHANGE_STATUS_MISSING
        return Check("exchange.status", observed, str(EXCHANGE_MS), missing, leg.number, "milliseconds")
    trades = seen.is_active and seen.is_trading if leg.market is None else leg.market.is_trading
    return _exchange(trades, leg.number)


@remembered
def _exchange(trades: bool | None, number: int | None) -> Check:
    if trades:
        return Check("exchange.status", "trading", "trading", None, number)
    missing, paused = DenyCode.EXCHANGE_STATUS_MISSING, DenyCode.EXCHANGE_NOT_TRADING
    observed, code = ("not known", missing) if trades is None else ("paused", paused)
    return Check("exchange.status", observed, "trading", code, number)
