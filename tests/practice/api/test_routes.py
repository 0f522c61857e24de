import pytest
from tests.practice.rawclient import API, ORDERS, Client, order_body
from tests.practice.support import BTC, ONE_DOLLAR

from pretrade.practice.core.transfers import open_subaccount

NOT_FOUND = (404, {"error": {"code": "not_found", "message": "not found"}})


def flat(details):
    return (400, {"code": "bad_request", "message": "bad request", "details": details})


def nested(status, code, details=None):
    error = {"code": code, "message": code.replace("_", " ")}
    return (status, {"error": error | ({"details": details} if details else {})})


def unmarshal(what, field, kind):
    return flat(f"json: cannot unmarshal {what} into Go struct field CreateOrderV2Request.{field} of type {kind}")


def rule(field, tag):
    key = f"CreateOrderV2Request.{field}"
    return flat(f"Key: '{key}' Error:Field validation for '{field}' failed on the '{tag}' tag")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"count": 10}, unmarshal("number", "count", "string")),
        ({"price": 0.5}, unmarshal("number", "price", "string")),
        ({"ticker": ["T"]}, unmarshal("array", "ticker", "string")),
        ({"side": {}}, unmarshal("object", "side", "string")),
        ({"post_only": "true"}, unmarshal("string", "post_only", "bool")),
        ({"expiration_time": "1"}, unmarshal("string", "expiration_time", "int")),
        ({"expiration_time": 1.5}, unmarshal("number 1.5", "expiration_time", "int")),
        ({"subaccount": True}, unmarshal("bool", "subaccount", "int")),
        ({"ticker": ...}, rule("Ticker", "required")),
        ({"ticker": ""}, rule("Ticker", "required")),
        ({"time_in_force": None}, rule("TimeInForce", "required")),
        ({"side": "yes"}, rule("Side", "oneof")),
        ({"self_trade_prevention_type": "none"}, rule("SelfTradePreventionType", "oneof")),
        ({"subaccount": 64}, rule("Subaccount", "lte")),
        ({"subaccount": -1}, rule("Subaccount", "gte")),
        ({"count": "ten"}, flat("can't convert 'ten' to a decimal")),
        ({"count": "1.001"}, nested(400, "invalid_order_size")),
        ({"count": "0.00"}, nested(400, "invalid_order_size")),
        ({"count": "-1"}, nested(400, "invalid_order_size")),
        ({"price": "0.12345"}, nested(400, "invalid_price")),
        ({"price": "0.105"}, nested(400, "invalid_price")),
        ({"price": "1"}, nested(400, "invalid_price")),
        ({"count": "999999"}, nested(400, "insufficient_balance")),
        ({"price": "0.99", "post_only": True}, nested(400, "invalid_order", "post only cross")),
        ({"ticker": "KXNONE"}, NOT_FOUND),
    ],
)
async def test_a_refused_create_answers_exactly_like_the_exchange(practice, change, answer):
    async with Client(practice) as client:
        assert await client.create(**change) == answer
        assert (await client.call("GET", API + "/portfolio/orders"))[1] == {"orders": [], "cursor": ""}


@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (b"{}", {"Content-Type": "text/plain"}, "invalid_content_type"),
        (b"", {}, "bad_request"),
        (b"{", {}, "bad_request"),
        (b"[]", {}, "bad_request"),
        (b"\xff\xfe{}", {}, "bad_request"),
        (b'{"a":' * 5_000, {}, "bad_request"),
    ],
)
async def test_a_body_that_is_no_json_object_is_a_flat_400(practice, raw, headers, code):
    async with Client(practice) as client:
        status, body = await client.call("POST", ORDERS, raw=raw, headers=headers)
    assert (status, body["code"]) == (400, code)


async def test_counts_and_prices_are_read_as_numbers_and_printed_in_one_form(practice):
    async with Client(practice) as client:
        for count, price in (("10", "0.10"), ("10.0", "0.100"), ("10.00", "0.1000"), ("2.5", "0.1")):
            status, placed = await client.create(count=count, price=price)
            assert status == 201
            _, body = await client.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")
            assert body["order"]["yes_price_dollars"] == "0.1000"
            assert body["order"]["no_price_dollars"] == "0.9000"
            assert body["order"]["remaining_count_fp"] == ("2.50" if count == "2.5" else "10.00")


async def test_the_answer_to_a_create_has_exactly_the_wires_fields(practice):
    async with Client(practice) as client:
        _, resting = await client.create(client_order_id="c1")
        assert {**resting, "order_id": "", "ts_ms": 0} == {
            "client_order_id": "c1", "fill_count": "0.00", "order_id": "", "remaining_count": "10.00", "ts_ms": 0,
        }  # fmt: skip
        _, filled = await client.create(price="0.9900", count="1", time_in_force="immediate_or_cancel")
        assert {**filled, "order_id": "", "ts_ms": 0} == {
            "average_fee_paid": "0.0173", "average_fill_price": "0.5600", "fill_count": "1.00", "order_id": "",
            "remaining_count": "0.00", "ts_ms": 0,
        }  # fmt: skip


