"""The books of the markets that are traded through this proxy: by our own stream, by REST where that has none.

Rule of this file: it chooses between the two and says which markets are wanted; looking is without I/O and changes
nothing but that. What clients read through the proxy does not come in here: it is the exchange's cached answer to
somebody else's question, of an age that nobody knows.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market.live_books import LiveBooks
from pretrade.gateway.market.own_takes import OwnTakes
from pretrade.gateway.market.rest_books import RestBooks
from pretrade.kalshi.client import Upstream
from pretrade.kalshi.signing import Signer
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, Source, TradeSeen
from pretrade.policy.figures import COLLAR_AGE, LIQUIDITY_AGE
from pretrade.policy.schema import Policy
from pretrade.risk.ledger.own_orders import NOTHING_LATELY, Lately, Standing

KEEP_MS = 1_000
"""How old a book may be without being read again: half of what the default policy lets an order be judged by."""
MARKETS = 200
"""Markets that the stream is asked for at once, those that were used last."""
USED_MS = 900_000
"""How long after it was last looked at a market is wanted."""
PATIENCE_S = 2.0
READ_LAG_MS = 1_000
"""By how much what the exchange shows to a read may be older than the read: some hundreds of milliseconds were seen."""


def nothing_stands(ticker: str) -> Standing:
    """For books beside no orders of our own."""
    return {}


def keep_ms(policy: Policy) -> int:
    """Half of the shortest age that the policy lets a book have, for whomever and wherever: so long a book counts as
    one that need not be read again, and the other half is for judging by it. KEEP_MS at most."""
    places: tuple[object, ...] = (policy, *policy.clients.values(), *policy.markets)
    ages = [age for place in places for key in (COLLAR_AGE, LIQUIDITY_AGE) if (age := key.stated(place)) is not None]
    return min([KEEP_MS, *(age // 2 for age in ages)])


class Books:
    """Belongs to one event loop. `live` is what the stream fills; `wake` is set when it is to be asked for more."""

    def __init__(
        self,
        signer: Signer,
        upstream: Upstream,
        clock: Clock,
        *,
        keep_ms: int = KEEP_MS,
        standing: Callable[[str], Standing] = nothing_stands,
    ) -> None:
        """A book older than `keep_ms` milliseconds is read again before an order is judged; `standing` says what may
        rest of our own in a market now."""
        self._clock = clock
        self.keep_ms = keep_ms
        self._rest = RestBooks(signer, upstream, clock, keep_ms=keep_ms, patience=PATIENCE_S, standing=standing)
        self.takes = OwnTakes()
        self._used: OrderedDict[str, int] = OrderedDict()
        self.live = LiveBooks()
        self.wake = asyncio.Event()

    def get(self, ticker: str) -> BookSeen | None:
        """The book as it is known now; no I/O. Only for markets that there are: to be looked at is to be wanted.

        The stream's own, as long as that is no older than `keep_ms`: changes reach it before the next proof of its
        age. Else the younger of the two.
        """
        now_ms = self._clock.age_ms()
        self._want(ticker, now_ms)
        live, read = self.live.book(ticker, now_ms), self._rest.book(ticker, now_ms)
        if live is None or read is None:
            return live or read
        return live if live.age_ms <= max(self.keep_ms, read.age_ms) else read

    def lately(self, ticker: str, book: BookSeen) -> Lately:
        """What our own orders have to do with a book that `get` gave just now. One of the stream's own is as new as our
        orders: it is told of a trade as soon as its answer is here, and would show what that took twice."""
        if book.source is not Source.REST:
            return NOTHING_LATELY
        took = self.takes.since(ticker, self._clock.age_ms() - book.age_ms - READ_LAG_MS)
        return Lately(self._rest.stood(ticker), *took)

    def took(self, ticker: str, side: Side, count: int) -> None:
        """An order of ours has just been answered, and took so many contracts (0.01) from the book."""
        self.takes.add(ticker, side, count, self._clock.age_ms())

    def last_trade(self, ticker: str) -> TradeSeen | None:
        """The last trade that the stream told of."""
        return self.live.trade(ticker, self._clock.age_ms())

    async def fetch(self, tickers: Iterable[str], *, within: float = PATIENCE_S) -> None:
        """Read the books that are not here or are too old, and wait for them at most `within` seconds. Never raises for
        what the exchange or the network does: what could not be read stays as it was. Only for markets that there are.
        """
        deadline = asyncio.get_running_loop().time() + within
        cold = [ticker for ticker in tickers if not self._is_warm(ticker)]
        if cold:
            await self._rest.fetch(cold, deadline)

    def wanted(self) -> list[str]:
        """The markets to be subscribed to, used last first."""
        now_ms = self._clock.age_ms()
        while self._used and now_ms - next(iter(self._used.values())) >= USED_MS:
            self._used.popitem(last=False)
        return list(reversed(self._used))

    def _is_warm(self, ticker: str) -> bool:
        book = self.get(ticker)
        return book is not None and book.age_ms <= self.keep_ms

    def _want(self, ticker: str, now_ms: int) -> None:
        if ticker not in self._used:
            self.wake.set()
        self._used[ticker] = now_ms
        self._used.move_to_end(ticker)
        if len(self._used) > MARKETS:
            self._used.popitem(last=False)
