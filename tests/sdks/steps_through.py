"""The steps of a session through the proxy: each kind of read and write once, and a create that the policy denies.

Rule of this file: data only, on a market whose maker bids 0.54 and asks 0.56, under the default policy's limits.
"""

from tests.sdks.session import BTC, Step
from tests.sdks.steps_orders import BID

TOO_MANY = BID | {"count": "1000.00"}
"""More than `limits.order.max_count`."""
_LEGACY = {"ticker": BTC, "action": "buy", "side": "yes", "count_fp": "1.00"}

STEPS = (
    Step("get_market", {"ticker": BTC}, {"ticker": BTC}),
    Step("get_balance"),
    Step("create_order_v2", BID | {"client_order_id": "$id1"}, {"remaining_count": "10"}, {"order": "order_id"}),
    Step("create_order_v2", TOO_MANY | {"client_order_id": "$id2"}, error=403),
    Step(
        "amend_order_v2",
        {"order_id": "$order", "ticker": BTC, "side": "bid", "price": "0.1100", "count": "8.00"},
        {"remaining_count": "8"},
    ),
    Step(
        "decrease_order_v2",
        {"order_id": "$order", "reduce_by": "3.00"},
        {"remaining_count": "5"},
        by_client={"pykalshi-client": {"order_id": "$order", "reduce_to": "5.00"}},
    ),
    Step("get_order", {"order_id": "$order"}, {"yes_price_dollars": "0.11", "remaining_count_fp": "5"}),
    Step(
        "batch_create_orders_v2",
        {"orders": [BID | {"client_order_id": "$id3"}, BID | {"client_order_id": "$id4", "price": "0.1200"}]},
        {"client_order_id": "$id3"},
        {"first": "order_id"},
        by_client={
            "pykalshi": {
                "orders": [
                    _LEGACY | {"yes_price_dollars": "0.10", "client_order_id": "$id3"},
                    _LEGACY | {"yes_price_dollars": "0.12", "client_order_id": "$id4"},
                ]
            }
        },
    ),
    Step("cancel_order_v2", {"order_id": "$order"}, {"order_id": "$order"}),
    Step("get_order", {"order_id": "$order"}, {"status": "canceled"}),
    Step(
        "batch_cancel_orders_v2",
        {"orders": [{"order_id": "$first"}]},
        {"order_id": "$first"},
        by_client={"pykalshi": {"order_ids": ["$first"]}},
    ),
    Step("get_order", {"order_id": "$first"}, {"status": "canceled"}),
    Step(
        "create_order_group",
        {"contracts_limit": 50},
        save={"group": "order_group_id"},
        by_client={"pykalshi": {"contracts_limit_fp": "50.00"}},
    ),
    Step(
        "update_order_group_limit",
        {"order_group_id": "$group", "contracts_limit": 40},
        by_client={"pykalshi": {"order_group_id": "$group", "contracts_limit_fp": "40.00"}},
        broken={"pykalshi-client": 400},
    ),
    Step("reset_order_group", {"order_group_id": "$group"}, error=403),
)

V1_ORDER = {"ticker": BTC, "action": "buy", "side": "no", "count": 3, "no_price": 40}
"""What a bot that speaks V1 only sends, by `create_order`."""
