"""Balances, subaccounts, transfers, allocation, deposits, groups and the usage tier, all in process."""

import re
import uuid

import pytest
from tests.practice.api.desk import ORDERS, Desk
from tests.practice.support import ONE_DOLLAR

from pretrade.practice.api.dispatch import ROUTES
from pretrade.practice.core import lifecycle, transfers

P = "/portfolio"
BALANCES = P + "/subaccounts/balances"
TRANSFER = P + "/subaccounts/transfer"
INSTANCE = P + "/intra_exchange_instance_transfer"
GROUPS = P + "/order_groups"


def _move(desk, **change):
    body = {"client_transfer_id": str(uuid.uuid4()), "from_subaccount": 0, "to_subaccount": 3, "amount_cents": 12_345}
    return desk.call("POST", TRANSFER, body | change)


def _shift(desk, **change):
    body = {"source": "event_contract", "destination": "event_contract", "amount": 1_000_000}
    return desk.call("POST", INSTANCE, body | {"destination_exchange_shard": 1} | change)


def _balances(desk):
    rows = desk.get(BALANCES)["subaccount_balances"]
    return {(r["subaccount_number"], r["exchange_index"]): r["balance"] for r in rows}


def test_the_balance_cuts_cents_and_leaves_out_what_orders_hold():
    """Catches a balance that is rounded, or one in which resting orders can be spent twice."""
    desk = Desk()
    desk.main.deposit(0, 0, 6_700, desk.clock.now_us)
    desk.place(price="0.3300", count="10")
    body = desk.get(P + "/balance")
    held = desk.main.purse(0, 0).held
    assert 3_300_000 <= held <= 3_310_000
    assert (body["balance_dollars"], body["balance"]) == ("1996.7067", 199_670)
    assert body["balance_breakdown"][1] == {"exchange_index": 1, "balance": "1000.0000"}
    assert body["portfolio_value"] == 0


def test_the_balance_is_of_one_subaccount_and_of_all_shards_or_one():
    desk = Desk()
    queries = ({}, {"subaccount": 3}, {"exchange_index": 1})
    assert [desk.get(P + "/balance", **query)["balance"] for query in queries] == [200_000, 100_000, 100_000]
    assert desk.call("GET", P + "/balance", subaccount=9)[1]["error"]["code"] == "subaccount_not_found"
    bound = desk.call("GET", P + "/balance", key="sub3")[1]
    assert bound["balance"] == 100_000
    assert "balance_breakdown" not in bound


def test_the_portfolio_value_goes_by_the_last_price():
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.6000")
    desk.place(price="0.6000", count="10")
    assert desk.get(P + "/balance")["portfolio_value"] == 600
    assert desk.get(P + "/balance", subaccount=3)["portfolio_value"] == 0
    assert desk.get(P + "/balance", exchange_index=1)["portfolio_value"] == 0
    assert desk.call("GET", P + "/balance", key="rival")[1]["portfolio_value"] == 400


def test_resting_orders_are_worth_their_full_price():
    desk = Desk()
    desk.place(price="0.4000", count="10")
    desk.place(side="ask", price="0.9000", count="10", subaccount=3)
    desk.place(ticker="C", price="0.2000", count="2.50")
    body = desk.get(P + "/summary/total_resting_order_value")
    assert body["total_resting_order_value"] == 550
    assert body["resting_order_value_breakdown"] == [
        {"exchange_index": 0, "balance": "5.0000"},
        {"exchange_index": 1, "balance": "0.5000"},
    ]


def test_cash_is_per_shard():
    desk = Desk()
    assert desk.call("POST", ORDERS, _order(ticker="C", price="0.5000", count="2100"))[0] == 400
    assert _shift(desk)[0] == 200
    assert desk.call("POST", ORDERS, _order(ticker="C", price="0.5000", count="2100"))[0] == 201


def _order(**more):
    return {
        "side": "bid",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "maker",
    } | more


