"""Our own bytes, our own description, and the way back from both."""

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kalshi.writes import WRITES, new_orders

from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import WireError, WireRequest, decode, describe, encode, restore
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Withdraw,
    Write,
    orders_of,
)
from pretrade.model.units import Count, Price

ORDERS = "/trade-api/v2/portfolio/events/orders"
RFQ = "/trade-api/v2/communications/rfqs/{rfq_id}"
ORDER = NewOrder(
    ticker="KXTEST-26DEC31-T1",
    side=Side.ASK,
    count=Count(150),
    price=Price(5600),
    time_in_force=TimeInForce.GOOD_TILL_CANCELED,
    self_trade_prevention_type=SelfTradePrevention.MAKER,
)
FULL = dataclasses.replace(
    ORDER,
    client_order_id="c1",
    expiration_time=1790000000,
    post_only=True,
    cancel_order_on_pause=True,
    subaccount=0,
    order_group_id="og1",
    exchange_index=-1,
)
PLAIN_BODY = (
    b'{"ticker":"KXTEST-26DEC31-T1","side":"ask","count":"1.50","price":"0.5600",'
    b'"time_in_force":"good_till_canceled","self_trade_prevention_type":"maker"}'
)
FULL_BODY = (
    b'{"ticker":"KXTEST-26DEC31-T1","client_order_id":"c1","side":"ask","count":"1.50","price":"0.5600",'
    b'"expiration_time":1790000000,"time_in_force":"good_till_canceled","post_only":true,'
    b'"self_trade_prevention_type":"maker","cancel_order_on_pause":true,"subaccount":0,"order_group_id":"og1",'
    b'"exchange_index":-1}'
)
AMEND = AmendOrder("abc", "KX", Side.BID, Price(1), Count(1), expiration_time=0, subaccount=0)

GOLDEN: list[tuple[Write, WireRequest]] = [
    (CreateOrder(ORDER), WireRequest("POST", ORDERS, "", PLAIN_BODY)),
    (CreateOrder(FULL), WireRequest("POST", ORDERS, "", FULL_BODY)),
    (
        CreateBatch((FULL, ORDER)),
        WireRequest("POST", f"{ORDERS}/batched", "", b'{"orders":[' + FULL_BODY + b"," + PLAIN_BODY + b"]}"),
    ),
    (
        AMEND,
        WireRequest(
            "POST",
            f"{ORDERS}/abc/amend",
            "subaccount=0",
            b'{"ticker":"KX","side":"bid","price":"0.0001","count":"0.01","expiration_time":0}',
        ),
    ),
    (
        DecreaseOrder("abc", reduce_to=Count(0), market_ticker="KX", subaccount=63),
        WireRequest("POST", f"{ORDERS}/abc/decrease", "subaccount=63", b'{"reduce_to":"0.00","market_ticker":"KX"}'),
    ),
    (
        DecreaseOrder("abc", reduce_by=Count(12345), exchange_index=0),
        WireRequest("POST", f"{ORDERS}/abc/decrease", "", b'{"reduce_by":"123.45","exchange_index":0}'),
    ),
    (CancelOrder("abc"), WireRequest("DELETE", f"{ORDERS}/abc", "", b"")),
    (
        CancelOrder("abc", exchange_index=0, market_ticker="KX-1", subaccount=0),
        WireRequest("DELETE", f"{ORDERS}/abc", "subaccount=0&exchange_index=0&market_ticker=KX-1", b""),
    ),
    (
        CancelBatch((CancelOrder("a", subaccount=0), CancelOrder("b", exchange_index=-1, market_ticker="KX"))),
        WireRequest(
            "DELETE",
            f"{ORDERS}/batched",
            "",
            b'{"orders":[{"order_id":"a","subaccount":0},{"order_id":"b","exchange_index":-1,"market_ticker":"KX"}]}',
        ),
    ),
    (CancelAll(0), WireRequest("DELETE", ORDERS, "subaccount=0", b"")),
    (CancelAll(None), WireRequest("DELETE", ORDERS, "", b"")),
    (Withdraw(RFQ, ("r1",)), WireRequest("DELETE", "/trade-api/v2/communications/rfqs/r1", "", b"")),
]


@pytest.mark.parametrize(("write", "request_"), GOLDEN, ids=lambda value: type(value).__name__)
def test_golden_bytes(write: Write, request_: WireRequest) -> None:
    """Catches any change in what goes to the exchange: subaccount 0 left out above all, which means all of them."""
    assert encode(write) == request_


@given(WRITES)
def test_what_goes_out_reads_back_as_what_was_judged(write: Write) -> None:
    """Catches a field that is judged but not sent, or sent but not judged."""
    request = encode(write)
    found = find(request.method, request.path)
    assert found is not None
    assert decode(found, request.query, "application/json" if request.body else None, request.body) == write
    assert encode(write) == request


