"""Commands and their answers: every code of the table with what leads to it, acks, sids, numbers, lists."""

import json

import pytest
from tests.practice.stream.kit import Listener, hub_of, parsed
from tests.practice.support import Floor

from pretrade.practice.stream.errors import TEXTS
from pretrade.practice.stream.formats import market_id

SUBSCRIBE, UPDATE = "subscribe", "update_subscription"


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def listener(floor):
    floor.account("alice")
    return Listener(hub_of(floor.exchange))


def error_of(frames):
    assert [frame["type"] for frame in frames] == ["error"]
    parsed(frames[0])
    return frames[0]


@pytest.mark.parametrize(
    ("text", "command_id"),
    [
        ("", None),
        ("not json", None),
        ("[1]", None),
        ('"subscribe"', None),
        ('{"id": 3, "cmd": 5}', 3),
        ('{"id": 3, "cmd": "subscribe", "params": []}', 3),
        ('{"id": 3, "cmd": "subscribe", "params": {"channels": "ticker"}}', 3),
        ('{"id": 3, "cmd": "subscribe", "params": {"channels": ["ticker"], "market_tickers": "A"}}', 3),
        ('{"id": 3, "cmd": "subscribe", "params": {"channels": ["ticker"], "use_yes_price": "yes"}}', 3),
        ('{"id": 3, "cmd": "unsubscribe", "params": {"sids": ["1"]}}', 3),
        ('{"id": "3", "cmd": "list_subscriptions"}', None),
        ('{"id": -3, "cmd": "list_subscriptions"}', None),
        ('{"id": true, "cmd": "list_subscriptions"}', None),
        ("[" * 100_000, None),
    ],
)
def test_what_cannot_be_read_is_error_1_and_names_the_command_where_it_can(listener, text, command_id):
    """Catches a reader that lets a wrong type through or dies of one: the connection would be gone."""
    frame = error_of(listener.say(text))
    assert frame["msg"] == {"code": 1, "msg": "Unable to process message"}
    assert frame.get("id") == command_id


@pytest.mark.parametrize(
    ("cmd", "params", "code"),
    [
        (SUBSCRIBE, None, 2),
        ("unsubscribe", None, 2),
        (UPDATE, None, 2),
        (SUBSCRIBE, {}, 3),
        (SUBSCRIBE, {"channels": []}, 3),
        ("unsubscribe", {}, 4),
        ("unsubscribe", {"sids": []}, 4),
        ("create_order", {"ticker": "A"}, 5),
        ("", {}, 5),
        ("unsubscribe", {"sids": [9]}, 7),
        ("unsubscribe", {"sids": [1, 9]}, 7),
        (UPDATE, {"sid": 9, "action": "add_markets", "market_ticker": "A"}, 7),
        (SUBSCRIBE, {"channels": ["ticker", "tickers"]}, 8),
        (SUBSCRIBE, {"channels": ["ticker"], "market_ticker": "A", "market_tickers": ["B"]}, 11),
        (SUBSCRIBE, {"channels": ["ticker"], "market_id": "not-a-uuid"}, 11),
        (SUBSCRIBE, {"channels": ["ticker"], "market_ticker": "A", "market_id": market_id("A")}, 11),
        (SUBSCRIBE, {"channels": ["fill"], "market_id": market_id("A")}, 11),
        (SUBSCRIBE, {"channels": ["ticker"], "market_ticker": "NOPE"}, 11),
        (SUBSCRIBE, {"channels": ["communications"], "user_filter": "others"}, 11),
        (UPDATE, {"action": "add_markets", "market_ticker": "A"}, 12),
        (UPDATE, {"sids": [], "action": "add_markets", "market_ticker": "A"}, 12),
        (UPDATE, {"sids": [1, 2], "action": "add_markets", "market_ticker": "A"}, 12),
        (UPDATE, {"sid": 1, "sids": [1], "action": "add_markets", "market_ticker": "A"}, 12),
        (UPDATE, {"sid": 1, "action": "replace_markets", "market_ticker": "A"}, 13),
        (UPDATE, {"sid": 2, "action": "get_snapshot", "market_ticker": "A"}, 13),
        (UPDATE, {"sid": 2, "action": "add_markets", "market_ticker": "A"}, 13),
        (UPDATE, {"sid": 3, "action": "add_markets", "index_ids": ["BRTI"]}, 13),
        (SUBSCRIBE, {"channels": ["orderbook_delta"]}, 14),
        (SUBSCRIBE, {"channels": ["orderbook_delta"], "market_tickers": []}, 14),
        (SUBSCRIBE, {"channels": ["orderbook_delta"], "market_id": market_id("A")}, 14),
        (UPDATE, {"sid": 1, "action": "add_markets"}, 14),
        (UPDATE, {"sid": 1, "action": "get_snapshot"}, 14),
        (UPDATE, {"sid": 1, "market_ticker": "A"}, 15),
        (SUBSCRIBE, {"channels": ["communications"], "shard_factor": 0}, 19),
        (SUBSCRIBE, {"channels": ["communications"], "shard_key": 0}, 20),
        (SUBSCRIBE, {"channels": ["communications"], "shard_factor": 4, "shard_key": 4}, 21),
        (SUBSCRIBE, {"channels": ["communications"], "shard_factor": 101, "shard_key": 0}, 22),
        (UPDATE, {"sid": 3, "action": "subscribe_indices"}, 24),
        (UPDATE, {"sid": 4, "action": "subscribe_underlyings", "underlying_tickers": []}, 28),
    ],
)
def test_each_wrong_command_has_its_code_and_text_and_changes_nothing(listener, cmd, params, code):
    """Catches a wrong code, and a command that is refused and half carried out all the same."""
    listener.subscribe("orderbook_delta", market_ticker="A")
    listener.subscribe("trade", "cfbenchmarks_value", "pyth_value")
    before = listener.send("list_subscriptions")[0]["msg"]
    body = {"id": 77, "cmd": cmd} | ({} if params is None else {"params": params})
    frame = error_of(listener.say(json.dumps(body)))
    assert frame["id"] == 77
    assert (frame["msg"]["code"], frame["msg"]["msg"]) == (code, TEXTS[code])
    assert listener.send("list_subscriptions")[0]["msg"] == before


