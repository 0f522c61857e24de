"""Lists and objects of market data: filters, pages, archive, and the words of every refusal."""

import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.api.market_desk import API, DAY_S, EXTRAS, NOW_S, Desk, market, world
from tests.practice.support import DAY_US, NOW_US, order

from pretrade.model.markets import FeeType
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.api.extras import EXTRAS as KNOWN
from pretrade.practice.api.extras import check_extras
from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.core import lifecycle
from pretrade.practice.core.instruments import Event, PriceStructure, Series
from pretrade.practice.core.state import World
from pretrade.practice.core.transfers import open_subaccount

PAST, FUTURE = NOW_S - 10 * DAY_S, NOW_S + 10 * DAY_S


@pytest.fixture
def desk():
    return Desk()


def tickers(body, name="markets", key="ticker"):
    return [one[key] for one in body[name]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "A B C D M1"),
        ({"status": "unopened"}, "C"),
        ({"status": "open"}, "A B M1"),
        ({"status": "paused"}, ""),
        ({"status": "closed"}, "D"),
        ({"status": "settled"}, ""),
        ({"tickers": "B,A,NONE"}, "A B"),
        ({"event_ticker": "E2"}, "C D"),
        ({"series_ticker": "S1"}, "A B"),
        ({"mve_filter": "only"}, "M1"),
        ({"mve_filter": "exclude", "series_ticker": "MVE"}, ""),
        ({"min_close_ts": NOW_S}, "A B C M1"),
        ({"max_close_ts": NOW_S, "status": "closed"}, "D"),
        ({"min_created_ts": NOW_S - DAY_S}, "A B D M1"),
        ({"max_created_ts": NOW_S - DAY_S - 1, "status": "unopened"}, "C"),
        ({"min_settled_ts": PAST}, ""),
        ({"min_updated_ts": FUTURE}, ""),
        ({"min_close_ts": NOW_S, "limit": 2}, "A B"),
        ({"limit": 0}, "A B C D M1"),
        ({"cursor": "garbage"}, "A B C D M1"),
    ],
)
def test_markets_by_every_filter(desk, query, found):
    assert tickers(desk.read("/markets", **query)) == found.split()


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"limit": 1001}, "'Limit' failed on the 'lte'"),
        ({"limit": -1}, "'Limit' failed on the 'gte'"),
        ({"limit": "many"}, "'Limit' failed on the 'numeric'"),
        ({"status": "active"}, "'Status' failed on the 'oneof'"),
        ({"status": "open,closed"}, "'Status' failed on the 'oneof'"),
        ({"mve_filter": "all"}, "'MveFilter' failed on the 'oneof'"),
        ({"min_close_ts": 1, "min_created_ts": 1}, "'CloseTs' failed on the 'excluded_with'"),
        ({"min_close_ts": 1, "status": "open"}, "'Status' failed on the 'excluded_with'"),
        ({"min_settled_ts": 1, "status": "closed"}, "'Status' failed on the 'excluded_with'"),
        ({"max_created_ts": 1, "status": "settled"}, "'Status' failed on the 'excluded_with'"),
        ({"min_updated_ts": 1, "status": "open"}, "'Status' failed on the 'excluded_with'"),
        ({"min_updated_ts": 1, "event_ticker": "E1"}, "'UpdatedTs' failed on the 'excluded_with'"),
        ({"min_updated_ts": 1, "series_ticker": "S1"}, "'MveFilter' failed on the 'required_with'"),
        ({"min_close_ts": "2027-01-01"}, "'MinCloseTs' failed on the 'numeric'"),
    ],
)
def test_markets_refuse_in_the_validators_words(desk, query, rule):
    status, body = desk.ask("/markets", **query)
    assert status == 400
    assert set(body) == {"msg"}
    assert "GetMarkets" in body["msg"]
    assert rule in body["msg"]


