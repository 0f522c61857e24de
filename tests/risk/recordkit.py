"""Readings of the exchange's record, one after another, taken into a ledger."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.builders import TICKER, order
from tests.risk.kit import NOW, PLACE

from pretrade.model.drop_copy import (
    DropCopy,
    ExchangeBalance,
    ExchangeGroup,
    ExchangeOrder,
    ExchangePosition,
    OrderStatus,
)
from pretrade.model.orders import Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.reconciling.reconciliation import reconcile
from pretrade.risk.reconciling.reconciliation_round import Findings, Round, Suspect

BEGAN = NOW - 600_000
"""When the ledger's first copy was read: long before anything of ours."""
MINUTE = 60_000


def there(order_id: str = "x-1", **changes: Any) -> ExchangeOrder:
    """The order of ten contracts at 56 cents that `builders.order` makes, as the exchange has it resting."""
    base = order()
    made = ExchangeOrder(
        order_id=order_id, client_order_id=None, subaccount=0, ticker=TICKER, side=base.side, price=base.price,
        status=OrderStatus.RESTING, filled=Count(0), remaining=base.count, created_ms=NOW, updated_ms=None,
        order_group_id=None, cost=Money(0), fees=Money(0), exchange_index=0,
    )  # fmt: skip
    return replace(made, **changes)


def ended(order_id: str = "x-1", filled: int = 0, **changes: Any) -> ExchangeOrder:
    """The same, canceled after so much of it had filled."""
    return there(order_id, status=OrderStatus.CANCELED, filled=Count(filled), remaining=Count(0), **changes)


def held(count: int, cost: int = 0, ticker: str = TICKER, subaccount: int = 0) -> ExchangePosition:
    """A position at the exchange."""
    return ExchangePosition(subaccount, ticker, Count(count), Money(cost), Money(0), Money(0))


@dataclass
class Record:
    """A ledger and the rounds of one run. `ledger` began a while ago unless `is_new`."""

    ledger: Ledger = field(default_factory=Ledger)
    is_new: bool = False
    before_ms: int | None = None
    suspects: dict[BookKey, Suspect] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.is_new:
            self.ledger.baseline_ms = BEGAN

    def read(
        self, at_ms: int, *orders: ExchangeOrder, positions: tuple[ExchangePosition, ...] = (),
        gone: tuple[str, ...] = (), balances: tuple[ExchangeBalance, ...] = (),
        groups: tuple[ExchangeGroup, ...] = (), settled: tuple[str, ...] = (), **changes: Any,
    ) -> Findings:  # fmt: skip
        """Take in a copy as of `at_ms` after NOW with these orders and positions."""
        as_of_ms = NOW + at_ms
        copy = DropCopy(as_of_ms, as_of_ms, positions, orders, frozenset(gone), (), balances, groups, (0, 1))
        last_ms = as_of_ms if self.before_ms is None else self.before_ms
        round_ = Round(
            copy=copy,
            since_ms=min(last_ms, NOW) - MINUTE,
            news_ms=last_ms - MINUTE,
            before_ms=self.before_ms,
            places={TICKER: PLACE},
            settled=frozenset(settled),
            suspects=self.suspects,
            multiplier=10_000,
        )
        found = reconcile(self.ledger, replace(round_, **changes))
        self.before_ms, self.suspects = as_of_ms, found.suspects
        return found


def kinds(found: Findings) -> list[str]:
    """What a round changed, by name; money and places aside."""
    return [one.kind for one in found.changes if one.kind not in {"money_read", "place_learned", "groups_read"}]


def broken(found: Findings) -> list[tuple[str, str]]:
    """The breaks of a round, without their words."""
    return [(one.kind, one.subject) for one in found.breaks]


def terms(ledger: Ledger, key: str = "d-1/0") -> list[tuple[Price, Count]]:
    """The terms that an order may have."""
    return [(one.price, one.total) for one in ledger.live.orders[key].terms]


def may_buy(ledger: Ledger) -> int:
    """Contracts that may be bought in the market."""
    return ledger.live.book(0, TICKER).may_fill(Side.BID)
