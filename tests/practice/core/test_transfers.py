import pytest
from tests.practice.support import NOW_US, Floor

from pretrade.practice.core import transfers
from pretrade.practice.core.errors import ExchangeError

DOLLAR = 1_000_000


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def me(floor):
    account = floor.account("me", 10)
    transfers.open_subaccount(floor.exchange, account)
    return account


def state_of(account):
    purses = {key: (purse.cash, purse.held) for key, purse in account.purses.items()}
    lists = (account.subaccount_transfers, account.shard_transfers, account.deposits, account.withdrawals)
    return purses, set(account.subaccounts), [list(records) for records in lists]


def test_subaccounts_are_numbered_from_one_up(floor, me):
    assert [transfers.open_subaccount(floor.exchange, me) for _ in range(2)] == [2, 3]
    assert transfers.open_subaccount(floor.exchange, me, 63, shard=2) == 63
    assert transfers.open_subaccount(floor.exchange, me, 63) == 63
    assert me.subaccounts == {0, 1, 2, 3, 63}
    assert (me.cash_of(63, 2), me.available(63, 0)) == (0, 0)


def test_the_sixty_fourth_is_refused(floor, me):
    for _ in range(62):
        transfers.open_subaccount(floor.exchange, me)
    with pytest.raises(ExchangeError, match="too_many_subaccounts"):
        transfers.open_subaccount(floor.exchange, me)


def test_cash_goes_from_one_subaccount_to_another_and_is_listed(floor, me):
    done = transfers.move_between_subaccounts(floor.exchange, me, "t1", 0, 1, 3 * DOLLAR, 0)
    assert (me.cash_of(0, 0), me.cash_of(1, 0)) == (7 * DOLLAR, 3 * DOLLAR)
    assert me.subaccount_transfers == [done]
    assert (done.source, done.target, done.money, done.exchange_index, done.created_us) == (0, 1, 3 * DOLLAR, 0, NOW_US)
    assert done.transfer_id != done.client_transfer_id == "t1"


def test_cash_goes_from_one_shard_to_another_and_is_listed(floor, me):
    done = transfers.move_between_shards(floor.exchange, me, "t1", 0, 2, 4 * DOLLAR)
    assert (me.cash_of(0, 0), me.cash_of(0, 2)) == (6 * DOLLAR, 4 * DOLLAR)
    back = transfers.move_between_shards(floor.exchange, me, "", 2, 0, DOLLAR, target=1)
    assert (me.cash_of(0, 2), me.cash_of(1, 0)) == (3 * DOLLAR, DOLLAR)
    assert me.shard_transfers == [done, back]


REFUSALS = {
    "twice": (lambda x, a: transfers.move_between_subaccounts(x, a, "used", 0, 1, 1, 0), 409, "already_applied"),
    "twice, another amount": (
        lambda x, a: transfers.move_between_subaccounts(x, a, "used", 1, 0, 2, 0),
        409,
        "transfer_already_applied",
    ),
    "too much": (
        lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 1, 10 * DOLLAR, 0),
        400,
        "insufficient_balance",
    ),
    "held": (
        lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 1, 6 * DOLLAR, 0),
        400,
        "insufficient_balance",
    ),
    "nothing": (lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 1, 0, 0), 400, "above 0"),
    "negative": (lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 1, -5, 0), 400, "above 0"),
    "to itself": (lambda x, a: transfers.move_between_subaccounts(x, a, "t", 1, 1, 1, 0), 400, "must differ"),
    "unopened": (
        lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 7, 1, 0),
        404,
        "subaccount_not_found",
    ),
    "from an empty shard": (
        lambda x, a: transfers.move_between_subaccounts(x, a, "t", 0, 1, 2, 2),
        400,
        "insufficient_balance",
    ),
    "no such shard": (lambda x, a: transfers.move_between_shards(x, a, "", 0, 101, 1), 400, "from 0 to 100"),
    "same shard": (lambda x, a: transfers.move_between_shards(x, a, "", 0, 0, 1), 400, "must differ"),
    "route twice": (lambda x, a: transfers.move_between_shards(x, a, "s", 0, 2, 1), 409, "transfer_already_applied"),
    "id for a subaccount": (
        lambda x, a: transfers.move_between_shards(x, a, "n", 0, 2, 1, source=1),
        400,
        "primary accounts only",
    ),
    "number": (lambda x, a: transfers.open_subaccount(x, a, 64), 400, "from 1 to 63"),
    "zero": (lambda x, a: transfers.open_subaccount(x, a, 0), 400, "from 1 to 63"),
    "deposit": (lambda x, a: transfers.deposit(x, a, 0), 400, "above 0"),
    "withdrawal": (lambda x, a: transfers.withdraw(x, a, 10 * DOLLAR), 400, "insufficient_balance"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_transfer_says_why_and_leaves_no_trace(floor, me, name):
    """Catches money that has left one purse when the other refuses, and an id that a refusal uses up."""
    act, status, says = REFUSALS[name]
    transfers.move_between_subaccounts(floor.exchange, me, "used", 0, 1, DOLLAR, 0)
    transfers.move_between_shards(floor.exchange, me, "s", 0, 2, 1)
    floor.place(me, "bid", "0.50", "8")
    before = state_of(me)
    with pytest.raises(ExchangeError) as caught:
        act(floor.exchange, me)
    assert caught.value.status == status
    assert says in f"{caught.value.code} {caught.value.details}"
    assert state_of(me) == before


def test_an_id_is_free_again_on_another_route(floor, me):
    transfers.move_between_shards(floor.exchange, me, "t", 0, 2, 1)
    transfers.move_between_shards(floor.exchange, me, "t", 2, 0, 1)
    transfers.move_between_shards(floor.exchange, me, "", 0, 2, 1)
    transfers.move_between_shards(floor.exchange, me, "", 0, 2, 1)
    assert len(me.shard_transfers) == 4


def test_deposits_and_withdrawals_are_listed(floor, me):
    put_in = transfers.deposit(floor.exchange, me, 5 * DOLLAR, shard=1, method="wire")
    out = transfers.withdraw(floor.exchange, me, 2 * DOLLAR)
    assert (me.cash_of(0, 0), me.cash_of(0, 1)) == (8 * DOLLAR, 5 * DOLLAR)
    assert (me.deposits, me.withdrawals) == ([put_in], [out])
    assert (put_in.status, put_in.type, put_in.money, put_in.finalized_us) == ("applied", "wire", 5 * DOLLAR, NOW_US)


def test_netting_is_a_switch_and_no_more(me):
    transfers.set_netting(me, 1, enabled=False)
    assert me.not_netted == {1}
    transfers.set_netting(me, 1, enabled=True)
    assert me.not_netted == set()
    with pytest.raises(ExchangeError, match="subaccount_not_found"):
        transfers.set_netting(me, 9, enabled=False)