@given(st.integers(1, 7), st.sampled_from(["markets", "events", "historical/markets", "milestones", "markets/trades"]))
def test_pages_put_together_are_the_list(limit, path):
    """Bug: a page that repeats or drops the row at its edge; a last page that promises another."""
    desk = Desk()
    desk.quote("0.4000", "0.6000", "50.00")
    for _ in range(5):
        desk.trade("bid", "0.6000", "1.00")
    name = path.rsplit("/", 1)[-1]
    whole, pages, cursor = desk.read(f"/{path}", limit=100)[name], [], ""
    while True:
        body = desk.read(f"/{path}", limit=limit, cursor=cursor)
        pages.append(body[name])
        cursor = body["cursor"]
        if not cursor:
            break
    assert [row for page in pages for row in page] == whole
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages[-1]) <= limit


def test_a_market_object_says_where_it_stands(desk):
    desk.quote("0.4000", "0.6000", "12.34")
    desk.trade("bid", "0.6000", "2.00")
    found = desk.read("/markets/A")["market"]
    assert found["status"] == "active"
    assert (found["yes_bid_dollars"], found["yes_bid_size_fp"]) == ("0.4000", "12.34")
    assert (found["yes_ask_dollars"], found["yes_ask_size_fp"]) == ("0.6000", "10.34")
    assert (found["no_bid_dollars"], found["no_ask_dollars"]) == ("0.4000", "0.6000")
    assert (found["last_price_dollars"], found["open_interest_fp"]) == ("0.6000", "2.00")
    assert (found["strike_type"], found["floor_strike"]) == ("greater_or_equal", 10)
    assert (found["result"], found["expiration_value"]) == ("", "")
    assert "settlement_ts" not in found
    assert "series_ticker" not in found
    empty = desk.read("/markets/B")["market"]
    assert (empty["yes_bid_dollars"], empty["yes_ask_dollars"], empty["yes_ask_size_fp"]) == (
        "0.0000",
        "1.0000",
        "0.00",
    )
    assert (empty["strike_type"], [r["step"] for r in empty["price_ranges"]]) == (
        "between",
        ["0.0010", "0.0100", "0.0010"],
    )
    combo = desk.read("/markets/M1")["market"]
    assert (combo["mve_collection_ticker"], combo["mve_selected_legs"][0]["market_ticker"]) == ("KXMVE", "A")
    assert combo["exchange_index"] == 1


def test_a_market_object_follows_the_markets_life(desk):
    """Bugs: a filter's word for a status, a result before the determination, a settlement time before the payout."""
    seen = []

    def look():
        found = desk.read("/markets/A")["market"]
        seen.append((found["status"], found["result"], found.get("settlement_value_dollars"), "settlement_ts" in found))

    lifecycle.pause_market(desk.exchange, "A")
    look()
    assert tickers(desk.read("/markets", status="paused")) == ["A"]
    lifecycle.resume_market(desk.exchange, "A")
    lifecycle.close_market(desk.exchange, "A")
    look()
    lifecycle.determine(desk.exchange, "A", "yes")
    look()
    assert tickers(desk.read("/markets", status="closed")) == ["A", "D"], "past the close and not paid out"
    lifecycle.settle(desk.exchange, "A")
    look()
    assert tickers(desk.read("/markets", status="settled")) == ["A"]
    assert seen == [
        ("inactive", "", None, False),
        ("closed", "", None, False),
        ("determined", "yes", "1.0000", False),
        ("finalized", "yes", "1.0000", True),
    ]


