"""What a day has used: counted on its own day, given back to that day, never to another."""

import pytest

from pretrade.risk.ledger.day import DAYS_KEPT, Days, day_scopes

DAY, NEXT, THIRD = "2026-11-21", "2026-11-22", "2026-11-23"


def used(days: Days, day: str = DAY, scope: tuple[int | None, str] = (None, "")) -> tuple[int, int]:
    return days.orders(day, scope), days.notional(day, scope)


def test_an_order_counts_in_four_scopes() -> None:
    """Catches a client's or a market's day that is not counted, or that counts another's."""
    days = Days()
    days.add(DAY, 0, "A", orders=1, notional=5)
    days.add(DAY, 1, "A", orders=2, notional=7)
    expected = {(None, ""): (3, 12), (0, ""): (1, 5), (1, ""): (2, 7), (None, "A"): (3, 12), (0, "A"): (1, 5)}
    assert {scope: used(days, DAY, scope) for scope in expected} == expected
    assert used(days, DAY, (0, "B")) == used(days, NEXT) == (0, 0)
    assert day_scopes(1, "A") == ((None, ""), (1, ""), (None, "A"), (1, "A"))
    assert days.tickers(DAY) == {"A"} and days.tickers(NEXT) == set()


@pytest.mark.parametrize(
    ("begun", "given_back", "today", "yesterday"),
    [
        ((DAY, NEXT), DAY, (0, 0), (0, 2)),
        ((DAY, NEXT), NEXT, (-1, -3), (1, 5)),
        ((DAY, NEXT, THIRD), DAY, (0, 0), (0, 0)),  # long past: forgotten, and no later day gets it
    ],
)
def test_what_is_given_back_goes_to_the_day_it_was_counted_on(
    begun: tuple[str, ...], given_back: str, today: tuple[int, int], yesterday: tuple[int, int]
) -> None:
    """Catches yesterday's cancels that make room today."""
    days = Days()
    days.add(DAY, 0, "A", orders=1, notional=5)
    for day in begun:
        days.begin(day)
    days.add(given_back, 0, "A", orders=-1, notional=-3)
    assert (used(days, begun[-1]), used(days, DAY)) == (today, yesterday)
    assert len(days.items()) == min(len(begun), DAYS_KEPT)


def test_an_earlier_day_is_not_begun_again() -> None:
    """Catches a day of last week that comes back and pushes yesterday out."""
    days = Days()
    days.begin(NEXT)
    days.add(NEXT, 0, "A", orders=1, notional=5)
    days.add(DAY, 0, "A", orders=1, notional=5)
    assert [day for day, _ in days.items()] == [NEXT]
    assert days.latest == NEXT


def test_a_day_that_has_begun_is_the_latest() -> None:
    """Catches a day that has to use something before it counts as begun."""
    days = Days()
    assert days.latest == ""
    days.begin(DAY)
    days.begin(DAY)
    assert days.latest == DAY and used(days) == (0, 0)


def test_days_are_put_back_as_they_were() -> None:
    """Catches a restored day that lacks a scope."""
    days, again = Days(), Days()
    for day, subaccount in ((DAY, 0), (NEXT, 1)):
        days.add(day, subaccount, "A", orders=1, notional=5)
    for day, use in days.items():
        again.restore(day, use)
    assert again.items() == days.items() and again.latest == NEXT
