"""Our own stream against a practice exchange over real TLS: books move with the exchange's, and are gone with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from tests.builders import order
from tests.gateway.fakes import CLIENTS, LIVE, FakeTime, World, open_world, until
from tests.kalshi.stream_server import FakeExchange, dialler, exchange
from tests.practice.support import ed25519_key, start_practice
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market import feed_session
from pretrade.gateway.market.books import KEEP_MS, Books
from pretrade.gateway.market.exchange_status import ExchangeStatus
from pretrade.gateway.market.feed import NEWS_EVERY_MS, Feed
from pretrade.gateway.market.market_facts import MarketFactsCache
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.way.facts import gather
from pretrade.kalshi.client import Address, Answer, Lane, Upstream, tls_context
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.kalshi.stream import StreamDialler
from pretrade.model.facts import Facts
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import CreateOrder
from pretrade.model.seen import BookSeen, Source
from pretrade.model.units import parse_price
from pretrade.practice.core import lifecycle
from pretrade.practice.core.accounts import Account
from pretrade.practice.server import RunningPractice
from pretrade.practice.stream.faults import StreamFault, StreamFaultKind

BTC = "KXBTC-26DEC31-T100000"
WRITE = CreateOrder(order("1.00", "0.0500"))


class RealTime(FakeTime):
    """The machine's own clocks."""

    def __init__(self) -> None:
        self.clock = Clock()


class CountedUpstream(Upstream):
    """Our own client, which notes what it was asked to send."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sent: list[str] = []

    async def send(self, request: SignedRequest, *, lane: Lane, last_look: Any = None) -> Answer:
        self.sent.append(request.target)
        return await super().send(request, lane=lane, last_look=last_look)


@dataclass
class Desk:
    """A proxy without doors whose stream runs, in front of a practice exchange."""

    world: World
    practice: RunningPractice
    upstream: CountedUpstream
    wants: list[int] = field(default_factory=list)

    @property
    def hub(self) -> Any:
        return self.practice.practice.hub

    def facts(self) -> Facts:
        return gather(self.world.instance, CLIENTS["bot-key"], WRITE)

    def book(self) -> BookSeen | None:
        markets = self.facts().markets
        return markets[0].book if markets else None

    def is_live(self) -> bool:
        book = self.book()
        return book is not None and book.source is Source.FEED and book.age_ms <= 700

    def trader(self) -> Account:
        return self.practice.exchange.open_account(f"other-{time.monotonic_ns()}", 10**9)

    async def started(self) -> None:
        """Until the stream tells of the market."""
        await learn(self.world.instance, WRITE)
        await until(self.is_live)


@asynccontextmanager
async def desk(folder: Path, **more: Any) -> AsyncIterator[Desk]:
    practice = await start_practice(folder / "practice")
    (folder / "state").mkdir()
    world = open_world(folder / "state", LIVE, time=RealTime())
    address = Address("127.0.0.1", practice.port, "127.0.0.1")
    context = tls_context(practice.ca_file)
    instance, upstream = world.instance, CountedUpstream(address, context)
    instance.signers, instance.upstream = Signers(Signer(ed25519_key(), "ed")), upstream
    instance.markets = MarketFactsCache(upstream, instance.clock)
    instance.books = Books(instance.signers.general, upstream, instance.clock)
    instance.exchange_status = ExchangeStatus(upstream, instance.clock)
    found = Desk(world, practice, upstream)
    instance.reconciled.want = lambda: found.wants.append(instance.clock.age_ms())  # type: ignore[method-assign]
    running = asyncio.create_task(Feed(instance, StreamDialler(address, context), chance=lambda: 0.0).run())
    try:
        yield found
        assert not running.done(), "the stream's task has ended"
    finally:
        running.cancel()
        await asyncio.wait((running,))
        await upstream.close()
        await world.close()
        await practice.stop()


async def test_the_book_moves_and_the_facts_with_it_without_a_read(tmp_path: Path) -> None:
    """Catches facts that wait for a read, or that show yesterday's book: within a second of a change the facts have it,
    and nothing was asked by REST."""
    async with desk(tmp_path) as at:
        await at.started()
        trader, instance = at.trader(), at.world.instance
        reads = len(at.upstream.sent)
        for cents in (12, 13, 14):
            before = at.book()
            at.practice.exchange.create(trader, order("7.00", f"0.{cents}00", subaccount=0))
            price = parse_price(f"0.{cents}00")
            await until(lambda price=price: (book := at.book()) is not None and (price, 700) in book.yes, 1.0)  # type: ignore[misc]
            await learn(instance, WRITE)
            assert at.book() != before
        assert at.upstream.sent[reads:] == []
        market = at.facts().markets[0]
        assert (market.ticker, market.status, market.book is None) == (BTC, MarketStatus.ACTIVE, False)
        assert instance.feed.gaps == instance.books.live.drifts == 0


async def test_a_book_is_read_once_while_the_stream_is_cut_and_told_again_after(tmp_path: Path) -> None:
    """Catches a book that outlives its stream, and a stream that is not opened again."""
    async with desk(tmp_path) as at:
        await at.started()
        trader, instance = at.trader(), at.world.instance
        began_ms = instance.clock.age_ms()
        await until(lambda: instance.clock.age_ms() - began_ms > KEEP_MS)  # what was read at first is old by now
        at.hub.faults.add(StreamFault(StreamFaultKind.ABORT, "orderbook_delta"))
        at.practice.exchange.create(trader, order("7.00", "0.1200", subaccount=0))
        await until(lambda: instance.feed.opened_ms is None)
        assert instance.books.live.book(BTC, instance.clock.age_ms()) is None
        reads = len(at.upstream.sent)
        await asyncio.gather(*(learn(instance, WRITE) for _ in range(20)))
        book = at.book()
        assert book is not None
        assert (parse_price("0.1200"), 700) in book.yes
        assert [path for path in at.upstream.sent[reads:] if path.endswith("/orderbook")] in (
            [f"/trade-api/v2/markets/{BTC}/orderbook"],
            [],  # the stream was back before it was asked
        )
        await until(at.is_live)
        assert instance.feed.openings == 2


async def test_a_silent_stream_makes_books_old_and_then_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a connection that stands and tells nothing, by which the last book would be right for ever."""
    monkeypatch.setattr(feed_session, "SILENT_MS", 3_000)
    async with desk(tmp_path) as at:
        await at.started()
        instance = at.world.instance
        at.hub.faults.add(StreamFault(StreamFaultKind.SILENCE, "orderbook_delta"))
        at.practice.exchange.create(at.trader(), order("7.00", "0.1200", subaccount=0))

        def age() -> int:
            """Of the younger of the two, the stream's book and the one that was read."""
            book = at.book()
            return -1 if book is None else book.age_ms

        await until(lambda: age() > KEEP_MS)
        before = len(at.upstream.sent)
        await learn(instance, WRITE)
        assert len(at.upstream.sent) == before + 1
        book = at.book()
        assert book is not None
        assert (book.source, (parse_price("0.1200"), 700) in book.yes) == (Source.REST, True)
        await until(lambda: instance.feed.openings == 2)
        await until(at.is_live)


