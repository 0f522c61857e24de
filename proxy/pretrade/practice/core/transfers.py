"""Moving an account's own cash: between subaccounts, between shards, in and out; and opening subaccounts.

Rule of this file: checks first, then changes; a refusal leaves no trace. Money never leaves the account here except by
`withdraw`. Transfers are there at once; a repeated client_transfer_id is refused, never applied twice (orders.md 8).
"""

from pretrade.practice.core import routing
from pretrade.practice.core.accounts import LAST_SUBACCOUNT, PRIMARY, Account
from pretrade.practice.core.errors import ExchangeError, invalid_parameters
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.state import State
from pretrade.practice.core.statements import CashMovement, ShardTransfer, SubaccountTransfer

APPLIED = "applied"


def open_subaccount(state: State, account: Account, number: int | None = None, shard: int = 0) -> int:
    """Open a numbered subaccount with an empty purse on a shard and return its number, the lowest free one by default.

    Opening one that is open changes nothing. Raises 400 `invalid_parameters` outside 1-63, and 409
    `too_many_subaccounts` when all are open (codes: documented choices).
    """
    if number is None:
        number = next((n for n in range(1, LAST_SUBACCOUNT + 1) if n not in account.subaccounts), None)
        if number is None:
            raise ExchangeError(409, "too_many_subaccounts")
    _require(1 <= number <= LAST_SUBACCOUNT, "subaccount number must be from 1 to 63")
    _require_shard(shard)
    account.subaccounts.add(number)
    state.put_cash(account, number, shard, 0)
    return number


def move_between_subaccounts(
    exchange: Exchange, account: Account, transfer_id: str, source: int, target: int, money: int, shard: int
) -> SubaccountTransfer:
    """Move cash on one shard; `transfer_id` is the client's and is used once for ever (docs "Subaccounts").

    Raises 409 `transfer_already_applied`, 404 `subaccount_not_found`, 400 `invalid_parameters` and
    `insufficient_balance` when more than the available part is asked for.
    """
    if any(done.client_transfer_id == transfer_id for done in account.subaccount_transfers):
        raise ExchangeError(409, "transfer_already_applied")
    _require(source != target, "from_subaccount and to_subaccount must differ")
    _require_shard(shard)
    now = exchange.clock()
    _move(exchange, account, (source, shard), (target, shard), money)
    done = SubaccountTransfer(exchange.new_id(), transfer_id, source, target, money, shard, now)
    account.subaccount_transfers.append(done)
    return done


def move_between_shards(
    exchange: Exchange,
    account: Account,
    transfer_id: str,
    source_shard: int,
    target_shard: int,
    money: int,
    *,
    source: int = PRIMARY,
    target: int = PRIMARY,
) -> ShardTransfer:
    """Move cash from one shard to another at once; transfer_id "" is none, and then nothing is deduplicated.

    An id is remembered for its pair of shards and only primary accounts may give one (SDK model of the intra-exchange
    transfer). Raises as `move_between_subaccounts` does.
    """
    route = (source_shard, target_shard)
    for done in account.shard_transfers:
        if transfer_id and (done.source_shard, done.target_shard, done.client_transfer_id) == (*route, transfer_id):
            raise ExchangeError(409, "transfer_already_applied")
    _require(not transfer_id or source == target == PRIMARY, "client_transfer_id is for primary accounts only")
    _require((source, source_shard) != (target, target_shard), "source and destination must differ")
    _require_shard(source_shard)
    _require_shard(target_shard)
    now = exchange.clock()
    _move(exchange, account, (source, source_shard), (target, target_shard), money)
    made = ShardTransfer(exchange.new_id(), transfer_id, *route, source, target, money, now)
    account.shard_transfers.append(made)
    return made


def deposit(exchange: Exchange, account: Account, money: int, *, shard: int = 0, method: str = "ach") -> CashMovement:
    """Let money come in from outside to the primary subaccount; listed among the deposits."""
    _require(money > 0, "amount must be above 0")
    _require_shard(shard)
    now = exchange.clock()
    exchange.put_cash(account, PRIMARY, shard, money)
    movement = CashMovement(exchange.new_id(), APPLIED, method, money, 0, now, now)
    account.deposits.append(movement)
    return movement


def withdraw(exchange: Exchange, account: Account, money: int, *, shard: int = 0, method: str = "ach") -> CashMovement:
    """Let money go out of the primary subaccount; listed among the withdrawals. Raises 400 `insufficient_balance`."""
    _require(money > 0, "amount must be above 0")
    if account.available(PRIMARY, shard) < money:
        raise ExchangeError(400, "insufficient_balance")
    now = exchange.clock()
    exchange.put_cash(account, PRIMARY, shard, -money)
    movement = CashMovement(exchange.new_id(), APPLIED, method, money, 0, now, now)
    account.withdrawals.append(movement)
    return movement


def set_netting(account: Account, subaccount: int, *, enabled: bool) -> None:
    """Keep a subaccount's netting switch, on at first. Kept as data only: no positions are netted here."""
    account.require_subaccount(subaccount)
    if enabled:
        account.not_netted.discard(subaccount)
    else:
        account.not_netted.add(subaccount)


def _move(state: State, account: Account, source: tuple[int, int], target: tuple[int, int], money: int) -> None:
    _require(money > 0, "amount must be above 0")
    account.require_subaccount(source[0])
    account.require_subaccount(target[0])
    if account.available(*source) < money:
        raise ExchangeError(400, "insufficient_balance")
    state.put_cash(account, *source, -money)
    state.put_cash(account, *target, money)


def _require(met: bool, details: str) -> None:
    if not met:
        raise invalid_parameters(details)


def _require_shard(shard: int) -> None:
    _require(0 <= shard <= routing.LAST, f"exchange_index must be from 0 to {routing.LAST}")