def test_what_is_long_over_is_in_the_archive_and_nowhere_else(desk):
    """Bug: a record on both sides of the border, or on neither."""
    desk.quote("0.4000", "0.6000", "50.00")
    desk.trade("bid", "0.6000", "2.00")
    lifecycle.close_market(desk.exchange, "A")
    lifecycle.determine(desk.exchange, "A", "yes")
    lifecycle.settle(desk.exchange, "A")
    both = [("/markets", "markets"), ("/markets/trades", "trades"), ("/portfolio/orders", "orders")]
    both += [("/portfolio/fills", "fills")]
    for days, living in ((0, 1), (90, 1), (91, 0)):
        desk.clock.now_us = NOW_US + days * DAY_US
        for path, name in both:
            old = f"/historical/{path.rsplit('/', 1)[-1]}"
            counts = [len([x for x in desk.read(p)[name] if x["ticker"] == "A"]) for p in (path, old)]
            assert counts == [living, 1 - living], (path, days)
        settled = desk.read("/portfolio/positions", settlement_status="settled")["market_positions"]
        archived = desk.read("/historical/positions")
        assert (len(settled), len(archived["market_positions"])) == (living, 1 - living)
        assert len(archived["event_positions"]) == 1 - living
        assert desk.ask("/markets/A")[0] == (200 if living else 404)
        assert desk.ask("/markets/A/orderbook")[0] == (200 if living else 404)
        assert len(desk.read("/markets/orderbooks", tickers="A,B")["orderbooks"]) == 1 + living
        assert desk.ask("/historical/markets/A")[0] == (404 if living else 200)
        nested = desk.read("/events/E1", with_nested_markets="true")["event"]["markets"]
        assert [m["ticker"] for m in nested] == (["A", "B"] if living else ["B"])
        cutoff = desk.read("/historical/cutoff")
        assert (cutoff["market_settled_ts"] > "2027-01-15T08") == (not living)


