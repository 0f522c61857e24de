"""The day's loss that rounds add up to is equity at midnight less equity now, whatever was traded in which order."""

import datetime as dt
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from tests.oracle.day import Bids, Payout, Trade, Where, loss_today, midnight_ms

from pretrade.gateway.market.losses import began_ms, day_of
from pretrade.model.drop_copy import DropCopy, ExchangeFill, ExchangePosition, ExchangeSettlement
from pretrade.model.facts import Place
from pretrade.model.loss import Mark
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.checks.loss import day_loss
from pretrade.risk.ledger.changes import CHANGES
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.trades_state import trades_of, trades_state
from pretrade.risk.reconciling.reconciliation import reconcile
from pretrade.risk.reconciling.reconciliation_round import Round, Suspect, Today

NEW_YORK, LONDON, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Europe/London"), ZoneInfo("Asia/Kolkata")
TICKERS = ("KXA-1", "KXA-2", "KXB-1")
SEED = int(os.environ.get("PRETRADE_SEED", "5"))
DAYS = {
    "ordinary": (NEW_YORK, dt.datetime(2026, 7, 14, 20, tzinfo=dt.UTC)),
    "23 hours": (NEW_YORK, dt.datetime(2026, 3, 8, 2, tzinfo=dt.UTC)),
    "25 hours": (NEW_YORK, dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC)),
    "25 hours in London": (LONDON, dt.datetime(2026, 10, 24, 20, tzinfo=dt.UTC)),
    "half an hour off": (KOLKATA, dt.datetime(2026, 5, 5, 15, tzinfo=dt.UTC)),
}


@dataclass
class Desk:
    """A ledger that reads a random exchange, and everything that truly happened there."""

    chance: random.Random
    zone: ZoneInfo
    now_ms: int
    lag_ms: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    events: list[Trade | Payout] = field(default_factory=list)
    fills: list[ExchangeFill] = field(default_factory=list)
    paid: list[ExchangeSettlement] = field(default_factory=list)
    held: dict[Where, int] = field(default_factory=dict)
    bids: dict[str, tuple[int, int]] = field(default_factory=dict)
    start_bids: dict[str, tuple[int, int]] = field(default_factory=dict)
    suspects: dict[Where, Suspect] = field(default_factory=dict)
    last_ms: int | None = None
    rows: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.move_market()
        self.start_bids = dict(self.bids)

    def move_market(self) -> None:
        for ticker in TICKERS:
            yes = self.chance.randrange(1, 9_998)
            self.bids[ticker] = (yes, self.chance.randrange(1, 9_999 - yes))

    def trade(self) -> None:
        where = (self.chance.choice((0, 3)), self.chance.choice(TICKERS))
        is_bid, price = self.chance.random() < 0.5, self.chance.randrange(1, 10_000)
        count, fee = self.chance.randrange(1, 5_000), self.chance.randrange(0, 300_000)
        side = Side.BID if is_bid else Side.ASK
        fill = ExchangeFill(
            f"f-{len(self.fills)}", f"o-{self.chance.randrange(40)}", *where, side, Count(count), Price(price),
            Money(fee), self.now_ms,
        )  # fmt: skip
        self.fills.append(fill)
        self.held[where] = self.held.get(where, 0) + (count if is_bid else -count)
        dollars = Fraction(price, 10_000), Fraction(count, 100), Fraction(fee, 10**6)
        self.events.append(Trade(where, is_bid, *dollars, self.now_ms))

    def settle(self) -> None:
        ticker = self.chance.choice(TICKERS)
        cents = self.chance.choice((0, 100))
        for where, count in list(self.held.items()):
            if where[1] == ticker and count:
                yes, no = max(count, 0), max(-count, 0)
                revenue = (yes * cents + no * (100 - cents)) * 100
                self.paid.append(ExchangeSettlement(*where, Count(yes), Count(no), Money(revenue), self.now_ms))
                self.events.append(Payout(where, Fraction(cents, 100), self.now_ms))
                self.held[where] = 0

    def round(self) -> None:
        """Read everything there is, without what the exchange's fills lag behind by, and restart now and then."""
        shown_ms = self.now_ms - self.chance.randint(0, self.lag_ms)
        positions = tuple(
            ExchangePosition(*where, Count(count), Money(0), Money(0), Money(0))
            for where, count in self.held.items() if count
        )  # fmt: skip
        fills = tuple(fill for fill in self.fills if fill.created_ms <= shown_ms)
        copy = DropCopy(self.now_ms, self.now_ms, positions, (), frozenset(), fills, (), (), (0, 3), tuple(self.paid))
        day = day_of(self.now_ms, self.zone)
        marks = {ticker: Mark(Price(yes), Price(no)) for ticker, (yes, no) in self.bids.items()}
        today = Today(day, began_ms(day, self.zone), lambda at_ms: day_of(at_ms, self.zone), marks, notes_marks=True)
        places = {ticker: Place(ticker, "E", "S") for ticker in TICKERS}
        before = trades_state(self.ledger.trades)
        found = reconcile(
            self.ledger,
            Round(copy, 0, 0, self.last_ms, places, frozenset(), self.suspects, 10_000, today),
        )
        self.suspects, self.last_ms = found.suspects, self.now_ms
        again = Ledger()
        again.trades = trades_of(before)
        for change in CHANGES.validate_python(CHANGES.dump_python(tuple(found.changes), mode="json")):
            if change.kind in {"day_began", "fills_read", "paid_out", "start_read", "unexplained", "marked"}:
                learn(again, change)
        assert trades_state(again.trades) == trades_state(self.ledger.trades)
        if self.chance.random() < 0.2:
            self.ledger.trades = trades_of(trades_state(self.ledger.trades))

    def pass_time(self, by_ms: int) -> Iterator[None]:
        """Let time pass; a round is made right after every midnight, for a day to begin in time."""
        goal_ms = self.now_ms + by_ms
        next_ms = midnight_ms(self.now_ms, self.zone)
        while next_ms <= self.now_ms:
            next_ms = midnight_ms(next_ms + 26 * 3_600_000, self.zone)
        if next_ms <= goal_ms:
            self.now_ms, self.start_bids = next_ms + 1_000, dict(self.bids)
            self.round()
            yield
        self.now_ms = max(goal_ms, self.now_ms)

    def ours(self, subaccount: int | None) -> Fraction:
        marks = {ticker: Mark(Price(yes), Price(no)) for ticker, (yes, no) in self.bids.items()}
        loss = day_loss(self.ledger.trades.counted(), subaccount, marks)
        assert loss is not None
        return Fraction(loss.loss, 10**6)

    def truth(self, subaccount: int | None) -> Fraction:
        return loss_today(
            self.events, subaccount, self.now_ms, self.zone, _dollars(self.start_bids), _dollars(self.bids)
        )

    def agree(self) -> None:
        for subaccount in (None, 0, 3):
            assert self.ours(subaccount) == self.truth(subaccount), (subaccount, self.now_ms)


