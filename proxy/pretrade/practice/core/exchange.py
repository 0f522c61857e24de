"""What clients ask of the exchange (create, amend, decrease, cancel, cancel all), and what stops it as a whole.

Rule of this file: every operation first does what is due, then checks (through `admission`), then changes; a refusal
leaves no trace. No I/O.
"""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

from pretrade.model.orders import AmendOrder, CancelOrder, DecreaseOrder, NewOrder, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice.core import admission, lifecycle, matching, resting, routing
from pretrade.practice.core.accounts import PRIMARY, Account
from pretrade.practice.core.errors import ExchangeError, not_found
from pretrade.practice.core.records import Fill, Order, OrderStatus
from pretrade.practice.core.state import Clock, State, Switches, World

_VISITOR_CASH = 10**15


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation did to one order: its own fills in it, and what a cancel or decrease took away."""

    order: Order
    at_us: int
    fills: tuple[Fill, ...] = ()
    reduced_by: int = 0


class Exchange(State):
    """The exchange's operations. All raise ExchangeError with the wire's code and then have changed nothing.

    `cancel_all_lingers_us` is for how long a cancel-all goes on canceling orders that were placed after it ("during the
    minute after the request", the exchange says); 0, the default, ends it at once. `cancel_all_most` is how many orders
    one cancel-all takes at most.
    """

    cancel_all_lingers_us: int = 0
    cancel_all_most: int = 10_000

    def __init__(self, world: World, clock: Clock, rng: random.Random) -> None:
        super().__init__(world, clock, rng)
        for market in world.markets:
            lifecycle.watch(self, market.ticker)

    def create(self, account: Account, new: NewOrder) -> Result:
        """Admit one order and match it; what remains rests if it is good till canceled, and is canceled otherwise."""
        self.advance()
        order = admission.admitted(self, account, new)
        order.order_id = self.new_id()
        account.remember(order.client_order_id)
        self.orders[order.order_id] = account.orders[order.order_id] = order
        return Result(order, order.created_us, tuple(matching.enter(self, order)))

    def amend(self, account: Account, change: AmendOrder) -> Result:
        """Change a resting order. A lower total or another expiry at the same price keeps its place in the queue;
        anything else takes it out and lets it in again, where it may match at once (orders.md 4)."""
        self.advance()
        self.require_trading()
        order = self._to_amend(account, change)
        wanted = admission.amended(self, account, order, change)
        keeps_place = wanted.price == order.price and wanted.remaining <= order.remaining
        if keeps_place:
            resting.shrink(self, order, wanted.remaining)
        else:
            resting.leave(self, order)
        moved = wanted.expiration_time != order.expiration_time
        order.price, order.initial, order.remaining = wanted.price, wanted.initial, wanted.remaining
        order.client_order_id, order.expiration_time = wanted.client_order_id, wanted.expiration_time
        order.updated_us, order.reason = self.clock(), "Amend"
        account.remember(order.client_order_id)
        if not keeps_place:
            return Result(order, order.updated_us, tuple(matching.enter(self, order)))
        if moved:
            resting.watch_expiry(self, order)
        resting.tell_order(self, order)
        return Result(order, order.updated_us)

    def decrease(self, account: Account, change: DecreaseOrder) -> Result:
        """Make the resting remainder smaller; nothing left means canceled (orders.md 5)."""
        self.advance()
        order = self._reachable(account, change)
        if change.reduce_to is not None:
            target = int(change.reduce_to)
        else:
            target = max(0, order.remaining - (change.reduce_by or 0))
        if target > order.remaining:
            raise ExchangeError(400, "invalid_order_size")
        if target == 0:
            return _ended(self, order, "Decrease")
        reduced = order.remaining - target
        resting.shrink(self, order, target)
        order.updated_us, order.reason = self.clock(), "Decrease"
        resting.tell_order(self, order)
        return Result(order, order.updated_us, reduced_by=reduced)

    def cancel(self, account: Account, which: CancelOrder) -> Result:
        """Cancel one resting order; 404 for what is not resting."""
        self.advance()
        return _ended(self, self._reachable(account, which), "")

    def cancel_all(self, account: Account, subaccount: int | None) -> None:
        """Cancel the resting orders of a subaccount, of all subaccounts for None, on every shard (orders.md 6).

        Market by market, oldest first (the exchange promises no order), `cancel_all_most` at most. Orders on a paused
        shard stay (choice); with the whole exchange paused it is refused. With `cancel_all_lingers_us` orders placed
        within that time are canceled at its end (choice: the least pleasant moment within the documented minute).
        """
        self.advance()
        self.require_exchange()
        self._sweep_out(account, subaccount)
        if self.cancel_all_lingers_us:
            again = partial(self._sweep_out, account, subaccount)
            self.schedule(self.clock() + self.cancel_all_lingers_us, again)

    def withdraw(self, account: Account, ticker: str, keep: Collection[str] = ()) -> None:
        """Cancel an account's resting orders in one market and forget those that never filled (market maker).

        The orders whose ids are in `keep` stay.
        """
        for order in [o for o in account.resting.get((0, ticker), {}).values() if o.order_id not in keep]:
            resting.cancel(self, order, "")
            if not order.filled:
                del self.orders[order.order_id], account.orders[order.order_id]

    def would_cross(self, ticker: str, side: Side, price: int) -> bool:
        """Whether an order of this side and price would trade at once."""
        return self.market(ticker).book.first_met(side, price) is not None

    def fill_by_visitor(self, order_id: str, count: int | None = None) -> Result:
        """Let somebody else trade against a resting order, at its price, all of it or `count`, past those before it in
        the queue: for people who want to see a fill."""
        self.advance()
        order = self.orders.get(order_id)
        if order is None or order.status is not OrderStatus.RESTING:
            raise not_found()
        admission.require_active(self, order.ticker, order.exchange_index)
        size = order.remaining if count is None else count
        if not 0 < size <= order.remaining:
            raise ExchangeError(400, "invalid_order_size")
        visitor = self.open_account("visitor", 0)
        if not visitor.cash_of(PRIMARY, order.exchange_index):
            self.put_cash(visitor, PRIMARY, order.exchange_index, _VISITOR_CASH)
        side = Side.ASK if order.side is Side.BID else Side.BID
        at_once = TimeInForce.IMMEDIATE_OR_CANCEL
        new = NewOrder(order.ticker, side, Count(size), Price(order.price), at_once, order.stp)
        taker = admission.draft(self, visitor, new, order.exchange_index)
        taker.order_id = self.new_id()
        self.orders[taker.order_id] = visitor.orders[taker.order_id] = taker
        matching.trade(self, taker, order, size)
        resting.end(self, taker, OrderStatus.EXECUTED)
        return Result(order, self.clock(), (self.fills[-1],))

    def pause(self, *, trading: bool, exchange: bool, shard: int | None = None) -> None:
        """Set both switches (True is on) of the whole exchange, or of one shard; turning one off cancels the orders
        there that asked for it. Raises 404 for an unknown shard."""
        self.advance()
        if shard is None:
            self.switches = Switches(exchange, trading)
        else:
            self.require_shard(shard)
            self.shard_switches[shard] = Switches(exchange, trading)
        if trading and exchange:
            return
        for account in self.accounts.values():
            for order in _resting_of(account):
                if order.cancel_order_on_pause and shard in {None, order.exchange_index}:
                    resting.cancel(self, order, "HaltCancel")

    def _sweep_out(self, account: Account, subaccount: int | None) -> None:
        wanted = [
            order
            for order in _resting_of(account)
            if subaccount in {None, order.subaccount} and self.switches_of(order.exchange_index).exchange
        ]
        for order in wanted[: self.cancel_all_most]:
            resting.cancel(self, order, "")

    def _to_amend(self, account: Account, change: AmendOrder) -> Order:
        """The resting order an amend names. A ticker that is not the order's is told apart from an unknown order only
        on the order's own shard (choice): elsewhere nobody knows the order."""
        shard = routing.for_ticker(self, change.ticker, change.exchange_index)
        order = self._resting(account, change.order_id, change.subaccount or 0, shard)
        if change.ticker != order.ticker:
            raise ExchangeError(400, "order_ticker_mismatch")
        return order

    def _reachable(self, account: Account, which: CancelOrder | DecreaseOrder) -> Order:
        """The resting order that an exit names; its market may be paused but not closed."""
        self.require_exchange()
        shard = routing.for_exit(self, which.market_ticker, which.exchange_index)
        order = self.own_order(account.name, which.order_id, which.subaccount or 0, shard)
        admission.require_exit_allowed(self, order)
        return self._resting(account, which.order_id, which.subaccount or 0, shard)

    def _resting(self, account: Account, order_id: str, subaccount: int, shard: int) -> Order:
        order = self.own_order(account.name, order_id, subaccount, shard)
        if order.status is not OrderStatus.RESTING:
            raise not_found()
        return order


def _ended(state: State, order: Order, reason: str) -> Result:
    """Cancel a resting order; `reason` is "" for its owner's wish."""
    reduced = resting.cancel(state, order, reason)
    return Result(order, order.updated_us, reduced_by=reduced)


def _resting_of(account: Account) -> Iterable[Order]:
    """A snapshot of an account's resting orders."""
    return [order for orders in account.resting.values() for order in orders.values()]
