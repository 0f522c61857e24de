"""The program's clocks: the day in the policy's time zone, and time spent on each step."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.fakes import FakeTime

from pretrade.gateway.machine.clock import Clock, Stopwatch

NEW_YORK = ZoneInfo("America/New_York")


def day(text: str, zone: ZoneInfo = NEW_YORK) -> str:
    """The day at a moment of UTC, exact to the nanosecond."""
    whole, _, fraction = text.partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    utc_ns = seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)
    return Clock(lambda: utc_ns).day(zone)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-11-21T04:59:59.999999999", "2026-11-20"),
        ("2026-11-21T05:00:00", "2026-11-21"),
        ("2026-11-22T04:59:59.999", "2026-11-21"),
        # 8 March 2026 has 23 hours in New York: it begins at UTC-5 and ends at UTC-4.
        ("2026-03-08T04:59:59.999", "2026-03-07"),
        ("2026-03-08T05:00:00", "2026-03-08"),
        ("2026-03-09T03:59:59.999999999", "2026-03-08"),
        ("2026-03-09T04:00:00", "2026-03-09"),
        # 1 November 2026 has 25.
        ("2026-11-01T03:59:59.999", "2026-10-31"),
        ("2026-11-01T04:00:00", "2026-11-01"),
        ("2026-11-02T04:59:59.999999999", "2026-11-01"),
        ("2026-11-02T05:00:00", "2026-11-02"),
    ],
)
def test_a_day_begins_at_midnight_of_the_policys_zone(utc: str, expected: str) -> None:
    """Catches a day in UTC or in the machine's zone, an offset kept over a change of the clocks, and a last
    millisecond that is rounded into the next day."""
    assert day(utc) == expected


def test_each_zone_has_a_day_of_its_own_in_the_same_second() -> None:
    """Catches a kept day that is told for another zone. Seen red with the zone left out of what it is kept by."""
    moment = "2026-11-21T04:59:59"
    assert [day(moment), day(moment, ZoneInfo("UTC")), day(moment)] == ["2026-11-20", "2026-11-21", "2026-11-20"]


@pytest.mark.parametrize(("date", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-21", 24)])
def test_a_day_has_all_its_hours(date: str, hours: int) -> None:
    """Catches a day cut or stretched where the clocks change."""
    start = int(datetime.fromisoformat(f"{date}T00:00:00").replace(tzinfo=NEW_YORK).timestamp())
    seen = [Clock(lambda at=start + hour * 3600: at * 10**9).day(NEW_YORK) for hour in range(-1, hours + 1)]
    assert [name == date for name in seen] == [False] + [True] * hours + [False]


@given(st.integers(0, 4 * 10**18), st.integers(0, 10**18), st.sampled_from(["America/New_York", "UTC", "Asia/Kolkata"]))
def test_a_later_moment_is_never_an_earlier_day(utc_ns: int, later_ns: int, zone: str) -> None:
    """Catches a day that goes back within one zone while time goes on."""
    assert Clock(lambda: utc_ns).day(ZoneInfo(zone)) <= Clock(lambda: utc_ns + later_ns).day(ZoneInfo(zone))


def test_milliseconds_are_cut_never_rounded_up() -> None:
    """Catches a timestamp from the future, which the exchange may refuse."""
    assert Clock(lambda: 1_795_226_000_000_999_999).now_ms() == 1_795_226_000_000


def test_a_stopwatch_counts_each_step_and_the_whole() -> None:
    """Catches steps that overlap, and wall time that jumps into a latency."""
    time = FakeTime()
    watch = Stopwatch(time.clock)
    time.mono_ns += 5_999
    watch.lap("identify")
    time.utc_ns -= 10**12
    time.mono_ns += 7_000_000
    watch.lap("decide")
    time.mono_ns += 1_000_000
    assert watch.laps == {"identify": 5, "decide": 7_000}
    assert watch.total() == 8_005
