"""Any sequence of operations, checked after each one against what must hold of an exchange."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.practice.support import FOK, GTC, IOC, ONE_DOLLAR, Floor, raw_order

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, SelfTradePrevention, Side
from pretrade.model.units import Count, Price
from pretrade.practice.errors import ExchangeError
from pretrade.practice.instruments import ONE
from pretrade.practice.records import Order, OrderStatus

CASH = 40
NAMES = ("ann", "bob", "cyd")
WHO = st.sampled_from(NAMES)
SIDE = st.sampled_from(Side)
TICKS = st.sampled_from([100, 300, 4_800, 4_900, 5_000, 5_100, 5_200, 9_700, 9_900])
COUNTS = st.sampled_from([1, 50, 100, 250, 1_000, 3_000])
PICK = st.integers(0, 40)


class ExchangeMachine(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.floor = Floor()
        self.exchange = self.floor.exchange
        self.accounts = {name: self.floor.account(name, CASH) for name in NAMES}
        self.arrivals: dict[str, int] = {}
        self.arrival = 0

    def _arrived(self, order: Order):
        self.arrival += 1
        self.arrivals[order.order_id] = self.arrival

    def _resting(self):
        return [o for o in self.exchange.orders.values() if o.status is OrderStatus.RESTING]

    def _pick(self, who, number):
        mine = [o for o in self._resting() if o.account == who]
        return mine[number % len(mine)] if mine else None

    def _expected_fills(self, who, side, price, count, stp, without=None):
        """Price-time priority said a second time, by sorting."""
        sign = 1 if side is Side.BID else -1
        facing = [o for o in self._resting() if o.side is not side and o.order_id != without]
        facing = [o for o in facing if sign * o.price <= sign * price]
        facing.sort(key=lambda o: (sign * o.price, self.arrivals[o.order_id]))
        expected = []
        for maker in facing:
            if count == 0 or (maker.account == who and stp is SelfTradePrevention.TAKER_AT_CROSS):
                break
            if maker.account != who:
                take = min(count, maker.remaining)
                expected.append((maker.order_id, maker.price, take))
                count -= take
        return expected

    def _maker_side_of(self, first_fill):
        return [(f.order_id, f.price, f.count) for f in self.exchange.fills[first_fill:] if not f.is_taker]

    @rule(
        who=WHO,
        side=SIDE,
        price=TICKS,
        count=COUNTS,
        tif=st.sampled_from([GTC, GTC, IOC, FOK]),
        stp=st.sampled_from(SelfTradePrevention),
        sub=st.sampled_from([None, 0, 3]),
        post_only=st.booleans(),
        reduce_only=st.booleans(),
    )
    def create(self, who, side, price, count, tif, stp, sub, post_only, reduce_only):
        new = raw_order(price, count, side, subaccount=sub, post_only=post_only and tif is GTC)
        new = replace(new, time_in_force=tif, self_trade_prevention_type=stp, reduce_only=reduce_only and tif is IOC)
        position = self.accounts[who].count_of((sub or 0, "A"))
        effective = min(count, max(0, -position if side is Side.BID else position)) if new.reduce_only else count
        expected = self._expected_fills(who, side, price, effective, stp)
        first_fill = len(self.exchange.fills)
        with suppress(ExchangeError):
            result = self.exchange.create(self.accounts[who], new)
            self._arrived(result.order)
            assert self._maker_side_of(first_fill) == expected
            assert result.order.filled == sum(count for _, _, count in expected)

    @rule(who=WHO, number=PICK, price=TICKS, count=COUNTS)
    def amend(self, who, number, price, count):
        order = self._pick(who, number)
        if order is None:
            return
        keeps_place = price == order.price and count <= order.initial
        expected = self._expected_fills(who, order.side, price, count - order.filled, order.stp, order.order_id)
        first_fill = len(self.exchange.fills)
        change = AmendOrder(order.order_id, "A", order.side, Price(price), Count(count), subaccount=order.subaccount)
        with suppress(ExchangeError):
            self.exchange.amend(self.accounts[who], change)
            if not keeps_place:
                self._arrived(order)
            assert self._maker_side_of(first_fill) == ([] if keeps_place else expected)
            assert order.filled + order.remaining == count or order.status is not OrderStatus.RESTING

    @rule(who=WHO, number=PICK, by=COUNTS)
    def decrease(self, who, number, by):
        order = self._pick(who, number)
        if order is not None:
            change = DecreaseOrder(order.order_id, reduce_by=Count(by), subaccount=order.subaccount)
            self.exchange.decrease(self.accounts[who], change)

    @rule(who=WHO, number=PICK)
    def cancel(self, who, number):
        order = self._pick(who, number)
        if order is not None:
            self.exchange.cancel(self.accounts[who], CancelOrder(order.order_id, subaccount=order.subaccount))

    @rule(who=WHO, sub=st.sampled_from([None, 0, 3]))
    def cancel_all(self, who, sub):
        self.exchange.cancel_all(self.accounts[who], sub)

    @rule(who=WHO, number=PICK)
    def visitor(self, who, number):
        order = self._pick(who, number)
        if order is not None:
            self.exchange.fill_by_visitor(order.order_id, max(1, order.remaining // 2))

    @invariant()
    def no_money_appears_or_vanishes(self):
        everyone = self.exchange.accounts.values()
        put_in = sum(10**15 if a.name == "visitor" else CASH * ONE_DOLLAR for a in everyone)
        locked = self.exchange.open_interest("A") * ONE
        assert sum(a.cash for a in everyone) + locked + self.exchange.fees_collected == put_in

    @invariant()
    def nobody_owes_anything(self):
        for account in self.exchange.accounts.values():
            assert account.available() >= 0, account.name
            assert account.held() >= 0

    @invariant()
    def positions_are_the_sum_of_fills_and_of_each_other(self):
        summed: Counter[tuple[str, int]] = Counter()
        for fill in self.exchange.fills:
            summed[fill.account, fill.subaccount] += fill.count if fill.side is Side.BID else -fill.count
        held = {(a.name, sub): p.count for a in self.exchange.accounts.values() for (sub, _), p in a.positions.items()}
        assert {who: count for who, count in summed.items() if count} == {w: c for w, c in held.items() if c}
        assert sum(held.values()) == 0

    @invariant()
    def the_book_is_the_resting_orders_and_never_crossed(self):
        book = self.exchange.markets["A"].book
        on_book = {i for levels in (book.bids, book.asks) for level in levels.values() for i in level}
        assert on_book == {o.order_id for o in self._resting()}
        assert on_book == {i for a in self.exchange.accounts.values() for orders in a.resting.values() for i in orders}
        assert all(o.remaining > 0 for o in self._resting())
        best_bid, best_ask = book.best(Side.BID), book.best(Side.ASK)
        assert best_bid is None or best_ask is None or best_bid < best_ask


TestExchange = ExchangeMachine.TestCase
TestExchange.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
