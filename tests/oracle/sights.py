"""The oracle's skies as the program sees them. Translation and nothing else."""

from collections.abc import Iterable
from fractions import Fraction

from tests.oracle.seen import Book, Seen, Sky
from tests.oracle.units import NOW_MS, ms_of, price_of

from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.seen import BookSeen, ExchangeSeen, MarketSeen, Source, TradeSeen
from pretrade.model.units import Count

FINEST = ((Fraction(0), Fraction(1), Fraction(1, 10_000)),)


def clear(tickers: Iterable[str]) -> Sky:
    """A sky in which nothing stands in the way of any order in these markets, but a collar."""
    good = Seen("active", Fraction(86_400), FINEST, Fraction(0), trades=True, book=None, last=None)
    return Sky(dict.fromkeys(tickers, good), (True, True, Fraction(0)))


def markets_of(sky: Sky) -> tuple[MarketSeen, ...]:
    """The markets of a sky as the program sees them."""
    return tuple(market_of(ticker, seen) for ticker, seen in sky.markets.items())


def market_of(ticker: str, seen: Seen) -> MarketSeen:
    """One market."""
    book, last = seen.book, seen.last
    return MarketSeen(
        ticker=ticker,
        status=MarketStatus(seen.status),
        close_ms=None if seen.closes is None else NOW_MS + ms_of(seen.closes),
        price_ranges=tuple(PriceRange(*map(price_of, stretch)) for stretch in seen.grid),
        age_ms=ms_of(seen.age),
        is_trading=seen.trades,
        book=None if book is None else book_of(book),
        last_trade=None if last is None else TradeSeen(price_of(last.price), ms_of(last.age)),
    )


def book_of(book: Book) -> BookSeen:
    """A book as the exchange shows it: bids of either leg, best first."""
    yes = tuple((price_of(price), Count(100)) for price in sorted(book.bids, reverse=True))
    no = tuple((price_of(1 - price), Count(100)) for price in sorted(book.asks))
    return BookSeen(yes, no, ms_of(book.age), Source.FEED)


def exchange_of(sky: Sky) -> ExchangeSeen | None:
    """The exchange's own word."""
    if sky.exchange is None:
        return None
    is_active, is_trading, age = sky.exchange
    return ExchangeSeen(is_active, is_trading, ms_of(age))
