"""The books that our own stream keeps: exact, and as old as the last proof that nothing was missed.

Rule of this file: no I/O and no clock of its own; who calls says what time it is. A book is here or it is not: what may
have missed a change is taken away at once, and comes back with its next snapshot.

A market in which nothing happens is told nothing about, so a book does not age by the time of its last change. What
proves it is a question that we asked and that was answered in the same row of messages as the changes: whatever was
told before the answer was taken in before it, so each book is at least as new as the moment we asked. No message by
itself proves that, because it may have waited anywhere on its way.
"""

from dataclasses import dataclass, field

from pretrade.kalshi.feed_messages import Delta, Snapshot, Traded
from pretrade.kalshi.order_book import Side, top
from pretrade.model.seen import BookSeen, Level, Source, TradeSeen
from pretrade.model.units import Count, Price


class MissedError(Exception):
    """A change that does not fit the book: one before it was missed."""


@dataclass(slots=True)
class _Live:
    yes: Side
    no: Side
    asked_ms: int
    best: tuple[tuple[Level, ...], tuple[Level, ...]] | None = None

    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best levels of both sides, sorted once for every change."""
        if self.best is None:
            self.best = top(self.yes), top(self.no)
        return self.best


@dataclass(slots=True)
class LiveBooks:
    """Books and last trades by ticker. `drifts` counts books that were told anew and were not as we had them, which a
    stream that misses nothing never does."""

    drifts: int = 0
    _books: dict[str, _Live] = field(default_factory=dict)
    _trades: dict[str, tuple[Price, int]] = field(default_factory=dict)
    _proved_ms: int | None = None

    def take_snapshot(self, news: Snapshot, asked_ms: int) -> None:
        """A whole book, which was asked for at `asked_ms` (as all times here by the monotonic clock)."""
        before = self._books.get(news.ticker)
        if before is not None and (before.yes, before.no) != (news.yes, news.no):
            self.drifts += 1
        self._books[news.ticker] = _Live(dict(news.yes), dict(news.no), asked_ms)

    def take_delta(self, news: Delta) -> None:
        """Change one level. Before its snapshot a market has no book, and nothing to change. Raises MissedError."""
        book = self._books.get(news.ticker)
        if book is None:
            return
        side = book.yes if news.is_yes else book.no
        count = side.get(news.price, 0) + news.change
        if count < 0:
            raise MissedError(f"a level of {news.ticker} would have {count} hundredths of a contract")
        book.best = None
        if count:
            side[news.price] = Count(count)
        else:
            side.pop(news.price, None)

    def take_trade(self, news: Traded, now_ms: int, age_ms: int) -> None:
        """A trade that was `age_ms` old when it was heard of, at `now_ms`."""
        self._trades[news.ticker] = news.price, now_ms - age_ms

    def prove(self, asked_ms: int) -> None:
        """What was asked at that moment was answered: no book is older."""
        self._proved_ms = asked_ms

    def has(self, ticker: str) -> bool:
        """Whether there is a book of this market."""
        return ticker in self._books

    def count(self) -> int:
        """How many books there are."""
        return len(self._books)

    def book(self, ticker: str, now_ms: int) -> BookSeen | None:
        """The book now, None where there is none that nothing was missed of."""
        book = self._books.get(ticker)
        if book is None:
            return None
        yes, no = book.levels()
        known_ms = book.asked_ms if self._proved_ms is None else max(book.asked_ms, self._proved_ms)
        return BookSeen(yes, no, now_ms - known_ms, Source.FEED)

    def trade(self, ticker: str, now_ms: int) -> TradeSeen | None:
        """The last trade that was heard of since its market was subscribed to."""
        price, at_ms = self._trades.get(ticker, (None, 0))
        return None if price is None else TradeSeen(price, now_ms - at_ms)

    def forget(self, ticker: str) -> None:
        """Nothing is told of this market any more."""
        self._books.pop(ticker, None)
        self._trades.pop(ticker, None)

    def lose_books(self) -> None:
        """Something was missed, nobody knows of which market: there is no book any more."""
        self._books.clear()
        self._proved_ms = None

    def lose_trades(self) -> None:
        """The same of the trades."""
        self._trades.clear()
