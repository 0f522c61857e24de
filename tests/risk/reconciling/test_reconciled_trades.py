"""What rounds take into the day's trades: fills and payouts once, a day's beginning, and what nothing explains."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.builders import TICKER
from tests.risk.kit import NOW, PLACE, TODAY, TOMORROW
from tests.risk.recordkit import held

from pretrade.model.drop_copy import DropCopy, ExchangeFill, ExchangePosition, ExchangeSettlement
from pretrade.model.loss import Mark
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.changes import Change, DayBegan, FillsRead, Marked, PaidOut, StartRead, Unexplained
from pretrade.risk.ledger.holding import Holding
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.reconciling.reconciled_trades import NOTE_MS
from pretrade.risk.reconciling.reconciliation import reconcile
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, Round, Suspect, Today

KEY = (0, TICKER)
BIDS = Mark(Price(5_400), Price(4_400))
MINUTE, HOUR = 60_000, 3_600_000
MIDNIGHT = NOW + 4 * HOUR
"""When TOMORROW begins."""


def fill(name: str = "f-1", at_ms: int = NOW, side: Side = Side.BID, count: int = 400, sub: int = 0) -> ExchangeFill:
    return ExchangeFill(name, "x-9", sub, TICKER, side, Count(count), Price(5_500), Money(20_000), at_ms)


def paid(yes: int = 400, no: int = 0, cents: int = 400, at_ms: int = NOW) -> ExchangeSettlement:
    return ExchangeSettlement(0, TICKER, Count(yes), Count(no), Money(cents * 10_000), at_ms)


def day_of(moment_ms: int) -> str:
    """The date of a moment, on three days."""
    if moment_ms < MIDNIGHT - 24 * HOUR:
        return "2026-11-20"
    return TODAY if moment_ms < MIDNIGHT else TOMORROW


@dataclass
class Days:
    """A ledger and its rounds, on two days."""

    ledger: Ledger = field(default_factory=Ledger)
    suspects: dict[Any, Suspect] = field(default_factory=dict)
    last_ms: int | None = None
    marks: dict[str, Mark] = field(default_factory=lambda: {TICKER: BIDS})

    def read(
        self, at_ms: int, *fills: ExchangeFill, positions: tuple[ExchangePosition, ...] = (),
        settlements: tuple[ExchangeSettlement, ...] = (), notes: bool = False, today: bool = True,
    ) -> list[Change]:  # fmt: skip
        """A round at this moment after NOW; the changes that are about the day's trades."""
        now_ms = NOW + at_ms
        copy = DropCopy(now_ms, now_ms, positions, (), frozenset(), fills, (), (), (0, 3), settlements)
        day, began_ms = day_of(now_ms), MIDNIGHT if now_ms >= MIDNIGHT else MIDNIGHT - 24 * HOUR
        known = Today(day, began_ms, day_of, self.marks, notes)
        round_ = Round(
            copy, 0, 0, self.last_ms, {TICKER: PLACE}, frozenset(), self.suspects, 10_000, known if today else None
        )
        found = reconcile(self.ledger, round_)
        self.suspects, self.last_ms = found.suspects, now_ms
        mine = (DayBegan, FillsRead, Marked, PaidOut, StartRead, Unexplained)
        return [change for change in found.changes if isinstance(change, mine)]

    @property
    def holding(self) -> Holding:
        return self.ledger.trades.holding(KEY)


@pytest.fixture
def days() -> Days:
    """A ledger that began with nothing held."""
    days = Days()
    days.read(-HOUR)
    return days


def test_the_first_round_begins_the_day_and_the_next_has_nothing_to_tell(days: Days) -> None:
    assert days.ledger.trades.day == TODAY
    assert days.read(-HOUR + MINUTE) == []
    assert isinstance(days.read(-HOUR + NOTE_MS)[0], FillsRead)  # so that a start need not read far back


def test_what_the_first_reading_shows_is_what_the_day_began_with_less_what_it_brought() -> None:
    """Catches a new proxy that takes today's trades for what was there before, and loses what they lost."""
    days = Days()
    days.read(0, fill(at_ms=NOW - HOUR), fill("f-0", NOW - 30 * HOUR), positions=(held(1_000, 5_000_000),))
    assert days.holding.start == 600
    assert (days.holding.position, days.holding.start_mark) == (1_000, BIDS)


def test_a_payout_before_the_first_reading_counts_where_its_fills_do() -> None:
    """Catches a market that was bought and decided today, before the proxy was there, and counts as all lost or as all
    begun with."""
    days = Days()
    days.read(0, fill(at_ms=NOW - HOUR), settlements=(paid(cents=0, at_ms=NOW - MINUTE),))
    assert (days.holding.start, days.holding.position) == (0, 0)
    assert days.holding.profit(BIDS) == -5_500 * 400 - 20_000


def test_fills_and_payouts_count_once_however_often_they_are_read(days: Days) -> None:
    """Catches a payout, or a fill, that is counted at each reading."""
    changes = days.read(0, fill(), fill("f-2", sub=3), positions=(held(400, 1), held(400, 1, subaccount=3)))
    assert [len(change.fills) for change in changes if isinstance(change, FillsRead)] == [2]
    days.read(10, fill(), fill("f-2", sub=3), positions=(held(400, 1), held(400, 1, subaccount=3)))
    days.read(MINUTE, fill(), settlements=(paid(), paid(yes=0, cents=0)))
    days.read(2 * MINUTE, fill(), settlements=(paid(),))
    assert (days.holding.bought, days.holding.settled, days.holding.payout) == (400, 400, 4_000_000)
    assert days.ledger.trades.holding((3, TICKER)).bought == 400


