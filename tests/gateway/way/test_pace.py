"""The pace clock under a wall clock that is set, and a pace's way through a row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.way.pace import PaceClock, pace_body, read_pace
from pretrade.journal.events import canonical
from pretrade.model.pace import BucketSeen, LegPace, PaceSeen
from pretrade.model.units import Price


class Hands:
    """Two clocks in milliseconds that a test sets."""

    def __init__(self, wall_ms: int, monotonic_ms: int) -> None:
        self.wall_ms, self.monotonic_ms = wall_ms, monotonic_ms
        self.clock = Clock(lambda: self.wall_ms * 1_000_000, lambda: self.monotonic_ms * 1_000_000)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(-(10**9), 10**9))))
def test_it_runs_with_the_monotonic_clock_whatever_the_wall_clock_does(steps: list[tuple[int, int]]) -> None:
    """Catches a refill by the wall clock: an hour forwards would fill every bucket, an hour back freeze them all."""
    hands = Hands(10**12, 5_000)
    pace, passed = PaceClock(hands.clock, 0), 0
    for later, jump in steps:
        hands.monotonic_ms += later
        hands.wall_ms += jump
        passed += later
        assert pace.now_ms() == 10**12 + passed


@pytest.mark.parametrize(
    ("wall_ms", "latest_ms", "expected"),
    [
        (10_000, 4_000, 10_000),  # the time the proxy was down counts
        (10_000, 10_000, 10_000),
        (10_000, 90_000, 90_000),  # the wall clock went back meanwhile: nothing has passed, nothing is unlearned
    ],
)
def test_a_new_run_begins_where_the_last_one_was_or_later(wall_ms: int, latest_ms: int, expected: int) -> None:
    """Catches windows that are begun anew at a start, and windows that no time can end."""
    hands = Hands(wall_ms, 77)
    pace = PaceClock(hands.clock, latest_ms)
    assert pace.now_ms() == expected
    hands.monotonic_ms += 500
    assert pace.now_ms() == expected + 500


def test_a_pace_comes_back_from_its_row_as_it_was() -> None:
    """Catches a field that the row forgets: the fold would count something else than the run did."""
    seen = PaceSeen(
        17,
        (
            BucketSeen("place", own=False, of="", used=3_000_001, at_ms=16, per_second=10_000),
            BucketSeen("place", own=True, of="T", used=0, at_ms=0, per_second=5_000),
        ),
        (LegPace(2, 10_000, "d-1", Price(5_600), 60_000), LegPace()),
    )
    assert read_pace(json.loads(canonical({"pace": pace_body(seen)}))["pace"]) == seen
    assert read_pace(json.loads(canonical({"pace": pace_body(None)}))["pace"]) is None


@pytest.mark.parametrize("body", [{}, {"now_ms": 1}, {"now_ms": 1, "buckets": [[1]], "legs": []}, 7])
def test_what_is_no_pace_is_an_error(body: object) -> None:
    """A row that cannot be read back must stop the start, not free what it counted."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_pace(body)