def test_the_border_itself_is_living(desk):
    """Bug: what happened in the very moment of the border is on both of its sides, or on neither."""
    midnight = (NOW_US // DAY_US + 1) * DAY_US
    desk.clock.now_us = midnight
    desk.quote("0.4000", "0.6000", "50.00")
    desk.trade("bid", "0.6000", "2.00")
    lifecycle.determine(desk.exchange, "A", "yes")
    lifecycle.settle(desk.exchange, "A")
    for moment, living in ((midnight + 90 * DAY_US, 1), (midnight + 91 * DAY_US, 0)):
        desk.clock.now_us = moment
        for path in ("markets", "markets/trades", "portfolio/orders", "portfolio/fills"):
            name = path.rsplit("/", 1)[-1]
            now, old = desk.read(f"/{path}")[name], desk.read(f"/historical/{name}")[name]
            assert [len([x for x in some if x["ticker"] == "A"]) for some in (now, old)] == [living, 1 - living], path


def test_historical_positions_are_those_of_one_subaccount(desk):
    """Bug: positions of all subaccounts in one list, where the exchange shows subaccount 0 unless asked."""
    open_subaccount(desk.exchange, desk.taker, 3)
    desk.taker.deposit(3, 0, 1_000_000_000)
    desk.quote("0.4000", "0.6000", "50.00")
    desk.trade("bid", "0.6000", "2.00")
    desk.exchange.create(desk.taker, order("bid", "0.6000", "1.00", subaccount=3))
    lifecycle.determine(desk.exchange, "A", "yes")
    desk.clock.advance(91 * DAY_S)
    traded = [
        [one["total_traded_dollars"] for one in desk.read("/historical/positions", **query)["market_positions"]]
        for query in ({}, {"subaccount": 0}, {"subaccount": 3}, {"subaccount": 5})
    ]
    assert traded == [["1.200000"], ["1.200000"], ["0.600000"], []]
    fills = [desk.read("/historical/fills", **query)["fills"] for query in ({}, {"subaccount": 3})]
    assert [len(some) for some in fills] == [2, 1], "fills are those of all subaccounts unless asked"


def test_a_resting_order_is_never_historical():
    """Bug: an order that still rests vanishes from the account's orders because it is old."""
    base = world()
    desk = Desk(world=World(base.series, base.events, (market("A", "E1", close_us=NOW_US + 400 * DAY_US),)))
    desk.trade("bid", "0.1000", "2.00")
    desk.clock.now_us += 200 * DAY_US
    assert [one["status"] for one in desk.read("/portfolio/orders")["orders"]] == ["resting"]
    assert desk.read("/historical/orders")["orders"] == []


def test_an_archived_market_has_candlesticks_without_suffixes(desk):
    desk.quote("0.4000", "0.6000", "50.00")
    desk.trade("bid", "0.6000", "2.00")
    for act in (lifecycle.close_market, lambda e, t: lifecycle.determine(e, t, "no"), lifecycle.settle):
        act(desk.exchange, "A")
    window = {"start_ts": NOW_S, "end_ts": NOW_S + 60, "period_interval": 1}
    assert desk.ask("/historical/markets/A/candlesticks", **window)[0] == 404
    desk.clock.advance(91 * DAY_S)
    [candle] = desk.read("/historical/markets/A/candlesticks", **window)["candlesticks"]
    assert (candle["price"]["close"], candle["volume"], candle["open_interest"]) == ("0.6000", "2.00", "2.00")
    assert desk.ask("/series/S1/markets/A/candlesticks", **window)[0] == 404


@pytest.mark.parametrize(
    ("query", "prices"),
    [
        ({}, ["0.5000", "0.4000"]),
        ({"depth": 1}, ["0.5000"]),
        ({"depth": 0}, ["0.5000", "0.4000"]),
        ({"depth": -1}, ["0.5000", "0.4000"]),
    ],
)
def test_a_book_is_cut_at_its_worst_end(desk, query, prices):
    """Bug: a depth that keeps the worst levels, because the best one is last."""
    desk.quote("0.4000", "0.6000")
    desk.quote("0.5000", "0.7000")
    book = desk.read("/markets/A/orderbook", **query)["orderbook_fp"]
    assert [level[0] for level in reversed(book["yes_dollars"])] == prices
    assert book["no_dollars"][-1] == ["0.4000", "10.00"]


def test_books_of_several_markets(desk):
    desk.quote("0.4000", "0.6000")
    books = desk.read("/markets/orderbooks", tickers=["B", "A", "NONE"])["orderbooks"]
    assert [(one["ticker"], len(one["orderbook_fp"]["yes_dollars"])) for one in books] == [("B", 0), ("A", 1)]
    for asked, rule in ([], "required"), ([f"T{n}" for n in range(101)], "lte"):
        status, body = desk.ask("/markets/orderbooks", tickers=asked)
        assert (status, f"'Tickers' failed on the '{rule}'" in body["msg"]) == (400, True)
    assert desk.ask("/markets/A/orderbook", depth=101)[0] == 400


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ({}, "2.00 1.00"),
        ({"ticker": "A"}, "2.00 1.00"),
        ({"ticker": "B"}, ""),
        ({"ticker": "NONE"}, ""),
        ({"min_ts": NOW_S + 1}, "2.00"),
        ({"max_ts": NOW_S}, "1.00"),
        ({"is_block_trade": "false"}, "2.00 1.00"),
        ({"is_block_trade": "true"}, ""),
    ],
)
def test_trades_newest_first(desk, query, counts):
    desk.quote("0.4000", "0.6000")
    desk.trade("bid", "0.6000", "1.00")
    desk.clock.advance(60)
    desk.trade("ask", "0.4000", "2.00")
    found = desk.read("/markets/trades", **query)["trades"]
    assert [one["count_fp"] for one in found] == counts.split()
    if found and query == {}:
        assert (found[0]["taker_book_side"], found[0]["taker_outcome_side"]) == ("ask", "no")
    assert desk.ask("/markets/trades", is_block_trade="maybe")[0] == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "E1 E2"),
        ({"status": "open"}, "E1"),
        ({"status": "closed"}, "E2"),
        ({"status": "unopened"}, "E2"),
        ({"series_ticker": "S2"}, "E2"),
        ({"series_ticker": "MVE"}, ""),
        ({"tickers": "E2,EM"}, "E2"),
        ({"min_close_ts": NOW_S + 2 * DAY_S}, "E2"),
        ({"min_updated_ts": FUTURE}, ""),
        ({"limit": 1}, "E1"),
    ],
)
def test_events_by_every_filter(desk, query, found):
    assert tickers(desk.read("/events", **query), "events", "event_ticker") == found.split()


