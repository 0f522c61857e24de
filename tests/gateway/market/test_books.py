"""Which book is looked at, and what is read where there is none: few reads, each for all who wait."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.builders import policy
from tests.gateway.fakes import FakeTime, FakeUpstream, always, answered
from tests.gateway.feedkit import KEY

from pretrade.gateway.market.books import KEEP_MS, MARKETS, USED_MS, Books, keep_ms
from pretrade.gateway.market.rest_books import READS_A_SECOND, READS_AT_ONCE
from pretrade.kalshi.client import Answer, Lane, Unknown
from pretrade.kalshi.feed_messages import Snapshot
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.model.seen import BookSeen, Source
from pretrade.model.units import Count, Price

AGE = ("    max_age: 2s                # an older book", "  max_age: 2s                  # an older book")
BOOK = {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": []}
LEVELS = ((Price(4_700), Count(300)),)
LIVE = Snapshot("A", {Price(4_800): Count(100)}, {})


async def read_any(request: SignedRequest) -> Answer:
    """An exchange that has the same book of every market."""
    if "?" not in request.target:
        return answered(200, {"orderbook_fp": BOOK})
    tickers = [pair.partition("=")[2] for pair in request.target.partition("?")[2].split("&")]
    return answered(200, {"orderbooks": [{"ticker": ticker, "orderbook_fp": BOOK} for ticker in tickers]})


class Desk:
    def __init__(self, on_send: Any = read_any) -> None:
        self.time, self.upstream = FakeTime(), FakeUpstream(on_send)
        self.books = Books(Signer(KEY, "live-key"), self.upstream, self.time.clock)  # type: ignore[arg-type]

    def reads(self) -> Counter[str]:
        counted = Counter(request.target.removeprefix("/trade-api/v2/markets/") for request in self.upstream.sent)
        self.upstream.sent.clear()
        return counted

    def seen(self, ticker: str = "A") -> tuple[Source, int] | None:
        book = self.books.get(ticker)
        return None if book is None else (book.source, book.age_ms)


async def test_a_cold_market_costs_one_read_however_many_wait() -> None:
    """Catches one read an order: a client that starts with a burst would use up the exchange's budget."""
    desk = Desk()
    assert desk.seen() is None
    await asyncio.gather(*(desk.books.fetch(["A"]) for _ in range(50)))
    assert desk.reads() == Counter({"A/orderbook": 1})
    assert desk.books.get("A") == BookSeen(LEVELS, (), 0, Source.REST)
    assert set(desk.upstream.lanes) == {Lane.RECONCILE}
    desk.time.pass_ms(KEEP_MS - 1)
    await desk.books.fetch(["A"])
    assert (desk.reads(), desk.seen()) == (Counter(), (Source.REST, KEEP_MS - 1))
    desk.time.pass_ms(2)
    await desk.books.fetch(["A"])
    assert (desk.reads(), desk.seen()) == (Counter({"A/orderbook": 1}), (Source.REST, 0))


async def test_several_cold_markets_are_one_read() -> None:
    desk = Desk()
    await desk.books.fetch(["A", "B", "C"])
    assert desk.reads() == Counter({"orderbooks?tickers=A&tickers=B&tickers=C": 1})
    assert desk.seen("B") == desk.seen("C") == (Source.REST, 0)


async def test_a_book_by_the_stream_needs_no_read() -> None:
    """Catches a round trip on the way of an order whose market the stream tells of."""
    desk = Desk()
    now_ms = desk.time.clock.age_ms()
    desk.books.live.take_snapshot(LIVE, now_ms)
    await desk.books.fetch(["A"])
    desk.time.pass_ms(KEEP_MS)
    await desk.books.fetch(["A"])
    assert (desk.reads(), desk.seen()) == (Counter(), (Source.FEED, KEEP_MS))
    desk.time.pass_ms(1)
    await desk.books.fetch(["A"])
    assert (desk.reads(), desk.seen()) == (Counter({"A/orderbook": 1}), (Source.REST, 0))
    desk.books.live.prove(now_ms + KEEP_MS)
    assert desk.seen() == (Source.FEED, 1)
    desk.books.live.lose_books()
    assert desk.seen() == (Source.REST, 0)


