"""Books read by REST, for markets of which our own stream has none: each read once for all who need it.

Rule of this file: a book is as old as the moment its read began. There are few reads a second and several books to a
read, so that clients keep the exchange's budget; writes have a budget and connections of their own, and are never kept
waiting by these.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pretrade.gateway.machine.bucket import Bucket
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market.shelf import Failure, Shelf
from pretrade.kalshi import market_facts, order_book
from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.client import Lane, NotSent, Unknown, Upstream
from pretrade.kalshi.order_book import BookLevels
from pretrade.kalshi.signing import ReadRequest, Signer
from pretrade.model.seen import BookSeen, Source
from pretrade.risk.ledger.own_orders import Standing

READS_A_SECOND = 4
"""A fifth of what the lowest tier may read (auth.md 7: 200 tokens, 10 a read); used only where the stream fails."""
READS_AT_ONCE = 20
"""The same, saved up: for the first orders of a client with many markets."""
SIZE = 1_000

_OK = 200


@dataclass(frozen=True, slots=True)
class _Read:
    levels: BookLevels
    asked_ms: int
    stood: Standing


class RestBooks:
    """The books that were read last. `keep_ms` is how long one is given out for another read of the same market,
    `standing` says what may rest of our own in a market now."""

    def __init__(
        self,
        signer: Signer,
        upstream: Upstream,
        clock: Clock,
        *,
        keep_ms: int,
        patience: float,
        standing: Callable[[str], Standing],
    ) -> None:
        """`patience`, in seconds, bounds one read."""
        self._standing = standing
        self._signer = signer
        self._upstream = upstream
        self._clock = clock
        self._bucket = Bucket(clock, a_second=READS_A_SECOND, at_once=READS_AT_ONCE)
        self._last: OrderedDict[str, _Read] = OrderedDict()
        self._shelf: Shelf[_Read] = Shelf(
            clock, self._read, market_facts.batches, keep_ms=keep_ms, size=SIZE, patience=patience
        )

    def book(self, ticker: str, now_ms: int) -> BookSeen | None:
        """The book as it was read last, however long ago; None where it never was."""
        last = self._last.get(ticker)
        if last is None:
            return None
        return BookSeen(last.levels.yes, last.levels.no, now_ms - last.asked_ms, Source.REST)

    def stood(self, ticker: str) -> Standing | None:
        """What may have rested of our own when the book was asked for; None where it never was."""
        last = self._last.get(ticker)
        return None if last is None else last.stood

    async def fetch(self, tickers: Iterable[str], deadline: float) -> None:
        """Read those that were not read within `keep_ms`, and wait for them until `deadline`, in the loop's time."""
        await self._shelf.have(tickers, deadline)

    async def _read(self, tickers: tuple[str, ...]) -> Mapping[str, _Read | Failure]:
        if not self._bucket.take():
            return dict.fromkeys(tickers, Failure(f"more than {READS_A_SECOND} reads of books a second", keep_ms=0))
        asked_ms, stood = self._clock.age_ms(), {ticker: self._standing(ticker) for ticker in tickers}
        found = await self._ask(tickers)
        if isinstance(found, Failure):
            return dict.fromkeys(tickers, found)
        none = Failure("the exchange left it out")
        return {
            t: none if (book := found[t]) is None else self._keep(t, _Read(book, asked_ms, stood[t])) for t in tickers
        }

    def _keep(self, ticker: str, read: _Read) -> _Read:
        self._last[ticker] = read
        self._last.move_to_end(ticker)
        if len(self._last) > SIZE:
            self._last.popitem(last=False)
        return read

    async def _ask(self, tickers: tuple[str, ...]) -> Mapping[str, BookLevels | None] | Failure:
        is_one = len(tickers) == 1
        request = order_book.book_request(tickers[0]) if is_one else order_book.books_request(tickers)
        body = await self._body(request)
        if isinstance(body, Failure):
            return body
        try:
            return {tickers[0]: order_book.read_book(body)} if is_one else order_book.read_books(body, tickers)
        except AnswerError as e:
            return Failure(f"the exchange answered {_OK}, but {e}")

    async def _body(self, request: ReadRequest) -> bytes | Failure:
        signed = await self._signer.sign_read(request, self._clock.now_ms())
        try:
            answer = await self._upstream.send(signed, lane=Lane.RECONCILE)
        except (NotSent, Unknown) as e:
            return Failure(str(e))
        return answer.body if answer.status == _OK else Failure(f"the exchange answered {answer.status}")
