"""Accounts: purses, positions and the collateral that resting orders hold.

Rule of this file: exact money; a purse's cash is what it owns, available is cash less what resting orders hold. There
is a purse for each subaccount on each shard; an order uses the purse of its market's shard (market_data.md 4). All
figures are kept as things change: no read walks over orders.
"""

from dataclasses import dataclass, field

from pretrade.model.orders import Side
from pretrade.practice.core.collateral import Reservation
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.fees import DIRECT_STEP
from pretrade.practice.core.instruments import ONE, leg_price
from pretrade.practice.core.records import Fill, Key, Order
from pretrade.practice.core.statements import CashMovement, Settlement, ShardTransfer, SubaccountTransfer

type PurseKey = tuple[int, int]
"""A subaccount's number and a shard's: what one purse of cash belongs to."""

PRIMARY = 0
LAST_SUBACCOUNT = 63


@dataclass(slots=True)
class Position:
    """A signed count (YES positive), the cost basis of what is open (average cost), and what has happened so far.

    `cost` is a whole number: closing a part releases its share rounded down, the rest of the rounding stays with what
    is open and leaves with its last contract, so nothing is lost. `settled_us` is the moment at which its market was
    paid out, None until then.
    """

    count: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    traded: int = 0
    volume: int = 0
    updated_us: int = 0
    settled_us: int | None = None

    def apply(self, side: Side, price: int, count: int, at_us: int) -> int:
        """Take one fill in and return the change of cash before fees.

        What overlaps the other side closes at once: a YES and a NO make $1 (sim_semantics.md 4).
        """
        leg, sign = leg_price(side, price), 1 if side is Side.BID else -1
        closing = min(count, abs(self.count)) if self.count * sign < 0 else 0
        if closing:
            self.close(closing, (ONE - leg) * closing)
        opening = count - closing
        self.cost += leg * opening
        self.count += sign * opening
        self.traded += leg * count
        self.volume += count
        self.updated_us = at_us
        return (ONE - leg) * closing - leg * opening

    def close(self, count: int, proceeds: int) -> None:
        """Take `count` open contracts out for some proceeds: their share of the cost is realised against them."""
        released = self.cost * count // abs(self.count)
        self.realized += proceeds - released
        self.cost -= released
        self.count += -count if self.count > 0 else count


@dataclass(slots=True)
class Purse:
    """The cash of one subaccount on one shard, and what its resting orders hold of it."""

    cash: int = 0
    held: int = 0
    updated_us: int = 0

    @property
    def available(self) -> int:
        """The money free for new orders: what the balance endpoint calls the balance."""
        return self.cash - self.held


