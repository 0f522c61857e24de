"""Actions on the life of a market: when it closes, how it ends, on which price grid and at which fee it trades.

Rule of this file: `core.lifecycle` does the work, and its refusals stand.
"""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pretrade.model.markets import FeeType, MarketStatus
from pretrade.model.units import format_price, parse_decimal
from pretrade.practice.api.views import rfc3339
from pretrade.practice.assemble import Practice
from pretrade.practice.core import lifecycle
from pretrade.practice.core.instruments import ONE, PriceStructure
from pretrade.practice.play.action import Action, ActionError, Done, market_of, micros
from pretrade.practice.words import nearest

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be a time like 2026-12-31T23:59:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("must say its time zone, as in 2026-12-31T23:59:00Z")
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def _figure(value: object, places: int, what: str) -> object:
    return parse_decimal(value.strip().removeprefix("$"), places, what) if isinstance(value, str) else value


def _pays(value: object) -> object:
    pays = _figure(value, 4, "what a YES pays")
    if isinstance(pays, int) and not 0 <= pays <= ONE:
        raise ValueError("what a YES pays must be from $0 to $1")
    return pays


def _multiplier(value: object) -> object:
    return _figure(value, 2, "a multiplier")


type MomentText = Annotated[int, BeforeValidator(_moment)]
"""A moment with its time zone, as in 2026-12-31T23:59:00Z."""
type PaysText = Annotated[int, BeforeValidator(_pays)]
"""What one YES pays, from $0 to $1."""
type MultiplierText = Annotated[int, BeforeValidator(_multiplier)]
"""A fee multiplier as text with up to two decimals."""


class Close(Action):
    """Close a market now; or move its close to a moment (`at`) or so many seconds from now (`within`).

    Its resting orders are canceled when it closes. A close that is moved into the future opens a closed market again.
    """

    market: str
    at: MomentText | None = None
    within: Annotated[float, Field(ge=0, le=315_360_000)] | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if self.at is not None and self.within is not None:
            raise ValueError("give at or within, not both")
        return self

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market, ExchangeError for one that cannot close then."""
        market_of(practice, self.market)
        now = practice.exchange.clock()
        if self.at is None and not self.within:
            lifecycle.close_market(practice.exchange, self.market)
            return Done(f"{self.market} closed")
        close_us = now + micros(self.within or 0) if self.at is None else self.at
        lifecycle.move_close(practice.exchange, self.market, close_us)
        practice.dispatcher.after_write()
        return Done(f"{self.market} closes at {rfc3339(close_us)}")


class _Result(Action):
    """How a market ended: yes, no, or scalar with the `value` that one YES pays."""

    market: str
    result: Literal["yes", "no", "scalar"] | None = None
    value: PaysText | None = None

    @model_validator(mode="after")
    def _value_of_a_scalar(self) -> Self:
        if (self.result == "scalar") != (self.value is not None):
            raise ValueError("a value goes with the result scalar, and with no other")
        return self

    def set_result(self, practice: Practice) -> str:
        """Determine the market and the words for it."""
        lifecycle.determine(practice.exchange, self.market, str(self.result), self.value)
        return str(self.result) if self.value is None else f"${format_price(self.value)}"


class Determine(_Result):
    """Set the result of a market: yes, no, or scalar with the `value` that one YES pays. One that trades is closed.

    It settles by itself when its settlement timer has run.
    """

    result: Literal["yes", "no", "scalar"]

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market, ExchangeError for one that is settled."""
        market_of(practice, self.market)
        return Done(f"{self.market} determined: {self.set_result(practice)}")


class Settle(_Result):
    """Pay a market out now. With a result it is closed and determined first, if it is not yet."""

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market or a missing result, ExchangeError for one that is settled."""
        state = market_of(practice, self.market)
        if self.result is not None:
            self.set_result(practice)
        elif not state.verdict:
            raise ActionError(f"{self.market} has no result yet; say yes, no or what a YES pays")
        practice.exchange.advance()  # without a settlement timer it is paid out as soon as it has a result
        if self.result is None or state.verdict is not MarketStatus.FINALIZED:
            lifecycle.settle(practice.exchange, self.market)
        pays = state.outcome.value if state.outcome is not None else 0
        return Done(f"{self.market} settled: one YES pays ${format_price(pays)}")


class Dispute(Action):
    """Challenge a result: the settlement timer stops until the market is determined again."""

    market: str

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market, ExchangeError for one without a result."""
        market_of(practice, self.market)
        lifecycle.dispute(practice.exchange, self.market)
        return Done(f"{self.market} is disputed")


class Structure(Action):
    """Give a market another price grid, while it trades too; orders that rest stay where they are."""

    market: str
    structure: str

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown market or grid."""
        market_of(practice, self.market)
        if self.structure not in set(PriceStructure):
            raise ActionError(f"there is no price grid {self.structure}; {nearest(self.structure, PriceStructure)}")
        lifecycle.set_structure(practice.exchange, self.market, PriceStructure(self.structure))
        practice.dispatcher.after_write()
        return Done(f"{self.market} has price grid {self.structure} now")


class Fee(Action):
    """Charge the markets of an event by another fee type or `multiplier` than those of its series.

    Without either, the series' own hold again.
    """

    event: str
    multiplier: MultiplierText | None = None
    fee_type: str | None = None

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown event or fee type."""
        events = practice.exchange.events
        if self.event not in events:
            raise ActionError(f"there is no event {self.event}; {nearest(self.event, events)}")
        if self.fee_type is not None and self.fee_type not in set(FeeType):
            raise ActionError(f"there is no fee type {self.fee_type}; {nearest(self.fee_type, FeeType)}")
        kind = None if self.fee_type is None else FeeType(self.fee_type)
        lifecycle.set_event_fee(practice.exchange, self.event, kind, self.multiplier)
        if kind is None and self.multiplier is None:
            return Done(f"{self.event} has the fees of its series")
        parts = [f"type {kind}"] if kind else []
        parts += (
            [f"multiplier {self.multiplier // 100}.{self.multiplier % 100:02d}"] if self.multiplier is not None else []
        )
        return Done(f"{self.event} has fees of its own: {', '.join(parts)}")
