"""Random trading on the practice exchange, checked against the oracle after each step.

The rules are here; what must hold of orders and books is here too. What must hold of money is added by subclasses. A
price is sometimes off the grid, an order sometimes unknown, a shard sometimes wrong: refusals are part of it.
"""

import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.practice.core.oracle import FOK, GTC, IOC, RESTING, Club, Oracle
from tests.practice.support import DAY_US, NOW_US, ONE_DOLLAR, FakeClock

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, NewOrder, SelfTradePrevention, Side
from pretrade.model.units import Count, Price
from pretrade.practice.core import groups, lifecycle
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.records import OrderStatus
from pretrade.practice.core.state import World
from pretrade.practice.core.transfers import open_subaccount

CASH = 15
NAMES = ("ann", "bob", "cyd")
SHARDS = {"A": 0, "B": 0, "C": 2}
CLOSES = {"A": NOW_US + DAY_US, "B": NOW_US + 600_000_000, "C": NOW_US + DAY_US}
STRUCTURES = (PriceStructure.LINEAR_CENT, PriceStructure.TAPERED_DECI_CENT, PriceStructure.DECI_CENT)

WHO = st.sampled_from(NAMES)
SIDE = st.sampled_from(Side)
TICKER = st.sampled_from(["A", "A", "A", "B", "C"])
PRICE = st.sampled_from([100, 300, 4_800, 4_900, 5_000, 5_000, 5_100, 5_200, 9_700, 9_900, 4_900, 5_100, 4_850, 15])
AWAY = st.sampled_from([-300, -200, -100, 0, 100, 200, 300])
COUNT = st.sampled_from([1, 50, 100, 250, 1_000, 3_000, 9_000])
SUB = st.sampled_from([None, 0, 0, 3])
INDEX = st.sampled_from([None] * 6 + [-1, 0, 2])
STP = st.sampled_from(SelfTradePrevention)
PICK = st.integers(0, 40)
SECONDS = st.sampled_from([1, 5, 14, 15, 16, 60, 400])


