"""Every operation of the official SDKs' orders, portfolio, account, API key and order group classes, over HTTPS.

Each test goes through one class and calls all of its operations; `CALLED` is held against the classes at the end of
each, so an operation that the SDK gains is noticed.
"""

import inspect
import uuid

import kalshi_python_sync.api as classes
import pytest
from tests.practice.sdkkit import KINDS, sdk_client
from tests.practice.support import BTC, DAY_US, ONE_DOLLAR

from pretrade.kalshi.keys import load_private_key, public_pem_of
from pretrade.model.orders import Side
from pretrade.practice.core import lifecycle, transfers
from pretrade.practice.core.instruments import Market

REST = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
TAKE = REST | {"time_in_force": "immediate_or_cancel"}
BID = {"ticker": BTC, "side": "bid"}


class Noted:
    """An SDK that remembers which operations were called."""

    def __init__(self, sdk):
        self.sdk = sdk
        self.called = set()

    async def __call__(self, name, /, **arguments):
        self.called.add(name)
        return await self.sdk(name, **arguments)

    async def refused(self, exception, code, name, /, **arguments):
        """A call that must end in the SDK's own exception, with this code in its body."""
        with pytest.raises(getattr(self.sdk.errors.exceptions, exception)) as caught:
            await self(name, **arguments)
        assert code in caught.value.body

    def require_all_of(self, *sdk_classes):
        names = {
            name
            for cls in sdk_classes
            for name, _ in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_") and "with" not in name.split("_")[-3:] and "without" not in name
        }
        assert names - self.called == set()


@pytest.fixture(params=KINDS)
async def noted(request, practice):
    async with sdk_client(request.param, practice) as client:
        yield Noted(client)


@pytest.fixture
def main(practice):
    """The account `main` with a market on shard 1."""
    now = practice.exchange.clock()
    market = Market("SHARD-1", "KXFED-26DEC", "t", "y", now - DAY_US, now + DAY_US, 5_000, exchange_index=1)
    lifecycle.create_market(practice.exchange, market)
    return practice.exchange.accounts["main"]


async def test_orders(noted, practice):
    placed = await noted("create_order_v2", **BID, count="10", price="0.1000", client_order_id="one", **REST)
    assert (placed.client_order_id, placed.fill_count, placed.remaining_count) == ("one", "0.00", "10.00")
    assert placed.average_fill_price is None
    one = {"order_id": placed.order_id}
    amended = await noted("amend_order_v2", **one, **BID, price="0.1100", count="9", updated_client_order_id="two")
    assert (amended.client_order_id, amended.remaining_count) == ("two", "9.00")
    assert (await noted("decrease_order_v2", **one, reduce_to="4.5")).remaining_count == "4.50"
    ahead = (await noted("get_order_queue_position", **one)).queue_position_fp
    assert ahead == f"{_bids_above(practice, 1_100):.2f}"
    [position] = (await noted("get_order_queue_positions", market_tickers=BTC)).queue_positions
    assert (position.order_id, position.market_ticker, position.queue_position_fp) == (placed.order_id, BTC, ahead)
    order = (await noted("get_order", **one)).order
    assert (order.status.value, order.initial_count_fp, order.remaining_count_fp) == ("resting", "9.00", "4.50")
    assert order.book_side.value == "bid"
    taken = await noted("create_order_v2", **BID, count="2", price="0.9", **TAKE)
    assert (taken.average_fill_price, taken.average_fee_paid) == ("0.5600", "0.017250")
    listed = await noted("get_orders", ticker=BTC, limit=1)
    assert listed.orders[0].order_id == taken.order_id
    assert (await noted("get_orders", cursor=listed.cursor)).orders[0].order_id == placed.order_id
    models = noted.sdk.models
    entries = [models.CreateOrderV2Request(**BID, count="1", price=p, **REST) for p in ("0.1", "0.1050")]
    first, second = (await noted("batch_create_orders_v2", orders=entries)).orders
    assert (first.remaining_count, second.error.code) == ("1.00", "invalid_price")
    entry = models.BatchCancelOrdersV2RequestOrdersInner
    gone = await noted("batch_cancel_orders_v2", orders=[entry(order_id=first.order_id), entry(order_id="no")])
    assert [(o.reduced_by, o.error.code if o.error else None) for o in gone.orders] == [
        ("1.00", None),
        ("0.00", "not_found"),
    ]
    assert (await noted("cancel_order_v2", **one, market_ticker=BTC)).reduced_by == "4.50"
    assert await noted("cancel_all_orders") is None
    noted.require_all_of(classes.OrdersApi)


