"""The score and the grade of a market, what an order may move, and what people are warned of.

Rule of this file: every figure is exact. A market without a two-sided, uncrossed, fresh book is ILLIQUID whatever it
traded yesterday, and a spread or a depth too poor for a grade keeps the market below it, for volume and open interest
can be carried over from last week.
"""

from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

from pretrade.model.seen import BookSeen
from pretrade.model.units import ONE_CONTRACT, Count, Money, Price, ceil_div
from pretrade.policy.words import Grade
from pretrade.risk.checks.liquidity import WEIGHT_ONE, Depth, Quote, depth, quote

SCALE = 19 * WEIGHT_ONE * 1_000
"""Components are kept in this fraction of a point: every one of the four divides it."""
FULL = 100 * SCALE
"""The most that a component can be: 100 points."""

NARROW, WIDE = Price(100), Price(2_000)
"""Spreads that give all the points and none: 1 and 20 cents."""
CONTRACTS_FOR_FULL_DEPTH = 1_000
CONTRACTS_FOR_FULL_VOLUME = 10_000
CONTRACTS_FOR_FULL_INTEREST = 5_000

LEAST_SCORE = {Grade.LIQUID: 76, Grade.MODERATE: 51, Grade.THIN: 26}
LEAST_COMPONENT = {Grade.LIQUID: 50, Grade.MODERATE: 25, Grade.THIN: 5}
"""What the points of spread and of depth must each be for a grade: neither can be made good by the other figures."""
_LEAST = tuple((grade, score, LEAST_COMPONENT[grade] * SCALE) for grade, score in LEAST_SCORE.items())

_PER_SPREAD = FULL // (WIDE - NARROW)
_PER_DEPTH = FULL // (WEIGHT_ONE * ONE_CONTRACT * CONTRACTS_FOR_FULL_DEPTH)
_PER_VOLUME = FULL // (ONE_CONTRACT * CONTRACTS_FOR_FULL_VOLUME)
_PER_INTEREST = FULL // (ONE_CONTRACT * CONTRACTS_FOR_FULL_INTEREST)
"""What one unit of each figure gives."""

UNKNOWN_SPREAD = Price(1_000)
MOST_IMPACT = Money(500_000)
"""50 cents a contract, in $0.000001."""

WIDE_SPREAD = Price(1_000)
FEW_CONTRACTS = Count(100 * 100)
LOW_VOLUME = Count(1_000 * 100)


class Components(NamedTuple):
    """The four things a score is made of, each from 0 to FULL. A tuple: every order's market is graded."""

    spread: int
    depth: int
    volume: int
    open_interest: int

    @property
    def score(self) -> int:
        """From 0 to 100, cut to a whole number: spread and depth weigh 30 % each, the others 20 %."""
        return (3 * (self.spread + self.depth) + 2 * (self.volume + self.open_interest)) // (10 * SCALE)

    @property
    def grade(self) -> Grade:
        """The best grade that the score and the weaker of spread and depth allow."""
        score, weaker = self.score, min(self.spread, self.depth)
        for grade, least_score, least_component in _LEAST:
            if score >= least_score and weaker >= least_component:
                return grade
        return Grade.ILLIQUID


@dataclass(frozen=True, slots=True)
class Assessment:
    """How liquid a market is. Without a midpoint there is no `quote`, and without a score no `components`."""

    quote: Quote | None
    depth: Depth
    components: Components | None

    @property
    def score(self) -> int:
        """From 0 to 100."""
        return 0 if self.components is None else self.components.score

    @property
    def grade(self) -> Grade:
        """ILLIQUID where there is no score."""
        return Grade.ILLIQUID if self.components is None else self.components.grade


def assess(book: BookSeen | None, volume_24h: Count, open_interest: Count, *, is_fresh: bool) -> Assessment:
    """Assess a market; without a two-sided, uncrossed and fresh book it has no score."""
    best = None if book is None or not is_fresh else quote(book)
    if book is None or best is None:
        return Assessment(None, Depth(), None)
    near = depth(book)
    return Assessment(best, near, components(best, near, volume_24h, open_interest))


def components(best: Quote, near: Depth, volume_24h: Count, open_interest: Count) -> Components:
    """The points of each figure."""
    return Components(
        _capped((WIDE - best.spread) * _PER_SPREAD),
        _capped(near.weighted * _PER_DEPTH),
        _capped(volume_24h * _PER_VOLUME),
        _capped(open_interest * _PER_INTEREST),
    )


def _capped(points: int) -> int:
    return FULL if points > FULL else max(points, 0)


def impact(spread: Price | None, count: Count, volume_24h: Count) -> Money:
    """What an order is reckoned to move the price by, in $0.000001 a contract, rounded up: half of the spread, and ten
    cents times the square root of the order's share of a day's volume; 50 cents at most."""
    half = ceil_div(100 * (UNKNOWN_SPREAD if spread is None else spread), 2)
    share = ceil_div(10**10 * count, max(volume_24h, ONE_CONTRACT))
    root = isqrt(share)
    return min(MOST_IMPACT, Money(half + root + (root * root < share)))


def warnings(found: Assessment, volume_24h: Count) -> tuple[str, ...]:
    """What a person should know before trading here, a sentence each."""
    if found.quote is None:
        return ("the book has no fresh midpoint: a side is empty, it is locked or crossed, or it is old",)
    uneven, total = found.depth.imbalance
    told = {
        "the spread is wider than 10 cents": found.quote.spread > WIDE_SPREAD,
        "fewer than 100 contracts stand near the midpoint": found.depth.total < FEW_CONTRACTS,
        "one side of the book is much deeper than the other": 2 * abs(uneven) > total,
        "fewer than 1,000 contracts were traded in 24 hours": volume_24h < LOW_VOLUME,
        "the market is illiquid": found.grade is Grade.ILLIQUID,
    }
    return tuple(sentence for sentence, holds in told.items() if holds)
