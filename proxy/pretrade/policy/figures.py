"""Which keys of a policy hold for orders: the one table that combining limits, comparing and listing them read.

Rule of this file: a key stands here once, with what makes one value of it tighter than another. `stated` gives what a
policy, a client or an entry of `markets` says of it, None where that says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from pretrade.model.units import Count, Money, Price, format_count, format_money, format_price
from pretrade.policy.check_fields import Lifetime, percent, rate, span
from pretrade.policy.words import BelowGrade, Grade, SelfTradeRule, WhenMissing

FOREVER_MS = 2**63
"""Longer than any order rests."""


def _low(value: int) -> int:
    return value


def _high(value: int) -> int:
    return -value


@dataclass(frozen=True, slots=True)
class Key[T]:
    """One key: its name from the top (of a policy, a client or an entry) and the way there, how its value is written
    for people, and its `rank`: of two values the tighter one has the lower rank."""

    name: str
    write: Callable[[T], str]
    rank: Callable[[T], int]
    where: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", tuple(self.name.split(".")))

    def __str__(self) -> str:
        return self.name

    def stated(self, place: object) -> T | None:
        """What a policy, a client or an entry of `markets` states; None where it states nothing or has no such key."""
        for name in self.where:
            place = getattr(place, name, None)
            if place is None:
                return None
        return cast("T | None", place)


def _most[N: int](name: str, write: Callable[[N], str]) -> Key[N]:
    """A maximum: less is tighter."""
    return Key(name, write, _low)


def _least[N: int](name: str, write: Callable[[N], str]) -> Key[N]:
    """A minimum: more is tighter."""
    return Key(name, write, _high)


def _word[E: StrEnum](name: str, words: type[E]) -> Key[E]:
    """One of an enum's words, the tightest first."""
    return Key(name, str, list(words).index)


def _flag(name: str, *, tight: bool) -> Key[bool]:
    return Key(name, lambda value: str(value).lower(), lambda value: value is not tight)


