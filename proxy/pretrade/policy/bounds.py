"""The limits that hold for one client in one market, as plain values; `combine` makes them.

Rule of this file: beside each limit stands the policy key that set it, so that a denial can name it. What the policy
waives is None, or missing from its tuple.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pretrade.model.facts import Measure
from pretrade.model.orders import SelfTradePrevention
from pretrade.model.units import Count, Money, Price
from pretrade.policy.words import BelowGrade, Grade, WhenMissing


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that one figure may be, in the unit of its measure (Count, Money or orders), and the key that set it.

    The figure is the client's own where `scope_is_client`, else the whole account's, all clients together; it is the
    one market's where `per_market`, else that of the whole event, series, account or day. In positions and exposure a
    client's own is its subaccount's.
    """

    scope_is_client: bool
    per_market: bool
    limit: int
    rule: str


OF_ALL, OF_MARKET, OF_EVENT, OF_SERIES = range(4)
"""Over what a figure adds up: everything, or one market, event or series."""


type Limited = tuple[Measure, int, Bound]
"""A measure that is bounded, over what that adds up (OF_ALL …), and the bound. A plain tuple: every order takes dozens
of them apart, which takes four times as long where a tuple has names."""


@dataclass(frozen=True, slots=True)
class Collar:
    """How far a price may lie from the reference price on either side, and how old that may be."""

    aggressive: Price
    passive: Price
    max_age_ms: int
    when_missing: WhenMissing
    aggressive_rule: str
    passive_rule: str
    age_rule: str
    when_missing_rule: str


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a client's price in one market may be from its own earlier ones."""

    max: Price
    within_ms: int
    rule: str


@dataclass(frozen=True, slots=True)
class LiquidityBounds:
    """What the book must offer. `max_slippage_percent` is in 1/100 %, `max_share` in percent.

    A single demand that is waived is None and has no entry in `rules`, which maps the name of a field here to the
    policy key that set it.
    """

    max_slippage: Price | None
    max_slippage_percent: int | None
    min_depth: Count | None
    max_share: int | None
    min_grade: Grade | None
    below_grade: BelowGrade
    max_age_ms: int
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Throttle:
    """One bucket: `burst` orders at once, filled up again at `per_second`, in 1/1000 of an order.

    It is the client's own where `scope_is_client`, else all clients' together; of the one market where `per_market`.
    """

    kind: Literal["place", "amend"]
    scope_is_client: bool
    per_market: bool
    per_second: int
    burst: int
    rule: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often a client may send the same order within a window; `rule` is the key of the number."""

    max_same: int
    within_ms: int
    allow_in_flight: bool
    rule: str
    in_flight_rule: str


@dataclass(frozen=True, slots=True)
class Required:
    """What every order must say itself; `rules` maps the name of a field here to the policy key that set it, and
    `is_anything` says whether there is anything that it must."""

    post_only: bool
    reduce_only: bool
    expiration_within_ms: int | None
    self_trade_prevention: SelfTradePrevention | None
    cancel_order_on_pause: bool
    rules: Mapping[str, str]

    is_anything: bool = field(init=False)

    def __post_init__(self) -> None:
        flags = self.post_only or self.reduce_only or self.cancel_order_on_pause
        values = self.expiration_within_ms, self.self_trade_prevention
        object.__setattr__(self, "is_anything", flags or values != (None, None))


@dataclass(frozen=True, slots=True)
class Confirm:
    """Which orders wait for how many people, and for how long."""

    above_risk: Money | None
    approvals: int
    within_ms: int
    rule: str


@dataclass(frozen=True, slots=True)
class Injected:
    """What is written into a client's orders that open something: the limit of its own order group, whether those that
    rest say cancel_order_on_pause, and how long they may rest; None and False where nothing is. Beside each
    stands the policy key that set it, and `is_anything` says whether there is anything."""

    group_limit: Count | None
    on_pause: bool
    within_ms: int | None
    group_rule: str
    on_pause_rule: str
    within_rule: str

    is_anything: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "is_anything", (self.group_limit, self.on_pause, self.within_ms) != (None, False, None)
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for a client's orders in one market.

    `matched` is the glob that decided, empty where no entry can fit the market; then `allowed` is False. In every tuple
    the whole account's own bound is first where there is one, and no two bounds hold the same figure. `figures` are all
    bounds on what the ledger adds up, from `max_position` to `day_notional`, and `are_apart` says that no two of them
    are on the same measure over the same scope; `band_rule` is the policy key of the band as a whole: the client's or
    the entry's where it narrowed either end. These are worked out here, not with every order.
    """

    allowed: bool
    matched: str
    max_count: Count | None
    max_risk: Money | None
    band_min: Price | None
    band_max: Price | None
    allowed_rule: str
    max_count_rule: str
    max_risk_rule: str
    band_min_rule: str
    band_max_rule: str
    max_position: tuple[Bound, ...]
    market_exposure: tuple[Bound, ...]
    event_exposure: tuple[Bound, ...]
    series_exposure: tuple[Bound, ...]
    account_exposure: tuple[Bound, ...]
    open_orders: tuple[Bound, ...]
    day_orders: tuple[Bound, ...]
    day_notional: tuple[Bound, ...]
    day_loss: tuple[Bound, ...]
    throttles: tuple[Throttle, ...]
    repeat: Repeat | None
    collar: Collar | None
    walk: Walk | None
    liquidity: LiquidityBounds | None
    required: Required
    confirm: Confirm
    no_open_before_close_ms: int | None
    no_open_before_close_rule: str
    injected: Injected

    figures: tuple[Limited, ...] = field(init=False)
    are_apart: bool = field(init=False)
    band_rule: str = field(init=False)

    def __post_init__(self) -> None:
        own = (rule for rule in (self.band_min_rule, self.band_max_rule) if not rule.startswith("price."))
        object.__setattr__(self, "figures", tuple(self._limited()))
        of = {(measure, scope) for measure, scope, _ in self.figures}
        object.__setattr__(self, "are_apart", len(of) == len(self.figures))
        object.__setattr__(self, "band_rule", next(own, self.band_min_rule).rpartition(".")[0])

    def _limited(self) -> Iterator[Limited]:
        for measure, scope, bounds in (
            (Measure.POSITION, OF_MARKET, self.max_position),
            (Measure.MARKET_EXPOSURE, OF_MARKET, self.market_exposure),
            (Measure.EVENT_EXPOSURE, OF_EVENT, self.event_exposure),
            (Measure.SERIES_EXPOSURE, OF_SERIES, self.series_exposure),
            (Measure.ACCOUNT_EXPOSURE, OF_ALL, self.account_exposure),
            (Measure.OPEN_ORDERS, OF_ALL, self.open_orders),
            (Measure.DAY_ORDERS, OF_ALL, self.day_orders),
            (Measure.DAY_NOTIONAL, OF_ALL, self.day_notional),
        ):
            for bound in bounds:
                yield measure, OF_MARKET if bound.per_market else scope, bound
