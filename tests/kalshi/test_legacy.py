"""The removed V1 family: always recognised, translated exactly or not at all, and never an exception."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.endpoints import ENDPOINTS, Found, Handling, find, handling
from pretrade.kalshi.legacy import LegacyWrite, recognise
from pretrade.kalshi.wire import MAX_BATCH
from pretrade.model.orders import (
    AmendOrder,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    TimeInForce,
)

V1 = "/trade-api/v2/portfolio/orders"
V2 = "/trade-api/v2/portfolio/events/orders"
JSON = "application/json"
BASE: dict[str, Any] = {"ticker": "KX-1", "side": "yes", "action": "buy", "count": 10, "yes_price": 56}
REMOVED = "The exchange removed the V1 order endpoints in June 2026."


def at(method: str, path: str, body: Any, query: str = "") -> LegacyWrite:
    found = find(method, path)
    assert found is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return recognise(found, query, JSON, raw)


@pytest.mark.parametrize(
    ("action", "side", "price_field", "expected", "price"),
    [
        ("buy", "yes", {"yes_price": 56}, Side.BID, 5600),
        ("sell", "yes", {"yes_price": 56}, Side.ASK, 5600),
        ("buy", "no", {"no_price": 44}, Side.ASK, 5600),
        ("sell", "no", {"no_price": 44}, Side.BID, 5600),
        ("buy", "no", {"yes_price": 56}, Side.ASK, 5600),
        ("buy", "yes", {"no_price": 44}, Side.BID, 5600),
        ("buy", "no", {"no_price_dollars": "0.4375"}, Side.ASK, 5625),
        ("buy", "yes", {"yes_price_dollars": "0.005"}, Side.BID, 50),
    ],
)
def test_direction_algebra(action: str, side: str, price_field: dict[str, Any], expected: Side, price: int) -> None:
    """Catches a hint that turns a buy into a sell, or a price into its complement (orders.md 10)."""
    body = {name: value for name, value in BASE.items() if name != "yes_price"} | price_field
    write = at("POST", V1, body | {"action": action, "side": side}).write
    assert isinstance(write, CreateOrder)
    assert (write.order.side, write.order.price, write.order.count) == (expected, price, 1000)
    assert write.order.time_in_force is TimeInForce.GOOD_TILL_CANCELED


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"count_fp": "10.00"}, "count", 1000),
        ({"expiration_ts": 1790000000}, "expiration_time", 1790000000),
        ({"time_in_force": "immediate_or_cancel"}, "time_in_force", TimeInForce.IMMEDIATE_OR_CANCEL),
        ({"type": "limit"}, "price", 5600),
        ({"buy_max_cost": 560}, "time_in_force", TimeInForce.FILL_OR_KILL),
        ({"subaccount": 3}, "subaccount", 3),
        ({"post_only": True}, "post_only", True),
    ],
)
def test_fields_that_v2_can_say(changes: dict[str, Any], field: str, value: Any) -> None:
    write = at("POST", V1, BASE | changes).write
    assert isinstance(write, CreateOrder)
    assert getattr(write.order, field) == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "market"}, "V2 has no market orders"),
        ({"sell_position_floor": 0}, "V2 has reduce_only instead"),
        ({"buy_max_cost": 559}, "price x count is above it"),
        ({"buy_max_cost": 560, "action": "sell"}, "goes only with a buy"),
        ({"buy_max_cost": 560, "time_in_force": "good_till_canceled"}, "goes only with a buy that names no"),
        ({"no_price": 44}, "no_price: stands beside yes_price"),
        ({"yes_price_dollars": "0.5600"}, "yes_price_dollars: stands beside yes_price"),
        ({"count_fp": "11.00"}, "count_fp: differs from count"),
        ({"count": 0}, "count: a count must be at least 0.01"),
        ({"count": True}, "count: must be a whole number"),
        ({"count": "10"}, "count: must be a whole number"),
        ({"yes_price": 0}, "yes_price: must be a whole number from 1 to 99"),
        ({"yes_price": 100}, "yes_price: must be a whole number from 1 to 99"),
        ({"side": "bid"}, "side: must be one of yes, no"),
        ({"reduce_only": True}, "reduce_only: goes only with"),
        ({"expiration_ts": 1790000000, "time_in_force": "fill_or_kill"}, "expiration_time: goes only with"),
        ({"time_in_force": ""}, "time_in_force: must be one of"),
        ({"client_order_id": None}, "client_order_id: must be a string"),
        ({"yes_prise": 1}, "did you mean yes_price?"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_v2_cannot_say_is_not_translated(changes: dict[str, Any], message: str) -> None:
    """Catches a near translation that would trade something else."""
    legacy = at("POST", V1, BASE | changes)
    assert legacy.kind == "create_order"
    assert legacy.write is None
    assert message in legacy.hint
    assert legacy.hint.startswith(f"{REMOVED} In V2: POST {V2} with ticker, side")


def test_the_cost_of_a_no_order_is_the_no_price() -> None:
    """Catches a cap on a NO order that is compared with the YES price."""
    body = {"ticker": "KX-1", "side": "no", "action": "buy", "count": 10, "no_price": 10, "buy_max_cost": 100}
    assert at("POST", V1, body).write is not None
    assert at("POST", V1, body | {"buy_max_cost": 99}).write is None


def test_each_kind_of_write() -> None:
    amend = at("POST", f"{V1}/a1/amend", BASE | {"updated_client_order_id": "c2"}, "subaccount=2")
    assert isinstance(amend.write, AmendOrder)
    assert (amend.kind, amend.write.order_id, amend.write.subaccount) == ("amend_order", "a1", 2)
    assert at("POST", f"{V1}/a1/decrease", {"reduce_to": 0}).write == DecreaseOrder("a1", reduce_to=0)  # type: ignore[arg-type]
    assert at("POST", f"{V1}/a1/decrease", {"reduce_by_fp": "0.50"}).write == DecreaseOrder("a1", reduce_by=50)  # type: ignore[arg-type]
    assert at("DELETE", f"{V1}/a1", b"").write == CancelOrder("a1")
    both = CancelBatch((CancelOrder("a"), CancelOrder("b")))
    assert at("DELETE", f"{V1}/batched", {"ids": ["a", "b"]}).write == both
    assert at("DELETE", f"{V1}/batched", {"orders": [{"order_id": "a"}, {"order_id": "b"}]}).write == both
    batch = at("POST", f"{V1}/batched", {"orders": [BASE, BASE | {"action": "sell"}]})
    assert isinstance(batch.write, CreateBatch)
    assert [order.side for order in batch.write.orders] == [Side.BID, Side.ASK]


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("DELETE", f"{V1}/batched", {"ids": ["a"], "orders": []}, "ids: stands beside orders"),
        ("DELETE", f"{V1}/batched", {"ids": []}, "ids: must be a list of 1 to 100 order ids"),
        ("DELETE", f"{V1}/batched", {"ids": [1]}, "ids: must be a string"),
        ("DELETE", f"{V1}/batched", {}, "orders is missing"),
        ("POST", f"{V1}/a1/decrease", {}, "reduce_by or reduce_to is missing"),
        ("POST", f"{V1}/a1/decrease", {"reduce_by": 1, "reduce_to": 1}, "only one of"),
        ("POST", f"{V1}/a1/amend", {}, "ticker is missing"),
        ("POST", f"{V1}/batched", {"orders": [BASE, {}]}, "orders[1].ticker is missing"),
        ("POST", V1, b"\xff", "not UTF-8"),
        ("POST", V1, b"", "the body is empty"),
    ],
)
def test_malformed_requests_get_a_hint(method: str, path: str, body: Any, message: str) -> None:
    legacy = at(method, path, body)
    assert legacy.write is None
    assert message in legacy.hint
    assert V2 in legacy.hint


def test_a_long_batch_gets_the_general_hint() -> None:
    """Catches an answer that grows with the request."""
    legacy = at("POST", f"{V1}/batched", {"orders": [BASE] * MAX_BATCH})
    assert legacy.write is not None
    assert f"POST {V2}/batched with orders, each of" in legacy.hint
    assert len(legacy.hint) < 600


REMOVED_FOUND = [
    Found(endpoint, ("abc",) * endpoint.template.count("{"))
    for endpoint in ENDPOINTS
    if handling(endpoint) is Handling.REMOVED_V1
]
KEYS = st.sampled_from([*BASE, "ids", "orders", "reduce_by", "no_price", "count_fp", "type", "buy_max_cost", "x"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 120) | st.sampled_from(["yes", "buy", "0.5", ""]) | st.text()
OBJECTS = st.dictionaries(KEYS, SCALARS | st.lists(SCALARS | st.dictionaries(KEYS, SCALARS), max_size=3))
GARBAGE = st.binary(max_size=40) | OBJECTS.map(lambda document: json.dumps(BASE | document).encode())


@given(st.sampled_from(REMOVED_FOUND), st.text("subacount=1&%", max_size=15), st.sampled_from([JSON, None]), GARBAGE)
def test_any_v1_bytes_are_recognised(found: Found, query: str, content_type: str | None, body: bytes) -> None:
    """Catches an exception where a denial with a hint was due."""
    legacy = recognise(found, query, content_type, body)
    assert legacy.hint.startswith(REMOVED)
    assert legacy.hint.isascii()


def test_another_endpoint_is_a_mistake_of_ours() -> None:
    found = find("POST", V2)
    assert found is not None
    with pytest.raises(ValueError, match="is not a V1 write"):
        recognise(found, "", JSON, b"{}")