def test_a_transfer_between_subaccounts_moves_exactly_once():
    """Catches a repeated client_transfer_id that moves the money again (orders.md 8)."""
    desk = Desk()
    same = str(uuid.uuid4())
    assert _move(desk, client_transfer_id=same) == (200, {})
    for spelling in (same, same.upper()):
        status, body = _move(desk, client_transfer_id=spelling, amount_cents=1)
        assert (status, body["error"]["code"]) == (409, "transfer_already_applied")
    assert _balances(desk) == {(0, 0): "876.5500", (0, 1): "1000.0000", (3, 0): "1123.4500"}
    [row] = desk.get(P + "/subaccounts/transfers")["transfers"]
    assert {k: v for k, v in row.items() if k != "transfer_id"} == {
        "from_subaccount": 0,
        "to_subaccount": 3,
        "amount_cents": 12_345,
        "created_ts": desk.clock.now_us // 1_000_000,
        "exchange_index": 0,
    }


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"amount_cents": 0}, 400, "'AmountCents' failed on the 'gte' tag"),
        ({"amount_cents": "5"}, 400, "cannot unmarshal string"),
        ({"client_transfer_id": "x"}, 400, "invalid UUID"),
        ({"client_transfer_id": None}, 400, "'ClientTransferId' failed on the 'required' tag"),
        ({"to_subaccount": 0}, 400, "must differ"),
        ({"to_subaccount": 7}, 404, "subaccount_not_found"),
        ({"from_subaccount": 64}, 400, "'FromSubaccount' failed on the 'lte' tag"),
        ({"amount_cents": 100_001}, 400, "insufficient_balance"),
        ({"exchange_index": 9}, 404, "not_found"),
    ],
)
def test_a_transfer_that_cannot_be_moves_nothing(change, status, says):
    desk = Desk()
    before = _balances(desk)
    got, body = _move(desk, **change)
    assert got == status, body
    assert says in str(body)
    assert _balances(desk) == before


def test_subaccounts_are_numbered_one_after_the_other():
    desk = Desk()
    made = [desk.call("POST", P + "/subaccounts", {})[1]["subaccount_number"] for _ in range(4)]
    assert made == [1, 2, 4, 5]
    desk.call("POST", P + "/subaccounts", {"exchange_index": 1})
    assert _balances(desk)[6, 1] == "0.0000"
    assert desk.call("POST", P + "/subaccounts", {"exchange_index": 7})[0] == 404
    while desk.call("POST", P + "/subaccounts", {})[0] == 201:
        pass
    assert len(desk.main.subaccounts) == 64
    assert desk.call("POST", P + "/subaccounts", {})[1]["error"]["code"] == "too_many_subaccounts"


def test_netting_is_kept_per_subaccount():
    desk = Desk()
    assert desk.call("PUT", P + "/subaccounts/netting", {"subaccount_number": 3, "enabled": False}) == (200, {})
    rows = desk.get(P + "/subaccounts/netting")["netting_configs"]
    assert {(r["subaccount_number"], r["enabled"]) for r in rows} == {(0, True), (3, False)}
    assert desk.call("PUT", P + "/subaccounts/netting", {"subaccount_number": 9, "enabled": True})[0] == 404
    assert desk.call("PUT", P + "/subaccounts/netting", {"subaccount_number": 3, "enabled": True})[0] == 200
    _, bound = desk.call("GET", P + "/subaccounts/netting", key="sub3")
    assert bound == {"netting_configs": [{"subaccount_number": 3, "enabled": True, "exchange_index": 0}]}


def test_a_transfer_between_shards_is_listed_and_deduplicated_by_route():
    desk = Desk()
    same = str(uuid.uuid4())
    _, made = _shift(desk, client_transfer_id=same)
    assert _shift(desk, client_transfer_id=same)[1]["error"]["code"] == "transfer_already_applied"
    back = {"source_exchange_shard": 1, "destination_exchange_shard": 0, "amount": 1}
    assert _shift(desk, client_transfer_id=same, **back)[0] == 200
    assert (_balances(desk)[0, 0], _balances(desk)[0, 1]) == ("900.0001", "1099.9999")
    newest, oldest = desk.get(INSTANCE + "s")["transfers"]
    assert (newest["amount"], oldest["amount"], oldest["transfer_id"]) == ("0.0001", "100.0000", made["transfer_id"])
    one = desk.get(f"{INSTANCE}s/{made['transfer_id']}")["transfer"]
    assert one == oldest
    assert (one["status"], one["source_exchange_shard"], one["destination_exchange_shard"]) == ("complete", 0, 1)
    assert desk.call("GET", INSTANCE + "s/unknown")[0] == 404


