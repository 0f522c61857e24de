"""What each channel says: fields, units, order, whose it is; everything parses with kalshi-sdk's own models."""

from dataclasses import replace

import pytest
from tests.practice.stream.kit import NOW_MS, Listener, hub_of, parsed
from tests.practice.support import NOW_US, Floor

from pretrade.model.markets import FeeType
from pretrade.model.orders import CancelOrder, DecreaseOrder
from pretrade.practice.core import groups, lifecycle, transfers
from pretrade.practice.core.events import EventFeeChanged
from pretrade.practice.core.instruments import PriceStructure
from pretrade.practice.stream.formats import market_id

PRIVATE = ("fill", "user_orders", "market_positions", "order_group_updates")


@pytest.fixture
def floor():
    made = Floor()
    for name in ("alice", "bob"):
        transfers.open_subaccount(made.exchange, made.account(name), 3)
        made.exchange.accounts[name].deposit(3, 0, 10**9, NOW_US)
    return made


@pytest.fixture
def hub(floor):
    return hub_of(floor.exchange)


def subscribed(hub, *channels, account="alice", subaccount=None, **params):
    listener = Listener(hub, account, subaccount)
    listener.subscribe(*channels, **params)
    return listener


def create_c(exchange):
    """A market that may close early and settles a minute after its determination."""
    like = exchange.markets["A"].market
    made = replace(like, ticker="C", can_close_early=True, settlement_timer_seconds=60)
    lifecycle.create_market(exchange, made)


def trade_between(floor, maker="alice", taker="bob", count="5", price="0.40", **more):
    floor.place(floor.account(maker), "bid", price, count, client_order_id="rested", **more)
    floor.place(floor.account(taker), "ask", price, count, client_order_id="crossed", **more)


def test_the_envelope_is_type_sid_seq_msg_and_the_moment_of_sending(floor, hub):
    listener = subscribed(hub, "trade", "fill")
    trade_between(floor)
    trade, fill = listener.taken()
    assert set(trade) == {"type", "sid", "seq", "msg", "sending_ts_ms"}
    assert set(fill) == {"type", "sid", "msg", "sending_ts_ms"}
    assert trade["sending_ts_ms"] == NOW_MS


def test_a_snapshot_lists_both_sides_best_last_and_leaves_out_an_empty_one(floor, hub):
    """Catches an empty side sent as [] or null, and levels in the wrong order: clients take the last as the best."""
    alice = floor.account("alice")
    for price in ("0.10", "0.12", "0.11"):
        floor.place(alice, "bid", price, "2")
    one_sided = Listener(hub).subscribe("orderbook_delta", market_ticker="A")[1]
    floor.place(alice, "ask", "0.90", "1.5")
    floor.place(alice, "ask", "0.85", "1")
    no_scale = Listener(hub).subscribe("orderbook_delta", market_ticker="A")[1]
    yes_scale = Listener(hub).subscribe("orderbook_delta", market_ticker="A", use_yes_price=True)[1]
    yes = [["0.1000", "2.00"], ["0.1100", "2.00"], ["0.1200", "2.00"]]
    about = {"market_ticker": "A", "market_id": market_id("A")}
    assert one_sided["msg"] == about | {"yes_dollars_fp": yes}
    assert no_scale["msg"] == about | {
        "yes_dollars_fp": yes,
        "no_dollars_fp": [["0.1000", "1.50"], ["0.1500", "1.00"]],
    }
    assert yes_scale["msg"]["no_dollars_fp"] == [["0.9000", "1.50"], ["0.8500", "1.00"]]
    assert parsed(no_scale).seq == 1


