"""Which entry decides for a ticker, which limit wins on a figure, and which figures are bounded."""

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.policy.tree import GONE, TREE, changed, policy

from pretrade.model.facts import Measure
from pretrade.model.units import format_count, format_money, format_price
from pretrade.policy import combine
from pretrade.policy.bounds import OF_ALL, OF_EVENT, OF_MARKET, OF_SERIES
from pretrade.policy.combine import Bound, bounds_for
from pretrade.policy.schema import Policy

PLAIN = (("clients", "bot"), {"key_id": "bot-key", "public_key": "b.pem", "subaccount": "0"})
"""A client that tightens nothing."""

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
    bounds = bounds_for(policy(PLAIN, (("markets",), MARKETS)), "bot", ticker)
    assert (bounds.allowed, bounds.matched) == (allowed, matched)
    assert (bounds.max_count_rule, bounds.max_risk_rule, bounds.band_rule) == (count, risk, band)


def test_the_tightest_of_the_limits_on_one_order_holds():
    bounds = bounds_for(policy(), "bot", "KXBTC-1")
    assert (bounds.max_count, bounds.max_risk, bounds.band_min, bounds.band_max) == (2000, 50_000_000, 1000, 9000)
    assert bounds.allowed_rule == "markets[0].allow"
    assert (bounds.band_min_rule, bounds.band_max_rule) == ("markets[0].price.band.min", "markets[0].price.band.max")


@pytest.mark.parametrize(
    ("whole", "client", "entry", "limit", "rule"),
    [
        ("100", GONE, GONE, 10_000, "limits.order.max_count"),
        ("100", "99.99", GONE, 9_999, "clients.bot.limits.order.max_count"),
        ("100", GONE, "99.99", 9_999, "markets[0].limits.order.max_count"),
        ("100", "50", "60", 5_000, "clients.bot.limits.order.max_count"),
        ("100", "60", "50", 5_000, "markets[0].limits.order.max_count"),
        ("100", "100", "100", 10_000, "limits.order.max_count"),
        ("100", "50", "50", 5_000, "clients.bot.limits.order.max_count"),
    ],
)
def test_one_order_is_held_to_the_tightest_of_three(whole, client, entry, limit, rule):
    """Catches a client's or a market's own limit that is not looked at, and a rule named that is not the tightest."""
    key = ("limits", "order", "max_count")
    stated = ((key, whole), (("clients", "bot", *key), client), (("markets", 0, *key), entry))
    bounds = bounds_for(policy(*stated), "bot", "KXBTC-1")
    assert (bounds.max_count, bounds.max_count_rule) == (limit, rule)


ALL, OWN = False, True
HERE, ABOVE = True, False
FIGURES = {
    # measure: (whether it is the client's own, whether it is of this market, limit, rule) for the tree of these tests
    "max_position": [
        (ALL, HERE, 4_000, "markets[0].limits.market.max_position"),
        (OWN, HERE, 8_000, "clients.bot.limits.market.max_position"),
    ],
    "market_exposure": [
        (ALL, HERE, 60_000_000, "markets[0].limits.market.max_exposure"),
        (OWN, HERE, 120_000_000, "clients.bot.limits.market.max_exposure"),
    ],
    "event_exposure": [
        (ALL, ABOVE, 400_000_000, "limits.event.max_exposure"),
        (OWN, ABOVE, 240_000_000, "clients.bot.limits.event.max_exposure"),
    ],
    "series_exposure": [
        (ALL, ABOVE, 600_000_000, "limits.series.max_exposure"),
        (OWN, ABOVE, 360_000_000, "clients.bot.limits.series.max_exposure"),
    ],
    "account_exposure": [
        (ALL, ABOVE, 1_000_000_000, "limits.account.max_exposure"),
        (OWN, ABOVE, 480_000_000, "clients.bot.limits.account.max_exposure"),
    ],
    "open_orders": [
        (ALL, ABOVE, 50, "limits.account.max_open_orders"),
        (OWN, ABOVE, 30, "clients.bot.limits.account.max_open_orders"),
        (ALL, HERE, 5, "markets[0].limits.market.max_open_orders"),
    ],
    "day_orders": [
        (ALL, ABOVE, 25, "limits.day.max_orders"),
        (OWN, ABOVE, 20, "clients.bot.limits.day.max_orders"),
        (ALL, HERE, 10, "markets[0].limits.day.max_orders"),
    ],
    "day_notional": [
        (ALL, ABOVE, 201_000_000, "limits.day.max_notional"),
        (OWN, ABOVE, 150_000_000, "clients.bot.limits.day.max_notional"),
        (ALL, HERE, 75_000_000, "markets[0].limits.day.max_notional"),
    ],
}
EVERY_MEASURE = pytest.mark.parametrize("measure", FIGURES)


