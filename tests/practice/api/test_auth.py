import pytest
from tests.practice.rawclient import API, ORDERS, Client, order_body, sign, signed_headers
from tests.practice.support import ONE_DOLLAR, rsa_key

BALANCE = API + "/portfolio/balance"
KEY, STAMP, SIGNATURE = "KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"


def _authentication_error(details):
    return {"error": {"code": "authentication_error", "message": "authentication_error", "details": details}}


MISSING = {"error": {"code": "signature_is_missing_from_headers", "message": "signature is missing from headers"}}
EXPIRED = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({KEY: None}, MISSING),
        ({STAMP: None}, MISSING),
        ({SIGNATURE: None}, MISSING),
        ({KEY: "nobody"}, _authentication_error("NOT_FOUND")),
        ({SIGNATURE: "AAAA"}, _authentication_error("INCORRECT_API_KEY_SIGNATURE")),
        ({SIGNATURE: "not base64!"}, _authentication_error("INCORRECT_API_KEY_SIGNATURE")),
        ({STAMP: "yesterday"}, EXPIRED),
        ({STAMP: "1"}, EXPIRED),
    ],
)
async def test_a_bad_signature_is_told_in_the_exchanges_words(practice, change, body):
    headers = signed_headers("GET", BALANCE) | change
    headers = {name: value for name, value in headers.items() if value is not None}
    async with Client(practice) as client:
        assert await client.call("GET", BALANCE, key=None, headers=headers) == (401, body)


@pytest.mark.parametrize(("skew_ms", "status"), [(-9_000, 200), (9_500, 200), (-11_000, 401), (11_500, 401)])
async def test_the_clock_window_is_ten_seconds_both_ways(practice, skew_ms, status):
    headers = signed_headers("GET", BALANCE, skew_ms=skew_ms)
    async with Client(practice) as client:
        assert (await client.call("GET", BALANCE, key=None, headers=headers))[0] == status


@pytest.mark.parametrize("key", ["full", "ed"])
async def test_rsa_and_ed25519_sign_path_without_query(practice, key):
    async with Client(practice) as client:
        assert (await client.call("GET", BALANCE + "?subaccount=0", key=key))[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", BALANCE), ("GET", BALANCE + "x"), ("GET", "/portfolio/balance"), ("GET", BALANCE + "?a=1")],
)
async def test_a_signature_covers_method_and_whole_path(practice, method, path):
    """Catches a verification that leaves a part of the signed text out."""
    stamp = signed_headers("GET", BALANCE)[STAMP]
    wrong = {KEY: "full", STAMP: stamp, SIGNATURE: sign(rsa_key(), stamp + method + path)}
    async with Client(practice) as client:
        got = await client.call("GET", BALANCE, key=None, headers=wrong)
    assert got == (401, _authentication_error("INCORRECT_API_KEY_SIGNATURE"))


ABSENT_ID = ORDERS + "/00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("reader", "GET", BALANCE, 200),
        ("reader", "POST", ORDERS, 403),
        ("reader", "DELETE", ABSENT_ID, 403),
        ("reader", "DELETE", ORDERS, 403),
        ("trade", "DELETE", ABSENT_ID, 404),
        ("full", "DELETE", ABSENT_ID, 404),
        ("mover", "DELETE", ABSENT_ID, 403),
        ("mover", "GET", API + "/portfolio/orders", 403),
        ("balance-only", "GET", BALANCE, 200),
        ("balance-only", "GET", API + "/portfolio/positions", 403),
        ("reader", "GET", API + "/api_keys", 200),
        ("reader", "POST", API + "/portfolio/orders", 403),
        ("trade", "POST", API + "/portfolio/orders", 410),
        ("sub3", "GET", API + "/api_keys", 403),
        ("sub3", "GET", BALANCE, 200),
        ("sub3", "GET", BALANCE + "?subaccount=2", 403),
        ("sub3", "DELETE", ORDERS + "?subaccount=0", 403),
        ("sub3", "DELETE", ORDERS, 204),
    ],
)
async def test_scopes_come_before_everything_the_route_does(practice, key, method, path, status):
    """Catches a scope that is checked after the order lookup: a read-only key must not learn which orders exist."""
    async with Client(practice) as client:
        got, body = await client.call(method, path, order_body() if method == "POST" else None, key=key)
    assert got == status, body
    if got == 403:
        assert body["code"] == body["error"]["code"] == "insufficient_permissions"


async def test_public_reads_need_no_key(practice):
    async with Client(practice) as client:
        for path in ("/markets", "/exchange/status", "/exchange/schedule", "/account/endpoint_costs", "/series"):
            assert (await client.call("GET", API + path, key=None))[0] == 200
        assert (await client.call("GET", API + "/account/limits", key=None))[0] == 401


async def test_a_key_bound_to_a_subaccount_trades_there_without_saying_so(practice):
    practice.exchange.accounts["main"].deposit(3, 0, 100 * ONE_DOLLAR)
    async with Client(practice) as client:
        status, placed = await client.call("POST", ORDERS, order_body(), key="sub3")
        assert status == 201
        assert (await client.call("POST", ORDERS, order_body(subaccount=0), key="sub3"))[0] == 403
        _, listed = await client.call("GET", API + "/portfolio/orders?subaccount=3")
        assert [(o["order_id"], o["subaccount_number"]) for o in listed["orders"]] == [(placed["order_id"], 3)]
        batch = {"orders": [order_body(), order_body(subaccount=1)]}
        assert (await client.call("POST", ORDERS + "/batched", batch, key="sub3"))[0] == 403
        assert len((await client.call("GET", API + "/portfolio/orders"))[1]["orders"]) == 1


async def test_the_key_list_shows_scopes(practice):
    async with Client(practice) as client:
        _, body = await client.call("GET", API + "/api_keys", key="reader")
    scopes = {row["api_key_id"]: (row["scopes"], row.get("subaccount")) for row in body["api_keys"]}
    assert scopes["reader"] == (["read"], None)
    assert scopes["sub3"] == (["read", "write::trade"], 3)
