"""A tiny exact exchange: orders, fills and positions by average cost. It is the truth that the ledger is held against.

Rule of this file: no line of it comes from the risk room. Figures are whole units, a position's cost is a Fraction, and
nothing happens unless it is asked for.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from pretrade.model.drop_copy import ExchangeOrder, ExchangePosition, OrderStatus
from pretrade.model.orders import AmendOrder, NewOrder, Side
from pretrade.model.units import Count, Money, Price

type Where = tuple[int, str]
"""(subaccount, ticker)."""

DOLLAR = 10_000


def leg(side: Side, price: int) -> int:
    """What a contract of the leg bought costs."""
    return price if side is Side.BID else DOLLAR - price


@dataclass
class Resting:
    """One order as it really is."""

    order_id: str
    client_order_id: str | None
    where: Where
    side: Side
    price: int
    total: int
    created_ms: int
    origin: str = ""
    filled: int = 0
    is_open: bool = True
    paid: int = 0

    @property
    def left(self) -> int:
        """What may still fill."""
        return self.total - self.filled if self.is_open else 0


@dataclass(frozen=True)
class Position:
    """Contracts (YES above zero) and what the open ones cost on average."""

    count: int = 0
    cost: Fraction = Fraction(0)

    def after(self, side: Side, price: int, count: int) -> "Position":
        """The position after a fill: it closes first, at the average, and opens with the rest."""
        sign = 1 if side is Side.BID else -1
        held = self.count * sign
        closed = min(count, max(0, -held))
        kept = self.cost * (1 - Fraction(closed, abs(self.count))) if closed else self.cost
        return Position(self.count + sign * count, kept + leg(side, price) * (count - closed))


@dataclass
class TinyExchange:
    """Everything there is at the exchange."""

    orders: dict[str, Resting] = field(default_factory=dict)
    positions: dict[Where, Position] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def create(self, new: NewOrder, now_ms: int, origin: str = "") -> Resting | None:
        """Take an order in; None where its client_order_id was taken before. `origin` says by whose decision."""
        name = new.client_order_id
        if name is not None and name in self.taken:
            return None
        self.taken |= {name} if name else set()
        where = (new.subaccount or 0, new.ticker)
        made = Resting(f"x-{len(self.orders)}", name, where, new.side, new.price, new.count, now_ms, origin)
        self.orders[made.order_id] = made
        return made

    def amend(self, write: AmendOrder) -> Resting | None:
        """New terms for an order; None where it cannot take them."""
        order = self.orders[write.order_id]
        if not order.is_open or write.count <= order.filled:
            return None
        order.price, order.total = write.price, write.count
        return order

    def cancel(self, order: Resting, left: int = 0) -> None:
        """Make an order smaller, or end it."""
        order.total = min(order.total, order.filled + left)
        order.is_open = order.is_open and bool(left) and order.total > order.filled

    def trade(self, order: Resting, count: int, better: int = 0) -> None:
        """So much of an order fills, at its price or so much better."""
        count = min(count, order.left)
        if not count:
            return
        price = max(1, order.price - better) if order.side is Side.BID else min(DOLLAR - 1, order.price + better)
        self.move(order.where, order.side, price, count)
        order.filled += count
        order.paid += leg(order.side, price) * count
        order.is_open = order.filled < order.total

    def move(self, where: Where, side: Side, price: int, count: int) -> None:
        """A fill moves a position."""
        self.positions[where] = self.position(where).after(side, price, count)

    def position(self, where: Where) -> Position:
        """What is held."""
        return self.positions.get(where, Position())

    def open_orders(self, where: Where) -> list[Resting]:
        """What rests in a market."""
        return [order for order in self.orders.values() if order.where == where and order.left]

    def shown_orders(self, since_ms: int, asked: frozenset[str]) -> tuple[ExchangeOrder, ...]:
        """What a read of the orders shows: all that rest, and those made since a moment or asked for."""
        return tuple(
            _shown(order)
            for order in self.orders.values()
            if order.left or order.created_ms >= since_ms or order.order_id in asked
        )

    def shown_positions(self) -> tuple[ExchangePosition, ...]:
        """What a read of the positions shows."""
        return tuple(
            ExchangePosition(*where, Count(held.count), Money(ceil(held.cost)), Money(0), Money(0))
            for where, held in self.positions.items()
            if held.count
        )


def _shown(order: Resting) -> ExchangeOrder:
    status = OrderStatus.RESTING if order.left else OrderStatus.CANCELED
    status = OrderStatus.EXECUTED if order.filled == order.total else status
    return ExchangeOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        subaccount=order.where[0],
        ticker=order.where[1],
        side=order.side,
        price=Price(order.price),
        status=status,
        filled=Count(order.filled),
        remaining=Count(order.left),
        created_ms=order.created_ms,
        updated_ms=None,
        order_group_id=None,
        cost=Money(order.paid),
        fees=Money(0),
        exchange_index=0,
    )