@EVERY_MEASURE
def test_every_figure_has_the_bound_that_its_key_states(measure):
    """Catches a limit that holds another figure than its key says, or none."""
    assert getattr(bounds_for(policy(), "bot", "KXBTC-1"), measure) == tuple(Bound(*row) for row in FIGURES[measure])


def test_what_adds_up_has_every_bound_in_the_order_of_the_measures():
    """Catches a measure that is left out of what orders are judged by, or under another's name."""
    bounds = bounds_for(policy(), "bot", "KXBTC-1")
    fields = zip(Measure, FIGURES, strict=True)
    expected = [(name, bound) for name, field in fields for bound in getattr(bounds, field)]
    assert [(measure, bound) for measure, _, bound in bounds.figures] == expected


def test_what_is_limited_in_a_market_is_the_figure_of_that_market():
    """Catches a limit of one market that is held against everything, or the other way round."""
    scopes = {(measure, scope) for measure, scope, _ in bounds_for(policy(), "bot", "KXBTC-1").figures}
    counted = (Measure.OPEN_ORDERS, Measure.DAY_ORDERS, Measure.DAY_NOTIONAL)
    assert scopes == {
        (Measure.POSITION, OF_MARKET),
        (Measure.MARKET_EXPOSURE, OF_MARKET),
        (Measure.EVENT_EXPOSURE, OF_EVENT),
        (Measure.SERIES_EXPOSURE, OF_SERIES),
        (Measure.ACCOUNT_EXPOSURE, OF_ALL),
        *((measure, scope) for measure in counted for scope in (OF_ALL, OF_MARKET)),
    }


@EVERY_MEASURE
def test_an_entry_binds_only_the_markets_that_it_fits(measure):
    bounds = getattr(bounds_for(policy(), "bot", "KXHIGHNY-1"), measure)
    assert [bound.rule for bound in bounds] == [rule for _, _, _, rule in general(measure)]


@EVERY_MEASURE
def test_a_client_binds_only_itself(measure):
    """Catches one client's limit that stops another."""
    two = (("clients", "two"), {"key_id": "two-key", "public_key": "t.pem", "subaccount": "1"})
    bounds = getattr(bounds_for(policy(two), "two", "KXHIGHNY-1"), measure)
    assert [(bound.scope_is_client, bound.rule) for bound in bounds] == [(ALL, general(measure)[0][3])]


def general(measure):
    """The rows of a measure where no entry states anything: the limit for all and the client's."""
    key = FIGURES[measure][1][3].removeprefix("clients.bot.")
    return [(*FIGURES[measure][0][:3], key), FIGURES[measure][1]]


def test_equal_limits_on_one_figure_name_the_more_general_key():
    where = ("markets", 0, "limits", "market", "max_position")
    (account, _) = bounds_for(policy((where, "101")), "bot", "KXBTC-1").max_position
    assert account == Bound(ALL, HERE, 10_100, "limits.market.max_position")