def test_a_delta_names_its_cause_to_nobody_else(floor, hub):
    """Catches a client_order_id or subaccount leaking into another member's public feed."""
    alice, bob = (subscribed(hub, "orderbook_delta", market_ticker="A", account=name) for name in ("alice", "bob"))
    bound = subscribed(hub, "orderbook_delta", market_ticker="A", subaccount=0)
    floor.place(floor.account("alice"), "ask", "0.60", "2.5", client_order_id="mine", subaccount=3)
    own, others, elsewhere = alice.taken()[0], bob.taken()[0], bound.taken()[0]
    assert (
        others["msg"]
        == elsewhere["msg"]
        == {
            "market_ticker": "A",
            "market_id": market_id("A"),
            "price_dollars": "0.4000",
            "delta_fp": "2.50",
            "side": "no",
            "ts": "2027-01-15T08:00:00.000000Z",
            "ts_ms": NOW_US // 1_000,
        }
    )
    assert own["msg"] == others["msg"] | {"client_order_id": "mine", "subaccount": 3}
    assert parsed(own).msg.client_order_id == "mine"


def test_one_match_is_told_in_one_order_with_the_ticker_last(floor, hub):
    """Catches tickers for every step of an operation, and fills told before the trade they belong to."""
    listener = subscribed(hub, "ticker", "trade", "orderbook_delta", *PRIVATE, market_tickers=["A"])
    trade_between(floor)
    placed, matched = listener.taken()[:2], listener.taken()
    assert matched == []
    floor.place(floor.account("bob"), "bid", "0.20", "1")
    floor.place(floor.account("bob"), "bid", "0.30", "1")
    floor.place(floor.account("alice"), "ask", "0.20", "2")
    types = [frame["type"] for frame in listener.taken()]
    assert [frame["type"] for frame in placed] == ["orderbook_delta", "user_order"]
    assert types == [
        "orderbook_delta",
        "orderbook_delta",
        *["trade", "orderbook_delta", "fill", "market_position"] * 2,
        "user_order",
        "ticker",
    ]


def test_a_ticker_says_what_the_market_is_and_comes_when_something_of_it_changed(floor, hub):
    listener = subscribed(hub, "ticker", market_ticker="A")
    trade_between(floor, count="250", price="0.40")
    floor.place(floor.account("alice"), "bid", "0.30", "7.25")
    floor.place(floor.account("bob"), "ask", "0.80", "3")
    frames = listener.taken()
    assert [parsed(frame).type for frame in frames] == ["ticker"]
    assert frames[0]["msg"] == {
        "market_ticker": "A",
        "market_id": market_id("A"),
        "price_dollars": "0.4000",
        "yes_bid_dollars": "0.3000",
        "yes_ask_dollars": "0.8000",
        "yes_bid_size_fp": "7.25",
        "yes_ask_size_fp": "3.00",
        "last_trade_size_fp": "250.00",
        "volume_fp": "250.00",
        "open_interest_fp": "250.00",
        "dollar_volume": 100,
        "dollar_open_interest": 100,
        "ts": NOW_US // 1_000_000,
        "ts_ms": NOW_US // 1_000,
        "time": "2027-01-15T08:00:00.000000Z",
    }
    floor.place(floor.account("alice"), "bid", "0.10", "1")
    assert listener.taken() == [], "a level behind the best is no news"


def test_a_ticker_of_an_empty_book_and_no_trade(hub):
    frame = Listener(hub).subscribe("ticker", market_ticker="A", send_initial_snapshot=True)[1]
    msg = frame["msg"]
    assert (msg["yes_bid_dollars"], msg["yes_ask_dollars"], msg["price_dollars"]) == ("0.0000", "1.0000", "0.0000")
    assert (msg["yes_bid_size_fp"], msg["yes_ask_size_fp"], msg["last_trade_size_fp"]) == ("0.00", "0.00", "0.00")
    parsed(frame)


def test_a_ticker_knows_the_trades_from_before_the_first_connection(floor, hub):
    trade_between(floor, count="250", price="0.40")
    msg = Listener(hub).subscribe("ticker", market_ticker="A", send_initial_snapshot=True)[1]["msg"]
    assert (msg["last_trade_size_fp"], msg["dollar_volume"], msg["volume_fp"]) == ("250.00", 100, "250.00")


def test_a_late_subscriber_is_not_told_old_tickers(floor, hub):
    """Catches a change from before the subscription that is sent as news after it."""
    floor.place(floor.account("alice"), "bid", "0.30", "1")
    listener = subscribed(hub, "ticker")
    assert listener.taken() == []


