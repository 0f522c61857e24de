"""What is truly at risk, reckoned from the exchange's own account and nothing else.

Rule of this file: no line of it comes from the product's risk room. It states what can certainly still happen (every
resting order may fill, in whatever order is worst, at its limit), so the product must count at least as much.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pretrade.model.orders import Side
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.records import Order

DOLLAR = 10_000
"""A price of one dollar."""


@dataclass(frozen=True)
class Truth:
    """One market of one subaccount. `exposure` is the basis that may come to be open, before the fees of what has not
    filled yet, in $0.000001; `position` in 0.01 contracts."""

    subaccount: int
    ticker: str
    position: int
    exposure: int
    open_orders: int


def truths(account: Account) -> Iterator[Truth]:
    """Every market in which something is held or rests."""
    keys = sorted({*account.positions, *account.resting})
    for subaccount, ticker in keys:
        resting = list(account.resting.get((subaccount, ticker), {}).values())
        held = account.positions.get((subaccount, ticker))
        count, cost = (held.count, held.cost) if held is not None else (0, 0)
        if count or resting:
            position, exposure = _worst(count, cost, resting)
            yield Truth(subaccount, ticker, position, exposure, len(resting))


def _worst(count: int, cost: int, resting: list[Order]) -> tuple[int, int]:
    """Both sides: let every order of one side fill and none of the other."""
    yes = [(order.price, order.remaining) for order in resting if order.side is Side.BID]
    no = [(DOLLAR - order.price, order.remaining) for order in resting if order.side is Side.ASK]
    sides = (_all_fill(count, cost, yes), _all_fill(-count, cost, no))
    return max(position for position, _ in sides), max(exposure for _, exposure in sides)


def _all_fill(count: int, cost: int, orders: list[tuple[int, int]]) -> tuple[int, int]:
    """Fill them one after the other, cheapest first, into a position of `count` on this side (below zero: the other).

    What closes the other side opens nothing, and the cheapest close first: that leaves the dearest to be open.
    """
    basis = cost if count > 0 else 0
    for leg, remaining in sorted(orders):
        closing = min(remaining, max(0, -count))
        count += remaining
        basis += leg * (remaining - closing)
    return max(0, count), basis
