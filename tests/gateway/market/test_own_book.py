"""Limits on liquidity beside our own orders: those that rest in the book, and those that are on their way to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.account.test_reconcile import FakeReader
from tests.gateway.fakes import LIVE, TICKER, Hanging, World, accept, always, answered, open_world, shown, until
from tests.gateway.marketkit import FakeBooks
from tests.gateway.questions.test_headroom import LIQUID, unwaive
from tests.risk.recordkit import ended
from tests.roomy import ROOMY

from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.market.books import KEEP_MS, READ_LAG_MS, Books
from pretrade.kalshi.client import Answer, Unknown
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.seen import BookSeen, Source
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.own_orders import standing_of

SLIPPED, SHARE = "SLIPPAGE_EXCEEDS_MAXIMUM", "DEPTH_SHARE_EXCEEDS_MAXIMUM"
CLIFF = BookSeen(
    yes=((Price(4_900), Count(100_000)),), no=((Price(5_000), Count(5_000)), (Price(4_500), Count(100_000))),
    age_ms=0, source=Source.REST,
)  # fmt: skip
"""Asked are 50 contracts at 0.50, and a thousand at 0.55."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *ROOMY, *LIQUID)
    world.instance.books = FakeBooks(CLIFF)  # type: ignore[assignment]
    yield world
    await world.close()


async def place(world: World, number: int, key_id: str = "bot-key", **changes: object) -> str:
    """Send an order under an id of its own; the code of the answer, or nothing where it passed."""
    async with asyncio.timeout(10):
        answer = await world.ask(world.order(key_id, **{"client_order_id": f"c-{number}", "price": "0.5500"} | changes))
    return shown(answer)[1]


async def test_an_order_meets_what_those_under_way_leave(world: World) -> None:
    """Catches two orders that are judged by one book: both would be seen to buy the same 50 contracts at the best
    price, and the second pays five cents more. Whose the first one is makes no difference."""
    world.upstream.on_send = hanging = Hanging()
    first = asyncio.create_task(place(world, 1, count="50.00"))
    await until(hanging.reached.is_set)
    assert [await place(world, 2, count="50.00"), await place(world, 3, "other-key", count="50.00")] == [SLIPPED] * 2
    hanging.go_on.set()
    assert await first == ""


async def test_an_order_of_unknown_end_may_have_taken(world: World) -> None:
    """Unknown is not failed. Catches an order that is forgotten because its answer was lost."""
    world.upstream.on_send = always(Unknown("no answer"))
    assert await place(world, 1, count="50.00") == "OUTCOME_UNKNOWN"
    assert await place(world, 2, count="50.00") == SLIPPED


async def test_what_rests_away_from_the_market_takes_nothing(world: World) -> None:
    world.upstream.on_send = hanging = Hanging()
    resting = world.order(client_order_id="c-1", price="0.4900", count="99.00")
    first = asyncio.create_task(world.ask(resting))
    await until(hanging.reached.is_set)
    second = asyncio.create_task(place(world, 2, count="50.00"))
    hanging.go_on.set()
    assert (await second, (await first).status) == ("", 201)


async def test_own_orders_are_no_depth(world: World) -> None:
    """Catches a client that puts up the depth itself of which it may then take half."""
    thin = BookSeen(((Price(4_900), Count(100_000)),), ((Price(4_500), Count(10_000)),), 0, Source.REST)
    world.instance.books = FakeBooks(thin)  # type: ignore[assignment]
    assert await place(world, 1, "other-key", side="ask", count="80.00") == ""
    assert await place(world, 2, count="20.00") == SHARE
    assert await place(world, 3, count="10.00") == ""


class Market:
    """An exchange that fills every order at once and shows the same book for a while after."""

    def __init__(self, bids: dict[str, str], no_bids: dict[str, str]) -> None:
        self.book = {"yes_dollars": [*map(list, bids.items())], "no_dollars": [*map(list, no_bids.items())]}
        self.fills = True

    async def __call__(self, request: SignedRequest) -> Answer:
        if "/orderbook" in request.target:
            return answered(200, {"orderbook_fp": self.book})
        if request.method != "POST" or not self.fills:
            return await accept(request)
        order = json.loads(request.body)
        told = {"order_id": f"ex-{order['client_order_id']}", "client_order_id": order["client_order_id"], "ts_ms": 1}
        return answered(201, told | {"fill_count": order["count"], "remaining_count": "0.00"})


