"""How much of several orders would pass together: what is told passes as one batch, and none of it can be larger."""

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, World, always, open_world, order_body
from tests.gateway.questions import test_headroom

from pretrade.gateway.questions import asking_together
from pretrade.gateway.questions.asking import Question
from pretrade.gateway.questions.asking_together import MOST_ORDERS, Wish, read_wishes, together
from pretrade.kalshi.client import Unknown
from pretrade.model.instance import TradingState
from pretrade.model.orders import Side
from pretrade.model.units import Count, Price, format_count, format_price, parse_count
from pretrade.policy.fields import MAX_COUNT
from pretrade.risk.checks.headroom import Headroom

BATCH = "/trade-api/v2/portfolio/events/orders/batched"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, test_headroom.ROOMY, *test_headroom.LIQUID)
    test_headroom.leave_alone(world)
    yield world
    await world.close()


def wish(count: str = "", side: str = "bid", price: str = "0.5000", ticker: str = TICKER) -> dict[str, str]:
    stated = {"ticker": ticker, "side": side, "price": price}
    return stated | ({"count": count} if count else {})


async def fit(world: World, *wishes: dict[str, str]) -> tuple[Headroom, ...]:
    read = read_wishes(json.dumps({"orders": wishes}))
    return await together(world.instance, world.instance.clients["bot-key"], read)


def counts(found: tuple[Headroom, ...]) -> list[str]:
    return [format_count(room.count) for room in found]


async def batch(world: World, wishes: list[dict[str, str]], sized: list[int]) -> int:
    """The status of the batch of these orders with these counts, those of nothing left out."""
    legs = [
        order_body(**one, count=format_count(count), client_order_id=f"{count}-{number}")
        for number, (one, count) in enumerate(zip(wishes, sized, strict=True))
        if count
    ]
    return (await world.ask(world.post(BATCH, {"orders": legs}))).status


async def test_each_is_as_large_as_it_can_be_beside_those_before_it(world: World) -> None:
    """The default policy has room for 100 contracts of a market. Catches orders that are each told the whole of it, and
    a wish that is passed over for the next one's sake."""
    found = await fit(world, wish("60"), wish(), wish("5"))
    assert counts(found) == ["60.00", "40.00", "0.00"]
    assert [[str(check.code) for check in room.binds] for room in found] == [
        [],
        ["POSITION_EXCEEDS_MAXIMUM"],
        ["POSITION_EXCEEDS_MAXIMUM"],
    ]


async def test_each_side_of_a_market_has_its_own_room(world: World) -> None:
    """100 contracts a side: the asks take nothing from the bids. Catches orders set against each other."""
    found = await fit(world, wish("90", price="0.6000"), wish("100", "ask", price="0.3000"), wish("50", price="0.9000"))
    assert counts(found) == ["90.00", "100.00", "10.00"]


async def test_asking_changes_nothing_and_sends_nothing(world: World) -> None:
    assert await fit(world, wish("60"), wish()) == await fit(world, wish("60"), wish())
    assert world.upstream.sent == []


async def test_where_nothing_passes_every_order_says_why(world: World) -> None:
    world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="ann", reason="test")
    found = await fit(world, wish("1"), wish())
    assert counts(found) == ["0.00", "0.00"]
    assert {str(check.code) for room in found for check in room.binds} == {"TRADING_HALTED"}


async def test_what_was_taken_meanwhile_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another order passes between two of the search's turns. Catches an answer of which half is gone already."""
    fitted: list[int] = []
    real = asking_together._fit

    async def fit_and_lose(*arguments: Any) -> Headroom:
        found = await real(*arguments)
        fitted.append(len(fitted))
        if len(fitted) == 1:
            world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="ann", reason="test")
        return found

    monkeypatch.setattr(asking_together, "_fit", fit_and_lose)
    assert counts(await fit(world, wish("60"))) == ["0.00"]
    assert len(fitted) == 2


@pytest.mark.parametrize("number", range(6))
async def test_what_is_told_passes_and_no_order_of_it_can_be_larger(tmp_path: Path, number: int) -> None:
    """Random books, positions and wishes. Catches a batch that is told and denied, and an order that is cut short."""
    chance = random.Random(number)
    world = open_world(tmp_path, LIVE, test_headroom.ROOMY, *test_headroom.LIQUID)
    test_headroom.leave_alone(world)
    for _ in range(3):
        world.instance.books = test_headroom.FakeBooks(test_headroom.a_book(chance))  # type: ignore[assignment]
        world.time.pass_ms(60_000)
        wishes, limits = some_wishes(chance)
        asked = [one | ({"count": most} if most else {}) for one, most in zip(wishes, limits, strict=True)]
        found = await fit(world, *asked)
        sized = [room.count for room in found]
        for place, (count, most) in enumerate(zip(sized, limits, strict=True)):
            if not most or count < parse_count(most):
                more = [*sized[:place], count + 1, *(0 for _ in sized[place + 1 :])]
                assert await batch(world, wishes, more) == 403, (number, wishes, more)
        world.upstream.on_send = always(Unknown("no answer"))  # it counts in full from now on, wherever it rests
        assert not any(sized) or await batch(world, wishes, sized) == 504, (number, wishes, sized)
    await world.close()


def some_wishes(chance: random.Random) -> tuple[list[dict[str, str]], list[str]]:
    """Three orders, and how much of each is wanted at most, empty for as much as can be."""
    prices = [format_price(Price(chance.randrange(300, 9_800, 100))) for _ in range(3)]
    wishes = [wish(side=chance.choice(["bid", "ask"]), price=price) for price in prices]
    return wishes, [chance.choice(["", "7", "40"]) for _ in wishes]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("[]", "must be one JSON object"),
        ("{}", "1 to 10 orders"),
        ('{"orders": []}', "1 to 10 orders"),
        (json.dumps({"orders": [wish()] * (MOST_ORDERS + 1)}), "1 to 10 orders"),
        ('{"orders": [5]}', "orders[0]: needed is an object"),
        ('{"orders": [{"ticker": "T", "side": "bid", "price": 0.5}]}', "is not an integer"),
        (json.dumps({"orders": [wish(), wish() | {"post_only": "true"}]}), "orders[1]: needed are ticker"),
        (json.dumps({"orders": [wish("0.001")]}), "orders[0]: "),
        (json.dumps({"orders": [wish("0")]}), "orders[0]: "),
    ],
)
def test_what_makes_no_sense_is_said(text: str, told: str) -> None:
    """Catches a count that is rounded, and a flag that is passed over in silence."""
    with pytest.raises(ValueError, match=told.replace("[", r"\[")):
        read_wishes(text)


def test_a_wish_without_a_count_has_no_most() -> None:
    asked = Question(TICKER, Side.BID, Price(5_000))
    read = read_wishes(json.dumps({"orders": [wish(), wish("0.01")]}))
    assert read == (Wish(asked, MAX_COUNT), Wish(asked, Count(1)))
