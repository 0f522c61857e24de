"""What the model says about a write: the orders it would create, and whether it can only lower what is at risk."""

import pytest
from hypothesis import given
from tests.builders import amend, order
from tests.kalshi.writes import WRITES

from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
    is_exit,
    orders_of,
)
from pretrade.model.units import Count


@pytest.mark.parametrize(
    ("write", "orders", "exits"),
    [
        (CreateOrder(order()), 1, False),
        (CreateBatch((order(), order("1"), order("2"))), 3, False),
        (amend(), 0, False),
        (DecreaseOrder("order-1", reduce_by=Count(1)), 0, True),
        (CancelOrder("order-1"), 0, True),
        (CancelBatch((CancelOrder("order-1"), CancelOrder("order-2"))), 0, True),
        (CancelAll(0), 0, True),
        (Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("quote-1",)), 0, True),
        (CreateGroup(Count(100)), 0, False),
        (LimitGroup("g", Count(100)), 0, False),
        (ChangeGroup("g", GroupAct.TRIGGER), 0, False),
    ],
)
def test_what_a_write_creates_and_whether_it_is_an_exit(write: Write, orders: int, exits: bool) -> None:
    """Catches an amend taken for an exit (it may cross and fill at once), and a batch that counts as one order."""
    assert len(orders_of(write)) == orders
    assert is_exit(write) is exits


@given(WRITES)
def test_a_write_creates_amends_or_exits(write: Write) -> None:
    """Catches a kind of write that no rule is about: it would pass the limits of orders and of exits alike."""
    is_group = isinstance(write, CreateGroup | LimitGroup | ChangeGroup)
    assert [bool(orders_of(write)), isinstance(write, AmendOrder), is_exit(write), is_group].count(True) == 1
