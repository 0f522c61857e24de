"""The whole API in this process: an exchange of two shards behind its dispatcher, asked without HTTP."""

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.practice.support import DAY_US, KEYS, NOW_US, ONE_DOLLAR, FakeClock, rsa_key

from pretrade.practice.api.dispatch import Dispatcher, HttpRequest
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.api.ratelimit import RateLimiter
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.state import World
from pretrade.practice.core.transfers import open_subaccount

API = "/trade-api/v2"
ORDERS = "/portfolio/events/orders"
SERIES = (Series("S", "s", "Tests", "custom"), Series("G", "g", "Sports", "custom"))
EVENTS = (Event("E", "S", "e", "e"), Event("F", "S", "f", "f"), Event("GAME", "G", "game", "game"))
MARKETS = (("A", "E", 0), ("B", "E", 0), ("C", "F", 1), ("GAME-1", "GAME", 0))
"""Ticker, event, shard."""


def _market(ticker: str, event: str, shard: int) -> Market:
    return Market(
        ticker=ticker,
        event_ticker=event,
        title=ticker,
        yes_sub_title=ticker,
        open_us=NOW_US - DAY_US,
        close_us=NOW_US + DAY_US,
        opening_mid=5_000,
        structure=PriceStructure.LINEAR_CENT,
        exchange_index=shard,
    )


@dataclass
class Desk:
    """Accounts `main` and `rival` with $1,000 on both shards, main's subaccount 3 with as much, keys as in support."""

    tier: str = "prestige"
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        world = World(SERIES, EVENTS, tuple(_market(*row) for row in MARKETS))
        self.exchange = Exchange(world, self.clock, random.Random(7))
        for name in ("main", "rival"):
            account = self.exchange.open_account(name, 1_000 * ONE_DOLLAR)
            account.deposit(0, 1, 1_000 * ONE_DOLLAR, NOW_US)
        self.main, self.rival = self.exchange.accounts["main"], self.exchange.accounts["rival"]
        open_subaccount(self.exchange, self.main, 3)
        self.main.deposit(3, 0, 1_000 * ONE_DOLLAR, NOW_US)
        public = rsa_key().public_key()
        self.keys = KeyStore(ApiKey(key_id, "main", public, scopes) for key_id, scopes in KEYS.items())
        self.keys.add(ApiKey("rival", "rival", public, ("read", "write")))
        self.keys.add(ApiKey("sub3", "main", public, ("read", "write"), subaccount=3))
        self.keys.add(ApiKey("fcm", "main", public, ("read", "write"), fcm_subtrader_id="u_1"))
        self.limiter = RateLimiter(self.tier)
        self.dispatcher = Dispatcher(self.exchange, lambda: None, self.keys, self.limiter)

    def call(
        self, method: str, path: str, body: Any = None, key: str = "full", raw: bytes | None = None, **query: Any
    ) -> tuple[int, Any]:
        """Status and body of a call below the API's prefix; every answer must be JSON."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if method in {"POST", "PUT"} or data else {}
        request = HttpRequest(method, API + path, urlencode(query), headers, data)
        reply = self.dispatcher.answer_as(self.keys[key], request)
        return reply.status, json.loads(json.dumps(reply.body))

    def get(self, path: str, **query: Any) -> Any:
        """The body of a read that must succeed."""
        status, body = self.call("GET", path, **query)
        assert status == 200, body
        return body

    def place(self, key: str = "full", **more: Any) -> str:
        """The id of an order that must be taken."""
        status, body = self.call("POST", ORDERS, order_body(**more), key=key)
        assert status == 201, body
        return str(body["order_id"])


def order_body(**more: Any) -> dict[str, Any]:
    """A bid for 10 at 0.40 in market A that rests; `...` leaves a field out."""
    body = {
        "ticker": "A",
        "side": "bid",
        "count": "10.00",
        "price": "0.4000",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}