def _bids_above(practice, price):
    book = practice.exchange.markets[BTC].book
    return sum(count for level, count in book.depth(Side.BID) if level > price) / 100


async def test_portfolio(noted, practice, main):
    await noted("create_order_v2", **BID, count="10", price="0.6000", **TAKE)
    await noted("create_order_v2", **BID, count="10", price="0.1000", **REST)
    assert [f.count_fp for f in (await noted("get_fills", ticker=BTC)).fills] == ["10.00"]
    positions = await noted("get_positions", count_filter="position")
    assert [(p.ticker, p.position_fp, p.market_exposure_dollars) for p in positions.market_positions] == [
        (BTC, "10.00", "5.600000")
    ]
    assert [(e.total_cost_shares_fp, e.event_exposure_dollars) for e in positions.event_positions] == [
        ("10.00", "5.600000")
    ]
    balance = await noted("get_balance")
    assert (balance.balance, balance.balance_dollars) == (999_322, "9993.2275")
    assert [(b.exchange_index, b.balance) for b in balance.balance_breakdown] == [(0, "9993.2275"), (1, "0.0000")]
    total = await noted("get_portfolio_resting_order_total_value")
    assert (total.total_resting_order_value, total.resting_order_value_breakdown[0].balance) == (100, "1.0000")
    await _transfers(noted)
    transfers.deposit(practice.exchange, main, 5 * ONE_DOLLAR)
    transfers.withdraw(practice.exchange, main, 3 * ONE_DOLLAR)
    [deposit] = (await noted("get_deposits")).deposits
    [withdrawal] = (await noted("get_withdrawals")).withdrawals
    assert (deposit.amount_cents, deposit.status, withdrawal.amount_cents) == (500, "applied", 300)
    lifecycle.determine(practice.exchange, BTC, "yes")
    [settlement] = (await noted("get_settlements")).settlements
    assert (settlement.market_result, settlement.revenue, settlement.yes_count_fp) == ("yes", 1_000, "10.00")
    assert (await noted("get_positions", settlement_status="settled")).market_positions[0].position_fp == "0.00"
    noted.require_all_of(classes.PortfolioApi)


async def _transfers(noted):
    """Subaccounts, transfers between them and between shards, netting and allocation."""
    number = (await noted("create_subaccount")).subaccount_number
    same = {"client_transfer_id": str(uuid.uuid4()), "from_subaccount": 0, "to_subaccount": number}
    await noted("apply_subaccount_transfer", **same, amount_cents=12_345)
    again = same | {"amount_cents": 12_345}
    await noted.refused("ConflictException", "transfer_already_applied", "apply_subaccount_transfer", **again)
    balances = (await noted("get_subaccount_balances")).subaccount_balances
    assert [b.balance for b in balances if b.subaccount_number == number] == ["123.4500"]
    assert (await noted("get_subaccount_transfers")).transfers[0].amount_cents == 12_345
    assert await noted("update_subaccount_netting", subaccount_number=number, enabled=False) is None
    netting = (await noted("get_subaccount_netting")).netting_configs
    assert {c.subaccount_number: c.enabled for c in netting} == {0: True, 1: True, 3: True} | {number: False}
    both = {"source": "event_contract", "destination": "event_contract", "amount": 10_000}
    made = await noted("intra_exchange_instance_transfer", **both, destination_exchange_shard=1)
    one = (await noted("get_intra_exchange_instance_transfer", transfer_id=made.transfer_id)).transfer
    assert (one.amount, one.status.value, one.destination_exchange_shard) == ("1.0000", "complete", 1)
    listed = (await noted("get_intra_exchange_instance_transfers", limit=10)).transfers
    assert [t.transfer_id for t in listed] == [made.transfer_id]
    rows = [noted.sdk.models.TargetBalanceAllocationInput(exchange_index=i, percent=50) for i in (0, 1)]
    await noted("set_target_balance_allocation", allocations=rows, resting_margin_reservation="max")
    target = await noted("get_target_balance_allocation")
    assert [(a.exchange_index, a.percent) for a in target.allocations] == [(0, 50), (1, 50)]
    assert target.resting_margin_reservation.value == "max"
    await noted("set_target_balance_allocation", allocations=[])