async def test_a_repeated_client_order_id_is_a_409(practice):
    async with Client(practice) as client:
        assert (await client.create(client_order_id="once"))[0] == 201
        assert await client.create(client_order_id="once", price="0.2000") == nested(409, "order_already_exists")


async def test_a_batch_is_a_201_with_each_entrys_own_error(practice):
    bad_price, twin = order_body(price="0.105", client_order_id="p"), order_body(client_order_id="twin")
    async with Client(practice) as client:
        batch = {"orders": [order_body(), bad_price, order_body(price="0.12345"), twin, twin]}
        status, body = await client.call("POST", ORDERS + "/batched", batch)
        assert status == 201
        codes = [entry.get("error", {}).get("code") for entry in body["orders"]]
        assert codes == [None, "invalid_price", "invalid_price", None, "order_already_exists"]
        assert body["orders"][1] == {
            "client_order_id": "p", "error": {"code": "invalid_price", "message": "invalid price"},
        }  # fmt: skip
        wrong_type = {"orders": [order_body(), order_body(count=1)]}
        assert await client.call("POST", ORDERS + "/batched", wrong_type) == unmarshal("number", "count", "string")
        assert (await client.call("POST", ORDERS + "/batched", {"orders": []}))[0] == 400
        assert len((await client.call("GET", API + "/portfolio/orders"))[1]["orders"]) == 2


async def test_amend_decrease_cancel_and_their_404s(practice):
    async with Client(practice) as client:
        _, placed = await client.create(client_order_id="c1")
        path = f"{ORDERS}/{placed['order_id']}"
        change = {"ticker": BTC, "side": "bid", "price": "0.1100", "count": "8"}
        status, body = await client.call("POST", path + "/amend", change)
        assert (status, body["remaining_count"], body["fill_count"]) == (200, "8.00", "0.00")
        status, body = await client.call("POST", path + "/decrease", {"reduce_by": "2"})
        assert (status, body["remaining_count"], body["client_order_id"]) == (200, "6.00", "c1")
        for wrong in ({}, {"reduce_by": "1", "reduce_to": "1"}):
            assert (await client.call("POST", path + "/decrease", wrong))[0] == 400
        mismatch = change | {"side": "ask"}
        assert await client.call("POST", path + "/amend", mismatch) == nested(400, "order_side_mismatch")
        status, body = await client.call("DELETE", path, {})  # one client sends a body with every DELETE
        assert (status, body["reduced_by"]) == (200, "6.00")
        assert await client.call("DELETE", path) == NOT_FOUND
        assert await client.call("POST", path + "/amend", change) == NOT_FOUND
        assert await client.call("POST", path + "/decrease", {"reduce_by": "1"}) == NOT_FOUND


async def test_batch_cancel_tells_entry_by_entry(practice):
    async with Client(practice) as client:
        _, placed = await client.create()
        batch = {"orders": [{"order_id": placed["order_id"]}, {"order_id": "unknown"}]}
        status, body = await client.call("DELETE", ORDERS + "/batched", batch)
        assert status == 200
        assert [(e["reduced_by"], e.get("error", {}).get("code")) for e in body["orders"]] == [
            ("10.00", None), ("0.00", "not_found"),
        ]  # fmt: skip


async def test_cancel_all_is_204_and_takes_the_named_subaccount(practice):
    async with Client(practice) as client:
        for number in (0, 5):
            await client.create(subaccount=number)
        assert await client.call("DELETE", ORDERS + "?subaccount=5") == (204, None)
        _, body = await client.call("GET", API + "/portfolio/orders?status=resting")
        assert [order["subaccount_number"] for order in body["orders"]] == [0]
        assert await client.call("DELETE", ORDERS) == (204, None)
        assert (await client.call("GET", API + "/portfolio/orders?status=resting"))[1]["orders"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""), ("POST", "/batched"), ("DELETE", "/batched"), ("DELETE", "/abc"),
        ("POST", "/abc/amend"), ("POST", "/abc/decrease"),
    ],
)  # fmt: skip
async def test_the_v1_family_is_gone(practice, method, path):
    async with Client(practice) as client:
        got = await client.call(method, f"{API}/portfolio/orders{path}", {})
    assert got == nested(410, "deprecated_v1_order_endpoint")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", API), ("PUT", ORDERS), ("GET", API + "/nothing"), ("POST", API + "/markets"),
     ("GET", API + "/markets/NONE"), ("GET", API + "/events/NONE"), ("GET", API + "/series/NONE"),
     ("GET", API + "/markets/NONE/orderbook"), ("GET", API + "/portfolio/orders/none"), ("GET", ORDERS + "/"),
     ("POST", API + "/portfolio/events/orders%2Fbatched")],
)  # fmt: skip
async def test_what_is_not_there_is_a_404(practice, method, path):
    async with Client(practice) as client:
        assert await client.call(method, path) == NOT_FOUND