def test_a_payout_of_no_contracts_is_signed_cash(days: Days) -> None:
    """Catches a debt that stays after NO was paid out."""
    days.read(0, fill(side=Side.ASK), positions=(held(-400, 1),))
    days.read(MINUTE, fill(side=Side.ASK), settlements=(paid(yes=0, no=400, cents=400),))
    assert (days.holding.position, days.holding.profit(BIDS)) == (0, 5_500 * 400 - 20_000)


def test_a_fill_belongs_to_the_day_on_which_it_was_made(days: Days) -> None:
    """Catches what is traded before midnight and read after it: it must not count as a loss of the new day."""
    before_ms = MIDNIGHT - 1 - NOW
    days.read(before_ms + 5, fill(at_ms=MIDNIGHT - 1), fill("f-2", MIDNIGHT), positions=(held(800, 1),))
    assert (days.ledger.trades.day, days.holding.start, days.holding.bought) == (TOMORROW, 400, 400)
    assert days.holding.start_mark == BIDS


@pytest.mark.parametrize(("after_ms", "begins"), [(1_000, 5_000), (120_000, 5_000), (120_001, 5_400), (HOUR, 5_400)])
def test_a_day_that_begins_late_begins_with_the_better_mark(days: Days, after_ms: int, begins: int) -> None:
    """Catches a fall while the proxy was down at midnight that counts on no day."""
    days.read(0, fill(), positions=(held(400, 1),))
    days.read(MINUTE, positions=(held(400, 1),), notes=True)
    assert days.holding.last_mark == BIDS
    days.marks = {TICKER: Mark(Price(5_000), Price(4_000))}
    changes = days.read(MIDNIGHT - NOW + after_ms, positions=(held(400, 1),))
    assert isinstance(changes[0], DayBegan)
    assert days.holding.start_mark is not None
    assert days.holding.start_mark.yes == begins


def test_a_market_that_nobody_sees_at_midnight_waits_for_its_first_mark(days: Days) -> None:
    """Catches a beginning at zero: the first bid of the day would be a gain."""
    days.read(0, fill(), positions=(held(400, 1),))
    days.marks = {}
    days.read(MIDNIGHT - NOW + 1_000, positions=(held(400, 1),))
    assert days.holding.profit(BIDS) is None
    days.marks = {TICKER: BIDS}
    assert [change.mark for change in days.read(MIDNIGHT - NOW + 2_000, positions=(held(400, 1),))
            if isinstance(change, Marked)] == [BIDS]  # fmt: skip
    assert days.holding.profit(BIDS) == 0


def test_a_position_that_no_fill_explains_counts_at_its_worst_once_it_was_seen_twice(days: Days) -> None:
    """Catches a position that is moved, or bought past the list of fills, and brings its value for nothing."""
    days.read(0, positions=(held(400, 2_000_000),))
    days.read(MINUTE, positions=(held(400, 2_000_000),))
    days.read(2 * MINUTE, positions=(held(400, 2_000_000),))
    assert (days.holding.unexplained, days.holding.profit(BIDS)) == (400, (5_400 - 10_000) * 400)
    days.read(3 * MINUTE, fill(at_ms=NOW - MINUTE), positions=(held(400, 2_000_000),))
    assert (days.holding.unexplained, days.holding.profit(BIDS)) == (0, -100 * 400 - 20_000)


def test_a_position_that_goes_without_a_payout_is_lost_until_the_payout_shows(days: Days) -> None:
    """Catches a market that vanishes from the positions and keeps its value, or its debt."""
    days.read(0, fill(), positions=(held(400, 1),))
    for minute in (1, 2, 3):
        days.read(minute * MINUTE, fill())
    assert (days.holding.unexplained, days.holding.profit(BIDS)) == (-400, -5_500 * 400 - 20_000)
    days.read(4 * MINUTE, fill(), settlements=(paid(at_ms=NOW + MINUTE),))
    assert (days.holding.unexplained, days.holding.profit(BIDS)) == (0, 4_500 * 400 - 20_000)


def test_a_difference_that_may_be_lag_is_none(days: Days) -> None:
    """Catches a stop because a read of positions was older than one of fills."""
    days.read(0, fill())
    days.read(SETTLE_MS - 1, fill())
    assert days.holding.unexplained == 0
    days.read(SETTLE_MS + 1, fill(), positions=(held(400, 1),))
    days.read(MINUTE, fill(), positions=(held(400, 1),))
    days.read(2 * MINUTE, fill(), positions=(held(400, 1),))
    assert days.holding.unexplained == 0


def test_without_a_day_nothing_is_taken_in() -> None:
    days = Days()
    assert days.read(0, fill(), positions=(held(400, 1),), today=False) == []
    assert days.ledger.trades.holdings == {}


def test_no_round_goes_back_to_an_earlier_day(days: Days) -> None:
    """Catches a clock that is set back: the day's losses would begin anew."""
    days.read(MIDNIGHT - NOW + 1_000)
    days.read(MIDNIGHT - NOW - 1_000)
    assert days.ledger.trades.day == TOMORROW
