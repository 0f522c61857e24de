"""The routes of subaccounts: open them, see their balances, move cash between them, switch their netting.

Rule of this file: decode, call `transfers`, print. A key that is bound to a subaccount opens none and moves nothing; of
the lists it sees its own part.
"""

import uuid
from collections.abc import Iterable

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.money_views import subaccount_balance_view, subaccount_transfer_view
from pretrade.practice.api.query import newest_first
from pretrade.practice.api.schemas import NETTING, SUBACCOUNT, SUBACCOUNT_TRANSFER
from pretrade.practice.core import transfers
from pretrade.practice.core.accounts import PurseKey
from pretrade.practice.core.errors import ExchangeError, Shape, bad_request

_SUBACCOUNTS = "/trade-api/v2/portfolio/subaccounts"
_READ = ("read",)
_CENT = 10_000
_OPENING_TIER = "advanced"


def create(call: Call) -> Reply:
    """Open the next subaccount, for accounts of the tier Advanced and above (SDK documentation)."""
    call.require_unrestricted()
    got = call.optional_fields(SUBACCOUNT)
    if not call.limiter.is_at_least(call.api_key.account, _OPENING_TIER):
        text = f"subaccounts need the usage tier {_OPENING_TIER}"
        raise ExchangeError(403, "insufficient_permissions", text, shape=Shape.HYBRID)
    shard = got.get("exchange_index") or 0
    call.exchange.require_shard(shard)
    return Reply(201, {"subaccount_number": transfers.open_subaccount(call.exchange, call.account, shard=shard)})


def transfer(call: Call) -> Reply:
    """Move cash from one subaccount to another on one shard."""
    call.require_unrestricted()
    got = call.fields(SUBACCOUNT_TRANSFER)
    shard = got.get("exchange_index") or 0
    call.exchange.require_shard(shard)
    call.exchange.require_exchange(shard)
    transfers.move_between_subaccounts(
        call.exchange,
        call.account,
        require_uuid(got["client_transfer_id"]),
        got["from_subaccount"],
        got["to_subaccount"],
        got["amount_cents"] * _CENT,
        shard,
    )
    return Reply(200, {})


def balances(call: Call) -> Reply:
    """What every subaccount has available, on every shard where it has a purse."""
    now, purses = call.exchange.clock(), call.portfolio.purses(call.account)
    rows = [subaccount_balance_view(*key, purses[key], now) for key in _mine(call, purses)]
    return Reply(200, {"subaccount_balances": rows})


def transfer_list(call: Call) -> Reply:
    """The transfers between subaccounts, newest first."""
    call.require_unrestricted()
    return Reply(
        200, newest_first(call.query, call.account.subaccount_transfers, "transfers", subaccount_transfer_view)
    )


def netting(call: Call) -> Reply:
    """Whether each subaccount nets the positions of one event; kept as data, nothing is netted here."""
    rows = [
        {"subaccount_number": number, "enabled": number not in call.account.not_netted, "exchange_index": shard}
        for number, shard in _mine(call, call.account.purses)
    ]
    return Reply(200, {"netting_configs": rows})


def set_netting(call: Call) -> Reply:
    """Switch a subaccount's netting on or off. The answer is an empty object: one client cannot read an empty body."""
    got = call.fields(NETTING)
    number = call.bound(got["subaccount_number"]) or 0
    transfers.set_netting(call.account, number, enabled=got["enabled"])
    return Reply(200, {})


def require_uuid(text: str) -> str:
    """A transfer's id in its one spelling. Raises 400 in the decoder's manner for what is no UUID."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise bad_request(f"invalid UUID in client_transfer_id: {text[:40]!r}") from error


def _mine(call: Call, purses: Iterable[PurseKey]) -> list[PurseKey]:
    """The purses that the key may see, by subaccount and shard."""
    bound = call.bound(None)
    return sorted(key for key in purses if bound in {None, key[0]})


ROUTES = (
    Route("POST", _SUBACCOUNTS, "CreateSubaccount", create, ("write",)),
    Route("POST", _SUBACCOUNTS + "/transfer", "ApplySubaccountTransfer", transfer, ("write::transfer",)),
    Route("GET", _SUBACCOUNTS + "/balances", "GetSubaccountBalances", balances, _READ),
    Route("GET", _SUBACCOUNTS + "/transfers", "GetSubaccountTransfers", transfer_list, _READ),
    Route("GET", _SUBACCOUNTS + "/netting", "GetSubaccountNetting", netting, _READ),
    Route("PUT", _SUBACCOUNTS + "/netting", "UpdateSubaccountNetting", set_netting, ("write",)),
)
