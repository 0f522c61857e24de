"""Every market-data operation of two client libraries, unmodified and over HTTPS, and what their models then hold.

The official synchronous SDK and kalshi-sdk call one server of this process from a thread. Each row asserts values of
the parsed models, because a model that parses may still hold nothing.
"""

import asyncio
import dataclasses
import datetime as dt
import importlib
import json

import kalshi_python_sync as official
import pytest
from tests.practice.api.market_desk import DAY_S, EXTRAS, NOW_S
from tests.practice.support import DAY_US, FakeClock, ed25519_key, order, rsa_key, start_practice

import kalshi
from pretrade.kalshi.keys import private_pem_of
from pretrade.model.markets import FeeType
from pretrade.practice.api.auth import ClockWindow
from pretrade.practice.api.left_out import LEFT_OUT
from pretrade.practice.core import lifecycle
from pretrade.practice.worldfile import read_world

WORLD = """
version: 1
maker: {kind: none}
accounts:
  main: {cash: $10000}
  crowd: {cash: $10000}
series:
  - {ticker: S1, title: First, category: Sports, tags: [Football]}
  - {ticker: S2, title: Second, category: Economics, fee_multiplier: 0.5}
  - {ticker: MVE, title: Combos, category: Exotics}
events:
  - {ticker: E1, series: S1, title: Event 1, sub_title: one}
  - {ticker: E2, series: S2, title: Event 2, mutually_exclusive: true}
  - {ticker: EM, series: MVE, title: Combo}
markets:
  - {ticker: A, event: E1, yes_sub_title: A, closes: +1d, floor_strike: 10, can_close_early: true}
  - {ticker: B, event: E1, yes_sub_title: B, closes: +1d, structure: tapered_deci_cent}
  - {ticker: C, event: E2, yes_sub_title: C, closes: +9d, fee_waiver_until: +1d}
  - {ticker: M1, event: EM, yes_sub_title: M, closes: +1d, shard: 1}
"""
CLASSES = (
    ("market_api", "MarketApi"),
    ("events_api", "EventsApi"),
    ("exchange_api", "ExchangeApi"),
    ("historical_api", "HistoricalApi"),
    ("live_data_api", "LiveDataApi"),
    ("milestone_api", "MilestoneApi"),
    ("multivariate_api", "MultivariateApi"),
    ("search_api", "SearchApi"),
    ("structured_targets_api", "StructuredTargetsApi"),
    ("incentive_programs_api", "IncentiveProgramsApi"),
)
MINUTES = {"start_ts": NOW_S, "end_ts": NOW_S + 120, "period_interval": 1}
COMBO = {"selected_markets": [{"market_ticker": "A", "event_ticker": "E1", "side": "yes"}]}

