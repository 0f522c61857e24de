"""The day's loss of a proxy: what orders are judged by, when trading stops, and what a restart remembers."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import ORDERS, FakeTime, always, open_world
from tests.gateway.losskit import DOLLAR, Desk, book, desk_of, desks, fill

from pretrade.gateway.market.losses import began_ms, day_of
from pretrade.gateway.market.marks import MARK_MAX_AGE_MS
from pretrade.gateway.messages import Answer
from pretrade.gateway.stops.loss_watch import BLIND_MS
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Unknown
from pretrade.model.drop_copy import ExchangeSettlement
from pretrade.model.instance import TradingState
from pretrade.model.loss import LossSeen
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import CancelAll, Side
from pretrade.model.units import Count, Money, Price

NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3_600_000


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async for desk in desks(tmp_path):
        yield desk


def codes(answer: Answer) -> set[str]:
    """The codes of a refusal; none of what passed."""
    if answer.status != 403:
        assert answer.status == 201, answer.body
        return set()
    return {reason["code"] for reason in json.loads(answer.body)["reasons"]}


def lost(desk: Desk, subaccount: int | None = None) -> int:
    found = desk.world.instance.losses.loss(subaccount)
    assert found is not None
    return found.loss


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-11-21", "America/New_York", 24),
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-10-25", "Europe/London", 25),
        ("2026-04-05", "Australia/Lord_Howe", 24),  # half an hour back: 24.5, of which the whole hours
        ("2026-09-06", "America/Santiago", 23),  # there is no midnight: the day begins at one
        ("2026-11-21", "UTC", 24),
    ],
)
def test_days_of_every_length_begin_and_end_at_midnight(day: str, zone: str, hours: int) -> None:
    """Catches a day of 24 hours where the clocks change, and one that begins at midnight of another zone."""
    where = ZoneInfo(zone)
    next_day = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    start_ms, end_ms = began_ms(day, where), began_ms(next_day, where)
    assert (end_ms - start_ms) // HOUR == hours
    assert (day_of(start_ms, where), day_of(end_ms - 1, where), day_of(end_ms, where)) == (day, day, next_day)
    assert day_of(start_ms - 1, where) != day


async def test_an_order_waits_until_the_days_fills_were_read(tmp_path: Path) -> None:
    """Catches a proxy that takes a day whose fills it has not read for one without losses."""
    desk = await desk_of(tmp_path)
    desk.world.instance.ledger.trades.read_ms = None
    assert codes(await desk.order()) == {"DAY_LOSS_MISSING"}
    await desk.round()
    assert codes(await desk.order()) == set()
    await desk.world.close()


async def test_a_fill_that_an_answer_told_counts_for_the_next_order(desk: Desk) -> None:
    """Catches a loss that is known only after the next reading: a burst would pass the limit meanwhile."""
    desk.see(book(5, 5))
    desk.fills_at_once("10.00")
    assert codes(await desk.order(count="10.00", price="0.5000")) == set()
    assert lost(desk) > 4_500_000
    assert codes(await desk.order(count="1.00", price="0.3500")) == {"DAY_LOSS_EXCEEDS_MAXIMUM"}


async def test_what_the_record_shows_takes_the_place_of_what_was_told(desk: Desk) -> None:
    desk.see(book(40))
    desk.fills_at_once("10.00")
    await desk.order(count="10.00", price="0.5000")
    told = lost(desk)
    desk.record.fills.append(fill("f", desk.world, order_id="x-told"))
    await desk.round()
    assert (lost(desk), told > lost(desk)) == (DOLLAR + 10_000, True)


@pytest.mark.parametrize(
    ("result", "side", "expected"),
    [
        (None, Side.BID, 5_000_000),
        (Price(10_000), Side.BID, -5_000_000),
        (Price(0), Side.BID, 5_000_000),
        (Price(0), Side.ASK, -5_000_000),
        (Price(10_000), Side.ASK, 5_000_000),
        (Price(2_500), Side.BID, 2_500_000),
    ],
)
async def test_a_determined_market_is_marked_by_its_result(
    desk: Desk, result: Price | None, side: Side, expected: int
) -> None:
    """Nobody bids in it any more. Catches a desk that is stopped for what it has won and waits to be paid, and a book
    from before that holds up what is lost."""
    desk.record.fills.append(fill("f", desk.world, side=side))
    await desk.round()
    markets = desk.world.instance.markets
    known = replace(markets.get(TICKER), status=MarketStatus.DETERMINED, result=result)
    markets.get = lambda ticker: known  # type: ignore[method-assign]
    desk.see(book(0, 0) if result is None else book(50, 48))
    await desk.look()
    assert lost(desk) == expected + 10_000


async def test_orders_that_rest_cannot_pass_the_limit_together(desk: Desk) -> None:
    """Catches a limit of five dollars that each order is held to alone: bids of ten contracts at 0.70, with others
    bidding 0.50, show two dollars each and would lose eight once they fill."""
    answers = [await desk.order(price="0.7000", count="10.00", client_order_id=f"c-{n}") for n in range(3)]
    assert [codes(answer) for answer in answers] == [set(), set(), {"DAY_LOSS_EXCEEDS_MAXIMUM"}]
    change = {"ticker": TICKER, "side": "bid", "price": "0.7100", "count": "10.00"}
    moved = await desk.world.ask(desk.world.post(f"{ORDERS}/ex-c-0/amend", change))
    assert moved.status == 200, "an order takes its own place"


async def test_an_old_book_is_worth_nothing(desk: Desk) -> None:
    """Catches a stale mark counted as good."""
    desk.record.fills.append(fill("f", desk.world, count=900))
    await desk.round()
    assert lost(desk) == 10_000
    desk.see(book(50, age_ms=MARK_MAX_AGE_MS + 1))
    await desk.look()
    assert lost(desk) == 4_500_000 + 10_000
    desk.see(None)
    await desk.look(20_000)
    assert lost(desk) == 4_500_000 + 10_000
    assert codes(await desk.order(count="1.00", price="0.5000")) == {"DAY_LOSS_EXCEEDS_MAXIMUM"}
    desk.see(book(50))
    await desk.look()
    assert lost(desk) == 10_000


async def test_a_book_that_moves_stops_the_account_and_what_reduces_still_passes(desk: Desk) -> None:
    """Catches a limit that only denies while its figures happen to be looked at, and one that traps what is held."""
    desk.record.fills.append(fill("f", desk.world))
    await desk.round(8_000)
    await desk.round(8_000)
    await desk.look()
    assert desk.world.instance.trading.state() is TradingState.ACTIVE
    desk.see(book(0, 97))
    await desk.look()
    assert desk.world.instance.trading.state() is TradingState.REDUCING
    assert codes(await desk.order()) == {"TRADING_REDUCING", "DAY_LOSS_EXCEEDS_MAXIMUM"}
    assert codes(await desk.order(side="ask", count="10.00", price="0.0300")) == set()
    rows = await desk.world.bodies(EventKind.TRADING_STATE, EventKind.DAY_LOSS)
    assert [row.get("cause", row.get("rule")) for row in rows] == ["loss", "limits.day.max_loss"]
    assert (rows[1]["loss"], rows[1]["mark"], rows[1]["fees"]) == (5_010_000, 5_000_000, 10_000)


async def test_after_a_resume_it_stops_again_only_when_a_tenth_more_is_lost(desk: Desk) -> None:
    """Catches a person's resume that holds for a second, and one that disables the limit for the day."""
    trading = desk.world.instance.trading
    desk.record.fills.append(fill("f", desk.world, count=2_000))
    await desk.round()
    desk.see(book(24))  # 5.20 and a cent
    await desk.look()
    assert trading.state() is TradingState.REDUCING
    await trading.resume(actor="uid 1", by="ann", reason="looked at it")
    desk.see(book(23))  # 5.40: past the limit, but no tenth more
    await desk.look()
    assert trading.state() is TradingState.ACTIVE
    assert "DAY_LOSS_EXCEEDS_MAXIMUM" in codes(await desk.order())
    desk.see(book(22))  # 5.60
    await desk.look()
    assert trading.state() is TradingState.REDUCING
    assert len(await desk.world.bodies(EventKind.DAY_LOSS)) == 2


