"""The limits on the day's loss that a policy states, and when one of them stops trading.

Rule of this file: pure. A limit stops once for each tenth of it that the day's loss has not reached before, from the
whole of it on: so a person's resume holds until the loss has grown by such a tenth, or the next day.
"""

from dataclasses import dataclass

from pretrade.model.units import Money
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy

STEPS = 10
"""Parts of a limit by which a loss must grow to stop trading again on the same day."""


@dataclass(frozen=True, slots=True)
class LossLimit:
    """One limit: the client whose own it is and its subaccount, or empty and None for the whole account's."""

    rule: str
    client: str
    subaccount: int | None
    limit: Money


def loss_limits(policy: Policy) -> tuple[LossLimit, ...]:
    """Every limit on the day's loss, the whole account's first."""
    found: dict[str, LossLimit] = {}
    for name, client in policy.clients.items():
        for bound in bounds_for(policy, name, "").day_loss:
            whose, subaccount = (name, client.subaccount) if bound.scope_is_client else ("", None)
            found[bound.rule] = LossLimit(bound.rule, whose, subaccount, Money(bound.limit))
    return tuple(sorted(found.values(), key=lambda limit: limit.client))


def is_reached(loss: Money, limit: Money, before: Money | None) -> bool:
    """Whether a loss stops trading: it is at the limit, and a step beyond where it last did today. `before` is the
    highest loss at which it was noted today, None where it was not."""
    if loss < limit:
        return False
    return before is None or _steps(loss, limit) > _steps(before, limit)


def _steps(loss: Money, limit: Money) -> int:
    return loss * STEPS // limit if limit else 0
