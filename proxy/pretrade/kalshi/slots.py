"""The connections that one kind of request may use at once, and how many of them one reader may.

Rule of this file: who waits, waits for its own share first, so that at the door of all there is never more than one
share of anybody's; and what is taken is given back once, whatever ends the wait.
"""

import asyncio
from collections import defaultdict
from contextlib import ExitStack

SHARES = 4
"""So many readers may take all that they may, and none is left over."""


class Slots:
    """So many at once in all, and a share of them for each reader. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        """`most` is the number in all, at least 1."""
        self._all = asyncio.Semaphore(most)
        self._shares: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(max(1, most // SHARES)))

    async def take(self, reader: str | None, deadline: float) -> None:
        """Take one, for a reader or for nobody in particular, who has no share to keep to. Raises TimeoutError when the
        deadline, in the loop's time, comes first."""
        if reader is None:
            await _acquire(self._all, deadline)
            return
        share = self._shares[reader]
        await _acquire(share, deadline)
        with ExitStack() as undo:
            undo.callback(share.release)
            await _acquire(self._all, deadline)
            undo.pop_all()

    def give_back(self, reader: str | None) -> None:
        """Give one back that was taken for the same reader."""
        self._all.release()
        if reader is not None:
            self._shares[reader].release()

    def locked(self) -> bool:
        """Whether somebody would have to wait, whoever it is."""
        return self._all.locked()


async def _acquire(semaphore: asyncio.Semaphore, deadline: float) -> None:
    if not semaphore.locked():
        await semaphore.acquire()  # does not wait, so it needs no deadline
        return
    async with asyncio.timeout_at(deadline):
        await semaphore.acquire()
