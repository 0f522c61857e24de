"""What the tests of market data share: a world with all that can be asked for, read in process and without HTTP."""

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.practice.support import DAY_US, NOW_US, ONE_DOLLAR, FakeClock, ed25519_key, order

from pretrade.practice.api.dispatch import Dispatcher, HttpRequest
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.api.ratelimit import RateLimiter
from pretrade.practice.core.exchange import Exchange, Result
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.state import World

API = "/trade-api/v2"
DAY_S = 86_400
NOW_S = NOW_US // 1_000_000
MILESTONE = {
    "id": "m1",
    "category": "Sports",
    "type": "football_game",
    "start_date": "2027-02-01T00:00:00Z",
    "related_event_tickers": ["E1"],
    "title": "The final",
    "notification_message": "It starts",
    "source_id": "s1",
    "details": {"league": "NFL"},
    "primary_event_tickers": ["E1"],
    "last_updated_ts": "2027-01-10T00:00:00Z",
}
COLLECTION = {
    "collection_ticker": "KXMVE",
    "series_ticker": "MVE",
    "title": "Combos",
    "description": "All of them",
    "open_date": "2027-01-01T00:00:00Z",
    "close_date": "2027-02-01T00:00:00Z",
    "associated_events": [{"ticker": "E1", "is_yes_only": True, "active_quoters": []}],
    "associated_event_tickers": ["E1"],
    "is_ordered": False,
    "is_single_market_per_event": True,
    "is_all_yes": True,
    "size_min": 2,
    "size_max": 3,
    "functional_description": "all legs",
    "price_level_structure": "linear_cent",
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
}
PROGRAM = {
    "id": "i1",
    "market_id": "i",
    "market_ticker": "A",
    "incentive_type": "volume",
    "incentive_description": "Trade more",
    "start_date": "2027-01-01T00:00:00Z",
    "end_date": "2027-02-01T00:00:00Z",
    "period_reward": 10_000,
    "paid_out": False,
}
CALIBRATION = {
    "city": "miami",
    "config_version": "v1.0",
    "effective_at_ms": (NOW_S - 9 * DAY_S) * 1_000,
    "city_reference_c": 24.5,
    "stations": [{"station_id": "KMIA1M", "weight": 1.0, "offset_c": 0.1}],
}
EXTRAS: dict[str, list[dict[str, Any]]] = {
    "milestones": [MILESTONE, MILESTONE | {"id": "m2", "category": "Crypto", "type": "launch", "source_id": "s2"}],
    "structured_targets": [
        {"id": "t1", "name": "Ann", "type": "player", "details": {"league": "NFL"}},
        {"id": "t2", "name": "Bo", "type": "player", "details": {"leagues": ["NBA"]}},
        {"id": "t3", "name": "Reds", "type": "team", "details": {}},
    ],
    "incentive_programs": [PROGRAM, PROGRAM | {"id": "i2", "paid_out": True, "incentive_type": "liquidity"}],
    "multivariate_event_collections": [COLLECTION],
    "multivariate_markets": [
        {"ticker": "M1", "mve_selected_legs": [{"event_ticker": "E1", "market_ticker": "A", "side": "yes"}]}
    ],
    "event_metadata": [
        {"event_ticker": "E1", "image_url": "/e1.png", "settlement_sources": [{"name": "n", "url": "u"}]}
    ],
    "series_fee_changes": [
        {
            "id": "f1",
            "series_ticker": "S1",
            "fee_type": "flat",
            "fee_multiplier": 2,
            "scheduled_ts": "2027-01-01T00:00:00Z",
        },
        {
            "id": "f2",
            "series_ticker": "S1",
            "fee_type": "flat",
            "fee_multiplier": 3,
            "scheduled_ts": "2028-01-01T00:00:00Z",
        },
    ],
    "live_data": [
        {"milestone_id": "m1", "type": "football_game", "details": {"score": "7-3", "player_stats": {"Ann": 1}}},
        {"milestone_id": "m2", "type": "launch", "details": {}},
    ],
    "event_live_data": [{"event_ticker": "E1", "type": "crypto", "details": {"price": 1}, "default_range": "1h"}],
    "game_stats": [{"milestone_id": "m1", "pbp": {"periods": [{"events": [{"down": 1}]}]}}],
    "weather_points": [
        {"city": "miami", "t": (NOW_S - 60) * 1_000, "v": 80.25, "status": "normal", "stations": []},
        {"city": "miami", "t": (NOW_S - 2 * DAY_S) * 1_000, "v": 79.5, "status": "degraded"},
    ],
    "weather_calibrations": [CALIBRATION | {"config_version": "v1.1", "effective_at_ms": NOW_S * 1_000}, CALIBRATION],
    "forecasts": [
        {
            "event_ticker": "E1",
            "end_period_ts": NOW_S,
            "period_interval": 60,
            "percentile_points": [
                {"percentile": p, "raw_numerical_forecast": p, "numerical_forecast": p, "formatted_forecast": f"{p}%"}
                for p in (1_000, 5_000)
            ],
        }
    ],
    "sport_filters": [{"sport": "Soccer", "scopes": ["Games"], "competitions": {"EPL": {"scopes": ["Games"]}}}],
    "maintenance_windows": [{"start_datetime": "2027-03-01T08:00:00Z", "end_datetime": "2027-03-01T09:00:00Z"}],
}
"""At least one object in every list; NOW_US is January 15, 2027."""


