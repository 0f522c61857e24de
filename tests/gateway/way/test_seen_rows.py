"""What was seen, in a decision's row: the same facts again, in about a kilobyte a market."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pretrade.gateway.way.seen_rows import exchange_row, market_row, read_exchange, read_market
from pretrade.journal.events import canonical
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.seen import LEVELS, NOTHING_OWN, BookSeen, ExchangeSeen, MarketSeen, OwnSeen, Source, TradeSeen
from pretrade.model.units import Count, Price

FIGURES = st.integers(0, 2**53)
LEVEL = st.tuples(st.integers(1, 9_999).map(Price), st.integers(1, 10**9).map(Count))
SIDE = st.lists(LEVEL, max_size=LEVELS).map(tuple)
MARKETS = st.builds(
    MarketSeen,
    ticker=st.from_regex(r"[A-Z0-9.-]{1,40}", fullmatch=True),
    status=st.sampled_from(MarketStatus),
    close_ms=st.none() | FIGURES,
    price_ranges=st.lists(st.builds(PriceRange, *[st.integers(0, 10_000).map(Price)] * 3), max_size=4).map(tuple),
    age_ms=FIGURES,
    is_trading=st.none() | st.booleans(),
    volume_24h=st.none() | FIGURES.map(Count),
    open_interest=st.none() | FIGURES.map(Count),
    book=st.none() | st.builds(BookSeen, SIDE, SIDE, FIGURES, st.sampled_from(Source)),
    last_trade=st.none() | st.builds(TradeSeen, st.integers(1, 9_999).map(Price), FIGURES),
    own=st.builds(OwnSeen, SIDE, SIDE, FIGURES.map(Count), FIGURES.map(Count), st.booleans()),
)


@given(MARKETS)
def test_a_market_reads_back_as_it_was_seen(seen: MarketSeen) -> None:
    """Decisions are reproducible. Catches a figure left out of the row, sides or places that change, None read as zero,
    and an empty side that comes back as one that was not seen."""
    row = market_row(seen)
    assert read_market(row) == seen
    assert read_market(_through_the_journal(row)) == seen


@given(MARKETS)
def test_a_row_from_before_own_orders_were_seen_is_read(seen: MarketSeen) -> None:
    assert read_market(market_row(seen)[:-1]) == replace(seen, own=NOTHING_OWN)


@given(st.none() | st.builds(ExchangeSeen, st.booleans(), st.booleans(), FIGURES))
def test_the_exchange_reads_back_too(seen: ExchangeSeen | None) -> None:
    assert read_exchange(_through_the_journal(exchange_row(seen))) == seen


def test_a_deep_market_takes_about_a_kilobyte() -> None:
    """Bounded: a deep book of a busy market, every level with thousands of contracts."""
    side = tuple((Price(9_900 - 100 * step), Count(1_234_500 + step)) for step in range(LEVELS))
    book = BookSeen(side, side, 345, Source.FEED)
    grid = (PriceRange(Price(0), Price(10_000), Price(100)),)
    seen = MarketSeen(
        "KXHIGHNY-26NOV21-B54.5", MarketStatus.ACTIVE, 1_795_280_400_000, grid, 12_345,
        is_trading=True, volume_24h=Count(123_456_700), open_interest=Count(98_765_400), book=book,
        last_trade=TradeSeen(Price(5_400), 1_234),
    )  # fmt: skip
    assert len(canonical(market_row(seen))) <= 1_000


def _through_the_journal(row: object) -> Any:
    return json.loads(canonical({"row": row}))["row"]
