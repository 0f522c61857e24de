"""The tape and its candlesticks, against a walk over the public trades in another style."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.api.market_desk import NOW_S, Desk

from pretrade.model.units import parse_count, parse_price
from pretrade.practice.api import tape

MINUTE_PATH = "/series/S1/markets/A/candlesticks"


def candles(desk, start, end, minutes=1, **more):
    window = {"start_ts": start, "end_ts": end, "period_interval": minutes}
    return desk.read(MINUTE_PATH, **window, **more)["candlesticks"]


def test_a_minute_says_what_quotes_and_trades_did():
    """Bug: a bar that opens with its first change instead of with what stood before it."""
    desk = Desk()
    desk.quote("0.4000", "0.6000")
    desk.clock.advance(60)
    desk.trade("bid", "0.6000", "2.50")
    desk.quote("0.4500", "0.5500")
    desk.clock.advance(1)
    desk.trade("bid", "0.5500", "1.00")
    desk.clock.advance(1)
    desk.trade("ask", "0.4500", "0.50")
    desk.clock.advance(200)
    [first, second] = candles(desk, NOW_S, NOW_S + 200)
    assert first["price"]["open_dollars"] is None, "nobody traded yet"
    assert set(first["yes_bid"].values()) == {"0.4000"}, "books are filled in the moment in which they are made"
    assert second["end_period_ts"] == NOW_S + 120
    assert second["yes_bid"]["open_dollars"] == "0.4000"
    assert (second["yes_ask"]["low_dollars"], second["yes_ask"]["close_dollars"]) == ("0.5500", "0.5500")
    assert second["price"] == {
        "open_dollars": "0.6000",
        "low_dollars": "0.4500",
        "high_dollars": "0.6000",
        "close_dollars": "0.4500",
        "mean_dollars": "0.5688",
        "previous_dollars": None,
    }
    assert (second["volume_fp"], second["open_interest_fp"]) == ("4.00", "3.00")


def test_a_first_quote_that_comes_later_ends_an_empty_book():
    desk = Desk()
    desk.clock.advance(1)
    desk.quote("0.4000", "0.6000")
    desk.clock.advance(1)
    [candle] = candles(desk, NOW_S, NOW_S + 60)
    assert (candle["yes_bid"]["open_dollars"], candle["yes_bid"]["close_dollars"]) == ("0.0000", "0.4000")
    assert (candle["yes_ask"]["high_dollars"], candle["yes_ask"]["close_dollars"]) == ("1.0000", "0.6000")


def test_replacing_quotes_at_once_shows_no_empty_book():
    """Bug: every moment between a maker's cancel and its next order counts as an empty book."""
    desk = Desk()
    desk.quote("0.4000", "0.6000")
    desk.clock.advance(90)
    desk.exchange.withdraw(desk.maker, "A")
    desk.quote("0.4100", "0.6100")
    desk.clock.advance(90)
    last = candles(desk, NOW_S, NOW_S + 180)[-1]
    assert (last["yes_bid"]["low_dollars"], last["yes_bid"]["close_dollars"]) == ("0.4000", "0.4100")
    assert last["yes_ask"]["high_dollars"] == "0.6100"


def test_a_standing_quote_survives_changes_of_its_size():
    """Bug: each new order at the best price starts the quote's 100 ms anew, so that a busy quote never counts."""
    desk = Desk()
    for _ in range(10):
        desk.quote("0.4000", None, "1.00")
        desk.clock.now_us += 50_000
    assert candles(desk, NOW_S, NOW_S + 60)[-1]["yes_bid"]["close_dollars"] == "0.4000"


def test_the_latest_before_the_start_is_projected_to_the_first_boundary():
    desk = Desk()
    desk.quote("0.4000", "0.6000")
    desk.trade("bid", "0.6000", "1.00")
    desk.clock.advance(7_200)
    assert candles(desk, NOW_S + 3_600, NOW_S + 7_200) == []
    [front] = candles(desk, NOW_S + 3_601, NOW_S + 7_200, include_latest_before_start="true")
    assert front["end_period_ts"] == NOW_S + 3_660
    assert front["price"]["close_dollars"] is None
    assert front["price"]["previous_dollars"] == "0.6000"
    assert (front["volume_fp"], front["open_interest_fp"]) == ("0.00", "1.00")
    assert front["yes_bid"]["close_dollars"] == "0.4000"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"period_interval": 5}, "'PeriodInterval' failed on the 'oneof'"),
        ({"period_interval": None}, "'PeriodInterval' failed on the 'required'"),
        ({"start_ts": None}, "'StartTs' failed on the 'required'"),
        ({"start_ts": "soon"}, "'StartTs' failed on the 'numeric'"),
        ({"end_ts": NOW_S - 1}, "'EndTs' failed on the 'gtefield'"),
        ({"end_ts": NOW_S + 5_001 * 60}, "'EndTs' failed on the 'max_candlesticks'"),
    ],
)
def test_a_window_outside_its_rules_is_refused(change, rule):
    window = {"start_ts": NOW_S, "end_ts": NOW_S + 60, "period_interval": 1} | change
    status, body = Desk().ask(MINUTE_PATH, **{name: value for name, value in window.items() if value is not None})
    assert status == 400
    assert rule in body["msg"]


