"""A session of our own stream in front of a practice exchange, without a network: what either says goes by hand."""

from collections import Counter
from dataclasses import dataclass, field

from tests.gateway.fakes import FakeTime, FakeUpstream
from tests.practice.support import Floor

from pretrade.gateway.market.books import Books
from pretrade.gateway.market.feed_session import FeedSession, Hearers
from pretrade.gateway.market.feed_state import FeedState
from pretrade.kalshi.feed_messages import EventFeeChanged, MarketChanged
from pretrade.kalshi.keys import generate_private_key
from pretrade.kalshi.order_book import top
from pretrade.kalshi.signing import Signer
from pretrade.model.orders import Side
from pretrade.model.seen import Level
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Price
from pretrade.practice.stream import desk
from pretrade.practice.stream.hub import Hub
from pretrade.practice.stream.session import End, Member, StreamLimits

KEY = generate_private_key("ed25519")


@dataclass
class FakeFacts:
    """Notes what it is told about markets."""

    told: list[MarketChanged | EventFeeChanged] = field(default_factory=list)
    doubts: int = 0

    def market_changed(self, news: MarketChanged) -> None:
        self.told.append(news)

    def fees_changed(self, news: EventFeeChanged) -> None:
        self.told.append(news)

    def doubt(self) -> None:
        self.doubts += 1


class Talk:
    """One connection: `step` lets time pass and both sides say what they have to; `lost` holds frames back."""

    def __init__(self, *, is_live: bool = True, hears_groups: bool = False, limits: StreamLimits | None = None) -> None:
        self.time, self.floor = FakeTime(), Floor()
        self.hub = Hub(self.floor.exchange, limits=limits)
        self.alice = self.floor.account("alice")
        self.their_side = self.hub.open(Member("alice"))
        clock = self.time.clock
        self.upstream = FakeUpstream()
        self.books = Books(Signer(KEY, "live-key"), self.upstream, clock)  # type: ignore[arg-type]
        self.facts, self.state, self.news = FakeFacts(), FeedState(), 0
        self.trips: list[str] = []
        hearers = Hearers(self.books, self.facts, self._news, self.trips.append)  # type: ignore[arg-type]
        self.session = FeedSession(hearers, clock, self.state, hears_account=is_live, hears_groups=hears_groups)
        self.said: Counter[str] = Counter()
        self.ended = False
        self._late: list[str] = []
        for command in self.session.opening():
            self.say(command)

    def _news(self) -> None:
        self.news += 1

    def say(self, command: str) -> None:
        """Let the exchange have one command."""
        self.said[command.split('"cmd":"')[1].split('"')[0]] += 1
        desk.answer(self.hub, self.their_side, command)

    def frames(self) -> list[str]:
        """What the exchange has sent since the last time, and before that what was late then."""
        found, late = self._late, list[str]()
        while (item := self.hub.take(self.their_side)) is not None:
            if isinstance(item, End):
                self.ended = True
                break
            (late if item.after_seconds else found).append(item.text(self.floor.clock() // 1_000))
        self._late = late
        return found

    def hear(self) -> None:
        """Take in all that the exchange has sent. Raises FeedError."""
        for frame in self.frames():
            self.session.take(frame)

    def step(self, milliseconds: int = 0) -> None:
        """Let time pass, say what is due, and hear the answers. Raises FeedError."""
        self.time.pass_ms(milliseconds)
        self.floor.clock.now_us += milliseconds * 1_000
        self.floor.exchange.advance()
        for command in self.session.due():
            self.say(command)
        self.hear()

    def watch(self, *tickers: str) -> None:
        """Want these markets and let their books come."""
        for ticker in tickers:
            self.books.get(ticker)
        for _ in range(4):
            self.step()

    def truth(self, ticker: str) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The book as the exchange has it: YES bids, and NO bids in NO dollars."""
        book = self.floor.exchange.markets[ticker].book
        yes = {Price(price): Count(count) for price, count in book.depth(Side.BID)}
        no = {Price(ONE_DOLLAR_PRICE - price): Count(count) for price, count in book.depth(Side.ASK)}
        return top(yes), top(no)

    def seen(self, ticker: str) -> tuple[tuple[Level, ...], tuple[Level, ...]] | None:
        """The book as we have it by the stream; None where there is none."""
        book = self.books.live.book(ticker, self.time.clock.age_ms())
        return None if book is None else (book.yes, book.no)

    def age(self, ticker: str) -> int | None:
        book = self.books.live.book(ticker, self.time.clock.age_ms())
        return None if book is None else book.age_ms
