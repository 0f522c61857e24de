"""What was seen of the world beside our own account: books, last trades, markets, the exchange; each with its age.

Rule of this file: frozen facts, exact integers, ages in milliseconds of the monotonic clock. What was not seen is None
and never an empty value: an empty side of a book was seen to be empty.
"""

from enum import StrEnum

from pretrade.model.frozen import frozen
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.units import NO_CONTRACTS, Count, Price


class Source(StrEnum):
    """Where a figure came from: our own stream, a read of our own, or an answer that passed through to a client."""

    FEED = "feed"
    REST = "rest"
    CLIENT_READ = "client_read"


type Level = tuple[Price, Count]
"""One price of a book and how much stands there."""


@frozen
class BookSeen:
    """A market's book: YES bids and NO bids, each best first, every price in dollars of its own side; no price twice
    and no level without contracts. A YES ask is one dollar less the NO bid. `age_ms` counts from when it was last known
    to be so. Only the best LEVELS of each side are kept."""

    yes: tuple[Level, ...]
    no: tuple[Level, ...]
    age_ms: int
    source: Source


LEVELS = 25
"""Levels of each side that are kept and recorded (liquidity.md 5.5)."""


@frozen
class TradeSeen:
    """The last trade of a market, at its price in YES terms."""

    price: Price
    age_ms: int


@frozen
class OwnSeen:
    """Our own account's orders in a book: `yes` and `no` are what of the levels may be theirs, in the book's terms;
    `bids_taking` and `asks_taking` (0.01 contracts) what those under way, unanswered or unknown, may take from it, and
    what those took that ended after it was seen. `is_unsure` says that the book and our orders may be of different
    ages: what may be ours may as well be another's."""

    yes: tuple[Level, ...] = ()
    no: tuple[Level, ...] = ()
    bids_taking: Count = NO_CONTRACTS
    asks_taking: Count = NO_CONTRACTS
    is_unsure: bool = False


NOTHING_OWN = OwnSeen()


@frozen
class MarketSeen:
    """A market of the write. `age_ms` is the age of everything but `book` and `last_trade`, which have their own.

    `is_trading` says whether its shard of the exchange trades, None where that is not known. Volume and open interest
    are in 0.01 contracts, None where the exchange did not say.
    """

    ticker: str
    status: MarketStatus
    close_ms: int | None
    price_ranges: tuple[PriceRange, ...]
    age_ms: int
    is_trading: bool | None = None
    volume_24h: Count | None = None
    open_interest: Count | None = None
    book: BookSeen | None = None
    last_trade: TradeSeen | None = None
    own: OwnSeen = NOTHING_OWN


@frozen
class ExchangeSeen:
    """Whether the exchange is up and trades, as it said itself."""

    is_active: bool
    is_trading: bool
    age_ms: int