AGES: dict[str, tuple[tuple[tuple[str, str], ...], int]] = {
    "the default": ((), 1_000),
    "a short collar": (((AGE[0], AGE[0].replace("2s", "800ms")),), 400),
    "a short liquidity": (((AGE[1], AGE[1].replace("2s", "500ms")),), 250),
    "long ones": (((AGE[0], AGE[0].replace("2s", "9s")), (AGE[1], AGE[1].replace("2s", "9s"))), 1_000),
}


@pytest.mark.parametrize("name", AGES)
def test_a_book_is_kept_for_half_of_what_the_policy_lets_it_age(name: str) -> None:
    """Catches books that count as good enough not to be read again and are too old for the checks."""
    changes, kept_ms = AGES[name]
    assert keep_ms(policy(*changes, strict=True)) == kept_ms


async def test_an_age_begins_with_the_question() -> None:
    desk = Desk()

    async def slowly() -> None:
        desk.time.pass_ms(400)

    desk.upstream.on_connect = slowly
    await desk.books.fetch(["A"])
    assert desk.seen() == (Source.REST, 400)


async def test_what_cannot_be_read_stays_as_it_was() -> None:
    """Missing is not zero. Catches a failed read that makes an empty book, or an old one young."""
    desk = Desk()
    await desk.books.fetch(["A"])
    for bad in (Unknown("x"), answered(429, {}), answered(200, {"orderbook_fp": {"yes_dollars": [["x", "1"]]}})):
        desk.time.pass_ms(5_000)
        desk.upstream.on_send = always(bad)
        await desk.books.fetch(["A", "B"][: 1 + isinstance(bad, Exception)])
    assert desk.seen() == (Source.REST, 15_000)
    assert desk.seen("B") is None


async def test_a_market_that_an_answer_leaves_out_has_no_book() -> None:
    desk = Desk(always(answered(200, {"orderbooks": [{"ticker": "A", "orderbook_fp": BOOK}]})))
    await desk.books.fetch(["A", "B"])
    assert (desk.seen("A"), desk.seen("B")) == ((Source.REST, 0), None)


async def test_reads_are_bounded_by_the_budget() -> None:
    """Catches a client that trades everywhere while the stream is down and takes the exchange's budget from others."""
    desk = Desk()
    for number in range(3 * READS_AT_ONCE):
        await desk.books.fetch([f"M{number}"])
    assert desk.reads().total() == READS_AT_ONCE
    for _ in range(100):
        desk.time.pass_ms(100)
        await desk.books.fetch(["N"])
        await desk.books.fetch([f"O{desk.time.mono_ns}"])
    assert desk.reads().total() <= 10 * READS_A_SECOND + 1


async def test_an_order_waits_no_longer_than_it_may() -> None:
    """Catches orders that hang with the exchange's reads; the read goes on for those that come later."""
    gate = asyncio.Event()

    async def hanging(request: SignedRequest) -> Answer:
        await gate.wait()
        return await read_any(request)

    desk = Desk(hanging)
    async with asyncio.timeout(1):
        await desk.books.fetch(["A"], within=0.02)
    assert desk.seen() is None
    gate.set()
    await desk.books.fetch(["A"])
    assert desk.reads() == Counter({"A/orderbook": 1})
    assert desk.seen() is not None


async def test_markets_are_wanted_as_they_are_used() -> None:
    """Bounded. Catches subscriptions that only ever grow, and a market in use that makes room for one that is not."""
    desk = Desk()
    for number in range(MARKETS + 10):
        desk.books.get(f"M{number}")
        desk.books.get("M0")
    wanted = desk.books.wanted()
    assert (len(wanted), wanted[0], "M1" in wanted) == (MARKETS, "M0", False)
    desk.time.pass_ms(USED_MS - 1)
    desk.books.get("M0")
    desk.time.pass_ms(1)
    assert desk.books.wanted() == ["M0"]
    desk.books.wake.clear()
    desk.books.get("M0")
    assert not desk.books.wake.is_set()
    desk.books.get("NEW")
    assert desk.books.wake.is_set()
