import pytest
from tests.practice.support import GTC, NOW_US

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.accounts import Position, collateral
from pretrade.practice.records import Order

BID, ASK = Side.BID, Side.ASK


@pytest.mark.parametrize(
    ("fills", "count", "cost", "realized", "cash"),
    [
        ([(BID, 5_200, 300)], 300, 1_560_000, 0, -1_560_000),
        ([(ASK, 5_200, 300)], -300, 1_440_000, 0, -1_440_000),
        ([(BID, 4_000, 200), (ASK, 6_000, 200)], 0, 0, 400_000, 400_000),
        ([(BID, 4_000, 200), (ASK, 6_000, 100)], 100, 400_000, 200_000, -200_000),
        ([(ASK, 4_000, 200), (BID, 3_000, 200)], 0, 0, 200_000, 200_000),
        ([(BID, 4_000, 100), (ASK, 7_000, 300)], -200, 600_000, 300_000, -300_000),
        ([(BID, 4_000, 100), (BID, 6_000, 100), (ASK, 5_000, 100)], 100, 500_000, 0, -500_000),
    ],
    ids=["open yes", "open no", "close yes", "part", "close no", "flip", "average cost"],
)
def test_a_fill_moves_position_and_cash(fills, count, cost, realized, cash):
    position = Position()
    moved = sum(position.apply(side, price, size, 0, NOW_US) for side, price, size in fills)
    assert (position.count, position.cost, position.realized, moved) == (count, cost, realized, cash)


def test_a_fee_leaves_the_cash_and_is_summed_up():
    position = Position()
    assert position.apply(BID, 5_000, 100, 17_500, NOW_US) == -517_500
    assert (position.fees, position.cost) == (17_500, 500_000)


def _resting(side, price, count):
    stp = SelfTradePrevention.TAKER_AT_CROSS
    return Order("o", "a", 0, "", "A", side, price, count, count, GTC, stp, NOW_US, NOW_US)


@pytest.mark.parametrize(
    ("position", "orders", "held"),
    [
        (0, [(BID, 4_000, 100)], 400_000),
        (0, [(ASK, 4_000, 100)], 600_000),
        (100, [(ASK, 4_000, 100)], 0),
        (100, [(ASK, 4_000, 300)], 1_200_000),
        (-100, [(BID, 4_000, 100)], 0),
        (100, [(BID, 4_000, 100)], 400_000),
        # the ask that fills first (0.40) is the one that closes; the one at 0.70 holds 0.30 a contract
        (100, [(ASK, 7_000, 100), (ASK, 4_000, 100)], 300_000),
        (-100, [(BID, 3_000, 100), (BID, 6_000, 100)], 300_000),
    ],
)
def test_collateral_is_the_cost_of_what_would_not_only_close(position, orders, held):
    assert collateral(position, [_resting(*o) for o in orders]) == held
