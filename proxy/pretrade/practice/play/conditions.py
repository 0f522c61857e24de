"""Actions on what all requests meet: how old reads are, how far the clock is off, how long a cancel-all goes on.

Rule of this file: a condition holds until it is taken back or set anew, or for as long as `lasting` says.
"""

from typing import Annotated

from pydantic import Field

from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.assemble import Practice
from pretrade.practice.play.action import Action, Done, Seconds, lasting, micros

type Age = Annotated[float, Field(ge=0, le=600)]
"""How old a read may be, in seconds."""

_PARTS = ("orders", "order", "fills", "positions", "balance")


class Lag(Action):
    """Let portfolio reads be some seconds old: all of them (`seconds`), or each kind by itself. Nothing: current again.

    `order` is the single order, `orders` the list. Positions and balance are never fresher than the fills.
    """

    seconds: Age = 0
    orders: Age | None = None
    order: Age | None = None
    fills: Age | None = None
    positions: Age | None = None
    balance: Age | None = None
    lasting: Seconds | None = None

    def do(self, practice: Practice) -> Done:
        """Changes reads only; writes see the exchange as it is."""
        ages = {name: self.seconds if (age := getattr(self, name)) is None else age for name in _PARTS}
        portfolio = practice.dispatcher.portfolio
        portfolio.lag = ReadLag(**{f"{name}_us": micros(age) for name, age in ages.items()})

        def undo() -> None:
            portfolio.lag = ReadLag()

        until = lasting(practice, "lag", self.lasting, undo)
        if not any(ages.values()):
            return Done("reads are current")
        late = ", ".join(f"{name} {age:g} s" for name, age in ages.items() if age)
        return Done(f"reads are late{until}: {late}", {"lag": ages})


class Clock(Action):
    """Put the exchange's clock `skew` seconds ahead (behind for a negative one), 0 to set it right.

    It is the clock of signature checks and of the Date header; orders expire and markets close by the true one.
    """

    skew: Annotated[float, Field(ge=-86_400, le=86_400)]
    lasting: Seconds | None = None

    def do(self, practice: Practice) -> Done:
        """A signature whose timestamp is outside the window of the moved clock is refused from now on."""
        window = practice.dispatcher.clock_window
        window.skew_ms = round(self.skew * 1_000)

        def undo() -> None:
            window.skew_ms = 0

        until = lasting(practice, "clock", self.lasting, undo)
        if not self.skew:
            return Done("the clock is right")
        return Done(f"the clock is {abs(self.skew):g} s {'ahead' if self.skew > 0 else 'behind'}{until}")


class CancelAllLingers(Action):
    """Let every later cancel-all come again after some `seconds`: orders that were placed meanwhile are canceled too.

    The exchange says that it may for a minute; 0 ends each at once, as at the start.
    """

    seconds: Age

    def do(self, practice: Practice) -> Done:
        """Holds for cancel-alls from now on."""
        practice.exchange.cancel_all_lingers_us = micros(self.seconds)
        if not self.seconds:
            return Done("a cancel-all ends at once")
        return Done(f"a cancel-all comes again after {self.seconds:g} s, for orders placed meanwhile")
