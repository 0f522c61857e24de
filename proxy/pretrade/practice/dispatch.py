"""From a request's head and body to a Reply: find the route, check key, scope and budget, call it.

Rule of this file: the order of the first steps of the admission pipeline (sim_semantics.md 2): key 401, scope 403,
rate 429, then the route (V1 410, JSON 400, ...). No HTTP library.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pretrade.practice import auth, routes_account, routes_markets, routes_orders, routes_portfolio
from pretrade.practice.call import Call, Reply, Route
from pretrade.practice.errors import ExchangeError, not_found
from pretrade.practice.exchange import Exchange
from pretrade.practice.keys import ApiKey
from pretrade.practice.maker import MarketMaker
from pretrade.practice.query import Query
from pretrade.practice.ratelimit import RateLimiter

ROUTES = routes_orders.ROUTES + routes_portfolio.ROUTES + routes_markets.ROUTES + routes_account.ROUTES


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a route may know of a request; `path` is as it came, undecoded, because that is what is signed."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """The exchange behind its API."""

    exchange: Exchange
    maker: MarketMaker
    keys: Mapping[str, ApiKey]
    limiter: RateLimiter

    def answer(self, request: HttpRequest) -> Reply:
        """The reply to any request; every refusal is a reply too. After a write the market maker reacts."""
        try:
            return self._call(request)
        except ExchangeError as error:
            return Reply(error.status, error.body())
        finally:
            if request.method != "GET":
                self.maker.react()

    def _call(self, request: HttpRequest) -> Reply:
        route, params = find(request.method, request.path)
        key = self._admit(route, request) if route.scopes else None
        pairs = tuple(parse_qsl(request.query, keep_blank_values=True))
        call = Call(
            exchange=self.exchange,
            keys=self.keys,
            limiter=self.limiter,
            query=Query(route.operation, pairs),
            params=params,
            key=key,
            content_type=request.headers.get("Content-Type", ""),
            body=request.body,
        )
        return route.handle(call)

    def _admit(self, route: Route, request: HttpRequest) -> ApiKey:
        now_us = self.exchange.clock()
        key = auth.authenticate(self.keys, request.headers, request.method, request.path, now_us // 1000)
        auth.require_scope(key, *route.scopes)
        cost = route.cost * (_batch_size(request.body) if route.batch else 1)
        self.limiter.charge(key.account, cost, now_us, write=request.method != "GET")
        return key


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a method and path, with the values of its braces; the first that fits wins. Raises the 404."""
    parts = path.split("/")
    for template, route in _BY_SHAPE.get((method, len(parts)), ()):
        if (params := _match(template, parts)) is not None:
            return route, params
    raise not_found()


def _by_shape() -> dict[tuple[str, int], list[tuple[list[str], Route]]]:
    """The routes by method and number of path segments, in their order."""
    shapes: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
    for route in ROUTES:
        template = route.path.split("/")
        shapes.setdefault((route.method, len(template)), []).append((template, route))
    return shapes


def _match(template: list[str], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for want, got in zip(template, parts, strict=True):
        if want.startswith("{") and got:
            params[want.strip("{}")] = got
        elif want != got:
            return None
    return params


_BY_SHAPE = _by_shape()


def _batch_size(body: bytes) -> int:
    """How many entries a batch has, as far as can be told before it is decoded properly."""
    try:
        orders = json.loads(body)["orders"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 1
    return max(1, len(orders)) if isinstance(orders, list) else 1
