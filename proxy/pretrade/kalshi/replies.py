"""Our own refusals, in the hybrid error body that all six known clients read (clients.md 3).

Rule of this file: every text in a body is printable ASCII of a bounded length, whoever wrote it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pretrade.kalshi.errors import MAX_TEXT, error_fields, plain, to_json
from pretrade.model.codes import CODES, DenyCode
from pretrade.model.decisions import Check

MAX_REASONS = 40
"""Reasons written out in one body; `reasons_left_off` counts the rest, which the journal has."""
_MAX_FIGURE = 120

_SENTENCES: dict[DenyCode, str] = {
    DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM: "order count {observed} is above {rule} {limit}",
    DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM: "order risk {observed}, worst-case fee included, is above {rule} {limit}",
    DenyCode.PRICE_OUTSIDE_BAND: "price {observed} is outside {rule} {limit}",
    DenyCode.DAY_ORDERS_EXCEED_MAXIMUM: "this would be order {observed} of the day, {rule} is {limit}",
    DenyCode.MARKET_NOT_ALLOWED: "market {observed} is not allowed by {rule}",
    DenyCode.SUBACCOUNT_NOT_OWNED: "subaccount {observed} is not the client's own, which is {limit}",
    DenyCode.DRY_RUN_ORDER_UNKNOWN: "order {observed} is not {limit}, and this instance sends nothing",
}
"""How a check's two figures read as one sentence; a code that is not here reads as its meaning in the catalogue."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of our own: always application/json, with an empty body only for a 204."""

    status: int
    body: bytes


def refusal(
    code: DenyCode,
    *,
    decision_id: str,
    message: str | None = None,
    reasons: Sequence[Check] = (),
    hint: str | None = None,
) -> Reply:
    """The answer to a request that we refuse, or cannot answer: the status and the default words are the code's own.

    Without a `message` the first reason becomes one; `details` repeats what to do and the decision's id, because some
    clients show no other field.
    """
    info = CODES[code]
    text = plain(message or _summary(code, reasons), MAX_TEXT)
    advice = plain(hint or info.hint, MAX_TEXT)
    decision = plain(decision_id, _MAX_FIGURE)
    error = error_fields(code, text, f"{advice} (decision {decision})")
    body = error | {
        "error": error,
        "decision_id": decision,
        "reasons": [_reason(check) for check in reasons[:MAX_REASONS]],
    }
    if len(reasons) > MAX_REASONS:
        body["reasons_left_off"] = len(reasons) - MAX_REASONS
    return Reply(info.status, to_json(body | {"hint": advice}))


def _summary(code: DenyCode, reasons: Sequence[Check]) -> str:
    if not reasons:
        return CODES[code].meaning
    others = sorted({str(check.code or code) for check in reasons[1:]} - {str(reasons[0].code or code)})
    more = f" (also {', '.join(others)})" if others else ""
    return plain(_sentence(reasons[0], code), MAX_TEXT - len(more)) + more


def _sentence(check: Check, code: DenyCode) -> str:
    leg = "" if check.leg is None else f"orders[{check.leg}]: "
    own_code = check.code or code
    form = _SENTENCES.get(own_code)
    if form is None:
        return leg + CODES[own_code].meaning
    return leg + form.format(rule=check.rule, observed=check.observed, limit=check.limit)


def _reason(check: Check) -> dict[str, object]:
    return {
        "code": check.code,
        "rule": plain(check.rule, _MAX_FIGURE),
        "observed": plain(check.observed, _MAX_FIGURE),
        "limit": plain(check.limit, _MAX_FIGURE),
        "leg": check.leg,
    }
