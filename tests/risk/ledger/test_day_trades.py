"""The day's trades: each fill once, what answers told at once, and what is forgotten."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, order
from tests.risk.kit import NOW, TODAY, TOMORROW, accepted, approve

from pretrade.kalshi.wire import describe, restore
from pretrade.model.loss import Fill, Mark, Settlement
from pretrade.model.orders import CreateOrder, Side
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Money, Price
from pretrade.risk.checks.loss import day_loss
from pretrade.risk.ledger.day_trades import KEEP_MS, PAYOUTS_KEPT_MS, SHOWN_MS, DayTrades
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.state import STATE, ledger_of, state_of
from pretrade.risk.ledger.trades_state import trades_of, trades_state
from pretrade.risk.ledger.worst_case import fee

KEY = (0, TICKER)
BIDS = {TICKER: Mark(Price(5_400), Price(4_400))}


def fill(name: str = "f-1", **changes: object) -> Fill:
    base = Fill(name, "x-1", 0, TICKER, TODAY, Side.BID, Count(400), Price(5_500), Money(20_000), NOW)
    return replace(base, **changes)


def settled(**changes: object) -> Settlement:
    return replace(Settlement(0, TICKER, TODAY, Count(400), Money(4_000_000), NOW), **changes)


@pytest.fixture
def ledger() -> Ledger:
    """A ledger whose day has begun and whose record was read, with an order of ten at 56 cents approved."""
    ledger = Ledger()
    ledger.trades.begin(TODAY, {}, is_late=False)
    ledger.trades.take((), NOW - 60_000)
    approve(ledger, "d-1", CreateOrder(order()))
    return ledger


def lost(trades: DayTrades) -> int:
    found = day_loss(trades.counted(), None, BIDS)
    assert found is not None
    return found.loss


def worst(count: int) -> int:
    """Two cents above the bid, and the worst fee."""
    return 200 * count + fee(Side.BID, Price(5_600), Count(count), 10_000) if count else 0


def test_what_an_answer_told_counts_at_once_and_the_record_takes_its_place(ledger: Ledger) -> None:
    """Catches a fill that counts only once the record was read, and one that then counts twice."""
    trades = ledger.trades
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    assert lost(trades) == worst(400)
    trades.take((fill(count=Count(100), fee=Money(5_000)),), NOW)
    assert lost(trades) == worst(300) + 100 * 100 + 5_000
    trades.take((fill("f-2", count=Count(300), fee=Money(15_000)),), NOW)
    assert lost(trades) == 100 * 400 + 20_000
    assert trades.told == {}


def test_a_record_that_is_ahead_of_the_answer_counts_once(ledger: Ledger) -> None:
    """Catches a fill that was read before its order's answer came, and that the answer counts again."""
    ledger.trades.take((fill(),), NOW)
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW + 10)
    assert lost(ledger.trades) == 100 * 400 + 20_000


def test_more_fills_of_an_order_count_by_what_is_more(ledger: Ledger) -> None:
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    ledger.fill("d-1/0", Count(400), NOW + 5)
    ledger.fill("d-1/0", Count(500), NOW + 9)
    assert lost(ledger.trades) == worst(500)


def test_an_answer_that_is_no_fill_is_none(ledger: Ledger) -> None:
    rejected = Outcome(OutcomeState.REJECTED, 400, (LegOutcome(OutcomeState.REJECTED),))
    ledger.settle("d-1", rejected, NOW)
    assert (lost(ledger.trades), ledger.trades.told) == (0, {})


def test_what_was_told_is_let_go_when_a_late_enough_reading_knows_better(ledger: Ledger) -> None:
    """Catches what an order read and its fills never agree on: it would count at its worst for ever."""
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    ledger.trades.take((), NOW + SHOWN_MS - 1)
    assert lost(ledger.trades) == worst(400)
    ledger.trades.take((), NOW + SHOWN_MS)
    assert lost(ledger.trades) == 0