def test_events_pages_are_200_by_default_and_at_most():
    """Bug: the usual 100 a page where the exchange gives 200."""
    events = tuple(Event(f"E{n}", "S", "t", "s") for n in range(201))
    desk = Desk(world=World((Series("S", "s", "c", "f"),), events, ()), extras={})
    assert len(desk.read("/events")["events"]) == 200
    assert desk.ask("/events", limit=201)[0] == 400


def test_an_event_with_its_markets_inside_or_beside(desk):
    beside, inside = desk.read("/events/E1"), desk.read("/events/E1", with_nested_markets="true")
    assert ("markets" in beside["event"], tickers(beside)) == (False, ["A", "B"])
    assert (tickers(inside["event"]), inside["markets"]) == (["A", "B"], [])
    neither = desk.read("/events/E1", with_nested_markets="true", exclude_markets="true")
    assert ("markets" in neither["event"], neither["markets"]) == (False, [])
    assert desk.read("/events", with_nested_markets="true")["events"][1]["markets"][1]["ticker"] == "D"
    assert desk.read("/events", with_milestones="true")["milestones"][0]["id"] == "m1"
    assert desk.read("/events/E2")["event"]["mutually_exclusive"] is True
    assert desk.ask("/events/NONE")[0] == 404


def test_combos_are_events_of_a_collections_series(desk):
    assert tickers(desk.read("/events/multivariate"), "events", "event_ticker") == ["EM"]
    assert desk.read("/events/multivariate", collection_ticker="OTHER")["events"] == []
    assert desk.read("/events/multivariate", tickers="E1,OTHER")["events"] == []
    assert len(desk.read("/events/multivariate", tickers="E1,EM", series_ticker="MVE")["events"]) == 1
    nested = desk.read("/events/multivariate", collection_ticker="KXMVE", with_nested_markets="true")["events"]
    assert nested[0]["markets"][0]["ticker"] == "M1"
    status, body = desk.ask("/events/multivariate", collection_ticker="KXMVE", series_ticker="MVE")
    assert (status, "excluded_with" in body["msg"]) == (400, True)


def test_metadata_of_an_event(desk):
    found = desk.read("/events/E1/metadata")
    assert (found["image_url"], found["settlement_sources"]) == ("/e1.png", [{"name": "n", "url": "u"}])
    assert tickers(found, "market_details", "market_ticker") == ["A", "B"]
    assert "event_ticker" not in found
    assert desk.read("/events/E2/metadata")["image_url"] == ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "S1 S2 MVE"),
        ({"category": "Economics"}, "S2"),
        ({"category": "economics"}, ""),
        ({"tags": "Final,None"}, "S1"),
        ({"min_updated_ts": FUTURE}, ""),
    ],
)
def test_series_by_every_filter(desk, query, found):
    assert tickers(desk.read("/series", **query), "series") == found.split()


def test_a_series_says_what_trading_costs(desk):
    assert desk.read("/series/S2")["series"]["fee_multiplier"] == 0.5
    desk.quote("0.4000", "0.6000")
    desk.trade("bid", "0.6000", "2.00")
    assert "volume_fp" not in desk.read("/series/S1")["series"]
    assert desk.read("/series/S1", include_volume="true")["series"]["volume_fp"] == "2.00"
    listed = desk.read("/series", include_volume="true", include_product_metadata="true")["series"]
    assert [one["volume_fp"] for one in listed] == ["2.00", "0.00", "0.00"]
    assert listed[0]["product_metadata"] == {}
    assert desk.ask("/series/NONE")[0] == 404


