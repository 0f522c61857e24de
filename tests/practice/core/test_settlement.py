import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.practice.support import NOW_US, Floor, raw_order

from pretrade.model.orders import Side
from pretrade.practice.core import lifecycle
from pretrade.practice.core.events import PositionChanged

DOLLAR = 1_000_000


@pytest.fixture
def floor():
    return Floor()


def traded(floor, price="0.40", count="3"):
    yes, no = floor.account("yes"), floor.account("no")
    floor.place(no, "ask", price, count)
    floor.place(yes, "bid", price, count)
    return yes, no


def settled(floor, result, value=None):
    lifecycle.determine(floor.exchange, "A", result, value)
    lifecycle.settle(floor.exchange, "A")


@pytest.mark.parametrize(
    ("result", "value", "to_yes", "to_no"),
    [
        ("yes", None, 3 * DOLLAR, 0),
        ("no", None, 0, 3 * DOLLAR),
        ("scalar", 2_500, 750_000, 2_250_000),
        ("scalar", 10_000, 3 * DOLLAR, 0),
    ],
)
def test_each_side_is_paid_what_its_contracts_are_worth(floor, result, value, to_yes, to_no):
    yes, no = traded(floor)
    before = (yes.cash, no.cash)
    settled(floor, result, value)
    assert (yes.cash - before[0], no.cash - before[1]) == (to_yes, to_no)
    assert [s.revenue for s in (*yes.settlements, *no.settlements)] == [to_yes, to_no]
    assert floor.exchange.open_interest("A") == 0


def test_a_settlement_tells_counts_costs_fees_and_result(floor):
    yes, no = traded(floor)
    fee = yes.position((0, "A")).fees
    settled(floor, "no")
    one, other = yes.settlements[0], no.settlements[0]
    assert (one.ticker, one.event_ticker, one.exchange_index, one.subaccount) == ("A", "E", 0, 0)
    assert (one.result, one.value, one.settled_us) == ("no", 0, NOW_US)
    assert (one.yes_count, one.yes_cost, one.no_count, one.no_cost) == (300, 1_200_000, 0, 0)
    assert (other.yes_count, other.yes_cost, other.no_count, other.no_cost) == (0, 0, 300, 1_800_000)
    assert (one.fees, other.fees, one.kept) == (fee, 0, 0)


def test_a_settled_position_is_closed_with_its_result_realised(floor):
    yes, no = traded(floor)
    heard = []
    floor.exchange.listeners.append(heard.append)
    settled(floor, "yes")
    for account, realized in ((yes, 1_800_000), (no, -1_800_000)):
        position = account.position((0, "A"))
        assert (position.count, position.cost, position.realized) == (0, 0, realized)
        assert position.settled_us == position.updated_us == NOW_US
    assert {e.account for e in heard if isinstance(e, PositionChanged)} == {"yes", "no"}


def test_a_position_that_was_closed_before_is_settled_with_its_market_and_paid_nothing(floor):
    """Catches one that is listed among the unsettled ones for ever, and a payout of nothing."""
    yes, no = traded(floor)
    floor.place(no, "bid", "0.50", "3")
    floor.place(yes, "ask", "0.50", "3")
    settled(floor, "yes")
    flat = yes.position((0, "A"))
    assert (flat.count, flat.settled_us, yes.settlements, no.settlements) == (0, NOW_US, [], [])


def test_the_part_of_a_payout_below_a_cent_is_kept_as_a_fee(floor):
    """The page's own example: 10.60 YES at $0.5970 pay $6.32, and $0.0082 are a settlement fee."""
    yes, no = traded(floor, "0.50", "10.60")
    before, collected = (yes.cash, no.cash), floor.exchange.fees_collected
    paid = [account.position((0, "A")).fees for account in (yes, no)]
    settled(floor, "scalar", 5_970)
    assert (yes.settlements[0].revenue, yes.settlements[0].kept) == (6_320_000, 8_200)
    assert yes.cash - before[0] == 6_320_000
    assert (no.settlements[0].revenue, no.settlements[0].kept) == (4_270_000, 1_800)
    assert floor.exchange.fees_collected - collected == 8_200 + 1_800
    assert [account.settlements[0].fees for account in (yes, no)] == [paid[0] + 8_200, paid[1] + 1_800]
    assert [account.position((0, "A")).fees for account in (yes, no)] == [paid[0] + 8_200, paid[1] + 1_800]


def test_who_holds_nothing_has_no_settlement(floor):
    yes, no = traded(floor)
    floor.place(no, "bid", "0.40", "3")
    floor.place(yes, "ask", "0.40", "3")
    settled(floor, "yes")
    assert (yes.settlements, no.settlements) == ([], [])


def test_each_subaccount_is_paid_into_its_own_purse(floor):
    me, other = floor.account("me", subaccounts=(5,)), floor.account("other")
    floor.place(other, "ask", "0.40", "3")
    floor.place(me, "bid", "0.40", "1")
    floor.place(me, "bid", "0.40", "2", subaccount=5)
    before = [me.cash_of(number, 0) for number in (0, 5)]
    settled(floor, "yes")
    assert [me.cash_of(number, 0) - was for number, was in zip((0, 5), before, strict=True)] == [DOLLAR, 2 * DOLLAR]
    assert [(s.subaccount, s.yes_count) for s in me.settlements] == [(0, 100), (5, 200)]


@settings(max_examples=60)
@given(
    trades=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(1, 99), st.integers(1, 500)), max_size=10
    ),
    value=st.integers(0, 10_000),
)
def test_payouts_and_what_is_kept_are_exactly_what_was_locked(trades, value):
    floor = Floor()
    accounts = {name: floor.account(name, 100_000) for name in "abc"}
    for buyer, seller, cents, count in trades:
        if buyer != seller:
            floor.exchange.create(accounts[seller], raw_order(cents * 100, count, Side.ASK))
            floor.exchange.create(accounts[buyer], raw_order(cents * 100, count, Side.BID))
    held = {name: account.count_of((0, "A")) for name, account in accounts.items()}
    locked, cash = floor.exchange.open_interest("A") * 10_000, {n: a.cash for n, a in accounts.items()}
    settled(floor, "scalar", value)
    paid = {name: account.cash - cash[name] for name, account in accounts.items()}
    kept = sum(s.kept for account in accounts.values() for s in account.settlements)
    assert sum(paid.values()) + kept == locked
    for name, count in held.items():
        worth = value * count if count > 0 else (10_000 - value) * -count
        assert worth - 10_000 < paid[name] <= worth
        assert paid[name] % 10_000 == 0
