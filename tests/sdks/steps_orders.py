"""The steps of trading: orders of every kind, groups of orders, and what the portfolio then shows.

Rule of this file: data only, on world.yaml, where 100 contracts rest at 0.54 and 0.56 in the bitcoin market.
"""

from tests.sdks.session import BTC, NYC, Step

REST = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
TAKE = REST | {"time_in_force": "immediate_or_cancel"}
BID = {"client_order_id": "any", "ticker": BTC, "side": "bid", "count": "10.00", "price": "0.1000"} | REST
_LEGACY = {"ticker": BTC, "action": "buy", "side": "yes", "count_fp": "1.00"}

ORDERS = (
    Step("get_balance", expect={"balance": 1_000_000}),
    Step("get_positions"),
    Step(
        "create_order_v2",
        BID | {"client_order_id": "rest-1"},
        {"fill_count": "0", "remaining_count": "10"},
        {"order": "order_id"},
    ),
    Step(
        "get_order",
        {"order_id": "$order"},
        {
            "order_id": "$order",
            "status": "resting",
            "client_order_id": "rest-1",
            "yes_price_dollars": "0.10",
            "remaining_count_fp": "10",
        },
    ),
    Step("get_orders", {"status": "resting"}, {"order_id": "$order", "ticker": BTC, "initial_count_fp": "10"}),
    Step("get_order_queue_position", {"order_id": "$order"}, {"queue_position_fp": "100"}),
    Step(
        "get_order_queue_positions",
        {"event_ticker": "KXBTC-26DEC31"},
        {"order_id": "$order", "queue_position_fp": "100"},
    ),
    Step("get_portfolio_resting_order_total_value", expect={"total_resting_order_value": 100}),
    Step(
        "amend_order_v2",
        {"order_id": "$order", "ticker": BTC, "side": "bid", "price": "0.1100", "count": "8.00"},
        {"order_id": "$order", "remaining_count": "8"},
    ),
    Step(
        "decrease_order_v2",
        {"order_id": "$order", "reduce_to": "5.00"},
        {"remaining_count": "5"},
        by_client={"pykalshi": {"order_id": "$order", "reduce_by": "3.00"}},
    ),
    Step(
        "get_order",
        {"order_id": "$order"},
        {"yes_price_dollars": "0.11", "remaining_count_fp": "5", "status": "resting"},
    ),
    Step("cancel_order_v2", {"order_id": "$order"}, {"order_id": "$order"}),
    Step("cancel_order_v2", {"order_id": "$order"}, error=404),
    Step("get_order", {"order_id": "$order"}, {"status": "canceled", "remaining_count_fp": "0"}),
    Step(
        "create_order_v2",
        BID | TAKE | {"count": "2.50", "price": "0.6000", "client_order_id": "take-1"},
        {"fill_count": "2.5", "remaining_count": "0"},
        {"taken": "order_id"},
    ),
    Step(
        "get_order",
        {"order_id": "$taken"},
        {"status": "executed", "fill_count_fp": "2.5", "taker_fill_cost_dollars": "1.40"},
    ),
    Step(
        "get_fills",
        {"ticker": BTC},
        {"order_id": "$taken", "count_fp": "2.5", "yes_price_dollars": "0.56", "fee_cost": "0.0432"},
        by_client={"pykalshi-client": {}},
    ),
    Step("get_positions", expect={"ticker": BTC, "position_fp": "2.5", "market_exposure_dollars": "1.40"}),
    Step("get_balance", expect={"balance": 999_855}),
    Step("get_trades", {"ticker": BTC}, {"count_fp": "2.5", "yes_price_dollars": "0.56"}),
    Step(
        "create_order_v2",
        BID | TAKE | {"ticker": NYC, "count": "3.00", "price": "0.4200", "client_order_id": "take-2"},
        {"fill_count": "3"},
    ),
    Step(
        "batch_create_orders_v2",
        {
            "orders": [
                BID | {"count": "1.00", "client_order_id": "b-1"},
                BID | {"price": "0.1050", "client_order_id": "b-2"},
                BID | {"price": "0.2000", "client_order_id": "b-3"},
            ]
        },
        {"client_order_id": "b-1", "remaining_count": "1"},
        {"first": "order_id"},
        by_client={
            "pykalshi": {
                "orders": [
                    _LEGACY | {"yes_price_dollars": "0.10", "client_order_id": "b-1"},
                    _LEGACY | {"yes_price_dollars": "0.20", "client_order_id": "b-3"},
                ]
            }
        },
    ),
    Step(
        "batch_cancel_orders_v2",
        {"orders": [{"order_id": "$first"}, {"order_id": "unknown"}]},
        {"order_id": "$first", "reduced_by": "1"},
        by_client={"pykalshi": {"order_ids": ["$first"]}},
    ),
    Step("cancel_all_orders"),
    Step("get_orders", {"status": "canceled"}, {"order_id": "$first"}),
)
"""Rest, amend, decrease, cancel, take, batches; each step says what its answer must hold."""

