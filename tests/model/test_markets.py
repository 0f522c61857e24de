"""The price grid of a market: a price is on it or it is not."""

from dataclasses import replace

import pytest

from pretrade.model.markets import FeeType, MarketFacts, MarketStatus, PriceRange, fee_bound_multiplier, valid_price
from pretrade.model.units import Price, ceil_div
from pretrade.practice.core.fees import FeeModel
from pretrade.practice.core.instruments import GRIDS, Market, PriceStructure


def ranges(*stretches: tuple[int, int, int]) -> tuple[PriceRange, ...]:
    return tuple(PriceRange(Price(start), Price(end), Price(step)) for start, end, step in stretches)


FACTS = MarketFacts(
    ticker="KXS-E-A",
    event="KXS-E",
    series="KXS",
    status=MarketStatus.ACTIVE,
    fee_multiplier=10_000,
    fee_type=FeeType.QUADRATIC,
    price_ranges=ranges((0, 10_000, 100)),
    close_ms=None,
    exchange_index=0,
)
CENT = ranges((0, 10_000, 100))
TAPERED = ranges((0, 1_000, 10), (1_000, 9_000, 100), (9_000, 10_000, 10))
ODD_START = ranges((25, 1_000, 75), (1_010, 2_000, 100))


@pytest.mark.parametrize(
    ("grid", "price", "is_valid"),
    [
        # inside 0 and 1, both excluded
        (CENT, 0, False),
        (CENT, 100, True),
        (CENT, 9_900, True),
        (CENT, 10_000, False),
        (CENT, -100, False),
        (CENT, 10_100, False),
        # on a step
        (CENT, 5_600, True),
        (CENT, 5_650, False),
        (CENT, 5_601, False),
        # the edges of ranges, which two of them share
        (TAPERED, 10, True),
        (TAPERED, 990, True),
        (TAPERED, 1_000, True),
        (TAPERED, 1_010, False),
        (TAPERED, 8_990, False),
        (TAPERED, 9_000, True),
        (TAPERED, 9_010, True),
        (TAPERED, 9_990, True),
        # steps count from each range's own start
        (ODD_START, 25, True),
        (ODD_START, 75, False),
        (ODD_START, 100, True),
        (ODD_START, 1_000, True),
        (ODD_START, 1_005, False),
        (ODD_START, 1_010, True),
        (ODD_START, 1_100, False),
        (ODD_START, 1_110, True),
        # an end that no step reaches is not on the grid, and neither is what lies beyond the last range
        (ODD_START, 2_000, False),
        (ODD_START, 2_010, False),
        # no grid, no price
        ((), 5_000, False),
    ],
)
def test_a_price_is_valid_on_a_step_of_one_range_strictly_between_0_and_1(
    grid: tuple[PriceRange, ...], price: int, is_valid: bool
) -> None:
    """Catches steps counted from zero, ranges without their ends, and 0 or 1 taken for prices."""
    assert valid_price(grid, Price(price)) is is_valid


@pytest.mark.parametrize("structure", list(PriceStructure))
def test_every_price_of_every_structure_is_judged_as_the_practice_exchange_does(structure: PriceStructure) -> None:
    """Catches a grid that lets one price through that the exchange refuses, or the other way round: all 10,001."""
    grid = ranges(*((r.start, r.end, r.step) for r in GRIDS[structure]))
    market = Market("A", "E", "A", "A", 0, 1, 5_000, structure=structure)
    assert all(valid_price(grid, Price(price)) is market.on_grid(price) for price in range(10_001))


@pytest.mark.parametrize("fee_type", list(FeeType))
def test_a_multiplier_bounds_every_fee_type_but_the_flat_one(fee_type: FeeType) -> None:
    """Catches a flat fee taken for a quadratic one, which is far too small near 0 and 1: held to the exchange's own."""
    bound = fee_bound_multiplier(replace(FACTS, fee_type=fee_type, fee_multiplier=15_000))
    model = FeeModel(fee_type, 150)
    fees = [model.trade_fee(price, 100, is_taker=taker) for price in range(1, 10_000, 33) for taker in (True, False)]
    bounds = [ceil_div(7 * 15_000 * 100 * p * (10_000 - p), 10**12) * 100 for p in range(1, 10_000, 33) for _ in "tm"]
    assert all(paid <= most for paid, most in zip(fees, bounds, strict=True)) is (bound is not None)
    assert bound in {15_000, None}