@given(WRITES)
def test_a_description_restores_to_the_same_write(write: Write) -> None:
    """Catches a journal row that cannot be judged again."""
    description = describe(write)
    stored = json.dumps(description)
    assert restore(json.loads(stored)) == write
    assert json.loads(stored) == description


@given(new_orders())
def test_our_bytes_mean_to_others_what_they_mean_to_us(order: NewOrder) -> None:
    """Catches a serialisation that the standard library reads as another figure."""
    told = json.loads(encode(CreateOrder(order)).body)
    assert Decimal(told["price"]) * 10_000 == order.price
    assert Decimal(told["count"]) * 100 == order.count
    assert told["side"] == order.side.value
    assert told["ticker"] == order.ticker
    for name in ("client_order_id", "subaccount", "order_group_id", "exchange_index", "expiration_time"):
        assert told.get(name) == getattr(order, name)
    for name in ("post_only", "reduce_only"):
        assert told.get(name, False) is getattr(order, name)
    assert told.get("cancel_order_on_pause") is order.cancel_order_on_pause


@given(WRITES)
def test_creates_are_described_order_by_order(write: Write) -> None:
    created = orders_of(write)
    if created:
        described: Any = describe(write)["orders"]
        assert [entry["ticker"] for entry in described] == [order.ticker for order in created]


@pytest.mark.parametrize(
    "write",
    [
        CancelOrder("batched"),
        CancelOrder("Batched"),
        CancelOrder(""),
        CancelOrder(".."),
        CancelOrder("a/b"),
        CancelOrder("a?subaccount=1"),
        CancelOrder("a%2Fb"),
        CancelOrder("a\r\nX: 1"),
        DecreaseOrder("../x", reduce_by=Count(1)),
        dataclasses.replace(AMEND, order_id="a/amend"),
        Withdraw("/trade-api/v2/api_keys/{api_key}", ("k",)),
        Withdraw(f"{ORDERS}", ()),
        Withdraw(RFQ, ()),
        Withdraw(RFQ, ("r1", "r2")),
        Withdraw(RFQ, ("r1/accept",)),
        Withdraw(RFQ.replace("{rfq_id}", "r1"), ()),
    ],
    ids=repr,
)
def test_a_write_that_would_lead_elsewhere_is_not_encoded(write: Write) -> None:
    """Catches an id that turns our own request into one to another endpoint, however it came into the write."""
    with pytest.raises(ValueError):
        encode(write)


def test_text_in_a_query_cannot_add_a_parameter() -> None:
    request = encode(CancelOrder("abc", market_ticker="KX&subaccount=1"))
    assert request.query == "market_ticker=KX%26subaccount%3D1"


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, "type: must be a string"),
        ({"type": "create"}, "type: must be one of create_order, create_batch"),
        ({"type": "create_order"}, "orders is missing"),
        ({"type": "create_order", "orders": []}, "1 to 100 entries"),
        ({"type": "create_order", "orders": [describe(CreateOrder(ORDER))]}, "orders[0].type is not a field"),
        ({"type": "cancel_order"}, "order_id is missing"),
        ({"type": "cancel_all", "subaccount": True}, "subaccount: must be a whole number"),
        ({"type": "cancel_all", "market_ticker": "KX"}, "market_ticker is not a field"),
        ({"type": "withdraw", "template": "/trade-api/v2/api_keys/{api_key}", "names": ["k"]}, "withdraws nothing"),
        ({"type": "withdraw", "template": RFQ, "names": []}, "takes 1 values, was given 0"),
        ({"type": "withdraw", "template": RFQ, "names": "r"}, "names: must be a list"),
        ({"type": "withdraw", "template": RFQ, "names": [1]}, "names: must be a string"),
        ({"type": "decrease_order", "order_id": "a"}, "reduce_by or reduce_to is missing"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_row_that_describe_never_gave_is_not_restored(description: dict[str, Any], message: str) -> None:
    """Catches an edited row that would be replayed as another write."""
    with pytest.raises(WireError) as caught:
        restore(description)
    assert message in str(caught.value)


def test_a_create_of_two_orders_is_not_restored_as_one() -> None:
    description = describe(CreateBatch((ORDER, FULL))) | {"type": "create_order"}
    with pytest.raises(WireError, match="must have one entry"):
        restore(description)


@given(st.dictionaries(st.text(max_size=8) | st.just("type"), st.none() | st.integers() | st.text(max_size=8)))
def test_garbage_rows_give_a_wire_error(description: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        restore({"order_id": "a", "unknown": 1} | description)