def test_unknown_markets_are_named(listener):
    one = error_of(listener.subscribe("ticker", market_tickers=["A", "NOPE"]))
    two = error_of(listener.subscribe("ticker", market_tickers=["NOPE", "A", "NADA"]))
    assert one["msg"]["market_ticker"] == "NOPE"
    assert two["msg"]["market_tickers"] == ["NOPE", "NADA"]


def test_every_channel_of_a_command_gets_an_ack_and_a_sid_of_its_own(listener):
    frames = listener.subscribe("ticker", "trade", "fill", market_tickers=["A"])
    assert [(f["type"], f["id"], f["msg"]) for f in frames] == [
        ("subscribed", 1, {"channel": "ticker", "sid": 1}),
        ("subscribed", 1, {"channel": "trade", "sid": 2}),
        ("subscribed", 1, {"channel": "fill", "sid": 3}),
    ]
    listed = listener.send("list_subscriptions")[0]
    assert listed["type"] == "ok"
    assert listed["msg"] == [{"channel": f["msg"]["channel"], "sid": f["msg"]["sid"]} for f in frames]
    assert parsed(listed).msg == listed["msg"]


def test_an_id_of_zero_is_as_good_as_none(listener):
    frame = listener.say('{"id": 0, "cmd": "list_subscriptions"}')[0]
    assert "id" not in frame


def test_sids_are_never_given_twice(listener):
    """Catches a sid that comes back after an unsubscribe: late frames would go to the wrong subscription."""
    listener.subscribe("ticker")
    listener.send("unsubscribe", sids=[1])
    assert listener.subscribe("ticker")[0]["msg"]["sid"] == 2


def test_unsubscribe_is_answered_for_each_sid_and_silences_it(floor, listener):
    listener.subscribe("orderbook_delta", "trade", market_ticker="A")
    frames = listener.send("unsubscribe", sids=[2, 1, 2])
    assert [(f["type"], f["id"], f["sid"], f["seq"]) for f in frames] == [
        ("unsubscribed", 2, 2, 1),
        ("unsubscribed", 2, 1, 2),
    ]
    assert [parsed(frame).sid for frame in frames] == [2, 1]
    floor.place(floor.account("alice"), "bid", "0.4", "1")
    assert listener.taken() == []


def test_numbers_of_a_sid_run_through_snapshots_deltas_and_answers_without_a_gap(floor, listener):
    """Catches an answer that takes no number, or another subscription's: a client would see a gap that is none."""
    listener.subscribe("orderbook_delta", market_ticker="A")
    other = listener.subscribe("orderbook_delta", market_tickers=["B", "A"])
    assert [(f.get("sid"), f.get("seq")) for f in other] == [(None, None), (2, 1), (2, 2)]
    floor.place(floor.account("alice"), "bid", "0.4", "1")
    frames = listener.taken()
    frames += listener.send(UPDATE, sid=2, action="delete_markets", market_ticker="B")
    frames += listener.send(UPDATE, sid=2, action="add_markets", market_ticker="B")
    frames += listener.send(UPDATE, sid=2, action="get_snapshot", market_tickers=["A", "B"])
    assert [(f["type"], f["sid"], f["seq"]) for f in frames] == [
        ("orderbook_delta", 1, 2),
        ("orderbook_delta", 2, 3),
        ("ok", 2, 4),
        ("ok", 2, 5),
        ("orderbook_snapshot", 2, 6),
        ("orderbook_snapshot", 2, 7),
        ("orderbook_snapshot", 2, 8),
    ]
    assert [f.get("id") for f in frames] == [None, None, 3, 4, None, 5, 5]