def test_a_limit_tightened_for_all_holds_although_an_entry_and_a_client_are_looser():
    """Catches an own limit put in the place of the one for all, trusting that a loader had compared them."""
    read = policy()
    market = TREE["limits"]["market"] | {"max_position": "3", "max_exposure": "$4"}
    tight = {"order": {"max_count": "10", "max_risk": "$5"}, "market": market}
    tightened = policy(
        (("limits",), TREE["limits"] | tight),
        (("price", "band"), {"min": "$0.40", "max": "$0.60"}),
        (("markets",), [{"match": "*", "allow": "true"}]),
        PLAIN,
    )
    mixed = tightened.model_copy(update={"markets": read.markets, "clients": read.clients})
    bounds = bounds_for(mixed, "bot", "KXBTC-1")
    assert (bounds.max_count, bounds.max_risk, bounds.band_min, bounds.band_max) == (1000, 5_000_000, 4000, 6000)
    assert (bounds.max_count_rule, bounds.band_rule) == ("limits.order.max_count", "price.band")
    assert bounds.max_position[0] == Bound(ALL, HERE, 300, "limits.market.max_position")
    assert bounds.market_exposure[0] == Bound(ALL, HERE, 4_000_000, "limits.market.max_exposure")


@pytest.mark.parametrize("ticker", ["", "kxbtc-1", "KXBTC-1\n", "KXBTC-1 ", "KXBTC-É", "KX*", "K" * 129])
def test_what_is_no_plain_ticker_is_never_allowed(ticker):
    """Catches a ticker in another case that slips past its own entry to an open last one."""
    everything = policy((("markets",), [{"match": "*", "allow": "true"}]))
    bounds = bounds_for(everything, "bot", ticker)
    assert (bounds.allowed, bounds.matched, bounds.allowed_rule) == (False, "", "markets")
    assert bounds.max_count == everything.clients["bot"].limits.order.max_count
    assert [bound.rule for bound in bounds.open_orders] == [rule for _, _, _, rule in general("open_orders")]


def test_a_client_that_the_policy_does_not_name_is_a_fault():
    """Catches a stranger who is held to the limits for all alone."""
    with pytest.raises(KeyError, match="stranger"):
        bounds_for(policy(), "stranger", "KXBTC-1")


# What is remembered ---------------------------------------------------------------------------------------------------


def test_an_answer_is_worked_out_once():
    read = policy()
    assert bounds_for(read, "bot", "KXBTC-1") is bounds_for(read, "bot", "KXBTC-1")


def test_what_is_remembered_of_one_client_is_not_taken_for_another():
    """Catches the limits of whoever asked first, for everybody who asks after."""
    read = policy((("clients", "two"), {"key_id": "two-key", "public_key": "t.pem", "subaccount": "1"}))
    told = [bounds_for(read, name, "KXHIGHNY-1").max_count for name in ("bot", "two", "bot", "two")]
    assert told == [6_000, 10_000, 6_000, 10_000]


def test_what_is_remembered_of_one_policy_is_not_taken_for_another():
    """Catches limits of the policy before a reload, by equal contents, a copy's shared memory or a reused id."""
    read = policy()
    assert bounds_for(read, "bot", "KXBTC-1").allowed
    closed = read.model_copy(update={"markets": policy((("markets",), [{"match": "*", "allow": "false"}])).markets})
    assert not bounds_for(closed, "bot", "KXBTC-1").allowed
    for number in range(1, 40):
        count = ("limits", "order", "max_count")
        assert (
            bounds_for(
                policy((("clients", "bot", *count), str(number)), (("markets", 0, *count), GONE)), "bot", "KXBTC-1"
            ).max_count
            == number * 100
        )


