"""Markets, events and series as the exchange describes them: the requests, and what their answers say.

Rule of this file: pure. Only plain tickers become part of a target, an answer tells about what was asked for and about
nothing else, and whatever is not exact or not known is an AnswerError, never a guess. A market names its event and an
event its series (market_data.md 3); nothing is read out of a ticker's text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from urllib.parse import urlencode

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.drop_copy import read_page
from pretrade.kalshi.signing import ReadRequest
from pretrade.model.markets import FeeType, MarketFacts, MarketStatus, PriceRange
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Price, parse_decimal

MOST_TICKERS = 100
"""The exchange's own limit for lists of tickers, and the size of a page that is asked for nothing else."""
MOST_QUERY = 4_000
"""Characters of tickers in one request: well below what servers take as a request line."""
MOST_OPEN = 1_000
"""Open markets on one page."""
_MOST_RANGES = 100
_MULTIPLIER_PLACES = 4
_MICRO_DOLLARS_A_PRICE = 100
_DETERMINED = frozenset({MarketStatus.DETERMINED, MarketStatus.AMENDED, MarketStatus.FINALIZED})
RESULTS = {"yes": ONE_DOLLAR_PRICE, "no": Price(0)}
"""What one YES is paid out at, by the exchange's word for the result of a market that has two."""
_ROOT = "/trade-api/v2"
_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MarketPart:
    """What a market object says, as in MarketFacts."""

    ticker: str
    event: str
    status: MarketStatus
    price_ranges: tuple[PriceRange, ...]
    close_ms: int | None
    exchange_index: int
    fee_waiver_until_ms: int | None
    volume_24h: Count | None
    open_interest: Count | None
    result: Price | None = None


@dataclass(frozen=True, slots=True)
class EventPart:
    """What an event says; the overrides, None where it has none, stand in the place of the series' own."""

    ticker: str
    series: str
    fee_type: FeeType | None
    fee_multiplier: int | None


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """What a series says; `fee_multiplier` is in 1/10000."""

    ticker: str
    fee_type: FeeType
    fee_multiplier: int


def is_plain_ticker(ticker: str) -> bool:
    """Whether a ticker is in the form that orders may name, which is safe in a path and in a list of tickers."""
    return _PLAIN.fullmatch(ticker) is not None


def market_request(ticker: str) -> ReadRequest:
    """The read of one market. Raises ValueError for a ticker that is not plain, as all of these do."""
    return ReadRequest(f"{_ROOT}/markets/{_checked(ticker)}")


def markets_request(tickers: tuple[str, ...]) -> ReadRequest:
    """The read of up to MOST_TICKERS markets in one page."""
    listed = ",".join(_checked(ticker) for ticker in tickers)
    return ReadRequest(f"{_ROOT}/markets", f"limit={MOST_TICKERS}&tickers={listed}")


def open_markets_request(cursor: str) -> ReadRequest:
    """The read of the page of open markets at a cursor; the empty one is the first page's."""
    query = {"limit": str(MOST_OPEN), "status": "open", "mve_filter": "exclude"}
    return ReadRequest(f"{_ROOT}/markets", urlencode(query | ({"cursor": cursor} if cursor else {})))


def read_open_markets(body: bytes) -> tuple[tuple[str, ...], str]:
    """The plain tickers of a page of markets, and the cursor of the next one, empty after the last."""
    page = read_page(body, "markets", cursor_may_be_absent=True)
    tickers = [entry.text("ticker") for entry in page.rows]
    return tuple(ticker for ticker in tickers if is_plain_ticker(ticker)), page.cursor


def event_request(ticker: str) -> ReadRequest:
    """The read of one event."""
    return ReadRequest(f"{_ROOT}/events/{_checked(ticker)}")


def series_request(ticker: str) -> ReadRequest:
    """The read of one series."""
    return ReadRequest(f"{_ROOT}/series/{_checked(ticker)}")


def batches(tickers: Iterable[str]) -> list[tuple[str, ...]]:
    """The tickers in groups that one request takes each, in their order."""
    groups: list[tuple[str, ...]] = []
    group: list[str] = []
    for ticker in tickers:
        if len(group) == MOST_TICKERS or sum(len(one) + 1 for one in [*group, ticker]) > MOST_QUERY:
            groups.append(tuple(group))
            group = []
        group.append(ticker)
    return [*groups, tuple(group)] if group else groups


def read_market(body: bytes, ticker: str) -> MarketPart:
    """The market of an answer that must be about this one. Raises AnswerError, as all of these do."""
    return _market(read_object(body).object("market"), ticker)


def read_markets(body: bytes, tickers: tuple[str, ...]) -> dict[str, MarketPart | AnswerError | None]:
    """By ticker what one page says of the markets that were asked for: None for one that it leaves out, an AnswerError
    for one that it describes badly. A page with anything else on it, or with a page after it, answers nothing."""
    page = read_object(body)
    if page.optional_text("cursor") is not None:
        raise AnswerError("it goes on on another page")
    entries: dict[str, Fields] = {}
    for entry in page.objects("markets"):
        ticker = entry.text("ticker")
        if ticker not in tickers or ticker in entries:
            raise AnswerError(f"it has {ticker}, which was not asked for, or has it twice")
        entries[ticker] = entry
    return {ticker: _read_or_error(entries.get(ticker), ticker) for ticker in tickers}


