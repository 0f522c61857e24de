"""Which limits hold for one client in one market: what holds for all, tightened by the client and the market's entry.

Rule of this file: of limits on the same figure the tightest wins and its key is named, the more general one where they
are equal; limits on different figures (the whole account's, the client's own, one market's) all hold. Nothing here can
loosen one.
"""

import re
from functools import lru_cache
from itertools import islice, product

from pretrade.model.facts import Place
from pretrade.policy.bounds import Bound, Bounds
from pretrade.policy.matching import MarketList
from pretrade.policy.schema import Policy
from pretrade.policy.sources import Sources
from pretrade.policy.tighten import bounds_of

__all__ = ["Bound", "Bounds", "bounds_for", "prepare"]

TICKERS = 4_096
"""Markets of a policy that are remembered: a client may name any, and the memory must end."""
PREPARED = 2_048
"""Pairs of client and entry that are worked out at a start: 0.3 ms and 3.3 KB each, half a second and 7 MB at most."""
POLICIES = 4
"""Policies that are remembered: the one in use, and others that are being judged or replayed."""

_TICKER = re.compile(r"[A-Z0-9._-]{1,128}", re.ASCII)


def bounds_for(policy: Policy, client: str, ticker: str, place: Place | None = None) -> Bounds:
    """The limits for one client in one market. Raises KeyError for a client that the policy does not name.

    Tickers are compared letter by letter, in their case. What is no plain ticker is not allowed whatever the last entry
    says: a ticker in another case would slip past the entry that is meant for it. `place` is the market's event and
    series; where it is None and an entry might decide by them, the market is not allowed either.
    """
    return (_BOOKS.get(id(policy)) or _book(policy)).bounds(client, ticker, place)


def prepare(policy: Policy) -> None:
    """Work out now what holds for each client in each entry, the first PREPARED of them, so that no order waits for
    it."""
    _book(policy).prepare()


class _Book:
    """What is worked out once for one policy: the entry that fits a market, and what holds for a client there."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._markets = MarketList(policy.markets)
        self._index = lru_cache(maxsize=TICKERS)(self._decides)
        # As many as the policy has pairs of client and entry, however many markets are asked about.
        self._bounds: dict[tuple[str, int | None], Bounds] = {}

    def bounds(self, client: str, ticker: str, place: Place | None) -> Bounds:
        """The limits for one client in one market."""
        if place is None or not self._markets.needs_place:
            index = self._index(ticker, None, None)
        else:
            index = self._index(ticker, place.event, place.series)
        return self._bounds.get((client, index)) or self._of(client, index)

    def prepare(self) -> None:
        """Work out the limits of the first PREPARED pairs, entry by entry."""
        for index, client in islice(product(range(len(self._policy.markets)), self._policy.clients), PREPARED):
            self._of(client, index)

    def _of(self, client: str, index: int | None) -> Bounds:
        bounds = self._bounds[client, index] = bounds_of(Sources(self._policy, client, index))
        return bounds

    def _decides(self, ticker: str, event: str | None, series: str | None) -> int | None:
        """The number of the entry that decides; None where none can."""
        return self._markets.first_fit(ticker, event, series) if _TICKER.fullmatch(ticker) else None


_BOOKS: dict[int, _Book] = {}
"""By the id of the policy, the oldest first. A policy never changes, so the same object means the same limits; its book
holds on to it, which keeps another from getting its id."""


def _book(policy: Policy) -> _Book:
    book = _BOOKS.get(id(policy))
    if book is None:
        while len(_BOOKS) >= POLICIES:
            del _BOOKS[next(iter(_BOOKS))]
        book = _BOOKS[id(policy)] = _Book(policy)
    return book
