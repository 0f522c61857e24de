"""One authenticated call, and what every route needs from it.

Rule of this file: no HTTP library here or in any `routes_*`; a route is a function from a Call to a Reply.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pretrade.practice.accounts import Account
from pretrade.practice.decode import json_object, require_subaccount
from pretrade.practice.errors import restricted_key
from pretrade.practice.exchange import Exchange
from pretrade.practice.keys import ApiKey
from pretrade.practice.query import Query
from pretrade.practice.ratelimit import DEFAULT_COST, RateLimiter


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and the JSON of its body; None for no body at all."""

    status: int
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key and scope have been checked; public routes have no key."""

    exchange: Exchange
    keys: Mapping[str, ApiKey]
    limiter: RateLimiter
    query: Query
    params: Mapping[str, str] = field(default_factory=dict)
    key: ApiKey | None = None
    content_type: str = ""
    body: bytes = b""

    @property
    def api_key(self) -> ApiKey:
        """The key of a route that needs one."""
        if self.key is None:
            raise LookupError("a public route has no key")
        return self.key

    @property
    def account(self) -> Account:
        """The account of the key."""
        return self.exchange.accounts[self.api_key.account]

    def json(self, schema_name: str) -> dict[str, Any]:
        """The JSON object of the body. Raises the exchange's 400."""
        return json_object(self.content_type, self.body, schema_name)

    def bound(self, asked: int | None) -> int | None:
        """The subaccount that a key may use where this one (or none) was asked for. Raises 403 (auth.md 3)."""
        own = self.api_key.subaccount
        if own is None or asked == own:
            return asked
        if asked is not None:
            raise restricted_key()
        return own

    def subaccount(self) -> int | None:
        """The `subaccount` of the query, bound to the key."""
        asked = self.query.integer("subaccount", -(10**17), 10**17)
        return self.bound(require_subaccount(self.query.operation, asked))


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: where it is, who may call it (no scope = public) and what it costs, per entry for batches."""

    method: str
    path: str
    operation: str
    handle: Callable[[Call], Reply]
    scopes: tuple[str, ...] = ()
    cost: int = DEFAULT_COST
    batch: bool = False
