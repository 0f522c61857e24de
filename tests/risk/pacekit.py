"""A desk at which orders are judged by their pace alone, counted and recorded; its clock is a number.

Rule of this file: what is seen, judged, counted and folded are the product's own; what only reduces is said by the
test.
"""

from collections.abc import Iterable
from dataclasses import replace

from tests.builders import facts, policy_text
from tests.risk.kit import NOW, TODAY, Rows, accepted, judged
from tests.waived import NEW_CHECKS, waive

from pretrade.gateway.config import loads
from pretrade.gateway.way.records import approval_of
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode
from pretrade.model.orders import Write, orders_of
from pretrade.model.outcomes import Outcome
from pretrade.policy.schema import Policy
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.pace_checks import check_pace
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.pace_seen import PaceAsked, pace_seen

PACE = ("limits.throttle", "limits.repeat", "price.walk")


def pace_policy(*changes: tuple[str, str], without: Iterable[str] = ()) -> Policy:
    """The default policy with nothing new in it but what limits a pace, less `without`."""
    kept = {name for name in PACE if name not in set(without)} | {"halts.repeat"}
    text = waive(policy_text(*changes, strict=True), tuple(name for name in NEW_CHECKS if name not in kept))
    return loads(text, source="policy.yaml").policy


class Desk:
    """A ledger and its rows, under one policy. `now_ms` is the pace clock."""

    def __init__(self, policy: Policy, mode: Mode = Mode.LIVE) -> None:
        self.policy, self.mode = policy, mode
        self.ledger, self.rows, self.now_ms = Ledger(), Rows(), NOW
        self._numbers = iter(range(10**9))

    def facts(self, write: Write, client: str = "momentum-bot", reduces: tuple[bool, ...] = ()) -> Facts:
        """What the gate would see."""
        seen = facts(now_ms=NOW, day=TODAY, client=client, mode=self.mode, reduces=reduces)
        asked = PaceAsked(write, client, self.mode, reduces, (), self.now_ms)
        return replace(seen, pace=pace_seen(self.ledger, asked, self.policy))

    def checks(self, write: Write, client: str = "momentum-bot", reduces: tuple[bool, ...] = ()) -> tuple[Check, ...]:
        """The reports on a write, which is not counted."""
        return check_pace(case_of(write, self.facts(write, client, reduces), self.policy))

    def ask(self, write: Write, client: str = "momentum-bot", reduces: tuple[bool, ...] = ()) -> list[str]:
        """The reasons against a write; where there are none, it is approved, counted and recorded."""
        on = self.facts(write, client, reduces)
        codes = [str(check.code) for check in check_pace(case_of(write, on, self.policy)) if check.code is not None]
        if not codes:
            name, one = f"d-{next(self._numbers)}", judged(write, on)
            self.ledger.approve(approval_of(one, name))
            self.rows.approved(name, one)
            self.last = name
        return codes

    def end(self, name: str, outcome: Outcome | None = None) -> None:
        """The answer to a write: the exchange's yes to every order of it unless another is given."""
        legs = orders_of(self.ledger.pending[name].write)
        told = outcome or accepted(*((f"x-{name}-{leg}", 0, one.count) for leg, one in enumerate(legs)))
        self.ledger.settle(name, told, NOW)
        self.rows.ended(name, told)

    def restart(self) -> None:
        """The next run: the ledger as its rows say."""
        self.ledger = self.rows.fold()
        self.ledger.lose_sight(NOW)
