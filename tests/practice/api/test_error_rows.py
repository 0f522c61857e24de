"""Every row of the exchange's error table that its API can answer with: status, shape and the exact body."""

import json

import pytest
from tests.practice.api.desk import API, ORDERS, Desk, order_body

from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.core.errors import ExchangeError

UNKNOWN = f"{ORDERS}/00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"error": {"code": "not_found", "message": "not found"}}
VALIDATION = "Key: '{0}.{1}' Error:Field validation for '{1}' failed on the '{2}' tag"


def nested(code, details=None, message=None):
    body = {"code": code, "message": message or code.replace("_", " ")}
    return {"error": body | ({"details": details} if details else {})}


def flat(code, details=None):
    return nested(code, details)["error"]


def hybrid(code, details):
    return flat(code, details) | nested(code, details)


def unmarshal(got, field, kind="string"):
    return flat("bad_request", f"json: cannot unmarshal {got} into Go struct field {field} of type {kind}")


def invalid(schema, field, rule):
    return flat("bad_request", VALIDATION.format(schema, field, rule))


def create(**change):
    return ("POST", ORDERS, order_body(**change))


RESTRICTED = "this API key is restricted to a single sub-account and cannot access this endpoint"
CREATE = "CreateOrderV2Request"
ROWS = {
    "a number for a text": (create(count=10), 400, unmarshal("number", f"{CREATE}.count")),
    "a fraction for a text": (create(price=0.5), 400, unmarshal("number", f"{CREATE}.price")),
    "a text for a bool": (create(post_only="true"), 400, unmarshal("string", f"{CREATE}.post_only", "bool")),
    "a fraction for an integer": (
        create(expiration_time=1.5),
        400,
        unmarshal("number 1.5", f"{CREATE}.expiration_time", "int"),
    ),
    "an object for a text": (create(ticker={}), 400, unmarshal("object", f"{CREATE}.ticker")),
    "the first wrong type of the body is told": (
        ("POST", ORDERS, {"price": 1, "count": 2}),
        400,
        unmarshal("number", f"{CREATE}.price"),
    ),
    "no ticker": (create(ticker=...), 400, invalid(CREATE, "Ticker", "required")),
    "null counts as absent": (create(side=None), 400, invalid(CREATE, "Side", "required")),
    "a side of the old family": (create(side="yes"), 400, invalid(CREATE, "Side", "oneof")),
    "no time in force": (create(time_in_force=...), 400, invalid(CREATE, "TimeInForce", "required")),
    "a time in force of another family": (create(time_in_force="GTC"), 400, invalid(CREATE, "TimeInForce", "oneof")),
    "a subaccount that cannot be": (create(subaccount=64), 400, invalid(CREATE, "Subaccount", "lte")),
    "no decimal": (create(price="1e-1"), 400, flat("bad_request", "can't convert '1e-1' to a decimal")),
    "an array for a body": (
        ("POST", ORDERS, [1]),
        400,
        flat("bad_request", f"json: cannot unmarshal array into Go value of type {CREATE}"),
    ),
    "off the grid": (create(price="0.1050"), 400, nested("invalid_price")),
    "a price of 1": (create(price="1.0000"), 400, nested("invalid_price")),
    "a price of 0": (create(price="0"), 400, nested("invalid_price")),
    "a negative price": (create(price="-0.5"), 400, nested("invalid_price")),
    "too fine a price": (create(price="0.50001"), 400, nested("invalid_price")),
    "no count": (create(count="0.00"), 400, nested("invalid_order_size")),
    "too fine a count": (create(count="1.001"), 400, nested("invalid_order_size")),
    "too little money": (create(count="2501"), 400, nested("insufficient_balance")),
    "a post-only order that would trade": (
        create(price="0.7000", post_only=True),
        400,
        nested("invalid_order", "post only cross"),
    ),
    "an expiry in the past": (
        create(expiration_time=1),
        400,
        nested("invalid_order", "Expiration timestamp must be in the future"),
    ),
    "an expiry at once": (
        create(expiration_time=2_000_000_000, time_in_force="immediate_or_cancel"),
        400,
        nested("invalid_order", "expiration_time can only be used with good_till_canceled"),
    ),
    "an unknown ticker": (create(ticker="NONE"), 404, NOT_FOUND),
    "an unopened subaccount": (create(subaccount=9), 404, nested("subaccount_not_found")),
    "another shard": (create(exchange_index=1), 404, NOT_FOUND),
    "an unknown group": (create(order_group_id="g"), 404, nested("order_group_not_found")),
    "a client_order_id again": (create(client_order_id="used"), 409, nested("order_already_exists")),
    "fill or kill without volume": (
        create(time_in_force="fill_or_kill", price="0.7", count="11"),
        409,
        nested("fill_or_kill_insufficient_resting_volume"),
    ),
    "cancel the unknown": (("DELETE", UNKNOWN, None), 404, NOT_FOUND),
    "read the unknown": (("GET", "/portfolio/orders/unknown", None), 404, NOT_FOUND),
    "no such path": (("GET", "/portfolio/nothing", None), 404, NOT_FOUND),
    "no such method": (("PUT", "/portfolio/balance", {}), 404, NOT_FOUND),
    "a request for quotes": (("POST", "/communications/rfqs", {}), 404, NOT_FOUND),
    "V1 create": (("POST", "/portfolio/orders", {}), 410, nested("deprecated_v1_order_endpoint")),
    "V1 batch": (("DELETE", "/portfolio/orders/batched", {"ids": []}), 410, nested("deprecated_v1_order_endpoint")),
    "V1 cancel": (("DELETE", "/portfolio/orders/x", None), 410, nested("deprecated_v1_order_endpoint")),
    "V1 amend": (("POST", "/portfolio/orders/x/amend", {}), 410, nested("deprecated_v1_order_endpoint")),
    "V1 decrease": (("POST", "/portfolio/orders/x/decrease", {}), 410, nested("deprecated_v1_order_endpoint")),
    "an empty batch": (
        ("POST", ORDERS + "/batched", {"orders": []}),
        400,
        invalid("BatchCreateOrdersV2Request", "Orders", "required"),
    ),
    "a batch cancel of the removed kind": (
        ("DELETE", ORDERS + "/batched", {"ids": ["x"]}),
        400,
        invalid("BatchCancelOrdersV2Request", "Orders", "required"),
    ),
    "too long a page": (
        ("GET", "/portfolio/orders?limit=1001", None),
        400,
        {
            "msg": "Parameter validation failed for GetOrders: Key: 'GetOrdersParams.Limit' "
            "Error:Field validation for 'Limit' failed on the 'lte' tag"
        },
    ),
}