def test_the_history_of_fees(desk):
    """Bug: a cleared override that shows as the series' own fee instead of as null."""
    lifecycle.set_event_fee(desk.exchange, "E1", FeeType.FLAT, 250)
    assert desk.read("/events/E1")["event"]["fee_multiplier_override"] == 2.5
    lifecycle.set_event_fee(desk.exchange, "E1", None, None)
    lifecycle.set_series_fee(desk.exchange, "S2", FeeType.FLAT, 200)
    desk.clock.advance(1)
    changes = desk.read("/events/fee_changes", event_ticker="E1")["event_fee_changes"]
    assert [(c["fee_type_override"], c["fee_multiplier_override"]) for c in changes] == [("flat", 2.5), (None, None)]
    assert changes[0]["series_ticker"] == "S1"
    assert desk.read("/events/fee_changes", event_ticker="E2")["event_fee_changes"] == []
    assert "fee_type_override" not in desk.read("/events/E1")["event"]
    coming = desk.read("/series/fee_changes")["series_fee_change_arr"]
    assert [one["id"] for one in coming] == ["f2"]
    everything = desk.read("/series/fee_changes", show_historical="true")["series_fee_change_arr"]
    assert [(c["series_ticker"], c["fee_multiplier"]) for c in everything] == [("S2", 2), ("S1", 2), ("S1", 3)]
    assert (
        len(desk.read("/series/fee_changes", show_historical="true", series_ticker="S1")["series_fee_change_arr"]) == 2
    )


def test_the_exchanges_status_by_shard(desk):
    desk.exchange.pause(trading=False, exchange=True)
    body = desk.read("/exchange/status")
    assert (body["exchange_active"], body["trading_active"]) == (True, False)
    assert [one["exchange_index"] for one in body["exchange_index_statuses"]] == [0, 1, 2]
    assert not any(one["trading_active"] for one in body["exchange_index_statuses"])
    desk.exchange.pause(trading=True, exchange=True)
    desk.exchange.pause(trading=False, exchange=False, shard=2)
    body = desk.read("/exchange/status")
    assert body["trading_active"] is True, "the top says what shard 0 does"
    shards = [(one["exchange_active"], one["trading_active"]) for one in body["exchange_index_statuses"]]
    assert shards == [(True, True), (True, True), (False, False)]


def test_reads_that_lag_say_so(desk):
    """Bug: a time stamp of now over reads that are a second old."""
    assert desk.read("/exchange/user_data_timestamp")["as_of_time"].startswith("2027-01-15T08:00:00")
    desk.dispatcher.portfolio.lag = ReadLag(fills_us=2_000_000)
    desk.clock.advance(10)
    assert desk.read("/exchange/user_data_timestamp")["as_of_time"].startswith("2027-01-15T08:00:08")


def test_the_schedule_has_a_hole_on_thursday(desk):
    found = desk.read("/exchange/schedule")["schedule"]
    [week] = found["standard_hours"]
    assert [s["close_time"] for s in week["thursday"]] == ["03:00", "23:59"]
    assert all(len(week[day]) == 1 for day in ("monday", "friday", "sunday"))
    assert found["maintenance_windows"] == EXTRAS["maintenance_windows"]


@pytest.mark.parametrize(
    ("path", "query", "ids"),
    [
        ("milestones", {"limit": 5}, "m1 m2"),
        ("milestones", {"limit": 5, "category": "Crypto"}, "m2"),
        ("milestones", {"limit": 5, "type": "football_game"}, "m1"),
        ("milestones", {"limit": 5, "competition": "NFL"}, "m1 m2"),
        ("milestones", {"limit": 5, "source_id": "s2"}, "m2"),
        ("milestones", {"limit": 5, "related_event_ticker": "E2"}, ""),
        ("milestones", {"limit": 5, "minimum_start_date": "2027-02-01T00:00:01Z"}, ""),
        ("milestones", {"limit": 5, "min_updated_ts": FUTURE}, ""),
        ("structured_targets", {}, "t1 t2 t3"),
        ("structured_targets", {"ids": ["t3", "t1"]}, "t1 t3"),
        ("structured_targets", {"type": "team"}, "t3"),
        ("structured_targets", {"competition": "NBA"}, "t2"),
        ("structured_targets", {"page_size": 1}, "t1"),
        ("incentive_programs", {}, "i1 i2"),
        ("incentive_programs", {"status": "active"}, "i1"),
        ("incentive_programs", {"status": "paid_out"}, "i2"),
        ("incentive_programs", {"status": "upcoming"}, ""),
        ("incentive_programs", {"type": "liquidity"}, "i2"),
        ("incentive_programs", {"incentive_description": "Trade more", "limit": 1}, "i1"),
    ],
)
def test_what_the_world_brings_along_by_every_filter(desk, path, query, ids):
    assert tickers(desk.read(f"/{path}", **query), path, "id") == ids.split()


