"""Which orders wait for a person: those that could lose more than the policy lets one lose unasked.

Rule of this file: it asks only about what opens, leg by leg; whether somebody has confirmed this very order for
this very rule is a fact.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.units import Money, format_money
from pretrade.risk.checks.case import Case
from pretrade.risk.checks.remembered import remembered


def check_confirmation(case: Case) -> tuple[Check, ...]:
    """One report for each order that opens and has such a limit."""
    facts = case.facts
    return tuple(
        [
            _report(
                confirm.rule, leg.risk, confirm.above_risk, leg.number, facts.is_confirmed(leg.number, confirm.rule)
            )
            for leg in case.opening
            if (confirm := leg.bounds.confirm).above_risk is not None
        ]
    )


@remembered
def _report(rule: str, risk: Money, above: Money, number: int | None, is_confirmed: bool) -> Check:
    code = DenyCode.CONFIRMATION_REQUIRED if risk > above and not is_confirmed else None
    return Check(rule, format_money(risk), format_money(above), code, number, "dollars")
