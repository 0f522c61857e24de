"""What stops trading by itself is counted to the event: never one too early, never one too late."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import amend, order

from pretrade.model.codes import CODES, DenyCode, Step
from pretrade.model.orders import CancelAll, CancelBatch, CancelOrder, CreateBatch, CreateOrder, DecreaseOrder, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count
from pretrade.risk.checks.auto_halt import Latest, exchange_failed, is_the_clients, rejections

ACCEPTED, REJECTED, UNKNOWN = OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.UNKNOWN
CREATE, BATCH = CreateOrder(order()), CreateBatch((order(), order(), order()))


def is_too_often(events: list[tuple[int, int]], count: int, within_ms: int) -> bool:
    """By its plain meaning: of all that has happened, so many lie within so long before the last one."""
    now = events[-1][0]
    return events[-1][1] > 0 and sum(times for at, times in events if now - at <= within_ms) >= count


@given(
    st.integers(1, 6),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 4)), min_size=1, max_size=60),
)
def test_never_earlier_and_never_later_than_so_many_within_so_long(
    count: int, within_ms: int, steps: list[tuple[int, int]]
) -> None:
    """Catches a window that is off by one event or one millisecond, that forgets what is still within it, or that
    takes a batch for one."""
    latest, events = Latest(count, within_ms), []
    for at_ms, times in zip(accumulate(gap for gap, _ in steps), (times for _, times in steps), strict=True):
        events.append((at_ms, times))
        assert latest.add(at_ms, times) is is_too_often(events, count, within_ms), events


@pytest.mark.parametrize(
    ("at_ms", "told"),
    [
        ([0, 500, 1000], [False, False, True]),
        ([0, 500, 1001], [False, False, False]),
        ([0, 1000, 1001, 1002], [False, False, False, True]),
        ([7, 7, 7, 7], [False, False, True, True]),
    ],
)
def test_the_window_has_both_its_ends(at_ms: list[int], told: list[bool]) -> None:
    latest = Latest(3, 1000)
    assert [latest.add(at) for at in at_ms] == told


def test_a_window_that_is_cleared_begins_anew() -> None:
    """Catches what led to a stop and stops again at the first event after the resume."""
    latest = Latest(3, 1000)
    assert latest.add(0, times=9)
    latest.clear()
    assert [latest.add(1) for _ in range(3)] == [False, False, True]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=50))
def test_a_window_of_one_stops_at_each(gaps: list[int]) -> None:
    latest = Latest(1, 0)
    assert all(latest.add(at) for at in accumulate(gaps))


@pytest.mark.parametrize(
    ("codes", "counts"),
    [
        ((DenyCode.PRICE_OUTSIDE_BAND,), True),
        ((DenyCode.FIELD_INVALID,), True),
        ((DenyCode.ENDPOINT_BELOW_POLICY,), True),
        ((DenyCode.SIGNATURE_STALE,), False),
        ((DenyCode.SIGNATURE_REPLAYED,), False),
        ((DenyCode.CLIENT_USER_NOT_ALLOWED,), False),
        ((DenyCode.CLIENT_REDUCING,), False),
        ((DenyCode.CLIENT_HALTED,), False),
        ((DenyCode.TRADING_HALTED,), False),
        ((DenyCode.LEDGER_NOT_RECONCILED, DenyCode.TRADING_REDUCING), False),
        ((DenyCode.TRADING_HALTED, DenyCode.PRICE_OUTSIDE_BAND), True),
        ((DenyCode.JOURNAL_UNAVAILABLE,), False),
        ((DenyCode.EXCHANGE_UNREACHABLE,), False),
        ((DenyCode.OUTCOME_UNKNOWN,), False),
        ((DenyCode.INTERNAL_FAULT,), False),
        ((DenyCode.CONFIRMATION_REQUIRED,), False),
        ((), False),
    ],
)
def test_a_refusal_counts_where_it_is_the_clients_own_doing(codes: tuple[DenyCode, ...], *, counts: bool) -> None:
    """Catches clients that are stopped because everybody is, because we lack a figure, or because somebody else has
    their key or an old signature of theirs; and one that is not because a reason of ours stands beside its own."""
    assert is_the_clients(codes) is counts


def test_no_missing_or_stale_figure_of_ours_is_held_against_a_client() -> None:
    """Catches a new code of a figure that we lack and that nobody has put on the list."""
    ours = {code for code in CODES if CODES[code].step is Step.DECIDE and code.endswith(("_MISSING", "_STALE"))}
    assert not [code for code in ours if is_the_clients((code,))]


def legs(*states: OutcomeState) -> tuple[LegOutcome, ...]:
    return tuple(LegOutcome(state) for state in states)


@pytest.mark.parametrize(
    ("write", "outcome", "count"),
    [
        (CREATE, Outcome(REJECTED, 400, legs(REJECTED)), 1),
        (CREATE, Outcome(REJECTED, 409, legs(REJECTED)), 1),
        (CREATE, Outcome(REJECTED, 401, legs(REJECTED)), 0),  # the proxy's own key, not the client
        (CREATE, Outcome(ACCEPTED, 201, legs(ACCEPTED)), 0),
        (CREATE, Outcome(UNKNOWN), 0),
        (CREATE, Outcome(OutcomeState.NOT_SENT), 0),
        (CREATE, Outcome(OutcomeState.DRY_RUN, legs=legs(REJECTED)), 1),
        (BATCH, Outcome(ACCEPTED, 201, legs(REJECTED, ACCEPTED, REJECTED)), 2),
        (BATCH, Outcome(REJECTED, 400, legs(REJECTED, REJECTED, REJECTED)), 3),
        (BATCH, Outcome(UNKNOWN, 201, legs(REJECTED, UNKNOWN, ACCEPTED)), 1),
        (amend(), Outcome(REJECTED, 404, legs(REJECTED)), 1),
        (CancelOrder("x-1"), Outcome(REJECTED, 404, legs(REJECTED)), 0),  # it had filled: a race, not a fault
        (DecreaseOrder("x-1", reduce_to=Count(1)), Outcome(REJECTED, 404, legs(REJECTED)), 0),
        (CancelBatch((CancelOrder("x-1"),)), Outcome(REJECTED, 404, legs(REJECTED)), 0),
        (CancelAll(0), Outcome(REJECTED, 404), 0),
    ],
)
def test_rejected_orders_are_counted_one_by_one_and_exits_never(write: Write, outcome: Outcome, count: int) -> None:
    """Catches a batch that counts once, and a market maker that is stopped because its cancels came too late."""
    assert rejections(write, outcome) == count


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Outcome(UNKNOWN, 500), True),
        (Outcome(UNKNOWN, 503), True),
        (Outcome(UNKNOWN), True),  # no answer in time
        (Outcome(UNKNOWN, 201), True),  # an answer that tells nothing
        (Outcome(REJECTED, 400, legs(REJECTED)), False),
        (Outcome(ACCEPTED, 201, legs(ACCEPTED)), False),
        (Outcome(OutcomeState.NOT_SENT), None),
        (Outcome(OutcomeState.DRY_RUN), None),
    ],
)
def test_what_is_a_failure_of_the_exchange(outcome: Outcome, *, failed: bool | None) -> None:
    """Catches an order that never left us and ends a row of failures, or makes one."""
    assert exchange_failed(outcome) is failed
