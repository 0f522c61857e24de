"""Programs that kill themselves (SIGKILL) at a named point: of the way of a write, a snapshot, a round or a start.

Rule of this file: the product knows nothing of it. It is a nursery whose children have a wrapper around the functions
below; KILL_AT=NAME:N in a child's environment makes the N-th pass of that point its last. As a script it is the parent.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any

if __name__ == "__main__":  # started by its path, so the tests' package is not there to import from
    import nursery
else:
    from tests.e2e import nursery

SNAPSHOT_ROWS = 60
"""Rows between two snapshots of these programs, so that every start but the first begins with one."""

SHORT_SETTLE_MS, SHORT_UNSEEN_MS = 1_000, 2_000
"""With SHORT_WAITS in the parent's environment: what a dead proxy has sent over loopback arrives at once or never, and
the clocks are one clock, so that a test need not wait a minute for the proof that an order is not there."""

type Matches = Callable[[tuple[Any, ...]], bool]


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after a call of this function whose arguments (self included) match; `doing` is done first instead."""

    function: str
    matches: Matches
    is_after: bool = False
    doing: Callable[[tuple[Any, ...]], None] | None = None


def _always(_: tuple[Any, ...]) -> bool:
    return True


def _before(function: str, matches: Matches = _always) -> Point:
    return Point(function, matches)


def _after(function: str, matches: Matches = _always) -> Point:
    return Point(function, matches, is_after=True)


def _within(matches: Matches) -> Point:
    """When all but the last bytes of a request are out."""
    return Point(_ASK, matches, doing=_but_the_last)


def _row(kind: str, text: str = "") -> Matches:
    """A batch for the disk with a row of this kind whose body has this text."""
    return lambda arguments: any(event.kind == kind and text in event.body for event in arguments[1])


def _bytes(start: bytes) -> Matches:
    """A request to the exchange that begins so."""
    return lambda arguments: arguments[1].startswith(start)


def _of(write: str) -> Matches:
    """A call about a write of this class."""
    return lambda arguments: type(arguments[1].write).__name__ == write


def _amend(arguments: tuple[Any, ...]) -> bool:
    """The request of an amend."""
    return b"/amend" in arguments[1].partition(b"\r\n")[0]


def _but_the_last(arguments: tuple[Any, ...]) -> None:
    connection, message, *_ = arguments
    connection._transport.write(message[:-20])


_WRITE = "pretrade.journal.store:Store._write"
_SIGN = "pretrade.kalshi.signing:Signer.sign"
_ASK = "pretrade.kalshi.connection:Connection.ask"
_SETTLE = "pretrade.gateway.way.sending:Sender.settle"
_READ = "pretrade.gateway.account.drop_copy:DropCopyReader.read"
_FIRST = "pretrade.gateway.account.reconcile:Reconciler.first"
_CREATE = b"POST /trade-api/v2/portfolio/events/orders "
_BATCH = b"POST /trade-api/v2/portfolio/events/orders/batched "
_CANCEL = b"DELETE /"

