"""The trading state: who may trade now, and the three ways to stop that need no client and no policy.

Rule of this file: a stop takes effect in memory at once and is recorded after; a start needs a person, a reason, and
its row on disk first. The HALT file is looked at on every write, and removing it alone resumes nothing.
"""

import asyncio
from pathlib import Path

import structlog

from pretrade.gateway.messages import printable
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.journal.writer import Journal
from pretrade.model.instance import TradingState
from pretrade.risk.ledger import Ledger

log = structlog.get_logger()

HALT_FILE = "HALT"
REASON_BYTES = 200
KILL_SWITCH_VARIABLE = "KALSHI_TRADE_KILL_SWITCH"
_OFF = frozenset({"", "0", "false", "no", "off"})


def kill_switch_set(value: str | None) -> bool:
    """Whether the environment asks for HALTED: anything but an explicit no does."""
    return value is not None and value.strip().lower() not in _OFF


class Trading:
    """The trading state of this instance, kept in the ledger and recorded in the journal."""

    def __init__(self, ledger: Ledger, journal: Journal, state_dir: Path) -> None:
        self._ledger = ledger
        self._journal = journal
        self._halt_file = state_dir / HALT_FILE
        self._stops = 0

    def state(self) -> TradingState:
        """The state now. A HALT file makes it HALTED, also when it cannot be looked for."""
        if self._ledger.trading_state is not TradingState.HALTED and self._halt_file_present():
            self.stop(TradingState.HALTED, cause="file", actor="", reason=f"found {self._halt_file}{self._written()}")
        return self._ledger.trading_state

    def _written(self) -> str:
        """What whoever left the HALT file wrote into it; nothing has to be there."""
        try:
            text = self._halt_file.read_bytes()[:REASON_BYTES].decode("ascii", "replace")
        except OSError:
            return ""
        return f": {printable(text.strip())}" if text.strip() else ""

    def _halt_file_present(self) -> bool:
        try:
            self._halt_file.lstat()
        except FileNotFoundError:
            return False
        except OSError as e:
            log.error("halt_file_unreadable", path=str(self._halt_file), error=str(e))
        return True

    def stop(self, state: TradingState, *, cause: str, actor: str, reason: str, by: str = "") -> asyncio.Future[int]:
        """Go to HALTED or REDUCING at once; the future is the row that records it.

        HALTED stays HALTED: only `resume` loosens. If the row cannot be written, a HALT file keeps the stop over a
        restart.
        """
        if self._ledger.trading_state is TradingState.HALTED:
            state = TradingState.HALTED
        self._stops += 1
        body = self._change(state, cause=cause, actor=actor, by=by, reason=reason)
        log.warning("trading_state", state=str(state), cause=cause, actor=actor, reason=reason)
        row = self._journal.append(EventKind.TRADING_STATE, body)
        row.add_done_callback(lambda done: self._leave_halt_file() if done.cancelled() or done.exception() else None)
        return row

    def _leave_halt_file(self) -> None:
        try:
            self._halt_file.touch(mode=0o600)
        except OSError as e:
            log.error("halt_not_persisted", path=str(self._halt_file), error=str(e))

    async def resume(self, *, actor: str, by: str, reason: str) -> None:
        """Go to ACTIVE once the row that says who and why is on disk.

        Removes the HALT file. A stop that comes before the row is on disk wins: then nothing is resumed. Raises
        JournalUnavailable or OSError, and then nothing has changed.
        """
        stops = self._stops
        body = self._body(TradingState.ACTIVE, cause="operator", actor=actor, by=by, reason=reason)
        self._halt_file.unlink(missing_ok=True)
        try:
            await self._journal.append(EventKind.TRADING_STATE, body)
        except JournalUnavailable:
            self._leave_halt_file()
            raise
        if self._stops != stops:
            log.warning("resume_overtaken_by_stop", actor=actor, by=by, reason=reason)
            return
        self._ledger.trading_state = TradingState.ACTIVE
        log.warning("trading_state", state="ACTIVE", cause="operator", actor=actor, by=by, reason=reason)

    def _change(self, state: TradingState, *, cause: str, actor: str, by: str, reason: str) -> dict[str, object]:
        body = self._body(state, cause=cause, actor=actor, by=by, reason=reason)
        self._ledger.trading_state = state
        return body

    def _body(self, state: TradingState, *, cause: str, actor: str, by: str, reason: str) -> dict[str, object]:
        previous = str(self._ledger.trading_state)
        return {
            "state": str(state), "previous": previous, "cause": cause, "actor": actor, "by": by, "reason": reason
        }  # fmt: skip
