"""From a request's head and body to a Reply: find the route, check key, scope and budget, call it.

Rule of this file: the order of the first steps of the admission pipeline (sim_semantics.md 2): key 401, scope 403,
rate 429, then the route (V1 410, JSON 400, ...). No HTTP library. A documented choice: public reads need no key and are
free without one; a signed one is charged like any read, and a signature that is wrong there does not matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pretrade.practice.api import (
    auth,
    billing,
    market_data,
    routes_account,
    routes_groups,
    routes_keys,
    routes_money,
    routes_orders,
    routes_portfolio,
    routes_subaccounts,
    routes_transfers,
)
from pretrade.practice.api.allocation import Allocations
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.api.portfolio import Portfolio
from pretrade.practice.api.query import Query
from pretrade.practice.api.ratelimit import RateLimiter
from pretrade.practice.api.tape import Tape
from pretrade.practice.core.errors import ExchangeError, not_found
from pretrade.practice.core.exchange import Exchange

ROUTES: tuple[Route, ...] = (
    *routes_orders.ROUTES,
    *routes_portfolio.ROUTES,
    *routes_money.ROUTES,
    *routes_groups.ROUTES,
    *routes_subaccounts.ROUTES,
    *routes_transfers.ROUTES,
    *routes_account.ROUTES,
    *routes_keys.ROUTES,
    *market_data.ROUTES,
)
"""Every operation; of two that fit a path, the earlier one answers."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a route may know of a request; `path` is as it came, undecoded, because that is what is signed."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Dispatcher:
    """The exchange behind its API. `portfolio.lag` and `clock_window` may be changed while it runs."""

    def __init__(
        self,
        exchange: Exchange,
        after_write: Callable[[], None],
        keys: KeyStore,
        limiter: RateLimiter,
        extras: Mapping[str, list[dict[str, Any]]] | None = None,
    ) -> None:
        self.exchange = exchange
        self.after_write = after_write
        self.keys = keys
        self.limiter = limiter
        self.extras = extras or {}
        self.portfolio = Portfolio(exchange)
        self.allocations = Allocations(exchange)
        self.tape = Tape(exchange)
        self.clock_window = auth.ClockWindow()

    def answer(self, request: HttpRequest) -> Reply:
        """The reply to any request; every refusal is a reply too. After a write the market makers react."""
        return self._answer(request, None)

    def answer_as(self, key: ApiKey, request: HttpRequest) -> Reply:
        """The same for a request that needs no signature because the caller is in this process."""
        return self._answer(request, key)

    def _answer(self, request: HttpRequest, key: ApiKey | None) -> Reply:
        self.exchange.advance()
        try:
            return self._call(request, key)
        except ExchangeError as error:
            return Reply(error.status, error.body())
        finally:
            if request.method != "GET":
                self.after_write()

    def _call(self, request: HttpRequest, key: ApiKey | None) -> Reply:
        route, params = find(request.method, request.path)
        query = Query(route.operation, tuple(parse_qsl(request.query, keep_blank_values=True)))
        signer = key or self._signer(route, request)
        if signer is not None:
            self._admit(signer, route, request, query)
        call = Call(
            exchange=self.exchange,
            keys=self.keys,
            limiter=self.limiter,
            portfolio=self.portfolio,
            allocations=self.allocations,
            tape=self.tape,
            extras=self.extras,
            query=query,
            params=params,
            key=signer if route.scopes else None,
            content_type=request.headers.get("Content-Type", ""),
            body=request.body,
        )
        return route.handle(call)

    def _signer(self, route: Route, request: HttpRequest) -> ApiKey | None:
        """Whose key signed; of a public read None if nobody's did."""
        now_ms = self.exchange.clock() // 1000
        try:
            return auth.authenticate(
                self.keys, request.headers, request.method, request.path, now_ms, self.clock_window
            )
        except ExchangeError:
            if route.scopes:
                raise
            return None

    def _admit(self, key: ApiKey, route: Route, request: HttpRequest, query: Query) -> None:
        """Scope, then budget."""
        if route.scopes:
            auth.require_rest(key)
            auth.require_scope(key, *route.scopes)
        now_us = self.exchange.clock()
        if request.method == "GET":
            self.limiter.charge_read(key.account, route.cost, now_us)
            return
        body = billing.peek(request.body)
        paying = billing.shards(route, query, body, self.exchange.shard_switches)
        self.limiter.charge_write(key.account, billing.cost(route, body), now_us, paying)


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
