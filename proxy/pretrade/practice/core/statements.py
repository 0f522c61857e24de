"""What an account can look up about its money: settlements, transfers, deposits and withdrawals.

Rule of this file: frozen records of what has happened, in money ($0.000001) and microseconds; nothing acts here.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.markets import FeeType


class MarketResult(StrEnum):
    """How a market ended: all to YES, all to NO, or shared out at a value (market_data.md 6)."""

    YES = "yes"
    NO = "no"
    SCALAR = "scalar"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was determined: the result and what one YES pays, in $0.0001; a NO pays the rest of the dollar."""

    result: MarketResult
    value: int
    expiration_value: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A position that was paid out: counts and their costs, and the payout in whole cents (`revenue`).

    `value` is what one YES pays in $0.0001; `kept` is the payout's part below a cent, a fee (docs "Settlement
    Rounding"); `fees` are all the position has ever paid in this market, that part included.
    """

    ticker: str
    event_ticker: str
    exchange_index: int
    subaccount: int
    result: MarketResult
    value: int
    yes_count: int
    yes_cost: int
    no_count: int
    no_cost: int
    revenue: int
    kept: int
    fees: int
    settled_us: int


@dataclass(frozen=True, slots=True)
class SubaccountTransfer:
    """Cash that went from one subaccount to another on one shard."""

    transfer_id: str
    client_transfer_id: str
    source: int
    target: int
    money: int
    exchange_index: int
    created_us: int


@dataclass(frozen=True, slots=True)
class ShardTransfer:
    """Cash that went from one shard to another; it is there at once (`complete`)."""

    transfer_id: str
    client_transfer_id: str
    source_shard: int
    target_shard: int
    source_subaccount: int
    target_subaccount: int
    money: int
    created_us: int


@dataclass(frozen=True, slots=True)
class FeeChange:
    """A change of what trading costs, of a series (`event_ticker` None) or of one event; None clears an override."""

    change_id: str
    series_ticker: str
    event_ticker: str | None
    fee_type: FeeType | None
    multiplier: int | None
    at_us: int


@dataclass(frozen=True, slots=True)
class CashMovement:
    """A deposit or a withdrawal: `type` is the way of payment, `status` one of pending, applied, failed, returned."""

    movement_id: str
    status: str
    type: str
    money: int
    fee: int
    created_us: int
    finalized_us: int | None = None
