"""A limit that fills up is told at each level once a day, not before, and not twice."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.risk.checks.thresholds import Thresholds, most_used

LEVELS = (70, 80, 90)


@dataclass(frozen=True)
class Use:
    used: int
    limit: int = 1000
    rule: str = "limits.day.max_orders"


def told(*uses: Use, levels: tuple[int, ...] = LEVELS) -> list[tuple[int, ...]]:
    thresholds = Thresholds(levels)
    thresholds.begin("2026-11-21")
    return [thresholds.passed(use) for use in uses]


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([0, 699, 700, 701], [(), (), (70,), ()]),
        ([700, 799, 800, 899, 900, 2000], [(70,), (), (80,), (), (90,), ()]),
        ([950], [(70, 80, 90)]),
        ([750, 100, 750, 850, 750, 850], [(70,), (), (), (80,), (), ()]),
        ([-5], [()]),
    ],
)
def test_each_level_is_told_once_when_it_is_reached(used: list[int], expected: list[tuple[int, ...]]) -> None:
    """Catches a level told early, late, again after it fell, or left out because a jump passed it."""
    assert told(*map(Use, used)) == expected


def test_limits_are_told_apart() -> None:
    """Catches one limit that keeps another quiet."""
    one, two = Use(900), Use(900, rule="limits.day.max_notional")
    assert told(one, two, one, two) == [LEVELS, LEVELS, (), ()]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing_is_not_used_up_by_degrees(limit: int) -> None:
    """Catches a page at every start for a market that may only be left."""
    assert told(Use(0, limit), Use(5, limit)) == [(), ()]


def test_another_day_begins_anew() -> None:
    """Catches a limit that stays quiet because it was told yesterday, and one that is told again the same day."""
    thresholds = Thresholds(LEVELS)
    seen = []
    for day in ("2026-11-21", "2026-11-21", "2026-11-22"):
        thresholds.begin(day)
        seen.append(thresholds.passed(Use(800)))
    assert seen == [(70, 80), (), (70, 80)]


def test_what_an_earlier_run_told_is_not_told_again() -> None:
    thresholds = Thresholds(LEVELS)
    thresholds.begin("2026-11-21")
    for level in (80, 70):  # read back newest first
        thresholds.know("limits.day.max_orders", level)
    assert thresholds.passed(Use(850)) == ()
    assert thresholds.passed(Use(900)) == (90,)


@given(
    st.lists(st.integers(-100, 300), max_size=30), st.lists(st.integers(1, 100), unique=True, max_size=5).map(sorted)
)
def test_by_the_end_exactly_what_was_reached_was_told(used: list[int], levels: list[int]) -> None:
    """Catches rounding: 69.9 % is not 70 %."""
    seen = [level for passed in told(*(Use(one, 130) for one in used), levels=tuple(levels)) for level in passed]
    assert seen == [level for level in levels if any(one * 100 >= level * 130 for one in used)]


def test_of_several_markets_the_fullest_counts() -> None:
    """Catches a market that is nearly full and hides behind an empty one."""
    uses = [Use(100), Use(900), Use(300), Use(5, 10, "limits.market.max_position")]
    assert most_used(uses) == {"limits.day.max_orders": uses[1], "limits.market.max_position": uses[3]}
