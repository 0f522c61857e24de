"""What was decided and why. Expected refusals are values of this file, never exceptions."""

from dataclasses import dataclass
from typing import NamedTuple

from pretrade.model.codes import DenyCode
from pretrade.model.orders import Write


class Check(NamedTuple):
    """One check's report: what it saw and what the limit was, both as text in the unit people use. A tuple: a write has
    dozens of them.

    `rule` is the policy's own key (`limits.order.max_count`) or the fact's name; `leg` is the batch leg from 0; `unit`
    says in one word what the two texts count, empty where they are no figures. `code` is None exactly when the check
    has no objection; one of a rule that is not `enforced` is recorded and refuses nothing.
    """

    rule: str
    observed: str
    limit: str
    code: DenyCode | None = None
    leg: int | None = None
    unit: str = ""
    enforced: bool = True

    @property
    def passed(self) -> bool:
        """Whether this check stands in nobody's way."""
        return self.code is None or not self.enforced


@dataclass(frozen=True, slots=True)
class Approved:
    """A write that every check passed. Only `risk.checks.engine.decide` makes one, and only this can be signed."""

    write: Write
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """A write that at least one check objects to; every check has reported."""

    write: Write
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[Check, ...]:
        """The checks that object, in the order they ran; never empty."""
        return tuple(check for check in self.checks if not check.passed)


type Decision = Approved | Denied
