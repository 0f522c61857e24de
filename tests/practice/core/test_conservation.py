"""Any sequence of trading, transfers and settlements, after each of which the books must balance to $0.000001."""

import random
from collections import Counter
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.practice.core.money import Books
from tests.practice.support import DAY_US, FOK, GTC, IOC, NOW_US, ONE_DOLLAR, FakeClock

from pretrade.model.markets import FeeType
from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, NewOrder, SelfTradePrevention, Side
from pretrade.model.units import Count, Price
from pretrade.practice.core import lifecycle, transfers
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.fees import CENT_STEP
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.records import OrderStatus
from pretrade.practice.core.state import World

PURSE = 15 * ONE_DOLLAR
NAMES = ("direct", "cents", "split")
TICKERS = ("WHOLE", "FINE", "FLAT")
WHO = st.sampled_from([("direct", 0), ("cents", 0), ("split", 0), ("split", 3)])
TICKER = st.sampled_from(TICKERS)
SIDE = st.sampled_from(Side)
PRICE = st.sampled_from([1, 7, 100, 333, 3_301, 4_800, 4_999, 5_000, 5_200, 5_500, 9_000, 9_900, 9_999])
COUNT = st.sampled_from([1, 3, 30, 50, 100, 250, 1_000, 2_500])
PICK = st.integers(0, 60)


def world() -> World:
    fine, cent = PriceStructure.CENTER_CENTI_EDGE_CENTI_CENT, PriceStructure.LINEAR_CENT
    rows = [("WHOLE", cent, 0), ("FINE", fine, 1), ("FLAT", cent, 0)]
    fees = {"WHOLE": FeeType.QUADRATIC, "FINE": FeeType.QUADRATIC_WITH_MAKER_FEES, "FLAT": FeeType.FLAT}
    return World(
        tuple(Series(f"S-{t}", t, "Tests", "custom", 150, fees[t]) for t, _, _ in rows),
        tuple(Event(f"E-{t}", f"S-{t}", t, t) for t, _, _ in rows),
        tuple(
            Market(
                t, f"E-{t}", t, t, NOW_US - DAY_US, NOW_US + DAY_US, 5_000, structure=structure, exchange_index=shard
            )
            for t, structure, shard in rows
        ),
    )


