"""The tape: what quotes and trades did minute by minute, kept while it happens, because a book has no memory.

Rule of this file: a listener that only writes down; nothing here changes the exchange. Memory is bounded: a week of
minutes, 90 days of hours and two years of days a market at least, and only periods in which something happened. What
happened before a tape was made it cannot know.

Documented choice: a quote that stood for less than 100 ms does not count. Market makers replace their quotes by
canceling and placing anew; without this every such moment would show in a candlestick as an empty book.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass

from pretrade.model.orders import Side
from pretrade.practice.core.events import BookChanged, Event, Filled, Traded
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.records import Trade
from pretrade.practice.core.state import State

MINUTE, HOUR, DAY = 60, 3_600, 86_400
"""The periods of candlesticks, in seconds."""
_KEPT = {MINUTE: 7 * 1_440, HOUR: 90 * 24, DAY: 730}
_SECOND_US = 1_000_000
_DAY_US = DAY * _SECOND_US
_STOOD_US = 100_000


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices from a moment on; an empty side is 0 for a bid and $1 for an ask."""

    at_us: int
    bid: int = 0
    ask: int = ONE


@dataclass(slots=True)
class Range:
    """Open, high, low and close of one figure over a period."""

    open: int
    high: int
    low: int
    close: int

    @classmethod
    def at(cls, value: int) -> "Range":
        """A range that has seen one value."""
        return cls(value, value, value, value)

    def take(self, value: int) -> None:
        """See another value."""
        self.high, self.low, self.close = max(self.high, value), min(self.low, value), value


@dataclass(slots=True)
class Bar:
    """One period of one market that ends at `end_ts` (seconds): quotes, trades if any, and what was open at its end.

    `previous` is the last price before the period, None when nothing had traded; `turnover` is price times count.
    """

    end_ts: int
    bid: Range
    ask: Range
    previous: int | None
    open_interest: int
    price: Range | None = None
    volume: int = 0
    turnover: int = 0


