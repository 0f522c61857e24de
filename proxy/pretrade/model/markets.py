"""What is known of a market beside its book: where it belongs, what trading in it costs, which prices it takes.

Rule of this file: frozen facts and the one rule of the price grid; nothing is ever read out of a ticker's text.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Price


class MarketStatus(StrEnum):
    """The statuses of the exchange's market objects (market_data.md 3); orders are taken while it is active."""

    INITIALIZED = "initialized"
    INACTIVE = "inactive"
    ACTIVE = "active"
    CLOSED = "closed"
    DETERMINED = "determined"
    DISPUTED = "disputed"
    AMENDED = "amended"
    FINALIZED = "finalized"

    __hash__ = str.__hash__  # an Enum's own is a call into Python, and every write's reports are found by it


class FeeType(StrEnum):
    """How a fee is reckoned (orders.md 12): the quadratic ones cost a taker 0.07 x multiplier x C x P x (1 - P) and a
    maker nothing or less than that; a flat one does not shrink with the price, so that formula is no bound of it."""

    QUADRATIC = "quadratic"
    QUADRATIC_WITH_MAKER_FEES = "quadratic_with_maker_fees"
    QUADRATIC_WITH_COMBO_MAKER_FEES = "quadratic_with_combo_maker_fees"
    FLAT = "flat"


class PriceRange(NamedTuple):
    """One stretch of a price grid: from `start` to `end`, both included, in steps of `step` counted from `start`."""

    start: Price
    end: Price
    step: Price


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """One market as the exchange described it.

    `fee_multiplier` is in 1/10000, the event's own where it has one, else the series'. It is what counts without a fee
    waiver: until `fee_waiver_until_ms` nothing is charged, but an order may rest past that. Times are milliseconds
    since 1970; `exchange_index` is the market's shard. `volume_24h` and `open_interest` are None where the exchange did
    not say. `result` is what one YES will be paid out at, None before that is determined and while it is disputed.
    """

    ticker: str
    event: str
    series: str
    status: MarketStatus
    fee_multiplier: int
    fee_type: FeeType
    price_ranges: tuple[PriceRange, ...]
    close_ms: int | None
    exchange_index: int
    fee_waiver_until_ms: int | None = None
    volume_24h: Count | None = None
    open_interest: Count | None = None
    result: Price | None = None


def valid_price(grid: tuple[PriceRange, ...], price: Price) -> bool:
    """Whether an order in a market with this grid may carry this price: strictly between 0 and 1 dollar, and on a step
    of one of its ranges (orders.md 9)."""
    if not 0 < price < ONE_DOLLAR_PRICE:
        return False
    return any(start <= price <= end and (price - start) % step == 0 for start, end, step in grid)


def fee_bound_multiplier(facts: MarketFacts) -> int | None:
    """The multiplier (1/10000) with which 0.07 x multiplier x C x P x (1 - P) bounds every trade fee in this market.

    None where none does: a flat fee of a cent a contract is more than that formula gives near 0 and 1 dollar.
    """
    return None if facts.fee_type is FeeType.FLAT else facts.fee_multiplier
