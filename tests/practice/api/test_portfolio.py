"""Late reads: what they see is exactly what a current read saw that long ago."""

import copy
from contextlib import suppress
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.api.desk import ORDERS, Desk
from tests.practice.support import NOW_US, ONE_DOLLAR

from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.core import lifecycle, transfers
from pretrade.practice.core.errors import ExchangeError

P = "/portfolio"
MS = 1_000


def _lists(desk):
    """Everything that lags, as it is printed, apart from figures of the moment: a position's value and its orders."""
    reads = {
        "orders": desk.get(P + "/orders", limit=1000)["orders"],
        "fills": desk.get(P + "/fills", limit=1000)["fills"],
        "positions": [desk.get(P + "/positions", subaccount=n)["market_positions"] for n in (0, 3)],
        "balance": [desk.get(P + "/balance", subaccount=n) for n in (0, 3)],
        "purses": desk.get(P + "/subaccounts/balances"),
    }
    for row in reads["balance"]:
        del row["portfolio_value"]
    for row in (row for rows in reads["positions"] for row in rows):
        del row["resting_orders_count"]
    reads["order"] = [desk.get(f"{P}/orders/{row['order_id']}")["order"] for row in reads["orders"]]
    return reads


def _act(desk, kind, number):
    """One write of main's or the rival's, chosen by two numbers; refusals are fine."""
    price, resting = f"0.{40 + number % 20}", [o for rows in desk.main.resting.values() for o in rows]
    own = resting[number % len(resting)] if resting else "none"
    subaccount = (0, 3)[number % 2]
    match kind:
        case "bid" | "ask":
            desk.call("POST", ORDERS, _body(kind, price, subaccount))
        case "rival":
            desk.call("POST", ORDERS, _body("ask" if number % 3 else "bid", price, 0), key="rival")
        case "cancel":
            desk.call("DELETE", f"{ORDERS}/{own}", subaccount=subaccount)
        case "decrease":
            desk.call("POST", f"{ORDERS}/{own}/decrease", {"reduce_by": "1"}, subaccount=subaccount)
        case "amend":
            body = {"ticker": "A", "side": "bid", "price": price, "count": "4"}
            desk.call("POST", f"{ORDERS}/{own}/amend", body, subaccount=subaccount)
        case "settle":
            with suppress(ExchangeError):
                lifecycle.determine(desk.exchange, "A", "yes")
                lifecycle.settle(desk.exchange, "A")
        case "move":
            uuid = f"00000000-0000-4000-8000-{len(desk.main.subaccount_transfers):012}"
            body = {"client_transfer_id": uuid, "from_subaccount": 0, "to_subaccount": 3, "amount_cents": number + 1}
            desk.call("POST", P + "/subaccounts/transfer", body)


def _body(side, price, subaccount):
    expiry = 1_800_000_002 if price.endswith("1") else None
    return {
        "ticker": "A",
        "side": side,
        "count": "3.00",
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "maker",
        "subaccount": subaccount,
        "expiration_time": expiry,
    }


ACTS = st.tuples(
    st.sampled_from(["bid", "ask", "rival", "rival", "cancel", "decrease", "amend", "move", "settle"]),
    st.integers(0, 60),
    st.sampled_from([0, 100, 250, 900]),
)


