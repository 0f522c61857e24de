"""The worst-case loss of an order, against the exchange's formula in another arithmetic."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.orders import Side
from pretrade.model.units import Count, Price, parse_count, parse_price
from pretrade.risk.ledger.worst_case import cost, fee, risk

SIDES = st.sampled_from(Side)
PRICES = st.integers(1, 9_999).map(Price)
COUNTS = st.integers(1, 100_000_000).map(Count)
MULTIPLIERS = st.integers(0, 100_000)


@pytest.mark.parametrize(
    ("side", "price", "count", "expected"),
    [
        (Side.BID, "0.52", "0.01", 200 + 20_000),  # 0.000175 at 0.50, rounded up
        (Side.BID, "0.52", "1", 20_000 + 20_000),  # in one piece the exchange charged $0.0175 (orders.md 12)
        (Side.BID, "0.99", "1", 20_000 + 20_000),  # a bid at 0.99 may fill at 0.50
        (Side.ASK, "0.01", "1", 20_000 + 20_000),  # so may an ask at 0.01
        (Side.ASK, "0.99", "1", 10_000 + 20_000),
        (Side.BID, "0.01", "1", 10_000 + 20_000),
        (Side.BID, "0.56", "100", 2_000_000 + 20_000),
    ],
)
def test_fee_is_the_worst_of_the_fillable_prices(side: Side, price: str, count: str, expected: int) -> None:
    """Catches a fee reckoned at the limit price, or on the wrong side of one half."""
    assert fee(side, parse_price(price), parse_count(count), 10_000) == expected


@pytest.mark.parametrize(
    ("side", "price", "count", "expected"),
    [(Side.BID, "0.56", "10", 5_600_000), (Side.ASK, "0.56", "10", 4_400_000), (Side.ASK, "0.0001", "0.01", 9_999)],
)
def test_cost_is_that_of_the_bought_leg(side: Side, price: str, count: str, expected: int) -> None:
    """An ask buys NO at 1 - p."""
    assert cost(side, parse_price(price), parse_count(count)) == expected


def _fee_at(price: int, count: int, multiplier: int) -> Fraction:
    p = Fraction(price, 10_000)
    exact = Fraction(7, 100) * Fraction(multiplier, 10_000) * Fraction(count, 100) * p * (1 - p)
    return Fraction(ceil(exact * 10_000), 10_000)


@given(SIDES, PRICES, MULTIPLIERS, st.lists(st.integers(1, 400).map(Count), min_size=1, max_size=40), st.data())
def test_no_sequence_of_fills_pays_more_fees(
    side: Side, price: Price, multiplier: int, pieces: list[Count], data: st.DataObject
) -> None:
    """However an order fills, at whatever prices. Catches a fee that is rounded once for the whole order: each fill is
    rounded up by itself, and a hundred pieces of a contract cost up to a cent more."""
    fills = st.integers(1, price) if side is Side.BID else st.integers(price, 9_999)
    paid = sum(_fee_at(data.draw(fills), piece, multiplier) for piece in pieces)
    assert paid <= Fraction(fee(side, price, Count(sum(pieces)), multiplier), 1_000_000)


@given(SIDES, PRICES, COUNTS, MULTIPLIERS, st.data())
def test_no_fill_costs_more_than_the_risk(
    side: Side, price: Price, count: Count, multiplier: int, data: st.DataObject
) -> None:
    """Wherever it fills, leg plus fee is at most the stated risk. Catches rounding down and a forgotten fee."""
    fills = st.integers(1, price) if side is Side.BID else st.integers(price, 9_999)
    at = data.draw(fills)
    leg = at if side is Side.BID else 10_000 - at
    loss = Fraction(leg, 10_000) * Fraction(count, 100) + _fee_at(at, count, multiplier)
    assert loss <= Fraction(risk(side, price, count, multiplier), 1_000_000)
