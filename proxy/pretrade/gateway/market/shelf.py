"""Things that are read by name: kept for a while, read once however many ask at the same time, renewed while in use.

Rule of this file: it knows names, ages and waiting, nothing of what is read. What has lived too long is never given
out, and a name that could not be read is let alone for a moment, so that a loop of questions is no loop of reads.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pretrade.gateway.machine.clock import Clock

MOMENT_MS = 1_000
"""How long a failure stands that may be over at the next try."""
USED_MS = 600_000
"""How long after it was last asked for a thing counts as in use."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a thing could not be had, in words that can stand after a colon, and for how long nobody tries again."""

    reason: str
    keep_ms: int = MOMENT_MS


type Read[T] = Callable[[tuple[str, ...]], Awaitable[Mapping[str, T | Failure]]]
"""Reads some things at once: an entry for each name, and no exception but a fault of the program."""


@dataclass(slots=True)
class _Kept[T]:
    """A thing; `asked_ms` is when its read began, since it may have changed at any time after that."""

    thing: T
    asked_ms: int
    used_ms: int


class Shelf[T]:
    """Keeps what `read` gives for `keep_ms` milliseconds of the monotonic clock; the least used go beyond `size` names.

    A read takes at most `patience` seconds and goes on when nobody waits for it any longer: it ends by itself. `split`
    puts names into the groups that are read at once. Belongs to one event loop.
    """

    def __init__(
        self,
        clock: Clock,
        read: Read[T],
        split: Callable[[Iterable[str]], list[tuple[str, ...]]],
        *,
        keep_ms: int,
        size: int,
        patience: float,
    ) -> None:
        self._clock = clock
        self._read = read
        self._split = split
        self._keep_ms = keep_ms
        self._size = size
        self._patience = patience
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._failed: OrderedDict[str, tuple[Failure, int]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Mapping[str, T | Failure]]] = {}
        self._changed: set[str] = set()
        self._doubted_ms = 0

    def fresh(self, name: str, now_ms: int | None = None) -> T | None:
        """The thing, if it is here and young enough. To be asked for is to be used, even in vain. Who asks several
        shelves at once reads the clock once, and says what it is."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        self._kept.move_to_end(name)
        kept.used_ms = self._clock.age_ms() if now_ms is None else now_ms
        return kept.thing if kept.used_ms - kept.asked_ms < self._keep_ms else None

    def age_ms(self, name: str) -> int | None:
        """How long ago the thing was asked for, None where it is not here; to ask this is not to use it."""
        kept = self._kept.get(name)
        return None if kept is None else self._clock.age_ms() - kept.asked_ms

    def change(self, name: str, changed: Callable[[T], T | None]) -> None:
        """Take in what somebody else told about a thing that is here: what it has become, or None for that it must be
        read anew. What is being read at this moment may be older than that and is not kept."""
        if name in self._reading:
            self._changed.add(name)
        kept = self._kept.get(name)
        if kept is None:
            return
        thing = changed(kept.thing)
        if thing is None:
            del self._kept[name]
        else:
            kept.thing = thing

    def doubt(self) -> None:
        """Let all that is in use be read again soon: some change may have gone by untold."""
        self._doubted_ms = self._clock.age_ms()

    def knows(self, name: str) -> bool:
        """Whether the thing was read before and is still here, however old, or is being read, or failed just now."""
        return name in self._kept or name in self._reading or self._failure(name) is not None

    async def have(self, names: Iterable[str], deadline: float) -> dict[str, T | Failure]:
        """Every name's thing, read now where it is not here, or why there is none; `deadline` is in the loop's time."""
        wanted = tuple(dict.fromkeys(names))
        found = {name: known for name in wanted if (known := self._known(name)) is not None}
        if len(found) < len(wanted):
            found |= await self._read_now([name for name in wanted if name not in found], deadline)
        return found

    async def _read_now(self, names: Sequence[str], deadline: float) -> dict[str, T | Failure]:
        self._start(name for name in names if name not in self._reading)
        tasks = {name: self._reading[name] for name in names}
        patience = max(0.0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait(set(tasks.values()), timeout=patience)
        return {name: _result(task, name) for name, task in tasks.items()}

    def worn(self) -> list[str]:
        """What is in use and has lived half of its time or is in doubt, longest unread first, without what failed a
        moment ago."""
        now_ms = self._clock.age_ms()
        names = [
            name
            for name, kept in self._kept.items()
            if now_ms - kept.used_ms < USED_MS
            and (kept.asked_ms < self._doubted_ms or 2 * (now_ms - kept.asked_ms) >= self._keep_ms)
        ]
        return sorted(
            (name for name in names if name not in self._reading and self._failure(name) is None),
            key=lambda name: self._kept[name].asked_ms,
        )

    async def renew(self, names: Iterable[str]) -> None:
        """Read these again, whatever is here; what cannot be read now is given out until it has lived its time.

        Who calls it may be cancelled: the reads go on, since others may wait for them.
        """
        wanted = list(names)
        self._start(name for name in wanted if name not in self._reading)
        tasks = {self._reading[name] for name in wanted}
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            task.result()  # a fault of the program comes out here as it does in `have`

    def _known(self, name: str) -> T | Failure | None:
        thing = self.fresh(name)
        return self._failure(name) if thing is None else thing

    def _failure(self, name: str) -> Failure | None:
        failure, failed_ms = self._failed.get(name, (None, 0))
        if failure is None or self._clock.age_ms() - failed_ms >= failure.keep_ms:
            return None
        return failure

    def _start(self, names: Iterable[str]) -> None:
        for group in self._split(names):
            self._reading |= dict.fromkeys(group, asyncio.create_task(self._run(group)))

    async def _run(self, names: tuple[str, ...]) -> Mapping[str, T | Failure]:
        asked_ms = self._clock.age_ms()
        await asyncio.sleep(0)  # a loop with eager tasks runs this before `_start` has noted it
        try:
            async with asyncio.timeout(self._patience):
                read = await self._read(names)
        except TimeoutError:
            read = dict.fromkeys(names, Failure(f"the exchange did not answer within {self._patience:g} s"))
        finally:
            for name in names:
                del self._reading[name]
        for name in names:
            if name not in self._changed:
                self._note(name, read[name], asked_ms)
        self._changed.difference_update(names)
        return read

    def _note(self, name: str, result: T | Failure, asked_ms: int) -> None:
        if isinstance(result, Failure):
            self._failed[name] = (result, self._clock.age_ms())
            self._failed.move_to_end(name)
            _bound(self._failed, self._size)
            return
        self._failed.pop(name, None)
        before = self._kept.get(name)
        self._kept[name] = _Kept(result, asked_ms, asked_ms if before is None else before.used_ms)
        _bound(self._kept, self._size)


def one_by_one(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Every name in a group of its own."""
    return [(name,) for name in names]


def _result[T](task: asyncio.Task[Mapping[str, T | Failure]], name: str) -> T | Failure:
    return task.result()[name] if task.done() else Failure("the exchange did not answer in time")


def _bound[V](entries: OrderedDict[str, V], size: int) -> None:
    while len(entries) > size:
        entries.popitem(last=False)
