"""People are told of limits that fill up once a level and day, over restarts too, and of stops and breaks."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import LIVE, FakeTime, World, open_world, until

from pretrade.gateway.machine.hook import Hook
from pretrade.gateway.market.losses import LossUse
from pretrade.gateway.stops.notices import SHOWN
from pretrade.gateway.stops.threshold_watch import ThresholdWatch
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState
from pretrade.model.units import Money
from pretrade.risk.reconciling.reconciliation_round import Break

DAY_MS = 86_400_000
ORDERS = "limits.day.max_orders"


@dataclass
class Ear(Hook):
    """A hook that runs nothing and keeps what it is told."""

    heard: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(())

    def tell(self, notice: Mapping[str, object]) -> None:
        self.heard.append(notice)


class Desk:
    """A proxy with an ear and a watch on its thresholds, which can be restarted."""

    def __init__(self, folder: Path, time: FakeTime) -> None:
        self.folder, self.time = folder, time
        self.open()

    def open(self) -> None:
        self.world: World = open_world(self.folder, LIVE, ("max_orders: 25", "max_orders: 10"), time=self.time)
        instance = self.world.instance
        self.ear = instance.notices.hook = Ear()
        instance.notices.recall(self.world.path, instance.losses.day())
        self.watch = ThresholdWatch(instance)

    async def restart(self) -> None:
        await self.world.close()
        self.open()

    async def orders(self, count: int) -> None:
        """So many small orders that are taken, and a look after each."""
        for _ in range(count):
            answer = await self.world.ask(self.world.order(price="0.0500"))
            assert answer.status == 201
            await self.watch.look()

    async def told(self, rule: str = ORDERS) -> list[tuple[int, str]]:
        """The rows about one limit: (level, used)."""
        bodies = await self.world.bodies(EventKind.NOTICE)
        return [(body["level"], body["used"]) for body in bodies if body["rule"] == rule]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path, FakeTime())
    yield desk
    await desk.world.close()


async def test_each_level_of_a_limit_is_told_once(desk: Desk) -> None:
    """Catches a page for every order past 70 %, and none at all."""
    await desk.orders(6)
    assert await desk.told() == []
    await desk.orders(4)
    assert await desk.told() == [(70, "7"), (80, "8"), (90, "9")]


async def test_a_notice_says_what_an_operator_needs(desk: Desk) -> None:
    await desk.orders(7)
    (body,) = [body for body in await desk.world.bodies(EventKind.NOTICE) if body["rule"] == ORDERS]
    assert body == {
        "day": "2026-11-21", "rule": ORDERS, "client": "", "of": "", "level": 70, "levels": [70], "percent": 70,
        "used": "7", "limit": "10",
    }  # fmt: skip
    (heard,) = [one for one in desk.ear.heard if one.get("rule") == ORDERS]
    assert heard == {
        **body, "notice": "threshold", "utc": heard["utc"],
        "instance": {"role": "W", "environment": "practice", "mode": "live"},
    }  # fmt: skip
    assert heard["utc"].endswith("Z")


async def test_levels_that_are_passed_at_once_are_told_at_once(desk: Desk) -> None:
    for _ in range(9):
        await desk.world.ask(desk.world.order(price="0.0500"))
    await desk.watch.look()
    assert await desk.told() == [(90, "9")]
    (body,) = [body for body in await desk.world.bodies(EventKind.NOTICE) if body["rule"] == ORDERS]
    assert body["levels"] == [70, 80, 90]


async def test_a_restart_tells_nothing_twice(desk: Desk) -> None:
    """Catches a restart that pages somebody for what he has known for hours."""
    await desk.orders(8)
    await desk.restart()
    await desk.watch.look()
    assert await desk.told() == [(70, "7"), (80, "8")]
    assert desk.ear.heard == []
    assert [notice["level"] for notice in desk.world.instance.notices.today("2026-11-21")] == [70, 80]
    await desk.orders(1)
    assert await desk.told() == [(70, "7"), (80, "8"), (90, "9")]


async def test_the_next_day_begins_anew(desk: Desk) -> None:
    """Catches a day's limit that is told once and never again."""
    await desk.orders(7)
    desk.time.pass_ms(DAY_MS)
    await desk.watch.look()
    assert desk.world.instance.notices.today("2026-11-22") == []
    await desk.orders(7)
    assert await desk.told() == [(70, "7"), (70, "7")]