async def test_a_restart_remembers_the_loss_the_stop_and_where_it_was_noted(tmp_path: Path) -> None:
    """Catches a day's loss that a restart forgets: yesterday's price as today's, or a stop that fires again."""
    desk = await desk_of(tmp_path)
    desk.record.fills.append(fill("f", desk.world, count=2_000))
    await desk.round()
    desk.see(book(24))
    await desk.look()
    before = lost(desk)
    await desk.world.bodies(EventKind.DAY_LOSS)
    await desk.world.close()
    again = await desk_of(tmp_path, time=desk.world.time)
    again.record.fills = desk.record.fills
    again.see(book(24))
    assert again.world.instance.trading.state() is TradingState.REDUCING
    await again.round()
    assert lost(again) == before
    await again.world.instance.trading.resume(actor="uid 1", by="ann", reason="looked at it")
    await again.look()
    assert again.world.instance.trading.state() is TradingState.ACTIVE
    await again.world.close()


async def test_a_stream_that_is_away_denies_at_once_and_stops_only_when_it_stays_away(desk: Desk) -> None:
    """Catches a blink of the stream that needs a person, and one that is gone for good and stops nobody."""
    desk.record.fills.append(fill("f", desk.world))
    await desk.round(8_000)
    desk.see(None)
    await desk.look(MARK_MAX_AGE_MS + 1)
    assert lost(desk) == 5_010_000
    assert codes(await desk.order()) == {"DAY_LOSS_EXCEEDS_MAXIMUM"}
    await desk.look(BLIND_MS - 1_000)
    assert desk.world.instance.trading.state() is TradingState.ACTIVE
    await desk.look(2_000)
    assert desk.world.instance.trading.state() is TradingState.REDUCING