def read_event(body: bytes, ticker: str) -> EventPart:
    """The event of an answer that must be about this one."""
    fields = read_object(body).object("event")
    fields.required_same_text("event_ticker", ticker)
    has_type = fields.optional_text("fee_type_override") is not None
    return EventPart(
        ticker=ticker,
        series=_ticker(fields, "series_ticker"),
        fee_type=_word(fields, "fee_type_override", FeeType) if has_type else None,
        fee_multiplier=_multiplier(fields, "fee_multiplier_override"),
    )


def read_series(body: bytes, ticker: str) -> SeriesPart:
    """The series of an answer that must be about this one."""
    fields = read_object(body).object("series")
    fields.required_same_text("ticker", ticker)
    multiplier = _multiplier(fields, "fee_multiplier")
    if multiplier is None:
        raise AnswerError("it has no fee_multiplier")
    return SeriesPart(ticker, _word(fields, "fee_type", FeeType), multiplier)


def read_ranges(fields: Fields) -> tuple[PriceRange, ...]:
    """The price grid of an object: ranges within 0 and 1 dollar, lowest first, that share an edge at most."""
    ranges = tuple(_range(entry) for entry in fields.objects("price_ranges"))
    if not 1 <= len(ranges) <= _MOST_RANGES:
        raise AnswerError(f"it has {len(ranges)} price_ranges")
    if any(above.start < below.end for below, above in pairwise(ranges)):
        raise AnswerError("its price_ranges overlap or are not in order")
    return ranges


def combine(market: MarketPart, event: EventPart, series: SeriesPart) -> MarketFacts:
    """The facts of a market from what it, its event and its event's series say; the event's overrides go first."""
    return MarketFacts(
        ticker=market.ticker,
        event=event.ticker,
        series=series.ticker,
        status=market.status,
        fee_multiplier=series.fee_multiplier if event.fee_multiplier is None else event.fee_multiplier,
        fee_type=series.fee_type if event.fee_type is None else event.fee_type,
        price_ranges=market.price_ranges,
        close_ms=market.close_ms,
        exchange_index=market.exchange_index,
        fee_waiver_until_ms=market.fee_waiver_until_ms,
        volume_24h=market.volume_24h,
        open_interest=market.open_interest,
        result=market.result,
    )


def _checked(ticker: str) -> str:
    if not is_plain_ticker(ticker):
        raise ValueError(f"not a plain ticker: {ticker[:140]!r}")
    return ticker


def _read_or_error(entry: Fields | None, ticker: str) -> MarketPart | AnswerError | None:
    try:
        return None if entry is None else _market(entry, ticker)
    except AnswerError as e:
        return e


def _market(fields: Fields, ticker: str) -> MarketPart:
    fields.required_same_text("ticker", ticker)
    status = _word(fields, "status", MarketStatus)
    return MarketPart(
        ticker=ticker,
        event=_ticker(fields, "event_ticker"),
        status=status,
        price_ranges=read_ranges(fields),
        close_ms=fields.optional_moment_ms("close_time"),
        # before there were shards no market named one, and to the exchange's own routes an unnamed one is the first
        exchange_index=fields.optional_number("exchange_index", 0) or 0,
        fee_waiver_until_ms=fields.optional_moment_ms("fee_waiver_expiration_time"),
        volume_24h=_count(fields, "volume_24h_fp"),
        open_interest=_count(fields, "open_interest_fp"),
        result=_result(fields) if status in _DETERMINED else None,
    )


def _result(fields: Fields) -> Price | None:
    """What one YES will be paid out at; None where that is not said exactly."""
    text = fields.optional_text("result")
    if text in RESULTS:
        return RESULTS[text]
    value = fields.optional_price("settlement_value_dollars") if text == "scalar" else None
    if value is None:
        return None
    whole, rest = divmod(parse_decimal(value, 6, "settlement_value_dollars"), _MICRO_DOLLARS_A_PRICE)
    return None if rest or whole > ONE_DOLLAR_PRICE else Price(whole)


def _count(fields: Fields, name: str) -> Count | None:
    figure = fields.optional_count(name)
    return None if figure is None else Count(figure.value)


def _ticker(fields: Fields, name: str) -> str:
    """A ticker that we may ask for next."""
    ticker = fields.text(name)
    if not is_plain_ticker(ticker):
        raise AnswerError(f"its {name} is not a plain ticker")
    return ticker


def _word[E: StrEnum](fields: Fields, name: str, words: type[E]) -> E:
    text = fields.text(name)
    try:
        return words(text)
    except ValueError as e:
        raise AnswerError(f"its {name} {text} is not one that is known here") from e


def _multiplier(fields: Fields, name: str) -> int | None:
    return fields.optional_number(name, _MULTIPLIER_PLACES)


def _range(entry: Fields) -> PriceRange:
    stretch = PriceRange(_price(entry, "start"), _price(entry, "end"), _price(entry, "step"))
    if stretch.step == 0 or not stretch.start < stretch.end <= ONE_DOLLAR_PRICE:
        raise AnswerError("one of its price_ranges has no prices or goes beyond 1 dollar")
    return stretch


def _price(fields: Fields, name: str) -> Price:
    text = fields.optional_price(name)
    if text is None:
        raise AnswerError(f"a price range has no {name}")
    whole, rest = divmod(parse_decimal(text, 6, name), _MICRO_DOLLARS_A_PRICE)
    if rest:
        raise AnswerError(f"the {name} of a price range is finer than 0.0001 dollar")
    return Price(whole)
