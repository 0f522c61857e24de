"""Candlesticks: the tape's bars as the exchange prints them, live and historical.

Rule of this file: as in `views`. Both spellings of one candlestick (`open_dollars` and `open`) come from one function.

Documented choices: a candlestick exists for a period in which a quote or a trade changed something, others are left
out (the exchange's option for the last one before the start would make no sense otherwise); days are those of UTC;
`mean` is rounded half up to $0.0001.
"""

from dataclasses import dataclass

from pretrade.model.units import format_count, format_price
from pretrade.practice.api.filters import required_integer
from pretrade.practice.api.query import Query
from pretrade.practice.api.tape import DAY, HOUR, MINUTE, Bar, Range, Tape
from pretrade.practice.api.views import Json

MAX_CANDLES = 5_000
"""The most periods of one market (and of one event) that one call may span, as the exchange's clients report it."""
_PERIODS = {1: MINUTE, 60: HOUR, 1_440: DAY}
_MOST_SECONDS = 10**11


@dataclass(frozen=True, slots=True)
class Window:
    """Which candlesticks are asked for: those that end between two seconds, both included."""

    period: int
    first_ts: int
    last_ts: int

    @property
    def count(self) -> int:
        """How many periods end in it."""
        return self.last_ts // self.period - (self.first_ts - 1) // self.period

    def cut(self, most: int) -> "Window":
        """The same window, ended early so that at most `most` periods end in it."""
        if self.count <= most:
            return self
        first_end = -(-self.first_ts // self.period) * self.period
        return Window(self.period, self.first_ts, first_end + (most - 1) * self.period)


def window(query: Query) -> Window:
    """The window of `start_ts`, `end_ts` and `period_interval`, all required. Raises 400."""
    minutes = required_integer(query, "period_interval", 1, 1_440)
    if minutes not in _PERIODS:
        raise query.bad("period_interval", "oneof")
    first = required_integer(query, "start_ts", 0, _MOST_SECONDS)
    last = required_integer(query, "end_ts", 0, _MOST_SECONDS)
    if last < first:
        raise query.bad("end_ts", "gtefield")
    return Window(_PERIODS[minutes], first, last)


def require_at_most(query: Query, asked: Window, markets: int, most: int) -> None:
    """Refuse a window of more candlesticks than one call may bring. Raises 400."""
    if asked.count * markets > most:
        raise query.bad("end_ts", "max_candlesticks")


def candles(tape: Tape, ticker: str, asked: Window, *, latest_before: bool = False) -> list[Json]:
    """The candlesticks of a market, oldest first; with `latest_before` the one before the start is put in front."""
    bars = tape.bars(ticker, asked.period, asked.first_ts, asked.last_ts)
    before = tape.bar_before(ticker, asked.period, asked.first_ts) if latest_before else None
    front = [] if before is None else [_projected(before, asked)]
    return front + [_candle(bar, "_dollars", "_fp") for bar in bars]


def historical_candles(tape: Tape, ticker: str, asked: Window) -> list[Json]:
    """The candlesticks of an archived market, whose fields have no suffix."""
    return [_candle(bar, "", "") for bar in tape.bars(ticker, asked.period, asked.first_ts, asked.last_ts)]


def _candle(bar: Bar, dollars: str, fp: str) -> Json:
    mean = None if bar.price is None else (2 * bar.turnover + bar.volume) // (2 * bar.volume)
    return {
        "end_period_ts": bar.end_ts,
        "yes_bid": _spread(bar.bid, dollars),
        "yes_ask": _spread(bar.ask, dollars),
        "price": _spread(bar.price, dollars)
        | {f"mean{dollars}": _price(mean), f"previous{dollars}": _price(bar.previous)},
        f"volume{fp}": format_count(bar.volume),
        f"open_interest{fp}": format_count(bar.open_interest),
    }


def _projected(bar: Bar, asked: Window) -> Json:
    """The last real candlestick before the start as one at the first boundary after it: no prices but the previous."""
    close = bar.previous if bar.price is None else bar.price.close
    end = (asked.first_ts // asked.period + 1) * asked.period
    standing = Bar(end, Range.at(bar.bid.close), Range.at(bar.ask.close), close, bar.open_interest)
    return _candle(standing, "_dollars", "_fp")


def _spread(seen: Range | None, suffix: str) -> Json:
    """Open, low, high and close; all null where nothing traded."""
    if seen is None:
        return {f"{name}{suffix}": None for name in ("open", "low", "high", "close")}
    values = {"open": seen.open, "low": seen.low, "high": seen.high, "close": seen.close}
    return {f"{name}{suffix}": format_price(value) for name, value in values.items()}


def _price(price: int | None) -> str | None:
    return None if price is None else format_price(price)
