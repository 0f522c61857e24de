"""The day's loss of this instance: the figures that orders are judged by, what a round needs, and what people see.

Rule of this file: what is not known is left out, so that orders are denied for it. It changes nothing.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pretrade.gateway.market.marks import Marks
from pretrade.model.instance import Mode
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.markets import MarketFacts
from pretrade.model.orders import AmendOrder, Write, tickers_of
from pretrade.model.seen import MarketSeen
from pretrade.model.units import NO_MONEY, Money, format_money
from pretrade.risk.checks.loss import DayLoss, Judged, Valuer, day_loss, may_show
from pretrade.risk.checks.loss_limits import LossLimit, loss_limits
from pretrade.risk.reconciling.reconciliation_round import Today

if TYPE_CHECKING:  # an instance has losses
    from pretrade.gateway.instance import Instance

NOTE_EVERY_MS = 600_000
"""How often the marks of what is held are noted, so that a day can begin with them after a stop."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class LossUse:
    """One limit on the day's loss and the loss: a client's own, or the whole account's for an empty client."""

    rule: str
    client: str
    used: Money
    limit: Money
    made_of: DayLoss


def day_of(moment_ms: int, zone: ZoneInfo) -> str:
    """The date of a moment in a time zone, as YYYY-MM-DD."""
    return dt.datetime.fromtimestamp(moment_ms // 1000, dt.UTC).astimezone(zone).date().isoformat()


def began_ms(day: str, zone: ZoneInfo) -> int:
    """When a day began in a time zone, in Unix ms, whether it has 23, 24 or 25 hours."""
    midnight = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), tzinfo=zone)
    return (midnight.astimezone(dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)


def next_day_ms(day: str, zone: ZoneInfo) -> int:
    """When the day after a day begins in a time zone, in Unix ms."""
    return began_ms((dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat(), zone)


class Losses:
    """The day's loss. Belongs to one event loop; `LossWatch` looks at the marks every second."""

    def __init__(self, instance: "Instance") -> None:
        self._instance = instance
        self._figures: dict[int | None, DayLoss | None] = {}
        self._figures_of: tuple[int, int] | None = None
        self._valuer = Valuer()
        self._noted_ms: int | None = None
        self.marks = Marks(instance)
        self.limits = loss_limits(instance.policy)
        self.is_live = instance.policy.instance.mode is Mode.LIVE

    def day(self) -> str:
        """Today in the policy's time zone; never an earlier day than was counted on before."""
        return self._instance.ledger.day_of(self._instance.clock.day(self._instance.zone))

    # What orders are judged by

    def seen(self, subaccount: int, write: Write, day: str) -> tuple[LossSeen, ...]:
        """The loss of a subaccount and of the whole account today, beside a write that is judged, as far as they are
        known. A dry run can lose nothing."""
        if not self.is_live:
            return LossSeen(own=True, loss=NO_MONEY, age_ms=0), LossSeen(own=False, loss=NO_MONEY, age_ms=0)
        age_ms = self._instance.reconciled.age_ms()
        if age_ms is None:
            return ()
        account = self._instance.ledger.live
        amended = account.by_order_id(write.order_id) if isinstance(write, AmendOrder) else None
        beside = Judged(frozenset(tickers_of(write)), amended)
        shown = may_show(account, self.marks.lately, beside) if self.limits else {}
        own, whole = self._loss(subaccount, day), self._loss(None, day)
        may_own, may_all = shown.get(subaccount, NO_MONEY), Money(sum(shown.values()))
        mine = () if own is None else (LossSeen(own=True, loss=own.loss, age_ms=age_ms, may_show=may_own),)
        return mine if whole is None else (*mine, LossSeen(own=False, loss=whole.loss, age_ms=age_ms, may_show=may_all))

    def marks_of(self, known: Iterable[MarketFacts], seen: Iterable[MarketSeen]) -> tuple[MarkSeen, ...]:
        """The marks of a write's markets, by what has just been seen of them."""
        books = {one.ticker: one.book for one in seen}
        found = ((facts.ticker, self.marks.by(facts, books.get(facts.ticker))) for facts in known)
        return tuple([MarkSeen(ticker, mark.yes, mark.no) for ticker, mark in found])

    def loss(self, subaccount: int | None) -> DayLoss | None:
        """Today's loss of a subaccount, or of the whole account for None; None where it is not known. It holds every
        trade that is known now; marks are of the last look, none older than `MARK_MAX_AGE_MS`."""
        return self._loss(subaccount, self.day())

    def _loss(self, subaccount: int | None, day: str) -> DayLoss | None:
        trades, second = self._instance.ledger.trades, self._instance.clock.age_ms() // 1000
        if trades.read_ms is None or trades.day != day:
            return None
        if self._figures_of != (trades.version, second):
            self._figures, self._figures_of = {}, (trades.version, second)
            self.marks.look_at_new()
        if subaccount not in self._figures:
            self._figures[subaccount] = day_loss(trades.counted(), subaccount, self.marks.fresh(), self._valuer)
        return self._figures[subaccount]

    # What a round needs

    def today(self) -> Today | None:
        """The day and the marks for a round; None where nothing is sent."""
        if not self.is_live:
            return None
        self.marks.look()
        self._valuer.forget(self._instance.ledger.trades.holdings)
        now_ms, day = self._instance.clock.age_ms(), self.day()
        notes_marks = self._noted_ms is None or now_ms - self._noted_ms >= NOTE_EVERY_MS
        self._noted_ms = now_ms if notes_marks else self._noted_ms
        begins_ms, marks = began_ms(day, self._instance.zone), self.marks.fresh()
        return Today(day, begins_ms, lambda moment_ms: day_of(moment_ms, self._instance.zone), marks, notes_marks)

    def read_since_ms(self) -> int:
        """From when on fills are to be read: the last noted reading, or the beginning of the day before the first."""
        read_ms = self._instance.ledger.trades.read_ms
        return began_ms(self.day(), self._instance.zone) if read_ms is None else read_ms

    @property
    def needs_round(self) -> bool:
        """Whether a round would begin the day, or learn what something was worth when it began."""
        trades, marks = self._instance.ledger.trades, self.marks.fresh()
        if trades.day != self.day():
            return True
        wanting = ((holding, marks.get(ticker)) for (_, ticker), holding in trades.holdings.items() if holding.start)
        return any(mark is not None and holding.wants(mark) for holding, mark in wanting)

    # What people see

    def used(self) -> tuple[LossUse, ...]:
        """Every limit on the day's loss with the loss, where that is known."""
        found = ((limit, self.loss(limit.subaccount)) for limit in self.limits)
        return tuple(
            LossUse(limit.rule, limit.client, made_of.loss, limit.limit, made_of)
            for limit, made_of in found
            if made_of is not None
        )

    def as_status(self) -> list[dict[str, object]]:
        """Each limit for people: the loss, None where it is not known, and what it is made of. Nothing in a dry run."""
        if not self.is_live:
            return []
        known = {use.rule: use.made_of for use in self.used()}
        return [_row(limit, known.get(limit.rule)) for limit in self.limits]


def _row(limit: LossLimit, made_of: DayLoss | None) -> dict[str, object]:
    row: dict[str, object] = {"rule": limit.rule, "client": limit.client, "limit": format_money(limit.limit)}
    if made_of is None:
        return row | {"loss": None}
    return row | {name: format_money(figure) for name, figure in parts(made_of).items()}


def parts(made_of: DayLoss) -> dict[str, int]:
    """What a loss is made of, by name."""
    return {"loss": made_of.loss, "realized": made_of.realized, "fees": made_of.fees, "mark": made_of.mark}