def test_a_ticker_of_another_market_is_not_heard(floor, hub):
    listener = subscribed(hub, "ticker", market_ticker="B")
    floor.place(floor.account("alice"), "bid", "0.30", "1")
    floor.place(floor.account("alice"), "bid", "0.30", "1", ticker="B")
    assert [frame["msg"]["market_ticker"] for frame in listener.taken()] == ["B"]


def test_a_trade_is_printed_at_the_resting_price_with_the_takers_direction(floor, hub):
    listener = subscribed(hub, "trade")
    trade_between(floor, price="0.36", count="1.36")
    frame = listener.taken()[0]
    assert frame["msg"] == {
        "trade_id": floor.exchange.trades[0].trade_id,
        "market_ticker": "A",
        "yes_price_dollars": "0.3600",
        "no_price_dollars": "0.6400",
        "count_fp": "1.36",
        "taker_side": "no",
        "taker_outcome_side": "no",
        "taker_book_side": "ask",
        "is_block_trade": False,
        "ts": NOW_US // 1_000_000,
        "ts_ms": NOW_US // 1_000,
    }
    assert parsed(frame).msg.trade_id


def test_a_fill_carries_the_position_after_it_and_the_fee(floor, hub):
    listener = subscribed(hub, "fill", account="bob")
    trade_between(floor, count="10")
    trade_between(floor, count="10", maker="bob", taker="alice", price="0.50")
    first, second = listener.taken()
    msg = first["msg"]
    assert (msg["post_position_fp"], second["msg"]["post_position_fp"]) == ("-10.00", "0.00")
    assert (msg["is_taker"], second["msg"]["is_taker"]) == (True, False)
    assert (msg["side"], msg["purchased_side"], msg["outcome_side"], msg["book_side"]) == ("no", "no", "no", "ask")
    assert (msg["client_order_id"], msg["subaccount"], msg["exchange_index"]) == ("crossed", 0, 0)
    fill = floor.account("bob").fills[0]
    assert fill.fee > 0
    assert msg["fee_cost"] == f"{fill.fee // 10**6}.{fill.fee % 10**6:06d}"
    assert parsed(first).msg.post_position == -10