def test_within_one_shard_it_is_a_transfer_between_subaccounts():
    desk = Desk()
    _, made = _shift(desk, destination_exchange_shard=0, destination_subaccount=3, amount=50_000)
    [row] = desk.get(P + "/subaccounts/transfers")["transfers"]
    assert (row["transfer_id"], row["amount_cents"]) == (made["transfer_id"], 500)
    assert desk.get(INSTANCE + "s")["transfers"] == []
    assert _shift(desk, destination_exchange_shard=0, destination_subaccount=3)[0] == 200, "no id, no deduplication"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"destination": "margined"}, 400, "margined accounts are left out"),
        ({"source": "perps"}, 400, "'Source' failed on the 'oneof' tag"),
        ({"destination_exchange_shard": 2}, 404, "not_found"),
        ({"destination_exchange_shard": 0}, 400, "must differ"),
        ({"amount": 10_000_001}, 400, "insufficient_balance"),
        ({"source_subaccount": 3, "client_transfer_id": str(uuid.uuid4())}, 400, "primary accounts only"),
        (
            {"destination_exchange_shard": 0, "destination_subaccount": 3, "client_transfer_id": str(uuid.uuid4())},
            400,
            "primary accounts only",
        ),
    ],
)
def test_a_shift_that_cannot_be_moves_nothing(change, status, says):
    desk = Desk()
    before = _balances(desk)
    got, body = _shift(desk, **change)
    assert (got, says in str(body)) == (status, True), body
    assert _balances(desk) == before


def test_a_paused_exchange_moves_nothing():
    desk = Desk()
    desk.exchange.pause(trading=False, exchange=False)
    for status, body in (_move(desk), _shift(desk)):
        assert (status, body["error"]["code"]) == (409, "exchange_is_paused")


def _allocate(desk, *percents, **more):
    rows = [{"exchange_index": shard, "percent": percent} for shard, percent in enumerate(percents)]
    return desk.call("POST", P + "/target_balance_allocation", {"allocations": rows} | more)


def test_a_target_allocation_spreads_free_cash_every_ten_seconds():
    desk = Desk()
    desk.place(ticker="C", price="0.5000", count="100")
    held = desk.main.purse(0, 1).held
    assert _allocate(desk, 75, 25) == (200, {})
    desk.clock.advance(9)
    assert desk.get(P + "/balance", exchange_index=0)["balance"] == 100_000
    desk.clock.advance(1)
    free = 2_000 * ONE_DOLLAR - held
    assert desk.main.available(0, 1) in range(2_000 * ONE_DOLLAR)
    desk.get(P + "/balance")
    assert (desk.main.available(0, 1), desk.main.purse(0, 1).held) == (free * 25 // 100, held)
    transfers.deposit(desk.exchange, desk.main, 100 * ONE_DOLLAR)
    desk.clock.advance(10)
    desk.get(P + "/balance")
    assert desk.main.available(0, 1) == (free + 100 * ONE_DOLLAR) * 25 // 100
    assert desk.get(P + "/target_balance_allocation") == {
        "allocations": [{"exchange_index": 0, "percent": 75}, {"exchange_index": 1, "percent": 25}],
        "resting_margin_reservation": "sum",
    }
    _allocate(desk)
    transfers.deposit(desk.exchange, desk.main, 100 * ONE_DOLLAR)
    desk.clock.advance(60)
    desk.get(P + "/balance")
    assert desk.main.available(0, 1) == (free + 100 * ONE_DOLLAR) * 25 // 100, "no target, no rebalancing"
    assert desk.main.cash == 3_200 * ONE_DOLLAR


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"exchange_index": 0, "percent": 99}], "must total 100, were 99"),
        ([{"exchange_index": 0, "percent": 50}] * 2, "given twice"),
        ([{"exchange_index": 5, "percent": 100}], "not_found"),
        ([{"exchange_index": 0, "percent": 101}], "'Percent' failed on the 'lte' tag"),
        ([7], "cannot unmarshal number"),
    ],
)
def test_an_allocation_that_cannot_be_changes_nothing(rows, says):
    desk = Desk()
    _allocate(desk, 100, resting_margin_reservation="none")
    status, body = desk.call("POST", P + "/target_balance_allocation", {"allocations": rows})
    assert (status in {400, 404}, says in str(body)) == (True, True), body
    assert desk.get(P + "/target_balance_allocation")["allocations"] == [{"exchange_index": 0, "percent": 100}]