async def test_order_groups(noted):
    made = await noted("create_order_group", contracts_limit=5)
    assert (made.subaccount, made.exchange_index) == (0, 0)
    one = {"order_group_id": made.order_group_id}
    placed = await noted("create_order_v2", **BID, count="1", price="0.1", **one, **REST)
    group = await noted("get_order_group", **one)
    assert (group.orders, group.contracts_limit_fp) == ([placed.order_id], "5.00")
    await noted("update_order_group_limit", **one, contracts_limit_fp="7.00")
    assert [g.contracts_limit_fp for g in (await noted("get_order_groups")).order_groups] == ["7.00"]
    await noted("trigger_order_group", **one)
    assert (await noted("get_order", order_id=placed.order_id)).order.status.value == "canceled"
    order = BID | REST | one | {"count": "1", "price": "0.1"}
    await noted.refused("ConflictException", "order_group_triggered", "create_order_v2", **order)
    await noted("reset_order_group", **one)
    await noted("create_order_v2", **BID, count="1", price="0.1", **one, **REST)
    await noted("delete_order_group", **one)
    await noted.refused("NotFoundException", "order_group_not_found", "get_order_group", **one)
    noted.require_all_of(classes.OrderGroupsApi)


async def test_account(noted):
    limits = await noted("get_account_api_limits")
    assert (limits.usage_tier, limits.read.refill_rate, limits.write.bucket_capacity) == ("prestige", 12_000, 28_800)
    costs = await noted("get_account_endpoint_costs")
    assert (costs.default_cost, {c.cost for c in costs.endpoint_costs}) == (10, {2, 30})
    await noted.refused("ForbiddenException", "insufficient_permissions", "upgrade_account_api_usage_level")
    await noted("create_order_v2", **BID, count="2.50", price="0.9", **TAKE)
    assert await noted("upgrade_account_api_usage_level") is None
    assert {g.level for g in (await noted("get_account_api_limits")).grants} == {"prestige", "advanced"}
    [progress] = (await noted("get_account_api_usage_level_volume_progress")).volume_progress
    assert progress.trailing_30d_volume_fp == "2.50"
    noted.require_all_of(classes.AccountApi)


async def test_api_keys(noted, practice):
    generated = await noted("generate_api_key", name="generated", key_type="ed25519", scopes=["read", "write"])
    assert generated.key_type.value == "ed25519"
    public = public_pem_of(load_private_key(generated.private_key.encode()).public_key()).decode()
    made = await noted("create_api_key", name="own", public_key=public, scopes=["read"], subaccount=3)
    rows = {row.api_key_id: row for row in (await noted("get_api_keys")).api_keys}
    assert [scope.value for scope in rows[made.api_key_id].scopes] == ["read"]
    assert (rows[made.api_key_id].name, rows[made.api_key_id].subaccount) == ("own", 3)
    assert rows[generated.api_key_id].subaccount is None
    assert await noted("delete_api_key", api_key=made.api_key_id) is None
    await noted.refused("NotFoundException", "not_found", "delete_api_key", api_key=made.api_key_id)
    noted.require_all_of(classes.ApiKeysApi)
    async with sdk_client("sync", practice, "reader") as reader:
        with pytest.raises(reader.errors.exceptions.ForbiddenException, match="insufficient_permissions"):
            await reader("generate_api_key", name="n")
