from decimal import Decimal

import pytest

from pretrade.practice.core.instruments import FINEST, GRIDS, ONE, Market, PriceStructure

# structure: edge tick, centre tick, edge width, in dollars as orders.md 9 has them; number of prices counted by hand
TABLE = {
    "linear_cent": ("0.01", "0.01", "0.10", 99),
    "deci_cent": ("0.001", "0.001", "0.10", 999),
    "tapered_deci_cent": ("0.001", "0.01", "0.10", 99 + 1 + 79 + 1 + 99),
    "center_whole_edge_half_cent": ("0.005", "0.01", "0.10", 19 + 1 + 79 + 1 + 19),
    "center_whole_edge_quint_cent": ("0.002", "0.01", "0.10", 49 + 1 + 79 + 1 + 49),
    "center_half_edge_half_cent": ("0.005", "0.005", "0.10", 199),
    "center_half_edge_quint_cent": ("0.002", "0.005", "0.10", 49 + 1 + 159 + 1 + 49),
    "center_half_edge_deci_cent": ("0.001", "0.005", "0.10", 99 + 1 + 159 + 1 + 99),
    "center_quint_edge_quint_cent": ("0.002", "0.002", "0.10", 499),
    "center_quint_edge_deci_cent": ("0.001", "0.002", "0.10", 99 + 1 + 399 + 1 + 99),
    "center_centi_edge_centi_cent": ("0.0001", "0.0001", "0.10", 9_999),
    "center_deci_edge_centi_cent": ("0.0001", "0.001", "0.01", 99 + 1 + 979 + 1 + 99),
}


def _market(structure, **more):
    return Market("A", "E", "a", "a", 0, 1, 5_000, structure=PriceStructure(structure), **more)


def test_every_structure_is_in_the_table():
    assert set(TABLE) == set(PriceStructure) == set(GRIDS)


@pytest.mark.parametrize("structure", TABLE)
def test_a_price_is_on_the_grid_when_it_is_a_whole_number_of_its_ticks(structure):
    """Catches a grid with edge and centre exchanged, or whose edge ends elsewhere."""
    edge, center, width, count = TABLE[structure]
    market, allowed = _market(structure), 0
    for price in range(-1, ONE + 2):
        dollars = Decimal(price) / ONE
        at_edge = dollars < Decimal(width) or dollars >= 1 - Decimal(width)
        expected = 0 < dollars < 1 and dollars % Decimal(edge if at_edge else center) == 0
        assert market.on_grid(price) == expected, dollars
        allowed += expected
    assert allowed == count


@pytest.mark.parametrize("structure", PriceStructure)
def test_walking_up_and_down_the_grid_visits_every_price_once(structure):
    market = _market(structure)
    on_grid = [price for price in range(-10, ONE + 10) if market.on_grid(price)]
    up, price = [], market.tick_above(0)
    while price < ONE:
        up.append(price)
        price = market.tick_above(price)
    down, price = [], market.tick_below(ONE)
    while price > 0:
        down.append(price)
        price = market.tick_below(price)
    assert up == down[::-1] == on_grid


@pytest.mark.parametrize("structure", PriceStructure)
def test_the_finest_step_divides_every_price_of_a_grid_and_of_those_before_it(structure):
    market = _market(structure)
    assert all(price % FINEST[structure] == 0 for price in range(ONE) if market.on_grid(price))
    changed = _market("linear_cent", former_structures=(structure,))
    assert changed.finest_step == min(FINEST[structure], 100)


def test_a_settlement_floor_takes_its_price_and_those_below_off_the_grid():
    market = _market("linear_cent", settlement_floor=3_000)
    assert [market.on_grid(price) for price in (2_900, 3_000, 3_100)] == [False, False, True]