LIVING = [
    (
        "get_markets",
        {"status": "open", "limit": 1},
        lambda a: (a.markets[0].ticker, a.markets[0].status, a.cursor != ""),
        ("A", "active", True),
    ),
    (
        "get_market",
        {"ticker": "A"},
        lambda a: (
            a.market.yes_bid_dollars,
            a.market.yes_bid_size_fp,
            a.market.no_bid_dollars,
            a.market.last_price_dollars,
            a.market.volume_24h_fp,
            a.market.open_interest_fp,
            a.market.floor_strike,
            a.market.price_ranges[0].step,
            a.market.can_close_early,
        ),
        ("0.4000", "10.00", "0.4000", "0.6000", "2.00", "2.00", 10, "0.0100", True),
    ),
    (
        "get_market_orderbook",
        {"ticker": "A", "depth": 1},
        lambda a: (a.orderbook_fp.yes_dollars, a.orderbook_fp.no_dollars),
        ([["0.4000", "10.00"]], [["0.4000", "8.00"]]),
    ),
    ("get_market_orderbooks", {"tickers": ["B", "A"]}, lambda a: [o.ticker for o in a.orderbooks], ["B", "A"]),
    (
        "get_trades",
        {"ticker": "A"},
        lambda a: [(t.count_fp, t.yes_price_dollars, t.taker_book_side.value, t.is_block_trade) for t in a.trades],
        [("2.00", "0.6000", "bid", False)],
    ),
    (
        "get_market_candlesticks",
        {"series_ticker": "S1", "ticker": "A", **MINUTES},
        lambda a: (
            a.candlesticks[0].end_period_ts,
            a.candlesticks[0].price.close_dollars,
            a.candlesticks[0].yes_ask.close_dollars,
            a.candlesticks[0].volume_fp,
        ),
        (NOW_S + 60, "0.6000", "0.6000", "2.00"),
    ),
    (
        "batch_get_market_candlesticks",
        {"market_tickers": "A,B", **MINUTES, "start_ts": NOW_S + 61, "include_latest_before_start": True},
        lambda a: [(m.market_ticker, [c.price.previous_dollars for c in m.candlesticks]) for m in a.markets],
        [("A", ["0.6000"]), ("B", [None])],
    ),
    (
        "get_series",
        {"series_ticker": "S1", "include_volume": True},
        lambda a: (a.series.category, a.series.tags, a.series.fee_type.value, a.series.volume_fp),
        ("Sports", ["Football"], "quadratic", "2.00"),
    ),
    ("get_series_list", {"category": "Economics"}, lambda a: [s.fee_multiplier for s in a.series], [0.5]),
    (
        "get_event",
        {"event_ticker": "E1", "with_nested_markets": True},
        lambda a: (a.event.fee_type_override, a.event.fee_multiplier_override, [m.ticker for m in a.event.markets]),
        ("flat", 2.5, ["A", "B"]),
    ),
    ("get_events", {"with_milestones": True}, lambda a: [e.event_ticker for e in a.events], ["E1", "E2"]),
    (
        "get_event_metadata",
        {"event_ticker": "E1"},
        lambda a: (a.image_url, a.market_details[1].market_ticker, a.settlement_sources[0].name),
        ("/e1.png", "B", "n"),
    ),
    (
        "get_event_fee_changes",
        {"event_ticker": "E1"},
        lambda a: [(c.fee_type_override.value, c.fee_multiplier_override) for c in a.event_fee_changes],
        [("flat", 2.5)],
    ),
    (
        "get_multivariate_events",
        {"collection_ticker": "KXMVE", "with_nested_markets": True},
        lambda a: [(m.mve_collection_ticker, m.mve_selected_legs[0].side) for e in a.events for m in e.markets],
        [("KXMVE", "yes")],
    ),
    (
        "get_market_candlesticks_by_event",
        {"series_ticker": "S1", "ticker": "E1", **MINUTES},
        lambda a: (a.market_tickers, a.market_candlesticks[0][0].volume_fp, a.adjusted_end_ts),
        (["A", "B"], "2.00", NOW_S + 120),
    ),
    (
        "get_event_forecast_percentiles_history",
        {
            "series_ticker": "S1",
            "ticker": "E1",
            "percentiles": [1_000, 5_000],
            "start_ts": NOW_S,
            "end_ts": NOW_S,
            "period_interval": 60,
        },
        lambda a: [p.formatted_forecast for p in a.forecast_history[0].percentile_points],
        ["1000%", "5000%"],
    ),
    (
        "get_exchange_status",
        {},
        lambda a: (a.trading_active, [s.exchange_index for s in a.exchange_index_statuses]),
        (True, [0, 1]),
    ),
    (
        "get_exchange_schedule",
        {},
        lambda a: (
            [s.open_time for s in a.schedule.standard_hours[0].thursday],
            a.schedule.maintenance_windows[0].start_datetime.day,
        ),
        (["00:00", "05:00"], 1),
    ),
    (
        "get_series_fee_changes",
        {"show_historical": True},
        lambda a: [(c.id, c.fee_multiplier) for c in a.series_fee_change_arr],
        [("f1", 2), ("f2", 3)],
    ),
    ("get_user_data_timestamp", {}, lambda a: a.as_of_time.year, 2027),
    (
        "get_historical_cutoff",
        {},
        lambda a: {a.market_settled_ts, a.trades_created_ts, a.orders_updated_ts, a.market_positions_last_updated_ts},
        {dt.datetime(2026, 10, 17, tzinfo=dt.UTC)},
    ),
    ("get_live_data", {"type": "launch", "milestone_id": "m2"}, lambda a: a.live_data.milestone_id, "m2"),
    (
        "get_live_data_by_milestone",
        {"milestone_id": "m1", "include_player_stats": True},
        lambda a: a.live_data.details,
        EXTRAS["live_data"][0]["details"],
    ),
    (
        "get_live_datas",
        {"milestone_ids": ["m1", "m2"]},
        lambda a: [d.type for d in a.live_datas],
        ["football_game", "launch"],
    ),
    ("get_event_live_data", {"event_ticker": "E1"}, lambda a: a.live_data.default_range, "1h"),
    ("get_game_stats", {"milestone_id": "m1"}, lambda a: a.pbp.periods[0].events, [{"down": 1}]),
    (
        "get_weather_index",
        {"city": "miami", "last_sec": 3 * DAY_S, "detailed": True},
        lambda a: (a.units, a.config_version, [p.v for p in a.timeseries]),
        ("fahrenheit", "v1.0", [79.5, 80.25]),
    ),
    (
        "get_weather_index_calibrations",
        {"city": "miami"},
        lambda a: [c.stations[0].station_id for c in a.calibrations],
        ["KMIA1M", "KMIA1M"],
    ),
    ("get_milestone", {"milestone_id": "m1"}, lambda a: a.milestone.details, {"league": "NFL"}),
    ("get_milestones", {"limit": 1}, lambda a: ([m.id for m in a.milestones], a.cursor != ""), (["m1"], True)),
    (
        "get_multivariate_event_collection",
        {"collection_ticker": "KXMVE"},
        lambda a: a.multivariate_contract.associated_events[0].is_yes_only,
        True,
    ),
    (
        "get_multivariate_event_collections",
        {"status": "open"},
        lambda a: [c.size_max for c in a.multivariate_contracts],
        [3],
    ),
    (
        "get_filters_for_sports",
        {},
        lambda a: (a.sport_ordering, a.filters_by_sports["Soccer"].competitions["EPL"].scopes),
        (["Soccer"], ["Games"]),
    ),
    (
        "get_tags_for_series_categories",
        {},
        lambda a: a.tags_by_categories,
        {"Sports": ["Football"], "Economics": [], "Exotics": []},
    ),
    ("get_structured_target", {"structured_target_id": "t3"}, lambda a: a.structured_target.name, "Reds"),
    (
        "get_structured_targets",
        {"ids": ["t1", "t2"], "page_size": 1},
        lambda a: ([t.id for t in a.structured_targets], a.cursor != ""),
        (["t1"], True),
    ),
    (
        "get_incentive_programs",
        {"status": "active"},
        lambda a: ([(p.id, p.period_reward) for p in a.incentive_programs], a.next_cursor),
        ([("i1", 10_000)], ""),
    ),
]
"""Operation, arguments, what to look at, what it must be: while everything is new."""

