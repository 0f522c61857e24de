"""Decoding: each field in its one form, each combination documented, or a refusal that says where and why."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kalshi.writes import WRITES

from pretrade.kalshi.endpoints import ENDPOINTS, Found, Handling, find, handling
from pretrade.kalshi.wire import MAX_BATCH, WireError, decode, encode
from pretrade.model.codes import CODES, DenyCode, Step
from pretrade.model.orders import AmendOrder, CancelAll, CancelOrder, CreateBatch, CreateOrder, DecreaseOrder, Withdraw

JSON = "application/json"
ORDERS = "/trade-api/v2/portfolio/events/orders"
ORDER: dict[str, Any] = {
    "ticker": "KXTEST-26DEC31-T1",
    "side": "bid",
    "count": "10.00",
    "price": "0.5600",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
}
AMEND: dict[str, Any] = {"ticker": "KXTEST-26DEC31-T1", "side": "bid", "price": "0.57", "count": "8"}


class _Absent:
    """A key that is left out; its repr is the same in every worker, because test ids are made of it."""

    def __repr__(self) -> str:
        return "absent"


GONE = _Absent()


def at(method: str, path: str) -> Found:
    found = find(method, path)
    assert found is not None
    return found


CREATE = at("POST", ORDERS)
BATCH = at("POST", f"{ORDERS}/batched")
AMEND_AT = at("POST", f"{ORDERS}/abc/amend")
DECREASE_AT = at("POST", f"{ORDERS}/abc/decrease")
CANCEL = at("DELETE", f"{ORDERS}/abc")
CANCEL_BATCH = at("DELETE", f"{ORDERS}/batched")
CANCEL_ALL = at("DELETE", ORDERS)
QUOTE = at("DELETE", "/trade-api/v2/communications/rfqs/r1/quotes/q1")


def with_(base: dict[str, Any], **changes: Any) -> bytes:
    merged = {name: value for name, value in (base | changes).items() if value is not GONE}
    return json.dumps(merged).encode()


def refusal(found: Found, body: bytes = b"", query: str = "", content_type: str | None = JSON) -> WireError:
    with pytest.raises(WireError) as caught:
        decode(found, query, content_type, body)
    return caught.value


MISSING, INVALID, UNKNOWN = DenyCode.FIELD_MISSING, DenyCode.FIELD_INVALID, DenyCode.FIELD_UNKNOWN

CREATE_REFUSALS: list[tuple[dict[str, Any], DenyCode, str]] = [
    *(({name: GONE}, MISSING, f"{name} is missing") for name in ORDER),
    *(({name: None}, INVALID, f"{name}: must be a string, was None") for name in ORDER),
    *(({name: True}, INVALID, f"{name}: must be a string, was True") for name in ORDER),
    *(({name: []}, INVALID, f"{name}: must be a string, was []") for name in ORDER),
    ({"ticker": ""}, INVALID, "ticker: must be a ticker"),
    ({"ticker": "kxtest"}, INVALID, "ticker: must be a ticker"),
    ({"ticker": "-KX"}, INVALID, "ticker: must be a ticker"),
    ({"ticker": "KX TEST"}, INVALID, "ticker: must be a ticker"),
    ({"ticker": "KX/../A"}, INVALID, "ticker: must be a ticker"),
    ({"ticker": "K" * 129}, INVALID, "ticker: must be a ticker"),
    ({"side": "yes"}, INVALID, "side: must be one of bid, ask, was 'yes'"),
    ({"side": "BID"}, INVALID, "side: must be one of bid, ask"),
    ({"side": "bid "}, INVALID, "side: must be one of bid, ask"),
    ({"time_in_force": "GTC"}, INVALID, "time_in_force: must be one of good_till_canceled"),
    ({"time_in_force": "good_till_cancelled"}, INVALID, "time_in_force: must be one of"),
    ({"self_trade_prevention_type": "taker"}, INVALID, "must be one of taker_at_cross, maker"),
    ({"count": 10}, INVALID, "count: must be a string, was 10"),
    ({"count": "0"}, INVALID, "count: a count must be at least 0.01"),
    ({"count": "0.00"}, INVALID, "count: a count must be at least 0.01"),
    ({"count": "-1"}, INVALID, "count: a count must be a plain decimal"),
    ({"count": "1.005"}, INVALID, "count: a count may have at most 2 decimals"),
    ({"count": "1e3"}, INVALID, "plain decimal"),
    ({"count": "9" * 13}, INVALID, "plain decimal"),
    ({"count": "9" * 5000}, INVALID, "count: must be a plain decimal"),
    ({"price": 0.56}, DenyCode.BODY_UNDECODABLE, "'0.56' is not an integer; prices and counts are strings"),
    ({"price": 56}, INVALID, "price: must be a string, was 56"),
    ({"price": "0"}, INVALID, "price must lie between 0 and 1"),
    ({"price": "1"}, INVALID, "price must lie between 0 and 1"),
    ({"price": "1.0000"}, INVALID, "price must lie between 0 and 1"),
    ({"price": "56"}, INVALID, "price must lie between 0 and 1"),
    ({"price": "0.55000001"}, INVALID, "at most 4 decimals"),
    ({"price": ".56"}, INVALID, "plain decimal"),
    ({"price": "0.56 "}, INVALID, "plain decimal"),
    ({"price": "+0.56"}, INVALID, "plain decimal"),
    ({"price": "00.56"}, INVALID, "plain decimal"),
    ({"price": "NaN"}, INVALID, "plain decimal"),
    ({"price": "0,56"}, INVALID, "plain decimal"),
    ({"client_order_id": ""}, INVALID, "client_order_id: must be 1-128"),
    ({"client_order_id": "a b"}, INVALID, "client_order_id: must be 1-128"),
    ({"client_order_id": "=1+1"}, INVALID, "client_order_id: must be 1-128"),
    ({"client_order_id": "<b>"}, INVALID, "client_order_id: must be 1-128"),
    ({"client_order_id": "a" * 129}, INVALID, "client_order_id: must be 1-128"),
    ({"client_order_id": None}, INVALID, "client_order_id: must be a string, was None"),
    ({"client_order_id": 7}, INVALID, "client_order_id: must be a string, was 7"),
    ({"order_group_id": "a/b"}, INVALID, "order_group_id: must be an id"),
    ({"expiration_time": 0}, INVALID, "expiration_time: must be a whole number from 1"),
    ({"expiration_time": -1}, INVALID, "expiration_time: must be a whole number"),
    ({"expiration_time": True}, INVALID, "expiration_time: must be a whole number"),
    ({"expiration_time": "1790000000"}, INVALID, "expiration_time: must be a whole number"),
    ({"expiration_time": 1790000000000}, INVALID, "expiration_time: must be a whole number"),
    ({"expiration_time": None}, INVALID, "expiration_time: must be a whole number"),
    ({"post_only": 1}, INVALID, "post_only: must be true or false, was 1"),
    ({"post_only": "true"}, INVALID, "post_only: must be true or false"),
    ({"post_only": None}, INVALID, "post_only: must be true or false"),
    ({"reduce_only": 0}, INVALID, "reduce_only: must be true or false"),
    ({"cancel_order_on_pause": "false"}, INVALID, "cancel_order_on_pause: must be true or false"),
    ({"subaccount": 64}, INVALID, "subaccount: must be a whole number from 0 to 63, was 64"),
    ({"subaccount": -1}, INVALID, "subaccount: must be a whole number from 0 to 63"),
    ({"subaccount": True}, INVALID, "subaccount: must be a whole number from 0 to 63, was True"),
    ({"subaccount": "0"}, INVALID, "subaccount: must be a whole number from 0 to 63"),
    ({"exchange_index": -2}, INVALID, "exchange_index: must be a whole number from -1 to 100"),
    ({"exchange_index": 101}, INVALID, "exchange_index: must be a whole number from -1 to 100"),
    ({"exchange_index": False}, INVALID, "exchange_index: must be a whole number"),
    (
        {"expiration_time": 1790000000, "time_in_force": "immediate_or_cancel"},
        INVALID,
        "expiration_time: goes only with time_in_force good_till_canceled",
    ),
    (
        {"expiration_time": 1790000000, "time_in_force": "fill_or_kill"},
        INVALID,
        "expiration_time: goes only with time_in_force good_till_canceled",
    ),
    ({"post_only": True, "time_in_force": "immediate_or_cancel"}, INVALID, "post_only: goes only with"),
    ({"post_only": True, "time_in_force": "fill_or_kill"}, INVALID, "post_only: goes only with"),
    ({"reduce_only": True}, INVALID, "reduce_only: goes only with time_in_force immediate_or_cancel"),
    ({"reduce_only": True, "time_in_force": "fill_or_kill"}, INVALID, "reduce_only: goes only with"),
    ({"tickr": "X"}, UNKNOWN, "tickr is not a field of this endpoint; did you mean ticker?"),
    ({"expiration_ts": 1}, UNKNOWN, "did you mean expiration_time?"),
    ({"yes_price": 56}, UNKNOWN, "yes_price is not a field"),
    ({"action": "buy"}, UNKNOWN, "action is not a field"),
    ({"type": "limit"}, UNKNOWN, "type is not a field"),
    ({"buy_max_cost": 500}, UNKNOWN, "buy_max_cost is not a field"),
    ({"leverage": 10}, UNKNOWN, "leverage is not a field"),
    ({"orders": []}, UNKNOWN, "orders is not a field"),
    ({"Price": "0.01"}, DenyCode.BODY_UNDECODABLE, "key 'Price' has other characters"),
]


@pytest.mark.parametrize(("changes", "code", "message"), CREATE_REFUSALS, ids=lambda value: repr(value)[:40])
def test_create_refusals(changes: dict[str, Any], code: DenyCode, message: str) -> None:
    """Catches True read as 1, a number read as a price, an unknown field let through, a null taken for absent."""
    error = refusal(CREATE, with_(ORDER, **changes))
    assert message in str(error)
    assert error.code is code
    if code is not DenyCode.BODY_UNDECODABLE:
        assert error.field in changes
        assert error.leg is None


@pytest.mark.parametrize("body", [b'{"price":"0.56","price":"0.99"}', b'{"price":"0.56","\\u0070rice":"0.99"}'])
def test_a_field_given_twice_is_refused(body: bytes) -> None:
    """Catches the price that we judge and the price that the exchange reads being two."""
    error = refusal(CREATE, body)
    assert error.code is DenyCode.BODY_UNDECODABLE
    assert "'price' stands twice" in str(error)


@pytest.mark.parametrize("digits", ["１", "0.５６", "0٠", "1\u0662"])
def test_digits_of_other_scripts_are_refused(digits: str) -> None:
    """Catches int() and Decimal, which read them."""
    for name in ("count", "price"):
        body = json.dumps(ORDER | {name: digits}, ensure_ascii=False).encode()
        assert refusal(CREATE, body).code is DenyCode.BODY_UNDECODABLE


SPELLINGS = ["{:d}", "{:d}.0", "{:d}.00", "0{:d}", "+{:d}", "-{:d}", " {:d}", "{:d}e0", "{:d}_0", "{:d}.", "{:d},0"]
CENTS = [f"{cents // 100}.{cents % 100:02d}" for cents in range(102)]
PRICE_TEXTS = [
    *(spelling.format(number) for number in range(102) for spelling in SPELLINGS),
    *(text + tail for text in CENTS for tail in ("", "0", "00", "01", "000", "e0", " ", "%")),
]


def exact(text: str, places: int) -> Fraction | None:
    """The oracle: what a text of the documented form is worth, worked out in other arithmetic."""
    whole, dot, fraction = text.partition(".")
    digits = "0123456789"
    if not whole or any(letter not in digits for letter in whole + fraction):
        return None
    if (len(whole) > 1 and whole[0] == "0") or len(fraction) > places or (dot and not fraction):
        return None
    return Fraction(int(whole + fraction), 10 ** len(fraction))


def test_every_price_from_0_to_101_in_every_spelling() -> None:
    """Catches a spelling that is read as another price than it says, or a price outside (0, 1)."""
    read = 0
    for text in PRICE_TEXTS:
        value = exact(text, 4)
        body = with_(ORDER, price=text)
        if value is None or not 0 < value < 1:
            assert refusal(CREATE, body).code is INVALID, text
            continue
        write = decode(CREATE, "", JSON, body)
        assert isinstance(write, CreateOrder)
        assert Fraction(write.order.price, 10_000) == value, text
        read += 1
    assert read == 99 * 4 + 1  # and 0.0001


def test_every_count_from_0_to_101_in_every_spelling() -> None:
    """Catches a count read a hundred times too large or too small."""
    read = 0
    for text in PRICE_TEXTS:
        value = exact(text, 2)
        body = with_(ORDER, count=text)
        if value is None or value == 0:
            assert refusal(CREATE, body).code is INVALID, text
            continue
        write = decode(CREATE, "", JSON, body)
        assert isinstance(write, CreateOrder)
        assert Fraction(write.order.count, 100) == value, text
        read += 1
    assert read == 3 * 101 + 101


@pytest.mark.parametrize(
    ("changes", "post_only", "reduce_only"),
    [
        ({"post_only": False, "time_in_force": "fill_or_kill"}, False, False),
        ({"reduce_only": False}, False, False),
        ({"post_only": True}, True, False),
        ({"reduce_only": True, "time_in_force": "immediate_or_cancel"}, False, True),
    ],
)
def test_flags_that_are_false_go_with_everything(changes: dict[str, Any], post_only: bool, reduce_only: bool) -> None:
    write = decode(CREATE, "", JSON, with_(ORDER, **changes))
    assert isinstance(write, CreateOrder)
    assert (write.order.post_only, write.order.reduce_only) == (post_only, reduce_only)


@pytest.mark.parametrize("client_order_id", ["c1", "550e8400-e29b-41d4-a716-446655440000", "bot:1/2", "_x", "a" * 128])
def test_usual_client_order_ids_pass(client_order_id: str) -> None:
    write = decode(CREATE, "", JSON, with_(ORDER, client_order_id=client_order_id))
    assert isinstance(write, CreateOrder)
    assert write.order.client_order_id == client_order_id


BATCH_REFUSALS: list[tuple[Any, DenyCode, str, int | None]] = [
    (GONE, MISSING, "orders is missing", None),
    (None, INVALID, "orders: must be a list of objects", None),
    ({}, INVALID, "orders: must be a list of objects", None),
    ([], INVALID, "orders: must have 1 to 100 entries, had 0", None),
    ([ORDER] * (MAX_BATCH + 1), INVALID, "orders: must have 1 to 100 entries, had 101", None),
    ([1], INVALID, "orders: must be a list of objects", None),
    ([ORDER, None], INVALID, "orders: must be a list of objects", None),
    ([ORDER, ORDER | {"price": "1.00"}], INVALID, "orders[1].price: a price must lie between", 1),
    ([ORDER, ORDER, {"ticker": "X"}], MISSING, "orders[2].side is missing", 2),
    ([ORDER | {"prise": "0.5"}], UNKNOWN, "orders[0].prise is not a field of this endpoint; did you mean price?", 0),
    ([ORDER | {"reduce_only": True}], INVALID, "orders[0].reduce_only: goes only with", 0),
    (
        [ORDER | {"client_order_id": "a"}, ORDER, ORDER | {"client_order_id": "a"}],
        INVALID,
        "orders[2].client_order_id: repeats that of orders[0]",
        2,
    ),
]


@pytest.mark.parametrize(("orders", "code", "message", "leg"), BATCH_REFUSALS, ids=lambda value: repr(value)[:40])
def test_batch_refusals_name_the_leg(orders: Any, code: DenyCode, message: str, leg: int | None) -> None:
    """Catches one bad leg hiding among good ones."""
    error = refusal(BATCH, with_({}, orders=orders))
    assert message in str(error)
    assert (error.code, error.leg) == (code, leg)


def test_the_largest_batch_fits() -> None:
    """Catches a size limit that would refuse a batch of the documented size."""
    full = ORDER | {"client_order_id": "x" * 36, "subaccount": 63, "order_group_id": "g" * 36, "exchange_index": 100}
    entries = [full | {"client_order_id": f"{number:036d}"} for number in range(MAX_BATCH)]
    write = decode(BATCH, "", JSON, json.dumps({"orders": entries}).encode())
    assert isinstance(write, CreateBatch)
    assert len(write.orders) == MAX_BATCH


AMEND_REFUSALS: list[tuple[dict[str, Any], DenyCode, str]] = [
    *(({name: GONE}, MISSING, f"{name} is missing") for name in AMEND),
    ({"expiration_time": -1}, INVALID, "expiration_time: must be a whole number from 0"),
    ({"expiration_time": None}, INVALID, "expiration_time: must be a whole number"),
    ({"count": "0"}, INVALID, "at least 0.01"),
    ({"updated_client_order_id": ""}, INVALID, "updated_client_order_id: must be 1-128"),
    ({"subaccount": 0}, UNKNOWN, "subaccount is not a field of this endpoint"),
    ({"time_in_force": "good_till_canceled"}, UNKNOWN, "time_in_force is not a field"),
    ({"order_id": "def"}, UNKNOWN, "order_id is not a field"),
]


@pytest.mark.parametrize(("changes", "code", "message"), AMEND_REFUSALS, ids=lambda value: repr(value)[:40])
def test_amend_refusals(changes: dict[str, Any], code: DenyCode, message: str) -> None:
    """Catches an order id or subaccount in the body that contradicts the path or query."""
    error = refusal(AMEND_AT, with_(AMEND, **changes))
    assert message in str(error)
    assert error.code is code


def test_amend_reads_path_query_and_body() -> None:
    write = decode(AMEND_AT, "subaccount=7", JSON, with_(AMEND, expiration_time=0))
    assert isinstance(write, AmendOrder)
    assert (write.order_id, write.subaccount, write.expiration_time, write.price) == ("abc", 7, 0, 5700)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"{}", MISSING, "reduce_by or reduce_to is missing"),
        (b'{"reduce_by":"1","reduce_to":"1"}', INVALID, "reduce_to: only one of reduce_by and reduce_to"),
        (b'{"reduce_by":"0"}', INVALID, "reduce_by: a count must be at least 0.01"),
        (b'{"reduce_by":"-1"}', INVALID, "reduce_by: a count must be a plain decimal"),
        (b'{"reduce_to":"-1"}', INVALID, "reduce_to: a count must be a plain decimal"),
        (b'{"reduce_by":2}', INVALID, "reduce_by: must be a string"),
        (b'{"reduce_to":null}', INVALID, "reduce_to: must be a string, was None"),
        (b'{"reduce_by":"1","subaccount":0}', UNKNOWN, "subaccount is not a field"),
        (b'{"reduce_by":"1","market_ticker":"a"}', INVALID, "market_ticker: must be a ticker"),
    ],
)
def test_decrease_refusals(body: bytes, code: DenyCode, message: str) -> None:
    """Catches a decrease that grows: one of the two counts, never negative."""
    error = refusal(DECREASE_AT, body)
    assert message in str(error)
    assert error.code is code


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("0.00", 0), ("2.5", 250)])
def test_decrease_to_zero_is_a_decrease(text: str, count: int) -> None:
    write = decode(DECREASE_AT, "", JSON, with_({}, reduce_to=text))
    assert isinstance(write, DecreaseOrder)
    assert (write.reduce_by, write.reduce_to) == (None, count)


CANCEL_BODY = json.dumps({"orders": [{"order_id": "a"}]}).encode()
QUERIES: list[tuple[Found, bytes, str, str]] = [
    (CREATE, with_(ORDER), "subaccount=3", "'subaccount' is not allowed here"),
    (CREATE, with_(ORDER), "count=9", "'count' is not allowed here"),
    (CREATE, with_(ORDER), "&", "'' is not allowed here"),
    (CREATE, with_(ORDER), "=", "'' is not allowed here"),
    (BATCH, with_({}, orders=[ORDER]), "subaccount=3", "'subaccount' is not allowed here"),
    (CANCEL_BATCH, CANCEL_BODY, "subaccount=3", "'subaccount' is not allowed here"),
    (AMEND_AT, with_(AMEND), "exchange_index=1", "'exchange_index' is not allowed here; it takes subaccount"),
    (AMEND_AT, with_(AMEND), "subaccount=1&subaccount=2", "subaccount stands there twice"),
    (AMEND_AT, with_(AMEND), "subaccount=1&subaccount=1", "subaccount stands there twice"),
    (DECREASE_AT, b'{"reduce_by":"1"}', "market_ticker=X", "'market_ticker' is not allowed here"),
    (CANCEL, b"", "order_id=x", "'order_id' is not allowed here"),
    (CANCEL, b"", "subacount=1", "did you mean subaccount?"),
    (CANCEL, b"", "subaccount", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=1=2", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=%31", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=+1", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=１", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=1;exchange_index=2", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=1#x", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=1\n", "not of the form subaccount=VALUE"),
    (CANCEL, b"", "subaccount=64", "subaccount must be a whole number from 0 to 63, was 64"),
    (CANCEL, b"", "subaccount=-1", "subaccount must be a whole number from 0 to 63, was -1"),
    (CANCEL, b"", "subaccount=01", "subaccount must be a whole number"),
    (CANCEL, b"", "subaccount=1.0", "subaccount must be a whole number"),
    (CANCEL, b"", "subaccount=" + "1" * 5000, "subaccount must be a whole number"),
    (CANCEL, b"", "exchange_index=101", "exchange_index must be a whole number from -1 to 100"),
    (CANCEL, b"", "exchange_index=-0", "exchange_index must be a whole number"),
    (CANCEL, b"", "market_ticker=kx", "market_ticker must be a ticker"),
    (CANCEL, b"", "Subaccount=1", "'Subaccount' is not allowed here"),
    (CANCEL, b"", "subaccount=1&", "'' is not allowed here"),
    (CANCEL, b"", "?subaccount=1", "'?subaccount' is not allowed here"),
    (CANCEL_ALL, b"", "market_ticker=X", "'market_ticker' is not allowed here"),
    (CANCEL_ALL, b"", "exchange_index=0", "'exchange_index' is not allowed here"),
    (QUOTE, b"", "subaccount=0", "'subaccount' is not allowed here"),
]


@pytest.mark.parametrize(("found", "body", "query", "message"), QUERIES, ids=lambda value: repr(value)[-40:])
def test_query_refusals(found: Found, body: bytes, query: str, message: str) -> None:
    """Catches a meaning that rides in the query, which nobody signed (threat 16)."""
    error = refusal(found, body, query)
    assert message in str(error)
    assert error.code is DenyCode.QUERY_NOT_ALLOWED


def test_cancel_reads_its_query() -> None:
    assert decode(CANCEL, "market_ticker=KX.1&subaccount=0&exchange_index=-1", None, b"") == CancelOrder(
        "abc", exchange_index=-1, market_ticker="KX.1", subaccount=0
    )
    assert decode(CANCEL_ALL, "subaccount=0", None, b"") == CancelAll(0)
    assert decode(CANCEL_ALL, "", None, b"") == CancelAll(None)


@pytest.mark.parametrize("found", [CANCEL, CANCEL_ALL, QUOTE], ids=lambda found: found.endpoint.operation)
def test_exits_take_no_body_or_an_empty_object(found: Found) -> None:
    """Catches a body on an exit that says something, and a client whose DELETEs all carry `{}` being turned away."""
    assert decode(found, "", None, b"") == decode(found, "", JSON, b"{}") == decode(found, "", JSON, b"")
    error = refusal(found, b'{"order_id":"other"}')
    assert (error.code, error.field) == (DenyCode.FIELD_UNKNOWN, "order_id")
    assert refusal(found, b"[]").code is DenyCode.BODY_UNDECODABLE
    assert refusal(found, b"{}", content_type=None).code is DenyCode.CONTENT_TYPE_NOT_JSON
    assert refusal(found, b" ").code is DenyCode.BODY_UNDECODABLE


def test_a_withdrawal_names_what_it_withdraws() -> None:
    write = decode(QUOTE, "", None, b"")
    assert write == Withdraw("/trade-api/v2/communications/rfqs/{rfq_id}/quotes/{quote_id}", ("r1", "q1"))


@pytest.mark.parametrize(
    ("content_type", "passes"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/json;charset=UTF-8", True),
        ('Application/JSON; charset="utf-8"', True),
        (None, False),
        ("", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("application/jsonx", False),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=utf-8; x=1", False),
        ("application/json, text/plain", False),
        ("application/json\n", False),
        (" application/json", False),
    ],
)
def test_content_type(content_type: str | None, passes: bool) -> None:
    """Catches a body that the exchange would parse as something else than JSON in UTF-8."""
    if passes:
        assert decode(CREATE, "", content_type, with_(ORDER)) == decode(CREATE, "", JSON, with_(ORDER))
    else:
        assert refusal(CREATE, with_(ORDER), content_type=content_type).code is DenyCode.CONTENT_TYPE_NOT_JSON


@pytest.mark.parametrize("found", [CREATE, BATCH, AMEND_AT, DECREASE_AT, CANCEL_BATCH])
def test_an_empty_body_where_one_is_needed(found: Found) -> None:
    error = refusal(found)
    assert error.code is DenyCode.BODY_UNDECODABLE
    assert "the body is empty" in str(error)


def test_an_order_id_in_the_path_has_the_form_of_an_id() -> None:
    error = refusal(at("DELETE", f"{ORDERS}/-x"))
    assert (error.code, str(error)[:17]) == (INVALID, "id: must be an id")
    assert refusal(at("DELETE", f"{ORDERS}/" + "a" * 129)).code is INVALID


_DECODED = {Handling.ORDER, Handling.ORDER_GROUP, Handling.WITHDRAW}
WRITABLE = [endpoint for endpoint in ENDPOINTS if handling(endpoint) in _DECODED]
FOUND = [Found(endpoint, ("abc",) * endpoint.template.count("{")) for endpoint in WRITABLE]


def test_every_other_endpoint_is_a_mistake_of_ours() -> None:
    """Catches a V1 or margin write decoded as if it were V2."""
    for endpoint in ENDPOINTS:
        if endpoint not in WRITABLE:
            with pytest.raises(ValueError, match="is not a V2 write"):
                decode(Found(endpoint, ("abc",) * endpoint.template.count("{")), "", JSON, b"{}")


KEYS = st.sampled_from([*ORDER, "orders", "order_id", "reduce_by", "reduce_to", "subaccount", "post_only", "x"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70)
    | st.sampled_from(["", "0.5", "1", "bid", "maker", "KX", "fill_or_kill"])
    | st.text(max_size=5)
)
OBJECTS = st.dictionaries(KEYS, SCALARS | st.lists(st.dictionaries(KEYS, SCALARS, max_size=7), max_size=3), max_size=8)
BODIES = (
    st.binary(max_size=60)
    | OBJECTS.map(lambda document: json.dumps(ORDER | document).encode())
    | OBJECTS.map(lambda document: json.dumps(document).encode())
)
QUERY_TEXTS = st.just("") | st.text("subacount=&1-%;_markt", max_size=20) | st.text(max_size=10)


@given(st.sampled_from(FOUND), QUERY_TEXTS, st.sampled_from([JSON, JSON, JSON, None, "x"]), BODIES)
def test_garbage_gives_a_write_or_a_wire_error(found: Found, query: str, content_type: str | None, body: bytes) -> None:
    """Catches any other exception, and a code that is not one of decoding."""
    try:
        decode(found, query, content_type, body)
    except WireError as error:
        assert CODES[error.code].step is Step.DECODE
        assert str(error)
        assert str(error).isascii()


@given(WRITES, st.data())
def test_one_changed_byte_never_breaks_decoding(write: Any, data: st.DataObject) -> None:
    """Catches an exception of another kind close to good bodies, where random garbage never comes."""
    request = encode(write)
    body = bytearray(request.body or b"{}")
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    found = find(request.method, request.path)
    assert found is not None
    try:
        decode(found, request.query, JSON, bytes(body))
    except WireError as error:
        assert CODES[error.code].step is Step.DECODE


def test_a_batch_cancel_has_no_maximum_but_its_body() -> None:
    """Catches a maximum of ours that traps an exit."""
    found = find("DELETE", "/trade-api/v2/portfolio/events/orders/batched")
    assert found is not None
    body = json.dumps({"orders": [{"order_id": f"order-{number}"} for number in range(3 * MAX_BATCH)]}).encode()
    write = decode(found, "", "application/json", body)
    assert len(write.orders) == 3 * MAX_BATCH
