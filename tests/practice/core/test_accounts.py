from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.support import GTC, NOW_US

from pretrade.model.orders import SelfTradePrevention, Side
from pretrade.practice.core.accounts import Account, Position
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.records import Order

BID, ASK = Side.BID, Side.ASK
FILLS = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 9_999), st.integers(1, 500)), max_size=20)


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
        ([(BID, 333, 1), (BID, 334, 2), (ASK, 400, 1)], 2, 668, 67, -601),
        ([(ASK, 9_667, 1), (ASK, 9_666, 2), (BID, 9_600, 1)], -2, 668, 67, -601),
    ],
    ids=[
        "open yes",
        "open no",
        "close yes",
        "part",
        "close no",
        "flip",
        "average cost",
        "release rounds down",
        "no as well",
    ],
)
def test_a_fill_moves_position_and_cash(fills, count, cost, realized, cash):
    position = Position()
    moved = sum(position.apply(side, price, size, NOW_US) for side, price, size in fills)
    assert (position.count, position.cost, position.realized, moved) == (count, cost, realized, cash)


@given(fills=FILLS)
def test_a_round_trip_realises_exactly_the_cash_it_made(fills):
    """Catches a rounding of the average cost that loses or makes a millionth of a dollar."""
    position = Position()
    cash = sum(position.apply(side, price, count, NOW_US) for side, price, count in fills)
    if position.count:
        back = ASK if position.count > 0 else BID
        cash += position.apply(back, 3_333, abs(position.count), NOW_US)
    assert (position.count, position.cost, position.realized) == (0, 0, cash)


@given(fills=FILLS)
def test_the_cost_basis_is_the_exact_average_but_for_a_millionth_a_close(fills):
    """The cost is a whole number next to the true average in fractions; what it realises and keeps is all the cash."""
    position, average, closes, cash = Position(), Fraction(0), 0, 0
    for side, price, count in fills:
        before = position.count
        cash += position.apply(side, price, count, NOW_US)
        signed = count if side is BID else -count
        leg = price if side is BID else ONE - price
        closing = min(count, abs(before)) if before * signed < 0 else 0
        if closing:
            average -= average * closing / abs(before)
            closes += 1
        average += leg * (count - closing)
        assert abs(position.cost - average) <= closes
        assert position.realized - position.cost == cash


@given(price=st.integers(1, 9_999), count=st.integers(1, 1_000), fills=FILLS)
def test_buying_no_is_selling_yes_at_the_rest_of_the_dollar(price, count, fills):
    """Metamorphic: a world with YES and NO exchanged has the same cash, costs and results, and mirrored positions."""
    one, mirrored = Position(), Position()
    for side, at, size in [*fills, (BID, price, count)]:
        opposite = ASK if side is BID else BID
        cash = one.apply(side, at, size, NOW_US), mirrored.apply(opposite, ONE - at, size, NOW_US)
        assert cash[0] == cash[1]
    assert (one.count, one.cost, one.realized, one.traded) == (
        -mirrored.count,
        mirrored.cost,
        mirrored.realized,
        mirrored.traded,
    )


def _resting(name, side, price, count, **more):
    stp = SelfTradePrevention.TAKER_AT_CROSS
    return Order(name, "a", 0, "", "A", side, price, count, count, GTC, stp, NOW_US, NOW_US, **more)


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
    account = Account("a", "u")
    account.position((0, "A")).count = position
    for number, order in enumerate(orders):
        account.add(_resting(f"o{number}", *order))
    assert (account.held, account.available(0, 0)) == (held, -held)


def test_an_order_holds_its_fees_too_until_it_leaves():
    account = Account("a", "u")
    order = _resting("o", BID, 4_000, 100, fee_reserve=1_000)
    account.add(order)
    assert account.held == 401_000
    account.reduce(order, 75)
    order.remaining = 25
    assert (account.held, order.fee_reserve) == (100_250, 250)
    account.remove(order)
    assert (account.held, order.fee_reserve, account.resting) == (0, 0, {})


def test_a_look_ahead_counts_the_order_that_is_replaced():
    account = Account("a", "u")
    former = _resting("o", BID, 4_000, 100)
    account.add(former)
    assert account.would_add(_resting("new", BID, 4_000, 100)) == 400_000
    assert account.would_add(_resting("o", BID, 5_000, 200), former) == 600_000
    assert account.would_add(_resting("o", BID, 1_000, 100), former) == -300_000
    assert account.held == 400_000


def test_each_subaccount_has_a_purse_on_each_shard():
    account = Account("a", "u")
    account.deposit(0, 0, 500)
    account.deposit(3, 2, 70, NOW_US)
    order = _resting("o", BID, 1, 20, exchange_index=2)
    order.subaccount = 3
    account.add(order)
    assert {key: purse.available for key, purse in account.purses.items()} == {(0, 0): 500, (3, 2): 50}
    assert (account.cash, account.held, account.cash_of(3, 2), account.available(3, 0)) == (570, 20, 70, 0)
    assert account.updated_us == NOW_US


def test_a_subaccount_that_was_never_opened_is_refused():
    with pytest.raises(ExchangeError) as caught:
        Account("a", "u").require_subaccount(3)
    assert (caught.value.status, caught.value.code) == (404, "subaccount_not_found")