def test_a_flood_of_tickers_does_not_make_the_memory_grow():
    """Catches a bot that fills the proxy's memory by naming ever new markets, or what is no ticker at all."""
    read = policy()
    book = combine._book(read)
    for number in range(combine.TICKERS + 100):
        bounds_for(read, "bot", f"KXBTC-{number}")
        bounds_for(read, "bot", f"no ticker {number}")
    kept = book._index.cache_info()
    assert kept.currsize == kept.maxsize == combine.TICKERS
    assert len(book._bounds) == 2


def test_a_policy_that_is_used_no_more_is_forgotten():
    """Catches a memory that holds every policy since the start."""
    old = policy()
    bounds_for(old, "bot", "KXBTC-1")
    gone = weakref.ref(old)
    del old
    for _ in range(combine.POLICIES):
        bounds_for(policy(), "bot", "KXBTC-1")
    gc.collect()
    assert gone() is None


# Whatever the policy --------------------------------------------------------------------------------------------------

# None of these is looser than the tree's own limits: what is looser is refused (test_rules).
globs = st.text("AB*-", min_size=1, max_size=6)
counts = st.integers(1, 10_000).map(format_count)
dollars = st.integers(0, 200_000_000).map(format_money)
orders = st.integers(0, 25).map(str)

ORDER = {"max_count": counts, "max_risk": dollars}
DAY = {"max_orders": orders, "max_notional": dollars}
MARKET = {"max_position": counts, "max_exposure": dollars}
EXPOSURE = {"max_exposure": dollars}
ACCOUNT = {"max_exposure": dollars, "max_open_orders": orders}


def _optional(**fields):
    return st.fixed_dictionaries({}, optional=fields)


def _prices(low, high):
    return st.integers(low, high).map(lambda price: f"${format_price(price)}")


clients = _optional(
    order=_optional(**ORDER),
    day=_optional(**DAY),
    market=_optional(**MARKET),
    event=_optional(**EXPOSURE),
    series=_optional(**EXPOSURE),
    account=_optional(**ACCOUNT),
)
entries = _optional(order=_optional(**ORDER), day=_optional(**DAY), market=_optional(**MARKET, max_open_orders=orders))
listed = st.fixed_dictionaries(
    {"match": globs, "allow": st.sampled_from(["true", "false"])},
    optional={
        "limits": entries,
        "price": _optional(band=_optional(min=_prices(200, 5_000), max=_prices(5_001, 9_800))),
    },
)


def _fits(glob, ticker):
    """An oracle of another make than the one in use: the text of the glob eaten from the left."""
    if not glob:
        return not ticker
    if glob[0] == "*":
        return any(_fits(glob[1:], ticker[start:]) for start in range(len(ticker) + 1))
    return ticker[:1] == glob[0] and _fits(glob[1:], ticker[1:])


def _figures(bounds):
    """The limit on each figure that is bounded."""
    found = {}
    for measure in FIGURES:
        for bound in getattr(bounds, measure):
            assert (measure, bound.scope_is_client, bound.per_market) not in found
            found[measure, bound.scope_is_client, bound.per_market] = bound.limit
    return found | {
        "count": bounds.max_count,
        "risk": bounds.max_risk,
        "high": bounds.band_max,
        "low": -bounds.band_min,
    }


def _at_the_end(read, rule):
    """What a policy says at the key that a rule names."""
    for part in rule.replace("[", ".").replace("]", "").split("."):
        read = read[int(part)] if part.isdigit() else read[part] if hasattr(read, "keys") else getattr(read, part)
    return read


