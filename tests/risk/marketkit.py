"""Small makers of markets as they are seen, and of legs in them: a test states only what it is about."""

from dataclasses import replace

from tests.builders import TICKER, facts, order, policy

from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.orders import AmendOrder, NewOrder
from pretrade.model.seen import BookSeen, ExchangeSeen, Level, MarketSeen, Source, TradeSeen
from pretrade.model.units import Count, Price, parse_price
from pretrade.policy.bounds import Collar
from pretrade.policy.combine import bounds_for
from pretrade.policy.words import WhenMissing
from pretrade.risk.checks.case import Leg, leg_of

POLICY = policy()
CENTS = (PriceRange(Price(0), Price(10_000), Price(100)),)
TRADING = ExchangeSeen(is_active=True, is_trading=True, age_ms=1_000)


def levels(*prices: str) -> tuple[Level, ...]:
    """A hundred contracts at each price, best first."""
    return tuple((parse_price(price), Count(10_000)) for price in prices)


def book(bid: str | None = "0.5500", ask: str | None = "0.5700", age_ms: int = 500) -> BookSeen:
    """A book with these best prices in YES terms."""
    no = None if ask is None else Price(10_000 - parse_price(ask))
    return BookSeen(levels(bid) if bid else (), ((no, Count(10_000)),) if no else (), age_ms, Source.FEED)


def trade(price: str, age_ms: int = 500) -> TradeSeen:
    """A last trade."""
    return TradeSeen(parse_price(price), age_ms)


def market(**changes: object) -> MarketSeen:
    """An active market on a grid of cents that closes in a day, with a midpoint of 0.56."""
    close_ms = facts().now_ms + 86_400_000
    base = MarketSeen(TICKER, MarketStatus.ACTIVE, close_ms, CENTS, 500, is_trading=True, book=book())
    return replace(base, **changes)


COLLAR = Collar(
    aggressive=Price(1_000),
    passive=Price(500),
    max_age_ms=2_000,
    when_missing=WhenMissing.DENY,
    aggressive_rule="price.collar.aggressive",
    passive_rule="clients.momentum-bot.price.collar.passive",
    age_rule="price.collar.max_age",
    when_missing_rule="price.collar.when_missing",
)


def leg(
    new: NewOrder | AmendOrder | None = None, seen: MarketSeen | None = None, *, reduces: bool = False, **bounds: object
) -> Leg:
    """An order that opens, or can only close, where these bounds hold."""
    held = bounds_for(POLICY, "momentum-bot", TICKER)
    return leg_of(None, new or order(), replace(held, **bounds), 10_000, reduces=reduces, market=seen)