def test_deposits_and_withdrawals_are_listed_newest_first():
    desk = Desk()
    for dollars in (1, 2, 3):
        transfers.deposit(desk.exchange, desk.main, dollars * ONE_DOLLAR)
    transfers.withdraw(desk.exchange, desk.main, ONE_DOLLAR, method="wire")
    page = desk.get(P + "/deposits", limit=2)
    rest = desk.get(P + "/deposits", limit=2, cursor=page["cursor"])
    assert [row["amount_cents"] for row in page["deposits"] + rest["deposits"]] == [300, 200, 100]
    [out] = desk.get(P + "/withdrawals")["withdrawals"]
    assert (out["type"], out["status"], out["amount_cents"], out["fee_cents"]) == ("wire", "applied", 100, 0)


def test_settlements_and_settled_positions():
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.6000")
    desk.place(price="0.6000", count="10")
    lifecycle.determine(desk.exchange, "A", "yes")
    lifecycle.settle(desk.exchange, "A")
    [row] = desk.get(P + "/settlements")["settlements"]
    assert (row["ticker"], row["market_result"], row["revenue"]) == ("A", "yes", 1_000)
    assert (row["yes_count_fp"], row["yes_total_cost_dollars"], row["no_count_fp"]) == ("10.00", "6.000000", "0.00")
    assert desk.get(P + "/positions")["market_positions"] == []
    [settled] = desk.get(P + "/positions", settlement_status="settled")["market_positions"]
    assert settled["realized_pnl_dollars"] == "4.000000"
    _, lost = desk.call("GET", P + "/settlements", key="rival")
    assert (lost["settlements"][0]["revenue"], lost["settlements"][0]["no_count_fp"]) == (0, "10.00")
    assert desk.get(P + "/settlements", ticker="B")["settlements"] == []
    assert desk.get(P + "/settlements", subaccount=3)["settlements"] == []


def test_a_scalar_settlement_tells_what_one_yes_paid_in_cents():
    """Catches a value in another unit: the field is in cents while prices have four decimals."""
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.6000")
    desk.place(price="0.6000", count="10")
    lifecycle.determine(desk.exchange, "A", "scalar", 2_500)
    lifecycle.settle(desk.exchange, "A")
    [row] = desk.get(P + "/settlements")["settlements"]
    assert (row["market_result"], row["value"], row["revenue"]) == ("scalar", 25, 250)


def _group(desk, **more):
    status, body = desk.call("POST", GROUPS + "/create", {"contracts_limit": 5} | more)
    assert status == 201, body
    return body


def test_a_group_lives_from_create_to_delete():
    desk = Desk()
    made = _group(desk)
    group_id, path = made["order_group_id"], f"{GROUPS}/{made['order_group_id']}"
    assert made == {"order_group_id": group_id, "subaccount": 0, "exchange_index": 0}
    order_id = desk.place(order_group_id=group_id)
    one = {"is_auto_cancel_enabled": True, "contracts_limit_fp": "5.00", "exchange_index": 0}
    assert desk.get(path) == one | {"orders": [order_id]}
    assert desk.get(GROUPS) == {"order_groups": [one | {"id": group_id}]}
    assert desk.call("PUT", path + "/limit", {"contracts_limit_fp": "7.5"}) == (200, {})
    assert desk.get(path)["contracts_limit_fp"] == "7.50"
    assert desk.call("PUT", path + "/trigger", {}) == (200, {})
    assert desk.get(path)["orders"] == []
    assert desk.call("POST", ORDERS, _order(ticker="A", price="0.1", count="1", order_group_id=group_id))[0] == 409
    assert desk.call("PUT", path + "/reset", {}) == (200, {})
    desk.place(order_group_id=group_id)
    assert desk.call("DELETE", path) == (200, {})
    assert desk.call("GET", path)[1]["error"]["code"] == "order_group_not_found"
    assert desk.get(P + "/orders", status="resting")["orders"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "contracts_limit or contracts_limit_fp must be given"),
        ({"contracts_limit": 0}, "'ContractsLimit' failed on the 'gte' tag"),
        ({"contracts_limit": 1_000_001}, "'ContractsLimit' failed on the 'lte' tag"),
        ({"contracts_limit": 2, "contracts_limit_fp": "3.00"}, "must match"),
        ({"contracts_limit_fp": "0.50"}, "must be between 1 and 1000000"),
        ({"contracts_limit_fp": 2}, "cannot unmarshal number"),
        ({"contracts_limit": 1, "subaccount": 9}, "subaccount_not_found"),
        ({"contracts_limit": 1, "exchange_index": 4}, "not_found"),
    ],
)
def test_a_group_that_cannot_be_is_refused(body, says):
    desk = Desk()
    status, answer = desk.call("POST", GROUPS + "/create", body)
    assert (status in {400, 404}, says in str(answer)) == (True, True), answer
    assert desk.get(GROUPS) == {"order_groups": []}


