"""What an account reads of its trading: filters, defaults and pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.api.desk import ORDERS, Desk, order_body

P = "/portfolio"


def _traded_desk() -> Desk:
    """Main: a fill in A (subaccount 0), in B (3) and in C on shard 1 (0), one order resting, one canceled."""
    desk = Desk()
    for ticker in ("A", "B", "C"):
        desk.place(key="rival", ticker=ticker, side="ask", price="0.6000", count="100")
    for more in ({}, {"ticker": "B", "subaccount": 3}, {"ticker": "C"}):
        desk.clock.advance(10)
        desk.place(price="0.7000", count="5", client_order_id=f"t{more}", **more)
    desk.clock.advance(10)
    desk.place(client_order_id="rests")
    desk.call("DELETE", f"{ORDERS}/{desk.place(client_order_id='gone', subaccount=3)}", subaccount=3)
    return desk


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["gone", "rests", "C", "B", "A"]),
        ({"status": "resting"}, ["rests"]),
        ({"status": "canceled"}, ["gone"]),
        ({"status": "executed"}, ["C", "B", "A"]),
        ({"ticker": "A"}, ["gone", "rests", "A"]),
        ({"event_ticker": "F"}, ["C"]),
        ({"event_ticker": "F,E"}, ["gone", "rests", "C", "B", "A"]),
        ({"event_ticker": "E", "ticker": "B"}, ["B"]),
        ({"subaccount": 0}, ["rests", "C", "A"]),
        ({"subaccount": 3}, ["gone", "B"]),
        ({"exchange_index": 1}, ["C"]),
        ({"min_ts": 1_800_000_020, "max_ts": 1_800_000_030}, ["C", "B"]),
        ({"limit": 2}, ["gone", "rests"]),
        ({"ticker": "NONE"}, []),
    ],
)
def test_order_filters(query, found):
    names = {"rests": "rests", "gone": "gone"}
    rows = _traded_desk().get(P + "/orders", **query)["orders"]
    assert [names.get(row["client_order_id"], row["ticker"]) for row in rows] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["C", "B", "A"]),
        ({"ticker": "A,B"}, ["B", "A"]),
        ({"subaccount": 3}, ["B"]),
        ({"subaccount": 0}, ["C", "A"]),
        ({"exchange_index": 0}, ["B", "A"]),
        ({"min_ts": 1_800_000_025}, ["C"]),
        ({"order_id": "unknown"}, []),
    ],
)
def test_fill_filters(query, found):
    rows = _traded_desk().get(P + "/fills", **query)["fills"]
    assert [row["ticker"] for row in rows] == found
    assert [row["exchange_index"] for row in rows] == [1 if t == "C" else 0 for t in found]
    assert not any("client_order_id" in row for row in rows), "fills carry no client_order_id"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["A", "C"]),
        ({"subaccount": 3}, ["B"]),
        ({"exchange_index": 1}, ["C"]),
        ({"event_ticker": "E"}, ["A"]),
        ({"ticker": "C"}, ["C"]),
        ({"settlement_status": "settled"}, []),
        ({"settlement_status": "all"}, ["A", "C"]),
        ({"count_filter": "position"}, ["A", "C"]),
        ({"count_filter": "position,total_traded", "limit": 1}, ["A"]),
    ],
)
def test_position_filters(query, found):
    """Catches positions of all subaccounts where the exchange shows those of subaccount 0 (market_data.md 5)."""
    assert [row["ticker"] for row in _traded_desk().get(P + "/positions", **query)["market_positions"]] == found


def test_a_closed_position_stays_in_the_list_until_it_is_filtered_out():
    desk = _traded_desk()
    desk.place(key="rival", price="0.5000", count="100")
    desk.place(side="ask", price="0.5000", count="5")
    rows = {row["ticker"]: row for row in desk.get(P + "/positions")["market_positions"]}
    assert (rows["A"]["position_fp"], rows["A"]["realized_pnl_dollars"]) == ("0.00", "-0.500000")
    assert [r["ticker"] for r in desk.get(P + "/positions", count_filter="position")["market_positions"]] == ["C"]
    assert len(desk.get(P + "/positions", count_filter="total_traded")["market_positions"]) == 2


def test_an_event_position_adds_up_what_was_ever_traded():
    """The shape of a real answer: cost and shares count the closed pairs too, exposure only what is open."""
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.5100", count="7")
    desk.place(price="0.5100", count="7")
    desk.place(key="rival", price="0.4900", count="7")
    desk.place(side="ask", price="0.4900", count="7")
    [event] = desk.get(P + "/positions")["event_positions"]
    assert event["event_ticker"] == "E"
    assert (event["total_cost_dollars"], event["total_cost_shares_fp"]) == ("7.140000", "14.00")
    assert (event["event_exposure_dollars"], event["realized_pnl_dollars"]) == ("0.000000", "-0.140000")


@pytest.mark.parametrize(
    ("path", "query", "field", "rule"),
    [
        ("/orders", {"status": "open"}, "Status", "oneof"),
        ("/orders", {"status": "pending"}, "Status", "oneof"),
        ("/orders", {"limit": "1001"}, "Limit", "lte"),
        ("/orders", {"limit": "-1"}, "Limit", "gte"),
        ("/orders", {"limit": "ten"}, "Limit", "numeric"),
        ("/orders", {"subaccount": "64"}, "Subaccount", "lte"),
        ("/orders", {"min_ts": "x"}, "MinTs", "numeric"),
        ("/orders", {"event_ticker": ",".join("abcdefghijk")}, "EventTicker", "max"),
        ("/orders/queue_positions", {}, "MarketTickers", "required_without"),
        ("/fills", {"ticker": ",".join("T" for _ in range(101))}, "Ticker", "max"),
        ("/positions", {"settlement_status": "open"}, "SettlementStatus", "oneof"),
        ("/positions", {"count_filter": "fees"}, "CountFilter", "oneof"),
        ("/positions", {"event_ticker": "E,F"}, "EventTicker", "max"),
        ("/deposits", {"limit": "501"}, "Limit", "lte"),
    ],
)
def test_a_parameter_outside_its_rule_is_a_msg_400(path, query, field, rule):
    status, body = Desk().call("GET", P + path, **query)
    assert status == 400
    assert list(body) == ["msg"]
    assert body["msg"].endswith(f"Error:Field validation for '{field}' failed on the '{rule}' tag")


def test_queue_positions_default_to_subaccount_0():
    desk = Desk()
    desk.place(key="rival", count="7")
    mine, other = desk.place(), desk.place(subaccount=3)
    row = {"order_id": mine, "market_ticker": "A", "queue_position_fp": "7.00"}
    assert desk.get(P + "/orders/queue_positions", market_tickers="A,B") == {"queue_positions": [row]}
    assert desk.get(P + "/orders/queue_positions", event_ticker="F") == {"queue_positions": []}
    [third] = desk.get(P + "/orders/queue_positions", event_ticker="E", subaccount=3)["queue_positions"]
    assert (third["order_id"], third["queue_position_fp"]) == (other, "17.00")
    assert desk.get(f"{P}/orders/{other}/queue_position") == {"queue_position_fp": "17.00"}
    desk.call("DELETE", f"{ORDERS}/{mine}")
    assert desk.call("GET", f"{P}/orders/{mine}/queue_position")[0] == 404


@pytest.mark.parametrize("cursor", ["garbage", "!!", "b2Zmc2V0OjU=", "R2V0RmlsbHM6MQ=="])
def test_a_cursor_that_is_not_ours_starts_at_the_first_page(cursor):
    """Catches a fills cursor that is taken as a place among the orders."""
    desk = Desk()
    ids = [desk.place(count="1") for _ in range(3)]
    got = desk.get(P + "/orders", cursor=cursor)
    assert [row["order_id"] for row in got["orders"]] == ids[::-1]
    assert got["cursor"] == ""


@given(st.lists(st.sampled_from(["rests", "cancel", "other", "page"]), max_size=30), st.integers(1, 4))
def test_pages_concatenate_to_the_whole_list_while_orders_arrive(steps, limit):
    """Catches a cursor that counts from the newest: an order that arrives between two pages shows a row twice."""
    desk = Desk()
    for number in range(5):
        desk.place(price=f"0.{number + 1:02}", count="1")
    whole = [row["order_id"] for row in desk.get(P + "/orders", ticker="A", limit=1000)["orders"]]
    paged: list[str] = []
    cursor = None
    for step in [*steps, *["page"] * 9]:
        if step == "page" and cursor != "":
            got = desk.get(P + "/orders", ticker="A", limit=limit, cursor=cursor or "")
            paged += [row["order_id"] for row in got["orders"]]
            cursor = got["cursor"]
        elif step == "cancel" and paged:
            desk.call("DELETE", f"{ORDERS}/{paged[-1]}")
        elif step in {"rests", "other"} and cursor is not None:
            desk.place(price="0.01", count="1", ticker="A" if step == "rests" else "B")
        elif step in {"rests", "other"}:
            desk.place(price="0.01", count="1", ticker="B")
    assert paged == whole


@given(st.integers(1, 3), st.data())
def test_pages_of_positions_stay_whole_while_positions_open_and_close(limit, data):
    """Catches a cursor that counts the rows that passed the filter: closing one between two pages skips another."""
    desk = Desk()
    for ticker in ("A", "B", "C", "GAME-1"):
        desk.place(key="rival", ticker=ticker, side="ask", price="0.5000", count="10")
        desk.place(key="rival", ticker=ticker, side="bid", price="0.4000", count="10")
        desk.place(ticker=ticker, price="0.5000", count="1")
    seen: list[str] = []
    closed: set[str] = set()
    cursor = ""
    while True:
        got = desk.get(P + "/positions", limit=limit, count_filter="position", cursor=cursor)
        seen += [row["ticker"] for row in got["market_positions"]]
        if not (cursor := got["cursor"]):
            break
        ticker = data.draw(st.sampled_from(["A", "B", "C", "GAME-1"]))
        if ticker not in closed:
            closed.add(ticker)
            desk.place(ticker=ticker, side="ask", price="0.4000", count="1")
    assert sorted(set(seen)) == sorted(seen), "no row twice"
    assert set(seen) | closed == {"A", "B", "C", "GAME-1"}, "no row is missed"


def test_an_order_shows_all_that_the_exchange_prints_of_it():
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.3000", count="4")
    _, group = desk.call("POST", "/portfolio/order_groups/create", {"contracts_limit": 100})
    expiry = 1_800_003_600
    more = {"order_group_id": group["order_group_id"], "expiration_time": expiry, "cancel_order_on_pause": True}
    order_id = desk.place(client_order_id="me", **more)
    order = desk.get(f"{P}/orders/{order_id}")["order"]
    assert order == {
        "order_id": order_id,
        "user_id": desk.main.user_id,
        "client_order_id": "me",
        "ticker": "A",
        "type": "limit",
        "status": "resting",
        "fill_count_fp": "4.00",
        "remaining_count_fp": "6.00",
        "initial_count_fp": "10.00",
        "taker_fill_cost_dollars": "1.200000",
        "maker_fill_cost_dollars": "0.000000",
        "taker_fees_dollars": "0.058800",
        "maker_fees_dollars": "0.000000",
        "created_time": "2027-01-15T08:00:00Z",
        "last_update_time": "2027-01-15T08:00:00Z",
        "self_trade_prevention_type": "taker_at_cross",
        "cancel_order_on_pause": True,
        "subaccount_number": 0,
        "exchange_index": 0,
        "order_group_id": group["order_group_id"],
        "expiration_time": "2027-01-15T09:00:00Z",
        "book_side": "bid",
        "outcome_side": "yes",
        "side": "yes",
        "action": "buy",
        "yes_price_dollars": "0.4000",
        "no_price_dollars": "0.6000",
    }
    assert desk.get(P + "/orders")["orders"] == [order]


def test_another_account_sees_nothing_of_it():
    desk = _traded_desk()
    [order, *_] = desk.get(P + "/orders")["orders"]
    assert desk.call("GET", f"{P}/orders/{order['order_id']}", key="rival")[0] == 404
    assert desk.call("DELETE", f"{ORDERS}/{order['order_id']}", key="rival")[0] == 404
    _, fills = desk.call("GET", P + "/fills", key="rival")
    assert {row["is_taker"] for row in fills["fills"]} == {False}


def test_a_bound_key_sees_its_subaccount_alone():
    desk = _traded_desk()
    for path, name in (("/orders", "orders"), ("/fills", "fills"), ("/positions", "market_positions")):
        _, body = desk.call("GET", P + path, key="sub3")
        assert {row["ticker"] for row in body[name]} <= {"B"} | ({"A"} if name == "orders" else set())
    _, placed = desk.call("POST", ORDERS, order_body(), key="sub3")
    assert desk.get(f"{P}/orders/{placed['order_id']}")["order"]["subaccount_number"] == 3
    [elsewhere] = desk.get(P + "/orders", subaccount=0, status="resting")["orders"]
    assert desk.call("GET", f"{P}/orders/{elsewhere['order_id']}", key="sub3")[0] == 404
    assert desk.call("DELETE", f"{ORDERS}/{elsewhere['order_id']}", key="sub3")[0] == 404


def test_an_expiry_that_no_answer_could_print_is_refused():
    """Catches one order after which no list of orders is answered any more: year 10000 breaks RFC 3339."""
    desk, last = Desk(), 253_402_300_799
    order_id = desk.place(expiration_time=last)
    assert desk.get(f"{P}/orders/{order_id}")["order"]["expiration_time"] == "9999-12-31T23:59:59Z"
    for much in (last + 1, 10**12, 2**63 - 1):
        status, body = desk.call("POST", ORDERS, order_body(expiration_time=much))
        assert (status, body["error"]["code"]) == (400, "invalid_order")
        change = {"ticker": "A", "side": "bid", "price": "0.40", "count": "10", "expiration_time": much}
        status, body = desk.call("POST", f"{ORDERS}/{order_id}/amend", change)
        assert (status, body["error"]["code"]) == (400, "invalid_order")
    assert len(desk.get(P + "/orders")["orders"]) == 1
