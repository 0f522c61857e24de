"""Accounts: cash, positions and the collateral that resting orders hold.

Rule of this file: exact money; cash is what the account owns, available is cash less collateral. A YES and a NO of one
market are one signed position: the overlapping part of a fill closes and pays $1 a pair (sim_semantics.md 4).

A documented choice: subaccounts separate orders and positions; their cash is one purse, the account's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pretrade.model.orders import Side
from pretrade.practice.instruments import ONE
from pretrade.practice.records import Key, Order


@dataclass(slots=True)
class Position:
    """A signed count (YES positive), the cost basis of what is open (average cost), and what has happened so far."""

    count: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    traded: int = 0
    updated_us: int = 0

    def apply(self, side: Side, price: int, count: int, fee: int, at_us: int) -> int:
        """Take one fill in and return the change of cash, the fee included."""
        leg = leg_price(side, price)
        signed = count if side is Side.BID else -count
        closing = min(count, abs(self.count)) if self.count * signed < 0 else 0
        if closing:
            released = self.cost * closing // abs(self.count)
            self.realized += (ONE - leg) * closing - released
            self.cost -= released
        opening = count - closing
        self.cost += leg * opening
        self.count += signed
        self.fees += fee
        self.traded += leg * count
        self.updated_us = at_us
        return (ONE - leg) * closing - leg * opening - fee


@dataclass(slots=True)
class Account:
    """One member. `client_order_ids` holds every id ever accepted and never lets one go (orders.md 8)."""

    name: str
    user_id: str
    cash: int
    positions: dict[Key, Position] = field(default_factory=dict)
    resting: dict[Key, dict[str, Order]] = field(default_factory=dict)
    client_order_ids: set[str] = field(default_factory=set)
    updated_us: int = 0

    def remember(self, client_order_id: str) -> None:
        """Keep a client_order_id for ever; an order without one ("") leaves nothing to keep."""
        if client_order_id:
            self.client_order_ids.add(client_order_id)

    def position(self, key: Key) -> Position:
        """The position of a subaccount in a market, made empty on first use."""
        return self.positions.setdefault(key, Position())

    def count_of(self, key: Key) -> int:
        """The signed count of a position, 0 when there never was one."""
        position = self.positions.get(key)
        return position.count if position else 0

    def add(self, order: Order) -> None:
        """Note a resting order."""
        self.resting.setdefault(order.key, {})[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Forget a resting order."""
        orders = self.resting[order.key]
        del orders[order.order_id]
        if not orders:
            del self.resting[order.key]

    def held(self) -> int:
        """The money that resting orders hold as collateral."""
        return sum(collateral(self.count_of(key), orders.values()) for key, orders in self.resting.items())

    def available(self) -> int:
        """The money free for new orders: what the balance endpoint calls the balance."""
        return self.cash - self.held()


def leg_price(side: Side, price: int) -> int:
    """What one contract of the leg bought costs: YES at p for a bid, NO at 1 - p for an ask."""
    return price if side is Side.BID else ONE - price


def collateral(position: int, orders: Iterable[Order]) -> int:
    """The money that the resting orders of one position hold: their full cost, less the part that would only close.

    The orders that fill first close first, so the best-priced ones are covered by the position first.
    """
    ranked = sorted(orders, key=lambda order: -leg_price(order.side, order.price))
    coverable = {Side.BID: max(-position, 0), Side.ASK: max(position, 0)}
    held = 0
    for order in ranked:
        covered = min(order.remaining, coverable[order.side])
        coverable[order.side] -= covered
        held += leg_price(order.side, order.price) * (order.remaining - covered)
    return held
