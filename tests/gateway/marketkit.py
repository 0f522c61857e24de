"""Markets, books and the exchange's status by interface: as the gate sees them, without an exchange."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.exchange_status import ExchangeStatus
from pretrade.gateway.market.live_books import LiveBooks
from pretrade.model.markets import FeeType, MarketFacts, MarketStatus, PriceRange
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, ExchangeSeen, Source, TradeSeen
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.own_orders import NOTHING_LATELY, Lately


@dataclass
class FakeMarkets:
    """Knows where every market belongs that is not in `missing`, and that so many contracts were traded
    and are held there; notes what it was asked to fetch."""

    missing: set[str] = field(default_factory=set)
    multiplier: int = 10_000
    on_fetch: Callable[[], Awaitable[None]] | None = None
    fetched: list[tuple[str, ...]] = field(default_factory=list)
    traded: Count | None = None

    def get(self, ticker: str) -> MarketFacts | None:
        if ticker in self.missing:
            return None
        event, _, _ = ticker.rpartition("-")
        series = ticker.partition("-")[0]
        grid = (PriceRange(Price(0), Price(10_000), Price(100)),)
        status, fees = MarketStatus.ACTIVE, FeeType.QUADRATIC
        facts = MarketFacts(ticker, event, series, status, self.multiplier, fees, grid, None, 0)
        return replace(facts, volume_24h=self.traded, open_interest=self.traded)

    def age_ms(self, ticker: str) -> int | None:
        return None if ticker in self.missing else 0

    def doubt(self) -> None:
        """What is here is never in doubt."""

    async def fetch(self, tickers: Iterable[str]) -> dict[str, MarketFacts | str]:
        self.fetched.append(tuple(tickers))
        if self.on_fetch is not None:
            await self.on_fetch()
        return {}


GOOD_BOOK = BookSeen(
    yes=tuple((Price(5_400 - 100 * step), Count(100_000)) for step in range(10)),
    no=tuple((Price(4_400 - 100 * step), Count(100_000)) for step in range(10)),
    age_ms=0,
    source=Source.FEED,
)
"""0.54 bid, 0.56 asked, 1 000 contracts at every cent."""


@dataclass
class FakeBooks:
    """Has this book of every market, and no trades; notes what it was asked to fetch."""

    book: BookSeen | None = GOOD_BOOK
    fetched: list[tuple[str, ...]] = field(default_factory=list)
    live: LiveBooks = field(default_factory=LiveBooks)

    def get(self, ticker: str) -> BookSeen | None:
        return self.book

    def last_trade(self, ticker: str) -> TradeSeen | None:
        return None

    def lately(self, ticker: str, book: BookSeen) -> Lately:
        """The book is as new as anything of ours."""
        return NOTHING_LATELY

    def took(self, ticker: str, side: Side, count: int) -> None:
        """The book is the same after it."""

    async def fetch(self, tickers: Iterable[str], *, within: float = 2.0) -> None:
        self.fetched.append(tuple(tickers))


class Trading(ExchangeStatus):
    """An exchange that trades, and was asked just now."""

    def seen(self) -> ExchangeSeen | None:
        return ExchangeSeen(is_active=True, is_trading=True, age_ms=0)

    def is_trading(self, shard: int) -> bool | None:
        return True


def calm(instance: Instance) -> None:
    """Let an instance see good markets without reading anything."""
    instance.books = FakeBooks()  # type: ignore[assignment]
    instance.exchange_status = Trading(instance.upstream, instance.clock)
