"""The account of the dry run: counted like the real one and settled at once, for here we are the exchange ourselves."""

import heapq
from dataclasses import dataclass, replace

from pretrade.model.facts import NamedOrder
from pretrade.model.orders import AmendOrder, Write, orders_of
from pretrade.model.units import Money
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.dry_run import DryRunBook, DryRunLeg, Result
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.preview import added_notional


@dataclass(frozen=True, slots=True)
class DryRunWrite:
    """An approved write of the dry run, and the orders that it creates as the account counts them."""

    decision_id: str
    client: str
    day: str
    write: Write
    orders: tuple[LiveOrder, ...]
    now_ms: int
    by_proxy: bool = False


class DryRunAccount:
    """The dry run's order book and what its orders add up to."""

    def __init__(self) -> None:
        self.book = DryRunBook()
        self.account = Account()
        self._expiries: list[tuple[int, str]] = []

    @property
    def expiries(self) -> tuple[tuple[int, str], ...]:
        """When which order's time is over, soonest first."""
        return tuple(sorted(self._expiries))

    @expiries.setter
    def expiries(self, soonest_first: tuple[tuple[int, str], ...]) -> None:
        self._expiries = list(soonest_first)

    def approve(self, approved: DryRunWrite) -> tuple[DryRunLeg, ...]:
        """Carry an approved write out, count what comes of it, and give the answer, one leg an order."""
        self.expire(approved.now_ms)
        legs = self.book.apply(approved.decision_id, approved.client, approved.write, approved.now_ms)
        if approved.orders:
            for order, leg in zip(approved.orders, legs, strict=True):
                self._created(order, leg, approved.now_ms)
            self._note_expiries(approved.write, legs)
        else:
            for leg in legs:
                self._changed(leg, approved)
            made_for = approved.client if approved.by_proxy else ""
            self.account.groups.carry_out(approved.write, legs[0].order_id if legs else None, approved.now_ms, made_for)
        return legs

    def _created(self, order: LiveOrder, leg: DryRunLeg, now_ms: int) -> None:
        resting = replace(order, order_id=leg.order_id, state=OrderState.RESTING)
        self.account.put(resting, now_ms)
        self.account.days.add(order.day, order.subaccount, order.ticker, orders=1, notional=order.notional)
        if leg.result is not Result.RESTING:
            self.account.close(order.key, now_ms)

    def _note_expiries(self, write: Write, legs: tuple[DryRunLeg, ...]) -> None:
        for new, leg in zip(orders_of(write), legs, strict=True):
            if new.expiration_time is not None and leg.result is Result.RESTING:
                heapq.heappush(self._expiries, (new.expiration_time * 1000, leg.order_id))

    def _changed(self, leg: DryRunLeg, approved: DryRunWrite) -> None:
        order = self.account.by_order_id(leg.order_id)
        if order is None or leg.result not in (Result.RESTING, Result.CANCELED):
            return
        write = approved.write
        if leg.result is Result.CANCELED:
            self.account.close(order.key, approved.now_ms)
        elif isinstance(write, AmendOrder):
            self._amend(order, write, approved)
        else:
            self.account.put(replace(order, terms=(Terms(order.price, leg.remaining),)), approved.now_ms)

    def _amend(self, order: LiveOrder, write: AmendOrder, approved: DryRunWrite) -> None:
        more = added_notional(order, write)
        terms = (Terms(write.price, write.count),)
        flags = order.flags.amended(write.expiration_time)
        amended = replace(order, terms=terms, notional=Money(order.notional + more), flags=flags)
        self.account.put(amended, approved.now_ms)
        self.account.days.add(approved.day, order.subaccount, order.ticker, orders=0, notional=more)
        if write.expiration_time:
            heapq.heappush(self._expiries, (write.expiration_time * 1000, write.order_id))

    def named(self, order_id: str, client: str) -> NamedOrder:
        """What is known of an order of the dry run that a client names, resting or not."""
        order = self.account.by_order_id(order_id)
        is_mine = bool(self.book.owned(client, (order_id,)))
        ticker, side = ("", None) if order is None else (order.ticker, order.side)
        return NamedOrder(order_id, client if is_mine else None, ticker, side)

    def expire(self, now_ms: int) -> None:
        """Let go of orders whose time is over."""
        while self._expiries and self._expiries[0][0] <= now_ms:
            _, order_id = heapq.heappop(self._expiries)
            order = self.account.by_order_id(order_id)
            if order is not None and not self.book.remaining(order_id, now_ms):
                self.account.close(order.key, now_ms)
                self.book.end(order_id)
