"""Two client libraries' streams, unmodified, directly against the practice exchange: every channel in their own models.

pykalshi's stream goes to the exchange's own host whatever it is told, so only a proxy leads it here.
"""

from decimal import Decimal

import pytest
from tests.practice.rawclient import Client as RawClient
from tests.practice.support import rsa_key, start_practice
from tests.sdks.clients import Client, Place
from tests.sdks.session import BTC

from pretrade.kalshi.keys import private_pem_of
from pretrade.practice.core import groups
from pretrade.practice.play.actions import perform

KINDS = {
    "orderbook_delta": ("orderbook_snapshot", "orderbook_delta"),
    "ticker": ("ticker",),
    "trade": ("trade",),
    "fill": ("fill",),
    "user_orders": ("user_order",),
    "market_positions": ("market_position",),
    "market_lifecycle_v2": ("market_lifecycle_v2",),
    "order_group_updates": ("order_group_updates",),
}
"""The channels with the types of messages that a session brings on them."""
OF_MARKETS = {"orderbook_delta", "ticker", "trade"}
"""Channels that kalshi-sdk lets its user narrow to some markets; pykalshi-client names markets with every channel."""


@pytest.fixture
async def practice(tmp_path):
    running = await start_practice(tmp_path / "practice")
    yield running
    await running.stop()


@pytest.fixture(params=["kalshi-sdk stream", "pykalshi-client stream"])
async def stream(request, practice, tmp_path):
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(private_pem_of(rsa_key()))
    found = await Client.start(request.param, Place(practice.base_url, practice.ca_file, "full", key_file))
    yield found
    await found.kill()


async def test_every_channel(stream, practice):
    """Catches a message that a library's models refuse, or that says another price, count or order than REST did."""
    for channel in KINDS:
        tickers = [BTC] if channel in OF_MARKETS or "pykalshi" in stream.name else []
        followed = await stream.ask("follow", {"channel": channel, "tickers": tickers})
        assert followed.ok, followed.text
    first = await stream.ask("heard", {"kinds": ["orderbook_snapshot"]})
    assert first.ok, first.text
    async with RawClient(practice) as client:
        _, rested = await client.create(price="0.1000", count="3.00")
        _, taken = await client.create(price="0.9000", count="2.00", time_in_force="immediate_or_cancel")
    groups.create(practice.exchange, practice.exchange.accounts["main"], 500)
    perform(practice.practice, "pause", {"what": "market", "market": BTC})
    heard = await stream.ask("heard", {"kinds": [kind for kinds in KINDS.values() for kind in kinds]})
    await stream.end()
    assert heard.ok, heard.text
    assert {rested["order_id"], taken["order_id"]} <= set(heard.all("order_id"))
    fill = next(one["msg"] for one in heard.result if "is_taker" in (one["msg"] or {}))
    assert (fill["order_id"], Decimal(fill.get("count_fp") or fill["count"])) == (taken["order_id"], 2)
