"""Series, events and markets: what can be traded and on which price grid.

Rule of this file: frozen descriptions only; what changes while trading (book, volume, last price) is in `exchange`.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.units import ONE_DOLLAR_PRICE

ONE = int(ONE_DOLLAR_PRICE)


class PriceStructure(StrEnum):
    """The labels of price grids that the default world uses (orders.md 9); `price_ranges` is the truth."""

    LINEAR_CENT = "linear_cent"
    DECI_CENT = "deci_cent"
    TAPERED_DECI_CENT = "tapered_deci_cent"


@dataclass(frozen=True, slots=True)
class PriceRange:
    """One stretch of the grid, in $0.0001: from `start` to `end` in steps of `step`."""

    start: int
    end: int
    step: int


GRIDS: dict[PriceStructure, tuple[PriceRange, ...]] = {
    PriceStructure.LINEAR_CENT: (PriceRange(0, ONE, 100),),
    PriceStructure.DECI_CENT: (PriceRange(0, ONE, 10),),
    PriceStructure.TAPERED_DECI_CENT: (
        PriceRange(0, 1_000, 10),
        PriceRange(1_000, 9_000, 100),
        PriceRange(9_000, ONE, 10),
    ),
}


@dataclass(frozen=True, slots=True)
class Series:
    """A family of events. `fee_multiplier` is in hundredths: 100 means 1."""

    ticker: str
    title: str
    category: str
    frequency: str
    fee_multiplier: int = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One question with its markets; with `mutually_exclusive` at most one of them pays YES."""

    ticker: str
    series_ticker: str
    title: str
    sub_title: str
    mutually_exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Market:
    """One contract. Times are microseconds since 1970; `opening_mid` is where the market maker starts, in $0.0001."""

    ticker: str
    event_ticker: str
    title: str
    yes_sub_title: str
    open_us: int
    close_us: int
    opening_mid: int
    floor_strike: int | None = None
    structure: PriceStructure = PriceStructure.LINEAR_CENT

    @property
    def price_ranges(self) -> tuple[PriceRange, ...]:
        """The price grid, lowest stretch first."""
        return GRIDS[self.structure]

    def on_grid(self, price: int) -> bool:
        """Whether an order may carry this price: strictly inside (0, 1) and on a tick (orders.md 9)."""
        ranges = self.price_ranges
        return 0 < price < ONE and any(r.start <= price <= r.end and (price - r.start) % r.step == 0 for r in ranges)

    def tick_above(self, price: int) -> int:
        """The next price up from one on the grid; $1 (not an order price) when there is none."""
        stretch = next((r for r in self.price_ranges if r.start <= price < r.end), None)
        return ONE if stretch is None else price + stretch.step

    def tick_below(self, price: int) -> int:
        """The next price down from one on the grid; 0 (not an order price) when there is none."""
        stretch = next((r for r in self.price_ranges if r.start < price <= r.end), None)
        return 0 if stretch is None else price - stretch.step