@pytest.mark.parametrize(
    ("path", "parameter", "tag"),
    [
        ("/markets?limit=1001", "GetMarketsParams.Limit", "lte"),
        ("/markets?limit=-1", "GetMarketsParams.Limit", "gte"),
        ("/markets?limit=x", "GetMarketsParams.Limit", "numeric"),
        ("/markets?status=active", "GetMarketsParams.Status", "oneof"),
        (f"/markets/{BTC}/orderbook?depth=101", "GetMarketOrderbookParams.Depth", "lte"),
        ("/portfolio/orders?status=open", "GetOrdersParams.Status", "oneof"),
        ("/portfolio/positions?subaccount=64", "GetPositionsParams.Subaccount", "lte"),
        ("/markets/orderbooks", "GetMarketOrderbooksParams.Tickers", "required"),
    ],
)
async def test_a_bad_query_parameter_is_a_msg(practice, path, parameter, tag):
    operation, _, field = parameter.partition("Params.")
    text = (
        f"Parameter validation failed for {operation}: Key: '{parameter}' "
        f"Error:Field validation for '{field}' failed on the '{tag}' tag"
    )
    async with Client(practice) as client:
        assert await client.call("GET", API + path) == (400, {"msg": text})


async def test_pages_follow_each_other_to_an_empty_cursor(practice):
    async with Client(practice) as client:
        seen, cursor = [], ""
        while True:
            _, body = await client.call("GET", f"{API}/markets?limit=3&cursor={cursor}")
            seen += [market["ticker"] for market in body["markets"]]
            cursor = body["cursor"]
            if not cursor:
                break
        assert (len(seen), len(set(seen))) == (7, 7)
        _, body = await client.call("GET", f"{API}/markets?limit=3&cursor=garbage")
        assert [market["ticker"] for market in body["markets"]] == seen[:3]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 7), ("?event_ticker=KXBTC-26DEC31", 3), ("?series_ticker=KXHIGHNY", 2), ("?status=open", 7),
        ("?status=closed", 0), (f"?tickers={BTC},KXFED-26DEC-T4.25", 2),
        (f"?tickers={BTC}&event_ticker=KXFED-26DEC", 0),
    ],
)  # fmt: skip
async def test_market_filters(practice, query, count):
    async with Client(practice) as client:
        assert len((await client.call("GET", f"{API}/markets{query}"))[1]["markets"]) == count


async def test_the_book_shows_bids_only_with_the_best_last(practice):
    async with Client(practice) as client:
        _, market = await client.call("GET", f"{API}/markets/{BTC}")
        _, body = await client.call("GET", f"{API}/markets/{BTC}/orderbook?depth=2")
        book = body["orderbook_fp"]
        assert [price for price, _ in book["yes_dollars"]] == ["0.5300", "0.5400"]
        assert [price for price, _ in book["no_dollars"]] == ["0.4300", "0.4400"]
        assert (market["market"]["yes_bid_dollars"], market["market"]["yes_ask_dollars"]) == ("0.5400", "0.5600")
        assert book["yes_dollars"][-1][1] == market["market"]["yes_bid_size_fp"]
        _, several = await client.call("GET", f"{API}/markets/orderbooks?tickers={BTC}&tickers=KXFED-26DEC-T4.25")
        assert [len(b["orderbook_fp"]["yes_dollars"]) for b in several["orderbooks"]] == [5, 5]


async def test_positions_default_to_subaccount_0_and_orders_to_all(practice):
    open_subaccount(practice.exchange, practice.exchange.accounts["main"], 4)
    practice.exchange.accounts["main"].deposit(4, 0, 100 * ONE_DOLLAR)
    async with Client(practice) as client:
        for number in (0, 4):
            await client.create(price="0.6000", count="5", subaccount=number, time_in_force="immediate_or_cancel")
        for query, count in (("", 1), ("?subaccount=4", 1), ("?subaccount=9", 0)):
            _, body = await client.call("GET", f"{API}/portfolio/positions{query}")
            assert [p["position_fp"] for p in body["market_positions"]] == ["5.00"] * count
        assert len((await client.call("GET", f"{API}/portfolio/orders"))[1]["orders"]) == 2
        assert len((await client.call("GET", f"{API}/portfolio/fills?subaccount=4"))[1]["fills"]) == 1


async def test_the_balance_leaves_out_what_resting_orders_hold(practice):
    async with Client(practice) as client:
        await client.create()
        _, body = await client.call("GET", f"{API}/portfolio/balance")
        assert (body["balance"], body["balance_dollars"]) == (999_900, "9999.0000")
        assert "balance_breakdown" not in (await client.call("GET", f"{API}/portfolio/balance", key="sub3"))[1]
