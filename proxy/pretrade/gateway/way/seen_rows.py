"""What was seen of the world, as it stands in a decision's row: short lists, because most of a row is this.

Rule of this file: what is written reads back as the same facts, and as nothing else. Prices, counts and ages are their
integers; levels stand one after another without brackets of their own.
"""

from itertools import batched, chain
from typing import Any

from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.seen import NOTHING_OWN, BookSeen, ExchangeSeen, Level, MarketSeen, OwnSeen, Source, TradeSeen


def market_row(seen: MarketSeen) -> list[object]:
    """A market: its figures in the order of its fields, then its book, its last trade and our own orders in the book,
    each null where there is none."""
    book, trade, own = seen.book, seen.last_trade, seen.own
    return [
        seen.ticker,
        str(seen.status),
        seen.close_ms,
        [[stretch.start, stretch.end, stretch.step] for stretch in seen.price_ranges],
        seen.age_ms,
        seen.is_trading,
        seen.volume_24h,
        seen.open_interest,
        None if book is None else [_flat(book.yes), _flat(book.no), book.age_ms, str(book.source)],
        None if trade is None else [trade.price, trade.age_ms],
        None
        if own == NOTHING_OWN
        else [_flat(own.yes), _flat(own.no), own.bids_taking, own.asks_taking, own.is_unsure],
    ]


def read_market(row: list[Any]) -> MarketSeen:
    """The market of a row. Raises ValueError, TypeError or IndexError for what is no such row."""
    ticker, status, close_ms, ranges, age_ms, is_trading, volume_24h, open_interest, book, trade, *own = row
    return MarketSeen(
        ticker=ticker,
        status=MarketStatus(status),
        close_ms=close_ms,
        price_ranges=tuple(PriceRange(*stretch) for stretch in ranges),
        age_ms=age_ms,
        is_trading=is_trading,
        volume_24h=volume_24h,
        open_interest=open_interest,
        book=None if book is None else _book(*book),
        last_trade=None if trade is None else TradeSeen(*trade),
        own=_own(*own),
    )


def exchange_row(seen: ExchangeSeen | None) -> list[object] | None:
    """The exchange's status, null where it is not known."""
    return None if seen is None else [seen.is_active, seen.is_trading, seen.age_ms]


def read_exchange(row: list[Any] | None) -> ExchangeSeen | None:
    """The same back. Raises TypeError."""
    return None if row is None else ExchangeSeen(*row)


def _book(yes: list[int], no: list[int], age_ms: int, source: str) -> BookSeen:
    return BookSeen(_levels(yes), _levels(no), age_ms, Source(source))


def _own(row: list[Any] | None = None) -> OwnSeen:
    """Our own orders; none in a row from before they were seen."""
    if row is None:
        return NOTHING_OWN
    yes, no, *rest = row
    return OwnSeen(_levels(yes), _levels(no), *rest)


def _flat(levels: tuple[Level, ...]) -> list[int]:
    return list(chain.from_iterable(levels))


def _levels(figures: list[Any]) -> tuple[Level, ...]:
    return tuple((price, count) for price, count in batched(figures, 2, strict=True))
