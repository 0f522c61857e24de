from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.core.money import OrderFees, dollars
from tests.practice.core.money import trade_fee as told_fee

from pretrade.model.markets import FeeType
from pretrade.model.orders import Side
from pretrade.practice.core.fees import CENT_STEP, DIRECT_STEP, FeeModel, charge, fee_model, worst_rounding
from pretrade.practice.core.instruments import FINEST, ONE, Event, Market, PriceStructure, Series

QUADRATIC, MAKER, COMBO, FLAT = FeeType


def micros(text: str) -> int:
    return int(Decimal(text) * 1_000_000)


@pytest.mark.parametrize(
    ("fee_type", "price", "count", "multiplier", "taker", "maker"),
    [
        (QUADRATIC, 5_200, 100, 100, 17_500, 0),  # recorded on demo: 1 @ 0.52 costs 0.0175
        (QUADRATIC, 9_900, 100, 100, 700, 0),  # recorded on demo: 1 @ 0.99 costs 0.0007
        (QUADRATIC, 5_000, 100, 100, 17_500, 0),
        (QUADRATIC, 5_000, 10_000, 100, 1_750_000, 0),
        (QUADRATIC, 5_000, 100, 50, 8_800, 0),  # 0.00875 rounds up
        (QUADRATIC, 5_000, 1, 100, 200, 0),  # 0.000175 rounds up
        (QUADRATIC, 100, 1, 100, 100, 0),
        (QUADRATIC, 5_000, 100, 0, 0, 0),
        (MAKER, 5_000, 100, 100, 17_500, 4_400),  # 0.004375 rounds up
        (MAKER, 5_000, 10_000, 100, 1_750_000, 437_500),
        (MAKER, 5_000, 10_000, 50, 875_000, 218_800),
        (COMBO, 5_000, 10_000, 100, 1_750_000, 437_500),
        (FLAT, 5_000, 100, 100, 10_000, 0),
        (FLAT, 100, 250, 50, 12_500, 0),
    ],
)
def test_the_trade_fee_is_the_formula_rounded_up_to_a_hundredth_of_a_cent(
    fee_type, price, count, multiplier, taker, maker
):
    model = FeeModel(fee_type, multiplier)
    assert model.trade_fee(price, count, is_taker=True) == taker
    assert model.trade_fee(price, count, is_taker=False) == maker


# The worked examples of the page "Fee Rounding" (balances in whole cents): price and count of three equal
# fills; then trade fee, rounding fee, accumulator before the rebate, rebate, net fee, balance change.
WORKED = {
    "3 contracts at $0.055": (
        (550, 100),
        [
            ("0.0085", "0.0065", "0.0065", "0", "0.0150", "-0.07"),
            ("0.0085", "0.0065", "0.0130", "0.01", "0.0050", "-0.07"),
            ("0.0085", "0.0065", "0.0095", "0", "0.0150", "-0.07"),
        ],
    ),
    "0.90 contracts at $0.50": (
        (5_000, 30),
        [
            ("0.0041", "0.0059", "0.0059", "0", "0.0100", "-0.16"),
            ("0.0041", "0.0059", "0.0118", "0.01", "0.0000", "-0.16"),
            ("0.0041", "0.0059", "0.0077", "0", "0.0100", "-0.16"),
        ],
    ),
    "0.09 contracts at $0.3301": (
        (3_301, 3),
        [
            ("0.0005", "0.009597", "0.009597", "0", "0.010097", "-0.02"),
            ("0.0005", "0.009597", "0.019194", "0.01", "0.000097", "-0.02"),
            ("0.0005", "0.009597", "0.018791", "0.01", "0.000097", "-0.02"),
        ],
    ),
}
# The page's trade fees are examples of their own, not those of the quadratic formula, and its change of the balance
# leaves the rebate out.


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_examples_of_the_fee_page(name):
    """Catches a rebate that comes too early or too late, and an accumulator that forgets."""
    (price, count), rows = WORKED[name]
    accumulated = 0
    for fee, rounding, piled, rebate, net, change in rows:
        got = charge(-price * count, micros(fee), CENT_STEP, accumulated)
        assert (got.trade_fee, got.rounding, got.rebate, got.net) == tuple(map(micros, (fee, rounding, rebate, net)))
        assert accumulated + got.rounding == micros(piled)
        assert -price * count - got.net - got.rebate == micros(change)
        accumulated = got.accumulated


