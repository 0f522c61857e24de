"""How much an order could be: what is told is true, to the last hundredth, in whatever state the account is."""

import json
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import CLIENTS, LIVE, World, answered, open_world, order_body
from tests.gateway.marketkit import FakeBooks

from pretrade.gateway.messages import Answer
from pretrade.gateway.questions.asking import largest, read_question
from pretrade.gateway.questions.headroom import TOLD_A_SECOND
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.instance import TradingState
from pretrade.model.seen import BookSeen, Level, Source
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Price, format_count, format_price, parse_count
from pretrade.risk.checks.headroom import Headroom

ROOMY = ("max_orders: 25", "max_orders: 5000")


def unwaive(limit: str) -> tuple[str, str]:
    return f"  - {{limit: {limit}, reason: not what this is about, until: 2999-12-31}}\n", ""


LIQUID = (
    *(unwaive(f"liquidity.{name}") for name in ("max_slippage", "max_slippage_percent", "max_share_of_depth")),
    ("liquidity:\n", 'liquidity:\n  max_slippage: "$0.03"\n  max_slippage_percent: 5\n  max_share_of_depth: 50\n'),
)
"""The limits on liquidity that grow with the count."""


def leave_alone(world: World) -> None:
    """Make the bot the only client, which is told all."""
    world.instance.clients = {"bot-key": CLIENTS["bot-key"]}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, ROOMY, *LIQUID)
    leave_alone(world)
    yield world
    await world.close()


async def send(world: World, **changes: object) -> tuple[int, dict[str, Any]]:
    answer: Answer = await world.ask(world.order(**changes))
    return answer.status, json.loads(answer.body)


async def room(world: World, side: str = "bid", price: str = "0.5000") -> Headroom:
    question = read_question({"ticker": TICKER, "side": side, "price": price})
    return await largest(world.instance, world.instance.clients["bot-key"], question)


async def test_a_denial_says_how_much_would_pass(world: World) -> None:
    status, body = await send(world, count="250.00")
    assert (status, body["headroom"]) == (403, "100.00")
    assert "A count of 100.00 would pass now." in body["hint"]
    (row,) = await world.bodies(EventKind.DECISION)
    assert row["headroom"] == "100.00"
    assert (await send(world, count="100.01"))[1]["headroom"] == "100.00"
    assert (await send(world, count="100.00"))[0] == 201


async def test_where_nothing_passes_it_is_zero(world: World) -> None:
    world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="ann", reason="test")
    _, body = await send(world)
    assert body["headroom"] == "0.00"
    assert "would pass now" not in body["hint"]


async def test_the_smallest_order_there_is_has_none(world: World) -> None:
    assert "headroom" not in (await send(world, count="0.01", ticker="KXFED-26DEC-T4.25"))[1]


async def test_a_batch_of_several_has_none(world: World) -> None:
    legs = [order_body(count="150.00", client_order_id=f"leg-{leg}") for leg in range(2)]
    raw = world.post("/trade-api/v2/portfolio/events/orders/batched", {"orders": legs})
    assert "headroom" not in json.loads((await world.ask(raw)).body)
    raw = world.post("/trade-api/v2/portfolio/events/orders/batched", {"orders": legs[:1]})
    assert json.loads((await world.ask(raw)).body)["headroom"] == "100.00"


async def test_the_headroom_of_an_amend_is_its_total(world: World) -> None:
    _, made = await send(world, count="10.00", client_order_id="mine")
    change = {"ticker": TICKER, "side": "bid", "price": "0.5000", "count": "150.00"}
    raw = world.post(f"/trade-api/v2/portfolio/events/orders/{made['order_id']}/amend", change)
    assert json.loads((await world.ask(raw)).body)["headroom"] == "100.00"


async def test_what_others_have_used_is_in_the_log_alone(tmp_path: Path) -> None:
    """Catches a client that reads off another's orders from a denial: the figure, its text, the size that would pass,
    or the hint. What binds is named, and its limit; operators see all of it."""
    world = open_world(tmp_path, LIVE, *LIQUID, ('max_position: "100"', 'max_position: "73.21"'))
    for key_id, count in (("other-key", "31.07"), ("bot-key", "1.00")):
        answer = await world.ask(world.order(key_id, count=count, price="0.5000", client_order_id=key_id))
        assert answer.status == 201
    answer = await world.ask(world.order(count="99.00", price="0.5000", client_order_id="mine"))
    body = json.loads(answer.body)
    reason = next(one for one in body["reasons"] if one["code"] == "POSITION_EXCEEDS_MAXIMUM")
    assert (reason["rule"], reason["limit"]) == ("limits.market.max_position", "73.21")
    assert "headroom" not in body
    assert not any(figure in answer.body.decode() for figure in ("131.07", "41.14", "32.07", "31.07"))
    row = (await world.bodies(EventKind.DECISION))[-1]
    assert row["headroom"] == "41.14"
    assert "131.07" in json.dumps(row["checks"])
    await world.close()