def market(ticker: str, event: str, **more: Any) -> Market:
    """A market that opened a day ago and closes in a day, unless said otherwise."""
    values: dict[str, Any] = {
        "ticker": ticker,
        "event_ticker": event,
        "title": f"Will {ticker} be?",
        "yes_sub_title": ticker,
        "open_us": NOW_US - DAY_US,
        "close_us": NOW_US + DAY_US,
        "opening_mid": 5_000,
        "can_close_early": True,
    }
    return Market(**values | more)


def world() -> World:
    """Two ordinary series, one of combos; markets in every state that time makes, on two shards."""
    return World(
        (
            Series("S1", "First", "Sports", "daily", tags=("Football", "Final")),
            Series("S2", "Second", "Economics", "custom", fee_multiplier=50),
            Series("MVE", "Combos", "Exotics", "custom"),
        ),
        (
            Event("E1", "S1", "Event 1", "one"),
            Event("E2", "S2", "Event 2", "two", mutually_exclusive=True),
            Event("EM", "MVE", "Combo", "both"),
        ),
        (
            market("A", "E1", floor_strike=10),
            market("B", "E1", structure=PriceStructure.TAPERED_DECI_CENT, floor_strike=10, cap_strike=20),
            market("C", "E2", open_us=NOW_US + DAY_US, close_us=NOW_US + 9 * DAY_US, created_us=NOW_US - 2 * DAY_US),
            market("D", "E2", close_us=NOW_US - DAY_US // 2, exchange_index=2),
            market("M1", "EM", exchange_index=1),
        ),
    )


@dataclass
class Desk:
    """An exchange with a maker's and a taker's account and nobody else, read through its dispatcher."""

    extras: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: EXTRAS)
    world: World = field(default_factory=world)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.exchange = Exchange(self.world, self.clock, random.Random(7))
        self.maker = self.exchange.open_account("maker", 100_000 * ONE_DOLLAR)
        self.taker = self.exchange.open_account("taker", 100_000 * ONE_DOLLAR)
        for shard in (1, 2):
            self.maker.deposit(0, shard, 1_000 * ONE_DOLLAR)
        self.key = ApiKey("k", "taker", ed25519_key().public_key(), ("read",))
        self.dispatcher = Dispatcher(
            self.exchange, lambda: None, KeyStore([self.key]), RateLimiter("prestige"), self.extras
        )

    def ask(self, path: str, **query: Any) -> tuple[int, Any]:
        """Status and body of a signed GET; the body has been JSON once. Lists repeat the key."""
        text = urlencode(query, doseq=True)
        reply = self.dispatcher.answer_as(self.key, HttpRequest("GET", API + path, text, {}, b""))
        return reply.status, json.loads(json.dumps(reply.body))

    def read(self, path: str, **query: Any) -> Any:
        """The body of a GET that must succeed."""
        status, body = self.ask(path, **query)
        assert status == 200, body
        return body

    def quote(self, bid: str | None, ask: str | None, count: str = "10.00", ticker: str = "A") -> list[Result]:
        """Rest the maker's orders."""
        sides = (("bid", bid), ("ask", ask))
        return [self.place(self.maker, side, price, count, ticker) for side, price in sides if price is not None]

    def trade(self, side: str, price: str, count: str, ticker: str = "A") -> Result:
        """Let the taker's order meet what rests."""
        return self.place(self.taker, side, price, count, ticker)

    def place(self, who: Any, side: str, price: str, count: str, ticker: str) -> Result:
        return self.exchange.create(who, order(side, price, count, ticker=ticker))