async def test_yesterdays_notices_keep_nobody_quiet_after_a_restart(desk: Desk) -> None:
    await desk.orders(7)
    desk.time.pass_ms(DAY_MS)
    await desk.restart()
    await desk.orders(7)
    assert await desk.told() == [(70, "7"), (70, "7")]


async def test_where_most_is_used_is_named(desk: Desk) -> None:
    """A limit on each market by itself."""
    await desk.world.ask(desk.world.order(count="60.00", price="0.0500"))
    await desk.world.ask(desk.world.order(count="75.00", price="0.0500", ticker="KXBTC-OTHER"))
    await desk.watch.look()
    bodies = await desk.world.bodies(EventKind.NOTICE)
    assert [(body["of"], body["used"], body["limit"]) for body in bodies if "position" in body["rule"]] == [
        ("KXBTC-OTHER", "75.00", "100.00")
    ]


async def test_the_days_loss_is_told_though_nothing_was_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss grows with the market, without a row. Catches a look that is skipped because the journal stood still."""
    for lost in (30, 36, 36, 46):
        use = LossUse("limits.day.max_loss", "", Money(lost * 1_000_000), Money(50_000_000), None)  # type: ignore[arg-type]
        monkeypatch.setattr(type(desk.world.instance.losses), "used", lambda _, use=use: (use,))
        await desk.watch.look()
    assert await desk.told("limits.day.max_loss") == [(70, "$36.00"), (90, "$46.00")]


async def test_stops_resumes_and_breaks_reach_the_hook(desk: Desk) -> None:
    trading = desk.world.instance.trading
    await trading.stop(TradingState.REDUCING, cause="rejections", reason="3 of them", client="bot")
    await trading.resume(actor="kim", by="Kim", reason="fixed", client="bot")
    desk.world.instance.notices.broken(Break("orphan", "x-1", "an order past us"))
    await desk.world.rows()
    told = [(one["notice"], one.get("client"), one.get("state"), one.get("subject")) for one in desk.ear.heard]
    assert sorted(told, key=str) == [
        ("break", None, None, "x-1"),
        ("trading_state", "bot", "ACTIVE", None),
        ("trading_state", "bot", "REDUCING", None),
    ]


async def test_an_idle_proxy_reads_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a look at every market every second for nothing."""
    looks = []
    monkeypatch.setattr("pretrade.gateway.stops.threshold_watch.each_use", lambda *_: looks.append(1) or iter(()))
    for _ in range(3):
        await desk.watch.look()
    assert len(looks) == 1
    await desk.orders(1)
    assert len(looks) == 2


async def test_what_is_kept_for_people_is_bounded(desk: Desk) -> None:
    for number in range(SHOWN + 5):
        notice = {
            "day": "2026-11-21",
            "rule": f"r-{number}",
            "client": "",
            "of": "",
            "level": 70,
            "used": "",
            "limit": "",
        }
        desk.world.instance.notices.threshold(notice)
    assert len(desk.world.instance.notices.today("2026-11-21")) == SHOWN
    await desk.restart()
    assert len(desk.world.instance.notices.today("2026-11-21")) == SHOWN


async def test_a_row_that_cannot_be_read_back_is_told(desk: Desk) -> None:
    await desk.world.instance.journal.append(EventKind.NOTICE, {"day": "2026-11-21"})
    with pytest.raises(JournalError, match=r"row 1 \(notice\) cannot be read back"):
        desk.world.instance.notices.recall(desk.world.path, "2026-11-21")


async def test_that_nobody_was_told_is_on_record(tmp_path: Path) -> None:
    """Catches a page that was never sent, because the command was broken, and of which only a process log knows that
    may be gone when somebody asks."""
    world = open_world(tmp_path, LIVE, ("command: []", 'command: ["/nowhere/hook"]'))
    hook = world.instance.notices.hook
    world.instance.notices.broken(Break("orphan", "x-1", "somebody else's"))
    await until(lambda: hook.failed == 1)
    await until(lambda: world.instance.journal.handed_in == 1)
    (row,) = await world.bodies(EventKind.UNTOLD)
    assert (row["notice"], row["told"]["subject"], row["told"]["untold"]) == ("break", "x-1", 0)
    assert row["problem"].startswith("it cannot be run")
    hook.close()
    await world.close()
