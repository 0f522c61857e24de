"""Target allocations: an account's standing instruction to spread its cash over the shards by percentages.

Rule of this file: only cash of the primary subaccount that nothing holds is moved. Documented choices: all three kinds
of reservation keep what resting orders hold where it is (the exchange's `none` and `max` keep less); a rebalancing is
no transfer and is listed nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from pretrade.practice.core.accounts import PRIMARY, Account
from pretrade.practice.core.exchange import Exchange

INTERVAL_US = 10_000_000
"""Rebalanced about every 10 s, the exchange says."""


@dataclass(frozen=True, slots=True)
class Target:
    """Percentages by shard, which add up to 100, or none at all; and the word for what is left for resting orders."""

    percents: Mapping[int, int] = field(default_factory=dict)
    reservation: str = "sum"


class Allocations:
    """The targets of all accounts."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._targets: dict[str, Target] = {}

    def of(self, account: Account) -> Target:
        """An account's target, an empty one when it has none."""
        return self._targets.get(account.name, Target())

    def set(self, account: Account, target: Target) -> None:
        """Replace an account's target; one without percentages ends the rebalancing. The first comes 10 s later."""
        self._targets[account.name] = target
        self._plan(account, target)

    def _plan(self, account: Account, target: Target) -> None:
        if target.percents:
            act = partial(self._rebalance, account, target)
            self._exchange.schedule(self._exchange.clock() + INTERVAL_US, act)

    def _rebalance(self, account: Account, target: Target) -> None:
        if self._targets[account.name] is not target:
            return
        shards = set(target.percents) | {shard for number, shard in account.purses if number == PRIMARY}
        free = {shard: max(0, account.available(PRIMARY, shard)) for shard in sorted(shards)}
        wanted = {shard: sum(free.values()) * target.percents.get(shard, 0) // 100 for shard in free}
        wanted[max(target.percents)] += sum(free.values()) - sum(wanted.values())
        for shard, money in wanted.items():
            if money != free[shard]:
                self._exchange.put_cash(account, PRIMARY, shard, money - free[shard])
        self._plan(account, target)
