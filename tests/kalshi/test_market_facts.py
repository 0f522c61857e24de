"""Markets, events and series read from the exchange's answers: whole and exact, or not at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.worlds.kit import EXAMPLES, example

from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.endpoints import find
from pretrade.kalshi.market_facts import (
    MOST_QUERY,
    MOST_TICKERS,
    EventPart,
    SeriesPart,
    batches,
    combine,
    event_request,
    is_plain_ticker,
    market_request,
    markets_request,
    read_event,
    read_market,
    read_markets,
    read_series,
    series_request,
)
from pretrade.kalshi.signing import unsigned
from pretrade.model.markets import FeeType, MarketStatus, PriceRange
from pretrade.model.units import Price
from pretrade.practice.scenario import Scenario
from pretrade.practice.simulation import Simulation
from pretrade.practice.worldfile import default_scenario

MARKET: dict[str, Any] = {
    "ticker": "KXS-E-A",
    "event_ticker": "KXS-E",
    "status": "active",
    "close_time": "2026-12-31T23:59:59.999999Z",
    "exchange_index": 2,
    "price_ranges": [
        {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
        {"start": "0.1000", "end": "1.0000", "step": "0.0100"},
    ],
    "floor_strike": 1.5,
    "rules_primary": "Grün — “quoted”",
}
EVENT: dict[str, Any] = {"event_ticker": "KXS-E", "series_ticker": "KXS", "title": "E"}
SERIES: dict[str, Any] = {"ticker": "KXS", "fee_type": "quadratic", "fee_multiplier": 1}
ABSENT = object()
"""Stands for a field that is taken away."""


def with_field(whole: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {key: one for key, one in (whole | {name: value}).items() if one is not ABSENT}


def market(name: str = "ticker", value: object = "KXS-E-A") -> Any:
    return read_market(json.dumps({"market": with_field(MARKET, name, value)}).encode(), "KXS-E-A")


def event(name: str = "event_ticker", value: object = "KXS-E") -> Any:
    return read_event(json.dumps({"event": with_field(EVENT, name, value), "markets": [MARKET]}).encode(), "KXS-E")


def series(name: str = "ticker", value: object = "KXS") -> Any:
    return read_series(json.dumps({"series": with_field(SERIES, name, value)}).encode(), "KXS")


def ranges(*stretches: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"start": start, "end": end, "step": step} for start, end, step in stretches]


def test_a_market_is_read_as_it_stands() -> None:
    part = market()
    assert (part.ticker, part.event, part.status, part.exchange_index) == ("KXS-E-A", "KXS-E", MarketStatus.ACTIVE, 2)
    assert part.close_ms == 1_798_761_599_999
    assert part.fee_waiver_until_ms is None
    low, high = part.price_ranges
    assert low == PriceRange(Price(0), Price(1_000), Price(10))
    assert high == PriceRange(Price(1_000), Price(10_000), Price(100))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ticker", ABSENT, "it has no ticker"),
        ("ticker", "KXS-E-B", "its ticker is KXS-E-B, not ours"),
        ("ticker", ["KXS-E-A"], "its ticker is not a plain text"),
        ("event_ticker", ABSENT, "it has no event_ticker"),
        ("event_ticker", None, "it has no event_ticker"),
        ("event_ticker", "", "it has no event_ticker"),
        ("event_ticker", 5, "its event_ticker is not a plain text"),
        ("event_ticker", "KXS/E", "its event_ticker is not a plain ticker"),
        ("event_ticker", "..", "its event_ticker is not a plain ticker"),
        ("event_ticker", "KXS-E?x=1", "its event_ticker is not a plain ticker"),
        ("event_ticker", "kxs-e", "its event_ticker is not a plain ticker"),
        ("event_ticker", "K" * 129, "its event_ticker is not a plain ticker"),
        ("event_ticker", "K\r\nX: y", "its event_ticker is not a plain text"),
        ("status", ABSENT, "it has no status"),
        ("status", "open", "its status open is not one that is known here"),
        ("status", "Active", "its status Active is not one that is known here"),
        ("status", True, "its status is not a plain text"),
        ("close_time", 1_800_000_000, "its close_time is not a plain text"),
        ("close_time", "tomorrow", "its close_time is not a moment"),
        ("close_time", "2026-12-31", "its close_time is not a moment"),
        ("close_time", "2026-12-31T23:59:59", "its close_time is not a moment"),
        ("close_time", "2026-13-31T23:59:59Z", "its close_time is not a moment"),
        ("close_time", "2026-12-31T23:59:59+99:00", "its close_time is not a moment"),
        ("exchange_index", "0", "its exchange_index is not a number"),
        ("exchange_index", True, "its exchange_index is not a number"),
        ("exchange_index", -1, "its exchange_index must be a plain decimal number"),
        ("exchange_index", 0.5, "its exchange_index may have at most 0 decimals"),
        ("fee_waiver_expiration_time", "soon", "its fee_waiver_expiration_time is not a moment"),
        ("price_ranges", ABSENT, "it has no list of price_ranges"),
        ("price_ranges", None, "it has no list of price_ranges"),
        ("price_ranges", {}, "it has no list of price_ranges"),
        ("price_ranges", ["0.01"], "it has no list of price_ranges"),
        ("price_ranges", [], "it has 0 price_ranges"),
        ("price_ranges", ranges(*[("0", "1", "0.01")] * 101), "it has 101 price_ranges"),
        ("price_ranges", [{"start": "0", "end": "1"}], "a price range has no step"),
        ("price_ranges", [{"end": "1", "step": "0.01"}], "a price range has no start"),
        ("price_ranges", [{"start": "0", "step": "0.01"}], "a price range has no end"),
        ("price_ranges", [{"start": 0, "end": "1", "step": "0.01"}], "its start is not a plain text"),
        ("price_ranges", ranges(("0", "1", "0.00")), "no prices or goes beyond 1 dollar"),
        ("price_ranges", ranges(("0.5", "0.5", "0.01")), "no prices or goes beyond 1 dollar"),
        ("price_ranges", ranges(("0.6", "0.5", "0.01")), "no prices or goes beyond 1 dollar"),
        ("price_ranges", ranges(("0", "1.01", "0.01")), "no prices or goes beyond 1 dollar"),
        ("price_ranges", ranges(("-0.1", "1", "0.01")), "its start must be a plain decimal number"),
        ("price_ranges", ranges(("0", "1", "1e-2")), "its step must be a plain decimal number"),
        ("price_ranges", ranges(("0", "1", "0.00005")), "the step of a price range is finer than 0.0001 dollar"),
        ("price_ranges", ranges(("0", "1", "0.0100001")), "its step may have at most 6 decimals"),
        ("price_ranges", ranges(("0", "0.5", "0.01"), ("0.4", "1", "0.01")), "overlap or are not in order"),
        ("price_ranges", ranges(("0.5", "1", "0.01"), ("0", "0.5", "0.01")), "overlap or are not in order"),
    ],
)
def test_a_market_with_one_field_wrong_gives_no_facts(name: str, value: object, reason: str) -> None:
    """Catches a default in place of what is missing, a status or a grid that is guessed, a ticker that is a path."""
    with pytest.raises(AnswerError) as caught:
        market(name, value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("close_time", ABSENT, "close_ms", None),
        ("close_time", None, "close_ms", None),
        ("close_time", "1970-01-01T00:00:00Z", "close_ms", 0),
        ("close_time", "1970-01-01T01:00:00.001999999+01:00", "close_ms", 1),
        ("close_time", "1969-12-31T23:59:59.9999Z", "close_ms", -1),
        ("exchange_index", ABSENT, "exchange_index", 0),
        ("exchange_index", 0, "exchange_index", 0),
        ("fee_waiver_expiration_time", "1970-01-01T00:01:00Z", "fee_waiver_until_ms", 60_000),
        ("price_ranges", ranges(("0.010000", "0.99", "0.01")), "price_ranges", (PriceRange(100, 9_900, 100),)),
    ],
)
def test_what_a_market_may_leave_out_or_spell_otherwise(name: str, value: object, field: str, read: object) -> None:
    """Catches a moment read in local time or as a float, and 6 decimals refused where 4 say the same."""
    assert getattr(market(name, value), field) == read


@pytest.mark.parametrize("status", list(MarketStatus))
def test_every_status_of_the_exchange_is_known(status: MarketStatus) -> None:
    assert market("status", str(status)).status is status


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("event_ticker", ABSENT, "it has no event_ticker"),
        ("event_ticker", "KXS-F", "its event_ticker is KXS-F, not ours"),
        ("series_ticker", ABSENT, "it has no series_ticker"),
        ("series_ticker", "", "it has no series_ticker"),
        ("series_ticker", {"ticker": "KXS"}, "its series_ticker is not a plain text"),
        ("series_ticker", "../portfolio", "its series_ticker is not a plain ticker"),
        ("fee_type_override", 7, "its fee_type_override is not a plain text"),
        ("fee_type_override", "cubic", "its fee_type_override cubic is not one that is known here"),
        ("fee_multiplier_override", "0.5", "its fee_multiplier_override is not a number"),
        ("fee_multiplier_override", -0.5, "its fee_multiplier_override must be a plain decimal number"),
        ("fee_multiplier_override", 0.33333, "its fee_multiplier_override may have at most 4 decimals"),
    ],
)
def test_an_event_with_one_field_wrong_gives_no_facts(name: str, value: object, reason: str) -> None:
    """Catches an override that cannot be read and is left out: the series' fee would be taken for the event's."""
    with pytest.raises(AnswerError) as caught:
        event(name, value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ticker", ABSENT, "it has no ticker"),
        ("ticker", "KXT", "its ticker is KXT, not ours"),
        ("fee_type", ABSENT, "it has no fee_type"),
        ("fee_type", "", "it has no fee_type"),
        ("fee_type", "Quadratic", "its fee_type Quadratic is not one that is known here"),
        ("fee_multiplier", ABSENT, "it has no fee_multiplier"),
        ("fee_multiplier", None, "it has no fee_multiplier"),
        ("fee_multiplier", "1", "its fee_multiplier is not a number"),
        ("fee_multiplier", True, "its fee_multiplier is not a number"),
        ("fee_multiplier", [1], "its fee_multiplier is not a number"),
        ("fee_multiplier", -1, "its fee_multiplier must be a plain decimal number"),
        ("fee_multiplier", 0.00001, "its fee_multiplier must be a plain decimal number"),
        ("fee_multiplier", 1.00005, "its fee_multiplier may have at most 4 decimals"),
        ("fee_multiplier", 1e300, "its fee_multiplier must be a plain decimal number"),
        ("fee_multiplier", 10**400, "its fee_multiplier must be a plain decimal number"),
        ("fee_multiplier", float("inf"), "its fee_multiplier is not a number"),
        ("fee_multiplier", float("nan"), "its fee_multiplier is not a number"),
    ],
)
def test_a_series_with_one_field_wrong_gives_no_facts(name: str, value: object, reason: str) -> None:
    """Catches a missing multiplier read as 1 or as 0, and one that is rounded to what fits."""
    with pytest.raises(AnswerError) as caught:
        series(name, value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "multiplier"),
    [
        ("0", 0),
        ("1", 10_000),
        ("1.0", 10_000),
        ("1.10", 11_000),
        ("0.07", 700),
        ("0.0001", 1),
        ("2.675", 26_750),
        ("1.00000000", 10_000),
        ("10", 100_000),
        ("1.5e0", None),
        ("1e0", None),
        ("1.10e10", None),
        ("-0.0", None),
        ("0.1000000000000000055511151231257827", None),
        ("1" * 5_000, None),
        ("1e999999999999999999", None),
    ],
)
def test_a_multiplier_is_the_number_as_written_or_none(text: str, multiplier: int | None) -> None:
    """Catches a float on the way (2.675 would be 2.67499...), and a number that takes minutes to write out."""
    body = b'{"series": {"ticker": "KXS", "fee_type": "flat", "fee_multiplier": %s}}' % text.encode()
    if multiplier is None:
        with pytest.raises(AnswerError):
            read_series(body, "KXS")
    else:
        assert read_series(body, "KXS") == SeriesPart("KXS", FeeType.FLAT, multiplier)


@pytest.mark.parametrize("read", [read_market, read_event, read_series])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"[]",
        b"{}",
        b"null",
        b'{"market": null, "event": null, "series": null}',
        b'{"market": [], "event": [], "series": []}',
        b'{"market": {}, "event": {}, "series": {}}',
        b'{"market": {"ticker": "KXS", "ticker": "KXS"}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_in_another_form_gives_no_facts(read: Any, body: bytes) -> None:
    with pytest.raises(AnswerError):
        read(body, "KXS")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0.01", "KXS", "active"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(MARKET)), value=json_values)
def test_no_value_of_a_field_raises_anything_but_an_answer_error(name: str, value: object) -> None:
    """Catches a field that is used before it was checked."""
    for part, whole, read in ((MARKET, "market", read_market), (EVENT, "event", read_event)):
        body = json.dumps({whole: part | {name: value}}).encode()
        try:
            read(body, "KXS-E-A" if whole == "market" else "KXS-E")
        except AnswerError:
            continue


@pytest.mark.parametrize(
    ("own_type", "own_multiplier", "expected"),
    [
        (None, None, (FeeType.QUADRATIC, 10_000)),
        (FeeType.FLAT, None, (FeeType.FLAT, 10_000)),
        (None, 5_000, (FeeType.QUADRATIC, 5_000)),
        (None, 0, (FeeType.QUADRATIC, 0)),
        (FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES, 20_000, (FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES, 20_000)),
    ],
)
def test_an_event_s_own_fees_go_before_its_series(
    own_type: FeeType | None, own_multiplier: int | None, expected: tuple[FeeType, int]
) -> None:
    """Catches an override of zero read as none, and the series' fees taken where the event has its own."""
    facts = combine(market(), EventPart("KXS-E", "KXS", own_type, own_multiplier), series())
    assert (facts.fee_type, facts.fee_multiplier) == expected
    assert (facts.ticker, facts.event, facts.series, facts.exchange_index) == ("KXS-E-A", "KXS-E", "KXS", 2)