def test_ids_are_kept_as_long_as_they_may_be_read_again() -> None:
    trades = DayTrades()
    trades.begin(TODAY, {}, is_late=False)
    trades.take((fill(),), NOW + KEEP_MS)
    assert set(trades.fill_ids) == {"f-1"}
    trades.take((), NOW + KEEP_MS + 1)
    assert set(trades.fill_ids) == set()
    trades.take((), NOW)
    assert trades.read_ms == NOW + KEEP_MS + 1


def test_a_fill_of_yesterday_that_is_read_today_is_what_the_day_began_with() -> None:
    """Catches a fill that counts on the day of its reading."""
    trades = DayTrades()
    trades.begin(TOMORROW, {}, is_late=False)
    trades.take((fill(), fill("f-2", side=Side.ASK, count=Count(100))), NOW)
    holding = trades.holding(KEY)
    assert (holding.start, holding.bought, holding.fees) == (300, 0, 0)
    trades.settle(settled(count=Count(300)))
    assert (trades.holding(KEY).start, trades.holding(KEY).payout) == (0, 0)


def test_what_was_told_yesterday_and_not_shown_counts_today_until_it_is(ledger: Ledger) -> None:
    """Catches a fill around midnight that counts on neither day, or on both."""
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    trades = ledger.trades
    trades.begin(TOMORROW, {}, is_late=False)
    assert lost(trades) == worst(400)
    trades.take((fill(),), NOW)
    trades.mark(KEY, BIDS[TICKER])
    assert (trades.holding(KEY).start, lost(trades)) == (400, 0)


def test_a_payout_ends_a_position_and_is_kept_for_a_week() -> None:
    trades = DayTrades()
    trades.begin(TODAY, {}, is_late=False)
    trades.take((fill(),), NOW)
    trades.settle(settled())
    assert (trades.holding(KEY).position, lost(trades)) == (0, 5_500 * 400 + 20_000 - 4_000_000)
    trades.settle(settled(ticker="LATER", settled_ms=NOW + PAYOUTS_KEPT_MS + 1))
    assert [ticker for _, ticker, _ in trades.payouts] == ["LATER"]


def test_a_new_day_forgets_what_is_over_and_what_was_reached() -> None:
    trades = DayTrades()
    trades.begin(TODAY, {}, is_late=False)
    trades.take((fill(), fill("f-2", ticker="OTHER"), fill("f-3", ticker="OTHER", side=Side.ASK)), NOW)
    trades.reach("", TODAY, Money(5))
    trades.reach("", TODAY, Money(3))
    trades.reach("", "2026-11-20", Money(9))
    assert trades.reached == {"": 5}
    trades.begin(TOMORROW, {KEY: BIDS[TICKER]}, is_late=False)
    assert (set(trades.holdings), trades.reached) == ({KEY}, {})
    assert (trades.holding(KEY).start, trades.holding(KEY).start_mark) == (400, BIDS[TICKER])
    assert lost(trades) == 0


def test_before_a_day_has_begun_nothing_is_counted() -> None:
    """What a dry run, or a journal from before there was a day's loss, tells must not pile up."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateOrder(order()))
    ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    assert ledger.trades.told == {}


def test_a_snapshot_is_the_trades(ledger: Ledger) -> None:
    """Catches a field that a snapshot leaves out."""
    trades = ledger.trades
    trades.take((fill(), fill("f-2", ticker="OTHER")), NOW)
    ledger.settle("d-1", accepted(("x-1", 1_000, 0)), NOW)
    trades.settle(settled())
    trades.explain(KEY, 7)
    trades.mark(KEY, BIDS[TICKER])
    trades.start((3, "S"), -5)
    trades.reach("a", TODAY, Money(5))
    again = trades_of(trades_state(trades))
    assert vars(again) | {"version": 0} == vars(trades) | {"version": 0}


def test_a_snapshot_from_before_there_was_a_days_loss_opens() -> None:
    """Catches a journal of an earlier version that does not open any more."""
    body = STATE.dump_python(state_of(Ledger(), describe), mode="json")
    del body["trades"]
    ledger = ledger_of(STATE.validate_python(body), restore)
    assert (ledger.trades.day, ledger.trades.read_ms, ledger.trades.holdings) == ("", None, {})