def test_groups_are_read_in_all_subaccounts_and_written_in_the_one_that_is_named():
    """Catches a write that finds a group of another subaccount or shard because the read did."""
    desk = Desk()
    where = ({}, {"subaccount": 3}, {"exchange_index": 1})
    here, there, far = (_group(desk, **more)["order_group_id"] for more in where)
    assert [g["id"] for g in desk.get(GROUPS)["order_groups"]] == [here, there, far]
    assert [g["id"] for g in desk.get(GROUPS, subaccount=3)["order_groups"]] == [there]
    assert desk.call("GET", f"{GROUPS}/{there}")[0] == 200
    assert desk.call("PUT", f"{GROUPS}/{there}/reset", {})[0] == 404
    assert desk.call("PUT", f"{GROUPS}/{there}/reset", {}, subaccount=3)[0] == 200
    assert desk.call("DELETE", f"{GROUPS}/{far}")[0] == 404
    assert desk.call("DELETE", f"{GROUPS}/{far}", exchange_index=1)[0] == 200
    assert desk.call("DELETE", f"{GROUPS}/{there}", key="sub3")[0] == 200
    assert desk.call("GET", f"{GROUPS}/{here}", key="rival")[0] == 404


def test_the_usage_tier_is_raised_once_an_order_was_placed():
    desk = Desk(tier="basic")
    assert desk.get("/account/limits") == {
        "usage_tier": "basic",
        "grants": [],
        "read": {"refill_rate": 200, "bucket_capacity": 200},
        "write": {"refill_rate": 100, "bucket_capacity": 100},
    }
    assert desk.call("POST", "/account/api_usage_level/upgrade", {})[0] == 403
    desk.place(count="1")
    assert desk.call("POST", "/account/api_usage_level/upgrade", {}) == (201, {})
    limits = desk.get("/account/limits")
    assert (limits["usage_tier"], limits["write"]) == ("advanced", {"refill_rate": 300, "bucket_capacity": 900})
    assert limits["grants"] == [{"exchange_instance": "event_contract", "level": "advanced", "source": "manual"}]


def test_volume_progress_counts_thirty_days():
    desk = Desk()
    desk.place(key="rival", side="ask", price="0.6000", count="10")
    desk.place(price="0.6000", count="2.50")
    [progress] = desk.get("/account/api_usage_level/volume_progress")["volume_progress"]
    assert progress == {
        "computed_ts": desk.clock.now_us // 1_000_000,
        "trailing_30d_volume_fp": "2.50",
        "goals": [],
    }
    desk.clock.advance(31 * 86_400)
    [later] = desk.get("/account/api_usage_level/volume_progress")["volume_progress"]
    assert later["trailing_30d_volume_fp"] == "0.00"


def test_endpoint_costs_name_exactly_what_differs_from_the_default():
    """Catches a cost that is charged but not told, or the other way round."""
    body = Desk().get("/account/endpoint_costs")
    assert body["default_cost"] == 10
    told = {(row["method"], row["path"]): row["cost"] for row in body["endpoint_costs"]}
    charged = {(r.method, re.sub(r"{(\w+)}", r":\1", r.path)): r.cost for r in ROUTES if r.cost != 10}
    assert told == charged


def test_a_bound_key_sees_what_its_own_subaccounts_orders_would_cost():
    """Catches the orders of the whole account in the total of a key that may see one subaccount only."""
    desk = Desk()
    desk.place(count="10")
    desk.place(count="3", subaccount=3)
    path = P + "/summary/total_resting_order_value"
    assert desk.get(path)["total_resting_order_value"] == 520
    assert desk.call("GET", path, key="sub3")[1]["total_resting_order_value"] == 120
