"""One round of the reconciliation: what was read, what goes with it, and what came of it.

Rule of this file: reads lag. What a read shows is believed where it can only be late, never early; what it does not
show proves something only when it is late enough, and then twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pretrade.model.drop_copy import DropCopy, ExchangeOrder, OrderStatus
from pretrade.model.facts import Place
from pretrade.model.loss import Mark
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.changes import Change
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.reconciling.screening import Screening

SETTLE_MS = 7_000
"""How much later than an answer a read must be to show what the answer was about: the exchange's reads lag by some 400
ms (market_data.md 5), and its clock, by which they are dated, may be up to 5 s ahead of ours (`drop_copy`)."""
UNSEEN_MS = 67_000
"""How much later than its signature a read must be to prove that a write never came: the exchange takes a signature for
10 s at least and less than 60 s (auth.md 1; demo for less than 30 s), and then as above."""
APART_MS = 1_000
"""How far two reads must be apart to prove something together."""
COVER_MS = 10_000
"""How much earlier than a write every order must have been read, for the copy to show what it made: clocks differ."""


@dataclass(frozen=True, slots=True)
class Break:
    """One difference between the ledger and the exchange's record, in words for people.

    `kind` is orphan (an order past us), ghost (one of ours that the exchange does not know), terms (one that is not as
    we sent it) or position.
    """

    kind: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A position that differs: what was seen last, as of when it was first so, and as of when it began to differ."""

    count: int
    as_of_ms: int
    began_ms: int


@dataclass(frozen=True, slots=True)
class Today:
    """The day in the policy's time zone, and when it began (Unix ms); `day_of` gives any moment's. `marks` are those of
    the markets that were seen just now, noted with the round where `notes_marks`."""

    day: str
    began_ms: int
    day_of: Callable[[int], str]
    marks: Mapping[str, Mark]
    notes_marks: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One reading of the record and what goes with it.

    `since_ms` is from when on every order was read; what had ended and was made before `news_ms` was in an earlier
    copy, or in the positions of the first. `before_ms` is the last copy's `as_of_ms` (None for a run's first), `places`
    the markets that are known now, `settled` those of them that are decided, `suspects` what the last round left,
    `multiplier` the fee ceiling for orders that are not ours (1/10000). Trades of the day are taken in where `today` is
    told. `screening` is what was found of the copy's orders before, a few at a time.
    """

    copy: DropCopy
    since_ms: int
    news_ms: int
    before_ms: int | None
    places: Mapping[str, Place]
    settled: frozenset[str]
    suspects: Mapping[BookKey, Suspect]
    multiplier: int
    today: Today | None = None
    screening: Screening = field(default_factory=Screening)

    @property
    def proves(self) -> bool:
        """Whether this copy is far enough from the one before to prove something together with it."""
        return self.before_ms is not None and self.copy.as_of_ms >= self.before_ms + APART_MS

    def is_late_for(self, at_ms: int, by_ms: int) -> bool:
        """Whether the copy is that much later than a moment of ours."""
        return self.copy.as_of_ms >= at_ms + by_ms


@dataclass(slots=True)
class Findings:
    """What came of a round: the changes, in the order they were applied, the breaks, and whether to look again soon."""

    changes: list[Change] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    suspects: dict[BookKey, Suspect] = field(default_factory=dict)
    soon: bool = False


class Reconciliation:
    """Takes one copy into a ledger, step by step; every step sees what the one before has changed."""

    def __init__(self, ledger: Ledger, round_: Round) -> None:
        """`is_first` is whether the ledger begins with this copy: nothing of ours was ever sent. `orders` are those of
        the copy that may tell something, `moved_past_us` as the screening's."""
        self.ledger = ledger
        self.round = round_
        self.found = Findings()
        self.moved_past_us = round_.screening.moved_past_us
        self.orders = round_.screening.others(ledger, round_.copy.orders)
        own = any(order.client is not None for order in ledger.live.orders.values())
        self.is_first = ledger.baseline_ms is None and not own and not ledger.ended

    def note(self, change: Change) -> None:
        """Apply a change and keep it for the record."""
        learn(self.ledger, change)
        self.found.changes.append(change)

    def report(self, kind: str, subject: str, detail: str) -> None:
        """Keep a break for people."""
        self.found.breaks.append(Break(kind, subject, detail))

    def look_again(self) -> None:
        """Ask for the next round soon: it may tell what this one could not."""
        self.found.soon = True


def markets_of(copy: DropCopy, ledger: Ledger, screening: Screening, others: Iterable[ExchangeOrder]) -> Iterator[str]:
    """The markets whose place must be known to take a copy in: those of what is held, and of orders that count, which
    are the `others` beside those that were screened."""
    yield from (position.ticker for position in copy.positions if position.count)
    yield from screening.tickers
    yield from (order.ticker for order in others if order.order_id not in ledger.ended and _counts(order, ledger))


def _counts(order: ExchangeOrder, ledger: Ledger) -> bool:
    return order.status is OrderStatus.RESTING or not is_old(order, ledger)


def is_strange(order: ExchangeOrder, ledger: Ledger) -> bool:
    """Whether an order of the copy is none of ours: no row of ours made it."""
    own = ledger.live.by_order_id(order.order_id)
    owner, _ = ledger.ended.get(order.order_id, (None, 0))
    return owner is None if own is None else own.client is None


def is_old(order: ExchangeOrder, ledger: Ledger) -> bool:
    """Whether an order was made before the ledger began."""
    return ledger.baseline_ms is None or order.created_ms < ledger.baseline_ms