def _desk() -> Desk:
    """An ask of the rival's at 0.70 to meet, and a client_order_id that is used."""
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.7000")
    desk.call("DELETE", f"{ORDERS}/{desk.place(client_order_id='used', ticker='B', price='0.01', count='1')}")
    return desk


def _ask(desk, request, **more):
    method, path, body = request
    path, _, query = path.partition("?")
    pairs = dict(part.split("=") for part in query.split("&") if part)
    return desk.call(method, path, body, **pairs, **more)


@pytest.mark.parametrize("row", ROWS)
def test_a_refusal_has_its_status_shape_and_exact_body(row):
    request, status, body = ROWS[row]
    desk = _desk()
    before = len(desk.exchange.orders)
    assert _ask(desk, request) == (status, body)
    assert len(desk.exchange.orders) == before, "a refusal leaves no trace"


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (b"", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"count":NaN}', "invalid character 'N' looking for beginning of value"),
        (b"null", VALIDATION.format(CREATE, "Ticker", "required")),
        (b"{}}", VALIDATION.format(CREATE, "Ticker", "required")),
        (
            b'{"count":"1","COUNT":2}',
            f"json: cannot unmarshal number into Go struct field {CREATE}.count of type string",
        ),
    ],
)
def test_a_body_that_does_not_decode_is_a_flat_400(raw, details):
    assert Desk().call("POST", ORDERS, raw=raw) == (400, flat("bad_request", details))


@pytest.mark.parametrize(("method", "path"), [("POST", ORDERS), ("PUT", "/portfolio/order_groups/x/reset")])
def test_a_body_must_say_that_it_is_json(method, path):
    desk = Desk()
    for headers in ({}, {"Content-Type": "text/plain"}):
        reply = desk.dispatcher.answer_as(desk.keys["full"], HttpRequest(method, API + path, "", headers, b"{}"))
        assert (reply.status, reply.body) == (400, flat("invalid_content_type"))


AMENDS = {
    "another ticker": ({"ticker": "B"}, "order_ticker_mismatch"),
    "another side": ({"side": "ask"}, "order_side_mismatch"),
    "another client_order_id": ({"client_order_id": "other"}, "order_id_and_client_order_id_mismatch"),
    "off the grid": ({"price": "0.4050"}, "invalid_price"),
    "nothing left": ({"count": "0.00"}, "invalid_order_size"),
    "too expensive": ({"count": "9999"}, "insufficient_balance"),
}


