"""Everything that adds up: each limit to the last unit, the tightest named, and what was past it before."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import ROOMY, TICKER, amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.facts import Facts, Measure, Usage
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, Write
from pretrade.policy.schema import Policy
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.usage_checks import KINDS, _alone, _tightest, check_usages

EVENT, SERIES = f"{TICKER}-E", f"{TICKER}-S"
WRITE = CreateOrder(order())
ROOM = policy(*ROOMY)
CLIENT = """    subaccount: 0
    limits:
      market: {max_position: "50", max_exposure: "$60"}
      event: {max_exposure: "$70"}
      account: {max_open_orders: 5}
      day: {max_orders: 6, max_notional: "$80"}
"""
ENTRY = """  - match: "KXBTC-*"
    allow: true
    limits:
      market: {max_position: "40", max_open_orders: 3}
      day: {max_orders: 4}
"""
TIGHT = policy(("    subaccount: 0\n", CLIENT), ('  - match: "KXBTC-*"\n    allow: true\n', ENTRY))


def used(write: Write, figures: Mapping[tuple[Measure, str, bool], tuple[int, int]], **changes: object) -> Facts:
    """Facts for a write in which these figures are (before, after) and every other is zero."""
    base = facts_for(write, **changes)
    named = {(one.measure, one.of, one.own) for one in base.usages}
    assert set(figures) <= named, "no such figure"
    usages = tuple(Usage(*name, *figures.get(name, (0, 0))) for name in sorted(named, key=str))
    return replace(base, usages=usages)


def denied(write: Write, on: Facts, by: Policy) -> list[tuple[str, DenyCode | None, str, str]]:
    return [
        (one.rule, one.code, one.observed, one.limit) for one in check_usages(case_of(write, on, by)) if not one.passed
    ]


LIMITS = policy()
"""The default: 100 contracts, $200 a market, $400 an event, $600 a series, $1000, 50 open, 25 orders, $200 a day."""


@pytest.mark.parametrize(
    ("measure", "of", "limit", "rule", "observed", "text"),
    [
        (Measure.POSITION, TICKER, 10_000, "limits.market.max_position", "100.01", "100.00"),
        (Measure.MARKET_EXPOSURE, TICKER, 200_000_000, "limits.market.max_exposure", "$200.000001", "$200.00"),
        (Measure.EVENT_EXPOSURE, EVENT, 400_000_000, "limits.event.max_exposure", "$400.000001", "$400.00"),
        (Measure.SERIES_EXPOSURE, SERIES, 600_000_000, "limits.series.max_exposure", "$600.000001", "$600.00"),
        (Measure.ACCOUNT_EXPOSURE, "", 1_000_000_000, "limits.account.max_exposure", "$1000.000001", "$1000.00"),
        (Measure.OPEN_ORDERS, "", 50, "limits.account.max_open_orders", "51", "50"),
        (Measure.DAY_ORDERS, "", 25, "limits.day.max_orders", "26", "25"),
        (Measure.DAY_NOTIONAL, "", 200_000_000, "limits.day.max_notional", "$200.000001", "$200.00"),
    ],
)
def test_each_limit_to_the_last_unit(
    measure: Measure, of: str, limit: int, rule: str, observed: str, text: str
) -> None:
    """At the limit passes, one unit past it is denied under its own code and key. Catches a comparison off by one, a
    figure held to another's limit, and a code that is another's."""
    key = (measure, of, False)
    assert denied(WRITE, used(WRITE, {key: (0, limit)}), LIMITS) == []
    code = KINDS[measure].code
    assert denied(WRITE, used(WRITE, {key: (0, limit + 1)}), LIMITS) == [(rule, code, observed, text)]


def test_every_measure_has_a_limit() -> None:
    """Catches a measure that is previewed and never held to anything."""
    assert set(KINDS) == set(Measure)
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("before", "after", "is_denied"),
    [
        (9_000, 10_000, False),
        (9_000, 10_001, True),
        (10_001, 10_001, False),  # past it already, by an orphan or a tighter policy, and not raised
        (10_002, 10_001, False),
        (10_001, 10_002, True),
    ],
)
def test_only_what_raises_a_figure_past_its_limit_is_denied(before: int, after: int, is_denied: bool) -> None:
    """Catches an account past a limit that cannot come down, and one that may go on up."""
    on = used(WRITE, {(Measure.POSITION, TICKER, False): (before, after)})
    assert bool(denied(WRITE, on, LIMITS)) is is_denied


def test_what_can_only_close_is_held_to_none_of_them() -> None:
    """Exits are never trapped. Catches a closing order that a full day keeps from closing; one leg that opens binds
    the whole batch."""
    batch = CreateBatch((order(), order()))
    full = {(one.measure, one.of, False): (10**12, 2 * 10**12) for one in facts_for(batch).usages if not one.own}
    assert denied(batch, replace(used(batch, full), reduces=(True, True)), LIMITS) == []
    assert check_usages(case_of(batch, replace(used(batch, full), reduces=(True, True)), LIMITS)) == ()
    assert denied(batch, replace(used(batch, full), reduces=(True, False)), LIMITS) != []
    assert denied(batch, replace(used(batch, full), reduces=()), LIMITS) != []


OWN = "clients.momentum-bot.limits"
POSITION, MARKET, OPEN, ORDERS = Measure.POSITION, Measure.MARKET_EXPOSURE, Measure.OPEN_ORDERS, Measure.DAY_ORDERS


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({(POSITION, TICKER, False): (0, 4_000)}, None),
        ({(POSITION, TICKER, False): (0, 4_001)}, ("markets[0].limits.market.max_position", "40.01", "40.00")),
        ({(POSITION, TICKER, True): (0, 5_000)}, None),
        ({(POSITION, TICKER, True): (0, 5_001)}, (f"{OWN}.market.max_position", "50.01", "50.00")),
        (
            {(MARKET, TICKER, True): (0, 60_000_001)},
            (f"{OWN}.market.max_exposure", "$60.000001", "$60.00"),
        ),
        ({(MARKET, TICKER, False): (0, 60_000_001)}, None),  # the whole account's may be more
        ({(OPEN, "", True): (0, 6)}, (f"{OWN}.account.max_open_orders", "6", "5")),
        ({(OPEN, TICKER, False): (0, 4)}, ("markets[0].limits.market.max_open_orders", "4", "3")),
        ({(OPEN, "", False): (0, 50)}, None),
        ({(ORDERS, TICKER, False): (0, 5)}, ("markets[0].limits.day.max_orders", "5", "4")),
        ({(ORDERS, "", True): (0, 7)}, (f"{OWN}.day.max_orders", "7", "6")),
        ({(ORDERS, "", False): (0, 25), (ORDERS, "", True): (0, 6), (ORDERS, TICKER, False): (0, 4)}, None),
        # of two on one measure the tightest is named
        (
            {(POSITION, TICKER, False): (0, 4_500), (POSITION, TICKER, True): (0, 5_600)},
            (f"{OWN}.market.max_position", "56.00", "50.00"),
        ),
        (
            {(POSITION, TICKER, False): (0, 5_200), (POSITION, TICKER, True): (0, 5_200)},
            ("markets[0].limits.market.max_position", "52.00", "40.00"),
        ),
    ],
)
def test_the_tightest_of_all_clients_own_and_entrys_is_named(
    figures: dict[tuple[Measure, str, bool], tuple[int, int]], expected: tuple[str, str, str] | None
) -> None:
    """Catches a client's limit on everybody's figure, an entry's that binds nobody, a key named that did not bind."""
    found = [(rule, observed, limit) for rule, _, observed, limit in denied(WRITE, used(WRITE, figures), TIGHT)]
    assert found == ([expected] if expected else [])


