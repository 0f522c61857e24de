"""The small pure parts: price grids, figures, token buckets, the default world."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.support import NOW_US

from pretrade.model.units import format_count
from pretrade.practice.decode import figure
from pretrade.practice.errors import ExchangeError
from pretrade.practice.instruments import GRIDS, ONE, Market, PriceStructure
from pretrade.practice.ratelimit import TIERS, RateLimiter
from pretrade.practice.world import default_world


def _market(structure):
    return Market("A", "E", "a", "a", 0, 1, 5_000, None, structure)


@pytest.mark.parametrize("structure", PriceStructure)
def test_walking_up_and_down_the_grid_visits_every_price_once(structure):
    market = _market(structure)
    on_grid = [price for price in range(-10, ONE + 10) if market.on_grid(price)]
    up, price = [], market.tick_above(0)
    while price < ONE:
        up.append(price)
        price = market.tick_above(price)
    down, price = [], market.tick_below(ONE)
    while price > 0:
        down.append(price)
        price = market.tick_below(price)
    assert up == down[::-1] == on_grid
    assert len(on_grid) == {"linear_cent": 99, "deci_cent": 999, "tapered_deci_cent": 279}[structure]


def test_every_grid_spans_the_dollar_without_a_gap():
    for ranges in GRIDS.values():
        assert (ranges[0].start, ranges[-1].end) == (0, ONE)
        assert all(one.end == other.start for one, other in itertools.pairwise(ranges))


def test_the_default_world_fits_together():
    world = default_world(NOW_US)
    events = {event.ticker: event for event in world.events}
    assert {event.series_ticker for event in world.events} <= {series.ticker for series in world.series}
    for market in world.markets:
        assert market.event_ticker in events
        assert market.on_grid(market.opening_mid), market.ticker
        assert market.open_us < NOW_US < market.close_us
        assert market.ticker.startswith(events[market.event_ticker].series_ticker + "-")


@given(count=st.integers(0, 10**9), zeros=st.integers(0, 4))
def test_a_figure_is_read_exactly_with_zeros_behind_it(count, zeros):
    assert figure(format_count(count) + "0" * zeros, 2, "code") == count


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_request"), ("1e3", "bad_request"), (" 1", "bad_request"), ("+1", "bad_request"),
        (".5", "bad_request"), ("1.", "bad_request"), ("\u0661", "bad_request"), ("0x1", "bad_request"),
        ("NaN", "bad_request"),
        ("1" * 13, "bad_request"), ("-1", "too_fine"), ("1.001", "too_fine"),
    ],
)  # fmt: skip
def test_what_is_no_figure_is_refused(text, code):
    with pytest.raises(ExchangeError) as caught:
        figure(text, 2, "too_fine")
    assert caught.value.code == code


@pytest.mark.parametrize("tier", TIERS)
def test_a_bucket_empties_refills_and_overflows(tier):
    limiter = RateLimiter(tier)
    full = limiter.capacity(write=True)
    limiter.charge("a", full, 0, write=True)
    with pytest.raises(ExchangeError, match="429"):
        limiter.charge("a", 1, 0, write=True)
    limiter.charge("b", full, 0, write=True)
    limiter.charge("a", 1, 0, write=False)
    second = 1_000_000
    limiter.charge("a", limiter.rate(write=True), second, write=True)
    with pytest.raises(ExchangeError):
        limiter.charge("a", full + 1, 100 * second, write=True)
    limiter.charge("a", full, 100 * second, write=True)


def test_a_refused_charge_takes_nothing():
    limiter = RateLimiter("basic")
    limiter.charge("a", 90, 0, write=True)
    for _ in range(3):
        with pytest.raises(ExchangeError):
            limiter.charge("a", 20, 0, write=True)
    limiter.charge("a", 10, 0, write=True)