def read_by_rest(world: World, market: Market) -> None:
    """Let the proxy read its books of this market, without a stream."""
    instance, world.upstream.on_send = world.instance, market
    instance.books = Books(
        instance.signers.general, world.upstream, instance.clock,  # type: ignore[arg-type]
        standing=lambda ticker: standing_of(instance.ledger.live.orders_in(ticker)),
    )  # fmt: skip


async def test_what_an_order_of_unknown_end_took_is_learned_with_its_end(world: World) -> None:
    """No answer told it. Catches an order that was found in the record as filled, after a book was read which still
    shows what it took: it is over, so that nothing of it may take any more, and the next one pays five cents more."""
    market = Market({"0.4900": "1000.00"}, {"0.5000": "50.00", "0.4500": "1000.00"})
    read_by_rest(world, market)
    await world.instance.books.fetch([TICKER])
    world.upstream.on_send = always(Unknown("no answer"))
    assert await place(world, 1, count="50.00") == "OUTCOME_UNKNOWN"
    filled = {"filled": Count(5_000), "price": Price(5_500), "created_ms": world.time.clock.now_ms()}
    record = FakeReader(world, (ended(client_order_id="c-1", **filled),))
    assert await Reconciler(world.instance, record).round()  # type: ignore[arg-type]
    world.upstream.on_send = market
    assert (dict(world.instance.ledger.pending), await place(world, 2, count="50.00")) == ({}, SLIPPED)
    world.time.pass_ms(READ_LAG_MS + KEEP_MS)
    assert await place(world, 3, count="50.00") == ""


async def test_what_was_just_taken_is_not_there_for_the_next(world: World) -> None:
    """Catches two orders, one after the other's answer, that are judged by the same reading: both would be seen to buy
    the same 50 contracts at the best price. A reading made long enough after the first shows what is there."""
    read_by_rest(world, Market({"0.4900": "1000.00"}, {"0.5000": "50.00", "0.4500": "1000.00"}))
    await world.instance.books.fetch([TICKER])
    world.time.pass_ms(KEEP_MS - 100)
    assert await place(world, 1, count="50.00") == ""
    assert [await place(world, 2, count="50.00"), await place(world, 3, "other-key", count="50.00")] == [SLIPPED] * 2
    world.time.pass_ms(200)
    assert await place(world, 4, count="50.00") == SLIPPED  # read anew, but what is shown may lag behind the answer
    assert len([request for request in world.upstream.sent if "/orderbook" in request.target]) == 2
    world.time.pass_ms(READ_LAG_MS + KEEP_MS)
    assert await place(world, 5, count="50.00") == ""


async def test_a_bid_that_has_ended_is_still_ours_in_a_book_from_before(tmp_path: Path) -> None:
    """Catches a client that moves the collar by a bid that it cancels: as long as the reading is older than that, its
    level would count as another's, and the midpoint of 0.50 as one of 0.70."""
    collar = (
        "price:\n",
        'price:\n  collar: {aggressive: "$0.10", passive: "$1.00", max_age: 2s, when_missing: deny}\n',
    )
    world = open_world(tmp_path, LIVE, *ROOMY, unwaive("price.collar"), collar)
    market = Market({"0.2000": "100.00"}, {"0.2000": "100.00"})
    market.fills = False
    read_by_rest(world, market)
    assert shown(await world.ask(world.order(client_order_id="a", price="0.6000", count="10.00")))[1] == ""
    world.time.pass_ms(KEEP_MS + 1)
    market.book["yes_dollars"].append(["0.6000", "10.00"])
    await world.instance.books.fetch([TICKER])
    (key,) = world.instance.ledger.live.orders
    world.instance.ledger.end(key, world.instance.clock.now_ms())
    assert await place(world, 2, price="0.6100") == "PRICE_OUTSIDE_COLLAR"
    assert await place(world, 3, price="0.6000") == ""
    await world.close()
