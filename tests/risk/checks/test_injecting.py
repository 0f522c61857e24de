"""What the policy's `inject` writes into orders: a table of every field, what is left alone, and the way back."""

from dataclasses import replace

import pytest
from tests.builders import amend, facts, order, policy

from pretrade.model.orders import CreateBatch, CreateOrder, TimeInForce
from pretrade.model.rewrites import Rewrite
from pretrade.risk.checks.injecting import inject, undone

NOW_S = 1_795_226_000
HOUR_S = 3_600
ALL = policy(
    (
        "order_groups:\n",
        'inject: {order_group: "50", cancel_order_on_pause: true, expiration_within: 1h}\norder_groups:\n',
    )
)
PLAIN = policy()
OPENS = facts(now_ms=NOW_S * 1000 + 999, reduces=(False, False), own_groups=("g-1", "g-1"))
GROUP = Rewrite(0, "order_group_id", None, "g-1")
PAUSE = Rewrite(0, "cancel_order_on_pause", None, after=True)
LATEST = NOW_S + HOUR_S
EXPIRES = Rewrite(0, "expiration_time", None, LATEST)
IOC = TimeInForce.IMMEDIATE_OR_CANCEL


@pytest.mark.parametrize(
    ("new", "rewrites"),
    [
        pytest.param(order(), (GROUP, PAUSE, EXPIRES), id="all that it left out"),
        pytest.param(order(order_group_id="mine"), (PAUSE, EXPIRES), id="a group of its own is never overwritten"),
        pytest.param(order(cancel_order_on_pause=True), (GROUP, EXPIRES), id="it said yes"),
        pytest.param(order(cancel_order_on_pause=False), (GROUP, EXPIRES), id="it said no: require decides"),
        pytest.param(order(expiration_time=LATEST), (GROUP, PAUSE), id="as late as may be"),
        pytest.param(order(expiration_time=NOW_S + 1), (GROUP, PAUSE), id="what is earlier stays"),
        pytest.param(
            order(expiration_time=LATEST + 1), (GROUP, PAUSE, EXPIRES._replace(before=LATEST + 1)), id="what is later"
        ),
        pytest.param(order(time_in_force=IOC), (GROUP,), id="what does not rest"),
        pytest.param(order(time_in_force=TimeInForce.FILL_OR_KILL), (GROUP,), id="the same"),
        pytest.param(order(time_in_force=IOC, reduce_only=True), (), id="what the exchange keeps from opening"),
    ],
)
def test_what_opens_is_sent_as_the_policy_says(new, rewrites):
    """Catches: a field of the client's that is overwritten, an expiration that is made later, an order that rests
    longer than stated, and a rewrite that its row does not tell."""
    write, told = inject(CreateOrder(new), OPENS, ALL)
    assert told == rewrites
    assert write == CreateOrder(replace(new, **{one.field: one.after for one in rewrites}))
    assert undone(write, told) == CreateOrder(new)


@pytest.mark.parametrize(
    ("expiration", "rewrites"),
    [
        (None, ()),
        (NOW_S + 1, ()),
        (0, (EXPIRES._replace(before=0),)),
        (LATEST + 9, (EXPIRES._replace(before=LATEST + 9),)),
    ],
)
def test_an_amend_cannot_take_the_end_away(expiration, rewrites):
    """Catches an order that is given an end when it is placed and loses it with an amend: zero clears it (orders.md
    4)."""
    write = amend(expiration_time=expiration)
    sent, told = inject(write, replace(OPENS, reduces=(False,), own_groups=("g-1",)), ALL)
    assert told == rewrites
    assert undone(sent, told) == write


def test_each_order_of_a_batch_by_itself():
    """Catches a rewrite that lands in another leg, and an exit in a batch that is put into a group."""
    batch = CreateBatch((order(), order(expiration_time=NOW_S + 5, cancel_order_on_pause=True)))
    seen = replace(OPENS, reduces=(True, False), own_groups=("g-1", "g-2"))
    write, told = inject(batch, seen, ALL)
    assert told == (Rewrite(1, "order_group_id", None, "g-2"),)
    assert write == CreateBatch((batch.orders[0], replace(batch.orders[1], order_group_id="g-2")))
    assert undone(write, told) == batch


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(replace(OPENS, reduces=(True,)), id="what can only close is sent as it came"),
        pytest.param(OPENS, id="a policy that injects nothing"),
    ],
)
def test_what_is_left_alone(seen):
    """Catches an exit that a tripped group would refuse or that ends before it trades: invariant 6."""
    write = CreateOrder(order())
    the_policy = PLAIN if seen is OPENS else ALL
    assert inject(write, replace(seen, own_groups=() if seen is OPENS else seen.own_groups), the_policy) == (write, ())


def test_a_client_states_what_is_tighter():
    """Catches a client's own `inject` that is read and then holds nothing."""
    mine = policy(
        ("order_groups:\n", "inject: {expiration_within: 1h}\norder_groups:\n"),
        ("    subaccount: 0\n", "    subaccount: 0\n    inject: {expiration_within: 10m}\n"),
    )
    _, told = inject(CreateOrder(order()), replace(OPENS, own_groups=()), mine)
    assert told == (Rewrite(0, "expiration_time", None, NOW_S + 600),)
