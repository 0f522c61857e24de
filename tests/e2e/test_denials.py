"""Each kind of denial, as the users of both official SDKs see it. Nothing of a denied write reaches the exchange."""

import json

import pytest
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import CLOSED, order

BATCH = "batch_create_orders_v2"
CREATE = "create_order_v2"

DENIED = {
    "count": (CREATE, order("101.00", "0.0500"), "ORDER_COUNT_EXCEEDS_MAXIMUM", "order count 101.00 is above"),
    "risk": (CREATE, order("60.00", "0.9000"), "ORDER_RISK_EXCEEDS_MAXIMUM", "is above limits.order.max_risk $50"),
    "count of a market": (
        CREATE, order("21.00", ticker="KXHIGHNY-26NOV22-T52"), "ORDER_COUNT_EXCEEDS_MAXIMUM",
        "markets[1].limits.order.max_count 20.00",
    ),
    "price above the band": (CREATE, order(price="0.9900"), "PRICE_OUTSIDE_BAND", "price 0.9900 is outside price.band"),
    "price below the band": (CREATE, order(price="0.0100"), "PRICE_OUTSIDE_BAND", "0.0200 to 0.9800"),
    "price off the grid": (CREATE, order(price="0.0555"), "PRICE_OFF_TICK", "price 0.0555 is off the market's grid"),
    "market": (CREATE, order(ticker=CLOSED), "MARKET_NOT_ALLOWED", f"{CLOSED} is not allowed by markets[2].allow"),
    "unknown market": (CREATE, order(ticker="NOSUCH-1"), "MARKET_NOT_ALLOWED", "market NOSUCH-1 is not allowed"),
    "subaccount": (CREATE, order(subaccount=1), "SUBACCOUNT_NOT_OWNED", "subaccount 1 is not the client's own"),
    "subaccount of a cancel": (
        "cancel_order_v2", {"order_id": "11111111-1111-1111-1111-111111111111", "subaccount": 1},
        "SUBACCOUNT_NOT_OWNED", "subaccount 1 is not the client's own, which is 0",
    ),
    "a bad leg of a batch": (
        BATCH, {"orders": [order(), order("1000.00"), order(price="0.9900")]},
        "ORDER_COUNT_EXCEEDS_MAXIMUM", "orders[1]: order count 1000.00 is above",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DENIED)
def test_a_denied_write_tells_its_user_why_and_stops_here(world, bot, case):
    """Catches: forwarding although the verdict is denied; judging only the first leg of a batch."""
    call, arguments, code, message = DENIED[case]
    with world.exchange_sees(0):
        seen = bot.call(call, **arguments)
    _assert_denied(seen, code, message)
    row = world.about(seen.decision_id, "decision")[0]
    assert (row["verdict"], row["codes"][0], row["door"]) == ("denied", code, bot.door)
    assert world.about(seen.decision_id, "outcome") == []


def test_a_denied_amend_tells_its_user_why_and_stops_here(world, bot):
    """Catches: an amend that is not held to what an order is; an amend of an order that is not there, counted."""
    resting = bot.call(CREATE, **order()).result["order_id"]
    amend = {"ticker": order()["ticker"], "side": "bid", "price": "0.0500", "count": "500.00"}
    nobodys = "11111111-1111-1111-1111-111111111111"
    with world.exchange_sees(0):
        seen = bot.call("amend_order_v2", order_id=resting, **amend)
        unseen = bot.call("amend_order_v2", order_id=nobodys, **amend)
    _assert_denied(seen, "ORDER_COUNT_EXCEEDS_MAXIMUM", "order count 500.00")
    _assert_denied(unseen, "ORDER_NOT_KNOWN", nobodys)
    assert world.about(seen.decision_id, "outcome") == []


def _assert_denied(seen, code, message):
    assert (seen.ok, seen.kind, seen.status, seen.code) == (False, "ForbiddenException", 403, code)
    assert code in seen.text
    assert message in seen.text
    assert seen.decision_id in seen.text
    assert seen.body["error"]["code"] == code
    assert seen.body["hint"]
    assert seen.body["reasons"][0]["code"] == code


def test_every_reason_is_told_at_once(bot):
    seen = bot.call(CREATE, **order("1000.00", "0.9900", ticker=CLOSED, subaccount=2))
    assert [reason["code"] for reason in seen.body["reasons"]] == [
        "SUBACCOUNT_NOT_OWNED",
        "MARKET_NOT_ALLOWED",
        "ORDER_COUNT_EXCEEDS_MAXIMUM",
        "ORDER_RISK_EXCEEDS_MAXIMUM",
        "PRICE_OUTSIDE_BAND",
    ]


@pytest.fixture
def resumed(world):
    yield
    world.operate("resume", by="tests", reason="the test is over")


@pytest.mark.usefixtures("resumed")
@pytest.mark.parametrize(("state", "code"), [("HALTED", "TRADING_HALTED"), ("REDUCING", "TRADING_REDUCING")])
def test_a_stop_denies_orders_and_amends_and_lets_exits_through(world, bot, state, code):
    """Catches: an exit that a stop traps; an amend taken for an exit."""
    first, second = (bot.call(CREATE, **order("5.00")).result["order_id"] for _ in range(2))
    world.operate("halt", state=state, reason="a test")
    amend = {"order_id": first, "ticker": order()["ticker"], "side": "bid", "price": "0.0500", "count": "1.00"}
    with world.exchange_sees(0):
        _assert_denied(bot.call(CREATE, **order()), code, f"Trading is {state}")
        _assert_denied(bot.call("amend_order_v2", **amend), code, f"Trading is {state}")
    with world.exchange_sees(4):
        assert bot.call("decrease_order_v2", order_id=first, reduce_by="1.00").ok
        assert bot.call("cancel_order_v2", order_id=first).ok
        assert bot.call("batch_cancel_orders_v2", orders=[{"order_id": second}]).ok
        assert bot.call("cancel_all_orders", subaccount=0).ok


@pytest.mark.usefixtures("resumed")
def test_reducing_lets_the_exchange_cap_what_reduces(world, bot):
    """Only an immediate-or-cancel order with reduce_only passes: the exchange holds it to the position. The one that is
    denied is larger than what any test before may have left."""
    assert bot.call(CREATE, **order("1.00", "0.9000", time_in_force="immediate_or_cancel")).ok
    world.operate("halt", state="REDUCING", reason="a test")
    closing = order("1.00", "0.0500", side="ask", time_in_force="immediate_or_cancel")
    with world.exchange_sees(1):
        assert bot.call(CREATE, **closing, reduce_only=True).result["fill_count"] == "1.00"
    with world.exchange_sees(0):
        _assert_denied(bot.call(CREATE, **closing | {"count": "50.00"}), "TRADING_REDUCING", "Trading is REDUCING")


BELOW = "ENDPOINT_BELOW_POLICY"
CLOSED_METHODS = {
    "money": ("apply_subaccount_transfer", BELOW),
    "a new subaccount": ("create_subaccount", BELOW),
    "netting": ("update_subaccount_netting", BELOW),
    "a new API key": ("generate_api_key", BELOW),
    "the list of API keys": ("get_api_keys", BELOW),
    "a request for quotes": ("create_rfq", "ENDPOINT_NOT_ALLOWED"),
}
BODIES = {
    "apply_subaccount_transfer": {
        "client_transfer_id": "4dd2f0d6-6a6b-4c5e-9f4c-2a9f9f1b3a11", "from_subaccount": 0, "to_subaccount": 1,
        "amount_cents": 100,
    },
    "update_subaccount_netting": {"subaccount_number": 0, "enabled": True},
    "generate_api_key": {"name": "mine"},
    "create_rfq": {"market_ticker": order()["ticker"], "rest_remainder": False, "contracts": 1},
}  # fmt: skip


@pytest.mark.parametrize("case", CLOSED_METHODS)
def test_what_no_policy_opens_is_refused_by_its_sdk_method(world, bot, case):
    """Catches: a write of the catalogue that is passed on unjudged."""
    call, code = CLOSED_METHODS[case]
    with world.exchange_sees(0):
        seen = bot.call(call, **BODIES.get(call, {}))
    assert (seen.kind, seen.status, seen.code) == ("ForbiddenException", 403, code)
    assert code in seen.text
    assert world.refusal(seen.decision_id)["code"] == code


RAW = {
    "an unknown path": ("POST", f"{API}/portfolio/events/orders/now", {}, 403, "ENDPOINT_UNKNOWN"),
    "an unknown method": ("PATCH", ORDERS, {}, 403, "ENDPOINT_UNKNOWN"),
    "a trick path": ("POST", f"{API}/portfolio/x/../events/orders", {}, 403, "ENDPOINT_UNKNOWN"),
    "a doubled slash": ("POST", f"{API}//portfolio/events/orders", {}, 403, "ENDPOINT_UNKNOWN"),
    "an escaped path": ("POST", f"{API}/portfolio/events%2Forders", {}, 400, "REQUEST_MALFORMED"),
    "money out": ("POST", f"{API}/portfolio/subaccounts/positions/transfer", {}, 403, BELOW),
    "a target balance": ("POST", f"{API}/portfolio/target_balance_allocation", {}, 403, BELOW),
    "a key": ("POST", f"{API}/api_keys", {}, 403, BELOW),
    "a key's end": ("DELETE", f"{API}/api_keys/abc", None, 403, BELOW),
    "an unknown field": ("POST", ORDERS, order(max_cost=5), 400, "FIELD_UNKNOWN"),
    "a missing field": ("POST", ORDERS, order(price=...), 400, "FIELD_MISSING"),
    "a number for a text": ("POST", ORDERS, order(count=1), 400, "FIELD_INVALID"),
    "a float": ("POST", ORDERS, order(price=0.05), 400, "BODY_UNDECODABLE"),
    "an unknown query": ("POST", f"{ORDERS}?fast=1", order(), 400, "QUERY_NOT_ALLOWED"),
    "a list": ("POST", ORDERS, [order()], 400, "BODY_UNDECODABLE"),
}


@pytest.mark.parametrize("door", ["proxy", "base_url"])
@pytest.mark.parametrize("case", RAW)
def test_what_cannot_be_read_or_is_not_known_is_refused(world, case, door):
    """Catches: an unknown write passed on; an unknown field dropped silently instead of refused."""
    method, target, body, status, code = RAW[case]
    with world.exchange_sees(0):
        answer = world.raw().send(method, target, body, door=door)
    assert (answer.status, answer.code) == (status, code)
    assert world.refusal(answer.body["decision_id"])["code"] == code


HALF = json.dumps(order()).encode()
TEXTS = {
    "cut short": HALF[:-1],
    "a key twice": HALF[:-1] + b',"count":"9.00"}',
    "more behind it": HALF + HALF,
    "not UTF-8": HALF.replace(b"KXBTC", b"KX\xffTC"),
    "NaN": HALF.replace(b'"1.00"', b"NaN"),
    "nothing": b"",
    "a comment": b"/* */" + HALF,
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_body_that_is_not_one_plain_object_is_refused(world, case):
    """Catches: a lenient parser, which judges one reading of a body while another is sent."""
    with world.exchange_sees(0):
        answer = world.raw().send("POST", ORDERS, raw=TEXTS[case])
    assert (answer.status, answer.code) == (400, "BODY_UNDECODABLE")


def test_a_body_too_large_is_refused(world):
    with world.exchange_sees(0):
        answer = world.raw().send("POST", ORDERS, order(client_order_id="x" * 70_000))
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")


V1 = {"ticker": order()["ticker"], "action": "buy", "side": "no", "type": "limit", "count": 3, "no_price": 40}


def test_the_removed_order_family_is_refused_with_the_same_order_in_v2(world):
    with world.exchange_sees(0):
        answer = world.raw().send("POST", f"{API}/portfolio/orders", V1)
    assert (answer.status, answer.code) == (403, "ORDER_FAMILY_REMOVED")
    assert "/portfolio/events/orders" in answer.body["hint"]
    assert '"side":"ask"' in answer.body["hint"].replace(" ", "")
    assert '"price":"0.6000"' in answer.body["hint"].replace(" ", "")


@pytest.mark.parametrize(
    "target", ["api.elections.kalshi.com:80", "example.com:443", "127.0.0.1:9443", "kalshi.com:443"]
)
def test_a_tunnel_leads_to_the_exchange_only(world, target):
    """Catches: an open proxy."""
    host, port = target.split(":")
    connection = world.raw().connection("base_url")
    connection.port = world.proxy_port
    connection.request("CONNECT", target, headers={"Host": target})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 403
    body = json.loads(answer)
    assert body["code"] == "DESTINATION_NOT_ALLOWED"
    assert f"{host}:{port}" in body["message"]


def test_role_r_refuses_every_write_and_passes_reads(make_world):
    """Catches: a role that binds orders only, or only in live."""
    world = make_world(("role: W", "role: R"), scopes=("read",))
    bot = world.sync_bot()
    writes = {
        CREATE: order(),
        "cancel_order_v2": {"order_id": "11111111-1111-1111-1111-111111111111"},
        "decrease_order_v2": {"order_id": "11111111-1111-1111-1111-111111111111", "reduce_by": "1.00"},
        "cancel_all_orders": {"subaccount": 0},
        BATCH: {"orders": [order()]},
    }
    with world.exchange_sees(0):
        for call, arguments in writes.items():
            _assert_denied(bot.call(call, **arguments), "ROLE_READ_ONLY", "role R")
    assert bot.call("get_balance").ok
