"""The ledger against the truth: what it counts must never be less than what is at risk, nor more than its limits.

Rule of this file: it reads the ledger through its public methods and changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from tests.simulation.rows import Exempt
from tests.simulation.truth import truths

from pretrade.policy.schema import Policy
from pretrade.practice.core.accounts import Account as ExchangeAccount
from pretrade.risk.ledger.account import Account, Scope

EVENT, SERIES = "KXBTC-S", "KXBTC"
"""Where every market of the simulated worlds belongs."""


@dataclass
class _Sum:
    """True figures added up over some markets."""

    position: int = 0
    exposure: int = 0
    open_orders: int = 0


type Sums = Mapping[tuple[int | None, str], _Sum]
"""By (subaccount or None for all, ticker or empty for all)."""


def sums_of(exchange: ExchangeAccount) -> Sums:
    """The truth of the whole account, of each subaccount and of each market."""
    sums: defaultdict[tuple[int | None, str], _Sum] = defaultdict(_Sum)
    for one in truths(exchange):
        for key in product((None, one.subaccount), (one.ticker, "")):
            total = sums[key]
            total.position += one.position
            total.exposure += one.exposure
            total.open_orders += one.open_orders
    return sums


def shortfalls(ledger: Account, sums: Sums) -> Iterator[str]:
    """Every figure that the ledger counts lower than the truth, in words."""
    for (owner, ticker), true in sums.items():
        where = f"{'account' if owner is None else f'subaccount {owner}'} {ticker or 'all markets'}"
        counted = ledger.open_orders(owner, ticker)
        if counted < true.open_orders:
            yield f"{where}: {counted} open orders counted, {true.open_orders} rest"
        if ticker and ledger.worst_position(owner, ticker) < true.position:
            yield f"{where}: position {ledger.worst_position(owner, ticker)} counted, {true.position} may come"
        for scope in _scopes(owner, ticker):
            if ledger.exposure(scope) < true.exposure:
                yield f"{where}: exposure {ledger.exposure(scope)} of {scope[1]} counted, {true.exposure} is true"


def _scopes(owner: int | None, ticker: str) -> tuple[Scope, ...]:
    if ticker:
        return ((owner, "market", ticker),)
    return ((owner, "event", EVENT), (owner, "series", SERIES), (owner, "account", ""))


def excesses(ledger: Account, policy: Policy, markets: tuple[str, ...], exempt: Exempt) -> Iterator[str]:
    """Every figure that the ledger counts higher than its limit, in words."""
    limits = policy.limits
    figures = [
        ("event exposure", ledger.exposure((None, "event", EVENT)), limits.event.max_exposure),
        ("series exposure", ledger.exposure((None, "series", SERIES)), limits.series.max_exposure),
        ("account exposure", ledger.exposure((None, "account", "")), limits.account.max_exposure),
        ("open orders", ledger.open_orders(None) - exempt.orders, limits.account.max_open_orders),
    ]
    for ticker in markets:
        figures.append((f"{ticker} exposure", ledger.exposure((None, "market", ticker)), limits.market.max_exposure))
        figures.append((f"{ticker} position", ledger.worst_position(None, ticker), limits.market.max_position))
    for day, use in ledger.days.items():
        figures.append((f"orders of {day}", use.orders.get((None, ""), 0) - exempt.orders, limits.day.max_orders))
        spent = use.notional.get((None, ""), 0) - exempt.notional
        figures.append((f"notional of {day}", spent, limits.day.max_notional))
    for what, counted, limit in figures:
        if counted > limit:
            yield f"{what}: {counted} counted where the limit is {limit}"
