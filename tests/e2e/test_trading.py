"""Both official SDKs, unmodified, trade through the proxy: what goes in comes out at the exchange and in the log."""

import pytest
from tests.e2e.harness import OPEN, order

from pretrade.cli.init import LIVE_KEY_ID

TAKE = {"time_in_force": "immediate_or_cancel"}


def test_reads_pass_as_they_came(bot):
    assert OPEN in [market["ticker"] for market in bot.call("get_markets", limit=10).result["markets"]]
    book = bot.call("get_market_orderbook", ticker=OPEN, depth=1).result["orderbook_fp"]
    assert len(book["yes_dollars"]) == len(book["no_dollars"]) == 1
    assert bot.call("get_balance").result["balance"] > 0
    assert "market_positions" in bot.call("get_positions").result
    assert "fills" in bot.call("get_fills").result
    assert "orders" in bot.call("get_orders").result


def test_an_order_fills_and_position_and_log_know_it(world, bot):
    before = _position(bot)
    placed = bot.call("create_order_v2", **order("2.00", "0.9000", **TAKE))
    assert (placed.result["fill_count"], placed.result["remaining_count"]) == ("2.00", "0.00")
    assert _position(bot) == before + 2
    fill = bot.call("get_fills").result["fills"][0]
    assert fill["order_id"] == placed.result["order_id"]
    row = world.decision_of(placed.result["client_order_id"])
    assert (row.body["door"], row.body["verdict"], row.body["client"]) == (bot.door, "approved", "momentum-bot")
    outcome = world.outcome(row.decision_id)
    assert (outcome["state"], outcome["legs"][0]["fill_count"]) == ("accepted", "2.00")


def _position(bot) -> float:
    positions = bot.call("get_positions").result["market_positions"]
    return sum(float(position["position_fp"]) for position in positions if position["ticker"] == OPEN)


def test_an_order_rests_is_amended_decreased_and_canceled(world, bot):
    placed = bot.call("create_order_v2", **order("10.00", "0.0500"))
    name = placed.result["order_id"]
    assert placed.result["remaining_count"] == "10.00"
    amended = bot.call("amend_order_v2", order_id=name, ticker=OPEN, side="bid", price="0.0600", count="8.00")
    assert amended.result["remaining_count"] == "8.00"
    assert bot.call("decrease_order_v2", order_id=name, reduce_by="3.00").result["remaining_count"] == "5.00"
    resting = bot.call("get_orders", status="resting").result["orders"]
    assert (name, "0.0600", "5.00") in [
        (o["order_id"], o["yes_price_dollars"], o["remaining_count_fp"]) for o in resting
    ]
    with world.exchange_sees(1) as seen:
        assert bot.call("cancel_order_v2", order_id=name).result["reduced_by"] == "5.00"
    assert (seen[0]["method"], seen[0]["query"]) == ("DELETE", "subaccount=0"), "what was left open is written out"


def test_batches_and_cancel_all(world, bot):
    with world.exchange_sees(1):
        batch = bot.call("batch_create_orders_v2", orders=[order(price="0.0300"), order(price="0.0400")])
    placed = [entry["order_id"] for entry in batch.result["orders"]]
    assert len(set(placed)) == 2
    canceled = bot.call("batch_cancel_orders_v2", orders=[{"order_id": placed[0]}])
    assert canceled.result["orders"][0]["reduced_by"] == "1.00"
    assert bot.call("cancel_all_orders", subaccount=0).ok
    assert bot.call("get_orders", status="resting").result["orders"] == []


def test_the_exchanges_own_refusals_reach_the_user_as_they_came(bot):
    """Nothing of ours stands between a client and what the exchange says."""
    gone = bot.call("cancel_order_v2", order_id="11111111-1111-1111-1111-111111111111")
    assert (gone.kind, gone.status) == ("NotFoundException", 404)
    assert "decision_id" not in gone.body
    crossing = bot.call("create_order_v2", **order(price="0.9000", post_only=True))
    assert (crossing.kind, crossing.body["error"]["code"]) == ("BadRequestException", "invalid_order")
    again = order(client_order_id="the-same-id-" + bot.door)
    assert bot.call("create_order_v2", **again).ok
    assert bot.call("create_order_v2", **again).kind == "ConflictException"


def test_ids_of_the_client_are_kept_and_missing_ones_written_in(world, bot):
    own = f"my-own-id-{bot.door}"
    assert bot.call("create_order_v2", **order(client_order_id=own)).result["client_order_id"] == own
    assert world.decision_of(own).body["rewrites"] == ["subaccount"]
    made = bot.call("create_order_v2", **order()).result["client_order_id"]
    row = world.decision_of(made)
    assert (made, row.body["rewrites"]) == (f"pt-{row.decision_id}", ["client_order_id", "subaccount"])


@pytest.mark.parametrize("door", ["proxy", "base_url"])
def test_either_door_gives_the_same_bytes(world, door):
    """A raw client gets the exchange's answer unchanged by both doors, and the log says by which one it came."""
    answer = world.raw().send("GET", f"/trade-api/v2/markets/{OPEN}", door=door)
    assert (answer.status, answer.body["market"]["ticker"]) == (200, OPEN)
    assert LIVE_KEY_ID.encode() not in answer.raw
