"""Stream faults: the plan, and what each kind does to the messages of a connection."""

import json

import pytest
from tests.practice.stream.kit import NOW_MS, Listener, hub_of
from tests.practice.support import Floor

from pretrade.practice.stream.faults import StreamFault, StreamFaultKind, StreamFaultPlan
from pretrade.practice.stream.session import End, Frame

KINDS = StreamFaultKind


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def listener(floor):
    floor.account("alice")
    made = Listener(hub_of(floor.exchange))
    made.subscribe("orderbook_delta", "user_orders", market_ticker="A")
    return made


def place(floor, times=1):
    for _ in range(times):
        floor.place(floor.account("alice"), "bid", "0.4", "1")


def deltas(frames):
    return [frame["seq"] for frame in frames if frame["type"] == "orderbook_delta"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"kind": KINDS.DROP, "channel": "tickers"}, "channel must be"),
        ({"kind": KINDS.DROP, "times": 0}, "times must be"),
        ({"kind": KINDS.DELAY}, "a delay needs seconds"),
        ({"kind": KINDS.DROP, "seconds": 1.0}, "no other kind takes seconds"),
        ({"kind": KINDS.DELAY, "seconds": 601.0}, "seconds must be from 0 to 600"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_words(values, reason):
    with pytest.raises(ValueError, match=reason):
        StreamFault(**values)


def test_faults_are_used_up_in_the_order_they_were_added():
    plan = StreamFaultPlan()
    forever, twice = StreamFault(KINDS.GAP, "trade", times=None), StreamFault(KINDS.DROP, "*", times=2)
    plan.add(twice)
    plan.add(forever)
    assert [plan.take(channel) for channel in ("fill", "trade", "trade", "fill", "trade")] == [
        twice,
        twice,
        forever,
        None,
        forever,
    ]
    assert plan.waiting() == ((forever, None),)
    plan.clear()
    assert plan.take("trade") is None


@pytest.mark.parametrize(
    ("kind", "seqs"),
    [
        (None, [2, 3, 4]),
        (KINDS.DROP, [2, 3]),
        (KINDS.GAP, [3, 4]),
        (KINDS.DUPLICATE, [2, 2, 3, 4]),
    ],
)
def test_a_lost_message_leaves_a_gap_or_leaves_no_trace(floor, listener, kind, seqs):
    """Catches a drop that takes a number (then it is a gap) and a gap that takes none (then nobody can notice)."""
    if kind is not None:
        listener.hub.faults.add(StreamFault(kind, "orderbook_delta"))
    place(floor, times=3)
    frames = listener.taken()
    assert deltas(frames) == seqs
    assert sum(frame["type"] == "user_order" for frame in frames) == 3


def test_a_fault_takes_the_messages_of_its_channel_and_no_answer(floor, listener):
    listener.hub.faults.add(StreamFault(KINDS.DROP, times=None))
    place(floor)
    assert [frame["type"] for frame in listener.send("list_subscriptions")] == ["ok"]
    assert [frame["type"] for frame in listener.send("update_subscription", sid=1, action="get_snapshot")] == ["error"]
    assert listener.send("update_subscription", sid=1, action="get_snapshot", market_ticker="A") == []


def test_garbage_is_half_of_the_text(floor, listener):
    listener.hub.faults.add(StreamFault(KINDS.GARBAGE, "user_orders"))
    place(floor)
    frames = [listener.hub.take(listener.session) for _ in range(2)]
    texts = [frame.text(NOW_MS) for frame in frames if isinstance(frame, Frame)]
    assert json.loads(texts[0])["type"] == "orderbook_delta"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(texts[1])


def test_a_delayed_message_says_by_how_much_and_keeps_its_number(floor, listener):
    listener.hub.faults.add(StreamFault(KINDS.DELAY, "orderbook_delta", seconds=1.5))
    place(floor, times=2)
    items = [listener.hub.take(listener.session) for _ in range(4)]
    late = [(item.body["type"], item.body.get("seq"), item.after_seconds) for item in items if isinstance(item, Frame)]
    assert late == [
        ("orderbook_delta", 2, 1.5),
        ("user_order", None, 0.0),
        ("orderbook_delta", 3, 0.0),
        ("user_order", None, 0.0),
    ]


@pytest.mark.parametrize(("kind", "code"), [(KINDS.CLOSE, 1001), (KINDS.ABORT, None)])
def test_a_close_comes_in_the_place_of_the_message_and_nothing_after_it(floor, listener, kind, code):
    place(floor)
    listener.hub.faults.add(StreamFault(kind, "user_orders"))
    place(floor, times=2)
    items = [listener.hub.take(listener.session) for _ in range(5)]
    assert [item.body["type"] for item in items[:3] if isinstance(item, Frame)] == [
        "orderbook_delta",
        "user_order",
        "orderbook_delta",
    ]
    assert items[3:] == [End(code), None]
