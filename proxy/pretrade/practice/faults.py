"""Faults on demand: what the exchange does wrong, to which requests and how often.

Rule of this file: the plan only; `server` carries it out. Each kind says whether the order was executed before the
answer was lost, because that is what nobody on the other side can know.
"""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens instead of the proper answer."""

    CLOSE_BEFORE_READ = "close_before_read"
    """The connection is closed before the body is read; nothing is executed."""
    CLOSE_AFTER_READ = "close_after_read"
    """The connection is closed without an answer, after reading (and executing, with `execute`)."""
    HOLD = "hold"
    """The request is executed and its answer held for `seconds`."""
    STATUS = "status"
    """The answer is an error of `status` (after executing, with `execute`)."""
    EMPTY_SUCCESS = "empty_success"
    """The answer is a 201 with an empty object (after executing, with `execute`)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for requests of `method` ("*" for any) whose path starts with `path_prefix`, `times` times.

    `times=None` means until it is cleared.
    """

    kind: FaultKind
    method: str = "*"
    path_prefix: str = "/"
    times: int | None = 1
    execute: bool = False
    seconds: float = 0.0
    status: int = 503

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be at least 1, or None for until cleared; was {self.times}")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status must be an error from 400 to 599, was {self.status}")
        if not 0 <= self.seconds <= 600:
            raise ValueError(f"seconds must be from 0 to 600, was {self.seconds}")

    def executes(self) -> bool:
        """Whether the request takes effect."""
        return self.execute or self.kind is FaultKind.HOLD

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return self.method in {"*", method} and path.startswith(self.path_prefix)


class FaultPlan:
    """The faults that wait for their requests, in the order they were added."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def waiting(self) -> tuple[tuple[Fault, int | None], ...]:
        """The faults with what is left of them."""
        return tuple(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up by one; None for most requests."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.fits(method, path):
                if left == 1:
                    del self._waiting[place]
                elif left is not None:
                    self._waiting[place] = (fault, left - 1)
                return fault
        return None
