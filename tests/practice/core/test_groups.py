"""Order groups: limit, window, trigger, reset, delete, and who may reach one."""

import time

import pytest
from tests.practice.support import Floor, order

from pretrade.model.orders import DecreaseOrder
from pretrade.model.units import Count
from pretrade.practice.core import groups
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.records import OrderStatus

RESTING, CANCELED = OrderStatus.RESTING, OrderStatus.CANCELED


@pytest.fixture
def floor():
    made = Floor()
    made.told = []
    made.exchange.listeners.append(lambda event: made.told.append(str(event.kind)) if hasattr(event, "group") else None)
    return made


@pytest.fixture
def me(floor):
    return floor.account("me", subaccounts=(2,))


@pytest.fixture
def other(floor):
    return floor.account("other")


def sell(floor, me, other, group, count):
    """One of the group's orders sells `count` contracts."""
    floor.place(me, "ask", "0.50", count, order_group_id=group.group_id)
    floor.place(other, "bid", "0.50", count)


def refusal(call, *args, **more):
    with pytest.raises(ExchangeError) as caught:
        call(*args, **more)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(
    ("steps", "triggered"),
    [
        ([("3", 0)], False),
        ([("3", 0), ("0.01", 0)], True),
        ([("3", 14), ("0.01", 0)], True),
        ([("3", 15), ("3", 0)], False),
        ([("2", 10), ("1", 5), ("2", 0)], False),
        ([("2", 10), ("1", 4), ("0.5", 0)], True),
        ([("5", 0)], True),
    ],
    ids=["at the limit", "over", "just within", "window over", "rolls", "rolls over", "one match alone"],
)
def test_the_limit_is_on_a_rolling_window(floor, me, other, steps, triggered):
    """Limit 3. Catches a window that starts anew instead of rolling, and a limit that triggers when it is only met."""
    group = groups.create(floor.exchange, me, 300)
    watcher = floor.place(me, "bid", "0.10", "1", order_group_id=group.group_id).order
    for count, seconds in steps:
        sell(floor, me, other, group, count)
        floor.clock.advance(seconds)
    assert (group.triggered, watcher.status) == (triggered, CANCELED if triggered else RESTING)
    assert floor.told == ["created"] + ["triggered"] * triggered


def test_a_triggered_group_takes_no_orders_until_it_is_reset(floor, me, other):
    group = groups.create(floor.exchange, me, 100)
    mine = floor.place(me, "bid", "0.10", "1", order_group_id=group.group_id).order
    beside = floor.place(me, "bid", "0.10", "1").order
    groups.trigger(floor.exchange, group)
    assert (mine.status, mine.reason, beside.status) == (CANCELED, "", RESTING)
    again = order("bid", "0.10", "1", order_group_id=group.group_id)
    assert refusal(floor.exchange.create, me, again) == (409, "order_group_triggered")
    groups.trigger(floor.exchange, group)
    groups.reset(floor.exchange, group)
    assert floor.exchange.create(me, again).order.status is RESTING
    assert floor.told == ["created", "triggered", "reset"], "triggering twice changes nothing"


def test_a_reset_forgets_what_was_matched(floor, me, other):
    group = groups.create(floor.exchange, me, 300)
    sell(floor, me, other, group, "3")
    groups.reset(floor.exchange, group)
    sell(floor, me, other, group, "3")
    assert not group.triggered


def test_a_limit_below_what_was_matched_triggers_at_once(floor, me, other):
    group = groups.create(floor.exchange, me, 1_000)
    sell(floor, me, other, group, "3")
    groups.set_limit(floor.exchange, group, 300)
    assert not group.triggered
    groups.set_limit(floor.exchange, group, 299)
    assert group.triggered
    groups.set_limit(floor.exchange, group, 200)
    assert floor.told == ["created", "limit_updated", "limit_updated", "triggered", "limit_updated"], "triggered once"


def test_a_deleted_group_cancels_its_orders_and_is_gone(floor, me):
    group = groups.create(floor.exchange, me, 1_000)
    mine = floor.place(me, "bid", "0.10", "1", order_group_id=group.group_id).order
    groups.delete(floor.exchange, group)
    assert (mine.status, groups.of(floor.exchange, me)) == (CANCELED, [])
    again = order("bid", "0.10", "1", order_group_id=group.group_id)
    assert refusal(floor.exchange.create, me, again) == (404, "order_group_not_found")


@pytest.mark.parametrize("limit", [0, 99, 100_000_001, -100])
def test_a_limit_is_one_to_a_million_contracts(floor, me, limit):
    assert refusal(groups.create, floor.exchange, me, limit)[1] == "bad_request"
    group = groups.create(floor.exchange, me, 100_000_000)
    assert refusal(groups.set_limit, floor.exchange, group, limit)[1] == "bad_request"
    assert group.limit == 100_000_000


def test_a_group_belongs_to_one_account_subaccount_and_shard(floor, me, other):
    """Catches an order of another subaccount in a group, and a group that others can find."""
    own = groups.create(floor.exchange, me, 100, subaccount=2)
    for who, subaccount, shard in ((me, 0, None), (me, 2, 1), (other, None, None)):
        assert refusal(groups.find, floor.exchange, who, own.group_id, subaccount, shard) == (
            404,
            "order_group_not_found",
        )
    assert groups.find(floor.exchange, me, own.group_id, None) is own
    assert [groups.of(floor.exchange, me, number) for number in (None, 2, 0)] == [[own], [own], []]
    stray = order("bid", "0.10", "1", order_group_id=own.group_id)
    assert refusal(floor.exchange.create, me, stray) == (404, "order_group_not_found")
    assert refusal(groups.create, floor.exchange, me, 100, subaccount=5) == (404, "subaccount_not_found")
    assert refusal(groups.create, floor.exchange, me, 100, shard=9) == (404, "not_found")


def test_a_group_lists_what_rests_in_it(floor, me, other):
    group = groups.create(floor.exchange, me, 1_000)
    kept = floor.place(me, "bid", "0.10", "1", order_group_id=group.group_id).order
    for how in ("canceled", "executed"):
        gone = floor.place(me, "ask", "0.50", "1", order_group_id=group.group_id).order
        if how == "executed":
            floor.place(other, "bid", "0.50", "1")
        else:
            floor.exchange.decrease(me, DecreaseOrder(gone.order_id, reduce_to=Count(0)))
    assert list(group.orders) == [kept.order_id]


def test_nothing_of_a_group_changes_while_the_exchange_is_paused(floor, me):
    group = groups.create(floor.exchange, me, 100)
    floor.exchange.pause(trading=True, exchange=False)
    for act in (groups.trigger, groups.reset, groups.delete):
        assert refusal(act, floor.exchange, group) == (409, "exchange_is_paused")
    assert refusal(groups.create, floor.exchange, me, 100) == (409, "exchange_is_paused")


def test_matches_are_not_added_up_anew_each_time(floor, me):
    """Catches a sum over the whole window at each match: 20,000 matches at one moment took over ten seconds."""
    group = groups.create(floor.exchange, me, 100_000_000)
    resting = floor.place(me, "ask", "0.50", "1", order_group_id=group.group_id).order
    began = time.process_time()
    for _ in range(20_000):
        groups.count_match(floor.exchange, resting, 1)
    assert time.process_time() - began < 1.5
    assert groups.matched(group, floor.clock()) == 20_000
    floor.clock.advance(14)
    groups.count_match(floor.exchange, resting, 5)
    floor.clock.advance(1)
    assert groups.matched(group, floor.clock()) == 5
    groups.reset(floor.exchange, group)
    assert groups.matched(group, floor.clock()) == 0