async def test_a_clients_own_limit_stops_that_client(tmp_path: Path) -> None:
    """Catches one client's loss that stops the others, or that nobody's limit sees."""
    desk = await desk_of(tmp_path, ("  rsa-bot:\n", '  rsa-bot:\n    limits: {day: {max_loss: "$2"}}\n'))
    desk.record.fills.append(fill("f", desk.world, count=600, subaccount=1))
    await desk.round()
    desk.see(book(10))
    await desk.look()
    trading = desk.world.instance.trading
    assert (trading.state(), trading.client_state("rsa-bot")) == (TradingState.ACTIVE, TradingState.REDUCING)
    assert (lost(desk, 1), lost(desk, 0), lost(desk)) == (2_410_000, 0, 2_410_000)
    assert codes(await desk.order(price="0.1000")) == set()
    assert "CLIENT_REDUCING" in codes(await desk.order("rsa-key", price="0.1000"))
    await desk.world.close()


async def test_a_limit_that_is_only_watched_stops_nobody(tmp_path: Path) -> None:
    desk = await desk_of(tmp_path, ("  rules: []", "  rules: [{rule: limits.day.max_loss, until: 2999-12-31}]"))
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    desk.see(book(0, 97))
    await desk.look()
    assert desk.world.instance.trading.state() is TradingState.ACTIVE
    assert len(await desk.world.bodies(EventKind.DAY_LOSS)) == 1
    await desk.world.close()


async def test_a_new_day_begins_with_what_is_held_then(desk: Desk) -> None:
    """Catches a loss of yesterday that counts today, and a day that nothing begins."""
    desk.record.fills.append(fill("f", desk.world))
    desk.see(book(30))
    await desk.round(8_000)
    await desk.round(8_000)
    assert lost(desk) == 2 * DOLLAR + 10_000
    night_ms = began_ms("2026-11-22", NEW_YORK) - desk.world.time.clock.now_ms()
    await desk.look(night_ms - 1)
    assert not desk.world.instance.losses.needs_round
    await desk.look(1)
    assert desk.world.instance.losses.needs_round
    assert codes(await desk.order(price="0.3000")) == {"DAY_LOSS_MISSING"}
    await desk.round()
    assert (lost(desk), desk.world.instance.ledger.trades.day) == (0, "2026-11-22")
    desk.see(book(25))
    await desk.look()
    assert lost(desk) == 500_000


async def test_a_proxy_that_was_down_at_midnight_begins_with_the_better_mark(tmp_path: Path) -> None:
    """Catches a fall over midnight that counts on no day."""
    desk = await desk_of(tmp_path)
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    await desk.round(600_001)  # its mark is noted
    await desk.world.bodies(EventKind.RECONCILIATION)
    await desk.world.close()
    desk.world.time.pass_ms(began_ms("2026-11-22", NEW_YORK) - desk.world.time.clock.now_ms() + HOUR)
    again = await desk_of(tmp_path, time=desk.world.time)
    again.record.fills = desk.record.fills
    again.see(book(30))
    await again.look()
    assert lost(again) == 2 * DOLLAR
    await again.world.close()