class _Recorder:
    """One market's part of the tape: its bars by period, oldest first, and the trades of the last 24 hours."""

    def __init__(self, standing: Quote, open_interest: int) -> None:
        self.pending: Quote | None = None
        self.last_price: int | None = None
        self.open_interest = open_interest
        self.prints: deque[Trade] = deque()
        self.volume_24h = 0
        self.bars: dict[int, list[Bar]] = {period: [] for period in _KEPT}
        self._begin(standing)

    def quote(self, now: Quote) -> None:
        """See the book's best prices change; a quote that has not stood long enough is forgotten."""
        self.settle(now.at_us)
        if now.at_us == self.standing.at_us:
            # books are filled in the moment in which an exchange is made: that they were empty is no quote
            self._begin(now)
        else:
            self.pending = now

    def trade(self, trade: Trade) -> None:
        """See a trade."""
        self.settle(trade.at_us)
        for bar in self._bars_at(trade.at_us):
            bar.price = bar.price or Range.at(trade.price)
            bar.price.take(trade.price)
            bar.volume += trade.count
            bar.turnover += trade.price * trade.count
        self.last_price = trade.price
        self.prints.append(trade)
        self.volume_24h += trade.count

    def opened(self, open_interest: int) -> None:
        """See what is open after the fills of the last trade."""
        self.open_interest = open_interest
        for bars in self.bars.values():
            bars[-1].open_interest = open_interest

    def settle(self, now_us: int) -> None:
        """Write the pending quote down once it has stood long enough."""
        quote = self.pending
        if quote is None or now_us - quote.at_us < _STOOD_US:
            return
        for bar in self._bars_at(quote.at_us):
            bar.bid.take(quote.bid)
            bar.ask.take(quote.ask)
        self.standing, self.pending = quote, None

    def _begin(self, quote: Quote) -> None:
        """Let a quote be the one that stands at the beginning."""
        self.standing = quote
        for bar in self._bars_at(quote.at_us):
            bar.bid, bar.ask = Range.at(quote.bid), Range.at(quote.ask)

    def _bars_at(self, at_us: int) -> list[Bar]:
        """The bars of a moment, one a period; a new one opens with what stood until then."""
        return [self._bar_at(at_us, period) for period in _KEPT]

    def _bar_at(self, at_us: int, period: int) -> Bar:
        bars, end = self.bars[period], (at_us // _SECOND_US // period + 1) * period
        if bars and bars[-1].end_ts >= end:
            return bars[-1]
        if len(bars) == 2 * _KEPT[period]:
            del bars[: _KEPT[period]]
        standing = self.standing
        bars.append(Bar(end, Range.at(standing.bid), Range.at(standing.ask), self.last_price, self.open_interest))
        return bars[-1]

    def forget(self, before_us: int) -> None:
        """Drop the prints that left the 24 hours."""
        while self.prints and self.prints[0].at_us <= before_us:
            self.volume_24h -= self.prints.popleft().count


@dataclass(frozen=True, slots=True)
class DayBefore:
    """What a market object says about 24 hours ago; 0 for what is not known."""

    price: int = 0
    bid: int = 0
    ask: int = 0


class Tape:
    """The memory of quotes and trades behind candlesticks and the 24-hour figures of markets."""

    def __init__(self, state: State) -> None:
        """Listen to an exchange from now on, beginning with the quotes that stand."""
        self._state = state
        self._recorders: dict[str, _Recorder] = {}
        for ticker in state.markets:
            self._recorder(ticker)
        state.listeners.append(self.listen)

    def listen(self, event: Event) -> None:
        """Take in what the exchange tells."""
        match event:
            case BookChanged():
                self._book_changed(event)
            case Traded(trade):
                self._recorder(trade.ticker).trade(trade)
            case Filled(fill):
                self._recorder(fill.ticker).opened(self._state.open_interest(fill.ticker))
            case _:
                return

    def bars(self, ticker: str, period: int, first_ts: int, last_ts: int) -> list[Bar]:
        """The bars of a market (period MINUTE, HOUR or DAY) that end between two moments (seconds, both included)."""
        kept = self._settled(ticker).bars[period]
        return kept[bisect_left(kept, first_ts, key=_end) : bisect_right(kept, last_ts, key=_end)]

    def bar_before(self, ticker: str, period: int, at_ts: int) -> Bar | None:
        """The last bar of a market that ends before a moment (seconds)."""
        kept = self._settled(ticker).bars[period]
        index = bisect_left(kept, at_ts, key=_end)
        return kept[index - 1] if index else None

    def volume_24h(self, ticker: str) -> int:
        """Contracts (0.01) traded in the 24 hours before now."""
        recorder = self._recorder(ticker)
        recorder.forget(self._state.clock() - _DAY_US)
        return recorder.volume_24h

    def day_before(self, ticker: str) -> DayBefore:
        """Last price and quotes of a market 24 hours ago, to the minute."""
        bar = self.bar_before(ticker, MINUTE, (self._state.clock() - _DAY_US) // _SECOND_US + 1)
        if bar is None:
            return DayBefore()
        price = bar.previous if bar.price is None else bar.price.close
        return DayBefore(price or 0, bar.bid.close, bar.ask.close)

    def _settled(self, ticker: str) -> _Recorder:
        recorder = self._recorder(ticker)
        recorder.settle(self._state.clock())
        return recorder

    def _recorder(self, ticker: str) -> _Recorder:
        found = self._recorders.get(ticker)
        if found is None:
            standing = self._best(ticker, self._state.clock())
            found = self._recorders[ticker] = _Recorder(standing, self._state.open_interest(ticker))
        return found

    def _book_changed(self, event: BookChanged) -> None:
        """Look at the book only where the change can have moved its best price."""
        recorder = self._recorder(event.ticker)
        known = recorder.pending or recorder.standing
        if event.price < known.bid if event.side is Side.BID else event.price > known.ask:
            return
        best = self._best(event.ticker, event.at_us)
        if (best.bid, best.ask) != (known.bid, known.ask):
            recorder.quote(best)

    def _best(self, ticker: str, at_us: int) -> Quote:
        book = self._state.markets[ticker].book
        bid, ask = book.best(Side.BID), book.best(Side.ASK)
        return Quote(at_us, 0 if bid is None else bid, ONE if ask is None else ask)


def _end(bar: Bar) -> int:
    return bar.end_ts