def page(*entries: object, **more: object) -> bytes:
    return json.dumps({"markets": entries, "cursor": "", **more}).encode()


def test_a_page_of_markets_tells_about_each_one_by_itself() -> None:
    """Catches one market with an odd field that takes the facts of all others away, and one that is left out."""
    odd = MARKET | {"ticker": "KXS-E-B", "status": "sleeping"}
    found = read_markets(page(odd, MARKET), ("KXS-E-A", "KXS-E-B", "KXS-E-C"))
    assert found["KXS-E-A"] == market()
    assert isinstance(found["KXS-E-B"], AnswerError)
    assert found["KXS-E-C"] is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (page(MARKET, cursor="bW9yZQ=="), "it goes on on another page"),
        (page(MARKET, MARKET), "it has KXS-E-A, which was not asked for, or has it twice"),
        (page(MARKET, MARKET | {"ticker": "OTHER"}), "it has OTHER, which was not asked for, or has it twice"),
        (page(MARKET | {"ticker": ["KXS-E-A"]}), "its ticker is not a plain text"),
        (page("KXS-E-A"), "it has no list of markets"),
        (b'{"cursor": ""}', "it has no list of markets"),
        (b"{}", "it has no list of markets"),
    ],
)
def test_a_page_that_is_not_the_answer_to_the_question_tells_nothing(body: bytes, reason: str) -> None:
    """Catches a market called unknown because its ticker could not be read, or because it stood on the next page."""
    with pytest.raises(AnswerError) as caught:
        read_markets(body, ("KXS-E-A", "KXS-E-B"))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "ticker",
    ["", ".", "..", "...", "-A", "_A", "A/B", "A?B", "A#B", "A%2FB", "A,B", "A&B=1", "A B", "A\n", "a", "Ä", "K" * 129],
)
def test_what_is_not_a_plain_ticker_never_gets_into_a_target(ticker: str) -> None:
    """Catches a path to another endpoint, a second parameter or a second ticker in what a client calls a ticker."""
    assert not is_plain_ticker(ticker)
    for request in (market_request, event_request, series_request):
        with pytest.raises(ValueError, match="not a plain ticker"):
            request(ticker)
    with pytest.raises(ValueError, match="not a plain ticker"):
        markets_request(("KXS-E-A", ticker))


