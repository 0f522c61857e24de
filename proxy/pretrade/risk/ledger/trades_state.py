"""The day's trades as one plain value, and back: what a snapshot holds of them.

Rule of this file: `trades_of(trades_state(x))` is x; a snapshot from before there were any reads as none.
"""

from dataclasses import dataclass

from pretrade.model.units import Money
from pretrade.risk.ledger.day_trades import DayTrades, Told
from pretrade.risk.ledger.holding import Holding


@dataclass(frozen=True, slots=True)
class TradesState:
    """The day's trades; holdings as (subaccount, ticker, holding), payouts as (subaccount, ticker, moment)."""

    day: str = ""
    read_ms: int | None = None
    holdings: tuple[tuple[int, str, Holding], ...] = ()
    told: tuple[tuple[str, Told], ...] = ()
    fill_ids: tuple[tuple[str, int], ...] = ()
    payouts: tuple[tuple[int, str, int], ...] = ()
    reached: tuple[tuple[str, Money], ...] = ()


def trades_state(trades: DayTrades) -> TradesState:
    """The trades as they are now."""
    return TradesState(
        day=trades.day,
        read_ms=trades.read_ms,
        holdings=tuple((*key, holding) for key, holding in sorted(trades.holdings.items())),
        told=tuple(sorted(trades.told.items())),
        fill_ids=tuple(sorted(trades.fill_ids.items())),
        payouts=tuple(sorted(trades.payouts)),
        reached=tuple(sorted(trades.reached.items())),
    )


def trades_of(state: TradesState) -> DayTrades:
    """The trades that had this state."""
    trades = DayTrades()
    trades.day, trades.read_ms = state.day, state.read_ms
    trades.holdings = {(subaccount, ticker): holding for subaccount, ticker, holding in state.holdings}
    trades.told, trades.fill_ids = dict(state.told), dict(state.fill_ids)
    trades.payouts = {payout: payout[2] for payout in state.payouts}
    trades.reached = dict(state.reached)
    return trades
