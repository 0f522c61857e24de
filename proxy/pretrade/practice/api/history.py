"""What accounts looked like a moment ago: versions of orders, positions and purses, kept while reads lag.

Rule of this file: it only listens. A version counts from the moment the exchange stamped on the change; what has no
version has not changed since the history began, so the living record is right for all of that time.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pretrade.practice.core.accounts import Account, Position, Purse, PurseKey
from pretrade.practice.core.events import CashMoved, Event, OrderChanged, PositionChanged
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.records import Key, Order, OrderStatus


@dataclass(slots=True)
class Versions[T]:
    """One thing's states, oldest first, each from its moment on."""

    moments: list[int] = field(default_factory=list)
    states: list[T] = field(default_factory=list)

    def put(self, at_us: int, state: T, keep_us: int) -> None:
        """Note a state; what was over before `keep_us` is forgotten, so that a busy thing does not grow."""
        self.moments.append(max(at_us, self.moments[-1]) if self.moments else at_us)
        self.states.append(state)
        over = bisect_right(self.moments, keep_us) - 1
        if over > 0:
            del self.moments[:over], self.states[:over]

    def at(self, moment_us: int) -> T | None:
        """The state at a moment, None before the first."""
        place = bisect_right(self.moments, moment_us)
        return self.states[place - 1] if place else None


class History:
    """The versions of everything that changes in an exchange from now on, at least `depth_us` back."""

    def __init__(self, exchange: Exchange, depth_us: int) -> None:
        self._exchange = exchange
        self._depth_us = depth_us
        self._orders: dict[str, Versions[Order]] = {}
        self._positions: dict[tuple[str, Key], Versions[Position]] = {}
        self._purses: dict[tuple[str, PurseKey], Versions[Purse]] = {}
        for account in exchange.accounts.values():
            self._begin(account)
        exchange.listeners.append(self._note)

    def end(self) -> None:
        """Stop listening."""
        self._exchange.listeners.remove(self._note)

    def orders(self, living: Iterable[Order], moment_us: int) -> list[Order]:
        """Those of some orders that existed at a moment, as they were."""
        return [order for one in living if (order := self.order(one, moment_us)) is not None]

    def order(self, living: Order, moment_us: int) -> Order | None:
        """An order as it was at a moment, None if it did not exist."""
        versions = self._orders.get(living.order_id)
        return living if versions is None else versions.at(moment_us)

    def positions(self, account: Account, moment_us: int) -> dict[Key, Position]:
        """An account's positions as they were at a moment."""
        found: dict[Key, Position] = {}
        for key, living in account.positions.items():
            versions = self._positions.get((account.name, key))
            if (position := living if versions is None else versions.at(moment_us)) is not None:
                found[key] = position
        return found

    def purses(self, account: Account, moment_us: int) -> dict[PurseKey, Purse]:
        """An account's purses as they were at a moment."""
        found: dict[PurseKey, Purse] = {}
        for key, living in account.purses.items():
            versions = self._purses.get((account.name, key))
            if (purse := living if versions is None else versions.at(moment_us)) is not None:
                found[key] = purse
        return found

    def _begin(self, account: Account) -> None:
        """Note what is about to change: resting orders, all positions and purses."""
        for order in account.orders.values():
            if order.status is OrderStatus.RESTING:
                self._orders.setdefault(order.order_id, Versions()).put(0, replace(order), 0)
        for key, position in account.positions.items():
            self._positions.setdefault((account.name, key), Versions()).put(0, replace(position), 0)
        for purse_key, purse in account.purses.items():
            self._purses.setdefault((account.name, purse_key), Versions()).put(0, replace(purse), 0)

    def _note(self, event: Event) -> None:
        match event:
            case OrderChanged(order):
                self._put(self._orders, order.order_id, replace(order), order.updated_us)
                self._note_purse(order.account, (order.subaccount, order.exchange_index), order.updated_us)
            case PositionChanged(name, subaccount, ticker, at_us):
                position = self._exchange.accounts[name].position((subaccount, ticker))
                self._put(self._positions, (name, (subaccount, ticker)), replace(position), at_us)
                shard = self._exchange.markets[ticker].market.exchange_index
                self._note_purse(name, (subaccount, shard), at_us)
            case CashMoved(name, subaccount, shard, at_us):
                self._note_purse(name, (subaccount, shard), at_us)
            case _:
                return

    def _note_purse(self, name: str, key: PurseKey, at_us: int) -> None:
        purse = self._exchange.accounts[name].purse(*key)
        self._put(self._purses, (name, key), replace(purse), at_us)

    def _put[K, T](self, where: dict[K, Versions[T]], key: K, state: T, at_us: int) -> None:
        where.setdefault(key, Versions()).put(at_us, state, self._exchange.clock() - self._depth_us)
