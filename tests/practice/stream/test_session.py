"""Bounded buffers: who reads too slowly loses the subscription, who does not read at all the connection."""

import pytest
from tests.practice.stream.kit import Listener, hub_of, parsed
from tests.practice.support import Floor

from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.stream import desk
from pretrade.practice.stream.session import End, Member


@pytest.fixture
def floor():
    made = Floor()
    made.account("alice")
    return made


def test_a_full_buffer_ends_the_subscription_with_error_25_and_leaves_the_others(floor):
    """Catches memory that grows with a slow reader, and a reader who is not told that it has missed something."""
    listener = Listener(hub_of(floor.exchange, buffer=3))
    listener.subscribe("orderbook_delta", market_ticker="A")
    listener.subscribe("orderbook_delta", market_ticker="B")
    for ticker in ("A", "B", "A", "A", "A", "A"):
        floor.place(floor.account("alice"), "bid", "0.4", "1", ticker=ticker)
    frames = listener.taken()
    assert [(f["type"], f["sid"], f["seq"]) for f in frames] == [("orderbook_delta", 2, 2), ("error", 1, 6)]
    assert frames[1]["msg"] == {"code": 25, "msg": "Subscription buffer overflow"}
    assert parsed(frames[1]).msg.code == 25
    assert listener.send("list_subscriptions")[0]["msg"] == [{"channel": "orderbook_delta", "sid": 2}]


def test_the_buffer_counts_what_waits_and_not_what_was_sent(floor):
    listener = Listener(hub_of(floor.exchange, buffer=3))
    listener.subscribe("orderbook_delta", market_ticker="A")
    for _ in range(4):
        for _ in range(3):
            floor.place(floor.account("alice"), "bid", "0.4", "1")
        assert [frame["type"] for frame in listener.taken()] == ["orderbook_delta"] * 3


def test_who_asks_and_never_reads_the_answers_is_closed(floor):
    """Catches answers without a bound: commands alone could fill the memory."""
    hub = hub_of(floor.exchange, buffer=3)
    session = hub.open(Member("alice"))
    for _ in range(5):
        desk.answer(hub, session, '{"id": 1, "cmd": "list_subscriptions"}')
    assert hub.take(session) == End(1008)
    assert hub.take(session) is None


def test_a_connection_too_many_is_refused_until_one_has_gone(floor):
    hub = hub_of(floor.exchange, connections=2)
    first, _ = hub.open(Member("alice")), hub.open(Member("alice", 3))
    with pytest.raises(ExchangeError, match="too_many_connections"):
        hub.open(Member("alice"))
    hub.open(Member("bob"))
    hub.close(first)
    hub.open(Member("alice"))
