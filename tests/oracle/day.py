"""The day's loss by brute force: every fill and payout from the beginning, in fractions, leg by leg.

Rule of this file: no line of it comes from the risk room, and none of its formulas either: YES and NO are bought with
cash and held side by side, a pair of them is a dollar, and equity is cash plus what both could be sold for.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo

type Where = tuple[int, str]
type Bids = Mapping[str, tuple[Fraction, Fraction]]
"""By ticker, the best bids for YES and for NO in dollars."""


@dataclass(frozen=True)
class Trade:
    """A fill: dollars for one YES, contracts, the fee, and when it happened."""

    where: Where
    is_bid: bool
    price: Fraction
    count: Fraction
    fee: Fraction
    at_ms: int


@dataclass(frozen=True)
class Payout:
    """A market that was decided: what one YES brought, and when."""

    where: Where
    value: Fraction
    at_ms: int


@dataclass
class Purse:
    """What one subaccount has: cash without deposits, and contracts of both sides."""

    cash: Fraction = Fraction(0)
    yes: defaultdict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    no: defaultdict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def take(self, event: Trade | Payout) -> None:
        """Carry out one event."""
        ticker = event.where[1]
        if isinstance(event, Payout):
            self.cash += self.yes.pop(ticker, Fraction(0)) * event.value
            self.cash += self.no.pop(ticker, Fraction(0)) * (1 - event.value)
            return
        bought, leg = (self.yes, event.price) if event.is_bid else (self.no, 1 - event.price)
        bought[ticker] += event.count
        self.cash -= leg * event.count + event.fee
        pairs = min(self.yes[ticker], self.no[ticker])
        self.yes[ticker], self.no[ticker] = self.yes[ticker] - pairs, self.no[ticker] - pairs
        self.cash += pairs

    def equity(self, bids: Bids) -> Fraction:
        """Cash and what everything could be sold for."""
        yes = sum((count * bids[ticker][0] for ticker, count in self.yes.items() if count), Fraction(0))
        no = sum((count * bids[ticker][1] for ticker, count in self.no.items() if count), Fraction(0))
        return self.cash + yes + no


def midnight_ms(moment_ms: int, zone: ZoneInfo) -> int:
    """The last midnight in a zone, found by walking back a quarter of an hour at a time."""
    quarter = 900_000
    at_ms = moment_ms // quarter * quarter
    while _date(at_ms, zone) == _date(at_ms - quarter, zone):
        at_ms -= quarter
    return at_ms


def _date(moment_ms: int, zone: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(moment_ms / 1000, dt.UTC).astimezone(zone).date()


def loss_today(
    events: list[Trade | Payout], subaccount: int | None, now_ms: int, zone: ZoneInfo, start: Bids, now: Bids
) -> Fraction:
    """Equity at the last midnight less equity now, of one subaccount or of all."""
    begins_ms = midnight_ms(now_ms, zone)
    mine = [event for event in events if subaccount in (None, event.where[0]) and event.at_ms <= now_ms]
    loss = Fraction(0)
    for owner in {event.where[0] for event in mine}:
        before, after = Purse(), Purse()
        for event in sorted((e for e in mine if e.where[0] == owner), key=lambda e: e.at_ms):
            after.take(event)
            if event.at_ms < begins_ms:
                before.take(event)
        loss += before.equity(start) - after.equity(now)
    return loss