POINTS: dict[str, Point] = {
    # The way of an order
    "judged, its row not on disk": _before(_WRITE, _row("decision", '"verdict":"approved"')),
    "its row on disk, which nobody knows yet": _after(_WRITE, _row("decision", '"verdict":"approved"')),
    "its row on disk, not signed": _before(_SIGN, _of("CreateOrder")),
    "signed, no connection in hand": _after(_SIGN, _of("CreateOrder")),
    "before the first byte": _before(_ASK, _bytes(_CREATE)),
    "within its bytes": _within(_bytes(_CREATE)),
    "sent, not answered": _after(_ASK, _bytes(_CREATE)),
    "answered, its end not handed in": _before(_SETTLE, _of("CreateOrder")),
    "answered, its end handed in": _after(_SETTLE),
    "its end not on disk": _before(_WRITE, _row("outcome", '"accepted"')),
    "its end on disk, the client may not know": _after(_WRITE, _row("outcome", '"accepted"')),
    # Other writes
    "a batch before its first byte": _before(_ASK, _bytes(_BATCH)),
    "a batch within its bytes": _within(_bytes(_BATCH)),
    "a batch sent, not answered": _after(_ASK, _bytes(_BATCH)),
    "an amend judged, its row not on disk": _before(_WRITE, _row("decision", '"type":"amend_order"')),
    "an amend's row on disk, not signed": _before(_SIGN, _of("AmendOrder")),
    "an amend sent, not answered": _after(_ASK, _amend),
    "an amend answered, its end not handed in": _before(_SETTLE, _of("AmendOrder")),
    "a cancel's row on disk, not signed": _before(_SIGN, _of("CancelOrder")),
    "a cancel sent, not answered": _after(_ASK, _bytes(_CANCEL)),
    "a cancel answered, its end not handed in": _before(_SETTLE, _of("CancelOrder")),
    # Snapshots and rounds
    "a snapshot handed in, not on disk": _before(_WRITE, _row("snapshot")),
    "a snapshot on disk": _after(_WRITE, _row("snapshot")),
    "a round's record read, not taken in": _after(_READ),
    "a round taken in, its row not on disk": _before(_WRITE, _row("reconciliation")),
    "a round's row on disk": _after(_WRITE, _row("reconciliation")),
}
"""What is reached while clients trade."""

STARTS: dict[str, Point] = {
    "a start before it reads the journal": _before("pretrade.gateway.account.snapshots:last"),
    "a start that has read the journal": _after("pretrade.gateway.assemble:_remember"),
    "a start before its own row": _before(_WRITE, _row("start")),
    "a start before its first round": _before(_FIRST),
    "a start in its first round": _after(_READ),
    "a start after its first round": _after(_FIRST),
}
"""What is reached before the doors open."""


class KillNursery(nursery.Nursery):
    """The tests' end of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, __file__], env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )


@dataclass(slots=True)
class _Fate:
    """Counts the passes of one point and ends the process at the one that it is told to."""

    name: str
    point: Point
    passes: int = 0

    def meets(self, arguments: tuple[Any, ...]) -> bool:
        """Whether this call is the last one; then what comes before it is over here."""
        name, _, number = os.environ.get("KILL_AT", "").rpartition(":")
        if name != self.name or not self.point.matches(arguments):
            return False
        self.passes += 1
        if self.passes != int(number):
            return False
        if self.point.doing is not None:
            self.point.doing(arguments)
        if not self.point.is_after:
            _die()
        return True


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(inner: Callable[..., Any], fate: _Fate) -> Callable[..., Any]:
    @wraps(inner)
    def plain(*arguments: Any, **named: Any) -> Any:
        is_last = fate.meets(arguments)
        result = inner(*arguments, **named)
        if is_last:
            _die()
        return result

    @wraps(inner)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        is_last = fate.meets(arguments)
        result = await inner(*arguments, **named)
        if is_last:
            _die()
        return result

    return waiting if iscoroutinefunction(inner) else plain


def _wrap(name: str, point: Point) -> None:
    module_name, _, path = point.function.partition(":")
    *parents, function = path.split(".")
    owner: Any = import_module(module_name)
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, function, _wrapped(getattr(owner, function), _Fate(name, point)))


def _set(package: str, name: str, value: int) -> None:
    """Change a constant wherever it was imported to."""
    for module_name, module in tuple(sys.modules.items()):
        if module_name.startswith(package) and hasattr(module, name):
            setattr(module, name, value)


def _prepare() -> None:
    import_module("pretrade.gateway.run")
    _set("pretrade.gateway.account.snapshots", "EVERY_ROWS", SNAPSHOT_ROWS)
    if "SHORT_WAITS" in os.environ:
        _set("pretrade.risk", "SETTLE_MS", SHORT_SETTLE_MS)
        _set("pretrade.risk", "UNSEEN_MS", SHORT_UNSEEN_MS)
    for name, point in (POINTS | STARTS).items():
        _wrap(name, point)


if __name__ == "__main__":
    _prepare()
    nursery._serve()