async def test_a_flood_of_denials_is_not_worked_out(world: World) -> None:
    """Catches a client that holds up everybody's orders by sending what is denied: each headroom is many judgements."""
    told = [("headroom" in (await send(world, count=f"{200 + number}.00"))[1]) for number in range(TOLD_A_SECOND + 5)]
    assert told == [True] * TOLD_A_SECOND + [False] * 5
    world.time.pass_ms(1_000)
    assert "headroom" in (await send(world, count="300.00"))[1]


async def test_asking_changes_nothing(world: World) -> None:
    """Catches a question that holds risk, or uses up a throttle."""
    before = [await room(world) for _ in range(3)]
    assert before[0] == before[1] == before[2]
    assert await world.bodies(EventKind.DECISION) == []
    assert world.upstream.sent == []


async def test_what_only_closes_is_not_held_to_what_opens(world: World) -> None:
    """Catches a search that stops at the first limit on opening: 30 are held and can all be sold, at any price."""
    world.upstream.on_send = filling(random.Random(1), share=1.0)
    assert (await send(world, count="30.00", price="0.5600"))[0] == 201
    world.upstream.on_send = filling(random.Random(1), share=0.0)
    world.instance.trading.stop(TradingState.REDUCING, cause="operator", actor="ann", reason="test")
    found = await room(world, "ask", "0.5000")
    assert (found.count, [str(check.code) for check in found.binds]) == (3_000, ["TRADING_REDUCING"])


def filling(chance: random.Random, share: float = 0.5) -> Any:
    """An exchange that fills each order whole with this probability, else lets it rest."""

    async def on_send(request: SignedRequest) -> ExchangeAnswer:
        body = json.loads(request.body)
        fills = chance.random() < share
        named = {"order_id": f"ex-{body['client_order_id']}", "client_order_id": body["client_order_id"], "ts_ms": 1}
        counts = (body["count"], "0.00") if fills else ("0.00", body["count"])
        return answered(201, named | {"fill_count": counts[0], "remaining_count": counts[1]})

    return on_send


def a_book(chance: random.Random) -> BookSeen:
    bid, spread = chance.randrange(1_000, 8_000, 100), chance.randrange(100, 800, 100)
    no = Price(ONE_DOLLAR_PRICE - bid - spread)
    return BookSeen(_levels(chance, Price(bid)), _levels(chance, no), 0, Source.FEED)


def _levels(chance: random.Random, best: Price) -> tuple[Level, ...]:
    prices = range(best, 0, -chance.choice([100, 300, 700]))[: chance.randrange(1, 8)]
    return tuple((Price(price), Count(chance.choice([50, 1_234, 10_000, 100_000]))) for price in prices)


async def holds_in_a_random_account(folder: Path, seed: int) -> None:
    """Exactly what is told passes, and 0.01 more does not, after every order of a random life."""
    chance = random.Random(seed)
    tight = (('max_notional: "$200"', 'max_notional: "$90"'), ('max_exposure: "$400"', 'max_exposure: "$120"'))
    world = open_world(folder, LIVE, ROOMY, *LIQUID, *tight[: chance.randrange(3)])
    world.upstream.on_send = filling(chance)
    leave_alone(world)
    for _ in range(6):
        world.instance.books = FakeBooks(a_book(chance))  # type: ignore[assignment]
        side, price = chance.choice(["bid", "ask"]), format_price(chance.randrange(300, 9_800, 100))
        world.time.pass_ms(60_000)
        found = await room(world, side, price)
        more = format_count(found.count + 1)
        if found.count < Count(100_000_000):
            status, body = await send(world, side=side, price=price, count=more)
            assert status == 403, f"seed {seed}: {more} {side} {price} passed, told was {found}"
            told = parse_count(body["headroom"]) if body.get("headroom", "0.00") != "0.00" else 0
            assert told == found.count, f"seed {seed}: a denial told {told}, the question {found}"
        if found.count:
            status, body = await send(world, side=side, price=price, count=format_count(found.count))
            assert status == 201, f"seed {seed}: {found} was told and denied: {body}"
    await world.close()


@pytest.mark.parametrize("number", range(10))
async def test_what_is_told_is_true(tmp_path: Path, number: int) -> None:
    """Catches a headroom that is rounded, reckoned past a check, or of another side, price or client."""
    await holds_in_a_random_account(tmp_path, number)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_what_is_told_is_true_in_many_accounts(tmp_path: Path) -> None:
    """The same over other lives each day."""
    seed = int(os.environ.get("PRETRADE_SEED", time.time_ns() // 86_400_000_000_000))
    for number in range(150):
        folder = tmp_path / str(number)
        folder.mkdir()
        await holds_in_a_random_account(folder, seed * 1_000 + number)