class ExchangeMachine(RuleBasedStateMachine):
    @initialize()
    def open(self):
        markets = [
            Market(t, "E", t, t, NOW_US - DAY_US, CLOSES[t], 5_000, None, STRUCTURES[0], exchange_index=SHARDS[t])
            for t in SHARDS
        ]
        world = World((Series("S", "s", "Tests", "custom"),), (Event("E", "S", "e", "e"),), tuple(markets))
        self.clock = FakeClock()
        self.exchange = Exchange(world, self.clock, random.Random(7))
        self.accounts = {name: self._open_account(name) for name in NAMES}
        self.oracle = Oracle(SHARDS, lambda ticker, price: self.exchange.markets[ticker].market.on_grid(price))
        self.oracle.now = NOW_US
        for name in NAMES:
            self.make_group(name, 0, 0, 300)
        for number, (side, away) in enumerate((s, n) for n in (200, 100, 100, 300) for s in Side):
            price = Price(5_000 - away if side is Side.BID else 5_000 + away)
            for ticker in SHARDS:
                who, group = NAMES[number % 3], self._group(NAMES[number % 3], 0, 1) if ticker == "A" else None
                stp = SelfTradePrevention.TAKER_AT_CROSS
                self._create(
                    who, NewOrder(ticker, side, Count(100 + 50 * number), price, GTC, stp, order_group_id=group)
                )

    def _open_account(self, name):
        account = self.exchange.open_account(name, CASH * ONE_DOLLAR)
        open_subaccount(self.exchange, account, 3)
        for sub, shard in ((0, 2), (3, 0), (3, 2)):
            account.deposit(sub, shard, CASH * ONE_DOLLAR)
        return account

    @contextmanager
    def refusing(self, expected, also=()):
        """The operation inside is refused with the expected code, or not at all for None; a refusal leaves no trace."""
        before = picture(self.exchange)
        try:
            yield
        except ExchangeError as error:
            assert error.code == expected or error.code in also, (error, expected)
            assert picture(self.exchange) == before, "a refusal left a trace"
        else:
            assert expected is None, f"{expected} was expected"

    def _pick(self, number, *, resting=True):
        """An order by number, with the account that owns it."""
        found = [(i, k) for i, k in self.oracle.orders.items() if k.status == RESTING or not resting]
        return found[number % len(found)] if found else (None, None)

    def _group(self, who, sub, number):
        """No group, mostly, or one of the account's own; sometimes one that it may not use."""
        own = [i for i, club in self.oracle.groups.items() if (club.who, club.sub) == (who, sub or 0)]
        ids = [None, *own, None, *own, None, *self.oracle.groups, None, "unknown"]
        return ids[number % len(ids)]

    def _create(self, who, new):
        expected = self.oracle.refuses_create(who, new)
        also = ("insufficient_balance",) if expected in self.oracle.LATE else ()
        first = len(self.exchange.fills)
        with self.refusing(expected, also):
            result = self.exchange.create(self.accounts[who], new)
            trades = self.oracle.create(result.order.order_id, who, new)
            self._same_fills(first, trades, result)

    def _same_fills(self, first, trades, result):
        made = self.exchange.fills[first:]
        assert [(f.order_id, f.price, f.count) for f in made if not f.is_taker] == trades, "price-time priority"
        assert result.fills == tuple(f for f in made if f.is_taker), "a result carries its own fills"

    @rule(
        who=WHO, ticker=TICKER, side=SIDE, price=PRICE, count=COUNT, tif=st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
        stp=STP, sub=SUB, flag=st.sampled_from(["", "", "", "post_only", "reduce_only", "expires", "on_pause"]),
        index=INDEX, name=st.sampled_from([None, None, None, "x", "y", "z"]), group=PICK, seconds=SECONDS,
    )  # fmt: skip
    def create(self, who, ticker, side, price, count, tif, stp, sub, flag, index, name, group, seconds):
        new = NewOrder(
            ticker, side, Count(count), Price(price), IOC if flag == "reduce_only" else tif, stp,
            client_order_id=name,
            expiration_time=self.clock() // 1_000_000 + seconds if flag == "expires" and tif is GTC else None,
            post_only=flag == "post_only" and tif is GTC,
            reduce_only=flag == "reduce_only",
            cancel_order_on_pause=flag == "on_pause",
            subaccount=sub, order_group_id=self._group(who, sub, group), exchange_index=index,
        )  # fmt: skip
        self._create(who, new)

    @rule(
        who=WHO,
        ticker=TICKER,
        side=SIDE,
        count=COUNT,
        tif=st.sampled_from([GTC, IOC, FOK]),
        stp=STP,
        sub=SUB,
        group=PICK,
    )
    def trade(self, who, ticker, side, count, tif, stp, sub, group):
        """An order that is willing to trade with all there is."""
        price = Price(5_300 if side is Side.BID else 4_700)
        self._create(
            who,
            NewOrder(
                ticker, side, Count(count), price, tif, stp, subaccount=sub, order_group_id=self._group(who, sub, group)
            ),
        )

    @rule(
        who=WHO,
        ticker=TICKER,
        side=SIDE,
        away=st.sampled_from([100, 200]),
        count=COUNT,
        sub=SUB,
        group=PICK,
        seconds=SECONDS,
    )
    def quote(self, who, ticker, side, away, count, sub, group, seconds):
        """An order near the middle that expires."""
        price = Price(5_000 - away if side is Side.BID else 5_000 + away)
        until = self.clock() // 1_000_000 + seconds
        stp = SelfTradePrevention.MAKER
        new = NewOrder(
            ticker,
            side,
            Count(count),
            price,
            GTC,
            stp,
            None,
            until,
            subaccount=sub,
            order_group_id=self._group(who, sub, group),
        )
        self._create(who, new)

    @rule(
        orders=st.lists(st.tuples(WHO, SIDE, AWAY, COUNT, st.sampled_from([GTC, GTC, IOC]), STP, SUB, PICK), max_size=8)
    )
    def flurry(self, orders):
        """Many orders around the middle, so that there is much to match."""
        for who, side, away, count, tif, stp, sub, group in orders:
            price = Price(5_000 + away)
            new = NewOrder(
                "A", side, Count(count), price, tif, stp, subaccount=sub, order_group_id=self._group(who, sub, group)
            )
            self._create(who, new)

    @rule(who=WHO, side=SIDE, counts=st.lists(COUNT, min_size=2, max_size=3), price=PRICE)
    def reduce_in_a_batch(self, who, side, counts, price):
        key = (0, "A")
        before = self.accounts[who].count_of(key)
        for count in counts:
            self._create(
                who, NewOrder("A", side, Count(count), Price(price), IOC, SelfTradePrevention.MAKER, reduce_only=True)
            )
        after = self.accounts[who].count_of(key)
        assert before * after >= 0 and abs(after) <= abs(before), "reduce-only never flips"

    @rule(number=PICK, price=PRICE, count=COUNT, wrong=st.sampled_from([None] * 6 + ["ticker", "side", "sub", "index"]),
          expires=st.sampled_from([None, None, 0, 30]), same=st.booleans())  # fmt: skip
    def amend(self, number, price, count, wrong, expires, same):
        order_id, known = self._pick(number, resting=number < 30)
        if known is None:
            return
        ticker = known.new.ticker
        change = AmendOrder(
            order_id, "B" if wrong == "ticker" and ticker != "B" else ticker,
            known.new.side if wrong != "side" else next(s for s in Side if s is not known.new.side),
            Price(known.price if same else price), Count(count),
            expiration_time=expires and self.clock() // 1_000_000 + expires,
            subaccount=known.sub if wrong != "sub" else 7, exchange_index=None if wrong != "index" else 5,
        )  # fmt: skip
        expected = self.oracle.refuses_amend(known.who, change)
        also = ("insufficient_balance",) if expected in self.oracle.LATE else ()
        first = len(self.exchange.fills)
        with self.refusing(expected, also):
            result = self.exchange.amend(self.accounts[known.who], change)
            self._same_fills(first, self.oracle.amend(known.who, change), result)

    @rule(number=PICK, by=COUNT, to=st.booleans(), named=st.booleans(), index=INDEX)
    def decrease(self, number, by, to, named, index):
        order_id, known = self._pick(number, resting=number < 30)
        if known is None:
            return
        route = {"market_ticker": known.new.ticker if named else None, "exchange_index": index, "subaccount": known.sub}
        change = DecreaseOrder(order_id, **{"reduce_to" if to else "reduce_by": Count(by)}, **route)
        expected = self.oracle.refuses_exit(known.who, change)
        if expected is None and to and by > known.left:
            expected = "invalid_order_size"
        with self.refusing(expected):
            self.exchange.decrease(self.accounts[known.who], change)
            assert self.oracle.decrease(change)

    @rule(number=PICK, by=COUNT)
    def shrink_and_grow(self, number, by):
        """Smaller by a decrease, then larger again by an amend at the same price: the place in the queue is lost."""
        _, known = self._pick(number % 30)
        if known is not None and known.left > 1:
            self.decrease(number % 30, known.left // 2, to=True, named=True, index=None)
            self.amend(number % 30, known.price, known.filled + known.left + by, None, None, same=True)

    @rule(number=PICK, who=WHO, owner=st.booleans(), named=st.booleans(), index=INDEX, sub=SUB)
    def cancel(self, number, who, owner, named, index, sub):
        order_id, known = self._pick(number, resting=number < 30)
        if known is None:
            return
        who, sub = (known.who, known.sub) if owner else (who, sub)
        which = CancelOrder(order_id, index, known.new.ticker if named else None, sub)
        left = known.left
        with self.refusing(self.oracle.refuses_exit(who, which)):
            assert self.exchange.cancel(self.accounts[who], which).reduced_by == left
            self.oracle.end(known, "")

    @rule(who=WHO, sub=SUB)
    def cancel_all(self, who, sub):
        with self.refusing(self.oracle.halted(None, ("exchange",))):
            self.exchange.cancel_all(self.accounts[who], sub)
            for known in self.oracle.resting(who=who):
                shard = SHARDS[known.new.ticker]
                if sub in {None, known.sub} and not self.oracle.halted(shard, ("exchange",)):
                    self.oracle.end(known, "")

    @rule(number=PICK, all_of_it=st.booleans())
    def visitor(self, number, all_of_it):
        order_id, known = self._pick(number)
        if known is None:
            return
        shard = SHARDS[known.new.ticker]
        expected = self.oracle.halted(shard) or ("MARKET_NOT_ACTIVE" if known.new.ticker in self.oracle.shut else None)
        count = known.left if all_of_it else max(1, known.left // 2)
        with self.refusing(expected):
            self.exchange.fill_by_visitor(order_id, None if all_of_it else count)
            self.oracle.fill(known, count)
            known.status = known.status if known.left else "executed"
            self.oracle.match(known, count)

    @rule(seconds=SECONDS, noticed=st.booleans())
    def wait(self, seconds, noticed):
        """Time passes; sometimes nobody asks anything of the exchange until much later."""
        self.clock.advance(seconds)
        if noticed:
            self.exchange.advance()
            self.oracle.pass_time(self.clock(), CLOSES)

    @precondition(lambda self: not self.oracle.off and len(self.exchange.orders) % 4 == 0)
    @rule(what=st.sampled_from(["trading", "exchange"]), shard=st.sampled_from([None, 0, 2]))
    def pause(self, what, shard):
        self._settle_time()
        self.exchange.pause(trading=what != "trading", exchange=what != "exchange", shard=shard)
        self.oracle.off -= {("trading", shard), ("exchange", shard)}
        self.oracle.off.add((what, shard))
        for known in self.oracle.resting():
            if known.new.cancel_order_on_pause and shard in {None, SHARDS[known.new.ticker]}:
                self.oracle.end(known, "HaltCancel")

    @precondition(lambda self: self.oracle.off)
    @rule()
    def resume(self):
        self._settle_time()
        for shard in (None, 0, 2):
            self.exchange.pause(trading=True, exchange=True, shard=shard)
        self.oracle.off.clear()

    @rule(structure=st.sampled_from(STRUCTURES))
    def change_the_grid(self, structure):
        """Orders that rest off the new grid stay; only what comes is checked."""
        lifecycle.set_structure(self.exchange, "A", structure)

    @precondition(lambda self: "A" not in self.oracle.shut and len(self.exchange.orders) % 4 == 0)
    @rule()
    def pause_market(self):
        self._settle_time()
        lifecycle.pause_market(self.exchange, "A")
        self.oracle.shut["A"] = "paused"

    @precondition(lambda self: self.oracle.shut.get("A") == "paused")
    @rule()
    def resume_market(self):
        lifecycle.resume_market(self.exchange, "A")
        del self.oracle.shut["A"]
        for known in self.oracle.resting():
            if known.new.ticker == "A":
                self.oracle.end(known, "HaltCancel")

    @precondition(lambda self: "C" not in self.oracle.shut and len(self.exchange.orders) % 8 == 0)
    @rule(result=st.sampled_from(["yes", "no"]))
    def settle_market(self, result):
        self._settle_time()
        lifecycle.determine(self.exchange, "C", result)
        self.exchange.advance()
        self.oracle.close("C")
        self.oracle.positions = {key: n for key, n in self.oracle.positions.items() if key[2] != "C"}

    @rule(who=WHO, sub=st.sampled_from([0, 3]), shard=st.sampled_from([0, 2]), limit=st.sampled_from([100, 300, 5_000]))
    def make_group(self, who, sub, shard, limit):
        with self.refusing(self.oracle.halted(shard, ("exchange",))):
            made = groups.create(self.exchange, self.accounts[who], limit, subaccount=sub, shard=shard)
            self.oracle.groups[made.group_id] = Club(who, sub, shard, limit)

    @rule(
        number=PICK, what=st.sampled_from(["trigger", "reset", "delete", "limit"]), limit=st.sampled_from([100, 1_000])
    )
    def change_group(self, number, what, limit):
        ids = list(self.oracle.groups)
        if not ids:
            return
        group_id = ids[number % len(ids)]
        club = self.oracle.groups[group_id]
        group = groups.find(self.exchange, self.accounts[club.who], group_id, club.sub, club.shard)
        with self.refusing(self.oracle.halted(club.shard, ("exchange",))):
            self._change_group(group, group_id, club, what, limit)

    def _change_group(self, group, group_id, club, what, limit):
        if what == "trigger":
            groups.trigger(self.exchange, group)
            self.oracle.trigger(group_id)
        elif what == "reset":
            groups.reset(self.exchange, group)
            club.open, club.matched = True, []
        elif what == "delete":
            groups.delete(self.exchange, group)
            self.oracle.disband(group_id)
            del self.oracle.groups[group_id]
        else:
            groups.set_limit(self.exchange, group, limit)
            club.limit = limit
            self.oracle.judge(group_id)

    def _settle_time(self):
        self.exchange.advance()
        self.oracle.pass_time(self.clock(), CLOSES)

    @invariant()
    def orders_are_as_the_oracle_tells(self):
        self._settle_time()
        for order_id, known in self.oracle.orders.items():
            order = self.exchange.orders[order_id]
            seen = (order.status.value, order.filled, order.remaining, order.price, order.reason)
            assert seen == (
                known.status,
                known.filled,
                known.left,
                known.price,
                known.reason or order.reason * (not known.left),
            ), order

    @invariant()
    def books_are_their_orders_in_price_time_priority(self):
        for ticker, market in self.exchange.markets.items():
            for side in Side:
                queue = self.oracle.queue(ticker, side)
                book = market.book
                assert list(book.orders(side)) == [self.exchange.orders[self.oracle.id_of(k)] for k in queue]
                totals = Counter()
                for known in queue:
                    totals[known.price] += known.left
                assert book.depth(side) == list(totals.items())
                ahead = 0
                for known in queue:
                    assert book.ahead_of(self.exchange.orders[self.oracle.id_of(known)]) == ahead
                    ahead += known.left
            bid, ask = book.best(Side.BID), book.best(Side.ASK)
            assert bid is None or ask is None or bid < ask, "a book never stays crossed"

    @invariant()
    def what_rests_is_known_everywhere_and_nothing_else_is(self):
        resting = {i for i, o in self.exchange.orders.items() if o.status is OrderStatus.RESTING}
        accounts = self.exchange.accounts.values()
        on_books = [o.order_id for m in self.exchange.markets.values() for side in Side for o in m.book.orders(side)]
        assert sorted(on_books) == sorted(resting)
        assert sorted(i for a in accounts for orders in a.resting.values() for i in orders) == sorted(resting)
        assert {i for a in accounts for i in a.orders} == set(self.exchange.orders)
        for per_account in self.exchange.groups.values():
            for group in per_account.values():
                assert set(group.orders) == {
                    i for i in resting if self.exchange.orders[i].order_group_id == group.group_id
                }
                assert not (group.triggered and group.orders)

    @invariant()
    def positions_are_the_sum_of_fills_and_of_each_other(self):
        summed, market_sums = Counter(), Counter()
        for fill in self.exchange.fills:
            if self.exchange.markets[fill.ticker].settled_us is not None:
                continue
            summed[fill.account, fill.subaccount, fill.ticker] += fill.count if fill.side is Side.BID else -fill.count
        held = {
            (a.name, sub, t): p.count for a in self.exchange.accounts.values() for (sub, t), p in a.positions.items()
        }
        assert {key: n for key, n in summed.items() if n} == {key: n for key, n in held.items() if n}
        for (_, _, ticker), count in held.items():
            market_sums[ticker] += count
        assert not any(market_sums.values())

    @invariant()
    def nobody_owes_anything(self):
        purses = [(a.name, key, p) for a in self.exchange.accounts.values() for key, p in a.purses.items()]
        assert all(purse.available >= 0 and purse.held >= 0 for _, _, purse in purses), purses

    @invariant()
    def every_record_is_in_its_account_and_its_market_too(self):
        exchange = self.exchange
        by_account = [f.fill_id for a in exchange.accounts.values() for f in a.fills]
        assert sorted(by_account) == sorted(f.fill_id for f in exchange.fills)
        assert sorted(t.trade_id for m in exchange.markets.values() for t in m.trades) == sorted(
            t.trade_id for t in exchange.trades
        )
        given = Counter((o.account, o.client_order_id) for o in exchange.orders.values() if o.client_order_id)
        assert not given or max(given.values()) == 1, "a client_order_id is never freed"


def picture(exchange):
    """All that an operation could have changed, as values, with what is due done first."""
    exchange.advance()
    accounts = {
        a.name: (
            {key: replace(purse) for key, purse in a.purses.items() if purse.cash or purse.held},
            {key: replace(position) for key, position in a.positions.items()},
            {key: list(orders) for key, orders in a.resting.items()},
            set(a.client_order_ids),
            list(a.orders),
            len(a.fills),
        )
        for a in exchange.accounts.values()
    }
    markets = {
        t: (m.book.depth(Side.BID), m.book.depth(Side.ASK), m.last_price, m.volume, len(m.trades))
        for t, m in exchange.markets.items()
    }
    clubs = {
        i: (g.limit, g.triggered, list(g.matched), list(g.orders))
        for a in exchange.groups.values()
        for i, g in a.items()
    }
    orders = {i: replace(order) for i, order in exchange.orders.items()}
    rest = (len(exchange.fills), len(exchange.trades), exchange.fees_collected, exchange._rng.getstate())
    return accounts, markets, clubs, orders, rest
