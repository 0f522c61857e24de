"""Reconciliation: reads the exchange's own record, takes it into the ledger, and records what came of it.

Rule of this file: comparing, applying and handing in the row happen without an await, for the whole copy or for some of
its orders ahead of it; no round begins before the rows of the last one are on disk. It reads only, and never sends a
write.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import batched

import structlog

from pretrade.gateway.account.drop_copy import DropCopyError, DropCopyReader
from pretrade.gateway.account.record_wants import ask, facts_for
from pretrade.gateway.account.resolved import Unknowns
from pretrade.gateway.account.snapshots import Snapshots
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import printable
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.model.drop_copy import DropCopy
from pretrade.model.instance import Mode
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.changes import CHANGES, Change
from pretrade.risk.reconciling.reconciliation import reconcile, take_in_some
from pretrade.risk.reconciling.reconciliation_round import Break, Findings, Round, Suspect
from pretrade.risk.reconciling.screening import Screening

log = structlog.get_logger()

RETRY_S = 1.0
SOON_S = 1.0
"""The next round where something is open, and after one that failed."""
FIRST_S = 3.0
"""How long the doors wait for the first round."""
ORDERS_AT_ONCE = 200
"""Orders of a copy that are looked at in one go, about a millisecond's worth; then whoever waits has a turn."""
TAKEN_AT_ONCE = 100
"""Orders with news that are taken in in one go and one row, some milliseconds' worth; of more, the first ones ahead."""
LEAST_S = 0.3
"""Between two rounds, however often one is wanted."""
TOLD_AT_ONCE = 100
"""Breaks of one round that are logged one by one; all of them are in its row."""
NEWS_EVERY_MS = 600_000
"""A row is written at least this often, to show that rounds come through."""
FOUND = "found in the exchange's record"


