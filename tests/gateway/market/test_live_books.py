"""Books out of a stream: what brute force says, an age that is a proof, and nothing after anything was missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.gateway.market.live_books import LiveBooks, MissedError
from pretrade.kalshi.feed_messages import Delta, Snapshot, Traded
from pretrade.model.seen import LEVELS, BookSeen, Source, TradeSeen
from pretrade.model.units import Count, Price

PRICES = st.integers(1, 60).map(lambda cents: Price(cents * 100))
SIDES = st.dictionaries(PRICES, st.integers(1, 500).map(Count), max_size=40)
MOVES = st.tuples(st.sampled_from("AB"), st.booleans(), PRICES, st.none() | st.integers(-500, 500))
"""Market, side, price, and by how much; None takes all that stands there."""
ONE_MORE = Delta("A", is_yes=True, price=Price(100), change=1)


def best(side: dict[Price, Count]) -> tuple[tuple[Price, Count], ...]:
    return tuple(sorted(side.items(), reverse=True)[:LEVELS])


@given(SIDES, SIDES, SIDES, st.lists(MOVES, max_size=60))
def test_a_snapshot_and_its_deltas_are_the_book(
    yes: dict[Price, Count],
    no: dict[Price, Count],
    other: dict[Price, Count],
    moves: list[tuple[str, bool, Price, int | None]],
) -> None:
    """Catches a delta on the wrong side, market or level, one applied twice, a level that stays at zero, best levels
    that are remembered after a change, and a change that cannot be and is swallowed."""
    live = LiveBooks()
    truth = {"A": (dict(yes), dict(no)), "B": (dict(other), {})}
    for ticker, (bids, asks) in truth.items():
        live.take_snapshot(Snapshot(ticker, dict(bids), dict(asks)), 0)
    for ticker, is_yes, price, by in moves:
        side = truth[ticker][0 if is_yes else 1]
        change = -side.get(price, 0) if by is None else by
        count = side.get(price, 0) + change
        news = Delta(ticker, is_yes, price, change)
        if count < 0:
            with pytest.raises(MissedError):
                live.take_delta(news)
            continue
        live.take_delta(news)
        side[price] = Count(count)
        if not count:
            del side[price]
        bids, asks = truth[ticker]
        assert live.book(ticker, 5) == BookSeen(best(bids), best(asks), 5, Source.FEED)
    assert live.drifts == 0


def test_an_age_is_counted_from_the_question_whose_answer_proved_it() -> None:
    """Catches an age that is that of the last change, by which a quiet market would be stale, and one that begins when
    an answer comes, which would call a slow stream fresh."""
    live = LiveBooks()
    live.take_snapshot(Snapshot("A", {}, {}), asked_ms=100)

    def age(now_ms: int) -> int | None:
        book = live.book("A", now_ms)
        return None if book is None else book.age_ms

    assert age(1_000) == 900
    live.prove(asked_ms=700)
    assert age(1_000) == 300
    live.take_delta(ONE_MORE)
    assert age(1_000) == 300
    live.take_snapshot(Snapshot("A", {}, {}), asked_ms=900)
    assert age(1_000) == 100
    live.lose_books()
    assert age(1_000) is None
    live.take_delta(ONE_MORE)
    assert age(1_000) is None
    live.take_snapshot(Snapshot("A", {}, {}), asked_ms=950)
    assert age(1_000) == 50


def test_a_book_that_is_told_anew_and_is_another_is_counted() -> None:
    """Catches a stream that loses messages without a gap in its numbers, unseen."""
    live = LiveBooks()
    live.take_snapshot(Snapshot("A", {Price(100): Count(1)}, {}), 0)
    live.take_snapshot(Snapshot("A", {Price(100): Count(1)}, {}), 1)
    assert live.drifts == 0
    live.take_snapshot(Snapshot("A", {Price(100): Count(2)}, {}), 2)
    assert live.drifts == 1
    assert live.book("A", 2) == BookSeen(((Price(100), Count(2)),), (), 0, Source.FEED)


def test_trades_age_from_when_they_happened() -> None:
    live = LiveBooks()
    assert live.trade("A", 10) is None
    live.take_trade(Traded("A", Price(4_700), 0), now_ms=1_000, age_ms=300)
    assert live.trade("A", 1_500) == TradeSeen(Price(4_700), 800)
    live.lose_trades()
    assert live.trade("A", 1_500) is None


def test_a_snapshot_is_not_shared_with_who_gave_it() -> None:
    live, side = LiveBooks(), {Price(100): Count(1)}
    live.take_snapshot(Snapshot("A", side, {}), 0)
    side.clear()
    book = live.book("A", 0)
    assert book is not None
    assert book.yes == ((100, 1),)
