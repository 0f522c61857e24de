"""The routes about the caller: rate limits, endpoint costs, API keys with their scopes.

Rule of this file: reads only; keys are made in the key file (`keys.add_key`), not over the API.
"""

from typing import Any

from pretrade.practice.call import Call, Reply, Route
from pretrade.practice.errors import restricted_key
from pretrade.practice.keys import ApiKey
from pretrade.practice.ratelimit import DEFAULT_COST

_API = "/trade-api/v2"
_READ = ("read",)


def limits(call: Call) -> Reply:
    """The account's budgets in tokens per second (auth.md 7)."""
    bucket = {
        name: {
            "refill_rate": call.limiter.rate(write=name == "write"),
            "bucket_capacity": call.limiter.capacity(write=name == "write"),
        }
        for name in ("read", "write")
    }
    return Reply(200, {"usage_tier": call.limiter.tier, "grants": []} | bucket)


def endpoint_costs(_: Call) -> Reply:
    """What does not cost the default (auth.md 7)."""
    orders = "/trade-api/v2/portfolio/events/orders"
    cheap = (
        ("DELETE", orders),
        ("DELETE", orders + "/:order_id"),
        ("DELETE", orders + "/batched"),
        ("GET", "/trade-api/v2/portfolio/orders/:order_id"),
    )
    rows = [{"method": method, "path": path, "cost": 2} for method, path in cheap]
    return Reply(200, {"default_cost": DEFAULT_COST, "endpoint_costs": rows})


def api_keys(call: Call) -> Reply:
    """All keys of the account with their scopes; a key bound to a subaccount may not ask (auth.md 4)."""
    if call.api_key.subaccount is not None:
        raise restricted_key()
    mine = [key for key in call.keys.values() if key.account == call.api_key.account]
    return Reply(200, {"api_keys": [_key_view(key) for key in mine]})


def _key_view(key: ApiKey) -> dict[str, Any]:
    view: dict[str, Any] = {"api_key_id": key.key_id, "name": key.key_id, "scopes": list(key.scopes)}
    return view if key.subaccount is None else view | {"subaccount": key.subaccount}


ROUTES = (
    Route("GET", _API + "/account/limits", "GetAccountApiLimits", limits, _READ),
    Route("GET", _API + "/account/endpoint_costs", "GetAccountEndpointCosts", endpoint_costs),
    Route("GET", _API + "/api_keys", "GetApiKeys", api_keys, _READ),
)