class Reconciler:
    """Runs rounds for one instance. Only one at a time."""

    def __init__(self, instance: Instance, reader: DropCopyReader | None = None) -> None:
        self._instance = instance
        self.reader = reader or DropCopyReader(instance.signers.general, instance.upstream, instance.clock)
        self._busy = asyncio.Lock()
        self._unknowns = Unknowns()
        self.as_of_ms: int | None = None
        self._suspects: dict[BookKey, Suspect] = {}
        self._recorded_ms = 0
        self._turn = 0
        self._soon = False
        self._is_ahead = False
        self._first: asyncio.Task[bool] | None = None

    async def run(self) -> None:
        """Rounds without end, for a live instance: at once, then as often as the policy says or something asks for."""
        if self._instance.policy.instance.mode is not Mode.LIVE:
            return
        every_s = self._instance.policy.reconcile.every / 1000
        if self._first is not None:
            await self._first
        while True:
            came_through = await self.round()
            pause = RETRY_S if not came_through else min(SOON_S, every_s) if self._soon else every_s
            await asyncio.sleep(LEAST_S)
            await self._instance.reconciled.wait(pause - LEAST_S)

    async def first(self) -> None:
        """One round before the doors open, so that the first order need not be refused; they open without it too, for
        exits must pass while the exchange cannot be read."""
        if self._instance.policy.instance.mode is Mode.LIVE:
            self._first = asyncio.create_task(self.round(), name="the first round")
            await asyncio.wait((self._first,), timeout=FIRST_S)

    async def round(self) -> bool:
        """One round now; False when the record could not be read or the row not be written, which is told."""
        async with self._busy:
            try:
                await self._round()
            except (DropCopyError, JournalUnavailable) as e:
                self._tell_failure(str(e))
                return False
        return True

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While it lasts no round is made: for a person's resolution, whose row must not cross one."""
        async with self._busy:
            yield

    def _tell_failure(self, problem: str) -> None:
        reconciled = self._instance.reconciled
        if not reconciled.problem:
            effect = "orders wait once it is too old; exits pass"
            log.error("reconciliation_failed", detail=printable(problem), effect=effect)
        reconciled.failed(printable(problem))

    async def _round(self) -> None:
        instance, began_ns = self._instance, self._instance.clock.monotonic_ns()
        started_age_ms = instance.clock.age_ms()
        await self._catch_up()
        self._turn += 1
        asked = ask(instance, self.as_of_ms, self._turn)
        copy = await self.reader.read(asked.wanted)
        self._require_later(copy)
        screening = await self._screen(copy)
        places, settled = await facts_for(instance, copy, screening)
        round_ = Round(
            copy=copy,
            since_ms=asked.since_ms,
            news_ms=asked.news_ms,
            before_ms=self.as_of_ms,
            places=places,
            settled=settled,
            suspects=self._suspects,
            multiplier=instance.policy.fees.multiplier_ceiling,
            today=instance.losses.today(),
            screening=screening,
        )
        ahead = await self._take_ahead(round_, began_ns)
        self._unknowns.look(instance.ledger)
        found = reconcile(instance.ledger, round_)
        found.breaks[:0] = [one for one in ahead if one not in found.breaks]
        instance.auto_halt.breaks(found.breaks)
        row = self._record(copy, found, (instance.clock.monotonic_ns() - began_ns) // 1000)
        self._unknowns.tell(instance, found.changes, FOUND)
        self.as_of_ms, self._suspects, self._soon = copy.as_of_ms, found.suspects, found.soon
        self._tell(found)
        if row is not None:
            await self.durable(row)
        instance.reconciled.done(started_age_ms, tuple(found.breaks))

    async def _take_ahead(self, round_: Round, began_ns: int) -> list[Break]:
        """Take in some orders at a time, each time with a row, until no more than one such part of them is left that
        tell something; what they broke on. Thousands may, where somebody trades past us."""
        ledger, breaks = self._instance.ledger, list[Break]()
        telling = round_.screening.others(ledger, round_.copy.orders)
        for several in batched(telling[:-TAKEN_AT_ONCE], TAKEN_AT_ONCE, strict=False):
            self._unknowns.look(ledger)
            found = take_in_some(ledger, round_, several)
            breaks += found.breaks
            self._soon = self._soon or found.soon
            if found.changes:
                took_us = (self._instance.clock.monotonic_ns() - began_ns) // 1000
                row = self._hand_in(round_.copy, found.changes, self._instance.reconciled.breaks, took_us)
                self._unknowns.tell(self._instance, found.changes, FOUND)
                await self.durable(row)
            await asyncio.sleep(0)
        return breaks

    async def _screen(self, copy: DropCopy) -> Screening:
        """Find the orders that tell nothing, a few at a time: orders wait meanwhile, and thousands may rest."""
        screening = Screening()
        for several in batched(copy.orders, ORDERS_AT_ONCE, strict=False):
            screening.look(self._instance.ledger, several)
            await asyncio.sleep(0)
        return screening

    def _require_later(self, copy: DropCopy) -> None:
        """Refuse a copy of before the last one: what was proven since would seem not to be."""
        if self.as_of_ms is not None and copy.as_of_ms < self.as_of_ms:
            behind_ms = self.as_of_ms - copy.as_of_ms
            raise DropCopyError(f"it is {behind_ms} ms older than the one that was read before")

    def _record(self, copy: DropCopy, found: Findings, took_us: int) -> asyncio.Future[int] | None:
        """Hand in the row of a round that has something to tell."""
        now_ms = self._instance.clock.now_ms()
        has_news = found.changes or tuple(found.breaks) != self._instance.reconciled.breaks
        if not has_news and now_ms - self._recorded_ms < NEWS_EVERY_MS:
            return None
        self._recorded_ms = now_ms
        return self._hand_in(copy, found.changes, found.breaks, took_us)

    def _hand_in(
        self, copy: DropCopy, changes: Iterable[Change], breaks: Iterable[Break], took_us: int
    ) -> asyncio.Future[int]:
        """The row of what was taken in; `breaks` are those that stand and have been told."""
        body: dict[str, object] = {
            "as_of_ms": copy.as_of_ms,
            "took_us": took_us,
            "orders": len(copy.orders),
            "positions": len(copy.positions),
            "breaks": [{"kind": one.kind, "subject": one.subject, "detail": one.detail} for one in breaks],
            "changes": CHANGES.dump_python(tuple(changes), mode="json"),
        }
        return self._instance.journal.append(EventKind.RECONCILIATION, body)

    async def durable(self, row: asyncio.Future[int]) -> None:
        """Wait for the row of a round. Where it cannot be written the ledger knows what the journal does not: orders
        wait until a snapshot holds it all."""
        try:
            await row
        except JournalUnavailable:
            self._is_ahead = True
            self._instance.reconciled.lost()
            raise

    async def _catch_up(self) -> None:
        """Record the whole ledger, where the row of a round was lost."""
        if not self._is_ahead:
            return
        snapshots = Snapshots(self._instance)
        if reason := snapshots.too_early():
            raise JournalUnavailable(f"the row of a round was lost, and no snapshot can be taken: {reason}")
        await snapshots.take()
        self._is_ahead = False

    def _tell(self, found: Findings) -> None:
        """Log the breaks that are new, whatever has become of them since."""
        before = {(one.kind, one.subject) for one in self._instance.reconciled.breaks}
        new = [one for one in found.breaks if (one.kind, one.subject) not in before]
        for one in new[:TOLD_AT_ONCE]:
            self._instance.notices.broken(one)
            log.warning("break", kind=one.kind, subject=printable(one.subject), detail=printable(one.detail))
        if len(new) > TOLD_AT_ONCE:
            log.warning("breaks_left_out", count=len(new) - TOLD_AT_ONCE, effect="they are in the log's view breaks")
