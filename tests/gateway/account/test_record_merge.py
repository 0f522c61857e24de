"""Rows that came twice: the later state of an order, and twins that must be equal."""

from dataclasses import replace
from itertools import permutations

import pytest
from tests.kalshi.drop_copy_rows import ORDER

from pretrade.gateway.account.record_merge import DisagreementError, add_orders, agreed, later_of
from pretrade.kalshi.answer_fields import Fields
from pretrade.kalshi.drop_copy import read_order
from pretrade.model.drop_copy import OrderStatus
from pretrade.model.orders import Side

ONE = read_order(Fields(ORDER))
AT = ONE.updated_ms
ENDED = {"status": OrderStatus.CANCELED, "remaining": 0}


@pytest.mark.parametrize(
    "later",
    [
        replace(ONE, filled=300, remaining=700, updated_ms=AT + 1),
        replace(ONE, filled=300, remaining=700),
        replace(ONE, **ENDED),
        replace(ONE, **ENDED, updated_ms=AT + 5),
        replace(ONE, price=5_700, remaining=2_000, updated_ms=AT + 1),
        replace(ONE, remaining=100, updated_ms=AT + 1),
        replace(ONE, filled=1_000, remaining=0, status=OrderStatus.EXECUTED, updated_ms=AT + 1),
        replace(ONE, client_order_id="amended", updated_ms=AT + 1),
        ONE,
    ],
)
def test_the_later_state_counts_whichever_was_read_first(later):
    """Catches the row that was read last taken for the later: a late single read would bring an order back."""
    assert later_of(ONE, later) == later_of(later, ONE) == later
    unmoved = replace(ONE, updated_ms=None)
    assert later_of(unmoved, replace(later, updated_ms=AT)) == replace(later, updated_ms=AT)


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, filled=200, updated_ms=AT + 1),
        replace(ONE, **ENDED, updated_ms=AT - 1),
        replace(ONE, remaining=600),
        replace(ONE, price=5_700),
        replace(ONE, subaccount=0, updated_ms=AT + 1),
        replace(ONE, ticker="OTHER", updated_ms=AT + 1),
        replace(ONE, side=Side.BID, updated_ms=AT + 1),
        replace(ONE, created_ms=ONE.created_ms + 1, updated_ms=AT + 1),
        replace(ONE, fees=ONE.fees + 1),
    ],
)
def test_states_that_cannot_follow_each_other_are_refused(other):
    """Catches a fill that disappears, an ended order that rests again, an order that changes hands."""
    for pair in permutations((ONE, other)):
        with pytest.raises(DisagreementError, match="the order o-1 came twice"):
            later_of(*pair)


def test_orders_are_taken_in_one_by_one():
    found = {}
    other = replace(ONE, order_id="o-2")
    later = replace(ONE, **ENDED, updated_ms=AT + 5)
    add_orders(found, [ONE, other])
    add_orders(found, [later, ONE])
    assert found == {"o-1": later, "o-2": other}


def test_twins_are_equal_or_refused():
    assert agreed([("a", 1), ("b", 2), ("a", 1)], lambda row: row[0], "the row") == (("a", 1), ("b", 2))
    with pytest.raises(DisagreementError, match="the row a came twice"):
        agreed([("a", 1), ("a", 2)], lambda row: row[0], "the row")