def test_a_market_of_another_series_is_not_found():
    status, body = Desk().ask("/series/S2/markets/A/candlesticks", start_ts=0, end_ts=1, period_interval=1)
    assert (status, body["error"]["code"]) == (404, "not_found")


def test_an_events_candlesticks_end_early_when_they_would_be_too_many():
    desk = Desk()
    desk.quote("0.4000", "0.6000")
    path, end = "/series/S1/events/E1/candlesticks", NOW_S + 4_000 * 60
    body = desk.read(path, start_ts=NOW_S + 1, end_ts=end, period_interval=1)
    assert body["market_tickers"] == ["A", "B"]
    assert body["adjusted_end_ts"] == NOW_S + 2_500 * 60, "5,000 for two markets"
    assert desk.read(path, start_ts=NOW_S, end_ts=NOW_S + 60, period_interval=1)["adjusted_end_ts"] == NOW_S + 60


def test_a_batch_leaves_unknown_markets_out():
    desk = Desk()
    window = {"start_ts": NOW_S, "end_ts": NOW_S + 60, "period_interval": 1}
    body = desk.read("/markets/candlesticks", market_tickers="A,NONE,B", **window)
    assert [one["market_ticker"] for one in body["markets"]] == ["A", "B"]
    status, body = desk.ask("/markets/candlesticks", market_tickers=",".join(f"T{n}" for n in range(101)), **window)
    assert (status, "'MarketTickers' failed on the 'lte'" in body["msg"]) == (400, True)


moves = st.lists(
    st.tuples(
        st.integers(0, 5_000),
        st.sampled_from(["bid", "ask"]),
        st.integers(40, 60),
        st.integers(1, 400),
    ),
    max_size=25,
)


@given(moves, st.sampled_from([1, 60, 1440]))
def test_candles_are_the_trades_put_together(steps, minutes):
    """Bugs: a trade in the wrong period, a volume counted twice, a mean that is no mean, a wrong close."""
    desk = Desk()
    desk.quote("0.3000", "0.7000", "1000.00")
    for seconds, side, cents, count in steps:
        desk.clock.advance(seconds)
        own = "ask" if side == "bid" else "bid"
        desk.place(desk.maker, own, f"0.{cents}00", f"{count / 100:.2f}", "A")
        desk.trade(side, f"0.{cents}00", f"{count / 100:.2f}")
    end = desk.clock() // 1_000_000 + 86_400
    span = (end - 4_999 * 60 * minutes, end)
    shown = {c["end_period_ts"]: c for c in candles(desk, max(span[0], 0), end, minutes)}
    last, period = None, minutes * 60
    for stop in sorted({(t.at_us // 1_000_000 // period + 1) * period for t in desk.exchange.trades}):
        inside = [t for t in desk.exchange.trades if stop - period <= t.at_us // 1_000_000 < stop]
        candle, prices = shown[stop], [t.price for t in inside]
        figures = [candle["price"][f"{name}_dollars"] for name in ("open", "low", "high", "close")]
        assert [parse_price(text) for text in figures] == [prices[0], min(prices), max(prices), prices[-1]]
        assert parse_count(candle["volume_fp"]) == sum(t.count for t in inside)
        mean = Fraction(sum(t.price * t.count for t in inside), sum(t.count for t in inside))
        assert abs(parse_price(candle["price"]["mean_dollars"]) - mean) <= Fraction(1, 2)
        previous = candle["price"]["previous_dollars"]
        assert last == (None if previous is None else parse_price(previous))
        last = prices[-1]
    assert sum(int(c["volume_fp"].replace(".", "")) for c in shown.values()) == desk.exchange.markets["A"].volume


def test_memory_is_bounded_and_the_newest_stays(monkeypatch):
    """Bug: a tape that grows for ever, or one that forgets the wrong end."""
    monkeypatch.setitem(tape._KEPT, tape.MINUTE, 5)
    desk = Desk()
    desk.quote("0.4000", "0.6000", "100.00")
    for minute in range(1, 41):
        desk.clock.advance(60)
        desk.trade("bid", "0.6000", "1.00")
        kept = [bar.end_ts for bar in desk.dispatcher.tape.bars("A", tape.MINUTE, 0, 10**11)]
        assert kept[-1] == NOW_S + 60 * (minute + 1)
        assert min(5, minute) <= len(kept) <= 10
        assert kept == list(range(kept[0], kept[-1] + 1, 60))


def test_the_figures_of_a_day_leave_the_market_object_after_a_day():
    """Bug: volume_24h that is the volume of all time, and previous prices that are those of a moment ago."""
    desk = Desk()
    desk.quote("0.4000", "0.6000", "50.00")
    desk.trade("bid", "0.6000", "3.00")
    desk.clock.advance(3_600)
    desk.trade("ask", "0.4000", "1.00")
    market = desk.read("/markets/A")["market"]
    assert (market["volume_fp"], market["volume_24h_fp"]) == ("4.00", "4.00")
    assert market["previous_price_dollars"] == "0.0000"
    desk.clock.advance(86_400 - 1_800)
    market = desk.read("/markets/A")["market"]
    assert (market["volume_fp"], market["volume_24h_fp"]) == ("4.00", "1.00")
    assert (market["last_price_dollars"], market["previous_price_dollars"]) == ("0.4000", "0.6000")
    assert (market["previous_yes_bid_dollars"], market["previous_yes_ask_dollars"]) == ("0.4000", "0.6000")
