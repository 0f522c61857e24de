"""A journal by interface, on a virtual disk that can be slow, fail and lose what it had not confirmed.

Rule of this file: the promises are those of `journal.writer` and `journal.store`, no more and no less: a future is
resolved after the commit; a batch is on the disk whole or not at all; what failed may be there all the same; of what
was under way when the machine stopped nobody knows.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from itertools import batched

from pretrade.gateway.machine.clock import Clock
from pretrade.journal.chain import Head, link, verify
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import Draft, Event, EventKind, canonical, require_plain, utc_text
from pretrade.journal.writer import _MAY_LINGER, LINGER_S, MAX_BATCH, MAX_WAITING

FAILURE = "the virtual disk failed"


@dataclass
class Disk:
    """What outlives a process: the rows in the file. `faulty` lets commits fail and stall.

    `has_lost_a_round` says that a reconciliation's row failed: from then on only a snapshot holds what it knew.
    `has_lost_an_amend` says that an amend's row failed: on a later day than its order's own it counts for good.
    """

    chance: random.Random
    rows: list[Event] = field(default_factory=list)
    faulty: bool = True
    broken_until: float = 0.0
    has_lost_a_round: bool = False
    has_lost_an_amend: bool = False
    on_trouble: Callable[[], None] = lambda: None

    def latency(self) -> float:
        """How long the next commit takes, in seconds."""
        lot = self.chance.random()
        if self.faulty and lot < 0.02:
            return self.chance.uniform(0.05, 1.5) if lot > 0.004 else self.chance.uniform(2.0, 12.0)
        return self.chance.uniform(0.0001, 0.004)

    def fails(self, now: float) -> bool:
        """Whether the commit that ends now cannot be confirmed; a failure may go on for a while."""
        if self.faulty and now >= self.broken_until and self.chance.random() < 0.006:
            self.broken_until = now + self.chance.choice([0.0, 0.3, 2.0])
            self.on_trouble()
            return True
        return self.faulty and now < self.broken_until

    def survives(self) -> bool:
        """Whether a batch of which nobody was told is in the file."""
        return self.chance.random() < 0.5

    def write(self, drafts: list[Draft]) -> int:
        """Put rows into the file; the number of the first."""
        first = len(self.rows) + 1
        for draft in drafts:
            head = Head(self.rows[-1].seq, self.rows[-1].hash) if self.rows else Head()
            self.rows.append(link(draft, head))
        return first

    def read(self, after: int = 0, kinds: Collection[EventKind] | None = None) -> Iterator[Event]:
        """The rows behind `after`, of these kinds or of all: `journal.reader.read_events`."""
        return (row for row in self.rows[after:] if kinds is None or row.kind in kinds)

    def find(self, decision_id: str) -> list[Event]:
        """The rows of a decision: `journal.reader.find`."""
        return [row for row in self.rows if row.decision_id == decision_id]

    def tail(self, count: int, kinds: Collection[EventKind] | None = None) -> list[Event]:
        """The last rows: `journal.reader.tail`."""
        return list(self.read(0, kinds))[-count:]

    def back_from_the_end(self, kinds: Collection[EventKind] | None = None) -> Iterator[list[Event]]:
        """The rows in pages, newest first: `journal.reader.back_from_the_end`."""
        newest_first = list(self.read(0, kinds))[::-1]
        return (list(page) for page in batched(newest_first, 10, strict=False))

    def require_whole(self) -> None:
        """The chain of the rows holds: else this disk, not the product, is wrong."""
        finding = verify(self.rows)
        if finding is not None:
            raise AssertionError(f"the chain of the virtual disk is broken: {finding}")


@dataclass(frozen=True)
class _Entry:
    draft: Draft
    future: asyncio.Future[int]


def _is_amend(draft: Draft) -> bool:
    return draft.kind is EventKind.DECISION and '"type":"amend_order"' in draft.body


class SimJournal:
    """The journal of one process. `on_append` and `on_durable` tell the watcher of each row as it comes and stays."""

    def __init__(
        self,
        disk: Disk,
        boot: str,
        clock: Clock,
        on_append: Callable[[Draft], None],
        on_durable: Callable[[Draft], None],
    ) -> None:
        self._disk, self._boot, self._clock = disk, boot, clock
        self._on_append, self._on_durable = on_append, on_durable
        self._lingering: list[_Entry] = []
        self._queue: list[_Entry] = []
        self._under_way: list[_Entry] = []
        self._outside = Context()  # a commit is nobody's: it must not carry one request's context into another
        self._ended: str | None = None
        self._last_error: str | None = None
        self.lost = 0
        self.handed_in = 0

    @property
    def healthy(self) -> bool:
        """As the real one."""
        return self.last_error is None

    @property
    def last_error(self) -> str | None:
        """As the real one."""
        return self._ended or self._last_error

    @property
    def idle(self) -> bool:
        """Whether everything that was handed in has its answer."""
        return not self._lingering and not self._queue and not self._under_way

    def append(
        self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None
    ) -> asyncio.Future[int]:
        """As the real one; in a process that has died nothing happens any more."""
        if decision_id is not None:
            require_plain(decision_id, "the decision id")
        utc, mono = utc_text(self._clock.utc_ns()), self._clock.monotonic_ns()
        draft = Draft(utc, mono, self._boot, kind, decision_id, canonical(body))
        entry = _Entry(draft, asyncio.get_running_loop().create_future())
        self.handed_in += 1
        waiting = len(self._lingering) + len(self._queue) + len(self._under_way)
        refusal = self._ended or (f"{waiting} events are waiting" if waiting >= MAX_WAITING else None)
        if refusal is not None:
            self._refuse([entry], refusal)
            return entry.future
        self._on_append(draft)
        self._lingering.append(entry)
        if kind not in _MAY_LINGER:
            self._end_linger()
        elif len(self._lingering) == 1:
            asyncio.get_running_loop().call_later(LINGER_S, self._end_linger, context=self._outside)
        return entry.future

    def record(self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None) -> None:
        """As the real one."""
        self.append(kind, body, decision_id)

    async def settled(self) -> None:
        """As the real one: wait until everything that was handed in has its answer."""
        while not self.idle:
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """As the real one: what was handed in is written first."""
        self._ended = "the journal is closed"
        self._end_linger()
        await self.settled()

    def crash(self) -> None:
        """The machine stops: what waits is lost, what is under way may be in the file."""
        batch, self._under_way, self._queue, self._lingering = self._under_way, [], [], []
        self._ended = "the machine has stopped"
        if batch and self._disk.survives():
            self._write(batch)

    def _end_linger(self) -> None:
        """As the real one: what nobody waits for goes with the next row that somebody waits for, or a moment later."""
        self._queue += self._lingering
        self._lingering = []
        self._begin()

    def _begin(self) -> None:
        if self._under_way or not self._queue:
            return
        self._under_way, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
        asyncio.get_running_loop().call_later(self._disk.latency(), self._finish, context=self._outside)

    def _finish(self) -> None:
        if not self._under_way:  # the machine has stopped meanwhile
            return
        loop = asyncio.get_running_loop()
        batch, failed = self._under_way, self._disk.fails(loop.time())
        first = self._write(batch) if not failed or self._disk.survives() else 0
        self._last_error = FAILURE if failed else None
        # The writer's thread tells the loop, which may have other things to do first; the next batch does not wait.
        loop.call_soon(self._resolve, batch, FAILURE if failed else first, context=self._outside)
        self._under_way = []
        self._begin()

    def _write(self, batch: list[_Entry]) -> int:
        first = self._disk.write([entry.draft for entry in batch])
        for entry in batch:
            self._on_durable(entry.draft)
        return first

    def _resolve(self, batch: list[_Entry], result: int | str) -> None:
        if isinstance(result, str):
            self._refuse(batch, result)
            return
        for index, entry in enumerate(batch):
            if not entry.future.done():
                entry.future.set_result(result + index)

    def _refuse(self, batch: list[_Entry], reason: str) -> None:
        self.lost += len(batch)
        self._disk.has_lost_a_round |= any(entry.draft.kind is EventKind.RECONCILIATION for entry in batch)
        self._disk.has_lost_an_amend |= any(_is_amend(entry.draft) for entry in batch)
        for entry in batch:
            if not entry.future.done():
                entry.future.set_exception(JournalUnavailable(reason))
                entry.future.exception()