def test_what_is_broken_is_named_before_what_is_merely_tighter() -> None:
    """A figure past its limit already, and not raised, does not hide one that breaks. Catches a denial that passes
    because another figure is further past its own limit."""
    on = used(WRITE, {(POSITION, TICKER, False): (9_000, 9_000), (POSITION, TICKER, True): (0, 5_001)})
    assert [rule for rule, *_ in denied(WRITE, on, TIGHT)] == [f"{OWN}.market.max_position"]


FIGURES = st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda both: (both[0] * 10**6, both[1] * 10**6))


@given(st.lists(FIGURES, min_size=len(used(WRITE, {}).usages), max_size=len(used(WRITE, {}).usages)))
def test_a_limit_alone_on_its_figure_is_reported_as_the_tightest_is(figures: list[tuple[int, int]]) -> None:
    """Catches the short way of most orders reporting something else than the long way does: a figure left out, one in
    another's place, another order of reports."""
    on = used(WRITE, {})
    on = replace(on, usages=tuple(Usage(*one[:3], *now) for one, now in zip(on.usages, figures, strict=True)))
    case = case_of(WRITE, on, LIMITS)
    assert case.legs[0].bounds.are_apart
    found = {usage[:3]: usage for usage in on.usages}
    assert check_usages(case) == _alone(case, found) == _tightest(case, found)


def test_every_market_of_a_batch_is_looked_at() -> None:
    """Catches a second leg that slips past because the first one's market has room."""
    batch = CreateBatch((order(), order(ticker="KXBTC-OTHER")))
    on = used(batch, {(POSITION, "KXBTC-OTHER", False): (0, 10_001)})
    assert [(rule, code) for rule, code, *_ in denied(batch, on, LIMITS)] == [
        ("limits.market.max_position", DenyCode.POSITION_EXCEEDS_MAXIMUM)
    ]


def test_a_missing_figure_is_a_fault_and_no_pass() -> None:
    """Missing is not zero. Catches a limit that is skipped because nobody reckoned its figure."""
    on = facts_for(WRITE)
    for one in on.usages:
        if one.own:
            continue
        without = replace(on, usages=tuple(usage for usage in on.usages if usage != one))
        if one.of == TICKER and one.measure in (OPEN, ORDERS, Measure.DAY_NOTIONAL):
            continue  # no entry of the default policy limits these in one market
        with pytest.raises(KeyError):
            check_usages(case_of(WRITE, without, LIMITS))


def test_nothing_to_say_of_an_exit_or_of_another_order() -> None:
    """Catches an exit that a limit traps, and a fault where an amend names what is not there: other checks deny it."""
    assert check_usages(case_of(CancelAll(0), facts_for(CancelAll(0)), LIMITS)) == ()
    write = amend()
    assert check_usages(case_of(write, facts_for(write, orders=()), LIMITS)) == ()
    assert len(check_usages(case_of(write, facts_for(write), LIMITS))) == len(Measure)


def test_a_market_without_a_place_has_no_event_to_hold() -> None:
    """`check_place` denies it; here it is no fault. Catches a KeyError in place of a denial."""
    reports = check_usages(case_of(WRITE, facts_for(WRITE, places=()), ROOM))
    assert {one.rule for one in reports}.isdisjoint({"limits.event.max_exposure", "limits.series.max_exposure"})
    assert "limits.market.max_exposure" in {one.rule for one in reports}
