"""The steps of an account: subaccounts, moves of money, keys, limits.

Rule of this file: data only, on world.yaml.
"""

from tests.sdks.session import Step

_TRANSFER = "3f2b8a52-7a55-4bb4-9d5e-0c3f6f6f0b01"
_MOVE = {"client_transfer_id": _TRANSFER, "from_subaccount": 0, "to_subaccount": "$subaccount", "amount_cents": 12_345}
_SHARDS = {
    "source": "event_contract",
    "destination": "event_contract",
    "amount": 50_000,
    "destination_exchange_shard": 1,
}

ACCOUNT = (
    Step("create_subaccount", save={"subaccount": "subaccount_number"}),
    Step("apply_subaccount_transfer", _MOVE),
    Step("apply_subaccount_transfer", _MOVE, error=409),
    Step("get_subaccount_balances", expect={"subaccount_number": "$subaccount", "balance": "123.45"}),
    Step("get_subaccount_transfers", expect={"amount_cents": 12_345, "to_subaccount": "$subaccount"}),
    Step("update_subaccount_netting", {"subaccount_number": "$subaccount", "enabled": True}),
    Step("get_subaccount_netting", expect={"subaccount_number": "$subaccount", "enabled": True}),
    Step("intra_exchange_instance_transfer", _SHARDS, save={"mine": "transfer_id"}),
    Step("get_intra_exchange_instance_transfers", expect={"transfer_id": "$transfer"}),
    Step("get_intra_exchange_instance_transfer", {"transfer_id": "$transfer"}, {"transfer_id": "$transfer"}),
    Step(
        "set_target_balance_allocation",
        {"allocations": [{"exchange_index": 0, "percent": 70}, {"exchange_index": 1, "percent": 30}]},
    ),
    Step("get_target_balance_allocation", expect={"percent": 70}),
    Step("get_deposits"),
    Step("get_withdrawals"),
    Step("get_account_api_limits", expect={"refill_rate": 9_600}),
    Step("get_account_endpoint_costs", expect={"default_cost": 10}),
    Step("get_account_api_usage_level_volume_progress"),
    Step("upgrade_account_api_usage_level"),
)
"""Money and limits; a session knows `transfer`, one between shards, beforehand."""

KEYS = (
    Step("get_api_keys", expect={"api_key_id": "full"}),
    Step("create_api_key", {"name": "mine", "public_key": "$public_key"}, save={"created": "api_key_id"}),
    Step("generate_api_key", {"name": "made"}, save={"generated": "api_key_id", "made_key": "private_key"}),
    Step("get_api_keys", expect={"api_key_id": "$generated", "name": "mine"}),
    Step("delete_api_key", {"api_key": "$created"}),
    Step("delete_api_key", {"api_key": "$generated"}),
    Step("delete_api_key", {"api_key": "$generated"}, error=404),
)
"""Keys come and go; a session knows `public_key` beforehand."""
