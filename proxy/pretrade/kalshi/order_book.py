"""Order books as the exchange writes them: the reads of one and of several, and the levels in their answers.

Rule of this file: pure. Prices and counts are exact or the whole answer is an AnswerError; a book is told as it is,
crossed or locked or empty, and judged elsewhere (market_data.md 2: bids only, each side in its own dollars, the best
level last, which is not relied on).
"""

from collections.abc import Callable
from dataclasses import dataclass

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.market_facts import MOST_TICKERS, is_plain_ticker
from pretrade.kalshi.signing import ReadRequest
from pretrade.model.seen import LEVELS, Level
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Price, UnitError, parse_decimal

type Side = dict[Price, Count]
"""How much stands at each price, in dollars of the side's own leg; no entry without contracts."""

_PRICE_PLACES = 6
_COUNT_PLACES = 2
_MICRO_DOLLARS_A_PRICE = 100
_PAIR = 2
_MOST_LEVELS = 9_999
"""There are no more prices than these between 0 and 1 dollar."""
_ROOT = "/trade-api/v2/markets"


@dataclass(frozen=True, slots=True)
class BookLevels:
    """Both sides of a book as bids of YES and of NO, each best first and cut to LEVELS."""

    yes: tuple[Level, ...]
    no: tuple[Level, ...]


def book_request(ticker: str) -> ReadRequest:
    """The read of one whole book. Raises ValueError for a ticker that is not plain."""
    return ReadRequest(f"{_ROOT}/{_checked(ticker)}/orderbook")


def books_request(tickers: tuple[str, ...]) -> ReadRequest:
    """The read of up to MOST_TICKERS whole books at once. Raises ValueError as `book_request` does, and for more."""
    if not 1 <= len(tickers) <= MOST_TICKERS:
        raise ValueError(f"{len(tickers)} books are asked for at once")
    return ReadRequest(f"{_ROOT}/orderbooks", "&".join(f"tickers={_checked(ticker)}" for ticker in tickers))


def read_book(body: bytes) -> BookLevels:
    """The book of an answer. Raises AnswerError."""
    return _book(read_object(body).object("orderbook_fp"))


def read_books(body: bytes, tickers: tuple[str, ...]) -> dict[str, BookLevels | None]:
    """By ticker the books of an answer, None for one that it leaves out. Raises AnswerError, also for an answer with a
    book that was not asked for or that it has twice."""
    found: dict[str, BookLevels | None] = dict.fromkeys(tickers)
    for entry in read_object(body).objects("orderbooks"):
        ticker = entry.text("ticker")
        if ticker not in found or found[ticker] is not None:
            raise AnswerError(f"it has a book of {ticker}, which was not asked for, or has it twice")
        found[ticker] = _book(entry.object("orderbook_fp"))
    return found


def top(side: Side) -> tuple[Level, ...]:
    """The best levels of a side of bids, best first, at most LEVELS."""
    return tuple((price, side[price]) for price in sorted(side, reverse=True)[:LEVELS])


def read_side(fields: Fields, name: str, price_of: Callable[[Price], Price] = lambda price: price) -> Side:
    """One side of a book, empty where it is absent or null; `price_of` turns a price as it is written into one of the
    side's own dollars. Raises AnswerError for what is no level, and for a price that stands there twice."""
    levels = fields.raw.get(name)
    if levels is None:
        return {}
    if not isinstance(levels, list) or len(levels) > _MOST_LEVELS:
        raise AnswerError(f"its {name} is not a list of levels")
    side: Side = {}
    for level in levels:
        if not isinstance(level, list) or len(level) != _PAIR:
            raise AnswerError(f"its {name} has an entry that is not a price and a count")
        price = price_of(read_price(level[0], name))
        if price in side:
            raise AnswerError(f"its {name} has a price twice")
        side[price] = read_count(level[1], name)
    return {price: count for price, count in side.items() if count}


def read_price(value: object, name: str) -> Price:
    """A price between 0 and 1 dollar, both excluded, in text. Raises AnswerError, also for one finer than 0.0001."""
    whole, rest = divmod(_figure(value, _PRICE_PLACES, name), _MICRO_DOLLARS_A_PRICE)
    if rest or not 0 < whole < ONE_DOLLAR_PRICE:
        raise AnswerError(f"its {name} has a price that cannot be one")
    return Price(whole)


def read_count(value: object, name: str) -> Count:
    """A count in text, zero included. Raises AnswerError."""
    return Count(_figure(value, _COUNT_PLACES, name))


def _figure(value: object, places: int, name: str) -> int:
    if not isinstance(value, str):
        raise AnswerError(f"its {name} has a figure that is not a text")
    try:
        return parse_decimal(value, places, f"its {name}")
    except UnitError as e:
        raise AnswerError(f"its {name} has something that is not a plain figure") from e


def _book(fields: Fields) -> BookLevels:
    return BookLevels(top(read_side(fields, "yes_dollars")), top(read_side(fields, "no_dollars")))


def _checked(ticker: str) -> str:
    if not is_plain_ticker(ticker):
        raise ValueError(f"not a plain ticker: {ticker[:140]!r}")
    return ticker
