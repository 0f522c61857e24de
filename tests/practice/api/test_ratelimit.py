import pytest

from pretrade.practice.api import billing
from pretrade.practice.api.dispatch import find
from pretrade.practice.api.query import Query
from pretrade.practice.api.ratelimit import TIERS, RateLimiter
from pretrade.practice.core.errors import ExchangeError

API = "/trade-api/v2"
ORDERS = API + "/portfolio/events/orders"
SECOND = 1_000_000


@pytest.mark.parametrize("tier", TIERS)
def test_a_bucket_empties_refills_and_overflows(tier):
    limiter = RateLimiter(tier)
    full = limiter.capacity("a", write=True)
    limiter.charge_write("a", full, 0)
    with pytest.raises(ExchangeError, match="429"):
        limiter.charge_write("a", 1, 0)
    limiter.charge_write("b", full, 0)
    limiter.charge_read("a", 1, 0)
    limiter.charge_write("a", limiter.rate("a", write=True), SECOND)
    with pytest.raises(ExchangeError):
        limiter.charge_write("a", full + 1, 100 * SECOND)
    limiter.charge_write("a", full, 100 * SECOND)


def test_a_refused_charge_takes_nothing():
    limiter = RateLimiter("basic")
    limiter.charge_write("a", 90, 0)
    for _ in range(3):
        with pytest.raises(ExchangeError):
            limiter.charge_write("a", 20, 0)
    limiter.charge_write("a", 10, 0)


def test_each_shard_has_its_own_write_bucket_and_a_routed_write_pays_in_all():
    """Catches a charge of several buckets that takes from the first before it finds the second empty."""
    limiter = RateLimiter("basic")
    limiter.charge_write("a", 100, 0, [1])
    limiter.charge_write("a", 60, 0, [0])
    with pytest.raises(ExchangeError):
        limiter.charge_write("a", 10, 0, [0, 1])
    limiter.charge_write("a", 40, 0, [0])
    limiter.charge_write("a", 100, SECOND, [0, 1])


def test_the_clock_going_back_refills_nothing():
    limiter = RateLimiter("basic")
    limiter.charge_write("a", 100, 10 * SECOND)
    with pytest.raises(ExchangeError):
        limiter.charge_write("a", 1, 5 * SECOND)


def test_tiers_are_per_account_and_a_grant_only_lifts():
    limiter = RateLimiter("basic")
    limiter.set_tier("big", "prime")
    limiter.grant("small", "advanced")
    limiter.grant("big", "advanced")
    assert [limiter.tier_of(a) for a in ("small", "big", "other")] == ["advanced", "prime", "basic"]
    assert (limiter.granted("small"), limiter.granted("other")) == ("advanced", None)
    with pytest.raises(ValueError, match="must be one of basic, advanced"):
        limiter.set_tier("big", "vip")
    with pytest.raises(ValueError, match="must be one of"):
        RateLimiter("vip")


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "cost", "shards"),
    [
        ("POST", ORDERS, "", '{"ticker":"A"}', 10, {0, 1}),
        ("POST", ORDERS, "", '{"ticker":"A","exchange_index":-1}', 10, {0, 1}),
        ("POST", ORDERS, "", '{"ticker":"A","exchange_index":1}', 10, {1}),
        ("POST", ORDERS, "", '{"ticker":"A","exchange_index":0}', 10, {0}),
        ("POST", ORDERS, "", "not json", 10, {0}),
        ("POST", ORDERS + "/batched", "", '{"orders":[{},{},{}]}', 30, {0}),
        ("POST", ORDERS + "/batched", "", '{"orders":[]}', 10, {0}),
        ("POST", ORDERS + "/batched", "", '{"orders":7}', 10, {0}),
        ("DELETE", ORDERS + "/batched", "", '{"orders":[{},{}]}', 4, {0}),
        ("DELETE", ORDERS + "/x", "", "", 2, {0}),
        ("DELETE", ORDERS + "/x", "market_ticker=A", "", 2, {0, 1}),
        ("DELETE", ORDERS + "/x", "exchange_index=1", "", 2, {1}),
        ("DELETE", ORDERS + "/x", f"exchange_index={'9' * 5000}", "", 2, {0}),
        ("DELETE", ORDERS, "", "", 2, {0}),
        ("POST", ORDERS + "/x/decrease", "", '{"reduce_by":"1"}', 10, {0}),
        ("POST", ORDERS + "/x/decrease", "", '{"reduce_by":"1","market_ticker":"A"}', 10, {0, 1}),
        ("POST", ORDERS + "/x/amend", "", '{"ticker":"A"}', 10, {0, 1}),
        ("GET", API + "/portfolio/orders/x", "", "", 2, {0}),
        ("POST", API + "/account/api_usage_level/upgrade", "", "{}", 30, {0}),
        ("POST", API + "/portfolio/order_groups/create", "", '{"exchange_index":1}', 10, {1}),
    ],
)
def test_what_a_request_costs_and_where(method, path, query, body, cost, shards):
    """Catches a batch that is billed once, a cancel that costs like a create, a named shard that pays elsewhere, and a
    number too long for an integer, which was an error of the server."""
    route, _ = find(method, path)
    peeked = billing.peek(body.encode())
    pairs = tuple(tuple(part.split("=")) for part in query.split("&") if part)
    assert billing.cost(route, peeked) == cost
    assert set(billing.shards(route, Query(route.operation, pairs), peeked, [0, 1])) == shards
