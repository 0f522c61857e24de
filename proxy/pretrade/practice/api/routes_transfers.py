"""The routes that move an account's cash between shards: transfers, and the target allocation.

Rule of this file: decode, call `transfers` or `allocations`, print. There are no margined accounts here, so neither end
of a transfer may be one. A key that is bound to a subaccount moves nothing.
"""

from typing import Any

from pretrade.practice.api.allocation import Target
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.decode import fields
from pretrade.practice.api.money_views import shard_transfer_view
from pretrade.practice.api.query import newest_first
from pretrade.practice.api.routes_subaccounts import require_uuid
from pretrade.practice.api.schemas import ALLOCATION, ALLOCATION_ENTRY, INSTANCE_TRANSFER
from pretrade.practice.core import transfers
from pretrade.practice.core.errors import invalid_parameters, not_found

_PORTFOLIO = "/trade-api/v2/portfolio"
_TRANSFERS = _PORTFOLIO + "/intra_exchange_instance_transfers"
_ALLOCATION = _PORTFOLIO + "/target_balance_allocation"
_READ = ("read",)
_MOVE = ("write::transfer",)
_CENTICENT = 100
_MAX_TRANSFERS = 500


def transfer(call: Call) -> Reply:
    """Move cash between shards; within one shard it is a transfer between subaccounts and listed there."""
    call.require_unrestricted()
    got = call.fields(INSTANCE_TRANSFER)
    if "margined" in {got["source"], got["destination"]}:
        raise invalid_parameters("margined accounts are left out of the practice exchange")
    source_shard, target_shard = got.get("source_exchange_shard") or 0, got.get("destination_exchange_shard") or 0
    source, target = got.get("source_subaccount") or 0, got.get("destination_subaccount") or 0
    given = require_uuid(got["client_transfer_id"]) if got.get("client_transfer_id") else ""
    if given and (source or target):
        raise invalid_parameters("client_transfer_id is for primary accounts only")
    for shard in {source_shard, target_shard}:
        call.exchange.require_shard(shard)
        call.exchange.require_exchange(shard)
    exchange, account, money = call.exchange, call.account, got["amount"] * _CENTICENT
    if source_shard == target_shard:
        own_id = given or exchange.new_id()
        done = transfers.move_between_subaccounts(exchange, account, own_id, source, target, money, source_shard)
        return Reply(200, {"transfer_id": done.transfer_id})
    moved = transfers.move_between_shards(
        exchange, account, given, source_shard, target_shard, money, source=source, target=target
    )
    return Reply(200, {"transfer_id": moved.transfer_id})


def listed(call: Call) -> Reply:
    """The transfers between shards, newest first."""
    call.require_unrestricted()
    rows = call.account.shard_transfers
    return Reply(200, newest_first(call.query, rows, "transfers", shard_transfer_view, _MAX_TRANSFERS))


def one(call: Call) -> Reply:
    """One transfer between shards."""
    call.require_unrestricted()
    for made in call.account.shard_transfers:
        if made.transfer_id == call.params["transfer_id"]:
            return Reply(200, {"transfer": shard_transfer_view(made)})
    raise not_found()


def allocation(call: Call) -> Reply:
    """The account's target allocation."""
    call.require_unrestricted()
    target = call.allocations.of(call.account)
    rows = [{"exchange_index": shard, "percent": percent} for shard, percent in sorted(target.percents.items())]
    return Reply(200, {"allocations": rows, "resting_margin_reservation": target.reservation})


def set_allocation(call: Call) -> Reply:
    """Replace the target allocation; an empty one ends the rebalancing."""
    call.require_unrestricted()
    got = call.fields(ALLOCATION)
    percents = _percents(call, got["allocations"])
    call.allocations.set(call.account, Target(percents, got.get("resting_margin_reservation") or "sum"))
    return Reply(200, {})


def _percents(call: Call, entries: list[dict[str, Any]]) -> dict[int, int]:
    rows = [fields(ALLOCATION_ENTRY, entry) for entry in entries]
    percents = {row["exchange_index"]: row["percent"] for row in rows}
    if len(percents) < len(rows):
        raise invalid_parameters("an exchange_index is given twice")
    if rows and sum(percents.values()) != 100:
        raise invalid_parameters(f"percentages must total 100, were {sum(percents.values())}")
    for shard in percents:
        call.exchange.require_shard(shard)
    return percents


ROUTES = (
    Route("POST", _PORTFOLIO + "/intra_exchange_instance_transfer", "IntraExchangeInstanceTransfer", transfer, _MOVE),
    Route("GET", _TRANSFERS, "GetIntraExchangeInstanceTransfers", listed, _READ),
    Route("GET", _TRANSFERS + "/{transfer_id}", "GetIntraExchangeInstanceTransfer", one, _READ),
    Route("GET", _ALLOCATION, "GetTargetBalanceAllocation", allocation, _READ),
    Route("POST", _ALLOCATION, "SetTargetBalanceAllocation", set_allocation, _MOVE),
)
