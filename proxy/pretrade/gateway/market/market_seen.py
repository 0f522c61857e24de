"""What was seen of a write's markets, and waiting for what was not seen yet.

Rule of this file: to gather is to look at what is here, without I/O; only `learn` asks the exchange, before anything is
judged and never for an exit. Only markets that the exchange knows are looked at: made-up names cost no reads.
"""

import asyncio
from collections.abc import Iterable

from pretrade.gateway.instance import Instance
from pretrade.model.markets import MarketFacts
from pretrade.model.orders import Write, tickers_of
from pretrade.model.seen import NOTHING_OWN, MarketSeen
from pretrade.risk.ledger.own_orders import own_in

PATIENCE_S = 2.0
"""How long an order waits for what is not known of its markets, facts and books together."""


async def learn(instance: Instance, write: Write) -> None:
    """Ask for what is not known yet, or not recently enough, of the markets in which a write can trade: one read of a
    book at most, shared by all who wait for it. Takes PATIENCE_S at most, and nothing where all is here."""
    tickers = tickers_of(write)
    if not tickers:
        return
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    known = [ticker for ticker in tickers if instance.markets.get(ticker) is not None]
    if len(known) < len(tickers):
        await instance.markets.fetch([ticker for ticker in tickers if ticker not in known])
        known = [ticker for ticker in tickers if instance.markets.get(ticker) is not None]
    if known:
        await instance.books.fetch(known, within=max(0.0, deadline - asyncio.get_running_loop().time()))


def markets_seen(instance: Instance, known: Iterable[MarketFacts]) -> tuple[MarketSeen, ...]:
    """All that was seen of these markets, as it is now."""
    aged = ((facts, instance.markets.age_ms(facts.ticker)) for facts in known)
    return tuple(_seen(instance, facts, age_ms) for facts, age_ms in aged if age_ms is not None)


def _seen(instance: Instance, facts: MarketFacts, age_ms: int) -> MarketSeen:
    ticker, book = facts.ticker, instance.books.get(facts.ticker)
    mine = instance.ledger.live.orders_in(ticker)
    return MarketSeen(
        ticker=ticker,
        status=facts.status,
        close_ms=facts.close_ms,
        price_ranges=facts.price_ranges,
        age_ms=age_ms,
        is_trading=instance.exchange_status.is_trading(facts.exchange_index),
        volume_24h=facts.volume_24h,
        open_interest=facts.open_interest,
        book=book,
        last_trade=instance.books.last_trade(ticker),
        own=NOTHING_OWN if book is None else own_in(book, mine, instance.books.lately(ticker, book)),
    )
