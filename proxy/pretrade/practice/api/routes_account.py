"""The routes about the caller's budget: rate limits, endpoint costs, usage tier and what has been traded towards one.

Rule of this file: everything here is about the account of the key, none of it about its money (auth.md 7).
"""

from pretrade.model.units import format_count
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.ratelimit import DEFAULT_COST, TIERS
from pretrade.practice.core.errors import ExchangeError, Shape

_ACCOUNT = "/trade-api/v2/account"
_ORDERS = "/trade-api/v2/portfolio/events/orders"
_READ = ("read",)
_LOWEST = next(iter(TIERS))
_GRANT = {"exchange_instance": "event_contract", "source": "manual"}
_MONTH_US = 30 * 86_400 * 1_000_000
_UPGRADE, _UPGRADE_COST = "advanced", 30

COSTS = (
    ("DELETE", _ORDERS, 2),
    ("DELETE", _ORDERS + "/:order_id", 2),
    ("DELETE", _ORDERS + "/batched", 2),
    ("GET", "/trade-api/v2/portfolio/orders/:order_id", 2),
    ("POST", _ACCOUNT + "/api_usage_level/upgrade", _UPGRADE_COST),
)
"""What does not cost the default, of the operations that are served here."""


def limits(call: Call) -> Reply:
    """The account's budgets in tokens per second, and what lifted it above the lowest tier.

    A documented choice: a tier that the world gave shows as one permanent grant of source `manual`.
    """
    account, limiter = call.api_key.account, call.limiter
    tier = limiter.tier_of(account)
    budgets = {
        name: {
            "refill_rate": limiter.rate(account, write=name == "write"),
            "bucket_capacity": limiter.capacity(account, write=name == "write"),
        }
        for name in ("read", "write")
    }
    levels = dict.fromkeys(level for level in (tier, limiter.granted(account)) if level not in {None, _LOWEST})
    return Reply(200, {"usage_tier": tier, "grants": [_GRANT | {"level": level} for level in levels]} | budgets)


def endpoint_costs(_: Call) -> Reply:
    """What does not cost the default (auth.md 7)."""
    rows = [{"method": method, "path": path, "cost": cost} for method, path, cost in COSTS]
    return Reply(200, {"default_cost": DEFAULT_COST, "endpoint_costs": rows})


def upgrade(call: Call) -> Reply:
    """Lift the account to Advanced for good, once it has placed an order (every order here comes over the API).

    The answer is an empty object: one client cannot read an empty body.
    """
    call.require_unrestricted()
    if not call.account.orders:
        text = "at least 1 of the last 100 orders must have been created via API"
        raise ExchangeError(403, "insufficient_permissions", text, shape=Shape.HYBRID)
    call.limiter.grant(call.api_key.account, _UPGRADE)
    return Reply(201, {})


def volume_progress(call: Call) -> Reply:
    """What the account traded in 30 days. The volumes that earn a tier are not public, so there are no goals."""
    now = call.exchange.clock()
    traded = sum(fill.count for fill in call.account.fills if fill.at_us > now - _MONTH_US)
    progress = {"computed_ts": now // 1_000_000, "trailing_30d_volume_fp": format_count(traded), "goals": []}
    return Reply(200, {"volume_progress": [progress]})


ROUTES = (
    Route("GET", _ACCOUNT + "/limits", "GetAccountApiLimits", limits, _READ),
    Route("GET", _ACCOUNT + "/endpoint_costs", "GetAccountEndpointCosts", endpoint_costs),
    Route(
        "GET",
        _ACCOUNT + "/api_usage_level/volume_progress",
        "GetAccountApiUsageLevelVolumeProgress",
        volume_progress,
        _READ,
    ),
    Route(
        "POST",
        _ACCOUNT + "/api_usage_level/upgrade",
        "UpgradeAccountApiUsageLevel",
        upgrade,
        ("write",),
        cost=_UPGRADE_COST,
    ),
)
