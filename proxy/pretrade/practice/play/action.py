"""What an operator's action is: a form that is filled in, done at once, and told in one sentence.

Rule of this file: what all actions share; the actions themselves are in the files that `actions` lists.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pretrade.model.units import format_price, parse_count, parse_money, parse_price
from pretrade.practice.assemble import Practice
from pretrade.practice.core.instruments import Market, nearest_prices
from pretrade.practice.core.state import MarketState
from pretrade.practice.words import nearest

_MICROS = 1_000_000


class ActionError(ValueError):
    """An action that cannot be done; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: a sentence, and figures as JSON."""

    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Both together."""
        return {"message": self.message} | self.details


class Action(BaseModel, ABC):
    """One action with its arguments. Unknown arguments and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @abstractmethod
    def do(self, practice: Practice) -> Done:
        """Do it now. Raises ActionError or ExchangeError, and then has changed nothing."""


def _figure(parse: Callable[[str], int]) -> BeforeValidator:
    def read(value: object) -> object:
        # numbers are taken where they are exact; a JSON 0.1 never was
        text = str(value) if type(value) is int else value
        return parse(text.strip().removeprefix("$")) if isinstance(text, str) else value

    return BeforeValidator(read)


type PriceText = Annotated[int, _figure(parse_price)]
"""A price in dollars as text, as in "0.45" or "$0.45"."""
type CountText = Annotated[int, _figure(parse_count)]
"""A number of contracts as text, as in "10" or "2.50"."""
type MoneyText = Annotated[int, _figure(parse_money), Field(gt=0)]
"""An amount in dollars as text, as in "$250"."""
type Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""How long something lasts."""


def micros(seconds: float) -> int:
    """Seconds as microseconds."""
    return round(seconds * _MICROS)


def market_of(practice: Practice, ticker: str) -> MarketState:
    """The market of a ticker. Raises ActionError with the nearest one."""
    markets = practice.exchange.markets
    if ticker not in markets:
        raise ActionError(f"there is no market {ticker}; {nearest(ticker, markets)}")
    return markets[ticker]


def require_on_grid(market: Market, price: int) -> None:
    """Raise ActionError, with the nearest prices, for one between two ticks."""
    if market.on_grid(price):
        return
    near = nearest_prices(market.on_grid, price)
    raise ActionError(f"${format_price(price)} is between two ticks of {market.ticker}; the nearest are {near}")


def lasting(practice: Practice, condition: str, seconds: float | None, undo: Callable[[], None]) -> str:
    """Undo a condition in so many seconds (never for None) unless it is set anew before that, and the words for it."""
    mine = practice.conditions[condition] = object()
    if seconds is None:
        return ""

    def end() -> None:
        if practice.conditions.get(condition) is mine:
            undo()

    practice.exchange.schedule(practice.exchange.clock() + micros(seconds), end)
    return f" for {seconds:g} s"