ARCHIVED = [
    (
        "get_historical_markets",
        {},
        lambda a: [(m.ticker, m.status, m.result) for m in a.markets],
        [("A", "finalized", "yes")],
    ),
    (
        "get_historical_market",
        {"ticker": "A"},
        lambda a: (a.market.settlement_value_dollars, a.market.settlement_ts.year),
        ("1.0000", 2027),
    ),
    (
        "get_market_candlesticks_historical",
        {"ticker": "A", **MINUTES},
        lambda a: (a.candlesticks[0].price.mean, a.candlesticks[0].volume),
        ("0.6000", "2.00"),
    ),
    ("get_trades_historical", {"ticker": "A"}, lambda a: [t.count_fp for t in a.trades], ["2.00"]),
    (
        "get_historical_orders",
        {},
        lambda a: [(o.status.value, o.fill_count_fp) for o in a.orders],
        [("executed", "2.00")],
    ),
    ("get_fills_historical", {}, lambda a: [(f.count_fp, f.is_taker) for f in a.fills], [("2.00", True)]),
    (
        "get_historical_positions",
        {},
        lambda a: ([p.ticker for p in a.market_positions], [p.event_ticker for p in a.event_positions]),
        (["A"], ["E1"]),
    ),
    (
        "get_event",
        {"event_ticker": "E1", "with_nested_markets": True},
        lambda a: [m.ticker for m in a.event.markets],
        ["B"],
    ),
]
"""The same 91 days after market A was paid out."""
WITHOUT_EXTRAS = [
    ("get_milestones", {"limit": 1}, lambda a: a.milestones, []),
    ("get_structured_targets", {}, lambda a: a.structured_targets, []),
    ("get_incentive_programs", {}, lambda a: a.incentive_programs, []),
    ("get_multivariate_event_collections", {}, lambda a: a.multivariate_contracts, []),
    ("get_multivariate_events", {}, lambda a: [e.event_ticker for e in a.events], []),
    ("get_filters_for_sports", {}, lambda a: a.sport_ordering, []),
    ("get_series_fee_changes", {"show_historical": True}, lambda a: a.series_fee_change_arr, []),
    ("get_event_fee_changes", {"event_ticker": "E2"}, lambda a: a.event_fee_changes, []),
    ("get_live_datas", {"milestone_ids": ["m1"]}, lambda a: a.live_datas, []),
    ("get_event_metadata", {"event_ticker": "E1"}, lambda a: a.settlement_sources, []),
    ("get_exchange_schedule", {}, lambda a: a.schedule.maintenance_windows, []),
]
"""What a world without extras answers."""
LEFT_OUT_HERE = {"create_market_in_multivariate_event_collection"}