GROUPS = (
    Step(
        "create_order_group",
        {"contracts_limit": 50},
        save={"group": "order_group_id"},
        by_client={"pykalshi": {"contracts_limit_fp": "50.00"}},
    ),
    Step("get_order_group", {"order_group_id": "$group"}, {"contracts_limit_fp": "50"}),
    Step("get_order_groups", expect={"id": "$group"}),
    Step(
        "update_order_group_limit",
        {"order_group_id": "$group", "contracts_limit": 60},
        by_client={"pykalshi": {"order_group_id": "$group", "contracts_limit_fp": "60.00"}},
        broken={"pykalshi-client": 400},
    ),
    Step("create_order_v2", BID | {"order_group_id": "$group", "client_order_id": "g-1"}, save={"member": "order_id"}),
    Step("get_order_group", {"order_group_id": "$group"}, {"is_auto_cancel_enabled": True}),
    Step("trigger_order_group", {"order_group_id": "$group"}),
    Step("get_order", {"order_id": "$member"}, {"status": "canceled"}),
    Step("create_order_v2", BID | {"order_group_id": "$group", "client_order_id": "g-2"}, error=409),
    Step("reset_order_group", {"order_group_id": "$group"}),
    Step(
        "create_order_v2",
        BID | {"order_group_id": "$group", "client_order_id": "g-3"},
        {"remaining_count": "10"},
        {"member": "order_id"},
    ),
    Step("delete_order_group", {"order_group_id": "$group"}),
)
"""A group's whole life."""

REFUSED = (
    Step("create_order_v2", BID | {"client_order_id": "same"}, {"remaining_count": "10"}),
    Step("create_order_v2", BID | {"client_order_id": "same"}, error=409),
    Step("create_order_v2", BID | {"price": "0.1050", "client_order_id": "r-1"}, error=400),
    Step("create_order_v2", BID | {"count": "99999999", "client_order_id": "r-2"}, error=400),
    Step("create_order_v2", BID | {"ticker": "KXNONE", "client_order_id": "r-3"}, error=404),
    Step("create_order_v2", BID | {"price": "0.9000", "post_only": True, "client_order_id": "r-4"}, error=400),
    Step(
        "create_order_v2",
        BID | TAKE | {"count": "5000", "price": "0.6000", "time_in_force": "fill_or_kill", "client_order_id": "r-5"},
        error=409,
    ),
    Step("cancel_order_v2", {"order_id": "00000000-0000-0000-0000-000000000000"}, error=404),
    Step("get_order", {"order_id": "00000000-0000-0000-0000-000000000000"}, error=404),
    Step("get_market", {"ticker": "KXNONE"}, error=404),
    Step("get_event", {"event_ticker": "KXNONE"}, error=404),
)
"""What the exchange refuses, with the status that the user of a library must be able to tell."""

REMOVED_CALLS = (
    Step(
        "create_order",
        {"ticker": NYC, "action": "buy", "side": "yes", "count": 1, "yes_price": 10, "client_order_id": "v1"},
        error=410,
    ),
    Step(
        "amend_order",
        {"order_id": "v1", "ticker": NYC, "side": "yes", "action": "buy", "yes_price": 11, "count": 1},
        error=410,
    ),
    Step("decrease_order", {"order_id": "v1", "reduce_by": 1}, error=410),
    Step("cancel_order", {"order_id": "v1"}, error=410),
    Step(
        "batch_create_orders",
        {"orders": [{"ticker": NYC, "action": "buy", "side": "yes", "count": 1, "yes_price": 10}]},
        error=410,
    ),
    Step("batch_cancel_orders", {"ids": ["v1"]}, error=410),
    Step("get_exchange_announcements", error=404),
)
"""Calls that the exchange has removed and that a library still has."""

SETTLED = (
    Step("get_settlements", expect={"ticker": NYC, "market_result": "yes", "yes_count_fp": "3", "revenue": 300}),
    Step("get_market", {"ticker": NYC}, {"status": "finalized", "result": "yes"}),
    Step("get_markets", {"status": "settled"}, {"ticker": NYC}),
    Step("get_orders", {"status": "executed"}, {"ticker": NYC}),
    Step("get_event", {"event_ticker": "KXHIGHNY-26NOV22"}, {"event_ticker": "KXHIGHNY-26NOV22"}),
)
"""What is seen after the market with the second fill of ORDERS has paid."""
