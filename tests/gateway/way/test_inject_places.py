"""The order groups of `inject` by where they are: one for each shard, and one for each of the clients that share a
subaccount."""

import json
from dataclasses import replace
from pathlib import Path

from tests.builders import TICKER
from tests.gateway.fakes import LIVE, ORDERS, answered, open_world, order_body
from tests.gateway.marketkit import FakeMarkets
from tests.gateway.way.test_inject import INJECT, Exchange

from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.markets import MarketFacts

SECOND = "KXBTC-26DEC31-T200000"
"""A market on the second shard."""


class Sharded(FakeMarkets):
    """Markets on two shards."""

    def get(self, ticker: str) -> MarketFacts | None:
        facts = super().get(ticker)
        return replace(facts, exchange_index=1) if facts is not None and ticker == SECOND else facts


class Shards(Exchange):
    """Names a group by its shard, and takes an order only into one of its market's."""

    async def __call__(self, request: SignedRequest) -> ExchangeAnswer:
        body = json.loads(request.body or b"{}")
        if request.target.partition("?")[0].endswith("/create"):
            shard = body["exchange_index"]
            self.groups.append(f"g-{shard}")
            return answered(201, {"order_group_id": f"g-{shard}", "subaccount": 0, "exchange_index": shard})
        for one in body.get("orders", [body] if "ticker" in body else []):
            self.members.append(one.get("order_group_id"))
            assert self.members[-1] == ("g-1" if one["ticker"] == SECOND else "g-0")
        return await super().__call__(request)


async def test_each_shard_has_a_group_of_its_own(tmp_path: Path) -> None:
    """Catches orders of a batch that are all put into the group of the first one's shard, which the exchange refuses,
    and a second group on a shard that an order names itself."""
    world = open_world(tmp_path, LIVE, INJECT)
    exchange = Shards()
    world.upstream.on_send = exchange
    world.instance.markets = Sharded()  # type: ignore[assignment]
    tickers = (SECOND, TICKER, TICKER, SECOND)
    orders = [order_body(ticker=ticker, price=f"0.{50 + leg}00", count="1.00") for leg, ticker in enumerate(tickers)]
    assert (await world.ask(world.post(f"{ORDERS}/batched", {"orders": orders}))).status == 201
    for named, price in ((1, "0.4000"), (-1, "0.4100")):
        assert (await world.ask(world.order(ticker=SECOND, exchange_index=named, price=price))).status == 201
    assert sorted(exchange.groups) == ["g-0", "g-1"]
    other = await world.ask(world.order(ticker=SECOND, order_group_id="g-0", price="0.4200"))
    assert "ORDER_GROUP_DIFFERS" in {reason["code"] for reason in json.loads(other.body)["reasons"]}
    await world.close()


async def test_clients_that_share_a_subaccount_have_a_group_each(tmp_path: Path) -> None:
    """Catches one client's orders in the other's group: what one matches would cancel the other's orders. Nobody may
    name the other's, and none of them is trapped for sharing."""
    world = open_world(tmp_path, LIVE, INJECT)
    exchange = Exchange()
    world.upstream.on_send = exchange
    sharing = {
        key: replace(client, subaccount=0, shares_subaccount=True)
        for key, client in world.instance.clients.items()
        if client.name in {"bot", "other"}
    }
    world.instance.clients = world.instance.clients | sharing
    for key, price in (("bot-key", "0.5000"), ("other-key", "0.5100"), ("bot-key", "0.5200")):
        assert (await world.ask(world.order(key, price=price))).status == 201
    assert exchange.members == ["g-1", "g-2", "g-1"]
    answer = await world.ask(world.order("other-key", order_group_id="g-1", price="0.5300"))
    assert "ORDER_GROUP_NOT_OWNED" in {reason["code"] for reason in json.loads(answer.body)["reasons"]}
    assert exchange.members == ["g-1", "g-2", "g-1"]
    await world.close()
