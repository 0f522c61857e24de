"""What a round of the reconciliation asks for: of the exchange's record, and of the markets in it.

Rule of this file: more may be asked for than is needed, never less.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pretrade.gateway.account.drop_copy import DropCopyError, Wanted
from pretrade.gateway.instance import Instance
from pretrade.gateway.way.facts import place_of
from pretrade.model.drop_copy import DropCopy
from pretrade.model.facts import Place
from pretrade.model.markets import MarketFacts, MarketStatus
from pretrade.risk.ledger.ledger import ENDED_KEPT_MS, Ledger
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciliation_round import markets_of
from pretrade.risk.reconciling.screening import Screening

SINCE_MS = 60_000
"""How far before the last reading, or before a write of which nobody knows, every order is read again."""
FIRST_SINCE_MS = ENDED_KEPT_MS - SINCE_MS
"""The same at a start: as far back as it is remembered which orders were ours."""
SETTLED_SINCE_MS = 86_400_000
"""How far before the last noted reading payouts are read again: each is known by its market and moment."""
CASH_AT_ONCE = 4
"""Subaccounts known to be open whose cash is read in one round; with more, each has its turn."""
_DECIDED = frozenset({MarketStatus.DETERMINED, MarketStatus.FINALIZED})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted; every order made since `since_ms`, of which what was made before `news_ms` has been read before
    or is in the positions."""

    wanted: Wanted
    since_ms: int
    news_ms: int


def ask(instance: Instance, as_of_ms: int | None, turn: int = 0) -> Asked:
    """Every order that rests or was made since the last copy, and each of ours that may be open, by its id. `turn` says
    whose cash it is the turn of, where there are many subaccounts."""
    ledger, now_ms = instance.ledger, instance.clock.now_ms()
    orders = ledger.live.orders.values()
    news_ms = now_ms - FIRST_SINCE_MS if as_of_ms is None else as_of_ms - SINCE_MS
    unknown = [one.sent_ms - SINCE_MS for one in ledger.pending.values() if one.state is OrderState.UNKNOWN]
    since_ms = min([news_ms, *unknown])
    trades_since_ms = instance.losses.read_since_ms()
    subaccounts = sorted(_subaccounts(instance))
    wanted = Wanted(
        subaccounts=subaccounts,
        order_ids=frozenset(order.order_id for order in orders if order.order_id is not None),
        made_since_ms=min((order.approved_ms for order in orders), default=now_ms) - SINCE_MS,
        since_ms=since_ms,
        fills_since_ms=trades_since_ms - SINCE_MS,
        settled_since_ms=trades_since_ms - SETTLED_SINCE_MS,
        held=None if ledger.trades.read_ms is None else _held(ledger),
        known=frozenset() if as_of_ms is None else cash_can_wait(subaccounts, ledger.money, turn),
        owners=ledger.live.groups.owners(),
    )
    return Asked(wanted, since_ms, news_ms)


def cash_can_wait(subaccounts: Sequence[int], money: Collection[int], turn: int) -> frozenset[int]:
    """Of subaccounts, those whose cash was read before (`money`) and can wait for another round: nothing is judged by
    it, and each costs as much to read as the positions."""
    known = [number for number in subaccounts if number in money]
    rounds = -(-len(known) // CASH_AT_ONCE)
    return frozenset(number for place, number in enumerate(known) if rounds > 1 and (place - turn) % rounds)


def _held(ledger: Ledger) -> frozenset[tuple[int, str]]:
    """What is held by what fills and payouts explain: where it has gone, somebody was paid out."""
    return frozenset(key for key, holding in ledger.trades.holdings.items() if holding.explained)


def _subaccounts(instance: Instance) -> set[int]:
    """Those that a client trades in, and those in which something is held or open."""
    traded = {subaccount for (subaccount, _), _ in instance.ledger.live.books()}
    return traded | {client.subaccount for client in instance.clients.values()}


async def facts_for(
    instance: Instance, copy: DropCopy, screening: Screening
) -> tuple[Mapping[str, Place], frozenset[str]]:
    """The places of the markets that a copy is about, and which of these are decided.

    Raises DropCopyError where one cannot be had that the ledger does not know either: without its event and series
    nothing in it could be counted there.
    """
    ledger, markets = instance.ledger, instance.markets
    needed = set(markets_of(copy, ledger, screening, screening.others(ledger, copy.orders)))
    tickers = needed | {ticker for (_, ticker), _ in ledger.live.books()}
    missing = sorted(ticker for ticker in tickers if markets.get(ticker) is None)
    refused = await markets.fetch(missing) if missing else {}
    known = {ticker: facts for ticker in tickers if (facts := markets.get(ticker)) is not None}
    _require(needed - set(known), ledger, refused)
    decided = frozenset(ticker for ticker, facts in known.items() if facts.status in _DECIDED)
    return {ticker: place_of(facts) for ticker, facts in known.items()}, decided


def _require(unread: set[str], ledger: Ledger, refused: Mapping[str, MarketFacts | str]) -> None:
    for ticker in sorted(unread):
        if ticker not in ledger.live.places:
            raise DropCopyError(f"the facts of {ticker}, which is in it, cannot be had: {refused.get(ticker)}")