async def test_a_payout_is_asked_for_once_a_position_has_gone(desk: Desk) -> None:
    """Catches a market that is decided and whose position is lost, or read for ever."""
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    assert desk.record.asked[-1].held == frozenset()
    await desk.round()
    assert desk.record.asked[-1].held == {(0, TICKER)}
    now_ms = desk.world.time.clock.now_ms()
    desk.record.settlements.append(ExchangeSettlement(0, TICKER, Count(1_000), Count(0), Money(10 * DOLLAR), now_ms))
    await desk.round(8_000)
    await desk.round(8_000)
    assert (lost(desk), desk.record.asked[-1].held) == (-5 * DOLLAR + 10_000, frozenset())


async def test_an_own_bid_is_no_mark(desk: Desk) -> None:
    """Catches a client that bids for what it holds, and so hides what it has lost."""
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    resting = await desk.order(count="9.00", price="0.2000")
    assert resting.status == 201
    own = replace(book(20), yes=((book(20).yes[0][0], Count(900)),))
    desk.see(own)
    await desk.look()
    assert lost(desk) == 5 * DOLLAR + 10_000


async def test_an_own_bid_of_which_nobody_knows_is_no_mark_either(desk: Desk) -> None:
    """Catches a bid whose answer was lost, and which rests: by it nothing would be lost until it is found."""
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    desk.world.upstream.on_send = always(Unknown("no answer"))
    assert (await desk.order(count="9.00", price="0.2000")).status == 504
    desk.see(replace(book(20), yes=((book(20).yes[0][0], Count(900)),)))
    await desk.look()
    assert lost(desk) == 5 * DOLLAR + 10_000


async def test_a_clock_that_was_set_ahead_and_back_keeps_the_day_that_it_began(desk: Desk) -> None:
    """Catches a day's loss that nobody knows until the real midnight, because its day has begun too early: every order
    that opens would be denied for hours."""
    theirs = desk.record.time = FakeTime(desk.world.time.utc_ns)  # the exchange's clock goes on as before
    for hours in (24, -24):
        desk.world.time.utc_ns += hours * HOUR * 1_000_000
        theirs.pass_ms(2_000)
        await desk.round()
    assert lost(desk) == 0
    assert codes(await desk.order()) == set()


async def test_a_sold_position_is_marked_by_the_bid_for_no(desk: Desk) -> None:
    desk.record.fills.append(fill("f", desk.world, side=Side.ASK))
    await desk.round()
    desk.see(book(60, 38))
    await desk.look()
    assert lost(desk) == (50 - 38) * 100_000 + 10_000


async def test_a_dry_run_loses_nothing(tmp_path: Path) -> None:
    """Catches a dry run that waits for readings which it never makes."""
    world = open_world(tmp_path)
    seen = world.instance.losses.seen(0, CancelAll(0), world.instance.losses.day())
    assert {one.own: one for one in seen} == {own: LossSeen(own=own, loss=Money(0), age_ms=0) for own in (True, False)}
    assert (world.instance.losses.as_status(), world.instance.losses.today()) == ([], None)
    await world.close()


async def test_people_see_the_loss_and_what_it_is_made_of(desk: Desk) -> None:
    desk.record.fills.append(fill("f", desk.world))
    await desk.round()
    desk.see(book(40))
    await desk.look()
    [row] = desk.world.instance.losses.as_status()
    assert row == {
        "rule": "limits.day.max_loss", "client": "", "limit": "$5.00", "loss": "$1.01", "realized": "$0.00",
        "fees": "$0.01", "mark": "$1.00",
    }  # fmt: skip
    [use] = desk.world.instance.losses.used()
    assert (use.rule, use.client, use.used, use.limit) == ("limits.day.max_loss", "", 1_010_000, 5 * DOLLAR)
    desk.world.instance.ledger.trades.read_ms = None
    [row] = desk.world.instance.losses.as_status()
    assert row["loss"] is None
