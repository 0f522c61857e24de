"""What the account sees of its money: balances, settlements, transfers, deposits and withdrawals.

Rule of this file: records in, JSON-ready dicts out, nothing else. Watch the units: balances are dollars as text and
cents as a number (cut, not rounded), transfers between shards dollars, between subaccounts cents (market_data.md 1).
"""

from collections.abc import Mapping

from pretrade.model.units import format_count
from pretrade.practice.api.views import Json, dollars, rfc3339
from pretrade.practice.core.accounts import Position, Purse
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.state import MarketState
from pretrade.practice.core.statements import CashMovement, MarketResult, Settlement, ShardTransfer, SubaccountTransfer

_CENT = 10_000
"""A cent as money."""


def cents(money: int) -> int:
    """Whole cents, what is below a cent cut off."""
    return money // _CENT if money >= 0 else -(-money // _CENT)


def balance_view(purses: Mapping[int, Purse], portfolio_value: int, now_us: int, *, with_breakdown: bool) -> Json:
    """The available balance of some purses by shard; keys bound to a subaccount get no breakdown."""
    available = sum(purse.available for purse in purses.values())
    updated_us = max((purse.updated_us for purse in purses.values()), default=0)
    view: Json = {
        "balance": cents(available),
        "balance_dollars": dollars(available, 4),
        "portfolio_value": cents(portfolio_value),
        "updated_ts": (updated_us or now_us) // 1_000_000,
    }
    if with_breakdown:
        view["balance_breakdown"] = indexed_view({shard: purse.available for shard, purse in purses.items()})
    return view


def indexed_view(by_shard: Mapping[int, int]) -> list[Json]:
    """Money by shard, lowest shard first."""
    return [{"exchange_index": shard, "balance": dollars(money, 4)} for shard, money in sorted(by_shard.items())]


def mark(position: Position, market: MarketState) -> int:
    """What a position would bring at the last price, or at the market's first middle while nobody traded.

    A documented choice: the exchange does not say how it values positions.
    """
    price = market.last_price or market.market.opening_mid
    return position.count * price if position.count > 0 else -position.count * (ONE - price)


def settlement_view(settlement: Settlement) -> Json:
    """A position that was paid out; `value` is what one YES paid, in cents, of scalar markets only."""
    view = {
        "ticker": settlement.ticker,
        "event_ticker": settlement.event_ticker,
        "exchange_index": settlement.exchange_index,
        "market_result": str(settlement.result),
        "yes_count_fp": format_count(settlement.yes_count),
        "yes_total_cost_dollars": dollars(settlement.yes_cost),
        "no_count_fp": format_count(settlement.no_count),
        "no_total_cost_dollars": dollars(settlement.no_cost),
        "revenue": cents(settlement.revenue),
        "settled_time": rfc3339(settlement.settled_us),
        "fee_cost": dollars(settlement.fees),
    }
    is_scalar = settlement.result is MarketResult.SCALAR
    return view | ({"value": settlement.value // 100} if is_scalar else {})


def subaccount_balance_view(number: int, shard: int, purse: Purse, now_us: int) -> Json:
    """What one subaccount has available on one shard."""
    return {
        "subaccount_number": number,
        "exchange_index": shard,
        "balance": dollars(purse.available, 4),
        "updated_ts": (purse.updated_us or now_us) // 1_000_000,
    }


def subaccount_transfer_view(transfer: SubaccountTransfer) -> Json:
    """Cash that went from one subaccount to another."""
    return {
        "transfer_id": transfer.transfer_id,
        "from_subaccount": transfer.source,
        "to_subaccount": transfer.target,
        "amount_cents": cents(transfer.money),
        "created_ts": transfer.created_us // 1_000_000,
        "exchange_index": transfer.exchange_index,
    }


def shard_transfer_view(transfer: ShardTransfer) -> Json:
    """Cash that went from one shard to another; here it has always arrived."""
    return {
        "transfer_id": transfer.transfer_id,
        "source": "event_contract",
        "destination": "event_contract",
        "source_exchange_shard": transfer.source_shard,
        "destination_exchange_shard": transfer.target_shard,
        "amount": dollars(transfer.money, 4),
        "status": "complete",
        "created_ts": transfer.created_us // 1_000_000,
    }


def movement_view(movement: CashMovement) -> Json:
    """A deposit or a withdrawal."""
    view: Json = {
        "id": movement.movement_id,
        "status": movement.status,
        "type": movement.type,
        "amount_cents": cents(movement.money),
        "fee_cents": cents(movement.fee),
        "created_ts": movement.created_us // 1_000_000,
    }
    if movement.finalized_us is not None:
        view["finalized_ts"] = movement.finalized_us // 1_000_000
    return view