@settings(deadline=None)
@given(clients, st.lists(listed, max_size=3), st.text("AB-", min_size=1, max_size=6))
def test_no_client_and_no_entry_loosens_a_limit(client, markets, ticker):
    """Catches an own limit that takes the place of one for all, and one that is named by a key that did not set it."""
    last = {"match": "*", "allow": "false"}
    tree = changed((("clients", "bot", "limits"), client), (("markets",), [*markets, last]))
    try:
        read = Policy.model_validate(tree)
    except ValidationError as refused:
        assert all(error["type"] == "rules" for error in refused.errors())
        return
    bounds = bounds_for(read, "bot", ticker)
    free, own = _figures(bounds_for(policy(PLAIN, (("markets",), [last])), "bot", ticker)), _figures(bounds)
    assert all(own[figure] <= limit for figure, limit in free.items())
    assert bounds.band_min < bounds.band_max
    for bound in (bound for measure in FIGURES for bound in getattr(bounds, measure)):
        assert bound.limit == _at_the_end(read, bound.rule)
    first = next(market for market in read.markets if _fits(market.match, ticker))
    assert (bounds.allowed, bounds.matched) == (first.allow, first.match)


MEASURE_OF = {
    ("day", "max_orders"): "day_orders",
    ("day", "max_notional"): "day_notional",
    ("market", "max_position"): "max_position",
    ("market", "max_exposure"): "market_exposure",
    ("market", "max_open_orders"): "open_orders",
    ("event", "max_exposure"): "event_exposure",
    ("series", "max_exposure"): "series_exposure",
    ("account", "max_exposure"): "account_exposure",
    ("account", "max_open_orders"): "open_orders",
}


@settings(deadline=None)
@given(st.sampled_from(["client", "entry"]), st.data())
def test_one_more_limit_is_never_lost(place, data):
    """Catches a key that can be written and then holds nothing: exactly its own figure becomes the tighter one."""
    stated = data.draw(clients if place == "client" else entries)
    where = ("clients", "bot") if place == "client" else ("markets", 0)
    plain = (("markets",), [{"match": "*", "allow": "true"}])
    read = policy(PLAIN, plain, ((*where, "limits"), stated))
    before, after = (_figures(bounds_for(each, "bot", "A")) for each in (policy(PLAIN, plain), read))
    for group, keys in stated.items():
        for key in keys.keys() - ORDER.keys():
            measure = MEASURE_OF[group, key]
            per_market = measure in {"max_position", "market_exposure"} or place == "entry"
            limit = getattr(getattr(_at_the_end(read, ".".join(map(str, where))).limits, group), key)
            assert after.pop((measure, place == "client", per_market)) == limit
    assert all(before[figure] == limit for figure, limit in after.items() if figure not in {"count", "risk"})


@given(globs, globs, st.text("AB-", min_size=1, max_size=8))
def test_an_entry_called_unreachable_really_is(earlier, later, ticker):
    """Catches a policy refused for an entry that some market would have needed."""
    trio = [{"match": glob, "allow": "true"} for glob in (earlier, later, "*")]
    try:
        Policy.model_validate(TREE | {"markets": trio})
    except ValidationError as refused:
        (error,) = refused.errors()
        told = [violation.where for violation in error["ctx"]["violations"]]
        if ("markets", 1, "match") in told and _fits(later, ticker):
            assert _fits(earlier, ticker)


def test_a_start_leaves_nothing_for_the_first_order_of_an_entry_to_work_out(monkeypatch):
    """Catches a client or an entry that is left out: its first order waited for its limits."""
    read = policy(PLAIN, (("markets",), MARKETS))
    combine.prepare(read)
    monkeypatch.delattr(combine, "bounds_of")
    for client in read.clients:
        assert [bounds_for(read, client, ticker).matched for ticker, *_ in TICKERS] == [told[2] for told in TICKERS]


def test_a_start_with_any_number_of_entries_works_out_no_more_than_it_has_time_for(monkeypatch):
    """Catches a policy of many clients and entries that a start waits for, and that takes the memory for them all."""
    read = policy(PLAIN, (("markets",), MARKETS))
    worked_out = []
    monkeypatch.setattr(combine, "bounds_of", worked_out.append)
    monkeypatch.setattr(combine, "PREPARED", 3)
    combine.prepare(read)
    assert [(asked.client, asked.index) for asked in worked_out] == [("bot", 0), ("bot", 1), ("bot", 2)]