def test_an_order_is_told_from_its_entry_to_its_end_with_the_reason(floor, hub):
    """Catches a change nobody hears of: entry, partial fill, decrease and cancel each are one message."""
    listener = subscribed(hub, "user_orders")
    alice, bob = floor.account("alice"), floor.account("bob")
    done = floor.place(alice, "bid", "0.40", "10", client_order_id="c1", expiration_time=NOW_US // 10**6 + 60)
    floor.place(bob, "ask", "0.40", "4")
    floor.exchange.decrease(alice, DecreaseOrder(done.order.order_id, reduce_to=200))
    floor.exchange.cancel(alice, CancelOrder(done.order.order_id))
    frames = listener.taken()
    told = [(f["msg"]["status"], f["msg"]["remaining_count_fp"], f["msg"].get("last_update_reason")) for f in frames]
    assert told == [
        ("resting", "10.00", None),
        ("resting", "6.00", "Trade"),
        ("resting", "2.00", "Decrease"),
        ("canceled", "0.00", None),
    ]
    msg = frames[1]["msg"]
    assert (msg["fill_count_fp"], msg["maker_fill_cost_dollars"]) == ("4.00", "1.600000")
    assert (msg["is_yes"], msg["side"], msg["book_side"]) == (True, "yes", "bid")
    assert (msg["user_id"], msg["client_order_id"]) == (alice.user_id, "c1")
    assert (msg["expiration_ts_ms"], msg["expiration_time"]) == (NOW_US // 1000 + 60_000, "2027-01-15T08:01:00.000000Z")
    assert [parsed(frame).msg.order_id for frame in frames] == [done.order.order_id] * 4


def test_an_ask_is_an_order_for_no(floor, hub):
    listener = subscribed(hub, "user_orders")
    floor.place(floor.account("alice"), "ask", "0.40", "1")
    msg = listener.taken()[0]["msg"]
    assert (msg["is_yes"], msg["side"], msg["outcome_side"], msg["book_side"]) == (False, "no", "no", "ask")
    assert msg["yes_price_dollars"] == "0.4000"


def test_an_expiry_is_told_when_it_is_due_and_stamped_with_that_moment(floor, hub):
    listener = subscribed(hub, "user_orders")
    floor.place(floor.account("alice"), "bid", "0.40", "1", expiration_time=NOW_US // 10**6 + 60)
    listener.taken()
    floor.clock.advance(65)
    floor.exchange.advance()
    msg = listener.taken()[0]["msg"]
    assert (msg["last_update_reason"], msg["last_updated_ts_ms"]) == ("ExpiryCancel", NOW_US // 1_000 + 60_000)


def test_a_position_is_told_with_cost_profit_fees_and_volume(floor, hub):
    listener = subscribed(hub, "market_positions", account="alice")
    trade_between(floor, count="10", price="0.40")
    trade_between(floor, count="4", maker="bob", taker="alice", price="0.50")
    first, second = listener.taken()
    position = floor.account("alice").position((0, "A"))
    assert first["msg"]["position_fp"] == "10.00"
    assert second["msg"] == {
        "user_id": floor.account("alice").user_id,
        "market_ticker": "A",
        "position_fp": "6.00",
        "position_cost_dollars": "2.400000",
        "realized_pnl_dollars": "0.400000",
        "fees_paid_dollars": f"0.{position.fees:06d}",
        "position_fee_cost_dollars": f"0.{position.fees:06d}",
        "volume_fp": "14.00",
        "subaccount": 0,
    }
    assert parsed(second).msg.realized_pnl


def test_order_groups_say_what_happened_with_the_limit_where_it_was_set(floor, hub):
    listener = subscribed(hub, "order_group_updates")
    group = groups.create(floor.exchange, floor.account("alice"), 1_000)
    groups.set_limit(floor.exchange, group, 1_500)
    groups.trigger(floor.exchange, group)
    groups.reset(floor.exchange, group)
    groups.delete(floor.exchange, group)
    frames = listener.taken()
    assert [(f["seq"], f["msg"]["event_type"], f["msg"].get("contracts_limit_fp")) for f in frames] == [
        (1, "created", "10.00"),
        (2, "limit_updated", "15.00"),
        (3, "triggered", None),
        (4, "reset", None),
        (5, "deleted", None),
    ]
    assert {parsed(frame).msg.order_group_id for frame in frames} == {group.group_id}


@pytest.mark.parametrize("subaccount", [None, 0, 3])
def test_private_messages_reach_their_account_and_subaccount_only(floor, hub, subaccount):
    """Catches a key bound to a subaccount that hears of another one, and members who hear of each other."""
    listener = subscribed(hub, *PRIVATE, subaccount=subaccount)
    stranger = subscribed(hub, *PRIVATE, account="bob", subaccount=3)
    trade_between(floor)
    floor.place(floor.account("alice"), "bid", "0.40", "5", subaccount=3)
    floor.place(floor.account("bob"), "ask", "0.40", "5")
    for number in (0, 3):
        groups.create(floor.exchange, floor.account("alice"), 1_000, subaccount=number)
    frames = listener.taken()
    seen = {frame["msg"].get("subaccount", frame["msg"].get("subaccount_number")) for frame in frames}
    assert {frame["type"] for frame in frames} == {"fill", "user_order", "market_position", "order_group_updates"}
    assert seen - {None} == ({0, 3} if subaccount is None else {subaccount})
    assert sum(frame["type"] == "order_group_updates" for frame in frames) == (2 if subaccount is None else 1)
    assert stranger.taken() == []


def test_the_life_of_a_market_is_told_with_the_keys_of_each_kind(floor, hub):
    """Every message has the keys of its kind and no others; the filter by market is not understood here."""
    listener = subscribed(hub, "market_lifecycle_v2", market_ticker="B")
    exchange, second = floor.exchange, NOW_US // 1_000_000
    create_c(exchange)
    listener.taken()
    lifecycle.pause_market(exchange, "C")
    lifecycle.resume_market(exchange, "C")
    lifecycle.set_structure(exchange, "C", PriceStructure.DECI_CENT)
    lifecycle.move_close(exchange, "C", NOW_US + 60_000_000)
    lifecycle.determine(exchange, "C", "yes")
    floor.clock.advance(90)
    exchange.advance()
    frames = listener.taken()
    about = {"market_ticker": "C"}
    ranges = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
    assert [frame["msg"] for frame in frames] == [
        about | {"event_type": "deactivated", "is_deactivated": True},
        about | {"event_type": "activated", "is_deactivated": False},
        about
        | {
            "event_type": "price_level_structure_updated",
            "price_level_structure": "deci_cent",
            "price_ranges": ranges,
        },
        about | {"event_type": "close_date_updated", "close_ts": second + 60},
        about | {"event_type": "close_date_updated", "close_ts": second},
        about | {"event_type": "determined", "result": "yes", "settlement_value": "1.0000", "determination_ts": second},
        about | {"event_type": "settled", "settled_ts": second + 60},
    ]
    assert [parsed(frame).seq for frame in frames] == [2, 3, 4, 5, 6, 7, 8]


def test_a_settlement_tells_the_positions_that_it_pays_out(floor, hub):
    listener = subscribed(hub, "market_positions")
    exchange = floor.exchange
    create_c(exchange)
    trade_between(floor, ticker="C")
    lifecycle.determine(exchange, "C", "yes")
    floor.clock.advance(90)
    exchange.advance()
    opened, settled = listener.taken()
    assert (opened["msg"]["position_fp"], settled["msg"]["position_fp"]) == ("5.00", "0.00")
    assert settled["msg"]["realized_pnl_dollars"] == "3.000000"


def test_a_new_market_is_told_whole_and_its_event_with_the_first_of_its_markets(floor, hub):
    listener = subscribed(hub, "market_lifecycle_v2")
    exchange = floor.exchange
    exchange.events["F"] = replace(exchange.events["E"], ticker="F")
    for ticker in ("C", "D"):
        made = replace(exchange.markets["A"].market, ticker=ticker, event_ticker="F", floor_strike=7)
        lifecycle.create_market(exchange, made)
    frames = listener.taken()
    assert [frame["type"] for frame in frames] == ["event_lifecycle", "market_lifecycle_v2", "market_lifecycle_v2"]
    assert frames[0]["msg"] == {
        "event_ticker": "F",
        "exchange_index": 0,
        "title": "e",
        "subtitle": "e",
        "collateral_return_type": "",
        "series_ticker": "S",
    }
    market = parsed(frames[1]).msg
    assert (market.market_ticker, market.exchange_index, market.price_level_structure) == ("C", 0, "linear_cent")
    assert market.additional_metadata["event_ticker"] == "F"
    assert market.additional_metadata["floor_strike"] == 7
    assert (market.open_ts, market.close_ts) == (NOW_US // 10**6 - 86_400, NOW_US // 10**6 + 86_400)


def test_a_fee_override_is_told_when_it_is_set_and_both_null_when_it_is_gone(floor, hub):
    listener = subscribed(hub, "market_lifecycle_v2")
    lifecycle.set_event_fee(floor.exchange, "E", FeeType.QUADRATIC, 50)
    lifecycle.set_event_fee(floor.exchange, "E", None, None)
    frames = listener.taken()
    assert [frame["msg"] for frame in frames] == [
        {"event_ticker": "E", "fee_type_override": "quadratic", "fee_multiplier_override": 0.5},
        {"event_ticker": "E", "fee_type_override": None, "fee_multiplier_override": None},
    ]
    assert [parsed(frame).type for frame in frames] == ["event_fee_update"] * 2


def test_without_listeners_and_with_a_closed_one_nothing_is_kept(floor, hub):
    """Catches a connection that goes on collecting messages after it has gone, and a hub that listens for nobody."""
    listener = subscribed(hub, "trade", "ticker", *PRIVATE)
    hub.close(listener.session)
    hub.close(listener.session)
    trade_between(floor)
    assert listener.session.take() is None
    assert floor.exchange.listeners == []
    floor.exchange.tell(EventFeeChanged("E", NOW_US))
