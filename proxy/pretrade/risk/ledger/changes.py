"""What reading the exchange's own record tells the ledger: values that are recorded, applied and folded alike.

Rule of this file: facts only, each proven by whoever made it (`reconciliation`); `learning` applies them.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from pretrade.model.facts import Place
from pretrade.model.loss import Fill, Mark, Settlement
from pretrade.model.units import NO_CONTRACTS, Count, Money, Price
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.live_order import LiveOrder


@dataclass(frozen=True, slots=True)
class OrderRead:
    """The exchange shows an order of ours: what of it has filled, its terms, and whether it can still fill.

    `keep` names the amends whose terms the read cannot have shown yet.
    """

    key: str
    order_id: str
    filled: Count
    total: Count
    price: Price
    is_open: bool
    at_ms: int
    keep: tuple[str, ...] = ()
    kind: Literal["order_read"] = "order_read"


@dataclass(frozen=True, slots=True)
class OrderAbsent:
    """A create whose end was unknown is proven not to be at the exchange, nor ever to have been."""

    key: str
    at_ms: int
    kind: Literal["order_absent"] = "order_absent"


@dataclass(frozen=True, slots=True)
class OrphanOrder:
    """The exchange shows an order that has no row of ours: from before the ledger began, or past the proxy."""

    order: LiveOrder
    is_open: bool
    at_ms: int
    filled_since: Count = NO_CONTRACTS
    kind: Literal["orphan_order"] = "orphan_order"


@dataclass(frozen=True, slots=True)
class OrphanExplained:
    """A person knows how an order came about that has no row of ours."""

    order_id: str
    kind: Literal["orphan_explained"] = "orphan_explained"


@dataclass(frozen=True, slots=True)
class AmendAbsent:
    """An amend whose end was unknown is proven not to have happened."""

    key: str
    decision_id: str
    at_ms: int
    kind: Literal["amend_absent"] = "amend_absent"


@dataclass(frozen=True, slots=True)
class WriteResolved:
    """Nothing about a write is open any more: what it asked for is as the exchange shows it."""

    decision_id: str
    kind: Literal["write_resolved"] = "write_resolved"


@dataclass(frozen=True, slots=True)
class Silent:
    """A read that came late enough to show something did not show it; the second one proves it."""

    decision_id: str
    key: str = ""
    kind: Literal["silent"] = "silent"


@dataclass(frozen=True, slots=True)
class PositionSeen:
    """The exchange's position differs from ours, and both count; None where it agrees again."""

    subaccount: int
    ticker: str
    held: Held | None
    kind: Literal["position_seen"] = "position_seen"


@dataclass(frozen=True, slots=True)
class PositionAdopted:
    """The exchange's position and basis are taken for ours."""

    subaccount: int
    ticker: str
    held: Held
    kind: Literal["position_adopted"] = "position_adopted"


@dataclass(frozen=True, slots=True)
class PlaceLearned:
    """Where a market belongs, for what is held there without an order of ours."""

    place: Place
    kind: Literal["place_learned"] = "place_learned"


@dataclass(frozen=True, slots=True)
class MoneyRead:
    """What the exchange shows of a subaccount's money, in $0.000001: cash, and what closing has brought and cost."""

    subaccount: int
    cash: Money
    realized: Money
    fees: Money
    kind: Literal["money_read"] = "money_read"


@dataclass(frozen=True, slots=True)
class GroupsRead:
    """The order groups there are, with the subaccount of each, and the lowest limit (0.01 contracts) that each may
    have, where one is known."""

    groups: tuple[tuple[str, int], ...]
    limits: tuple[tuple[str, int], ...] = ()
    kind: Literal["groups_read"] = "groups_read"


@dataclass(frozen=True, slots=True)
class GroupFound:
    """The exchange shows the order group that the proxy asked for and of whose making nobody knew."""

    group_id: str
    decision_id: str
    at_ms: int
    kind: Literal["group_found"] = "group_found"


@dataclass(frozen=True, slots=True)
class BaselineRead:
    """The whole record was read for the first time: what it showed is where the ledger begins."""

    at_ms: int
    kind: Literal["baseline_read"] = "baseline_read"


@dataclass(frozen=True, slots=True)
class DayBegan:
    """A day began; `marks` are what was seen just now of what is held, as (subaccount, ticker, mark). It is late where
    nobody was there at midnight."""

    day: str
    marks: tuple[tuple[int, str, Mark], ...]
    is_late: bool
    kind: Literal["day_began"] = "day_began"


@dataclass(frozen=True, slots=True)
class FillsRead:
    """The fills that a reading showed for the first time, and the moment that it was of."""

    fills: tuple[Fill, ...]
    as_of_ms: int
    kind: Literal["fills_read"] = "fills_read"


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A market was decided and what was held in it paid out."""

    settlement: Settlement
    kind: Literal["paid_out"] = "paid_out"


@dataclass(frozen=True, slots=True)
class StartRead:
    """How many contracts the day began with, by the first reading: what is there less what the day brought."""

    subaccount: int
    ticker: str
    count: int
    kind: Literal["start_read"] = "start_read"


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Contracts that have come, or gone (below zero), by no fill and no payout; zero where all is explained again."""

    subaccount: int
    ticker: str
    count: int
    kind: Literal["unexplained"] = "unexplained"


@dataclass(frozen=True, slots=True)
class Marked:
    """The best bids for what is held in a market."""

    subaccount: int
    ticker: str
    mark: Mark
    kind: Literal["marked"] = "marked"


@dataclass(frozen=True, slots=True)
class LossReached:
    """Trading was to stop at this loss of the day; the scope is a client, or empty for the whole account."""

    scope: str
    day: str
    loss: Money
    kind: Literal["loss_reached"] = "loss_reached"


type Change = Annotated[
    OrderRead
    | OrderAbsent
    | OrphanOrder
    | OrphanExplained
    | AmendAbsent
    | WriteResolved
    | Silent
    | PositionSeen
    | PositionAdopted
    | PlaceLearned
    | MoneyRead
    | GroupsRead
    | GroupFound
    | BaselineRead
    | DayBegan
    | FillsRead
    | PaidOut
    | StartRead
    | Unexplained
    | Marked
    | LossReached,
    Field(discriminator="kind"),
]

CHANGES: TypeAdapter[tuple[Change, ...]] = TypeAdapter(tuple[Change, ...])
"""Writes changes as plain JSON values (`dump_python(…, mode="json")`) and reads them back; raises ValueError."""
