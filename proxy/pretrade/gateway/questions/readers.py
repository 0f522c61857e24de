"""Who reads an answer of ours, and what of it is others' business.

Rule of this file: a client learns its own figures and nobody else's. Where a limit is on what several clients use
together, it learns which one binds and nothing of how much is used or left; of an order that is another's, only that.
The log has all of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pretrade.gateway.way.identity import Client
from pretrade.kalshi.replies import TOGETHER
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.risk.checks.standing_checks import NOBODY_KNOWN
from pretrade.risk.checks.usage_checks import KINDS

SHARED = frozenset({*(kind.code for kind in KINDS.values())}) | {
    DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM,
    DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM,
    DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM,
}
"""What may be denied for what other clients have used."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, and whether what it uses is all that is used: then every figure is its own."""

    client: Client
    is_alone: bool

    def owns(self, rule: str) -> bool:
        """Whether the figure of a limit is this client's alone, by the limit's key."""
        own = rule.startswith(f"clients.{self.client.name}.") and not self.client.shares_subaccount
        return self.is_alone or own

    def is_shared(self, check: Check) -> bool:
        """Whether others' use shows in a report's figure."""
        return check.code in SHARED and not self.owns(check.rule)

    def told(self, checks: Iterable[Check]) -> tuple[Check, ...]:
        """The reports of one write as this client may read them."""
        reports = tuple(checks)
        is_anothers = any(check.code is DenyCode.ORDER_NOT_OWNED for check in reports)
        return tuple(self._told(check, is_anothers=is_anothers) for check in reports)

    def _told(self, check: Check, *, is_anothers: bool) -> Check:
        if self.is_shared(check):
            return check._replace(observed=TOGETHER)
        if check.code is DenyCode.ORDER_NOT_OWNED:
            order, _, owner = check.observed.rpartition(" of ")
            return check if owner == NOBODY_KNOWN else check._replace(observed=f"{order} of another client")
        if is_anothers and check.code is DenyCode.ORDER_NOT_KNOWN:  # its limit is the other's market and side
            return check._replace(limit="an order of this client")
        return check
