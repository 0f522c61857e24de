"""Watches the day's loss: stops the account, or the client, whose limit it has reached.

Rule of this file: it only ever stops; a person resumes. The row of the stop is handed in before the one that says at
which loss it was: a start that finds the first alone stops them again, one that found the second alone would not.
"""

import asyncio

import structlog

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.losses import parts
from pretrade.journal.events import EventKind
from pretrade.model.units import format_money
from pretrade.policy.waivers import is_observed
from pretrade.risk.checks.auto_halt import Cause
from pretrade.risk.checks.loss import DayLoss, day_loss
from pretrade.risk.checks.loss_limits import LossLimit, is_reached
from pretrade.risk.ledger.changes import CHANGES, LossReached
from pretrade.risk.ledger.learning import learn

log = structlog.get_logger()

LOOK_S = 1.0
BLIND_MS = 60_000
"""How long a loss that rests on books which nobody sees must last before it stops trading. Orders are denied by it at
once; a stream that is away for a moment must not need a person."""


class LossWatch:
    """Looks every second."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._blind_since: dict[str, int] = {}

    async def run(self) -> None:
        """Keep the marks fresh and look, without end; nothing in a dry run, which loses nothing."""
        while self._instance.losses.is_live:
            await asyncio.sleep(LOOK_S)
            self.look()
            await self._instance.losses.marks.refresh()

    def look(self) -> None:
        """Look once."""
        losses = self._instance.losses
        losses.marks.look()
        if losses.needs_round:
            self._instance.reconciled.want()
        for limit in losses.limits:
            self._judge(limit)

    def _judge(self, limit: LossLimit) -> None:
        made_of = self._instance.losses.loss(limit.subaccount)
        before = self._instance.ledger.trades.reached.get(limit.client)
        if made_of is None or not is_reached(made_of.loss, limit.limit, before):
            self._blind_since.pop(limit.rule, None)
            return
        now_ms = self._instance.clock.age_ms()
        since_ms = self._blind_since.setdefault(limit.rule, now_ms)
        if self._is_sure(limit) or now_ms - since_ms >= BLIND_MS:
            self._stop(limit, made_of)

    def _is_sure(self, limit: LossLimit) -> bool:
        """Whether the limit is reached by the last bids that were ever seen as well; not where one never was."""
        marks = self._instance.losses.marks
        known = marks.ever()
        sure = day_loss(self._instance.ledger.trades.counted(), limit.subaccount, known)
        return sure is not None and sure.loss >= limit.limit and marks.held() <= known.keys()

    def _stop(self, limit: LossLimit, made_of: DayLoss) -> None:
        """Record that the limit was reached, and stop trading unless the rule is only watched."""
        instance, day = self._instance, self._instance.losses.day()
        whose = f"{limit.client}'s" if limit.client else "the account's"
        reason = f"{whose} loss today is {format_money(made_of.loss)} of {format_money(limit.limit)} ({limit.rule})"
        log.warning("day_loss_reached", client=limit.client, detail=reason)
        if not is_observed(instance.policy, limit.rule, day):
            instance.auto_halt.fire(Cause.LOSS, limit.client, reason)
        reached = LossReached(limit.client, day, made_of.loss)
        learn(instance.ledger, reached)
        body: dict[str, object] = {
            "rule": limit.rule,
            "client": limit.client,
            "day": day,
            "limit": limit.limit,
            **parts(made_of),
            "changes": CHANGES.dump_python((reached,), mode="json"),
        }
        instance.journal.record(EventKind.DAY_LOSS, body)
