"""The pace of clients on the way of an order: one judged after another, by the right clock, over restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, Hanging, World, always, open_world, order_body, shown, until
from tests.paced import paced

from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.model.instance import TradingState

RATE, REPEATED, DUPLICATE = "PLACE_RATE_EXCEEDS_MAXIMUM", "ORDER_REPEATED", "DUPLICATE_IN_FLIGHT"
SLOW = paced(throttle="place: 1/s, amend: 1/s, burst: 2")
REPEATS = paced(repeat="max_same_order: 3, within: 10s, allow_in_flight: false")


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *SLOW)
    yield world
    await world.close()


@pytest.fixture
async def repeats(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *REPEATS)
    yield world
    await world.close()


async def place(world: World, number: int = 0, key_id: str = "bot-key", **changes: object) -> str:
    """Send an order under an id of its own; the code of the answer, or nothing where it passed."""
    body = order_body(client_order_id=f"c-{number}", **changes)
    status, code = shown(await world.ask(world.post("/trade-api/v2/portfolio/events/orders", body, key_id)))
    return code if status != 201 else ""


async def test_two_orders_of_one_turn_see_each_other(slow: World) -> None:
    """Catches a bucket that is read before the order ahead has taken its token: both would pass."""
    slow.time.pass_ms(60_000)
    answers = await asyncio.gather(*(place(slow, number) for number in range(5)))
    assert sorted(answers) == ["", "", RATE, RATE, RATE]
    assert len(slow.upstream.writes) == 2


async def test_the_wall_clock_neither_fills_nor_freezes_a_bucket(slow: World) -> None:
    """Catches a refill by the wall clock: set an hour ahead it would be a second burst, set back a long silence."""
    assert [await place(slow, number) for number in range(3)] == ["", "", RATE]
    slow.time.utc_ns += 3_600_000_000_000
    assert await place(slow, 3) == RATE
    slow.time.utc_ns -= 7_200_000_000_000
    assert await place(slow, 4) == RATE
    slow.time.pass_ms(1_000)
    assert await place(slow, 5) == ""


async def test_a_restart_fills_no_bucket(tmp_path: Path) -> None:
    """Catches a bucket that is full at every start; and one that the time the proxy was down did not fill."""
    world = open_world(tmp_path, LIVE, *SLOW)
    assert [await place(world, number) for number in range(2)] == ["", ""]
    pace = world.instance.ledger.live.pace.state()
    await world.close()
    assert fold(read_events(world.path, kinds=FOLDED)).live.pace.state() == pace
    world.time.mono_ns = 5_000_000_000  # another boot of the machine
    again = open_world(tmp_path, LIVE, *SLOW, time=world.time)
    assert await place(again, 3) == RATE
    await again.close()
    world.time.utc_ns += 1_000_000_000
    later = open_world(tmp_path, LIVE, *SLOW, time=world.time)
    assert await place(later, 4) == ""
    await later.close()


async def test_cancels_pass_and_take_nothing_while_orders_wait(slow: World) -> None:
    """Catches a cancel that is throttled (invariant 6), and one that takes an order's token."""
    assert [await place(slow, number) for number in range(3)] == ["", "", RATE]
    for _ in range(20):
        assert shown(await slow.ask(slow.cancel("ex-c-0")))[0] == 200
    slow.time.pass_ms(1_000)
    assert await place(slow, 9) == ""


async def test_a_batch_that_is_larger_than_the_burst_is_told_so(slow: World) -> None:
    """Waiting would be in vain."""
    orders = [order_body(client_order_id=f"b-{number}", price=f"0.4{number}00") for number in range(3)]
    answer = await slow.ask(slow.post("/trade-api/v2/portfolio/events/orders/batched", {"orders": orders}))
    assert shown(answer) == (403, RATE)
    assert b"2, so 3 at once can never pass" in answer.body


async def test_who_repeats_itself_is_stopped_until_a_person_resumes_it(repeats: World) -> None:
    """Three times, then stopped: also other orders, by every id. Catches a loop that goes on after a while; a stop that
    takes the other clients along, or the cancels; one whose row comes after the denial that tells of it."""
    assert [await place(repeats, number) for number in range(4)] == ["", "", "", REPEATED]
    trading = repeats.instance.trading
    assert (trading.client_state("bot"), trading.state()) == (TradingState.REDUCING, TradingState.ACTIVE)
    repeats.time.pass_ms(60_000)
    assert await place(repeats, 5, price="0.4000") == "CLIENT_REDUCING"
    assert await place(repeats, 6, key_id="other-key") == ""
    assert shown(await repeats.ask(repeats.cancel("ex-c-0")))[0] == 200
    rows = await repeats.rows(EventKind.TRADING_STATE, EventKind.DECISION)
    kinds = [row.kind for row in rows if '"client":"bot"' in row.body]
    assert kinds[:5] == [EventKind.DECISION] * 3 + [EventKind.TRADING_STATE, EventKind.DECISION]
    (stop,) = await repeats.bodies(EventKind.TRADING_STATE)
    assert (stop["client"], stop["state"], stop["cause"]) == ("bot", "REDUCING", "repeat")
    assert stop["reason"] == "the same order 4 times; limits.repeat.max_same_order is 3"
    await trading.resume(actor="ann", by="Ann", reason="the loop is found", client="bot")
    assert await place(repeats, 7) == ""


