"""Stream faults on demand: what goes wrong with which messages, and how often.

Rule of this file: the plan only; `session` carries it out, at the moment a message would be queued. Answers to commands
(`subscribed`, `ok`, `unsubscribed`, `error`) are never touched, a snapshot is: it is a message of its channel.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.practice.stream.channels import CHANNELS

ANY = "*"
_MAX_SECONDS = 600


class StreamFaultKind(StrEnum):
    """What happens to a message; STREAM_KINDS tells each in words."""

    DROP = "drop"
    GAP = "gap"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    GARBAGE = "garbage"
    CLOSE = "close"
    ABORT = "abort"
    SILENCE = "silence"


STREAM_KINDS: dict[StreamFaultKind, str] = {
    StreamFaultKind.DROP: "it is lost and its number goes to the next one: nobody can notice",
    StreamFaultKind.GAP: "it is lost with its number: the client sees that one is missing, on channels with numbers",
    StreamFaultKind.DUPLICATE: "it is sent twice, with the same number",
    StreamFaultKind.DELAY: "it is sent `seconds` later; what comes after it overtakes it",
    StreamFaultKind.GARBAGE: "half of its text is sent, which is not JSON",
    StreamFaultKind.CLOSE: "it is lost and the connection closed, with a close frame (code 1001)",
    StreamFaultKind.ABORT: "it is lost and the connection cut, without a close frame",
    StreamFaultKind.SILENCE: "it and all that follows is lost, answers and heartbeats too; the connection stays open",
}


@dataclass(frozen=True, slots=True)
class StreamFault:
    """One fault for the next `times` messages of `channel` ("*" for any), whoever is to receive them.

    `times=None` means until it is cleared; `seconds` belongs to `delay` alone. Raises ValueError for what cannot be.
    """

    kind: StreamFaultKind
    channel: str = ANY
    times: int | None = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.channel != ANY and self.channel not in CHANNELS:
            raise ValueError(f"channel must be * or one of {', '.join(CHANNELS)}; was {self.channel!r}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be at least 1, or None for until cleared; was {self.times}")
        if not 0 <= self.seconds <= _MAX_SECONDS:
            raise ValueError(f"seconds must be from 0 to {_MAX_SECONDS}, was {self.seconds}")
        if (self.seconds > 0) is not (self.kind is StreamFaultKind.DELAY):
            raise ValueError("a delay needs seconds above 0, and no other kind takes seconds")


class StreamFaultPlan:
    """The faults that wait for their messages, in the order they were added."""

    def __init__(self) -> None:
        self._waiting: list[tuple[StreamFault, int | None]] = []

    def add(self, fault: StreamFault) -> None:
        """Let a fault wait for its messages."""
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def waiting(self) -> tuple[tuple[StreamFault, int | None], ...]:
        """The faults with what is left of them."""
        return tuple(self._waiting)

    def take(self, channel: str) -> StreamFault | None:
        """The fault for the next message of a channel, used up by one; None for most messages."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.channel in {ANY, channel}:
                if left == 1:
                    del self._waiting[place]
                elif left is not None:
                    self._waiting[place] = (fault, left - 1)
                return fault
        return None
