"""One market as the checks see it, for people: book, spread, depth, score, grade, warnings, and what sizes would cost.

Rule of this file: plain JSON values, figures as text; the formulas are `risk.checks.liquidity`'s and nothing is judged
here. The account's own orders are no part of the book, as in the checks.
"""

from collections.abc import Sequence

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import markets_seen
from pretrade.gateway.questions.asking import ticker_of
from pretrade.gateway.questions.headroom import bounds_in
from pretrade.gateway.way.identity import Client
from pretrade.model.markets import MarketFacts
from pretrade.model.seen import BookSeen, Level, MarketSeen
from pretrade.model.units import NO_CONTRACTS, Count, ceil_div, format_count, format_money, format_price
from pretrade.policy.bounds import LiquidityBounds
from pretrade.risk.checks.liquidity import WEIGHT_ONE, Slippage, Taking, levels_for, max_safe_size, quote, walk
from pretrade.risk.checks.liquidity_grade import Assessment, assess, impact, warnings
from pretrade.risk.ledger.own_orders import of_others

SHOWN_LEVELS = 10
SIZES = tuple(Count(100 * contracts) for contracts in (1, 10, 50, 100, 250, 500, 1_000, 5_000))

type Shown = dict[str, object]


async def market_view(instance: Instance, client: Client, ticker: str) -> Shown:
    """A market now, asked for at the exchange where it is not known; how old its book may be, and which sizes are safe,
    by what holds for this client there. Raises ValueError for one that is not there."""
    facts = await _facts(instance, ticker_of(ticker))
    seen = markets_seen(instance, () if facts is None else (facts,))
    if not seen:
        raise ValueError(f"the exchange did not tell about {ticker}")
    return _shown(seen[0], bounds_in(instance, client, ticker).liquidity)


async def _facts(instance: Instance, ticker: str) -> MarketFacts | None:
    if instance.markets.get(ticker) is None:
        await instance.markets.fetch((ticker,))
    facts = instance.markets.get(ticker)
    if facts is not None:
        await instance.books.fetch((ticker,))
    return facts


def _shown(market: MarketSeen, bounds: LiquidityBounds | None) -> Shown:
    volume, interest = market.volume_24h, market.open_interest
    book = None if market.book is None else of_others(market.book, market.own)
    is_fresh = book is not None and (bounds is None or book.age_ms <= bounds.max_age_ms)
    found = assess(book, volume or NO_CONTRACTS, interest or NO_CONTRACTS, is_fresh=is_fresh)
    best = None if book is None else quote(book)
    return {
        "ticker": market.ticker,
        "status": str(market.status),
        "volume_24h": None if volume is None else format_count(volume),
        "open_interest": None if interest is None else format_count(interest),
        "spread": None if best is None else format_price(best.spread),
        "midpoint": None if best is None else format_money(50 * best.twice_mid),
        **_liquidity(found),
        "warnings": list(warnings(found, volume or NO_CONTRACTS)),
        **({} if book is None else _book(book, _slippage(bounds))),
        "impact_100": format_money(impact(best.spread if best else None, Count(10_000), volume or NO_CONTRACTS)),
    }


def _slippage(bounds: LiquidityBounds | None) -> Slippage:
    return Slippage() if bounds is None else Slippage(bounds.max_slippage, bounds.max_slippage_percent)


def _liquidity(found: Assessment) -> Shown:
    near = found.depth
    uneven, total = near.imbalance
    return {
        "depth_yes": format_count(near.yes),
        "depth_no": format_count(near.no),
        "depth_weighted": format_count(near.weighted // WEIGHT_ONE),
        "imbalance_percent": 100 * uneven // total,
        "score": found.score,
        "grade": str(found.grade),
    }


def _book(book: BookSeen, slippage: Slippage) -> Shown:
    return {
        "age_ms": book.age_ms,
        "source": str(book.source),
        "bids": _levels(book.yes),
        "asks": _levels(levels_for(book, Taking.BUY_YES)),
        "sizes": [_size(book, count) for count in SIZES],
        "safe": {str(taking): format_count(max_safe_size(levels_for(book, taking), slippage)) for taking in Taking},
    }


def _levels(levels: Sequence[Level]) -> list[list[str]]:
    return [[format_price(price), format_count(count)] for price, count in levels[:SHOWN_LEVELS]]


def _size(book: BookSeen, count: Count) -> Shown:
    legs = {"yes": Taking.BUY_YES, "no": Taking.BUY_NO}
    return {"count": format_count(count)} | {leg: _walked(book, taking, count) for leg, taking in legs.items()}


def _walked(book: BookSeen, taking: Taking, count: Count) -> Shown | None:
    """What buying so many of a leg comes to, rounded up; None where the book has not so many."""
    took = walk(levels_for(book, taking), count)
    if took.remainder or took.best is None:
        return None
    return {
        "average": format_money(ceil_div(100 * took.cost, took.filled)),
        "slippage": format_money(ceil_div(100 * took.excess, took.filled)),
    }