def _price(value: int) -> str:
    return f"${format_price(value)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """What adds up and has limits. `key` holds it for everybody and for a client, and is of one market where
    `per_market`; `entry_key` holds it in each market of an entry, None where an entry has no such key.
    """

    key: Key[Any]
    entry_key: Key[Any] | None = None
    per_market: bool = False


MAX_COUNT: Key[Count] = _most("limits.order.max_count", format_count)
MAX_RISK: Key[Money] = _most("limits.order.max_risk", format_money)

_POSITION: Key[Count] = _most("limits.market.max_position", format_count)
_MARKET_EXPOSURE: Key[Money] = _most("limits.market.max_exposure", format_money)
_MARKET_OPEN: Key[int] = _most("limits.market.max_open_orders", str)
_DAY_ORDERS: Key[int] = _most("limits.day.max_orders", str)
_DAY_NOTIONAL: Key[Money] = _most("limits.day.max_notional", format_money)

MAX_POSITION = Figure(_POSITION, _POSITION, per_market=True)
MARKET_EXPOSURE = Figure(_MARKET_EXPOSURE, _MARKET_EXPOSURE, per_market=True)
EVENT_EXPOSURE = Figure(_most("limits.event.max_exposure", format_money))
SERIES_EXPOSURE = Figure(_most("limits.series.max_exposure", format_money))
ACCOUNT_EXPOSURE = Figure(_most("limits.account.max_exposure", format_money))
OPEN_ORDERS = Figure(_most("limits.account.max_open_orders", str), _MARKET_OPEN)
DAY_ORDERS = Figure(_DAY_ORDERS, _DAY_ORDERS)
DAY_NOTIONAL = Figure(_DAY_NOTIONAL, _DAY_NOTIONAL)
DAY_LOSS = Figure(_most("limits.day.max_loss", format_money))

FIGURES = (
    MAX_POSITION,
    MARKET_EXPOSURE,
    EVENT_EXPOSURE,
    SERIES_EXPOSURE,
    ACCOUNT_EXPOSURE,
    OPEN_ORDERS,
    DAY_ORDERS,
    DAY_NOTIONAL,
)
"""Every figure of the ledger that has a limit."""

NO_OPEN_BEFORE_CLOSE: Key[int] = _least("limits.market.no_open_before_close", span)

PLACE_RATE: Key[int] = _most("limits.throttle.place", rate)
AMEND_RATE: Key[int] = _most("limits.throttle.amend", rate)
BURST: Key[int] = _most("limits.throttle.burst", str)

MAX_SAME: Key[int] = _most("limits.repeat.max_same_order", str)
SAME_WITHIN: Key[int] = _least("limits.repeat.within", span)
ALLOW_IN_FLIGHT = _flag("limits.repeat.allow_in_flight", tight=False)

BAND_MIN: Key[Price] = _least("price.band.min", _price)
BAND_MAX: Key[Price] = _most("price.band.max", _price)
AGGRESSIVE: Key[Price] = _most("price.collar.aggressive", _price)
PASSIVE: Key[Price] = _most("price.collar.passive", _price)
COLLAR_AGE: Key[int] = _most("price.collar.max_age", span)
WHEN_MISSING: Key[WhenMissing] = _word("price.collar.when_missing", WhenMissing)
WALK_MAX: Key[Price] = _most("price.walk.max", _price)
WALK_WITHIN: Key[int] = _least("price.walk.within", span)

MAX_SLIPPAGE: Key[Price] = _most("liquidity.max_slippage", _price)
MAX_SLIPPAGE_PERCENT: Key[int] = _most("liquidity.max_slippage_percent", percent)
MIN_DEPTH: Key[Count] = _least("liquidity.min_depth", format_count)
MAX_SHARE: Key[int] = _most("liquidity.max_share_of_depth", lambda share: f"{share}%")
MIN_GRADE: Key[Grade] = _least("liquidity.min_grade", str)
BELOW_GRADE: Key[BelowGrade] = _word("liquidity.below_grade", BelowGrade)
LIQUIDITY_AGE: Key[int] = _most("liquidity.max_age", span)

POST_ONLY = _flag("require.post_only", tight=True)
REDUCE_ONLY = _flag("require.reduce_only", tight=True)
EXPIRATION: Key[Lifetime] = Key(
    "require.expiration_within", str, lambda life: FOREVER_MS if life.ms is None else life.ms
)
SELF_TRADE: Key[SelfTradeRule] = Key("require.self_trade_prevention", str, lambda word: int(word is SelfTradeRule.ANY))
CANCEL_ON_PAUSE = _flag("require.cancel_order_on_pause", tight=True)

ABOVE_RISK: Key[Money] = _most("confirm.above_risk", format_money)

INJECT_GROUP: Key[Count] = _most("inject.order_group", format_count)
INJECT_ON_PAUSE = _flag("inject.cancel_order_on_pause", tight=True)
INJECT_EXPIRATION: Key[int] = _most("inject.expiration_within", span)

KEYS: tuple[Key[Any], ...] = (
    MAX_COUNT,
    MAX_RISK,
    *(figure.key for figure in (*FIGURES, DAY_LOSS)),
    _MARKET_OPEN,
    NO_OPEN_BEFORE_CLOSE,
    *(PLACE_RATE, AMEND_RATE, BURST, MAX_SAME, SAME_WITHIN, ALLOW_IN_FLIGHT),
    *(BAND_MIN, BAND_MAX, AGGRESSIVE, PASSIVE, COLLAR_AGE, WHEN_MISSING, WALK_MAX, WALK_WITHIN),
    *(MAX_SLIPPAGE, MAX_SLIPPAGE_PERCENT, MIN_DEPTH, MAX_SHARE, MIN_GRADE, BELOW_GRADE, LIQUIDITY_AGE),
    *(POST_ONLY, REDUCE_ONLY, EXPIRATION, SELF_TRADE, CANCEL_ON_PAUSE),
    ABOVE_RISK,
    *(INJECT_GROUP, INJECT_ON_PAUSE, INJECT_EXPIRATION),
)
"""Every key that holds for everybody, for a client or in a market, and of which a client and an entry may only state
something tighter, as far as the schema lets them state it."""
