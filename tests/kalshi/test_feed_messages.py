"""Messages of our own stream: each one value, exact, or an error; and the commands it takes."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.feed_commands import ACCOUNT, Change, list_subscriptions, subscribe, unsubscribe, update
from pretrade.kalshi.feed_messages import (
    AccountChanged,
    Content,
    Delta,
    Done,
    EventFeeChanged,
    Listed,
    MarketChanged,
    Message,
    Other,
    Refused,
    Snapshot,
    Subscribed,
    Traded,
    read_message,
)
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.units import Count, Price
from pretrade.practice.stream.channels import CHANNELS
from pretrade.practice.stream.commands import Command, read_command

M = {"market_ticker": "A", "market_id": "0-0"}
DELTA = M | {"price_dollars": "0.4700", "delta_fp": "-3.00", "side": "yes", "ts_ms": 1}
TRADE = M | {"trade_id": "t", "yes_price_dollars": "0.4700", "ts_ms": 1_795_000_000_123, "is_block_trade": False}
LESS_YES = Delta("A", is_yes=True, price=Price(4_700), change=-300)
MORE_NO = Delta("A", is_yes=False, price=Price(5_300), change=1)
RANGES = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]


def frame(kind: str, msg: Any = None, **more: Any) -> str:
    return json.dumps({"type": kind} | ({} if msg is None else {"msg": msg}) | more)


def lifecycle(kind: str, **more: Any) -> str:
    return frame("market_lifecycle_v2", {"event_type": kind, "market_ticker": "A"} | more)


def _determined(result: Price | None) -> MarketChanged:
    return MarketChanged("A", MarketStatus.DETERMINED, result=result)


GOOD: dict[str, tuple[str, Content]] = {
    "a snapshot": (
        frame(
            "orderbook_snapshot", M | {"yes_dollars_fp": [["0.4700", "3.00"]], "no_dollars_fp": [["0.5200", "2.00"]]}
        ),
        Snapshot("A", {Price(4_700): Count(300)}, {Price(4_800): Count(200)}),
    ),
    "a snapshot of an empty book": (frame("orderbook_snapshot", M), Snapshot("A", {}, {})),
    "a delta of yes": (frame("orderbook_delta", DELTA), LESS_YES),
    "a delta of no": (frame("orderbook_delta", DELTA | {"side": "no", "delta_fp": "0.01"}), MORE_NO),
    "a delta of our own": (frame("orderbook_delta", DELTA | {"client_order_id": "c", "subaccount": 3}), LESS_YES),
    "a trade": (frame("trade", TRADE), Traded("A", Price(4_700), 1_795_000_000_123)),
    "a block trade": (frame("trade", TRADE | {"is_block_trade": True}), Other()),
    "activated": (lifecycle("activated"), MarketChanged("A", MarketStatus.ACTIVE)),
    "deactivated": (lifecycle("deactivated"), MarketChanged("A", MarketStatus.INACTIVE)),
    "determined": (lifecycle("determined", result="yes"), _determined(Price(10_000))),
    "determined for no": (lifecycle("determined", result="no"), _determined(Price(0))),
    "determined somehow": (lifecycle("determined", result="scalar"), _determined(None)),
    "determined without a word": (lifecycle("determined"), _determined(None)),
    "settled": (lifecycle("settled"), MarketChanged("A", MarketStatus.FINALIZED)),
    "another close": (
        lifecycle("close_date_updated", close_ts=1_795_000_000),
        MarketChanged("A", close_ms=1_795_000_000_000),
    ),
    "another close, not said which": (lifecycle("close_date_updated"), MarketChanged("A")),
    "another grid": (
        lifecycle("price_level_structure_updated", price_ranges=RANGES),
        MarketChanged("A", price_ranges=(PriceRange(Price(0), Price(10_000), Price(10)),)),
    ),
    "another grid, not said which": (lifecycle("price_level_structure_updated"), MarketChanged("A")),
    "something new of a market": (lifecycle("renamed"), MarketChanged("A")),
    "created": (lifecycle("created"), Other()),
    "another name": (lifecycle("metadata_updated"), Other()),
    "another fee": (frame("event_fee_update", {"event_ticker": "E", "fee_type_override": None}), EventFeeChanged("E")),
    "an order": (frame("user_order", {"order_id": "o", "status": "resting"}), AccountChanged()),
    "a fill": (frame("fill", {"anything": [1.5, None]}), AccountChanged()),
    "a position": (frame("market_position"), AccountChanged()),
    "subscribed": (frame("subscribed", {"channel": "trade", "sid": 7}), Subscribed("trade", 7)),
    "unsubscribed": (frame("unsubscribed"), Done()),
    "ok": (frame("ok", {"market_tickers": ["A"]}), Done()),
    "ok without more": (frame("ok"), Done()),
    "a list": (frame("ok", [{"channel": "trade", "sid": 7}, {"channel": "fill", "sid": 2}]), Listed(frozenset({2, 7}))),
    "an empty list": (frame("ok", []), Listed(frozenset())),
    "an error": (
        frame("error", {"code": 11, "msg": "Invalid parameter", "market_ticker": "A"}),
        Refused(11, "Invalid parameter", ("A",)),
    ),
    "an error of several": (
        frame("error", {"code": 11, "msg": "x", "market_tickers": ["A", "B"]}),
        Refused(11, "x", ("A", "B")),
    ),
    "an error that says little": (frame("error", {}), Refused(0, "")),
    "a type that is not known": (frame("pyth_value", {"price": 1.5}), Other()),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_message_is_one_value(name: str) -> None:
    """Catches a NO level taken in YES dollars, a sign lost, and a lifecycle event that is dropped."""
    text, content = GOOD[name]
    assert read_message(text) == read_message(text.encode()) == Message(content)


def test_the_envelope_is_read() -> None:
    text = frame("orderbook_delta", DELTA, id=4, sid=7, seq=19, sending_ts_ms=5)
    assert read_message(text) == Message(LESS_YES, 4, 7, 19)


BAD: dict[str, str] = {
    "half a frame": frame("orderbook_delta", DELTA)[:40],
    "no object": "[]",
    "nothing": "",
    "no type": '{"msg": {}}',
    "a type that is no text": frame("x").replace('"x"', "3"),
    "a key twice": '{"type": "ok", "type": "ok"}',
    "no msg": frame("orderbook_delta"),
    "a delta without its market": frame("orderbook_delta", {**DELTA, "market_ticker": ""}),
    "a delta without a price": frame("orderbook_delta", {**DELTA, "price_dollars": None}),
    "a delta without a count": frame("orderbook_delta", {**DELTA, "delta_fp": None}),
    "a delta of neither side": frame("orderbook_delta", {**DELTA, "side": "both"}),
    "two signs": frame("orderbook_delta", {**DELTA, "delta_fp": "--3.00"}),
    "a plus": frame("orderbook_delta", {**DELTA, "delta_fp": "+3.00"}),
    "a figure that is a number": frame("orderbook_delta", {**DELTA, "delta_fp": -3}),
    "a price too fine": frame("orderbook_delta", {**DELTA, "price_dollars": "0.470001"}),
    "a snapshot with a price twice": frame(
        "orderbook_snapshot", {**M, "yes_dollars_fp": [["0.5", "1"], ["0.50", "1"]]}
    ),
    "a trade at no time": frame("trade", {**TRADE, "ts_ms": None}),
    "a trade at no price": frame("trade", {**TRADE, "yes_price_dollars": "1.0000"}),
    "a grid that overlaps": lifecycle("price_level_structure_updated", price_ranges=RANGES * 2),
    "a lifecycle of no market": frame("market_lifecycle_v2", {"event_type": "deactivated"}),
    "subscribed to no number": frame("subscribed", {"channel": "trade"}),
    "a number below zero": frame("ok", sid=-1),
    "a number that is true": frame("ok", seq=True),
    "a number too large": frame("ok", seq=2**53 + 1),
    "a list of something else": frame("ok", [1]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_message_that_is_not_as_it_must_be_is_an_error(name: str) -> None:
    """Catches a half-read message: what it told would be missing in the book from then on."""
    with pytest.raises(AnswerError):
        read_message(BAD[name])


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.sampled_from([text for text, _ in GOOD.values()]).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda cut: text[:cut].encode())
    )
)
def test_no_bytes_give_anything_but_a_message_or_our_error(data: bytes) -> None:
    """Catches an exception that would end the task which keeps the stream."""
    with contextlib.suppress(AnswerError):
        assert isinstance(read_message(data), Message)


def test_commands_are_the_exchanges_own_and_say_how_prices_are_told() -> None:
    """Catches a price convention that is left to the exchange's default, which will change."""
    assert json.loads(subscribe(1, ["orderbook_delta"], ["A", "B"])) == {
        "id": 1,
        "cmd": "subscribe",
        "params": {"channels": ["orderbook_delta"], "market_tickers": ["A", "B"], "use_yes_price": True},
    }
    assert json.loads(subscribe(2, ACCOUNT))["params"] == {"channels": list(ACCOUNT)}
    assert json.loads(update(3, 7, Change.ADD, ["C"]))["params"] == {
        "sid": 7,
        "action": "add_markets",
        "market_tickers": ["C"],
    }
    for text in (
        subscribe(1, ["trade"], ["A"]),
        unsubscribe(2, 7),
        update(3, 7, Change.SNAPSHOT, ["A"]),
        list_subscriptions(4),
    ):
        assert isinstance(read_command(text), Command)
    assert set(ACCOUNT) <= set(CHANNELS)
