"""What a day has used: orders approved and notional, for the account, each subaccount and each market.

Rule of this file: what is given back goes back to the day it was counted on; a day that has passed is forgotten only
when a later one has begun.
"""

from dataclasses import dataclass, field

DAYS_KEPT = 2
"""Today, and yesterday for what is given back around midnight."""

type DayScope = tuple[int | None, str]
"""(subaccount or None for all, ticker or empty for all)."""


def day_scopes(subaccount: int, ticker: str) -> tuple[DayScope, ...]:
    """The scopes that an order counts in."""
    return ((None, ""), (subaccount, ""), (None, ticker), (subaccount, ticker))


@dataclass(slots=True)
class DayUse:
    """One day's counts by scope."""

    orders: dict[DayScope, int] = field(default_factory=dict)
    notional: dict[DayScope, int] = field(default_factory=dict)


class Days:
    """The counts of the latest days."""

    def __init__(self) -> None:
        self._days: dict[str, DayUse] = {}

    @property
    def latest(self) -> str:
        """The latest day on which anything was counted; empty before the first."""
        return max(self._days, default="")

    def add(self, day: str, subaccount: int, ticker: str, *, orders: int, notional: int) -> None:
        """Count on a day, or give back with negative figures. A day long past has no counts left to give back to."""
        use = self._days.get(day)
        if use is None:
            if day < self.latest:
                return
            use = self._begun(day)
        for scope in day_scopes(subaccount, ticker):
            use.orders[scope] = use.orders.get(scope, 0) + orders
            use.notional[scope] = use.notional.get(scope, 0) + notional

    def begin(self, day: str) -> None:
        """Note that a day has begun, so that no earlier one is counted on again."""
        if day not in self._days:
            self._begun(day)

    def _begun(self, day: str) -> DayUse:
        use = self._days[day] = DayUse()
        for old in sorted(self._days)[:-DAYS_KEPT]:
            del self._days[old]
        return use

    def orders(self, day: str, scope: DayScope) -> int:
        """Orders counted on a day."""
        use = self._days.get(day)
        return 0 if use is None else use.orders.get(scope, 0)

    def notional(self, day: str, scope: DayScope) -> int:
        """Notional counted on a day, in $0.000001."""
        use = self._days.get(day)
        return 0 if use is None else use.notional.get(scope, 0)

    def counted(self, day: str, scope: DayScope) -> tuple[int, int]:
        """Both: orders, and notional in $0.000001."""
        use = self._days.get(day)
        return (0, 0) if use is None else (use.orders.get(scope, 0), use.notional.get(scope, 0))

    def tickers(self, day: str) -> set[str]:
        """The markets in which anything was counted on a day."""
        use = self._days.get(day)
        return set() if use is None else {ticker for _, ticker in use.orders if ticker}

    def items(self) -> tuple[tuple[str, DayUse], ...]:
        """Everything kept, oldest day first."""
        return tuple(sorted(self._days.items()))

    def restore(self, day: str, use: DayUse) -> None:
        """Put back a day as `items` gave it."""
        self._days[day] = use