@dataclass(slots=True)
class Account:
    """One member. `client_order_ids` holds every id ever accepted and never lets one go (orders.md 8).

    `orders` are all of its orders and `fills` all of its fills, oldest first. `balance_step` is the precision of its
    balances: $0.0001 for direct members (what the demo exchange shows), $0.01 for others (orders.md 12).
    """

    name: str
    user_id: str
    balance_step: int = DIRECT_STEP
    purses: dict[PurseKey, Purse] = field(default_factory=dict)
    subaccounts: set[int] = field(default_factory=lambda: {PRIMARY})
    not_netted: set[int] = field(default_factory=set)
    positions: dict[Key, Position] = field(default_factory=dict)
    resting: dict[Key, dict[str, Order]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    subaccount_transfers: list[SubaccountTransfer] = field(default_factory=list)
    shard_transfers: list[ShardTransfer] = field(default_factory=list)
    deposits: list[CashMovement] = field(default_factory=list)
    withdrawals: list[CashMovement] = field(default_factory=list)
    client_order_ids: set[str] = field(default_factory=set)
    updated_us: int = 0
    _reserved: dict[Key, Reservation] = field(default_factory=dict)
    _held: dict[Key, int] = field(default_factory=dict)

    def remember(self, client_order_id: str) -> None:
        """Keep a client_order_id for ever; an order without one ("") leaves nothing to keep."""
        if client_order_id:
            self.client_order_ids.add(client_order_id)

    def require_subaccount(self, number: int) -> None:
        """Refuse a subaccount that was never opened (a documented choice: 404 `subaccount_not_found`)."""
        if number not in self.subaccounts:
            raise ExchangeError(404, "subaccount_not_found")

    @property
    def cash(self) -> int:
        """What the account owns in all its purses, held or not."""
        return sum(purse.cash for purse in self.purses.values())

    @property
    def held(self) -> int:
        """What the resting orders of all its purses hold."""
        return sum(purse.held for purse in self.purses.values())

    def purse(self, subaccount: int, shard: int) -> Purse:
        """The purse of a subaccount on a shard, made empty on first use."""
        purse = self.purses.get((subaccount, shard))
        if purse is None:
            purse = self.purses[subaccount, shard] = Purse()
        return purse

    def cash_of(self, subaccount: int, shard: int) -> int:
        """What a purse owns; 0 where there is none."""
        purse = self.purses.get((subaccount, shard))
        return purse.cash if purse else 0

    def available(self, subaccount: int, shard: int) -> int:
        """What a purse has free for new orders; 0 where there is none."""
        purse = self.purses.get((subaccount, shard))
        return purse.available if purse else 0

    def deposit(self, subaccount: int, shard: int, money: int, at_us: int = 0) -> None:
        """Change the cash of a purse: put money in, or take it out when negative. The caller has checked it."""
        purse = self.purse(subaccount, shard)
        purse.cash += money
        purse.updated_us = self.updated_us = max(at_us, self.updated_us)

    def position(self, key: Key) -> Position:
        """The position of a subaccount in a market, made empty on first use."""
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position()
        return position

    def count_of(self, key: Key) -> int:
        """The signed count of a position, 0 when there never was one."""
        position = self.positions.get(key)
        return position.count if position else 0

    def add(self, order: Order) -> None:
        """Note a resting order: from now on it holds its collateral and `order.fee_reserve`."""
        self.resting.setdefault(order.key, {})[order.order_id] = order
        self._reservation(order).fees += order.fee_reserve
        self._shift(order, order.remaining)

    def reduce(self, order: Order, count: int) -> None:
        """Note that a resting order is about to have `count` fewer remaining; the caller changes the order."""
        kept = order.fee_reserve * (order.remaining - count) // order.remaining
        self._reservation(order).fees += kept - order.fee_reserve
        order.fee_reserve = kept
        self._shift(order, -count)

    def remove(self, order: Order) -> None:
        """Forget a resting order: what it held is free again."""
        orders = self.resting[order.key]
        del orders[order.order_id]
        self._reservation(order).fees -= order.fee_reserve
        order.fee_reserve = 0
        self._shift(order, -order.remaining)
        if not orders:
            del self.resting[order.key], self._reserved[order.key]

    def would_add(self, order: Order, former: Order | None = None) -> int:
        """What more an order would hold if it rested too, its fees apart; `former` is what it takes the place of."""
        reservation = self._reserved.get(order.key) or Reservation()
        changes = [(order.side, order.price, order.remaining)]
        if former is not None:
            changes.insert(0, (former.side, former.price, -former.remaining))
        return reservation.held_with(self.count_of(order.key), changes) - self._held.get(order.key, 0)

    def refresh(self, key: Key, shard: int) -> None:
        """Bring what a position's orders hold up to date after the position changed."""
        reservation = self._reserved.get(key)
        now = reservation.held(self.count_of(key)) if reservation else 0
        before = self._held.get(key, 0)
        if now != before:
            self.purse(key[0], shard).held += now - before
            self._held[key] = now

    def _reservation(self, order: Order) -> Reservation:
        reservation = self._reserved.get(order.key)
        if reservation is None:
            reservation = self._reserved[order.key] = Reservation()
        return reservation

    def _shift(self, order: Order, delta: int) -> None:
        self._reservation(order).change(order.side, order.price, delta)
        self.refresh(order.key, order.exchange_index)
