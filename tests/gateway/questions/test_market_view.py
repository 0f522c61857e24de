"""One market as people see it: the golden book, and markets of which little is known."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import CLIENTS, LIVE, World, open_world
from tests.gateway.marketkit import FakeBooks
from tests.risk.checks.test_liquidity import B1, B2, book

from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.questions.market_view import market_view
from pretrade.gateway.questions.questions import Questions
from pretrade.model.seen import BookSeen

BOT = CLIENTS["bot-key"]
DEMANDS = tuple(
    (f"  - {{limit: liquidity.{name}, reason: not what this is about, until: 2999-12-31}}\n", "")
    for name in ("max_slippage", "max_slippage_percent")
)
SLIPPAGE = (*DEMANDS, ("liquidity:\n", 'liquidity:\n  max_slippage: "$0.03"\n  max_slippage_percent: 5\n'))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *SLIPPAGE)
    yield world
    await world.close()


def holding(world: World, a_book: BookSeen | None) -> World:
    world.instance.books = FakeBooks(a_book)  # type: ignore[assignment]
    return world


async def test_the_golden_book(world: World) -> None:
    told = await market_view(holding(world, B1).instance, BOT, TICKER)
    shown = {name: told[name] for name in ("spread", "midpoint", "depth_yes", "depth_no", "depth_weighted")}
    assert shown == {
        "spread": "0.0100",
        "midpoint": "$0.475",
        "depth_yes": "300.00",
        "depth_no": "300.00",
        "depth_weighted": "518.18",
    }
    assert told["bids"] == [["0.4700", "100.00"], ["0.4600", "100.00"], ["0.4500", "100.00"]]
    assert told["asks"] == [["0.4800", "100.00"], ["0.4900", "100.00"], ["0.5000", "100.00"]]
    sizes = {size["count"]: (size["yes"], size["no"]) for size in told["sizes"]}  # type: ignore[index, attr-defined]
    assert sizes["250.00"] == (
        {"average": "$0.488", "slippage": "$0.008"},
        {"average": "$0.538", "slippage": "$0.008"},
    )
    assert sizes["500.00"] == (None, None)


async def test_safe_sizes_are_those_of_the_policy(world: World) -> None:
    told = await market_view(holding(world, B2).instance, BOT, TICKER)
    assert told["safe"] == {"buy_yes": "62.50", "sell_yes": "50.00", "buy_no": "50.00", "sell_no": "63.82"}


async def test_own_orders_are_nobody_to_trade_with(world: World) -> None:
    """Catches a market that looks better to people than to the checks: by the account's own orders in it."""
    holding(world, book("47x60 46x100", "52x100"))
    for price, count in (("0.4700", "60.00"), ("0.4600", "0.03")):
        mine = world.order(price=price, count=count, client_order_id=f"mine-{price}")
        assert (await world.ask(mine)).status == 201
    told = await market_view(world.instance, BOT, TICKER)
    assert (told["midpoint"], told["bids"]) == ("$0.47", [["0.4600", "99.97"]])


@pytest.mark.parametrize(
    "a_book", [None, book("47x10", ""), replace(B1, age_ms=2_001)], ids=["none", "one-sided", "old"]
)
async def test_what_is_not_known_is_told_as_that(world: World, a_book: BookSeen | None) -> None:
    """Catches a dead market that is shown as a good one."""
    told = await market_view(holding(world, a_book).instance, BOT, TICKER)
    assert (told["grade"], told["score"]) == ("illiquid", 0)
    assert told["warnings"] == [
        "the book has no fresh midpoint: a side is empty, it is locked or crossed, or it is old"
    ]


async def test_a_market_that_is_not_there(world: World) -> None:
    world.instance.markets.missing.add("KX-NONE")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="did not tell about KX-NONE"):
        await market_view(world.instance, BOT, "KX-NONE")
    with pytest.raises(ValueError, match="not in the exchange's form"):
        await market_view(world.instance, BOT, "../markets")


async def test_people_say_whose_limits_where_there_are_several_clients(world: World) -> None:
    questions = Questions(world.instance)
    asked = {"ticker": TICKER, "side": "bid", "price": "0.5000"}
    with pytest.raises(AdminError, match="known are bot, other, rsa-bot"):
        await questions.headroom("ann", asked)
    with pytest.raises(AdminError, match="no client is called x"):
        await questions.headroom("ann", asked | {"client": "x"})
    told = await questions.headroom("ann", asked | {"client": "bot"})
    assert (told["client"], told["headroom"]) == ("bot", "100.00")
    assert [bind["rule"] for bind in told["binds"]] == ["limits.order.max_count", "limits.market.max_position"]  # type: ignore[attr-defined]
    assert (await questions.market("ann", {"ticker": TICKER, "client": "bot"}))["ticker"] == TICKER


async def test_the_flags_that_a_policy_requires_are_asked_with(tmp_path: Path) -> None:
    """Catches a headroom of nothing wherever a flag is required, which every real order has."""
    required = (
        ("  post_only: false", "  post_only: true"),
        ("  expiration_within: never", "  expiration_within: 24h"),
        ("  cancel_order_on_pause: false", "  cancel_order_on_pause: true"),
    )
    world = open_world(tmp_path, LIVE, *required)
    asked = {"ticker": TICKER, "side": "bid", "price": "0.5000", "client": "bot"}
    assert (await Questions(world.instance).headroom("ann", asked))["headroom"] == "100.00"
    await world.close()
