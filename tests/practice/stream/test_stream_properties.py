"""Under random trading: who applies snapshots and deltas holds the exchange's book; what is told adds up to what is."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.practice.stream.kit import Listener, MirrorBook, book_as_shown, hub_of
from tests.practice.support import Floor

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, SelfTradePrevention
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.stream.faults import StreamFault, StreamFaultKind

NAMES = ("alice", "bob", "carol")
SEEDS = st.integers(0, 2**32)


class RandomTrading:
    """Orders, amends, decreases and cancels of three members in market A, at prices that often cross."""

    def __init__(self, floor, seed):
        self.floor = floor
        self.rng = random.Random(seed)
        for name in NAMES:
            floor.account(name)

    def step(self):
        rng, exchange = self.rng, self.floor.exchange
        account = exchange.accounts[rng.choice(NAMES)]
        resting = [order for orders in account.resting.values() for order in orders.values()]
        try:
            match rng.choice(("place",) * 5 + ("cancel", "decrease", "amend", "amend", "wait", "clear")):
                case "cancel" if resting:
                    exchange.cancel(account, CancelOrder(rng.choice(resting).order_id))
                case "decrease" if resting:
                    exchange.decrease(account, DecreaseOrder(rng.choice(resting).order_id, reduce_by=150))
                case "amend" if resting:
                    self._amend(account, rng.choice(resting))
                case "wait":
                    self.floor.clock.advance(rng.randrange(40))
                    exchange.advance()
                case "clear" if rng.random() < 0.1:
                    exchange.cancel_all(account, None)
                case _:
                    self._place(account)
        except ExchangeError:
            pass  # a refusal changes nothing, which is what is looked at here

    def _place(self, account):
        rng, now = self.rng, self.floor.clock() // 10**6
        more = {"expiration_time": now + rng.randrange(1, 60)} if rng.random() < 0.2 else {}
        stp = rng.choice((SelfTradePrevention.MAKER, SelfTradePrevention.TAKER_AT_CROSS))
        price = f"0.{rng.randrange(40, 60)}"
        count = f"{rng.randrange(1, 5)}.{rng.choice(('00', '50', '01'))}"
        self.floor.place(account, rng.choice(("bid", "ask")), price, count, self_trade_prevention_type=stp, **more)

    def _amend(self, account, order):
        price = self.rng.choice((order.price, self.rng.randrange(40, 60) * 100))
        count = order.filled + max(1, order.remaining + self.rng.randrange(-200, 200))
        self.floor.exchange.amend(account, AmendOrder(order.order_id, order.ticker, order.side, count, price))


@given(SEEDS, st.booleans())
def test_who_applies_snapshot_and_deltas_holds_exactly_the_exchanges_book(seed, use_yes_price):
    """Catches any change of a book that is not told, told twice, or told at the wrong level or side."""
    floor = Floor()
    trading = RandomTrading(floor, seed)
    for _ in range(10):
        trading.step()
    listener, book = Listener(hub_of(floor.exchange)), MirrorBook()
    for frame in listener.subscribe("orderbook_delta", market_ticker="A", use_yes_price=use_yes_price):
        book.read(frame)
    for _ in range(60):
        trading.step()
        for frame in listener.taken():
            book.read(frame)
        assert not book.is_lost
        assert book.levels == book_as_shown(floor.exchange, "A", use_yes_price=use_yes_price)


@given(SEEDS, st.booleans())
def test_after_a_gap_a_client_notices_and_a_snapshot_puts_it_right(seed, use_yes_price):
    """Catches a gap that cannot be seen, and a get_snapshot whose number or content does not mend it."""
    floor = Floor()
    trading = RandomTrading(floor, seed)
    listener, book = Listener(hub_of(floor.exchange)), MirrorBook()
    for frame in listener.subscribe("orderbook_delta", market_ticker="A", use_yes_price=use_yes_price):
        book.read(frame)
    for _ in range(3):
        listener.hub.faults.add(StreamFault(StreamFaultKind.GAP, "orderbook_delta"))
        for _ in range(500):
            trading.step()
            for frame in listener.taken():
                book.read(frame)
            if book.is_lost:
                break
        assert book.is_lost
        for frame in listener.send("update_subscription", sid=1, action="get_snapshot", market_tickers=["A"]):
            book.read(frame)
        for _ in range(10):
            assert not book.is_lost
            assert book.levels == book_as_shown(floor.exchange, "A", use_yes_price=use_yes_price)
            trading.step()
            for frame in listener.taken():
                book.read(frame)


@given(SEEDS)
def test_fills_orders_and_positions_that_are_told_add_up_to_the_accounts(seed):
    """Catches a fill told to the wrong side, with a wrong sign or twice, and an end of an order that nobody heard."""
    floor = Floor()
    trading = RandomTrading(floor, seed)
    channels = ("fill", "user_orders", "market_positions", "trade")
    listeners = {name: Listener(hub_of(floor.exchange), name) for name in NAMES}
    for listener in listeners.values():
        listener.subscribe(*channels)
    for _ in range(60):
        trading.step()
    traded = {}
    for name, listener in listeners.items():
        frames = listener.taken()
        account = floor.exchange.accounts[name]
        told = {
            kind: [frame["msg"] for frame in frames if frame["type"] == kind]
            for kind in ("fill", "user_order", "market_position", "trade")
        }
        signed = sum(Decimal(f["count_fp"]) * (1 if f["book_side"] == "bid" else -1) for f in told["fill"])
        assert signed * 100 == account.count_of((0, "A"))
        assert [f["trade_id"] for f in told["fill"]] == [fill.trade_id for fill in account.fills]
        fees = sum((Decimal(f["fee_cost"]) for f in told["fill"]), Decimal(0))
        assert fees * 10**6 == account.position((0, "A")).fees
        last = {o["order_id"]: (o["status"], o["remaining_count_fp"], o["fill_count_fp"]) for o in told["user_order"]}
        assert last == {
            order.order_id: (str(order.status), f"{order.remaining / 100:.2f}", f"{order.filled / 100:.2f}")
            for order in account.orders.values()
        }
        if told["market_position"]:
            assert Decimal(told["market_position"][-1]["position_fp"]) * 100 == account.count_of((0, "A"))
        traded[name] = [t["trade_id"] for t in told["trade"]]
    assert traded["alice"] == traded["bob"] == [trade.trade_id for trade in floor.exchange.trades]


@pytest.mark.parametrize("bound", [0, 3])
def test_a_key_of_one_subaccount_hears_exactly_that_subaccounts_share(bound):
    """Catches a private message of another subaccount in any channel, over a whole session of trading."""
    floor = Floor()
    trading = RandomTrading(floor, 11)
    exchange = floor.exchange
    exchange.accounts["alice"].subaccounts.add(3)
    exchange.accounts["alice"].deposit(3, 0, 10**9, floor.clock())
    listener = Listener(hub_of(exchange), "alice", bound)
    listener.subscribe("fill", "user_orders", "market_positions")
    listener.subscribe("orderbook_delta", market_ticker="A")
    for number in range(300):
        floor.place(exchange.accounts["alice"], "bid", "0.5", "1", subaccount=3 * (number % 2))
        trading.step()
    frames = listener.taken()
    mine = {order.order_id for order in exchange.accounts["alice"].orders.values() if order.subaccount == bound}
    fills = [fill for fill in exchange.accounts["alice"].fills if fill.subaccount == bound]
    assert {f["msg"]["order_id"] for f in frames if f["type"] == "user_order"} == mine
    assert [f["msg"]["trade_id"] for f in frames if f["type"] == "fill"] == [fill.trade_id for fill in fills]
    assert {f["msg"]["subaccount"] for f in frames if "subaccount" in f["msg"]} == {bound}
