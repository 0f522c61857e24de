"""What orders of ours took from books lately: a book that was seen before they did still shows it.

Rule of this file: no clock of its own. Too much for too long is safe, for the checks hold to the book with and without
it; what is forgotten would be taken twice.
"""

from collections import OrderedDict, deque

from pretrade.model.orders import Side
from pretrade.model.units import Count

KEPT_MS = 120_000
"""Longer than any policy lets a book be old."""
MARKETS = 1_000
TAKES = 200
"""Takes of one market that are told apart; of more, the two oldest count as one, as long as the younger."""

type _Take = tuple[int, Side, int]


class OwnTakes:
    """Takes by market, each at the moment of its answer by the monotonic clock; the market untouched longest goes
    first. Belongs to one event loop."""

    def __init__(self) -> None:
        self._takes: OrderedDict[str, deque[_Take]] = OrderedDict()

    def add(self, ticker: str, side: Side, count: int, now_ms: int) -> None:
        """So many contracts (0.01) were taken by an order of this side."""
        if not count:
            return
        takes = self._takes.setdefault(ticker, deque())
        self._takes.move_to_end(ticker)
        while takes and now_ms - takes[0][0] > KEPT_MS:
            takes.popleft()
        takes.append((now_ms, side, count))
        of_side = [take for take in takes if take[1] is side]
        if len(of_side) > TAKES:
            (_, _, first), (at_ms, _, second) = of_side[:2]
            takes.remove(of_side[0])
            takes[takes.index(of_side[1])] = (at_ms, side, first + second)
        if len(self._takes) > MARKETS:
            self._takes.popitem(last=False)

    def since(self, ticker: str, moment_ms: int) -> tuple[Count, Count]:
        """What bids and what asks took at this moment or later."""
        took = dict.fromkeys(Side, 0)
        for at_ms, side, count in self._takes.get(ticker, ()):
            if at_ms >= moment_ms:
                took[side] += count
        return Count(took[Side.BID]), Count(took[Side.ASK])