async def test_what_becomes_of_a_market_is_in_the_facts_at_once(tmp_path: Path) -> None:
    """Catches orders for a market that was paused a moment ago and is still read as open."""
    async with desk(tmp_path) as at:
        await at.started()
        assert at.facts().markets[0].status is MarketStatus.ACTIVE
        reads = len(at.upstream.sent)
        lifecycle.pause_market(at.practice.exchange, BTC)
        await until(lambda: at.facts().markets[0].status is MarketStatus.INACTIVE, 1.0)
        lifecycle.resume_market(at.practice.exchange, BTC)
        close_us = at.practice.exchange.clock() + 3_600_000_000
        lifecycle.move_close(at.practice.exchange, BTC, close_us)
        await until(lambda: at.facts().markets[0].close_ms == close_us // 1_000_000 * 1_000, 1.0)
        assert at.facts().markets[0].status is MarketStatus.ACTIVE
        assert at.upstream.sent[reads:] == []


async def test_news_of_the_account_want_a_reading_at_most_once_a_second(tmp_path: Path) -> None:
    """Catches a ledger that learns of a fill with the next regular round only, and a busy account that makes us read
    without end; the last news are not lost."""
    async with desk(tmp_path) as at:
        await at.started()
        owner = next(iter(at.practice.exchange.accounts.values()))
        live_account = at.hub.sessions[0].member.account
        owner = at.practice.exchange.accounts[live_account]
        assert at.wants == []
        for _ in range(30):
            at.practice.exchange.create(owner, order("1.00", "0.0500", subaccount=0))
            await asyncio.sleep(0.05)
        last = at.world.instance.clock.age_ms()
        await until(lambda: bool(at.wants) and at.wants[-1] >= last - NEWS_EVERY_MS)
        await asyncio.sleep(1.2)
        gaps = [after - before for before, after in zip(at.wants, at.wants[1:], strict=False)]
        assert 2 <= len(at.wants) <= 4
        assert min(gaps) >= NEWS_EVERY_MS


async def test_an_exchange_that_refuses_is_not_called_without_end(tmp_path: Path) -> None:
    """Bounded. Catches a loop of signed handshakes, and a task that ends with a refusal."""

    async def refuse(side: ServerConnection, request: Request) -> Response | None:
        return side.respond(HTTPStatus.SERVICE_UNAVAILABLE, "down\n")

    async with _running(tmp_path, on_request=refuse) as (world, fake):
        await until(lambda: len(fake.handshakes) == 3)  # after 0.25 and 0.5 s more
        feed = world.instance.feed
        assert (feed.opened_ms, feed.openings, feed.proved_ms) == (None, 0, None)
        assert "503" in feed.problem
        await asyncio.sleep(0.5)
        assert len(fake.handshakes) == 3


async def test_an_exchange_that_lets_in_and_hangs_up_is_not_called_without_end(tmp_path: Path) -> None:
    """Catches a pause that begins anew with each stream that stood for a moment."""

    async def hang_up(side: ServerConnection) -> None:
        await side.close(1001)

    async with _running(tmp_path, on_open=hang_up) as (world, fake):
        await until(lambda: len(fake.handshakes) == 3)
        await asyncio.sleep(0.5)
        assert len(fake.handshakes) == 3
        assert world.instance.feed.openings == 3


@asynccontextmanager
async def _running(folder: Path, **how: Any) -> AsyncIterator[tuple[World, FakeExchange]]:
    """A stream before an exchange that does as told."""
    async with exchange(folder, **how) as fake:
        (folder / "state").mkdir()
        world = open_world(folder / "state", LIVE, time=RealTime())
        instance = world.instance
        instance.books = Books(instance.signers.general, instance.upstream, instance.clock)
        running = asyncio.create_task(Feed(instance, dialler(fake.port, fake.ca_file), chance=lambda: 0.0).run())
        try:
            yield world, fake
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.wait((running,))
            await world.close()