class MoneyMachine(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.clock = FakeClock()
        self.exchange = Exchange(world(), self.clock, random.Random(3))
        self.accounts = {name: self.exchange.open_account(name, PURSE) for name in NAMES}
        self.accounts["cents"].balance_step = CENT_STEP
        transfers.open_subaccount(self.exchange, self.accounts["split"], 3)
        self.put_in = 0
        for account in self.accounts.values():
            for subaccount in account.subaccounts:
                for shard in (0, 1):
                    account.deposit(subaccount, shard, PURSE - account.cash_of(subaccount, shard))
                    self.put_in += PURSE
        self.books = Books(self.exchange)
        self.moved = Counter()
        self.settled = Counter()

    def _pick(self, who, number):
        name, subaccount = who
        mine = [o for o in self.accounts[name].orders.values() if o.status is OrderStatus.RESTING]
        mine = [o for o in mine if o.subaccount == subaccount]
        return (self.accounts[name], mine[number % len(mine)]) if mine else (None, None)

    @rule(
        who=WHO,
        ticker=TICKER,
        side=SIDE,
        price=PRICE,
        count=COUNT,
        tif=st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
        stp=st.sampled_from(SelfTradePrevention),
    )
    def create(self, who, ticker, side, price, count, tif, stp):
        name, subaccount = who
        new = NewOrder(ticker, side, Count(count), Price(price), tif, stp, subaccount=subaccount)
        with suppress(ExchangeError):
            self.exchange.create(self.accounts[name], new)

    @rule(who=WHO, number=PICK, price=PRICE, count=COUNT)
    def amend(self, who, number, price, count):
        account, order = self._pick(who, number)
        if order is not None:
            change = AmendOrder(
                order.order_id, order.ticker, order.side, Price(price), Count(count), subaccount=order.subaccount
            )
            with suppress(ExchangeError):
                self.exchange.amend(account, change)

    @rule(who=WHO, number=PICK, by=COUNT)
    def decrease(self, who, number, by):
        account, order = self._pick(who, number)
        if order is not None:
            change = DecreaseOrder(
                order.order_id,
                reduce_by=Count(by),
                subaccount=order.subaccount,
                exchange_index=order.exchange_index,
            )
            with suppress(ExchangeError):
                self.exchange.decrease(account, change)

    @rule(who=WHO, number=PICK)
    def cancel(self, who, number):
        account, order = self._pick(who, number)
        if order is not None:
            where = {"subaccount": order.subaccount, "exchange_index": order.exchange_index}
            with suppress(ExchangeError):
                self.exchange.cancel(account, CancelOrder(order.order_id, **where))

    @rule(who=WHO, number=PICK, parts=st.integers(1, 4))
    def visitor(self, who, number, parts):
        _, order = self._pick(who, number)
        if order is not None:
            with suppress(ExchangeError):
                self.exchange.fill_by_visitor(order.order_id, max(1, order.remaining // parts))

    @rule(source=st.sampled_from([0, 3]), money=st.sampled_from([1, 10_000, 3_000_000]), shard=st.sampled_from([0, 1]))
    def between_subaccounts(self, source, money, shard):
        target = 3 - source
        account = self.accounts["split"]
        with suppress(ExchangeError):
            transfers.move_between_subaccounts(
                self.exchange, account, self.exchange.new_id(), source, target, money, shard
            )
            self.moved["split", source, shard] -= money
            self.moved["split", target, shard] += money

    @rule(who=WHO, source=st.sampled_from([0, 1]), money=st.sampled_from([1, 10_000, 3_000_000]))
    def between_shards(self, who, source, money):
        name, subaccount = who
        with suppress(ExchangeError):
            transfers.move_between_shards(
                self.exchange, self.accounts[name], "", source, 1 - source, money, source=subaccount, target=subaccount
            )
            self.moved[name, subaccount, source] -= money
            self.moved[name, subaccount, 1 - source] += money

    @rule(
        ticker=TICKER, fee_type=st.sampled_from([None, *FeeType]), multiplier=st.sampled_from([None, 0, 33, 100, 250])
    )
    def fee(self, ticker, fee_type, multiplier):
        lifecycle.set_event_fee(self.exchange, f"E-{ticker}", fee_type, multiplier)

    @rule(ticker=TICKER, structure=st.sampled_from(PriceStructure))
    def grid(self, ticker, structure):
        with suppress(ExchangeError):
            lifecycle.set_structure(self.exchange, ticker, structure)

    @rule(ticker=TICKER, on=st.booleans())
    def switch(self, ticker, on):
        with suppress(ExchangeError):
            (lifecycle.resume_market if on else lifecycle.pause_market)(self.exchange, ticker)

    @rule(
        ticker=TICKER,
        outcome=st.sampled_from([("yes", None), ("no", None), ("scalar", 5_970), ("scalar", 1), ("scalar", 10_000)]),
        sure=st.integers(0, 5),
    )
    def settle(self, ticker, outcome, sure):
        if sure:
            return
        with suppress(ExchangeError):
            outcome = lifecycle.determine(self.exchange, ticker, *outcome)
            with suppress(ExchangeError):
                lifecycle.settle(self.exchange, ticker)
            for (name, subaccount, market), trader in self.books.traders.items():
                if market == ticker and trader.yes:
                    # who has sold short pays for what it owes, and has its deposit back because it owes no more
                    self.settled[name, subaccount, market] += trader.yes * outcome.value
                    trader.yes = 0

    @invariant()
    def no_money_appears_or_vanishes(self):
        locked = sum(10_000 * m.open_interest for m in self.exchange.markets.values())
        cash = sum(account.cash for account in self.exchange.accounts.values())
        visitors = self.exchange.accounts.get("visitor")
        brought = sum(10**15 for purse in visitors.purses.values() if purse.cash) if visitors else 0
        assert cash + locked + self.exchange.fees_collected == self.put_in + brought

    @invariant()
    def every_purse_is_what_its_trades_left(self):
        """The cash of each purse, from deposits, transfers and fills alone; payouts lose less than a cent."""
        left = Counter()
        for (name, subaccount, ticker), trader in self.books.traders.items():
            shard = self.exchange.markets[ticker].market.exchange_index
            kept = sum(
                s.kept
                for s in self.exchange.accounts[name].settlements
                if (s.subaccount, s.ticker) == (subaccount, ticker)
            )
            assert kept < 10_000
            paid = self.settled[name, subaccount, ticker] - kept
            left[name, subaccount, shard] += trader.flow - trader.owed - trader.fees + paid
        for name, account in self.accounts.items():
            for (subaccount, shard), purse in account.purses.items():
                where = (name, subaccount, shard)
                assert purse.cash == PURSE + left[where] + self.moved[where], where

    @invariant()
    def nobody_owes_anything_and_holds_are_exact(self):
        for name, account in self.accounts.items():
            for (subaccount, shard), purse in account.purses.items():
                assert purse.held == self._naive_hold(name, subaccount, shard)
                assert 0 <= purse.held <= purse.cash

    def _naive_hold(self, name, subaccount, shard):
        """Collateral said a second time: contract by contract of 0.01, best-priced orders close first."""
        total = 0
        for ticker in TICKERS:
            mine = [
                o
                for o in self.accounts[name].orders.values()
                if o.status is OrderStatus.RESTING and (o.ticker, o.subaccount) == (ticker, subaccount)
            ]
            if self.exchange.markets[ticker].market.exchange_index != shard:
                continue
            yes = self.books.traders[name, subaccount, ticker].yes
            bids = sorted((o for o in mine if o.side is Side.BID), key=lambda o: -o.price)
            asks = sorted((o for o in mine if o.side is Side.ASK), key=lambda o: o.price)
            for orders, cover in ((bids, max(0, -yes)), (asks, max(0, yes))):
                free = cover
                for order in orders:
                    closing = min(free, order.remaining)
                    free -= closing
                    cost = order.price if order.side is Side.BID else 10_000 - order.price
                    total += (order.remaining - closing) * cost
            total += sum(o.fee_reserve for o in mine)
        return total

    @invariant()
    def positions_are_what_was_traded(self):
        sums = Counter()
        for name, account in self.exchange.accounts.items():
            for (subaccount, ticker), position in account.positions.items():
                sums[ticker] += position.count
                trader = self.books.traders[name, subaccount, ticker]
                assert position.count == trader.yes
                assert 0 <= position.cost <= 10_000 * abs(position.count)
                if self.exchange.markets[ticker].settled_us is None:
                    assert abs(position.cost - trader.cost) <= trader.closes
                    # what was realised is what came in, less the deposit, plus what is still in the position
                    assert position.realized == trader.flow - trader.owed + position.cost
                    assert position.fees == trader.fees
                else:
                    assert position.realized == trader.flow + self.settled[name, subaccount, ticker]
        assert not any(sums.values())

    @invariant()
    def balances_keep_their_precision(self):
        steps = {"cents": 10_000, "direct": 100, "split": 100}
        for name, account in self.accounts.items():
            for (subaccount, shard), purse in account.purses.items():
                if (name, subaccount) not in self.books.waived:
                    moved = self.moved[name, subaccount, shard]
                    assert (purse.cash - moved) % steps[name] == 0


TestMoney = MoneyMachine.TestCase
TestMoney.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