@pytest.fixture
async def started(tmp_path):
    clock = FakeClock()
    scenario = read_world(WORLD, source="the test's world", folder=tmp_path)
    running = await start_practice(
        tmp_path / "practice", clock=clock, scenario=dataclasses.replace(scenario, extras=EXTRAS)
    )
    # the clients sign with the wall clock, the exchange runs by the test's
    running.practice.dispatcher.clock_window = ClockWindow(10**15)
    exchange, crowd, main = running.exchange, *(running.exchange.accounts[name] for name in ("crowd", "main"))
    for side, price in (("bid", "0.4000"), ("ask", "0.6000")):
        exchange.create(crowd, order(side, price, "10.00"))
    exchange.create(main, order("bid", "0.6000", "2.00"))
    lifecycle.set_event_fee(exchange, "E1", FeeType.FLAT, 250)
    clock.advance(30)
    yield running, clock
    await running.stop()


@pytest.fixture
def call(started):
    """Call the official SDK: `await call("get_market", ticker="A")`."""
    running, _ = started
    configuration = official.Configuration(host=running.base_url)
    configuration.ssl_ca_cert = str(running.ca_file)
    configuration.api_key_id = "ed"
    configuration.private_key_pem = private_pem_of(ed25519_key()).decode()
    client = official.KalshiClient(configuration)

    async def made(name, **arguments):
        return await asyncio.to_thread(getattr(client, name), **arguments)

    yield made
    client.rest_client.pool_manager.clear()


async def wrong_rows(call, rows):
    """The rows that do not hold, with what came instead: one run shows all of them."""
    found = []
    for operation, arguments, look, expected in rows:
        seen = look(await call(operation, **arguments))
        if seen != expected:
            found.append((operation, seen, expected))
    return found


def archive_a(running, clock):
    """Let market A end with YES; its settlement timer is 0, so that it is paid out as soon as time goes on."""
    lifecycle.close_market(running.exchange, "A")
    lifecycle.determine(running.exchange, "A", "yes")
    clock.now_us += 91 * DAY_US


async def test_every_operation_of_the_official_sdk(call):
    assert await wrong_rows(call, LIVING) == []


async def test_the_official_sdks_historical_operations(started, call):
    archive_a(*started)
    assert await wrong_rows(call, ARCHIVED) == []


