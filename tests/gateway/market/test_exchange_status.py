"""Whether the exchange trades: as it said a moment ago, or not known."""

import asyncio
from typing import Any

import pytest
from tests.gateway.fakes import FakeTime, FakeUpstream, always, answered

from pretrade.gateway.market.exchange_status import KEEP_MS, ExchangeStatus
from pretrade.kalshi.client import Lane, NotSent, Unknown
from pretrade.model.seen import ExchangeSeen

UP = {"exchange_active": True, "trading_active": True}
PAUSED = {"exchange_active": True, "trading_active": False}
DOWN = {"exchange_active": False, "trading_active": False}


def shard(index: int, switches: dict[str, bool]) -> dict[str, Any]:
    return {"exchange_index": index, "description": "x"} | switches


SAID: dict[str, tuple[dict[str, Any], tuple[bool, bool], dict[int, bool | None]]] = {
    "up": (UP, (True, True), {0: True, 1: None}),
    "paused": (PAUSED, (True, False), {0: False, 1: None}),
    "down": (DOWN, (False, False), {0: False}),
    "shards of their own": (
        UP | {"exchange_index_statuses": [shard(0, UP), shard(1, PAUSED), shard(2, DOWN)]},
        (True, True),
        {0: True, 1: False, 2: False, 3: None},
    ),
    "the first one paused, another one not": (
        PAUSED | {"exchange_index_statuses": [shard(0, PAUSED), shard(1, UP)]},
        (True, False),
        {0: False, 1: True},
    ),
}


async def told(body: Any, status: int = 200) -> tuple[ExchangeStatus, FakeTime, FakeUpstream]:
    time, upstream = FakeTime(), FakeUpstream(always(answered(status, body)))
    exchange = ExchangeStatus(upstream, time.clock)  # type: ignore[arg-type]
    await exchange.read()
    return exchange, time, upstream


@pytest.mark.parametrize("name", SAID)
async def test_the_status_is_what_the_exchange_says(name: str) -> None:
    """Catches a pause that is not seen, a shard that trades because another one does, and one nobody spoke of."""
    body, whole, shards = SAID[name]
    exchange, time, upstream = await told(body)
    time.pass_ms(700)
    assert exchange.seen() == ExchangeSeen(*whole, age_ms=700)
    assert {index: exchange.is_trading(index) for index in shards} == shards
    (request,) = upstream.sent
    assert (request.method, request.headers, upstream.lanes) == ("GET", (), [Lane.RECONCILE])


NOTHING: dict[str, Any] = {
    "no word of trading": {"exchange_active": True},
    "a word that is no flag": {"exchange_active": True, "trading_active": "true"},
    "null": {"exchange_active": True, "trading_active": None},
    "a shard without a number": UP | {"exchange_index_statuses": [UP]},
    "a shard twice": UP | {"exchange_index_statuses": [shard(1, UP), shard(1, PAUSED)]},
    "a list": [],
}


@pytest.mark.parametrize("name", NOTHING)
async def test_what_is_not_said_plainly_is_not_known(name: str) -> None:
    """Missing is not zero, and no answer is no yes."""
    exchange, _, _ = await told(NOTHING[name])
    assert (exchange.seen(), exchange.is_trading(0)) == (None, None)
    assert exchange.problem


async def test_what_was_true_once_is_forgotten() -> None:
    """Catches an exchange that went silent while it traded and is traded with ever after."""
    exchange, time, upstream = await told(UP)
    for failure in (NotSent("x"), Unknown("x"), answered(503, {"error": "maintenance"})):
        upstream.on_send = always(failure)
        await exchange.read()
        assert exchange.seen() is not None
    time.pass_ms(KEEP_MS - 1)
    assert exchange.is_trading(0) is True
    time.pass_ms(1)
    assert (exchange.seen(), exchange.is_trading(0)) == (None, None)
    upstream.on_send = always(answered(200, PAUSED))
    await exchange.read()
    assert (exchange.is_trading(0), exchange.problem) == (False, "")


async def test_the_age_begins_with_the_question() -> None:
    """Catches an answer that was long on its way and seems to be new."""
    time, upstream = FakeTime(), FakeUpstream(always(answered(200, UP)))

    async def slowly() -> None:
        time.pass_ms(900)

    upstream.on_connect = slowly
    exchange = ExchangeStatus(upstream, time.clock)  # type: ignore[arg-type]
    await exchange.read()
    seen = exchange.seen()
    assert seen is not None
    assert seen.age_ms == 900


async def test_an_exchange_that_says_nothing_keeps_no_door_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a proxy that does not start while the exchange hangs: exits must pass."""
    monkeypatch.setattr("pretrade.gateway.market.exchange_status.FIRST_S", 0.05)
    monkeypatch.setattr("pretrade.gateway.market.exchange_status.PATIENCE_S", 0.2)
    upstream = FakeUpstream(on_connect=asyncio.Event().wait)  # type: ignore[arg-type]
    exchange = ExchangeStatus(upstream, FakeTime().clock)  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        await exchange.first()
        assert exchange.seen() is None
        running = asyncio.create_task(exchange.run())
        while not exchange.problem:
            await asyncio.sleep(0.01)
    assert "did not answer" in exchange.problem
    running.cancel()