@pytest.mark.parametrize("row", AMENDS)
def test_an_amend_that_does_not_fit_is_a_nested_400(row):
    change, code = AMENDS[row]
    desk = Desk()
    order_id = desk.place(client_order_id="mine")
    body = {"ticker": "A", "side": "bid", "price": "0.4000", "count": "10"} | change
    assert desk.call("POST", f"{ORDERS}/{order_id}/amend", body) == (400, nested(code))


def test_what_is_over_and_what_never_was_answer_the_same_bytes():
    """Catches a 404 that tells a cancelled order from an unknown one (orders.md 6)."""
    desk = _desk()
    canceled = desk.place()
    desk.call("DELETE", f"{ORDERS}/{canceled}")
    executed = desk.place(price="0.7000", count="1")
    answers = {
        json.dumps(desk.call("DELETE", path)) for path in (UNKNOWN, f"{ORDERS}/{canceled}", f"{ORDERS}/{executed}")
    }
    assert answers == {json.dumps([404, NOT_FOUND])}


def test_pauses_and_closed_markets():
    desk = _desk()
    resting = desk.place()
    desk.exchange.pause(trading=False, exchange=True)
    assert _ask(desk, create()) == (409, nested("trading_is_paused"))
    assert desk.call("DELETE", f"{ORDERS}/{resting}")[0] == 200
    desk.exchange.pause(trading=True, exchange=False)
    assert _ask(desk, create()) == (409, nested("exchange_is_paused"))
    assert desk.call("DELETE", ORDERS) == (409, nested("exchange_is_paused"))
    desk.exchange.pause(trading=True, exchange=True)
    late = desk.place(price="0.1000")
    desk.clock.advance(2 * 86_400)
    assert _ask(desk, create()) == (400, nested("MARKET_NOT_ACTIVE", message="MARKET_NOT_ACTIVE"))
    assert desk.call("DELETE", f"{ORDERS}/{late}") == (400, nested("MARKET_INACTIVE", message="MARKET_INACTIVE"))


def test_the_bare_429():
    desk = Desk(tier="basic")
    for _ in range(10):
        desk.place(count="1")
    assert _ask(desk, create()) == (429, {"error": "too many requests"})
    batch = {"orders": [order_body()] * 11}
    desk.clock.advance(60)
    assert desk.call("POST", ORDERS + "/batched", batch) == (429, {"error": "too many requests"})
    assert desk.call("POST", ORDERS + "/batched", {"orders": [order_body()] * 10})[0] == 201


@pytest.mark.parametrize(
    ("key", "request_", "needed"),
    [
        ("reader", create(), "write::trade"),
        ("reader", ("DELETE", UNKNOWN, None), "write::trade"),
        ("reader", ("POST", "/portfolio/orders", {}), "write::trade"),
        ("mover", ("GET", "/portfolio/orders", None), "read"),
        ("mover", ("GET", "/portfolio/balance", None), "read::portfolio_balance"),
        ("balance-only", ("GET", "/portfolio/positions", None), "read"),
        ("trade", ("POST", "/portfolio/subaccounts/transfer", {}), "write::transfer"),
        ("trade", ("POST", "/portfolio/intra_exchange_instance_transfer", {}), "write::transfer"),
        ("trade", ("POST", "/api_keys", {}), "write"),
        ("trade", ("DELETE", "/api_keys/full", None), "write"),
        ("trade", ("POST", "/portfolio/subaccounts", {}), "write"),
    ],
)
def test_a_key_without_the_scope_is_told_which_one(key, request_, needed):
    """Catches a scope that is looked at after the body or the order: a 403 whatever else is wrong."""
    assert _ask(Desk(), request_, key=key) == (403, hybrid("insufficient_permissions", f"requires {needed}"))


