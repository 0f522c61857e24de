"""Series, events and markets: what can be traded and on which price grid.

Rule of this file: frozen descriptions only; what changes while trading (book, volume, last price) is in `state`, and
what changes a description puts another one in its place (`lifecycle`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pretrade.model.markets import FeeType
from pretrade.model.orders import Side
from pretrade.model.units import ONE_DOLLAR_PRICE, format_price

ONE = int(ONE_DOLLAR_PRICE)
_TENTH = ONE // 10
_HUNDREDTH = ONE // 100


class PriceStructure(StrEnum):
    """The labels of price grids (orders.md 9); `price_ranges` is the truth."""

    LINEAR_CENT = "linear_cent"
    DECI_CENT = "deci_cent"
    TAPERED_DECI_CENT = "tapered_deci_cent"
    CENTER_WHOLE_EDGE_HALF_CENT = "center_whole_edge_half_cent"
    CENTER_WHOLE_EDGE_QUINT_CENT = "center_whole_edge_quint_cent"
    CENTER_HALF_EDGE_HALF_CENT = "center_half_edge_half_cent"
    CENTER_HALF_EDGE_QUINT_CENT = "center_half_edge_quint_cent"
    CENTER_HALF_EDGE_DECI_CENT = "center_half_edge_deci_cent"
    CENTER_QUINT_EDGE_QUINT_CENT = "center_quint_edge_quint_cent"
    CENTER_QUINT_EDGE_DECI_CENT = "center_quint_edge_deci_cent"
    CENTER_CENTI_EDGE_CENTI_CENT = "center_centi_edge_centi_cent"
    CENTER_DECI_EDGE_CENTI_CENT = "center_deci_edge_centi_cent"


@dataclass(frozen=True, slots=True)
class PriceRange:
    """One stretch of the grid, in $0.0001: from `start` to `end` in steps of `step`."""

    start: int
    end: int
    step: int


def _grid(edge: int, center: int, width: int = _TENTH) -> tuple[PriceRange, ...]:
    """A grid with steps of `edge` nearer than `width` to 0 and 1, and of `center` between."""
    if edge == center:
        return (PriceRange(0, ONE, edge),)
    middle = PriceRange(width, ONE - width, center)
    return (PriceRange(0, width, edge), middle, PriceRange(ONE - width, ONE, edge))


GRIDS: dict[PriceStructure, tuple[PriceRange, ...]] = {
    PriceStructure.LINEAR_CENT: _grid(100, 100),
    PriceStructure.DECI_CENT: _grid(10, 10),
    PriceStructure.TAPERED_DECI_CENT: _grid(10, 100),
    PriceStructure.CENTER_WHOLE_EDGE_HALF_CENT: _grid(50, 100),
    PriceStructure.CENTER_WHOLE_EDGE_QUINT_CENT: _grid(20, 100),
    PriceStructure.CENTER_HALF_EDGE_HALF_CENT: _grid(50, 50),
    PriceStructure.CENTER_HALF_EDGE_QUINT_CENT: _grid(20, 50),
    PriceStructure.CENTER_HALF_EDGE_DECI_CENT: _grid(10, 50),
    PriceStructure.CENTER_QUINT_EDGE_QUINT_CENT: _grid(20, 20),
    PriceStructure.CENTER_QUINT_EDGE_DECI_CENT: _grid(10, 20),
    PriceStructure.CENTER_CENTI_EDGE_CENTI_CENT: _grid(1, 1),
    PriceStructure.CENTER_DECI_EDGE_CENTI_CENT: _grid(1, 10, _HUNDREDTH),
}
FINEST: dict[PriceStructure, int] = {
    structure: math.gcd(*(bound for r in ranges for bound in (r.start, r.step))) for structure, ranges in GRIDS.items()
}
"""The largest step that every price of a grid is a multiple of."""


def on_tick(structure: PriceStructure, price: int) -> bool:
    """Whether a price lies on a tick of a grid, inside (0, 1)."""
    ranges = GRIDS[structure]
    return 0 < price < ONE and any(r.start <= price <= r.end and (price - r.start) % r.step == 0 for r in ranges)


def nearest_prices(fits: Callable[[int], bool], price: int) -> str:
    """The nearest prices that fit below and above one that does not, for people: `$0.4500 and $0.4600`."""
    below = next((p for p in range(price, 0, -1) if fits(p)), 0)
    above = next((p for p in range(price, ONE) if fits(p)), ONE)
    return " and ".join(f"${format_price(p)}" for p in (below, above) if 0 < p < ONE)


class SettlementBounds(StrEnum):
    """Whether a market may pay part of its outcome before it settles; default never does."""

    DEFAULT = "default"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Series:
    """A family of events. `fee_multiplier` is in hundredths: 100 means 1."""

    ticker: str
    title: str
    category: str
    frequency: str
    fee_multiplier: int = 100
    fee_type: FeeType = FeeType.QUADRATIC
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One question with its markets; with `mutually_exclusive` at most one of them pays YES.

    The overrides take the place of the series' fee type and multiplier (hundredths); None leaves the series' own.
    A documented choice: positions in mutually exclusive markets are not netted, every leg holds its full cost
    (`collateral_return_type` "").
    """

    ticker: str
    series_ticker: str
    title: str
    sub_title: str
    mutually_exclusive: bool = False
    fee_type_override: FeeType | None = None
    fee_multiplier_override: int | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """One contract. Times are microseconds since 1970, prices are in $0.0001.

    `opening_mid` is where the market maker starts. `former_structures` are the grids it had before: orders resting on
    them stay. `settlement_floor` (bounds `floor` only) is the least that a YES will pay: no order at or below it.
    """

    ticker: str
    event_ticker: str
    title: str
    yes_sub_title: str
    open_us: int
    close_us: int
    opening_mid: int
    floor_strike: int | None = None
    structure: PriceStructure = PriceStructure.LINEAR_CENT
    exchange_index: int = 0
    market_type: str = "binary"
    no_sub_title: str = ""
    cap_strike: int | None = None
    strike_type: str = ""
    rules_primary: str = ""
    rules_secondary: str = ""
    created_us: int | None = None
    expected_expiration_us: int | None = None
    latest_expiration_us: int | None = None
    settlement_timer_seconds: int = 300
    can_close_early: bool = True
    early_close_condition: str = ""
    fee_waiver_us: int | None = None
    settlement_bounds: SettlementBounds = SettlementBounds.DEFAULT
    settlement_floor: int = 0
    former_structures: tuple[PriceStructure, ...] = ()

    @property
    def price_ranges(self) -> tuple[PriceRange, ...]:
        """The price grid, lowest stretch first."""
        return GRIDS[self.structure]

    @property
    def finest_step(self) -> int:
        """The largest step that every price ever allowed here is a multiple of."""
        if not self.former_structures:
            return FINEST[self.structure]
        return math.gcd(*(FINEST[structure] for structure in (self.structure, *self.former_structures)))

    def on_grid(self, price: int) -> bool:
        """Whether an order may carry this price: inside (0, 1), above the settlement floor, on a tick (orders.md 9)."""
        return price > self.settlement_floor and on_tick(self.structure, price)

    def tick_above(self, price: int) -> int:
        """The next price up from one on the grid; $1 (not an order price) when there is none."""
        stretch = next((r for r in self.price_ranges if r.start <= price < r.end), None)
        return ONE if stretch is None else price + stretch.step

    def tick_below(self, price: int) -> int:
        """The next price down from one on the grid; 0 (not an order price) when there is none."""
        stretch = next((r for r in self.price_ranges if r.start < price <= r.end), None)
        return 0 if stretch is None else price - stretch.step


def leg_price(side: Side, price: int) -> int:
    """What one contract of the leg bought costs: YES at p for a bid, NO at 1 - p for an ask."""
    return price if side is Side.BID else ONE - price
