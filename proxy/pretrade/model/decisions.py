"""What was decided and why. Expected refusals are values of this file, never exceptions."""

from dataclasses import dataclass

from pretrade.model.codes import DenyCode
from pretrade.model.orders import Write


@dataclass(frozen=True, slots=True)
class Check:
    """One check's report: what it saw and what the limit was, both as text in the unit people use.

    `rule` is the policy's own key (`limits.order.max_count`) or the fact's name; `leg` is the batch leg from 0.
    `code` is None exactly when the check passed.
    """

    rule: str
    observed: str
    limit: str
    code: DenyCode | None = None
    leg: int | None = None

    @property
    def passed(self) -> bool:
        """Whether this check has no objection."""
        return self.code is None


@dataclass(frozen=True, slots=True)
class Approved:
    """A write that every check passed. Only `risk.engine.decide` makes one, and only this can be signed."""

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