@pytest.mark.parametrize("ticker", ["K", "KXFED-26DEC-T4.25", "0", "A._-", "K" * 128])
def test_the_targets_are_the_operations_that_are_meant(ticker: str) -> None:
    """Catches a path that the catalogue takes for something else, or that needs a signature."""
    requests = [market_request(ticker), event_request(ticker), series_request(ticker), markets_request((ticker, "B"))]
    found = [find("GET", request.path) for request in requests]
    assert [one and (one.endpoint.operation, one.names) for one in found] == [
        ("GetMarket", (ticker,)),
        ("GetEvent", (ticker,)),
        ("GetSeries", (ticker,)),
        ("GetMarkets", ()),
    ]
    assert not any(one and one.endpoint.needs_signature for one in found)
    assert unsigned(requests[3]).target == f"/trade-api/v2/markets?limit=100&tickers={ticker},B"


@given(st.lists(st.text("ABC-0", min_size=1, max_size=128), max_size=250))
def test_batches_keep_every_ticker_in_its_order_and_stay_within_the_limits(tickers: list[str]) -> None:
    groups = batches(tickers)
    assert [ticker for group in groups for ticker in group] == tickers
    assert all(1 <= len(group) <= MOST_TICKERS and len(",".join(group)) <= MOST_QUERY for group in groups)


