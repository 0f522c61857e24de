"""Which entry decides for a ticker, and which limit wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.policy.tree import TREE, changed, policy

from pretrade.model.units import format_count, format_money, format_price
from pretrade.policy.combine import limits_for
from pretrade.policy.schema import Policy

MARKETS = [
    {"match": "KXBTC-26*-T50", "allow": "false"},
    {"match": "KXBTC-*", "allow": "true", "limits": {"order": {"max_count": "20"}}},
    {"match": "*NY*", "allow": "true", "limits": {"order": {"max_risk": "$50"}}, "price": {"band": {"min": "$0.10"}}},
    {"match": "EXACT", "allow": "true", "limits": {"order": {"max_count": "100"}}, "price": {"band": {"max": "$0.90"}}},
    {"match": "*", "allow": "false"},
]

TICKERS = [
    # ticker, allowed, glob that decided, rules of count, risk, band
    ("KXBTC-26NOV-T50", False, "KXBTC-26*-T50", "limits.order.max_count", "limits.order.max_risk", "price.band"),
    ("KXBTC-26NOV-T51", True, "KXBTC-*", "markets[1].limits.order.max_count", "limits.order.max_risk", "price.band"),
    ("KXBTC-", True, "KXBTC-*", "markets[1].limits.order.max_count", "limits.order.max_risk", "price.band"),
    ("KXBTC", False, "*", "limits.order.max_count", "limits.order.max_risk", "price.band"),
    ("KXBTC-NY", True, "KXBTC-*", "markets[1].limits.order.max_count", "limits.order.max_risk", "price.band"),
    ("KXHIGHNY-1", True, "*NY*", "limits.order.max_count", "markets[2].limits.order.max_risk", "markets[2].price.band"),
    ("EXACT", True, "EXACT", "limits.order.max_count", "limits.order.max_risk", "markets[3].price.band"),
    ("EXACTLY", False, "*", "limits.order.max_count", "limits.order.max_risk", "price.band"),
]


@pytest.mark.parametrize(("ticker", "allowed", "matched", "count", "risk", "band"), TICKERS)
def test_the_first_entry_that_fits_decides(ticker, allowed, matched, count, risk, band):
    """Catches a list read from the bottom, and a rule named that did not set the limit."""
    limits = limits_for(policy((("markets",), MARKETS)), ticker)
    assert (limits.allowed, limits.matched) == (allowed, matched)
    assert (limits.max_count_rule, limits.max_risk_rule, limits.band_rule) == (count, risk, band)


def test_the_tighter_of_two_limits_holds():
    limits = limits_for(policy(), "KXBTC-1")
    assert (limits.max_count, limits.max_risk, limits.band_min, limits.band_max) == (2000, 50_000_000, 1000, 9000)
    assert limits.allowed_rule == "markets[0].allow"
    assert (limits.band_min_rule, limits.band_max_rule) == ("markets[0].price.band.min", "markets[0].price.band.max")


def test_a_limit_tightened_for_all_holds_although_an_entry_is_looser():
    """Catches an entry's limit put in the place of the one for all, trusting that a loader had compared them."""
    read = policy()
    tightened = policy(
        (("limits", "order"), {"max_count": "10", "max_risk": "$5"}),
        (("price", "band"), {"min": "$0.40", "max": "$0.60"}),
        (("markets",), [{"match": "*", "allow": "true"}]),
    )
    mixed = tightened.model_copy(update={"markets": read.markets})
    limits = limits_for(mixed, "KXBTC-1")
    assert (limits.max_count, limits.max_risk, limits.band_min, limits.band_max) == (1000, 5_000_000, 4000, 6000)
    assert (limits.max_count_rule, limits.band_rule) == ("limits.order.max_count", "price.band")


@pytest.mark.parametrize("ticker", ["", "kxbtc-1", "KXBTC-1\n", "KXBTC-1 ", "KXBTC-É", "KX*", "K" * 129])
def test_what_is_no_plain_ticker_is_never_allowed(ticker):
    """Catches a ticker in another case that slips past its own entry to an open last one."""
    everything = policy((("markets",), [{"match": "*", "allow": "true"}]))
    limits = limits_for(everything, ticker)
    assert (limits.allowed, limits.matched) == (False, "")
    assert limits.max_count == everything.limits.order.max_count


globs = st.text("AB*-", min_size=1, max_size=6)
counts = st.integers(1, 15_000).map(format_count)
risks = st.integers(0, 300_000_000).map(format_money)
prices = st.integers(1, 9_999).map(lambda price: f"${format_price(price)}")


def _optional(**fields):
    return st.fixed_dictionaries({}, optional=fields)


entries = st.fixed_dictionaries(
    {"match": globs, "allow": st.sampled_from(["true", "false"])},
    optional={
        "limits": _optional(order=_optional(max_count=counts, max_risk=risks)),
        "price": _optional(band=_optional(min=prices, max=prices)),
    },
)


def _fits(glob, ticker):
    """An oracle of another make than the one in use: the text of the glob eaten from the left."""
    if not glob:
        return not ticker
    if glob[0] == "*":
        return any(_fits(glob[1:], ticker[start:]) for start in range(len(ticker) + 1))
    return ticker[:1] == glob[0] and _fits(glob[1:], ticker[1:])


@given(st.lists(entries, max_size=4), st.text("AB-", min_size=1, max_size=8))
def test_no_list_of_markets_loosens_a_limit(listed, ticker):
    """Catches an entry that replaces a limit instead of tightening it, and a loader that takes a looser one."""
    tree = changed((("markets",), [*listed, {"match": "*", "allow": "false"}]))
    try:
        read = Policy.model_validate(tree)
    except ValidationError as refused:
        assert all(error["type"] == "policy_rules" for error in refused.errors())
        return
    limits, order, band = limits_for(read, ticker), read.limits.order, read.price.band
    assert limits.max_count <= order.max_count
    assert limits.max_risk <= order.max_risk
    assert band.min <= limits.band_min < limits.band_max <= band.max
    first = next(market for market in read.markets if _fits(market.match, ticker))
    assert (limits.allowed, limits.matched) == (first.allow, first.match)


@given(globs, globs, st.text("AB-", min_size=1, max_size=8))
def test_an_entry_called_unreachable_really_is(earlier, later, ticker):
    """Catches a policy refused for an entry that some market would have needed."""
    listed = [{"match": glob, "allow": "true"} for glob in (earlier, later, "*")]
    try:
        Policy.model_validate(TREE | {"markets": listed})
    except ValidationError as refused:
        (error,) = refused.errors()
        told = [violation.where for violation in error["ctx"]["violations"]]
        if ("markets", 1, "match") in told and _fits(later, ticker):
            assert _fits(earlier, ticker)
