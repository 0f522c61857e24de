"""What portfolio reads see: the living exchange, or the exchange as it was a moment ago while read lag is on.

Rule of this file: reads only; writes never lag, they go to the exchange itself. On the real exchange a read after a
write can be hundreds of milliseconds old, and the order list settles before the single order (sim_semantics.md 5).
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pretrade.practice.api.history import History
from pretrade.practice.core.accounts import Account, Position, Purse, PurseKey
from pretrade.practice.core.errors import not_found
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.records import Fill, Key, Order
from pretrade.practice.core.statements import Settlement


@dataclass(frozen=True, slots=True)
class ReadLag:
    """How old each kind of read is, in microseconds: order list, single order, fills, positions, balance.

    Fills carry positions and balance with them: those are never fresher than the fills. So `fills_us` alone makes late
    fills: an order's own `fill_count` is current while fills, positions and balance are not.
    """

    orders_us: int = 0
    order_us: int = 0
    fills_us: int = 0
    positions_us: int = 0
    balance_us: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, was {getattr(self, name)}")

    @property
    def oldest_position_us(self) -> int:
        """How old positions are: never fresher than fills."""
        return max(self.positions_us, self.fills_us)

    @property
    def longest_us(self) -> int:
        """The largest of all."""
        return max(self.orders_us, self.order_us, self.fills_us, self.positions_us, self.balance_us)

    @classmethod
    def typical(cls) -> "ReadLag":
        """What was seen on the demo exchange: about 360 ms for a single order, less for the list (orders.md 6)."""
        return cls(orders_us=150_000, order_us=360_000, fills_us=150_000, positions_us=200_000, balance_us=200_000)


class Portfolio:
    """The reads of all accounts. Set `lag` to make them late, `ReadLag()` to make them current again."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lag = ReadLag()
        self._history: History | None = None

    @property
    def lag(self) -> ReadLag:
        """How old reads are."""
        return self._lag

    @lag.setter
    def lag(self, lag: ReadLag) -> None:
        """Reads see what was from now on; what changed before the lag was switched on, they see as it is now."""
        if self._history is not None:
            self._history.end()
        self._history = History(self._exchange, lag.longest_us) if lag.longest_us else None
        self._lag = lag

    def as_of_us(self) -> int:
        """The moment that every read is at least as new as."""
        return self._exchange.clock() - self._lag.longest_us

    def orders(self, account: Account) -> Sequence[Order]:
        """An account's orders in the order of their creation."""
        orders = list(account.orders.values())
        if self._history is None:
            return orders
        return self._history.orders(orders, self._ago(self._lag.orders_us))

    def order(self, account: Account, order_id: str, subaccount: int | None) -> Order:
        """One order of an account, of any subaccount for None. Raises the exchange's 404."""
        order = self._exchange.own_order(account.name, order_id, subaccount)
        if self._history is None:
            return order
        known = self._history.order(order, self._ago(self._lag.order_us))
        if known is None:
            raise not_found()
        return known

    def fills(self, account: Account) -> Sequence[Fill]:
        """An account's fills in the order in which they happened."""
        return _until(account.fills, self._ago(self._lag.fills_us), lambda fill: fill.at_us)

    def settlements(self, account: Account) -> Sequence[Settlement]:
        """What was paid out to an account, in the order in which it happened; as late as positions are."""
        moment = self._ago(self._lag.oldest_position_us)
        return _until(account.settlements, moment, lambda settlement: settlement.settled_us)

    def positions(self, account: Account) -> Mapping[Key, Position]:
        """An account's positions by subaccount and ticker, in the order in which they were first opened."""
        if self._history is None:
            return account.positions
        return self._history.positions(account, self._ago(self._lag.oldest_position_us))

    def purses(self, account: Account) -> Mapping[PurseKey, Purse]:
        """An account's purses by subaccount and shard."""
        if self._history is None:
            return account.purses
        return self._history.purses(account, self._ago(max(self._lag.balance_us, self._lag.fills_us)))

    def _ago(self, lag_us: int) -> int:
        return self._exchange.clock() - lag_us


def _until[T](rows: Sequence[T], moment_us: int, moment_of: Callable[[T], int]) -> Sequence[T]:
    """The rows up to a moment; they are in the order of their moments."""
    if not rows or moment_of(rows[-1]) <= moment_us:
        return rows
    return rows[: bisect_right(rows, moment_us, key=moment_of)]
