"""The conversation with the exchange's stream: books that are the exchange's, or none; every doubt ends them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.feedkit import Talk
from tests.practice.stream.test_stream_properties import RandomTrading

from pretrade.gateway.market.feed_session import PROBE_MS, SILENT_MS, FeedError
from pretrade.gateway.market.market_group import AUDIT_MS, MOST_A_COMMAND, REFUSED_MS
from pretrade.kalshi.feed_messages import EventFeeChanged, MarketChanged
from pretrade.model.markets import FeeType, MarketStatus, PriceRange
from pretrade.model.units import Price
from pretrade.practice.core import groups, lifecycle
from pretrade.practice.core.instruments import PriceStructure
from pretrade.practice.stream.faults import StreamFault, StreamFaultKind
from pretrade.practice.stream.session import StreamLimits

KINDS = (StreamFaultKind.GAP, StreamFaultKind.DUPLICATE, StreamFaultKind.GARBAGE, StreamFaultKind.DELAY)


def test_books_come_with_the_markets_that_are_wanted() -> None:
    """Catches a market that is never asked for, and sides mixed up."""
    talk = Talk()
    talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
    talk.floor.place(talk.alice, "ask", "0.5200", "2.00")
    assert talk.seen("A") is None
    talk.watch("A")
    assert talk.seen("A") == (((4_700, 300),), ((4_800, 200),))
    assert talk.seen("B") is None
    talk.watch("B")
    assert talk.seen("B") == ((), ())
    talk.floor.place(talk.alice, "bid", "0.4800", "1.00")
    talk.hear()
    assert talk.seen("A") == talk.truth("A")


def test_what_nobody_wants_any_more_is_given_up() -> None:
    talk = Talk()
    talk.watch("A", "B")
    for _ in range(4):
        talk.books._used["A"] = -10_000_000
        talk.books._used.move_to_end("A", last=False)
        talk.step(10)
    assert (talk.seen("A"), talk.seen("B")) == (None, ((), ()))
    sub = next(sub for sub in talk.their_side.subscriptions.values() if sub.channel.name == "orderbook_delta")
    assert list(sub.tickers or ()) == ["B"]
    talk.watch("A")
    assert talk.seen("A") == ((), ())


@given(st.integers(0, 2**32), st.lists(st.sampled_from([None, None, None, *KINDS]), max_size=40), st.booleans())
def test_a_book_is_the_exchanges_or_there_is_none(
    seed: int, faults: list[StreamFaultKind | None], in_bulk: bool
) -> None:
    """Whatever is lost, doubled or late, no book that we have differs from the exchange's once the next message is
    read; an exchange that is well has one again. Catches a gap that is not seen, a delta out of its row that is taken,
    and a subscription that is not renewed."""
    talk = Talk()
    trading = RandomTrading(talk.floor, seed)
    talk.watch("A")
    talk.hub.faults.clear()
    try:
        for kind in faults:
            if kind is not None:
                seconds = 0.05 if kind is StreamFaultKind.DELAY else 0.0
                talk.hub.faults.add(StreamFault(kind, "orderbook_delta", 1, seconds))
            trading.step()
            if not in_bulk:
                talk.step(20)
                talk.hub.faults.clear()
                talk.floor.place(talk.alice, "bid", "0.0100", "0.01")  # what comes next shows what was lost
                talk.step(20)
                assert talk.seen("A") in {None, talk.truth("A")}
        talk.hub.faults.clear()
        for _ in range(2 * AUDIT_MS // 1_000 + 4):  # what was lost last, and nothing came after it
            talk.step(1_000)
    except FeedError as e:
        assert "message, but" in str(e)  # a frame that is none ends the connection, and with it all books
        return
    assert talk.seen("A") == talk.truth("A")


def test_a_gap_takes_all_books_at_once_and_they_come_back() -> None:
    """Catches books that stay after a message was lost, of whatever market it was."""
    talk = Talk()
    talk.watch("A", "B")
    talk.hub.faults.add(StreamFault(StreamFaultKind.GAP, "orderbook_delta"))
    talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
    talk.hear()
    assert talk.seen("A") == ((), ())  # nobody can know yet
    talk.floor.place(talk.alice, "bid", "0.4600", "3.00", ticker="B")
    talk.hear()
    assert (talk.seen("A"), talk.seen("B"), talk.state.gaps) == (None, None, 1)
    for _ in range(4):
        talk.step(10)
    assert (talk.seen("A"), talk.seen("B")) == (talk.truth("A"), talk.truth("B"))


def test_gap_after_gap_is_no_loop_of_subscriptions() -> None:
    """Bounded. Catches a stream that always misses something and makes us subscribe as fast as it can."""
    talk = Talk()
    talk.watch("A")
    before = talk.said["subscribe"]
    for _ in range(200):
        talk.hub.faults.add(StreamFault(StreamFaultKind.GAP, "orderbook_delta"))
        talk.floor.place(talk.alice, "bid", "0.4700", "1.00")
        talk.floor.place(talk.alice, "bid", "0.4700", "1.00")
        talk.step(20)
    assert 3 <= talk.said["subscribe"] - before <= 6  # in four seconds
    assert sum(talk.said.values()) <= 40


def test_an_age_is_proved_by_answers_and_grows_without_them() -> None:
    """Catches a market in which nothing happens that seems to be stale, and a silent connection that seems to be
    fresh."""
    talk = Talk()
    talk.watch("A")
    for _ in range(20):
        talk.step(PROBE_MS)
        assert (talk.age("A") or 0) <= PROBE_MS
    for passed in range(0, SILENT_MS, PROBE_MS):
        assert (talk.age("A") or 0) >= passed
        talk.time.pass_ms(PROBE_MS)
        for command in talk.session.due():
            assert "list_subscriptions" in command
    talk.time.pass_ms(PROBE_MS)
    with pytest.raises(FeedError, match="not answered"):
        talk.session.due()


def test_an_answer_proves_no_more_than_its_question() -> None:
    """Catches an age that begins when an answer comes: on a slow way the book is older than that."""
    talk = Talk()
    talk.watch("A")
    talk.step(PROBE_MS)
    talk.time.pass_ms(PROBE_MS)
    for command in talk.session.due():
        talk.say(command)
    talk.time.pass_ms(3_000)
    talk.hear()
    assert talk.age("A") == 3_000


def test_messages_lost_without_a_gap_are_found_out() -> None:
    """Catches a loss that no number shows: the book is asked for anew, each in its turn, and compared."""
    talk = Talk()
    talk.watch("A", "B")
    talk.hub.faults.add(StreamFault(StreamFaultKind.DROP, "orderbook_delta"))
    talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
    talk.hear()
    assert talk.seen("A") != talk.truth("A")
    for _ in range(2 * AUDIT_MS // 500 + 4):
        talk.step(500)
    assert (talk.seen("A"), talk.books.live.drifts) == (talk.truth("A"), 1)


def test_a_book_that_never_came_is_asked_for_again() -> None:
    talk = Talk()
    talk.hub.faults.add(StreamFault(StreamFaultKind.DROP, "orderbook_delta"))
    talk.watch("A")
    assert talk.seen("A") is None
    for _ in range(4):
        talk.step(500)
    assert talk.seen("A") == ((), ())


def test_a_market_that_is_refused_does_not_keep_the_others_out() -> None:
    """Catches one name that the exchange does not know and that takes the whole subscription with it."""
    talk = Talk()
    talk.watch("A", "NO-SUCH", "B")
    for _ in range(4):
        talk.step(10)
    assert (talk.seen("A"), talk.seen("B"), talk.seen("NO-SUCH")) == (((), ()), ((), ()), None)
    said = talk.said["update_subscription"] + talk.said["subscribe"]
    for _ in range(20):
        talk.step(500)
    audits = 20 * 500 // AUDIT_MS + 1
    assert talk.said["update_subscription"] + talk.said["subscribe"] <= said + audits
    talk.step(REFUSED_MS)
    assert talk.seen("A") == ((), ())


def test_a_refusal_that_names_no_market_is_about_all_that_were_asked_for() -> None:
    """Catches a command that is refused and sent again at once, without end."""
    talk = Talk()
    talk.books.get("A")
    (command,) = [json.loads(text) for text in talk.session.due() if "orderbook_delta" in text]
    refusal = {"type": "error", "id": command["id"], "msg": {"code": 10, "msg": "Channel error"}}
    talk.session.take(json.dumps(refusal))
    talk.time.pass_ms(REFUSED_MS - 1)
    assert not talk.session._books.due(["A"], talk.time.clock.age_ms())
    talk.time.pass_ms(1)
    assert talk.session._books.due(["A"], talk.time.clock.age_ms())


def test_one_command_names_a_bounded_number_of_markets() -> None:
    talk = Talk()
    for number in range(MOST_A_COMMAND + 50):
        talk.books.get(f"M{number}")
    (text,) = [command for command in talk.session.due() if "orderbook_delta" in command]
    assert len(json.loads(text)["params"]["market_tickers"]) == MOST_A_COMMAND


def test_an_overflow_and_a_lost_subscription_end_the_connection() -> None:
    """Catches a subscription that the exchange has ended and whose books seem to stand still."""
    talk = Talk(limits=StreamLimits(buffer=3))
    talk.watch("A")
    for _ in range(10):
        talk.floor.place(talk.alice, "bid", "0.4700", "1.00")
    with pytest.raises(FeedError, match="overflow"):
        talk.hear()
    talk = Talk()
    talk.watch("A")
    sid = next(sid for sid, sub in talk.their_side.subscriptions.items() if sub.channel.name == "orderbook_delta")
    talk.their_side.unsubscribe(sid)
    with pytest.raises(FeedError, match="ended the subscription to orderbook_delta"):
        talk.step(PROBE_MS)


def test_news_of_the_account_are_heard_live_and_only_live() -> None:
    """Catches private channels that are not subscribed to, after which the ledger waits for the next round."""
    for is_live in (True, False):
        talk = Talk(is_live=is_live)
        talk.hear()
        assert talk.news == 0
        talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
        talk.hear()
        assert (talk.news > 0) is is_live


@pytest.mark.parametrize("hears_groups", [True, False])
def test_a_group_that_trips_is_told_at_once_where_it_is_asked_for(hears_groups: bool) -> None:
    """Catches a client that is stopped only by its next order, and what is no trip taken for one."""
    talk = Talk(hears_groups=hears_groups)
    talk.hear()
    exchange = talk.floor.exchange
    group = groups.create(exchange, talk.alice, 500)
    groups.set_limit(exchange, group, 400)
    talk.hear()
    assert talk.trips == []
    groups.trigger(exchange, group)
    talk.hear()
    assert talk.trips == ([group.group_id] if hears_groups else [])


def test_what_becomes_of_markets_is_told_at_once() -> None:
    """Catches a market that is paused, closes earlier, takes other prices or costs more, and is traded as before."""
    talk = Talk()
    talk.hear()
    exchange, tapered = talk.floor.exchange, PriceStructure.DECI_CENT
    lifecycle.pause_market(exchange, "A")
    lifecycle.resume_market(exchange, "A")
    close_us = talk.floor.clock() + 60_000_000
    lifecycle.move_close(exchange, "A", close_us)
    lifecycle.set_structure(exchange, "A", tapered)
    lifecycle.set_event_fee(exchange, "E", FeeType.QUADRATIC, 200)
    talk.hear()
    assert talk.facts.told == [
        MarketChanged("A", MarketStatus.INACTIVE),
        MarketChanged("A", MarketStatus.ACTIVE),
        MarketChanged("A", close_ms=close_us // 1_000),
        MarketChanged("A", price_ranges=(PriceRange(Price(0), Price(10_000), Price(10)),)),
        EventFeeChanged("E"),
    ]


def test_news_of_markets_that_were_lost_make_all_of_them_doubtful() -> None:
    """Catches a pause that was lost on the way and is not looked for."""
    talk = Talk()
    talk.hear()
    lifecycle.pause_market(talk.floor.exchange, "B")
    talk.hear()
    talk.hub.faults.add(StreamFault(StreamFaultKind.GAP, "market_lifecycle_v2"))
    lifecycle.pause_market(talk.floor.exchange, "A")
    lifecycle.resume_market(talk.floor.exchange, "A")
    talk.hear()
    assert talk.facts.doubts == 1
    assert talk.facts.told[-1] == MarketChanged("A", MarketStatus.ACTIVE)


def test_trades_are_heard_of_and_lost_with_a_gap() -> None:
    talk = Talk()
    bob = talk.floor.account("bob")
    talk.watch("A")
    talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
    talk.floor.place(bob, "ask", "0.4700", "1.00")
    talk.hear()
    trade = talk.books.last_trade("A")
    assert trade is not None
    assert trade.price == 4_700
    talk.hub.faults.add(StreamFault(StreamFaultKind.GAP, "trade"))
    talk.floor.place(bob, "ask", "0.4700", "1.00")
    talk.floor.place(bob, "ask", "0.4700", "0.50")
    talk.hear()
    again = talk.books.last_trade("A")
    assert again is None or again.price == 4_700
    assert talk.state.gaps == 1
    assert talk.seen("A") == talk.truth("A")


def test_garbage_ends_the_connection() -> None:
    talk = Talk()
    talk.watch("A")
    talk.hub.faults.add(StreamFault(StreamFaultKind.GARBAGE, "orderbook_delta"))
    talk.floor.place(talk.alice, "bid", "0.4700", "3.00")
    with pytest.raises(FeedError, match="not readable JSON"):
        talk.hear()


def test_channels_that_are_refused_are_told_and_do_without() -> None:
    """Catches a key that may not see private channels and so would have no books either."""
    talk = Talk()
    talk.session.take(json.dumps({"type": "error", "id": 2, "msg": {"code": 9, "msg": "Authentication required"}}))
    talk.watch("A")
    assert talk.seen("A") == ((), ())
    assert list(talk.state.refused.values()) == ["Authentication required (9)"]