def test_a_command_sees_the_exchange_as_it_is_now(floor, listener):
    """Catches a snapshot with orders that have expired since somebody last asked the exchange anything."""
    floor.place(floor.account("alice"), "bid", "0.4", "1", expiration_time=floor.clock() // 10**6 + 5)
    floor.clock.advance(10)
    snapshot = listener.subscribe("orderbook_delta", market_ticker="A")[1]
    assert "yes_dollars_fp" not in snapshot["msg"]


def test_an_update_says_the_whole_list_unless_told_not_to(listener):
    listener.subscribe("trade", market_tickers=["A"])
    listener.subscribe("fill", market_tickers=["A"], skip_ticker_ack=True)
    added = listener.send(UPDATE, sids=[1], action="add_markets", market_tickers=["A", "B"])
    deleted = listener.send(UPDATE, sid=1, action="delete_markets", market_tickers=["A"])
    skipped = listener.send(UPDATE, sid=2, action="add_markets", market_tickers=["B"])
    assert added[0]["msg"] == {"market_tickers": ["A", "B"]}
    assert deleted[0]["msg"] == {"market_tickers": ["B"]}
    assert skipped[0]["msg"] == {}
    assert parsed(added[0]).sid == 1


def test_deleting_the_last_market_leaves_silence_and_not_everything(floor, listener):
    """Catches an empty list that is taken for no list: the client would drown in every market's trades."""
    listener.subscribe("orderbook_delta", market_tickers=["A"])
    listener.send(UPDATE, sid=1, action="delete_markets", market_ticker="A")
    floor.place(floor.account("alice"), "bid", "0.4", "1")
    assert listener.taken() == []


def test_a_subscription_hears_only_of_its_markets(floor, listener):
    alice = floor.account("alice")
    listener.subscribe("orderbook_delta", "user_orders", market_ticker="B")
    floor.place(alice, "bid", "0.4", "1")
    assert listener.taken() == []
    floor.place(alice, "bid", "0.4", "1", ticker="B")
    assert [frame["type"] for frame in listener.taken()] == ["orderbook_delta", "user_order"]


def test_market_ids_pick_the_same_markets_as_tickers(floor, listener):
    listener.subscribe("ticker", market_ids=[market_id("B").upper()], send_initial_snapshot=True)
    frames = listener.send(UPDATE, sid=1, action="add_markets", market_id=market_id("A"), send_initial_snapshot=True)
    assert [frame["type"] for frame in frames] == ["ok", "ticker"]
    assert frames[0]["msg"]["market_tickers"] == ["B", "A"]
    assert frames[1]["msg"]["market_id"] == market_id("A")


def test_feeds_of_outside_prices_keep_their_list_and_stay_silent(listener):
    listener.subscribe("cfbenchmarks_value", index_ids=["BRTI"])
    listener.subscribe("pyth_value")
    added = listener.send(UPDATE, sid=1, action="subscribe_indices", index_ids=["ETHUSD_RTI"])[0]
    gone = listener.send(UPDATE, sid=1, action="unsubscribe_indices", index_ids=["BRTI"])[0]
    everything = listener.send(UPDATE, sid=2, action="subscribe_underlyings", underlying_tickers=["all", "X"])[0]
    listed = listener.send(UPDATE, sid=1, action="indexlist")[0]
    assert [added["msg"], gone["msg"]] == [{"index_ids": ["BRTI", "ETHUSD_RTI"]}, {"index_ids": ["ETHUSD_RTI"]}]
    assert everything["msg"] == {"underlying_tickers": ["all"]}
    assert parsed(listed).msg.index_ids == []


def test_limits_answer_with_their_codes(floor):
    """Catches limits that are announced and not kept: 26 for markets, 27 for commands and subscriptions."""
    floor.account("alice")
    listener = Listener(hub_of(floor.exchange, subscriptions=2, markets=1, commands_a_second=2))
    assert error_of(listener.subscribe("trade", market_tickers=["A", "B"]))["msg"]["code"] == 26
    listener.subscribe("trade", market_ticker="A")
    listener.subscribe("fill")
    assert error_of(listener.subscribe("ticker"))["msg"]["code"] == 27
    assert error_of(listener.send(UPDATE, sid=1, action="add_markets", market_ticker="B"))["msg"]["code"] == 26
    assert listener.send(UPDATE, sid=1, action="delete_markets", market_ticker="A")[0]["type"] == "ok"
    assert error_of(listener.send(UPDATE, sid=1, action="add_markets", market_ticker="A"))["msg"]["code"] == 27
    floor.clock.advance(1)
    assert listener.send(UPDATE, sid=1, action="add_markets", market_ticker="A")[0]["type"] == "ok"


def test_every_text_of_the_table_is_the_exchanges():
    """Retired numbers must stay free: 6, 16 and 17 are never sent."""
    assert sorted(TEXTS) == sorted(set(range(1, 29)) - {6, 16, 17})
