"""What changes the exchange: create, amend, decrease, cancel, expiry, pauses, and the settlement of each fill.

Rule of this file: every operation first checks (through `admission`), then changes; a refusal leaves no trace. No I/O.
"""

from dataclasses import dataclass

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, NewOrder, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice import admission
from pretrade.practice.accounts import Account, leg_price
from pretrade.practice.book import plan
from pretrade.practice.errors import ExchangeError, not_found
from pretrade.practice.fees import taker_fee
from pretrade.practice.records import Fill, Order, OrderStatus, Trade
from pretrade.practice.state import MarketStatus, State

_VISITOR_CASH = 10**15


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation did to one order: its own fills in it, and what a cancel or decrease took away."""

    order: Order
    at_us: int
    fills: tuple[Fill, ...] = ()
    reduced_by: int = 0


class Exchange(State):
    """The exchange's operations. All raise ExchangeError with the wire's code and then have changed nothing."""

    def create(self, account: Account, new: NewOrder) -> Result:
        """Admit one order and match it; what remains rests if it is good till canceled, and is canceled otherwise."""
        self.sweep()
        subaccount = new.subaccount or 0
        admission.require_this_shard(new.exchange_index)
        market = admission.open_market(self, new.ticker)
        admission.require_size(market.market, new.price, new.count)
        admission.require_flags(new, self.clock())
        admission.require_new_id(account, new.client_order_id)
        if new.order_group_id is not None:
            raise ExchangeError(404, "order_group_not_found")
        order = self._draft(account, new, admission.allowed_count(account, new, subaccount))
        admission.require_money(self, account, order)
        admission.require_no_cross(market.book, order)
        admission.require_fillable(market.book, order)
        account.remember(order.client_order_id)
        self.orders[order.order_id] = order
        return self._enter(account, order)

    def amend(self, account: Account, change: AmendOrder) -> Result:
        """Change a resting order. A lower total or another expiry at the same price keeps its place in the queue;
        anything else takes it out and lets it in again, where it may match at once."""
        self.sweep()
        admission.require_this_shard(change.exchange_index)
        order = self._resting(account, change.order_id, change.subaccount or 0)
        wanted = admission.amended(self, account, order, change)
        book = self.markets[order.ticker].book
        admission.require_money(self, account, wanted)
        admission.require_no_cross(book, wanted)
        in_place = wanted.price == order.price and wanted.initial <= order.initial
        if not in_place:
            self._leave(account, order)
        order.price, order.initial, order.remaining = wanted.price, wanted.initial, wanted.remaining
        order.client_order_id, order.expiration_time = wanted.client_order_id, wanted.expiration_time
        order.updated_us, order.reason = self.clock(), "Amend"
        account.remember(order.client_order_id)
        if in_place:
            self._watch_expiry(order)
            return Result(order, order.updated_us)
        return self._enter(account, order)

    def decrease(self, account: Account, change: DecreaseOrder) -> Result:
        """Make the resting remainder smaller; nothing left means canceled (orders.md 5)."""
        self.sweep()
        order = self._reachable(account, change)
        if change.reduce_to is not None:
            target = int(change.reduce_to)
        else:
            target = max(0, order.remaining - (change.reduce_by or 0))
        if target > order.remaining:
            raise ExchangeError(400, "invalid_order_size")
        reduced = order.remaining - target
        if target == 0:
            return self._cancel(order, "Decrease")
        order.remaining, order.updated_us, order.reason = target, self.clock(), "Decrease"
        return Result(order, order.updated_us, reduced_by=reduced)

    def cancel(self, account: Account, which: CancelOrder) -> Result:
        """Cancel one resting order; 404 for what is not resting."""
        self.sweep()
        return self._cancel(self._reachable(account, which), "")

    def cancel_all(self, account: Account, subaccount: int | None) -> None:
        """Cancel every resting order of a subaccount, of all subaccounts for None (orders.md 6)."""
        self.sweep()
        self.require_exchange()
        for orders in list(account.resting.values()):
            for order in list(orders.values()):
                if subaccount in {None, order.subaccount}:
                    self._cancel(order, "")

    def withdraw(self, account: Account, ticker: str) -> None:
        """Cancel all resting orders of an account in one market and forget those that never filled (market maker)."""
        orders = account.resting.get((0, ticker), {})
        for order in list(orders.values()):
            self._cancel(order, "")
            if not order.filled:
                del self.orders[order.order_id]

    def would_cross(self, ticker: str, side: Side, price: int) -> bool:
        """Whether an order of this side and price would trade at once."""
        return next(self.market(ticker).book.crossing(side, price), None) is not None

    def fill_by_visitor(self, order_id: str, count: int | None = None) -> Result:
        """Let somebody else trade against a resting order, at its price: for people who want to see a fill."""
        self.sweep()
        order = self.orders.get(order_id)
        if order is None or order.status is not OrderStatus.RESTING:
            raise not_found()
        admission.open_market(self, order.ticker)
        size = order.remaining if count is None else count
        if not 0 < size <= order.remaining:
            raise ExchangeError(400, "invalid_order_size")
        visitor = self.open_account("visitor", _VISITOR_CASH)
        side = Side.ASK if order.side is Side.BID else Side.BID
        at_once = TimeInForce.IMMEDIATE_OR_CANCEL
        new = NewOrder(order.ticker, side, Count(size), Price(order.price), at_once, order.stp)
        taker = self._draft(visitor, new, size)
        self.orders[taker.order_id] = taker
        self._trade(taker, order, size)
        self._finish(taker, "")
        return Result(order, self.clock(), (self.fills[-1],))

    def sweep(self) -> None:
        """Cancel what time has ended: expired orders, and all orders of markets that have closed."""
        now = self.clock()
        for order in list(self.expiring.values()):
            if order.expiration_time is not None and order.expiration_time * admission.MICROS <= now:
                self._cancel(order, "ExpiryCancel")
        for state in self.markets.values():
            if state.status(now) == MarketStatus.CLOSED:
                for side in Side:
                    for order in self._resting_on(state.market.ticker, side):
                        self._cancel(order, "CloseCancel")

    def pause(self, *, trading: bool, exchange: bool) -> None:
        """Set both switches; a pause cancels the orders that asked for it."""
        self.trading_active, self.exchange_active = trading, exchange
        if trading and exchange:
            return
        for account in self.accounts.values():
            for orders in list(account.resting.values()):
                for order in [o for o in orders.values() if o.cancel_order_on_pause]:
                    self._cancel(order, "HaltCancel")

    def _draft(self, account: Account, new: NewOrder, count: int) -> Order:
        now = self.clock()
        return Order(
            order_id=self.new_id(),
            account=account.name,
            subaccount=new.subaccount or 0,
            client_order_id=new.client_order_id or "",
            ticker=new.ticker,
            side=new.side,
            price=new.price,
            initial=new.count,
            remaining=count,
            time_in_force=new.time_in_force,
            stp=new.self_trade_prevention_type,
            created_us=now,
            updated_us=now,
            post_only=new.post_only,
            cancel_order_on_pause=new.cancel_order_on_pause,
            expiration_time=new.expiration_time,
        )

    def _enter(self, account: Account, order: Order) -> Result:
        """Match an admitted order, then rest or end it."""
        first_fill = len(self.fills)
        todo = plan(self.markets[order.ticker].book, order)
        for maker, count in todo.fills:
            self._trade(order, maker, count)
        for own in todo.self_cancels:
            self._cancel(own, "SelfTradeCancel")
        if order.remaining and order.time_in_force is TimeInForce.GOOD_TILL_CANCELED and not todo.stopped:
            self.markets[order.ticker].book.add(order)
            account.add(order)
            self._watch_expiry(order)
        else:
            self._finish(order, "SelfTradeCancel" if todo.stopped else "")
        own_fills = tuple(fill for fill in self.fills[first_fill:] if fill.order_id == order.order_id)
        return Result(order, self.clock(), own_fills)

    def _trade(self, taker: Order, maker: Order, count: int) -> None:
        """Settle one match at the resting order's price; the taker pays the fee."""
        state = self.markets[taker.ticker]
        now, price = self.clock(), maker.price
        trade = Trade(self.new_id(), taker.ticker, price, count, taker.side, now)
        self.trades.append(trade)
        state.previous_price, state.last_price = state.last_price or price, price
        state.volume += count
        state.updated_us = now
        fee = taker_fee(price, count, self.multiplier(state.market))
        self._book_fill(taker, trade, is_taker=True, fee=fee)
        self._book_fill(maker, trade, is_taker=False, fee=0)
        if maker.remaining == 0:
            self._leave(self.accounts[maker.account], maker)
            self._finish(maker, "Trade")

    def _book_fill(self, order: Order, trade: Trade, *, is_taker: bool, fee: int) -> None:
        account = self.accounts[order.account]
        cash = account.position(order.key).apply(order.side, trade.price, trade.count, fee, trade.at_us)
        account.cash += cash
        account.updated_us = order.updated_us = trade.at_us
        self.fees_collected += fee
        order.filled += trade.count
        order.remaining -= trade.count
        cost = leg_price(order.side, trade.price) * trade.count
        if is_taker:
            order.taker_cost, order.taker_fees = order.taker_cost + cost, order.taker_fees + fee
        else:
            order.maker_cost, order.maker_fees = order.maker_cost + cost, order.maker_fees + fee
        self.fills.append(
            Fill(
                fill_id=self.new_id(),
                trade_id=trade.trade_id,
                order_id=order.order_id,
                account=order.account,
                subaccount=order.subaccount,
                ticker=order.ticker,
                side=order.side,
                price=trade.price,
                count=trade.count,
                is_taker=is_taker,
                fee=fee,
                at_us=trade.at_us,
            )
        )

    def _finish(self, order: Order, reason: str) -> None:
        """End an order that is not on the book: executed if it filled to the end, canceled otherwise."""
        executed = order.remaining == 0 and order.filled > 0
        order.status = OrderStatus.EXECUTED if executed else OrderStatus.CANCELED
        order.reason = "Trade" if executed else reason
        order.remaining = 0

    def _leave(self, account: Account, order: Order) -> None:
        self.markets[order.ticker].book.remove(order)
        account.remove(order)
        self.expiring.pop(order.order_id, None)

    def _cancel(self, order: Order, reason: str) -> Result:
        now, reduced = self.clock(), order.remaining
        self._leave(self.accounts[order.account], order)
        order.status, order.remaining, order.updated_us, order.reason = OrderStatus.CANCELED, 0, now, reason
        return Result(order, now, reduced_by=reduced)

    def _watch_expiry(self, order: Order) -> None:
        self.expiring.pop(order.order_id, None)
        if order.expiration_time is not None:
            self.expiring[order.order_id] = order

    def _resting(self, account: Account, order_id: str, subaccount: int) -> Order:
        order = self.own_order(account.name, order_id, subaccount)
        if order.status is not OrderStatus.RESTING:
            raise not_found()
        return order

    def _reachable(self, account: Account, which: CancelOrder | DecreaseOrder) -> Order:
        """The resting order that an exit names; its market may be paused but not closed."""
        admission.require_this_shard(which.exchange_index)
        if which.market_ticker is not None:
            self.market(which.market_ticker)
        order = self.own_order(account.name, which.order_id, which.subaccount or 0)
        admission.require_exit_allowed(self, order.ticker)
        return self._resting(account, which.order_id, which.subaccount or 0)

    def _resting_on(self, ticker: str, side: Side) -> list[Order]:
        book = self.markets[ticker].book
        levels = book.bids if side is Side.BID else book.asks
        return [order for level in levels.values() for order in level.values()]