async def test_empty_answers_parse_too(started, call):
    started[0].practice.dispatcher.extras = {}
    assert await wrong_rows(call, WITHOUT_EXTRAS) == []


async def test_combos_cannot_be_made(call):
    with pytest.raises(official.exceptions.NotFoundException, match="not_found"):
        await call("create_market_in_multivariate_event_collection", collection_ticker="KXMVE", **COMBO)


def test_the_tables_name_every_operation_of_the_sdk():
    """Bug: an operation that nobody tests because nobody knows it is there."""
    operations = set()
    for module, name in CLASSES:
        api = getattr(importlib.import_module(f"kalshi_python_sync.api.{module}"), name)
        operations |= {n for n in vars(api) if not n.startswith("_") and "_with" not in n.replace("_without", "_with")}
    tested = {row[0] for row in LIVING + ARCHIVED} | LEFT_OUT_HERE
    assert operations - tested == set()
    assert len(tested - operations) == 0


OTHER = [
    (lambda c: c.markets.list(status="open", limit=1).items[0], lambda a: (a.ticker, str(a.yes_bid)), ("A", "0.4")),
    (lambda c: c.markets.get("A"), lambda a: (str(a.volume_24h), a.status), ("2", "active")),
    (lambda c: c.markets.orderbook("A", depth=1), lambda a: [str(a.yes[0].price), str(a.no[0].quantity)], ["0.4", "8"]),
    (lambda c: c.markets.bulk_orderbooks(tickers=["B", "A"]), lambda a: [o.ticker for o in a], ["B", "A"]),
    (lambda c: c.markets.candlesticks("S1", "A", **MINUTES), lambda a: str(a[0].price.close), "0.6"),
    (
        lambda c: c.markets.bulk_candlesticks(market_tickers=["A", "B"], **MINUTES),
        lambda a: [m.market_ticker for m in a],
        ["A", "B"],
    ),
    (lambda c: c.markets.list_trades(ticker="A").items, lambda a: [str(t.count) for t in a], ["2"]),
    (lambda c: c.events.list().items, lambda a: [e.event_ticker for e in a], ["E1", "E2"]),
    (lambda c: c.events.list_multivariate(collection_ticker="KXMVE").items, lambda a: a[0].event_ticker, "EM"),
    (lambda c: c.events.get("E1", with_nested_markets=True), lambda a: [m.ticker for m in a.markets], ["A", "B"]),
    (lambda c: c.events.metadata("E1"), lambda a: a.image_url, "/e1.png"),
    (lambda c: c.events.fee_changes(event_ticker="E1").items, lambda a: [x.event_ticker for x in a], ["E1"]),
    (lambda c: c.exchange.status(), lambda a: (a.exchange_active, a.trading_active), (True, True)),
    (lambda c: c.exchange.schedule(), lambda a: len(a.standard_hours[0].thursday), 2),
    (lambda c: c.exchange.user_data_timestamp(), lambda a: a.as_of_time.year, 2027),
    (lambda c: c.historical.cutoff(), lambda a: a.market_settled_ts.year, 2026),
    (lambda c: c.live_data.get("m1"), lambda a: a.details, {"score": "7-3"}),
    (lambda c: c.live_data.get_typed("launch", "m2"), lambda a: a.type, "launch"),
    (lambda c: c.live_data.get_event("E1"), lambda a: a.type, "crypto"),
    (lambda c: c.live_data.batch(milestone_ids=["m2"]), lambda a: [d.milestone_id for d in a], ["m2"]),
    (lambda c: c.live_data.game_stats("m1"), lambda a: len(a.pbp.periods), 1),
    (lambda c: c.live_data.weather("miami"), lambda a: a.config_version, "v1.0"),
    (lambda c: c.live_data.weather_calibrations("miami"), lambda a: len(a.calibrations), 2),
    (lambda c: c.milestones.list(limit=5).items, lambda a: [m.id for m in a], ["m1", "m2"]),
    (lambda c: c.milestones.get("m1"), lambda a: a.title, "The final"),
    (lambda c: c.multivariate_collections.list().items, lambda a: [x.collection_ticker for x in a], ["KXMVE"]),
    (lambda c: c.multivariate_collections.get("KXMVE"), lambda a: a.size_min, 2),
    (lambda c: c.search.tags_by_categories(), lambda a: a.tags_by_categories["Sports"], ["Football"]),
    (lambda c: c.search.filters_by_sport(), lambda a: a.sport_ordering, ["Soccer"]),
    (lambda c: c.series.list(category="Sports"), lambda a: [s.ticker for s in a], ["S1"]),
    (lambda c: c.series.get("S2"), lambda a: float(a.fee_multiplier), 0.5),
    (lambda c: c.series.fee_changes(show_historical=True), lambda a: [x.id for x in a], ["f1", "f2"]),
    (lambda c: c.series.event_candlesticks("S1", "E1", **MINUTES), lambda a: a.market_tickers, ["A", "B"]),
    (
        lambda c: c.series.forecast_percentile_history(
            "S1", "E1", percentiles=[5_000], start_ts=NOW_S, end_ts=NOW_S, period_interval=60
        ),
        lambda a: a[0].percentile_points[0].percentile,
        5_000,
    ),
    (lambda c: c.structured_targets.list(target_type="team").items, lambda a: [t.id for t in a], ["t3"]),
    (lambda c: c.structured_targets.get("t1"), lambda a: a.name, "Ann"),
    (lambda c: c.incentive_programs.list(status="active").items, lambda a: [p.id for p in a], ["i1"]),
]
OTHER_ARCHIVED = [
    (lambda c: c.historical.markets().items, lambda a: [(m.ticker, m.result) for m in a], [("A", "yes")]),
    (lambda c: c.historical.market("A"), lambda a: str(a.settlement_value), "1"),
    (lambda c: c.historical.candlesticks("A", **MINUTES), lambda a: str(a[0].price.close), "0.6"),
    (lambda c: c.historical.trades(ticker="A").items, lambda a: [str(t.count) for t in a], ["2"]),
    (lambda c: c.historical.orders().items, lambda a: [str(o.fill_count) for o in a], ["2"]),
    (lambda c: c.historical.fills().items, lambda a: [str(f.count) for f in a], ["2"]),
    (lambda c: c.historical.positions(), lambda a: [p.ticker for p in a.market_positions], ["A"]),
]


