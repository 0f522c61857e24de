"""The small pure parts: figures, token buckets, the default world."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.support import NOW_US

from pretrade.model.units import format_count
from pretrade.practice.api.decode import figure
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.worldfile import default_scenario
from pretrade.practice.worlds.instruments import instruments


def test_the_default_world_fits_together():
    world = instruments(default_scenario().world, NOW_US)
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