@pytest.mark.parametrize(
    "request_",
    [
        create(subaccount=0),
        ("GET", "/portfolio/orders?subaccount=0", None),
        ("GET", "/portfolio/positions?subaccount=0", None),
        ("GET", "/portfolio/balance?subaccount=2", None),
        ("DELETE", ORDERS + "?subaccount=0", None),
        ("POST", "/portfolio/order_groups/create", {"subaccount": 0, "contracts_limit": 1}),
        ("POST", ORDERS + "/batched", {"orders": [order_body(), order_body(subaccount=1)]}),
        ("DELETE", ORDERS + "/batched", {"orders": [{"order_id": "x"}, {"order_id": "y", "subaccount": 1}]}),
        ("GET", "/api_keys", None),
        ("POST", "/api_keys", {}),
        ("POST", "/api_keys/generate", {"name": "n"}),
        ("DELETE", "/api_keys/full", None),
        ("POST", "/portfolio/subaccounts", {}),
        ("POST", "/portfolio/subaccounts/transfer", {}),
        ("GET", "/portfolio/subaccounts/transfers", None),
        ("POST", "/portfolio/intra_exchange_instance_transfer", {}),
        ("GET", "/portfolio/intra_exchange_instance_transfers", None),
        ("POST", "/portfolio/target_balance_allocation", {}),
        ("GET", "/portfolio/deposits", None),
        ("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": 0, "enabled": False}),
        ("POST", "/account/api_usage_level/upgrade", {}),
    ],
)
def test_a_bound_key_is_refused_outside_its_subaccount(request_):
    """Catches a batch of which the first entry is carried out before the second is found to be another's."""
    desk = Desk()
    assert _ask(desk, request_, key="sub3") == (403, hybrid("insufficient_permissions", RESTRICTED))
    assert not desk.exchange.orders


def test_one_wrong_entry_rejects_the_whole_batch_cancel():
    """Catches entries that are canceled before a later one is found to name another subaccount."""
    desk = Desk()
    mine = desk.place(key="sub3")
    wrong = {"orders": [{"order_id": mine}, {"order_id": mine, "subaccount": 0}]}
    assert desk.call("DELETE", ORDERS + "/batched", wrong, key="sub3")[0] == 403
    assert desk.get(f"/portfolio/orders/{mine}")["order"]["status"] == "resting"


@pytest.mark.parametrize("path", ["/portfolio/balance", "/portfolio/orders", "/api_keys", "/account/limits"])
def test_a_key_of_a_subtrader_is_refused_everywhere(path):
    details = "this API key is bound to an FCM subtrader and cannot access this endpoint"
    assert Desk().call("GET", path, key="fcm") == (403, hybrid("insufficient_permissions", details))


def test_a_lapsed_region_may_leave_but_not_enter():
    """Catches an attestation that also refuses the cancel of what already rests."""
    desk = Desk()
    now_s = desk.clock.now_us // 1_000_000
    desk.keys.attest_region("main", now_s + 60)
    resting = desk.place(ticker="GAME-1")
    assert desk.get("/api_keys")["api_key_region_expiration_ts"] == now_s + 60
    desk.clock.advance(60)
    details = "the region attestation for API keys has expired; Sports markets cannot be traded"
    refusal = hybrid("region_attestation_expired", details)
    assert _ask(desk, create(ticker="GAME-1")) == (403, refusal)
    amend = {"ticker": "GAME-1", "side": "bid", "price": "0.4100", "count": "10"}
    assert desk.call("POST", f"{ORDERS}/{resting}/amend", amend) == (403, refusal)
    _, batch = desk.call("POST", ORDERS + "/batched", {"orders": [order_body(ticker="GAME-1"), order_body()]})
    assert [row.get("error", {}).get("code") for row in batch["orders"]] == ["region_attestation_expired", None]
    assert desk.call("DELETE", f"{ORDERS}/{resting}")[0] == 200


def test_batches_answer_each_entry_in_flat_errors():
    desk = Desk()
    orders = [order_body(client_order_id=i, **more) for i, more in (("a", {}), ("b", {"price": "0.4050"}), ("a", {}))]
    status, body = desk.call("POST", ORDERS + "/batched", {"orders": orders})
    assert status == 201
    first, second, third = body["orders"]
    assert (first["client_order_id"], first["remaining_count"]) == ("a", "10.00")
    assert second == {"client_order_id": "b", "error": flat("invalid_price")}
    assert third == {"client_order_id": "a", "error": flat("order_already_exists")}
    ids = {"orders": [{"order_id": first["order_id"]}, {"order_id": "unknown"}, {"order_id": first["order_id"]}]}
    status, body = desk.call("DELETE", ORDERS + "/batched", ids)
    assert status == 200
    assert [row["reduced_by"] for row in body["orders"]] == ["10.00", "0.00", "0.00"]
    assert [row.get("error") for row in body["orders"]] == [None, flat("not_found"), flat("not_found")]


def test_a_refusal_can_always_be_printed():
    """Catches a shape without a body: each is told apart by the clients by its keys alone."""
    error = ExchangeError(400, "code", "why")
    assert error.body() == nested("code", "why")
