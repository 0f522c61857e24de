"""The trading states: who may trade now, the whole account and each client by itself, and the three ways to stop that
need no client and no policy.

Rule of this file: a stop takes effect in memory at once and is recorded after; a start needs a person, a reason, and
its row on disk first. The HALT files are looked at on every write, and removing one alone resumes nothing.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import printable
from pretrade.gateway.stops.halt_file import halt_file
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind, utc_text
from pretrade.journal.writer import Journal
from pretrade.model.instance import TradingState
from pretrade.risk.ledger.ledger import Ledger

log = structlog.get_logger()

REASON_BYTES = 200


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change of a trading state; `client` is empty where it is the whole account's."""

    client: str
    state: TradingState
    previous: TradingState
    cause: str
    actor: str
    by: str
    reason: str

    def body(self) -> dict[str, object]:
        """The row that records it."""
        return asdict(self) | {"state": str(self.state), "previous": str(self.previous)}


class Trading:
    """The trading states of this instance, kept in the ledger and recorded in the journal.

    `on_resuming` hears whose trading is about to be resumed, when the row of that has its place in the journal;
    `on_change` hears what has changed. Both are told in a turn of the event loop of their own, so that a fault in them
    stays there.
    """

    def __init__(self, ledger: Ledger, journal: Journal, state_dir: Path, clock: Clock) -> None:
        """`last` and `since` hold the last change of each scope and when it was (UTC)."""
        self._ledger = ledger
        self._journal = journal
        self._state_dir = state_dir
        self._clock = clock
        self._halt_files: dict[str, str] = {}
        self._stops: Counter[str] = Counter()
        self._resuming: Counter[str] = Counter()
        self.last: dict[str, StateChange] = {}
        self.since: dict[str, str] = {}
        self.on_resuming: Callable[[str], None] | None = None
        self.on_change: Callable[[StateChange], None] | None = None

    @property
    def is_resuming(self) -> bool:
        """Whether a resume waits for its row."""
        return self._resuming.total() > 0

    def state(self) -> TradingState:
        """The whole account's state now. A HALT file makes it HALTED, also when it cannot be looked for."""
        return self._look("")

    def client_state(self, client: str) -> TradingState:
        """A client's own state now. A file HALT.NAME makes it HALTED."""
        return self._look(client)

    def states(self, client: str) -> tuple[TradingState, TradingState]:
        """Both, for whoever is about to let a write of this client through: the account's first."""
        return self._look(""), self._look(client)

    def stopped_clients(self, names: Iterable[str]) -> dict[str, str]:
        """Of these clients, and of those that were ever stopped, the ones that are not ACTIVE, each with its state."""
        for client in names:
            self._look(client)
        return {client: str(state) for client, state in sorted(self._ledger.client_states.items())}

    def stands_at(self, client: str, state: TradingState) -> bool:
        """Whether a scope is stopped that far already, with nobody about to resume it."""
        return self._ledger.state_of(client).is_as_strict_as(state) and not self._resuming[client]

    def _look(self, client: str) -> TradingState:
        state = self._ledger.state_of(client)
        if state is TradingState.HALTED:
            return state
        path = self._halt_files.get(client) or self._halt_files.setdefault(
            client, str(halt_file(self._state_dir, client))
        )
        try:
            os.lstat(path)
        except FileNotFoundError:
            return state
        except OSError as e:
            log.error("halt_file_unreadable", path=path, error=str(e))
        self.stop(
            TradingState.HALTED, client=client, cause="file", actor="", reason=f"found {path}{_written(Path(path))}"
        )
        return self._ledger.state_of(client)

    def stop(
        self, state: TradingState, *, cause: str, reason: str, actor: str = "", by: str = "", client: str = ""
    ) -> asyncio.Future[int]:
        """Go to HALTED or REDUCING at once, the whole account or one client; the future is the row that records it.

        HALTED stays HALTED: only `resume` loosens. If the row cannot be written, a HALT file keeps the stop over a
        restart.
        """
        previous = self._ledger.state_of(client)
        if previous is TradingState.HALTED:
            state = TradingState.HALTED
        self._stops[client] += 1
        change = StateChange(client, state, previous, cause, actor, by, reason)
        self._ledger.set_state(client, state)
        row = self._journal.append(EventKind.TRADING_STATE, change.body())
        row.add_done_callback(lambda done: self._leave_halt_file(client) if _failed(done) else None)
        self._tell(change)
        return row

    def _leave_halt_file(self, client: str) -> None:
        path = halt_file(self._state_dir, client)
        try:
            path.touch(mode=0o600)
        except OSError as e:
            log.error("halt_not_persisted", path=str(path), error=str(e))

    async def resume(self, *, actor: str, by: str, reason: str, client: str = "") -> None:
        """Go to ACTIVE, the whole account or one client, once the row that says who and why is on disk.

        Removes the HALT file. A stop that comes before the row is on disk wins: then nothing is resumed. Raises
        JournalUnavailable or OSError, and then nothing is resumed either: a HALT file keeps that over a restart, for
        the row may have reached the disk all the same. So it does where whoever asked is cancelled before the row is
        there.
        """
        stops, previous = self._stops[client], self._ledger.state_of(client)
        change = StateChange(client, TradingState.ACTIVE, previous, "operator", actor, by, reason)
        halt_file(self._state_dir, client).unlink(missing_ok=True)
        self._resuming[client] += 1
        try:
            row = self._journal.append(EventKind.TRADING_STATE, change.body())
            if self.on_resuming is not None:
                asyncio.get_running_loop().call_soon(self.on_resuming, client)
            await row
        except (JournalUnavailable, asyncio.CancelledError):
            self._leave_halt_file(client)
            raise
        finally:
            self._resuming[client] -= 1
        if self._stops[client] != stops:
            log.warning("resume_overtaken_by_stop", actor=actor, by=by, reason=reason, client=client)
            return
        self._ledger.set_state(client, TradingState.ACTIVE)
        self._tell(change)

    def _tell(self, change: StateChange) -> None:
        log.warning("trading_state", **{name: str(value) for name, value in asdict(change).items()})
        if change.state is not change.previous:
            self.since[change.client] = utc_text(self._clock.utc_ns())
        self.last[change.client] = change
        if self.on_change is not None:
            asyncio.get_running_loop().call_soon(self.on_change, change)


def _failed(row: asyncio.Future[int]) -> bool:
    return row.cancelled() or row.exception() is not None


def _written(path: Path) -> str:
    """What whoever left the HALT file wrote into it; nothing has to be there."""
    try:
        text = path.read_bytes()[:REASON_BYTES].decode("ascii", "replace")
    except OSError:
        return ""
    return f": {printable(text.strip())}" if text.strip() else ""
