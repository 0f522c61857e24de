"""Scores, grades, impact and warnings: the golden vectors of the liquidity page, and what must never grade well."""

import pytest
from tests.risk.checks.test_liquidity import B1, B2, book, contracts

from pretrade.model.units import Count, Price
from pretrade.policy.words import Grade
from pretrade.risk.checks.liquidity import Depth, Quote
from pretrade.risk.checks.liquidity_grade import (
    FULL,
    LEAST_COMPONENT,
    SCALE,
    Assessment,
    Components,
    assess,
    components,
    impact,
    warnings,
)

BUSY = contracts(20_000)
"""Enough volume and open interest for all the points of both."""


@pytest.mark.parametrize(
    ("a_book", "volume", "interest", "score", "grade"),
    [(B1, 5_000, 2_000, 63, Grade.MODERATE), (B2, 200, 300, 34, Grade.THIN)],
    ids=["B1", "B2"],
)
def test_the_golden_scores(a_book: object, volume: int, interest: int, score: int, grade: Grade) -> None:
    found = assess(a_book, contracts(volume), contracts(interest), is_fresh=True)
    assert (found.score, found.grade) == (score, grade)


@pytest.mark.parametrize(
    ("cents", "points"),
    [(1, 100), (2, 94.74), (3, 89.47), (5, 78.95), (10, 52.63), (19, 5.26), (20, 0), (21, 0), (0.01, 100)],
)
def test_the_golden_points_of_a_spread(cents: float, points: float) -> None:
    best = Quote(Price(1_000), Price(1_000 + round(100 * cents)))
    assert round(components(best, Depth(), Count(0), Count(0)).spread / SCALE, 2) == points


@pytest.mark.parametrize(("volume", "cents"), [(0, 50), (100, 12.0), (1_000, 5.162), (10_000, 3.0)])
def test_the_golden_impacts(volume: int, cents: float) -> None:
    moved = impact(Price(400), contracts(100), contracts(volume))
    assert moved // 10 == round(cents * 1_000)


def test_an_unknown_spread_counts_as_ten_cents() -> None:
    assert impact(None, Count(1), contracts(1_000_000)) == impact(Price(1_000), Count(1), contracts(1_000_000))


@pytest.mark.parametrize(
    ("yes", "no"),
    [("47x10000", ""), ("", "52x10000"), ("47x10000", "53x10000"), ("48x10000", "53x10000")],
    ids=["no asks", "no bids", "locked", "crossed"],
)
def test_no_two_sided_book_is_illiquid_whatever_was_traded(yes: str, no: str) -> None:
    """Traps 1 and 2: the origin gave such a market 40 points, which is thin, or more for its perfect spread."""
    found = assess(book(yes, no), BUSY, BUSY, is_fresh=True)
    assert (found.score, found.grade, found.quote) == (0, Grade.ILLIQUID, None)


def test_an_old_book_is_illiquid() -> None:
    assert assess(B1, BUSY, BUSY, is_fresh=False).grade is Grade.ILLIQUID
    assert assess(B1, BUSY, BUSY, is_fresh=True).grade is Grade.LIQUID


def test_a_missing_book_is_illiquid() -> None:
    """Trap 8: the origin skipped the grade where the book was missing."""
    assert assess(None, BUSY, BUSY, is_fresh=True).grade is Grade.ILLIQUID


@pytest.mark.parametrize(
    ("spread", "near", "grade"),
    [
        (50, 50, Grade.LIQUID),
        (50, 49, Grade.MODERATE),
        (49, 100, Grade.MODERATE),
        (25, 100, Grade.MODERATE),
        (24, 100, Grade.THIN),
        (100, 5, Grade.THIN),
        (100, 4, Grade.ILLIQUID),
        (4, 100, Grade.ILLIQUID),
        (0, 0, Grade.ILLIQUID),
    ],
)
def test_spread_and_depth_can_each_veto_a_grade(spread: int, near: int, grade: Grade) -> None:
    """Trap 10: a dead market carries its volume from last week. `(50, 50)` shows that the score is not in the way."""
    score = 76 * SCALE
    weighted = Components(spread * SCALE, near * SCALE, FULL, FULL)
    rest = max(0, 10 * score - 3 * (weighted.spread + weighted.depth)) // 4 + 1
    assert Components(weighted.spread, weighted.depth, rest, rest).grade is grade


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (25, Grade.ILLIQUID),
        (26, Grade.THIN),
        (50, Grade.THIN),
        (51, Grade.MODERATE),
        (75, Grade.MODERATE),
        (76, Grade.LIQUID),
    ],
)
def test_a_grade_begins_at_its_score(score: int, grade: Grade) -> None:
    points = score * SCALE
    assert Components(points, points, points, points).score == score
    assert Components(points, points, points, points).grade is grade
    assert Components(points, points, points, points - 5).score == score - 1  # cut, never rounded up


def test_the_floors_are_below_the_scores_that_they_guard() -> None:
    assert all(least < 100 for least in LEAST_COMPONENT.values())


def test_what_people_are_warned_of() -> None:
    good = assess(book("47x1000 46x1000", "52x1000 51x1000"), BUSY, BUSY, is_fresh=True)
    assert warnings(good, BUSY) == ()
    poor = assess(book("40x10", "48x40"), contracts(999), contracts(0), is_fresh=True)
    assert len(warnings(poor, contracts(999))) == 5
    assert warnings(Assessment(None, Depth(), None), BUSY) == (
        "the book has no fresh midpoint: a side is empty, it is locked or crossed, or it is old",
    )