@pytest.fixture
def other(started, monkeypatch, tmp_path):
    """kalshi-sdk, told nothing but host, CA and key."""
    running, _ = started
    monkeypatch.setenv("SSL_CERT_FILE", str(running.ca_file))
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(private_pem_of(rsa_key()))
    config = kalshi.KalshiConfig(base_url=running.base_url, allow_unknown_host=True)
    with kalshi.KalshiClient(key_id="full", private_key_path=str(key_file), config=config) as client:
        yield client


async def wrong_looks(client, rows):
    found = []
    for number, (ask, look, expected) in enumerate(rows):
        seen = look(await asyncio.to_thread(ask, client))
        if not _same(seen, expected):
            found.append((number, seen, expected))
    return found


async def test_every_market_data_call_of_kalshi_sdk(other):
    assert await wrong_looks(other, OTHER) == []


async def test_the_historical_calls_of_kalshi_sdk(started, other):
    archive_a(*started)
    assert await wrong_looks(other, OTHER_ARCHIVED) == []


async def test_what_was_removed_is_not_found_there_either(other):
    with pytest.raises(kalshi.KalshiNotFoundError), pytest.warns(DeprecationWarning, match="announcements"):
        await asyncio.to_thread(other.exchange.announcements)
    assert any(row.path.endswith("/exchange/announcements") for row in LEFT_OUT)


def _same(seen, expected):
    """Equal but for how a decimal is written: 0.4 is 0.4000."""
    return _plain(seen) == _plain(expected)


def _plain(value):
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return float(value)
    return json.loads(json.dumps(value))