@given(st.lists(ACTS, max_size=6), st.lists(ACTS, min_size=1, max_size=14), st.sampled_from([1, 360, 1000, 2500]))
def test_a_late_read_equals_an_old_current_read_exactly(before, acts, lag_ms):
    """Catches a version that is shared with the living record, a change nobody noted, and a moment off by one."""
    late, current = Desk(), Desk()
    for kind, number, _ in before:
        _act(late, kind, number)
        _act(current, kind, number)
    late.dispatcher.portfolio.lag = ReadLag(*[lag_ms * MS] * 5)
    moments = list(accumulate((pause for *_, pause in acts), initial=NOW_US // MS))[1:]
    was = {}
    for (kind, number, _), moment in zip(acts, moments, strict=True):
        current.clock.now_us = moment * MS
        _act(current, kind, number)
        was[moment] = _lists(current)
    timeline = [(moment, 0, act) for moment, act in zip(moments, acts, strict=True)]
    timeline += [(moment + lag_ms, 1, None) for moment in was]
    for moment, _, act in sorted(timeline, key=lambda entry: entry[:2]):
        late.clock.now_us = moment * MS
        if act is None:
            assert _lists(late) == was[moment - lag_ms]
        else:
            _act(late, *act[:2])


def test_a_read_is_old_until_its_lag_is_over():
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(orders_us=100 * MS, order_us=360 * MS)
    order_id = desk.place()
    desk.clock.now_us += 99 * MS
    assert desk.get(P + "/orders")["orders"] == []
    desk.clock.now_us += 1 * MS
    assert [o["order_id"] for o in desk.get(P + "/orders")["orders"]] == [order_id]
    assert desk.call("GET", f"{P}/orders/{order_id}")[0] == 404, "the list settles before the single order"
    desk.clock.now_us += 260 * MS
    assert desk.get(f"{P}/orders/{order_id}")["order"]["status"] == "resting"
    assert desk.call("DELETE", f"{ORDERS}/{order_id}")[0] == 200, "writes never lag"
    desk.clock.now_us += 359 * MS
    assert desk.get(f"{P}/orders/{order_id}")["order"]["status"] == "resting"
    assert desk.get(P + "/orders")["orders"][0]["status"] == "canceled"


def test_late_fills_make_positions_and_balance_late_but_not_the_order():
    """Catches a position that shows what the fills do not: a client would book the fill twice."""
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.5000")
    desk.dispatcher.portfolio.lag = ReadLag(fills_us=2_000 * MS)
    before = desk.get(P + "/balance")["balance_dollars"]
    order_id = desk.place(price="0.5000", count="4")
    assert desk.get(f"{P}/orders/{order_id}")["order"]["fill_count_fp"] == "4.00"
    assert desk.get(P + "/fills")["fills"] == []
    assert desk.get(P + "/positions")["market_positions"] == []
    assert desk.get(P + "/balance")["balance_dollars"] == before
    desk.clock.now_us += 2_000 * MS
    assert desk.get(P + "/positions")["market_positions"][0]["position_fp"] == "4.00"
    assert len(desk.get(P + "/fills")["fills"]) == 1
    assert desk.get(P + "/balance")["balance_dollars"] != before


def test_money_that_comes_from_outside_is_late_too():
    """Catches a deposit that a late read shows at once or never."""
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(balance_us=500 * MS)
    desk.clock.now_us += 1_000 * MS
    transfers.deposit(desk.exchange, desk.main, 100 * ONE_DOLLAR)
    assert desk.get(P + "/balance")["balance"] == 200_000
    desk.clock.now_us += 499 * MS
    assert desk.get(P + "/balance")["balance"] == 200_000
    desk.clock.now_us += 1 * MS
    assert desk.get(P + "/balance")["balance"] == 210_000


def test_each_of_several_deposits_is_as_late_as_the_others():
    """Catches deposits that nobody reads between: the first was shown with the last."""
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(balance_us=500 * MS)
    for _ in range(3):
        transfers.deposit(desk.exchange, desk.main, 100 * ONE_DOLLAR)
        desk.clock.now_us += 200 * MS
    seen = []
    for _ in range(4):
        seen.append(desk.get(P + "/balance")["balance"])
        desk.clock.now_us += 200 * MS
    assert seen == [210_000, 220_000, 230_000, 230_000]


def test_the_cash_of_an_account_that_comes_while_reads_lag_is_late_but_there():
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(balance_us=500 * MS)
    account = desk.exchange.open_account("new", 7 * ONE_DOLLAR)
    portfolio = desk.dispatcher.portfolio
    assert portfolio.purses(account) == {}
    desk.clock.now_us += 500 * MS
    assert portfolio.purses(account)[0, 0].cash == 7 * ONE_DOLLAR


def test_lag_can_be_switched_off_and_is_told_in_as_of():
    desk = Desk()
    portfolio = desk.dispatcher.portfolio
    portfolio.lag = ReadLag.typical()
    assert portfolio.as_of_us() == desk.clock.now_us - 360 * MS
    desk.place()
    assert desk.get(P + "/orders")["orders"] == []
    portfolio.lag = ReadLag()
    assert len(desk.get(P + "/orders")["orders"]) == 1
    assert not desk.exchange.listeners or portfolio.as_of_us() == desk.clock.now_us
    with pytest.raises(ValueError, match="fills_us must not be negative, was -1"):
        ReadLag(fills_us=-1)


def test_the_history_of_a_busy_order_stays_short():
    """Catches a history that keeps every version for as long as the exchange runs."""
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(orders_us=1_000 * MS)
    order_id = desk.place(count="2000", price="0.0100")
    for _ in range(1_000):
        desk.clock.now_us += 10 * MS
        desk.call("POST", f"{ORDERS}/{order_id}/decrease", {"reduce_by": "1"})
    history = desk.dispatcher.portfolio._history
    assert len(history._orders[order_id].states) <= 102
    assert len(history._purses["main", (0, 0)].states) <= 203


def test_a_position_that_was_closed_before_is_settled_as_late_as_the_others():
    """Catches one that a late read lists as unsettled for as long as reads lag, because nobody was told of it."""
    desk = Desk()
    desk.dispatcher.portfolio.lag = ReadLag(positions_us=1_000_000)
    for side in ("bid", "ask"):
        desk.call("POST", ORDERS, _body("ask" if side == "bid" else "bid", "0.40", 0), key="rival")
        desk.call("POST", ORDERS, _body(side, "0.40", 0))
    lifecycle.determine(desk.exchange, "A", "yes")
    lifecycle.settle(desk.exchange, "A")
    desk.clock.advance(2)
    assert desk.get(P + "/positions")["market_positions"] == []
    [settled] = desk.get(P + "/positions", settlement_status="settled")["market_positions"]
    assert (settled["position_fp"], settled["total_traded_dollars"]) == ("0.00", "3.000000")


def test_what_a_late_read_shows_is_not_the_living_record():
    desk = Desk()
    order_id = desk.place()
    desk.dispatcher.portfolio.lag = ReadLag(orders_us=1, order_us=1)
    shown = copy.deepcopy(desk.get(P + "/orders")["orders"])
    desk.call("DELETE", f"{ORDERS}/{order_id}")
    assert desk.get(P + "/orders")["orders"] == shown
