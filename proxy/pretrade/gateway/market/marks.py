"""Marks: what the contracts that are held could be sold for now, by the books that this proxy sees.

Rule of this file: a mark that is too old is worth nothing. What a determined market will pay is its mark, also where
that is nothing: a gain that is certain is no loss until it is paid out. Only markets that there are may be looked at,
for whatever is looked at is kept fresh from then on.
"""

from typing import TYPE_CHECKING

from pretrade.model.frozen import frozen
from pretrade.model.loss import WORTHLESS, Mark
from pretrade.model.markets import MarketFacts
from pretrade.model.seen import BookSeen
from pretrade.model.units import ONE_DOLLAR_PRICE, Price
from pretrade.risk.checks.loss import mark_of
from pretrade.risk.ledger.live_order import OrderState

if TYPE_CHECKING:  # an instance has marks
    from pretrade.gateway.instance import Instance

MARK_MAX_AGE_MS = 15_000
"""How old a book may be for its bid to count: several times what a stream or a read in its place needs, and far below
the time in which a person would act."""
READ_MS = 5_000
"""The age at which the book of something held is asked for again."""

_MAY_REST = frozenset({OrderState.RESTING, OrderState.UNKNOWN})
"""Orders whose bids are no marks. What is only just on its way was not in the book when that was seen."""


@frozen
class _Seen:
    mark: Mark
    at_ms: int


class Marks:
    """The marks of what is held, looked at again every second. Belongs to one event loop."""

    def __init__(self, instance: "Instance") -> None:
        self._instance = instance
        self._seen: dict[str, _Seen] = {}

    def now(self, ticker: str) -> Mark:
        """The mark of one market now."""
        self._look(ticker)
        return self._young(ticker)

    def by(self, facts: MarketFacts, book: BookSeen | None) -> Mark:
        """The same for who has just looked at a market: by what was seen there."""
        self._note(facts, book)
        return self._young(facts.ticker)

    def _young(self, ticker: str) -> Mark:
        seen = self._seen.get(ticker)
        return WORTHLESS if seen is None or self._is_older(seen, MARK_MAX_AGE_MS) else seen.mark

    def lately(self, ticker: str) -> Mark:
        """The mark of one market at the last look, where that is young enough, else now."""
        seen = self._seen.get(ticker)
        return self.now(ticker) if seen is None or self._is_older(seen, MARK_MAX_AGE_MS) else seen.mark

    def look(self) -> None:
        """Look at the book of everything that is held or may come to be; the rest is forgotten."""
        in_use = self._in_use()
        for ticker in in_use:
            self._look(ticker)
        self._seen = {ticker: seen for ticker, seen in self._seen.items() if ticker in in_use}

    def look_at_new(self) -> None:
        """Look at the books of what came to be held since the last look."""
        for ticker in self.held():
            if ticker not in self._seen:
                self._look(ticker)

    def fresh(self) -> dict[str, Mark]:
        """The marks that are young enough to count, as they were at the last look."""
        return {ticker: one.mark for ticker, one in self._seen.items() if not self._is_older(one, MARK_MAX_AGE_MS)}

    def ever(self) -> dict[str, Mark]:
        """The last mark of everything held, however old, as far as this run has seen one or an earlier one has noted
        it: only to tell a stream that is away from a market that has moved."""
        holdings = self._instance.ledger.trades.holdings.items()
        noted = {ticker: one.last_mark for (_, ticker), one in holdings if one.last_mark is not None}
        return noted | {ticker: seen.mark for ticker, seen in self._seen.items()}

    async def refresh(self) -> None:
        """Read the books of what is held, or may come to be, that are getting old; takes a second at most."""
        old = [t for t in self._in_use() if t not in self._seen or self._is_older(self._seen[t], READ_MS)]
        there = sorted(ticker for ticker in old if self._instance.markets.get(ticker) is not None)
        if there:
            await self._instance.books.fetch(there, within=1.0)

    def held(self) -> set[str]:
        """The markets in which something is held."""
        counted = self._instance.ledger.trades.counted()
        return {ticker for (_, ticker), holding in counted.items() if holding.position}

    def _in_use(self) -> set[str]:
        """The markets in which something is held, or orders may fill: what those would show counts too."""
        return self.held() | {ticker for (_, ticker), _ in self._instance.ledger.live.open_books()}

    def _look(self, ticker: str) -> None:
        facts = self._instance.markets.get(ticker)
        if facts is not None:
            self._note(facts, None if facts.result is not None else self._instance.books.get(ticker))

    def _note(self, facts: MarketFacts, book: BookSeen | None) -> None:
        if facts.result is not None:
            mark = Mark(facts.result, Price(ONE_DOLLAR_PRICE - facts.result))
            self._seen[facts.ticker] = _Seen(mark, self._instance.clock.age_ms())
        elif book is not None:
            own = self._instance.ledger.live.orders_in(facts.ticker)
            there = [one for one in own if one.state in _MAY_REST]
            self._seen[facts.ticker] = _Seen(mark_of(book, there), self._instance.clock.age_ms() - book.age_ms)

    def _is_older(self, seen: _Seen, limit_ms: int) -> bool:
        return self._instance.clock.age_ms() - seen.at_ms > limit_ms
