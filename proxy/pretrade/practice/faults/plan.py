"""Faults on demand: what the exchange does wrong, to which requests and how often.

Rule of this file: the plan only; `spoil` says what goes onto the wire instead and `misbehave` carries it out.
"""

import random
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from pretrade.practice.faults.kinds import KINDS, Executes, FaultKind

_OPTIONS = frozenset(option for info in KINDS.values() for option in info.options)
_BATCH = "/batched"
_GLOB = frozenset("*?[")


MEANINGS: dict[str, str] = {
    "kind": "what happens, a word of the table above",
    "method": "the method it is for; `*` for any",
    "path": "a prefix of the path, or a glob over the whole of it where it has one of `*?[`",
    "key": "a glob over the id of the API key",
    "times": "how many requests it hits; null for no end",
    "after": "how many that fit it spares first",
    "probability": "how likely it hits one that fits, from the exchange's own seed",
    "execute": "whether the request takes effect, where the kind leaves that open",
    "seconds": "how long, or how old",
    "lasting": "how many seconds a condition goes on",
    "skew": "seconds by which the exchange's clock is ahead; below 0 it is behind",
    "status": "the error's status, 400 to 599",
    "rate": "bytes a second",
    "every": "which entries of a batch are refused: every second, every third, ...",
    "off": "bytes by which Content-Length is too large; below 0 too small",
    "location": "where a redirect leads; empty for where the request went",
}
"""Each field of a Fault in words."""


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Fault:
    """One fault and the requests it is for. Raises ValueError (pydantic's) for what makes no sense.

    `method` is "*" for any; `path` is a prefix, or a glob over the whole path where it has one of `*?[`; `key` is a
    glob over the id of the API key. The first `after` fitting requests are spared, then each is hit with
    `probability`, until `times` were (None: until cleared).
    """

    kind: FaultKind
    method: Annotated[str, Field(min_length=1, max_length=10)] = "*"
    path: Annotated[str, Field(pattern=r"^[/*]", max_length=500)] = "/"
    key: Annotated[str, Field(min_length=1, max_length=200)] = "*"
    times: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = 1
    after: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 0
    probability: Annotated[float, Field(gt=0, le=1, strict=True)] = 1.0
    execute: bool | None = None
    seconds: Annotated[float, Field(ge=0, le=600, strict=True)] = 1.0
    lasting: Annotated[float, Field(gt=0, le=86_400, strict=True)] = 10.0
    skew: Annotated[float, Field(ge=-86_400, le=86_400, strict=True)] = 30.0
    status: Annotated[int, Field(ge=400, le=599, strict=True)] = 503
    rate: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 100
    every: Annotated[int, Field(ge=1, le=1_000, strict=True)] = 2
    off: Annotated[int, Field(ge=-10_000, le=10_000, strict=True)] = 10
    location: Annotated[str, Field(max_length=2_000)] = ""

    def __post_init__(self) -> None:
        info = KINDS[self.kind]
        if info.executes is not Executes.AS_ASKED and self.execute not in {None, self.executes()}:
            raise ValueError(f"execute cannot be chosen for {self.kind}: the request is {info.executes} executed")
        for name in _set_options(self):
            if name not in info.options:
                takes = ", ".join(info.options) or "no option of its own"
                raise ValueError(f"{name} means nothing to {self.kind}, which takes {takes}")

    def executes(self) -> bool:
        """Whether the request takes effect."""
        rule = KINDS[self.kind].executes
        return self.execute is True if rule is Executes.AS_ASKED else rule is Executes.ALWAYS

    def fits(self, method: str, path: str, key_id: str) -> bool:
        """Whether a request is meant."""
        if self.kind is FaultKind.PARTIAL_BATCH and not path.endswith(_BATCH):
            return False
        right_path = fnmatchcase(path, self.path) if _GLOB & set(self.path) else path.startswith(self.path)
        return right_path and self.method.upper() in {"*", method} and fnmatchcase(key_id, self.key)

    def as_json(self) -> dict[str, object]:
        """Its fields as JSON, without the options that mean nothing to its kind."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _OPTIONS}
        options = {name: getattr(self, name) for name in KINDS[self.kind].options}
        return shown | options | {"kind": str(self.kind), "execute": self.executes()}


def _set_options(fault: Fault) -> list[str]:
    """The options that differ from their defaults."""
    return [f.name for f in fields(fault) if f.name in _OPTIONS and getattr(fault, f.name) != f.default]


@dataclass(slots=True)
class WaitingFault:
    """A fault in the plan with what is left of it: requests to spare, then requests to hit (None: no end)."""

    fault: Fault
    to_spare: int
    left: int | None

    def as_json(self) -> dict[str, object]:
        """The fault as JSON, `times` and `after` being what is left of them."""
        return self.fault.as_json() | {"times": self.left, "after": self.to_spare}


@dataclass(slots=True)
class FaultPlan:
    """The faults that wait for their requests, in the order they were added; the randomness is given."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311
    _waiting: list[WaitingFault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        self._waiting.append(WaitingFault(fault, fault.after, fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def waiting(self) -> tuple[WaitingFault, ...]:
        """The faults with what is left of them."""
        return tuple(self._waiting)

    def take(self, method: str, path: str, key_id: str = "") -> Fault | None:
        """The fault for this request, used up by one; None for most requests. One request meets one fault."""
        for waiting in self._waiting:
            if waiting.fault.fits(method, path, key_id) and self._hits(waiting):
                return waiting.fault
        return None

    def _hits(self, waiting: WaitingFault) -> bool:
        if waiting.to_spare:
            waiting.to_spare -= 1
            return False
        # exactly 1 draws nothing, so that adding a certain fault does not change what the uncertain ones do
        if waiting.fault.probability < 1 and self.rng.random() >= waiting.fault.probability:
            return False
        if waiting.left is not None:
            waiting.left -= 1
            if waiting.left == 0:
                self._waiting.remove(waiting)
        return True