async def test_the_stop_and_the_window_outlive_the_run(tmp_path: Path) -> None:
    """Catches a loop that a crash sets free: the stop and the count are the journal's."""
    world = open_world(tmp_path, LIVE, *REPEATS)
    assert [await place(world, number) for number in range(4)] == ["", "", "", REPEATED]
    await world.close()
    again = open_world(tmp_path, LIVE, *REPEATS, time=world.time)
    assert again.instance.trading.client_state("bot") is TradingState.REDUCING
    await again.instance.trading.resume(actor="ann", by="Ann", reason="too early", client="bot")
    assert await place(again, 9) == REPEATED
    assert again.instance.trading.client_state("bot") is TradingState.REDUCING
    await again.close()


async def test_what_is_only_observed_stops_nobody(tmp_path: Path) -> None:
    """A rule on trial must not stop a desk, not even where something else denies the order."""
    on_trial = ("  rules: []", '  rules: [{rule: limits.repeat, until: "2026-12-31"}]')
    world = open_world(tmp_path, LIVE, *REPEATS, on_trial)
    assert [await place(world, number) for number in range(5)] == [""] * 5
    world.instance.trading.stop(TradingState.REDUCING, cause="operator", reason="a test")
    assert await place(world, 5) == "TRADING_REDUCING"
    assert world.instance.trading.client_state("bot") is TradingState.ACTIVE
    await world.close()


async def test_a_twin_under_another_id_waits_for_the_answer(repeats: World) -> None:
    """A client that times out and sends anew makes a new id. Catches the second order that nobody wanted."""
    repeats.upstream.on_send = hanging = Hanging()
    first = asyncio.create_task(place(repeats, 1))
    await hanging.reached.wait()
    answer = await repeats.ask(repeats.post("/trade-api/v2/portfolio/events/orders", order_body(client_order_id="c-2")))
    assert shown(answer) == (403, DUPLICATE)
    (pending,) = repeats.instance.ledger.pending
    assert f"decision {pending}".encode() in answer.body
    assert repeats.instance.trading.client_state("bot") is TradingState.ACTIVE
    hanging.go_on.set()
    assert await first == ""
    assert await place(repeats, 3) == ""
    assert len(repeats.upstream.writes) == 2


async def test_the_same_order_without_an_id_still_gets_the_first_ones_answer(repeats: World) -> None:
    """One SDK posts anew after ten seconds (clients.md 4): it is the same order, not a twin. Catches a denial there."""
    repeats.upstream.on_send = hanging = Hanging()
    asks = [asyncio.create_task(repeats.ask(repeats.order())) for _ in range(2)]
    await hanging.reached.wait()
    hanging.go_on.set()
    first, second = await asyncio.gather(*asks)
    assert (first.status, first.body) == (201, second.body)
    assert len(repeats.upstream.writes) == 1


@pytest.mark.parametrize(("fails", "expected"), [(Unknown("cut off"), DUPLICATE), (NotSent("no way"), "")])
async def test_an_unknown_end_is_no_answer_and_nothing_sent_is_one(
    repeats: World, fails: Exception, expected: str
) -> None:
    """Catches an order that is sent anew while the first may be at the exchange; one that may never be sent again."""
    repeats.upstream.on_send = always(fails)
    assert await place(repeats, 1) in {"OUTCOME_UNKNOWN", "EXCHANGE_UNREACHABLE"}
    assert await place(repeats, 2) == (expected or "EXCHANGE_UNREACHABLE")
    await until(lambda: not repeats.instance.attempts.under_way)


async def test_a_walk_is_stopped_at_its_end(tmp_path: Path) -> None:
    """Ten orders of three cents each, one a second: the sixth is 15 cents on, and no further."""
    world = open_world(tmp_path, LIVE, *paced(walk='max: "$0.15", within: 60s'))
    answers = []
    for number in range(10):
        world.time.pass_ms(1_000)
        answers.append(await place(world, number, price=f"0.{30 + 3 * number}00", ticker=TICKER))
    assert answers == [""] * 6 + ["PRICE_WALK_EXCEEDS_MAXIMUM"] * 4
    await world.close()
