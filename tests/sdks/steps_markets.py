"""The steps of market data: markets, books, candlesticks, events, series, history, and what a world brings along.

Rule of this file: data only, on world.yaml, after the trading of steps_orders.
"""

import time

from tests.sdks.session import BTC, NYC, Step

BTC_EVENT, NYC_EVENT, COMBO = "KXBTC-26DEC31", "KXHIGHNY-26NOV22", "KXCOMBO-R"
MILESTONE, TARGET, CITY = "milestone-1", "target-1", "new-york"
NOON_S = 1_793_534_400
"""When extras.json has its weather and forecast: November 1, 2026."""
NOW_S = int(time.time())
LEGS = [
    {"market_ticker": BTC, "event_ticker": BTC_EVENT, "side": "yes"},
    {"market_ticker": NYC, "event_ticker": NYC_EVENT, "side": "yes"},
]
_THEN = {"start_ts": NOON_S - 7_200, "end_ts": NOON_S + 3_600, "period_interval": 60}
_WINDOW = {"start_ts": NOW_S - 7_200, "end_ts": NOW_S + 10_800, "period_interval": 60}
"""Ends two periods after the one in which the module was read: the trades may come after the next full hour."""

MARKETS = (
    Step("get_exchange_status", expect={"exchange_active": True, "trading_active": True}),
    Step("get_exchange_schedule", expect={"open_time": "00:00"}),
    Step("get_user_data_timestamp"),
    Step("get_markets", {"limit": 2}, {"ticker": BTC}),
    Step(
        "get_market",
        {"ticker": BTC},
        {
            "ticker": BTC,
            "status": "active",
            "yes_bid_dollars": "0.54",
            "yes_ask_dollars": "0.56",
            "last_price_dollars": "0.56",
        },
    ),
    Step("get_market", {"ticker": "KXCOMBO-R1-A"}, {"exchange_index": 1}),
    Step("get_market_orderbook", {"ticker": BTC, "depth": 1}),
    Step("get_market_orderbooks", {"tickers": [BTC, NYC]}, {"ticker": NYC}),
    Step("get_trades", {"ticker": BTC, "limit": 5}),
    Step(
        "get_market_candlesticks",
        {"series_ticker": "KXBTC", "ticker": BTC} | _WINDOW,
        {"close": "0.56"},
        by_client={"pykalshi": {"ticker": BTC} | _WINDOW},
    ),
    Step(
        "batch_get_market_candlesticks",
        {"market_tickers": [BTC, NYC]} | _WINDOW,
        {"market_ticker": NYC},
        by_client={
            "kalshi-typescript": {"market_tickers": f"{BTC},{NYC}"} | _WINDOW,
            "kalshi-python-sync": {"market_tickers": f"{BTC},{NYC}"} | _WINDOW,
            "kalshi-python-async": {"market_tickers": f"{BTC},{NYC}"} | _WINDOW,
        },
    ),
    Step("get_series", {"series_ticker": "KXBTC"}, {"ticker": "KXBTC", "fee_type": "quadratic"}),
    Step("get_series_list", {"category": "Crypto"}, {"ticker": "KXBTC"}),
    Step("get_series_fee_changes", expect={"series_ticker": "KXBTC"}),
    Step(
        "get_event",
        {"event_ticker": BTC_EVENT, "with_nested_markets": True},
        {"event_ticker": BTC_EVENT, "series_ticker": "KXBTC"},
    ),
    Step("get_events", {"series_ticker": "KXBTC"}, {"event_ticker": BTC_EVENT}),
    Step("get_event_metadata", {"event_ticker": BTC_EVENT}, {"image_url": "/bitcoin.png"}),
    Step("get_event_fee_changes"),
    Step(
        "get_market_candlesticks_by_event", {"series_ticker": "KXBTC", "ticker": BTC_EVENT} | _WINDOW, {"close": "0.56"}
    ),
    Step(
        "get_event_forecast_percentiles_history",
        {"series_ticker": "KXBTC", "ticker": BTC_EVENT, "percentiles": [5000]} | _THEN,
        {"formatted_forecast": "99.5k"},
    ),
    Step("get_multivariate_events", expect={"event_ticker": "KXCOMBO-R1"}),
)
"""What everybody reads."""

HISTORY = (
    Step("get_historical_cutoff"),
    Step("get_historical_markets", {"limit": 5}),
    Step("get_historical_market", {"ticker": BTC}, error=404),
    Step("get_market_candlesticks_historical", {"ticker": BTC} | _WINDOW, error=404),
    Step("get_fills_historical"),
    Step("get_historical_orders"),
    Step("get_historical_positions"),
    Step("get_trades_historical"),
)
"""Nothing is old yet: pages are empty and single things unknown."""

EXTRAS = (
    Step("get_milestones", {"limit": 10}, {"id": MILESTONE}),
    Step("get_milestone", {"milestone_id": MILESTONE}, {"id": MILESTONE}),
    Step("get_live_data", {"type": "weather", "milestone_id": MILESTONE}, {"temperature": 51}),
    Step("get_live_data_by_milestone", {"milestone_id": MILESTONE}, {"temperature": 51}),
    Step("get_live_datas", {"milestone_ids": [MILESTONE]}, {"temperature": 51}),
    Step("get_event_live_data", {"event_ticker": BTC_EVENT}, {"price": 99_000}),
    Step("get_game_stats", {"milestone_id": MILESTONE}),
    Step(
        "get_weather_index",
        {"city": CITY, "from": NOON_S * 1000, "to": NOON_S * 1000 + 60_000},
        {"units": "fahrenheit", "v": 51.25},
    ),
    Step("get_weather_index_calibrations", {"city": CITY}, {"station_id": "KNYC"}),
    Step("get_structured_targets", expect={"id": TARGET}),
    Step("get_structured_target", {"structured_target_id": TARGET}, {"id": TARGET}),
    Step("get_incentive_programs", expect={"market_ticker": BTC}),
    Step("get_filters_for_sports", expect={"sport_ordering": "['Baseball']"}),
    Step("get_tags_for_series_categories"),
    Step("get_multivariate_event_collections", expect={"collection_ticker": COMBO}),
    Step("get_multivariate_event_collection", {"collection_ticker": COMBO}, {"collection_ticker": COMBO}),
    Step(
        "create_market_in_multivariate_event_collection",
        {"collection_ticker": COMBO, "selected_markets": LEGS, "with_market_payload": True},
        error=404,
        by_client={"pykalshi": {"collection_ticker": COMBO, "selected_markets": LEGS}},
    ),
)
"""What the world of these tests brings along."""
