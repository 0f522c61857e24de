"""Looks every second at how much of each limit is used, and tells what has passed a threshold.

Rule of this file: it reads the figures that orders are judged by, a few at a time, so that no order waits for it.
"""

import asyncio
from collections.abc import AsyncIterator

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.losses import LossUse
from pretrade.model.units import format_money
from pretrade.risk.checks.limit_use import LimitUse, each_use
from pretrade.risk.checks.thresholds import most_used

LOOK_S = 1.0
AT_ONCE = 50
"""Figures that are read in one turn of the event loop."""


class ThresholdWatch:
    """Watches the limits of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._seen: tuple[str, int] | None = None

    async def run(self) -> None:
        """Look every second, without end."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Look once. What adds up changes with a row of the journal or the day; the day's loss changes by itself."""
        instance = self._instance
        day = instance.ledger.day_of(instance.clock.day(instance.zone))
        instance.notices.thresholds.begin(day)
        for loss in most_used(instance.losses.used()).values():
            self._tell(loss, day)
        seen = (day, instance.journal.handed_in)
        if seen == self._seen:
            return
        uses = [use async for use in self._uses(day)]
        for use in most_used(uses).values():
            self._tell(use, day)
        self._seen = seen

    async def _uses(self, day: str) -> AsyncIterator[LimitUse]:
        instance = self._instance
        account = instance.ledger.account(instance.policy.instance.mode)
        for number, use in enumerate(each_use(account, instance.policy, day), 1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            yield use

    def _tell(self, use: LimitUse | LossUse, day: str) -> None:
        levels = self._instance.notices.thresholds.passed(use)
        if not levels:
            return
        text = format_money if isinstance(use, LossUse) else use.text
        self._instance.notices.threshold(
            {
                "day": day,
                "rule": use.rule,
                "client": use.client,
                "of": "" if isinstance(use, LossUse) else use.of,
                "level": levels[-1],
                "levels": list(levels),
                "percent": use.used * 100 // use.limit,
                "used": text(use.used),
                "limit": text(use.limit),
            }
        )
