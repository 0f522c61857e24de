"""The journal as the event loop sees it: hand an event in, wait until it is durable.

Rule of this file: handing in never blocks and fixes the order; one thread writes all that waits in one transaction.
A future is resolved after the commit and never before; what cannot be confirmed fails, and the next event tries anew.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import Draft, EventKind, canonical, require_plain, utc_text
from pretrade.journal.store import Store
from pretrade.model.frozen import frozen

MAX_WAITING = 20_000
"""Events handed in and not yet confirmed; beyond it the journal is unavailable instead of eating all memory."""

MAX_BATCH = 1_000
"""Rows in one transaction: bounds how long the first of them waits for the last."""

LINGER_S = 0.005
"""How long events that nothing waits for may wait for one that something does: one trip to the disk serves both."""

_MAY_LINGER = frozenset(
    {
        EventKind.OUTCOME,
        EventKind.DELIVERY,
        EventKind.READS,
        EventKind.REFUSAL,
        EventKind.REFUSALS,
        EventKind.STREAM,
    }
)
"""Kinds that say what has happened already. What permits something goes to the disk at once."""


@frozen
class _Entry:
    draft: Draft
    future: asyncio.Future[int]


class Journal:
    """The append-only log of this run. Use it from one event loop; `open` starts its thread, `close` ends it."""

    def __init__(
        self, store: Store, *, boot: str, utc_now_ns: Callable[[], int], monotonic_ns: Callable[[], int]
    ) -> None:
        """Take over an opened store. `open` is the way in."""
        self._store = store
        self._boot = boot
        self._utc_now_ns = utc_now_ns
        self._monotonic_ns = monotonic_ns
        self._queue: queue.SimpleQueue[list[_Entry] | None] = queue.SimpleQueue()
        self._over: list[_Entry] = []
        self._lingering: list[_Entry] = []
        self._linger_end: asyncio.TimerHandle | None = None
        self._is_leaving = False
        self._waiting = 0
        self._lost = 0
        self.handed_in = 0
        """Events handed in by this run, written or not."""
        self._ended: str | None = None
        self._last_error: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resolved = 0
        self._settling: list[tuple[int, asyncio.Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, *, boot: str, utc_now_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> Self:
        """Open the journal at `path`, or make it, and lock it for this process.

        `boot` names this run in every row; the two clocks are read when an event is handed in. Raises JournalError.
        """
        require_plain(boot, "the name of the run")
        return cls(Store.open(path), boot=boot, utc_now_ns=utc_now_ns, monotonic_ns=monotonic_ns)

    @property
    def healthy(self) -> bool:
        """Whether the last attempt to write succeeded. After a fault the next event finds out if it has passed."""
        return self.last_error is None

    @property
    def last_error(self) -> str | None:
        """Why the last attempt to write failed, in words; None when it did not."""
        return self._ended or self._last_error

    @property
    def lost(self) -> int:
        """How many events of this run were not confirmed as durable."""
        return self._lost

    def append(
        self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None
    ) -> asyncio.Future[int]:
        """Hand an event in; the order of calls is the order of rows.

        The future gives the row's number once the row is durable, or raises JournalUnavailable; it may be dropped or
        cancelled without harm, the event is written all the same. Raises TypeError or ValueError at once for a body
        that has no exact spelling (`events.canonical`) and ValueError for an id that is not plain text.
        """
        if decision_id is not None:
            require_plain(decision_id, "the decision id")
        draft = Draft(
            utc=utc_text(self._utc_now_ns()),
            mono_ns=self._monotonic_ns(),
            boot=self._boot,
            kind=kind,
            decision_id=decision_id,
            body=canonical(body),
        )
        self._loop = asyncio.get_running_loop()
        entry = _Entry(draft, self._loop.create_future())
        refusal = self._ended
        if self._waiting >= MAX_WAITING:
            refusal = f"{self._waiting} events are waiting to be written already"
        self.handed_in += 1
        if refusal is None:
            self._waiting += 1
            self._hand_in(entry)
        else:
            self._tell([entry], refusal)
        return entry.future

    def _hand_in(self, entry: _Entry) -> None:
        """Let the writer have an event: at the end of this turn of the event loop, with all that was handed in within
        it and all that lingers, or together with the next of those.

        A write's outcome that went to the disk by itself would keep the next decision waiting for a second trip, and so
        would a crowd's first decision the others that were made right after it.
        """
        self._lingering.append(entry)
        if self._loop is None or self._is_leaving:
            return
        if entry.draft.kind not in _MAY_LINGER:
            self._is_leaving = True
            self._loop.call_soon(self._end_linger)
        elif self._linger_end is None:
            self._linger_end = self._loop.call_later(LINGER_S, self._end_linger)

    def _end_linger(self) -> None:
        if self._linger_end is not None:
            self._linger_end.cancel()
            self._linger_end = None
        self._is_leaving = False
        lingering, self._lingering = self._lingering, []
        if lingering:
            self._queue.put(lingering)  # all at once: each time it wakes the writer, who wants the interpreter's lock

    def record(self, kind: EventKind, body: Mapping[str, object], decision_id: str | None = None) -> None:
        """Hand in an event that nobody waits for; that it was not recorded shows in `last_error` and `lost` only."""
        self.append(kind, body, decision_id)

    async def settled(self) -> None:
        """Until everything handed in so far is on disk, or known not to be, whoever waits for it."""
        if self._waiting and self._loop is not None:
            done: asyncio.Future[None] = self._loop.create_future()
            self._settling.append((self._resolved + self._waiting, done))
            await done

    async def close(self) -> None:
        """Write what was handed in, move it all into the one database file, and let the file go. Safe to call again."""
        if self._ended is None:
            self._ended = "the journal is closed"
            self._end_linger()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        batch: list[_Entry] = []
        try:
            while batch := self._take():
                self._call(self._resolve, batch, self._write(batch))
                batch = []
        finally:
            self._call(self._bury, batch)
            self._store.close()

    def _take(self) -> list[_Entry]:
        """Wait for events and take what else is there by then, up to MAX_BATCH; empty when the journal is being
        closed."""
        taken = self._over
        with suppress(queue.Empty):
            while len(taken) < MAX_BATCH:
                entries = self._queue.get(block=not taken)
                if entries is None:
                    self._queue.put(None)  # for the next call, should this one have something to write first
                    break
                taken += entries
        self._over = taken[MAX_BATCH:]
        return taken[:MAX_BATCH]

    def _write(self, batch: Sequence[_Entry]) -> int | str:
        try:
            first = self._store.append([entry.draft for entry in batch])
        except JournalUnavailable as e:
            self._last_error = str(e)
            return str(e)
        self._last_error = None
        return first

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        """Run a function on the event loop, if there still is one: on a closed loop nobody waits."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    def _resolve(self, batch: Sequence[_Entry], result: int | str) -> None:
        """On the event loop: `result` is the first row's number, or why none of the rows is confirmed. Batches come in
        the order in which their events were handed in."""
        self._waiting -= len(batch)
        self._resolved += len(batch)
        self._tell(batch, result)
        while self._settling and self._settling[0][0] <= self._resolved:
            _, done = self._settling.pop(0)
            if not done.done():  # its waiter was cancelled
                done.set_result(None)

    def _tell(self, batch: Sequence[_Entry], result: int | str) -> None:
        if isinstance(result, str):
            self._lost += len(batch)
        for index, entry in enumerate(batch):
            if entry.future.done():  # its waiter was cancelled
                continue
            if isinstance(result, int):
                entry.future.set_result(result + index)
            else:
                entry.future.set_exception(JournalUnavailable(result))
                entry.future.exception()  # counted as seen: asyncio need not warn about a future that was dropped

    def _bury(self, batch: list[_Entry]) -> None:
        """On the event loop, when the thread has ended: nobody must wait for it any more."""
        self._ended = self._ended or "the journal's writer has stopped because of a fault in the program"
        batch += self._over
        with suppress(queue.Empty):
            while True:
                batch += self._queue.get_nowait() or ()
        self._resolve(batch + self._lingering, self._ended)
        self._over, self._lingering = [], []
