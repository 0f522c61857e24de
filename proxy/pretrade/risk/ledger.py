"""The ledger: what the approved writes so far add up to. A fold, so that a restart gives the same figures again.

Rule of this file: the gate applies a write at the moment it decides, before anything is awaited, and the start-up
applies the journal's rows in their order; both go through the same functions. Nothing here is ever returned by a
timer.
"""

from dataclasses import dataclass

from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import Write, orders_of
from pretrade.model.outcomes import OutcomeState
from pretrade.risk.dry_run import DryRunBook, DryRunLeg


@dataclass(frozen=True, slots=True)
class Pending:
    """An approved live write whose end is not known: in flight, or unknown for good until somebody finds out."""

    decision_id: str
    client: str
    write: Write


class Ledger:
    """Day counts by mode, the trading state, what is pending, and the dry-run book."""

    def __init__(self) -> None:
        self.trading_state = TradingState.ACTIVE
        self.pending: dict[str, Pending] = {}
        self.dry_run = DryRunBook()
        self._day_orders: dict[tuple[Mode, str], int] = {}
        self._latest_day = ""

    def day_of(self, today: str) -> str:
        """The day to count on: never an earlier one than was counted on before, whatever the clock does."""
        return max(today, self._latest_day)

    def day_orders(self, mode: Mode, day: str) -> int:
        """Orders approved on this day in this mode."""
        return self._day_orders.get((mode, day), 0)

    def approve(
        self, decision_id: str, client: str, mode: Mode, day: str, write: Write, now_ms: int
    ) -> tuple[DryRunLeg, ...]:
        """Count an approved write. In dry_run also carry it out in the book and give the book's answer."""
        self._latest_day = self.day_of(day)
        self._day_orders[mode, day] = self.day_orders(mode, day) + len(orders_of(write))
        if mode is Mode.DRY_RUN:
            return self.dry_run.apply(decision_id, client, write, now_ms)
        self.pending[decision_id] = Pending(decision_id, client, write)
        return ()

    def settle(self, decision_id: str, state: OutcomeState) -> None:
        """Note how a write ended. An unknown one stays pending: unknown is not failed."""
        if state is not OutcomeState.UNKNOWN:
            self.pending.pop(decision_id, None)
