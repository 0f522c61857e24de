"""How much of the exchange's answers may be on its way to us at once, whatever clients ask for.

Rule of this file: past the bound the answers of whoever holds more than a share wait, unread, and one goes on: so there
is always one that ends. Whose it is changes with each answer: nobody's lists keep everybody else's waiting. One that
waits too long meets the deadline of every request.
"""

from typing import NamedTuple, Protocol

MAX_READING = 8 * 1024 * 1024
"""Bytes of unfinished answers in all; the one that goes on, and the shares, may come on top."""

SHARE = 512 * 1024
"""Bytes of unfinished answers that a reader may always have: what is small never waits for another's lists."""


class Reading(Protocol):
    """An answer that is being read."""

    def pause(self) -> None:
        """Take no more bytes for now. Asked twice, it waits all the same."""

    def resume(self) -> None:
        """Take bytes again, if it waits."""


class _Held(NamedTuple):
    """What is here of one answer, and who asked for it."""

    reader: str
    size: int


class ReadingRoom:
    """The answers that are being read, in the order in which they began."""

    def __init__(self, most: int = MAX_READING, share: int = SHARE) -> None:
        """Both are in bytes."""
        self._most = most
        self._share = share
        self._held: dict[Reading, _Held] = {}
        self._by_reader: dict[str, int] = {}
        self._goes_on: Reading | None = None
        self._turns: dict[str, int] = {}
        self._turn = 0
        self.bytes = 0
        """What is held of unfinished answers."""

    def hold(self, reading: Reading, size: int, reader: str) -> None:
        """Note how much of an answer is here by now, and who asked for it."""
        before = self._held.get(reading)
        self._count(reader, size - (before.size if before is not None else 0))
        self._held[reading] = _Held(reader, size)
        if self._goes_on is None:
            self._choose()
        if self._must_wait(reading):
            reading.pause()

    def leave(self, reading: Reading) -> None:
        """Note that an answer is whole, or is given up: those that wait go on, as far as there is room."""
        held = self._held.pop(reading, None)
        if held is None:
            return
        self._count(held.reader, -held.size)
        if reading is self._goes_on:
            self._choose()
        for other in self._held:
            if not self._must_wait(other):
                other.resume()

    def _must_wait(self, reading: Reading) -> bool:
        has_share = self._by_reader[self._held[reading].reader] <= self._share
        return self.bytes > self._most and reading is not self._goes_on and not has_share

    def _choose(self) -> None:
        """Let that answer go on whose reader's turn was longest ago; of several the one that began first."""
        turns, held = self._turns, self._held
        chosen = min(held, key=lambda one: turns.get(held[one].reader, 0), default=None)
        self._goes_on = chosen
        if chosen is not None:
            self._turn += 1
            turns[held[chosen].reader] = self._turn

    def _count(self, reader: str, more: int) -> None:
        self.bytes += more
        self._by_reader[reader] = self._by_reader.get(reader, 0) + more


class Place(NamedTuple):
    """The room as one reader's answers have it."""

    room: ReadingRoom
    reader: str

    def hold(self, reading: Reading, size: int) -> None:
        """As in the room."""
        self.room.hold(reading, size, self.reader)

    def leave(self, reading: Reading) -> None:
        """As in the room."""
        self.room.leave(reading)
