"""One authenticated call, and what every route needs from it.

Rule of this file: no HTTP library here or in any `routes_*`; a route is a function from a Call to a Reply.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pretrade.practice.api.allocation import Allocations
from pretrade.practice.api.decode import fields, json_object, require_json, require_subaccount
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.api.portfolio import Portfolio
from pretrade.practice.api.query import Query
from pretrade.practice.api.ratelimit import DEFAULT_COST, RateLimiter
from pretrade.practice.api.schemas import Schema
from pretrade.practice.api.tape import Tape
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.errors import restricted_key
from pretrade.practice.core.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and the JSON of its body; None for no body at all."""

    status: int
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key and scope have been checked; public routes have no key.

    Writes go to `exchange`, an account's reads to `portfolio`; `tape` remembers quotes and trades; `extras` are lists
    of market data that a world brings along by name, which nothing else depends on.
    """

    exchange: Exchange
    keys: KeyStore
    limiter: RateLimiter
    portfolio: Portfolio
    allocations: Allocations
    tape: Tape
    query: Query
    extras: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
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
        require_json(self.content_type)
        return json_object(self.body, schema_name)

    def fields(self, schema: Schema) -> dict[str, Any]:
        """The fields of the body's JSON object. Raises the exchange's 400."""
        return fields(schema, self.json(schema.name))

    def require_json(self) -> None:
        """Refuse a body, even an unused one, that does not say it is JSON (seen on the demo exchange)."""
        require_json(self.content_type)

    def optional_fields(self, schema: Schema) -> dict[str, Any]:
        """The fields of a body that may be empty, but not without its content type."""
        self.require_json()
        return fields(schema, json_object(self.body, schema.name)) if self.body.strip() else {}

    def require_unrestricted(self) -> None:
        """Refuse a key that is bound to one subaccount: 403 (auth.md 3)."""
        if self.api_key.subaccount is not None:
            raise restricted_key()

    def shards(self) -> list[int]:
        """The shards of the exchange, lowest first."""
        return sorted(self.exchange.shard_switches)

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
    """One operation: where it is, who may call it (no scope = public) and what it costs, per entry for batches.

    A `routed` write without an `exchange_index` finds its shard by its ticker and costs on every shard (auth.md 7).
    """

    method: str
    path: str
    operation: str
    handle: Callable[[Call], Reply]
    scopes: tuple[str, ...] = ()
    cost: int = DEFAULT_COST
    batch: bool = False
    routed: bool = False
