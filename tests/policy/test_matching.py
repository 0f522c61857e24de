"""Which entry decides: as reading the list from the top, whatever is stated, and closed where it cannot be told."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.tree import policy

from pretrade.model.facts import Place
from pretrade.policy.combine import bounds_for
from pretrade.policy.matching import MarketList
from pretrade.policy.schema import Market


def entry(allow="true", **globs):
    return {**globs, "allow": allow}


MARKETS = [
    entry("false", event="KXBTC-26DEC31"),
    entry("false", match="*-T99", series="KXETH"),
    entry(series="KXBTC"),
    entry(match="KXETH-*", event="KXETH-2*", series="KXETH"),
    entry(match="KXSOL-*"),
    entry("false", match="*"),
]
TABLE = [
    # ticker, event, series, the entry that decides
    ("KXBTC-26DEC31-T1", "KXBTC-26DEC31", "KXBTC", 0),
    ("ODD-NAME", "KXBTC-26DEC31", "KXBTC", 0),
    ("KXBTC-27JAN-T1", "KXBTC-27JAN", "KXBTC", 2),
    ("NAMED-OTHERWISE", "E", "KXBTC", 2),
    ("KXBTC-27JAN-T1", "KXBTC-27JAN", "KXBTCD", 5),
    ("KXETH-26-T99", "KXETH-26", "KXETH", 1),
    ("KXETH-26-T99", "KXETH-26", "OTHER", 5),
    ("KXETH-26-T9", "KXETH-26", "KXETH", 3),
    ("KXETH-26-T9", "KXETH-3", "KXETH", 5),
    ("KXSOL-1", "E", "S", 4),
    ("ELSE", "", "", 5),
]


@pytest.mark.parametrize(("ticker", "event", "series", "decides"), TABLE)
def test_an_entry_fits_where_all_it_states_fits(ticker, event, series, decides):
    """Catches an entry that decides by a part of what it states, and a series that is read out of a ticker."""
    read = policy((("markets",), MARKETS))
    bounds = bounds_for(read, "bot", ticker, Place(ticker, event, series))
    assert bounds.allowed_rule == f"markets[{decides}].allow"
    assert bounds.allowed == (MARKETS[decides]["allow"] == "true")
    assert bounds.matched == str(read.markets[decides])


@pytest.mark.parametrize("ticker", ["KXBTC-27JAN-T1", "KXSOL-1", "ELSE"])
def test_a_market_that_nobody_knows_is_not_allowed_where_its_place_might_decide(ticker):
    """Catches a market that slips past its deny entry while its event and series are not known yet."""
    bounds = bounds_for(policy((("markets",), MARKETS)), "bot", ticker)
    assert (bounds.allowed, bounds.matched, bounds.allowed_rule) == (False, "", "markets")


def test_a_place_that_cannot_decide_is_not_asked_for():
    """Catches a desk that cannot trade KXSOL because another market's entry names a series."""
    markets = [entry(match="KXSOL-*"), entry(match="KXETH-*", series="KXETH"), entry("false", match="*")]
    read = policy((("markets",), markets))
    assert bounds_for(read, "bot", "KXSOL-1").allowed
    assert not bounds_for(read, "bot", "KXETH-1").matched
    assert bounds_for(read, "bot", "ELSE").matched == "*"


def test_a_market_that_moves_is_judged_by_where_it_is_now():
    """Catches a memory of the place that a market had first."""
    read = policy((("markets",), MARKETS))
    places = [Place("X", "E", "KXBTC"), Place("X", "E", "S"), None, Place("X", "E", "KXBTC")]
    told = [bounds_for(read, "bot", "X", place).matched for place in places]
    assert told == ["series KXBTC", "*", "", "series KXBTC"]


# Whatever the list ----------------------------------------------------------------------------------------------------

globs = st.text("AB*", min_size=1, max_size=4)
names = st.text("AB", min_size=1, max_size=4)
entries = st.fixed_dictionaries({}, optional={"match": globs, "event": globs, "series": globs})


def _fits(glob, name):
    """An oracle of another make: the text of the glob eaten from the left."""
    if not glob:
        return not name
    if glob[0] == "*":
        return any(_fits(glob[1:], name[start:]) for start in range(len(name) + 1))
    return name[:1] == glob[0] and _fits(glob[1:], name[1:])


@given(st.lists(entries, max_size=8), names, names, names)
def test_the_answer_is_that_of_reading_from_the_top(listed, ticker, event, series):
    """Catches an entry that its shelf hides, one found on two shelves, and an order lost among them."""
    markets = [Market.model_validate({**globs, "allow": "true"}) for globs in listed]
    told = {"match": ticker, "event": event, "series": series}
    fits = [all(_fits(glob, told[kind]) for kind, glob in globs.items()) for globs in listed]
    expected = next((index for index, fit in enumerate(fits) if fit), None)
    assert MarketList(markets).first_fit(ticker, event, series) == expected


@given(st.lists(entries, max_size=6), names, names, names)
def test_without_a_place_the_answer_is_the_one_with_it_or_none(listed, ticker, event, series):
    """Catches a guess: an entry that would not have decided if the market's place had been known."""
    markets = MarketList([Market.model_validate({**globs, "allow": "true"}) for globs in listed])
    blind = markets.first_fit(ticker, None, None)
    assert blind is None or blind == markets.first_fit(ticker, event, series)


def test_a_thousand_entries_cost_a_new_market_no_reading_of_the_list():
    """Catches a list that is read from the top for every new market: a client can name ever new ones."""
    listed = [Market.model_validate(entry(match=f"KX{number}-*")) for number in range(1_000)]
    listed += [Market.model_validate(entry(series=f"KX{number}")) for number in range(1_000)]
    markets = MarketList([*listed, Market.model_validate(entry(match="*"))])
    begun = time.thread_time()
    for number in range(1_000):
        assert markets.first_fit(f"KX{number}-1", "E", "S") == number
        assert markets.first_fit(f"Y{number}", "E", f"KX{number}") == 1_000 + number
    assert time.thread_time() - begun < 1, "2,000 markets at 2,000 entries: reading them all takes several seconds"