@pytest.mark.parametrize(
    ("query", "count"),
    [({}, 1), ({"status": "open"}, 1), ({"status": "closed"}, 0), ({"associated_event_ticker": "E2"}, 0)],
)
def test_collections_by_every_filter(desk, query, count):
    assert len(desk.read("/multivariate_event_collections", **query)["multivariate_contracts"]) == count


@pytest.mark.parametrize(
    ("path", "query", "rule"),
    [
        ("milestones", {}, "'Limit' failed on the 'required'"),
        ("milestones", {"limit": 5, "minimum_start_date": "soon"}, "'MinimumStartDate' failed on the 'datetime'"),
        ("structured_targets", {"page_size": 2001}, "'PageSize' failed on the 'lte'"),
        ("incentive_programs", {"status": "gone"}, "'Status' failed on the 'oneof'"),
        ("multivariate_event_collections", {"status": "settled"}, "'Status' failed on the 'oneof'"),
        ("live_data/batch", {}, "'MilestoneIds' failed on the 'required'"),
        ("live_data/weather/miami", {"from": 1}, "'To' failed on the 'required_with'"),
        ("live_data/weather/miami", {"to": 1, "last_sec": 1}, "'LastSec' failed on the 'excluded_with'"),
        (
            "series/S1/events/E1/forecast_percentile_history",
            {"percentiles": 10_000, "start_ts": 0, "end_ts": 1, "period_interval": 1},
            "'Percentiles' failed on the 'lte'",
        ),
        ("series/S1/events/E1/forecast_percentile_history", {}, "'Percentiles' failed on the 'required'"),
    ],
)
def test_refusals_name_the_parameter(desk, path, query, rule):
    status, body = desk.ask(f"/{path}", **query)
    assert (status, set(body)) == (400, {"msg"})
    assert rule in body["msg"]


def test_live_data(desk):
    plain = desk.read("/live_data/milestone/m1")["live_data"]
    assert (plain["type"], plain["details"]) == ("football_game", {"score": "7-3"})
    with_players = desk.read("/live_data/football_game/milestone/m1", include_player_stats="true")["live_data"]
    assert with_players["details"]["player_stats"] == {"Ann": 1}
    assert desk.ask("/live_data/launch/milestone/m1")[0] == 404
    batch = desk.read("/live_data/batch", milestone_ids=["m2", "none", "m1"])["live_datas"]
    assert [one["milestone_id"] for one in batch] == ["m2", "m1"]
    assert desk.read("/live_data/events/E1")["live_data"] == {
        "type": "crypto",
        "details": {"price": 1},
        "default_range": "1h",
    }
    assert desk.read("/live_data/milestone/m1/game_stats")["pbp"]["periods"][0]["events"] == [{"down": 1}]
    assert desk.read("/live_data/milestone/m2/game_stats") == {"pbp": None}
    assert desk.ask("/live_data/milestone/none/game_stats")[0] == 404


def test_a_citys_weather(desk):
    day = desk.read("/live_data/weather/miami")
    assert ([p["v"] for p in day["timeseries"]], day["config_version"]) == ([80.25], "v1.0")
    assert "stations" not in day["timeseries"][0]
    assert "city" not in day["timeseries"][0]
    detailed = desk.read("/live_data/weather/miami", last_sec=3 * DAY_S, detailed="true")["timeseries"]
    assert [p["v"] for p in detailed] == [79.5, 80.25]
    assert detailed[1]["stations"] == []
    nothing = desk.read("/live_data/weather/miami", **{"from": 0, "to": 1})
    assert (nothing["timeseries"], nothing["config_version"]) == ([], "")
    newest = {"city": "miami", "t": NOW_S * 1_000, "v": 81, "status": "normal"}
    later = Desk(extras=EXTRAS | {"weather_points": [newest]})
    assert later.read("/live_data/weather/miami")["config_version"] == "v1.1", "the last settings before the point"
    versions = desk.read("/live_data/weather/miami/calibrations")["calibrations"]
    assert [one["config_version"] for one in versions] == ["v1.0", "v1.1"]
    assert desk.ask("/live_data/weather/oslo")[0] == desk.ask("/live_data/weather/oslo/calibrations")[0] == 404


