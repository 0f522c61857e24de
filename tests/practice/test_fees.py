import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.orders import Side
from pretrade.practice.fees import taker_fee, worst_taker_fee


@pytest.mark.parametrize(
    ("price", "count", "multiplier", "fee"),
    [
        (5_200, 100, 100, 17_500),  # recorded on demo: 1 @ 0.52 costs 0.0175
        (9_900, 100, 100, 700),  # recorded on demo: 1 @ 0.99 costs 0.0007
        (5_000, 100, 100, 17_500),
        (5_000, 10_000, 100, 1_750_000),
        (5_000, 100, 50, 8_800),  # 0.00875 rounds up
        (5_000, 1, 100, 200),  # 0.000175 rounds up
        (100, 1, 100, 100),
    ],
)
def test_the_fee_is_the_formula_rounded_up_to_a_hundredth_of_a_cent(price, count, multiplier, fee):
    assert taker_fee(price, count, multiplier) == fee


@given(
    side=st.sampled_from(Side),
    limit=st.integers(1, 9_999),
    pieces=st.lists(st.tuples(st.integers(0, 9_999), st.integers(1, 5_000)), min_size=1, max_size=6),
)
def test_the_worst_fee_bounds_every_way_to_fill(side, limit, pieces):
    """Catches a bound taken at the limit alone: 0.50 costs more than a limit of 0.90."""
    fills = [(min(max(1, limit - p if side is Side.BID else limit + p), 9_999), c) for p, c in pieces]
    paid = sum(taker_fee(price, count, 100) for price, count in fills)
    assert paid <= worst_taker_fee(side, limit, sum(c for _, c in fills), 100, len(fills))