def test_a_hundred_tickers_of_a_real_length_are_one_request() -> None:
    assert len(batches([f"KXMVESPORTSMULTI-S2026{number:06}-AB" for number in range(100)])) == 1
    assert len(batches([f"K{number}" for number in range(101)])) == 2


WORLDS = {
    "default": default_scenario,
    **{path.stem: lambda p=path: example(p.stem) for path in EXAMPLES.glob("*.yaml")},
}


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_market_of_the_practice_worlds_is_read_as_it_is(name: str) -> None:
    """Catches a parser that was written for one sample: facts of every market against the exchange's own objects."""
    scenario: Scenario = WORLDS[name]()
    simulation = Simulation(scenario)
    exchange = simulation.practice.exchange

    def body(request: Any) -> bytes:
        return json.dumps(simulation.body("GET", unsigned(request).target)).encode()

    tickers = tuple(exchange.markets)
    pages = {
        t: part for group in batches(tickers) for t, part in read_markets(body(markets_request(group)), group).items()
    }
    for ticker, state in exchange.markets.items():
        true = state.market
        own_event = exchange.events[true.event_ticker]
        part = read_market(body(market_request(ticker)), ticker)
        assert pages[ticker] == part
        facts = combine(
            part,
            read_event(body(event_request(part.event)), part.event),
            read_series(body(series_request(own_event.series_ticker)), own_event.series_ticker),
        )
        own_series = exchange.series[own_event.series_ticker]
        multiplier = own_event.fee_multiplier_override
        assert (facts.event, facts.series, facts.status) == (
            own_event.ticker,
            own_series.ticker,
            state.status(simulation.now_us),
        )
        assert facts.fee_multiplier == 100 * (own_series.fee_multiplier if multiplier is None else multiplier)
        assert facts.fee_type == (own_event.fee_type_override or own_series.fee_type)
        assert [(r.start, r.end, r.step) for r in facts.price_ranges] == [
            (r.start, r.end, r.step) for r in true.price_ranges
        ]
        assert (facts.close_ms, facts.exchange_index) == (true.close_us // 1_000, true.exchange_index)
        waiver = true.fee_waiver_us
        assert facts.fee_waiver_until_ms == (None if waiver is None else waiver // 1_000)


@pytest.mark.parametrize(
    ("status", "result", "value", "expected"),
    [
        ("determined", "yes", ABSENT, 10_000),
        ("determined", "no", ABSENT, 0),
        ("amended", "no", ABSENT, 0),
        ("finalized", "yes", "1.0000", 10_000),
        ("determined", "scalar", "0.2500", 2_500),
        ("determined", "scalar", "0.250001", None),
        ("determined", "scalar", "1.2500", None),
        ("determined", "scalar", ABSENT, None),
        ("determined", "", ABSENT, None),
        ("determined", "void", "0.5000", None),
        ("disputed", "yes", ABSENT, None),
        ("closed", "yes", ABSENT, None),
        ("active", "yes", ABSENT, None),
    ],
)
def test_a_result_is_known_once_it_is_determined(status: str, result: str, value: object, expected: int | None) -> None:
    """Catches a result that may change, one that is guessed, and one that is rounded."""
    entry = MARKET | {"status": status, "result": result}
    entry |= {} if value is ABSENT else {"settlement_value_dollars": value}
    assert read_market(json.dumps({"market": entry}).encode(), "KXS-E-A").result == expected
