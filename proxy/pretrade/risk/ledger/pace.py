"""The pace of one account's clients: what is used of every bucket, and the approved orders that a window may count.

Rule of this file: a fold over approved writes, each at its own moment of the pace clock, so that the journal gives it
back to the last token. What was denied takes nothing: it never reached the exchange; a client that hammers would lock
itself out for good, and every other client with it where the bucket is the account's; and refusals that the log only
counts could not be folded. Nothing is given back either when an order comes to nothing: it was sent, or may have been.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Self

from pretrade.model.orders import NewOrder, Side, Write
from pretrade.model.pace import TOKEN, BucketSeen, LegPace, Paced, PaceSeen, items_in, meaning_of, paced_legs
from pretrade.model.units import Price

type BucketKey = tuple[str, str, str]
"""(kind, client or empty for the account's, market or empty for all)."""


@dataclass(slots=True)
class Window:
    """What a window may still count, oldest first, as (moment, value), and for how long that is."""

    keep_ms: int
    points: deque[tuple[int, int]] = field(default_factory=deque)


class Windows[K: Hashable]:
    """Windows by name, the longest untouched first; one that nothing can be counted in any more is forgotten."""

    def __init__(self) -> None:
        self._windows: dict[K, Window] = {}

    def within(self, key: K, since_ms: int) -> Iterable[int]:
        """The values from this moment on, both ends included, oldest first."""
        window = self._windows.get(key)
        return () if window is None else (value for at_ms, value in window.points if at_ms >= since_ms)

    def add(self, key: K, at_ms: int, value: int, keep_ms: int, *, lows: bool = False) -> None:
        """Count a value. Of `lows` only those are kept below which nothing came later: enough for every minimum."""
        window = self._windows.pop(key, None) or Window(keep_ms)
        self._windows[key] = window
        window.keep_ms = keep_ms
        while lows and window.points and window.points[-1][1] >= value:
            window.points.pop()
        window.points.append((at_ms, value))
        while window.points[0][0] < at_ms - keep_ms:
            window.points.popleft()
        self._forget(at_ms)

    def _forget(self, now_ms: int) -> None:
        while True:
            key, window = next(iter(self._windows.items()))
            if window.points[-1][0] >= now_ms - window.keep_ms:
                return
            del self._windows[key]

    def items(self) -> tuple[tuple[K, int, tuple[tuple[int, int], ...]], ...]:
        """Everything, longest untouched first."""
        return tuple((key, window.keep_ms, tuple(window.points)) for key, window in self._windows.items())

    def restore(self, key: K, keep_ms: int, points: Iterable[tuple[int, int]]) -> None:
        """Put back one of `items`."""
        self._windows[key] = Window(keep_ms, deque(points))


@dataclass(frozen=True, slots=True)
class PaceState:
    """A pace as a snapshot holds it: buckets as (client or empty, bucket), windows as (names, how long, points)."""

    latest_ms: int = 0
    buckets: tuple[tuple[str, BucketSeen], ...] = ()
    same: tuple[tuple[tuple[str, str], int, tuple[tuple[int, int], ...]], ...] = ()
    prices: tuple[tuple[tuple[str, str, Side], int, tuple[tuple[int, int], ...]], ...] = ()


class Pace:
    """What approved writes have used. `latest_ms` is the moment of the last one."""

    def __init__(self) -> None:
        self.latest_ms = 0
        self._buckets: dict[BucketKey, BucketSeen] = {}
        self._same: Windows[tuple[str, str]] = Windows()
        self._prices: Windows[tuple[str, str, Side]] = Windows()

    def bucket(self, kind: str, client: str, of: str) -> tuple[int, int]:
        """What was used of a bucket, and when; `client` is empty for the account's, `of` for all markets."""
        bucket = self._buckets.get((kind, client, of))
        return (0, 0) if bucket is None else (bucket.used, bucket.at_ms)

    def same(self, client: str, order: NewOrder, since_ms: int) -> int:
        """How many orders of this meaning a client had approved since then."""
        return sum(1 for _ in self._same.within((client, meaning_of(order)), since_ms))

    def walked_from(self, client: str, one: Paced, since_ms: int) -> Price | None:
        """The least aggressive price that a client had approved since then in the market and on the side of this."""
        lowest = min(self._prices.within((client, one.ticker, one.side), since_ms), default=None)
        return None if lowest is None else Price(abs(lowest))

    def count(self, client: str, write: Write, reduces: tuple[bool, ...], seen: PaceSeen) -> None:
        """Count an approved write at the moment it was judged, as that was seen."""
        now_ms = self.latest_ms = max(self.latest_ms, seen.now_ms)
        legs = paced_legs(write, reduces)
        for bucket in seen.buckets:
            self._take(client, bucket, items_in(legs, bucket.of), now_ms)
        for leg, one in legs:
            if leg < len(seen.legs):
                self._count_leg(client, one, seen.legs[leg], now_ms)
        self._forget_full(now_ms)

    def _take(self, client: str, bucket: BucketSeen, items: int, now_ms: int) -> None:
        key = (bucket.kind, client if bucket.own else "", bucket.of)
        self._buckets.pop(key, None)
        used = bucket.used_at(now_ms, bucket.per_second) + items * TOKEN
        self._buckets[key] = BucketSeen(bucket.kind, bucket.own, bucket.of, used, now_ms, bucket.per_second)

    def _count_leg(self, client: str, one: Paced, leg: LegPace, now_ms: int) -> None:
        if leg.same_within_ms and isinstance(one, NewOrder):
            self._same.add((client, meaning_of(one)), now_ms, 0, leg.same_within_ms)
        if leg.walk_within_ms:
            key = (client, one.ticker, one.side)
            self._prices.add(key, now_ms, aggression(one), leg.walk_within_ms, lows=True)

    def _forget_full(self, now_ms: int) -> None:
        """Let go of buckets that are full again; the longest untouched are looked at first."""
        while self._buckets:
            key, bucket = next(iter(self._buckets.items()))
            if bucket.used_at(now_ms, bucket.per_second):
                return
            del self._buckets[key]

    def state(self) -> PaceState:
        """Everything, as one value."""
        buckets = tuple((client, bucket) for (_, client, _), bucket in self._buckets.items())
        return PaceState(self.latest_ms, buckets, self._same.items(), self._prices.items())

    @classmethod
    def of(cls, state: PaceState) -> Self:
        """The pace that had this state."""
        pace = cls()
        pace.latest_ms = state.latest_ms
        pace._buckets = {(bucket.kind, client, bucket.of): bucket for client, bucket in state.buckets}
        for same in state.same:
            pace._same.restore(*same)
        for prices in state.prices:
            pace._prices.restore(*prices)
        return pace


def aggression(one: Paced) -> int:
    """A price as a figure that grows with how aggressive it is: a bid's price, an ask's with its sign turned."""
    return one.price if one.side is Side.BID else -one.price
