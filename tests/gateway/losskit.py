"""A proxy whose day may lose five dollars, and the record that its rounds read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.builders import TICKER
from tests.gateway.fakes import LIVE, FakeTime, World, always, answered, open_world
from tests.gateway.marketkit import FakeBooks

from pretrade.gateway.account.drop_copy import Wanted
from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.messages import Answer
from pretrade.gateway.stops.loss_watch import LossWatch
from pretrade.model.drop_copy import DropCopy, ExchangeFill, ExchangePosition, ExchangeSettlement
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, Source
from pretrade.model.units import Count, Money, Price

_WAIVED = "  - {{limit: {}, reason: not what this is about, until: 2999-12-31}}\n"
LIMITED = (
    LIVE,
    (_WAIVED.format("limits.day.max_loss"), ""),
    (_WAIVED.format("halts.loss"), ""),
    ('    max_notional: "$200"', '    max_loss: "$5"\n    max_notional: "$200"'),
    ("notify:\n", "halts: {loss: {then: REDUCING}}\nnotify:\n"),
)
"""Changes to the tests' policy: a day may lose five dollars, and then REDUCING."""
DOLLAR = 1_000_000


def book(yes: int, no: int | None = None, age_ms: int = 0) -> BookSeen:
    """A book with a bid for YES at so many cents, and one for NO two cents below its complement; 0 for none."""
    no = (98 - yes if yes < 98 else 1) if no is None else no
    sides = ((((Price(cents * 100), Count(100_000)),) if cents else ()) for cents in (yes, no))
    return BookSeen(*sides, age_ms=age_ms, source=Source.FEED)


def fill(name: str, world: World, count: int = 1_000, cents: int = 50, **changes: Any) -> ExchangeFill:
    """A bid of ours that has filled just now, with a cent of fee."""
    made = ExchangeFill(
        name, f"x-{name}", 0, TICKER, Side.BID, Count(count), Price(cents * 100), Money(10_000),
        world.time.clock.now_ms(),
    )  # fmt: skip
    return replace(made, **changes)


@dataclass
class Record:
    """The exchange's record by interface: as of now; positions are what the fills and payouts add up to."""

    time: FakeTime
    fills: list[ExchangeFill] = field(default_factory=list)
    settlements: list[ExchangeSettlement] = field(default_factory=list)
    asked: list[Wanted] = field(default_factory=list)

    async def read(self, wanted: Wanted) -> DropCopy:
        self.asked.append(wanted)
        now_ms = self.time.clock.now_ms()
        gone = wanted.order_ids
        fills, settlements = tuple(self.fills), tuple(self.settlements)
        return DropCopy(now_ms, now_ms, self.positions(), (), gone, fills, (), (), (0, 1, 2), settlements)

    def positions(self) -> tuple[ExchangePosition, ...]:
        held: dict[tuple[int, str], int] = {}
        for one in self.fills:
            key = (one.subaccount, one.ticker)
            held[key] = held.get(key, 0) + (one.count if one.side is Side.BID else -one.count)
        for paid in self.settlements:
            held[paid.subaccount, paid.ticker] -= paid.yes - paid.no
        return tuple(
            ExchangePosition(*key, Count(count), Money(abs(count) * 5_000), Money(0), Money(0))
            for key, count in held.items() if count
        )  # fmt: skip


@dataclass
class Desk:
    """A proxy without its doors, its rounds, and what watches its losses."""

    world: World
    record: Record
    reconciler: Reconciler
    watch: LossWatch

    async def round(self, after_ms: int = 1_000) -> None:
        self.world.time.pass_ms(after_ms)
        assert await self.reconciler.round(), self.world.instance.reconciled.problem

    async def look(self, after_ms: int = 1_000) -> None:
        self.world.time.pass_ms(after_ms)
        self.watch.look()

    def see(self, shown: BookSeen | None) -> None:
        self.world.instance.books = FakeBooks(shown)  # type: ignore[assignment]

    async def order(self, key_id: str = "bot-key", **changes: object) -> Answer:
        return await self.world.ask(self.world.order(key_id, **changes))

    def fills_at_once(self, count: str) -> None:
        """Let the exchange fill so much of the next orders at once."""
        self.world.upstream.on_send = always(
            answered(201, {"order_id": "x-told", "fill_count": count, "remaining_count": "0.00", "ts_ms": 1})
        )


async def desk_of(folder: Path, *changes: tuple[str, str], time: FakeTime | None = None) -> Desk:
    """A desk whose day has begun."""
    world = open_world(folder, *LIMITED, *changes, time=time)
    record = Record(world.time)
    desk = Desk(world, record, Reconciler(world.instance, record), LossWatch(world.instance))  # type: ignore[arg-type]
    desk.see(book(50))
    await desk.round()
    return desk


async def desks(folder: Path, *changes: tuple[str, str]) -> AsyncIterator[Desk]:
    """For fixtures: a desk that is closed in the end."""
    desk = await desk_of(folder, *changes)
    yield desk
    await desk.world.close()