def test_forecasts(desk):
    path, window = "/series/S1/events/E1/forecast_percentile_history", {"start_ts": NOW_S, "end_ts": NOW_S}
    [point] = desk.read(path, percentiles=[5_000], period_interval=60, **window)["forecast_history"]
    assert [p["percentile"] for p in point["percentile_points"]] == [5_000]
    assert desk.read(path, percentiles=[5_000], period_interval=1, **window)["forecast_history"] == []
    assert desk.ask("/series/S2/events/E1/forecast_percentile_history", percentiles=[1])[0] == 404


def test_search(desk):
    tags = desk.read("/search/tags_by_categories")["tags_by_categories"]
    assert tags == {"Sports": ["Final", "Football"], "Economics": [], "Exotics": []}
    filters = desk.read("/search/filters_by_sport")
    assert (filters["sport_ordering"], filters["filters_by_sports"]["Soccer"]["scopes"]) == (["Soccer"], ["Games"])


def test_every_list_of_extras_is_filled_here_and_checked():
    """The tests' own extras use every name, so that nothing known goes untested."""
    assert set(EXTRAS) == set(KNOWN)
    assert check_extras(EXTRAS) == []


def test_extras_are_checked_for_people():
    live, program = EXTRAS["live_data"][0], EXTRAS["incentive_programs"][0]
    wrong = {
        "milestone": [],
        "live_data": [live, {"type": "t"}, live | {"details": []}],
        "incentive_programs": [program | {"paid_out": 1, "period_reward": True, "start_date": "soon"}],
        "milestones": [EXTRAS["milestones"][0] | {"source_ids": "s"}],
        "zzz": [],
    }
    assert check_extras(wrong) == [
        "extras: there is no 'milestone'; did you mean 'milestones'?",
        "extras.live_data: object 2 needs details, milestone_id",
        "extras.live_data: object 3 needs an object as details, has []",
        "extras.incentive_programs: object 1 needs a moment such as 2026-12-31T00:00:00Z as start_date, has 'soon'",
        "extras.incentive_programs: object 1 needs a whole number as period_reward, has True",
        "extras.incentive_programs: object 1 needs true or false as paid_out, has 1",
        "extras.milestones: object 1 needs an object as source_ids, has 's'",
        f"extras: there is no 'zzz'; known are {', '.join(KNOWN)}",
    ]


def test_a_thousand_markets_are_listed_within_a_tenth_of_a_second():
    markets = tuple(market(f"T{n}", "E1") for n in range(1_000))
    base = world()
    desk = Desk(world=World(base.series, base.events, markets))
    for one in markets[:300]:
        desk.quote("0.4000", "0.6000", "1.00", one.ticker)
    listing = HttpRequest("GET", f"{API}/markets", "limit=1000", {}, b"")

    def seconds():
        start = time.process_time()
        assert len(desk.dispatcher.answer_as(desk.key, listing).body["markets"]) == 1_000
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.1


def test_a_changed_price_grid_shows(desk):
    lifecycle.set_structure(desk.exchange, "A", PriceStructure.DECI_CENT)
    found = desk.read("/markets/A")["market"]
    assert (found["price_level_structure"], found["price_ranges"][0]["step"]) == ("deci_cent", "0.0010")


@pytest.mark.parametrize(
    "path", ["/exchange/announcements", "/communications/id", "/markets/" + quote("A/B"), "/nothing"]
)
def test_what_is_not_there_is_not_found(desk, path):
    assert desk.ask(path) == (404, {"error": {"code": "not_found", "message": "not found"}})