@pytest.mark.parametrize(("before", "rebate"), [(9_000, 0), (9_001, CENT_STEP)])
def test_a_rebate_needs_more_than_a_cent(before, rebate):
    """The page: once the accumulated rounding exceeds $0.01."""
    got = charge(-100_000, 9_000, CENT_STEP, before)
    assert (got.rounding, got.rebate) == (1_000, rebate)


FILLS = st.lists(st.tuples(st.integers(1, 9_999), st.integers(1, 5_000), st.booleans()), min_size=1, max_size=8)
MODELS = st.builds(FeeModel, st.sampled_from(FeeType), st.integers(0, 300))


@given(model=MODELS, fills=FILLS, step=st.sampled_from([DIRECT_STEP, CENT_STEP]))
def test_a_charge_keeps_the_precision_and_is_never_negative(model, fills, step):
    """Catches a rebate above the fill's own fees, and a balance that leaves its precision; told twice (decimals)."""
    told, accumulated, paid, trade_fees = OrderFees(dollars(step)), 0, 0, 0
    for price, count, is_taker in fills:
        fee = model.trade_fee(price, count, is_taker=is_taker)
        got = charge(-price * count, fee, step, accumulated)
        assert got.net >= 0
        assert (-price * count - got.net) % step == 0
        assert got.accumulated >= 0
        shown, contracts = Decimal(price) / 10_000, Decimal(count) / 100
        again = told_fee(model, shown, contracts, is_taker=is_taker)
        assert dollars(fee) == again
        assert dollars(got.net) == told.next(-shown * contracts, again)
        accumulated, paid, trade_fees = got.accumulated, paid + got.net, trade_fees + fee
    assert paid == trade_fees + accumulated


@given(
    model=MODELS,
    side=st.sampled_from(Side),
    limit=st.integers(1, 9_999),
    pieces=st.lists(st.tuples(st.integers(0, 9_999), st.integers(1, 5_000)), min_size=1, max_size=6),
)
def test_the_worst_trade_fee_bounds_every_way_to_fill(model, side, limit, pieces):
    """Catches a bound taken at the limit alone: 0.50 costs more than a limit of 0.90."""
    fills = [(min(max(1, limit - p if side is Side.BID else limit + p), 9_999), c) for p, c in pieces]
    paid = sum(model.trade_fee(price, count, is_taker=True) for price, count in fills)
    assert paid <= model.worst_trade_fee(side, limit, sum(c for _, c in fills), len(fills))


@given(
    structure=st.sampled_from(PriceStructure),
    price=st.integers(1, 9_999),
    count=st.integers(1, 5_000),
    step=st.sampled_from([DIRECT_STEP, CENT_STEP]),
    fee=st.integers(0, 50).map(lambda steps: 100 * steps),
)
def test_the_worst_rounding_is_reached_by_no_fill_on_the_grid(structure, price, count, step, fee):
    market = Market("A", "E", "a", "a", 0, 1, 5_000, structure=structure)
    price = max(price - price % FINEST[structure], FINEST[structure])
    for leg in (price, ONE - price):
        assert charge(-leg * count, fee, step, 0).rounding <= worst_rounding(step, market.finest_step)


def test_whole_cents_round_nothing_for_direct_members():
    assert worst_rounding(DIRECT_STEP, 100) == 0
    assert worst_rounding(DIRECT_STEP, 1) == 99
    assert worst_rounding(CENT_STEP, 100) == 9_900


@pytest.mark.parametrize(
    ("overrides", "model"),
    [
        ((None, None), FeeModel(MAKER, 150)),
        ((FLAT, None), FeeModel(FLAT, 150)),
        ((None, 0), FeeModel(MAKER, 0)),
        ((QUADRATIC, 70), FeeModel(QUADRATIC, 70)),
    ],
)
def test_an_event_overrides_its_series_part_by_part(overrides, model):
    series = Series("S", "s", "Tests", "custom", 150, MAKER)
    assert (
        fee_model(
            series, Event("E", "S", "e", "e", fee_type_override=overrides[0], fee_multiplier_override=overrides[1])
        )
        == model
    )