def _dollars(bids: dict[str, tuple[int, int]]) -> Bids:
    return {ticker: (Fraction(yes, 10_000), Fraction(no, 10_000)) for ticker, (yes, no) in bids.items()}


def _live(desk: Desk, steps: int) -> None:
    """Trades, payouts and moves of the market at random moments over two days or so."""
    desk.round()
    for _ in range(steps):
        for _ in desk.pass_time(desk.chance.randrange(60_000, 5_400_000)):
            desk.agree()
        for _ in range(desk.chance.randrange(4)):
            desk.trade()
            desk.now_ms += desk.chance.randrange(1, 1_000)
        if desk.chance.random() < 0.15:
            desk.settle()
        desk.move_market()
        desk.round()
        if not desk.lag_ms:
            desk.agree()


@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
@pytest.mark.parametrize("kind", DAYS)
def test_the_loss_is_equity_at_midnight_less_equity_now(kind: str, seed: int) -> None:
    """Catches a day that ends at midnight of another zone or has 24 hours always, fees left out, a payout counted twice
    or not at all, a fill counted on the day of its reading, and what is lost over a restart."""
    zone, begins = DAYS[kind]
    desk = Desk(random.Random(f"{kind}/{seed}"), zone, int(begins.timestamp() * 1000))
    _live(desk, 50)


@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_the_loss_is_right_once_the_fills_have_shown(seed: int) -> None:
    """Catches a fill that shows late and is counted on the wrong day, never, or beside an unexplained position."""
    zone, begins = DAYS["25 hours"]
    desk = Desk(random.Random(seed), zone, int(begins.timestamp() * 1000), lag_ms=30_000)
    _live(desk, 40)
    desk.lag_ms = 0
    for _ in range(8):  # positions that differed have to be seen twice, apart
        desk.now_ms += 40_000
        desk.round()
    desk.agree()


def test_a_day_with_thousands_of_fills_is_counted_once_however_often_it_is_read() -> None:
    """Catches fills known by their page, or only the latest of them: each reading would add the rest again."""
    zone, begins = DAYS["ordinary"]
    desk = Desk(random.Random(1), zone, int(begins.timestamp() * 1000))
    desk.round()
    for _ in range(3_000):
        desk.trade()
        desk.now_ms += 7
    for _ in range(3):
        desk.round()
        desk.agree()
        desk.now_ms += 1_000
    assert len(desk.ledger.trades.fill_ids) == 3_000


def test_yesterdays_loss_does_not_count_today() -> None:
    """Catches sums that are not begun anew at midnight."""
    zone, begins = DAYS["ordinary"]
    desk = Desk(random.Random(2), zone, int(begins.timestamp() * 1000))
    desk.round()
    for _ in range(20):
        desk.trade()
    desk.round()
    assert desk.ours(None) != 0
    for _ in desk.pass_time(86_400_000):
        assert desk.ours(None) == 0 == desk.truth(None)
