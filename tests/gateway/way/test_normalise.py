"""The one rewrite: subaccount and client order id are written in where the client left them out, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import amend, order
from tests.kalshi.writes import CLIENT_ORDER_IDS, WRITES

from pretrade.gateway.way.attempts import meaning
from pretrade.gateway.way.normalise import without_ids, write_out
from pretrade.kalshi.wire import describe
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
    orders_of,
)
from pretrade.model.units import Count
from pretrade.risk.checks.standing_checks import _subaccounts

WITHDRAWAL = Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("quote-1",))


@pytest.mark.parametrize(
    ("write", "expected", "rewrites"),
    [
        (
            CreateOrder(order()),
            CreateOrder(order(subaccount=7, client_order_id="pt-d-1")),
            ("client_order_id", "subaccount"),
        ),
        (
            CreateOrder(order(client_order_id="c-1")),
            CreateOrder(order(client_order_id="c-1", subaccount=7)),
            ("subaccount",),
        ),
        (
            CreateOrder(order(subaccount=3)),
            CreateOrder(order(subaccount=3, client_order_id="pt-d-1")),
            ("client_order_id",),
        ),
        (CreateOrder(order(subaccount=0, client_order_id="c-1")), None, ()),
        (
            CreateBatch((order(client_order_id="c-1"), order(subaccount=0))),
            CreateBatch((order(client_order_id="c-1", subaccount=7), order(subaccount=0, client_order_id="pt-d-1-1"))),
            ("client_order_id", "subaccount"),
        ),
        (amend(), amend(subaccount=7), ("subaccount",)),
        (amend(subaccount=0), None, ()),
        (
            DecreaseOrder("o-1", reduce_by=Count(1)),
            DecreaseOrder("o-1", reduce_by=Count(1), subaccount=7),
            ("subaccount",),
        ),
        (CancelOrder("o-1"), CancelOrder("o-1", subaccount=7), ("subaccount",)),
        (CancelOrder("o-1", subaccount=0), None, ()),
        (
            CancelBatch((CancelOrder("o-1"), CancelOrder("o-2", subaccount=0))),
            CancelBatch((CancelOrder("o-1", subaccount=7), CancelOrder("o-2", subaccount=0))),
            ("subaccount",),
        ),
        (CancelAll(), CancelAll(7), ("subaccount",)),
        (CancelAll(0), None, ()),
        (WITHDRAWAL, None, ()),
    ],
)
def test_what_the_client_left_out_is_written_in(write: Write, expected: Write | None, rewrites: object) -> None:
    """Catches a cancel-all without its number, which the exchange reads as every subaccount; a stated value that is
    overwritten (0 is stated too); and a rewrite that the log does not name. None: nothing changes."""
    assert write_out(write, subaccount=7, decision_id="d-1") == (expected or write, rewrites)


@given(WRITES, st.integers(0, 63))
def test_everything_is_stated_and_what_was_stated_stays(write: Write, subaccount: int) -> None:
    """Catches a kind of write that is sent with a number the exchange would guess, and an id that is no longer the
    client's."""
    stated, rewrites = write_out(write, subaccount=subaccount, decision_id="d-1")
    for (_, named), (_, before) in zip(_subaccounts(stated), _subaccounts(write), strict=True):
        assert named == (subaccount if before is None else before)
    for after, before_order in zip(orders_of(stated), orders_of(write), strict=True):
        assert after.client_order_id == before_order.client_order_id or before_order.client_order_id is None
        assert after.client_order_id
    assert (stated == write) is (rewrites == ())
    assert write_out(stated, subaccount=subaccount, decision_id="d-2") == (stated, ())


@given(WRITES)
def test_the_ids_of_one_batch_differ(write: Write) -> None:
    """Catches two legs under one id: the exchange would refuse the second as a duplicate."""
    stated, _ = write_out(write, subaccount=0, decision_id="d-1")
    ids = [one.client_order_id for one in orders_of(stated)]
    assert len(set(ids)) == len(ids)


@given(WRITES)
def test_an_id_of_ours_can_be_taken_back(write: Write) -> None:
    """Catches an order of a former run that no longer means the same as its copy: the copy would be sent."""
    if any(one.client_order_id is not None and one.client_order_id.startswith("pt-d-1") for one in orders_of(write)):
        return
    stated, _ = write_out(write, subaccount=0, decision_id="d-1")
    back = without_ids(stated, "d-1")
    assert [one.client_order_id for one in orders_of(back)] == [one.client_order_id for one in orders_of(write)]
    assert meaning("bot", 0, back) == meaning("bot", 0, write)


@given(CLIENT_ORDER_IDS)
def test_a_clients_own_id_is_never_taken_away(own_id: str) -> None:
    """Catches an id of the client's, or of another decision, taken for ours: its order would be held to a copy."""
    write = CreateOrder(order(client_order_id=own_id))
    assert without_ids(write, "d-0123456789abcdef") == write
    other = CreateOrder(order(client_order_id="pt-d-2"))
    assert without_ids(other, "d-1") == other


def test_a_rewritten_order_is_still_one_that_can_be_sent() -> None:
    """Catches an id of ours that is longer than the exchange takes, or spelled in a way it does not."""
    stated, _ = write_out(CreateBatch((order(),) * 20), subaccount=0, decision_id="d-0123456789abcdef")
    assert all(len(str(one["client_order_id"])) <= 36 for one in describe(stated)["orders"])  # type: ignore[union-attr, index]
