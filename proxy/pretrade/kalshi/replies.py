"""Our own refusals, in the hybrid error body that all six known clients read (clients.md 3).

Rule of this file: every text in a body is printable ASCII of a bounded length, whoever wrote it.
"""

from collections.abc import Mapping, Sequence
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
    DenyCode.PRICE_OFF_TICK: "price {observed} is off the market's grid, which has {limit}",
    DenyCode.PRICE_OUTSIDE_COLLAR: "price {observed} is outside {rule}: {limit}",
    DenyCode.REFERENCE_MISSING: "{observed}, and {rule} asks for {limit}",
    DenyCode.REFERENCE_STALE: "the reference price is {observed} ms old, {rule} is {limit} ms",
    DenyCode.FLAG_REQUIRED: "{rule} asks for {limit}, and the order has {observed}",
    DenyCode.LIMIT_WAIVER_EXPIRED: "{rule}: {limit}, and today is {observed}",
    DenyCode.DAY_ORDERS_EXCEED_MAXIMUM: "this would be order {observed} of the day, {rule} is {limit}",
    DenyCode.MARKET_NOT_ALLOWED: "market {observed} is not allowed by {rule}",
    DenyCode.SUBACCOUNT_NOT_OWNED: "subaccount {observed} is not the client's own, which is {limit}",
    DenyCode.POSITION_EXCEEDS_MAXIMUM: "the position could come to {observed}, above {rule} {limit}",
    DenyCode.MARKET_EXPOSURE_EXCEEDS_MAXIMUM: "exposure in the market would be {observed}, above {rule} {limit}",
    DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM: "exposure in the event would be {observed}, above {rule} {limit}",
    DenyCode.SERIES_EXPOSURE_EXCEEDS_MAXIMUM: "exposure in the series would be {observed}, above {rule} {limit}",
    DenyCode.ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM: "exposure in all would be {observed}, above {rule} {limit}",
    DenyCode.OPEN_ORDERS_EXCEED_MAXIMUM: "{observed} orders would be open, {rule} is {limit}",
    DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM: "the day's orders would cost {observed}, above {rule} {limit}",
    DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM: "today's loss with this order would show {observed}, {rule} is {limit}",
    DenyCode.DAY_LOSS_MISSING: "today's loss is {observed}, so {rule} {limit} cannot be checked",
    DenyCode.DAY_LOSS_STALE: "today's loss rests on a reading {observed}, where {limit} is the most, so {rule} cannot "
    "be checked",
    DenyCode.LEDGER_NOT_RECONCILED: "the exchange's record was last read: {observed}; {rule} is {limit}",
    DenyCode.MARKET_FACTS_MISSING: "too little is known of market {observed}: it must be {limit}",
    DenyCode.MARKET_NOT_OPEN: "the market is {observed}, not {limit}",
    DenyCode.MARKET_CLOSES_SOON: "the market closes in {observed} ms, {rule} is {limit} ms",
    DenyCode.EXCHANGE_NOT_TRADING: "the exchange is {observed} where this market is, not {limit}",
    DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING: "the market's fee multiplier is {observed}, {rule} is {limit}",
    DenyCode.ORDER_NOT_OWNED: "{observed} is not {limit}",
    DenyCode.ORDER_NOT_KNOWN: "{observed} cannot be amended here: it is not {limit}",
    DenyCode.ORDER_GROUP_NOT_OWNED: "order group {observed} is not {limit}",
    DenyCode.ORDER_GROUP_LOOSENED: "{observed} would loosen the order group: {rule} is false, which allows {limit}",
    DenyCode.ORDER_GROUP_LIMIT_MISSING: "the order group's limit is {limit}, so {observed} may be looser, and {rule} "
    "is false",
    DenyCode.ORDER_GROUP_MISSING: "the order is in {observed}, and {rule} asks for {limit}",
    DenyCode.ORDER_GROUP_DIFFERS: "the order names order group {observed}, and {rule} asks for {limit}",
    DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM: "{observed} orders of the burst would be used up with this, {rule} has "
    "{limit}",
    DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM: "{observed} amends of the burst would be used up with this, {rule} has "
    "{limit}",
    DenyCode.ORDER_REPEATED: "the same order would come {observed} times, {rule} is {limit}; the client is stopped",
    DenyCode.DUPLICATE_IN_FLIGHT: "the same order, {observed}, has no known answer yet, and {rule} is false",
    DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM: "the price would be {observed} from the client's own earlier ones, {rule} is "
    "{limit}",
    DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM: "it would trade {figure} worse than the best price, {rule} is {limit}",
    DenyCode.DEPTH_TOO_LOW: "{observed} contracts stand where the position could be left, {rule} is {limit}",
    DenyCode.DEPTH_SHARE_EXCEEDS_MAXIMUM: "it would take {observed} contracts at once, {rule} is {limit}",
    DenyCode.LIQUIDITY_GRADE_TOO_LOW: "the market is {observed}, {rule} is {limit}",
    DenyCode.LIQUIDITY_MISSING: "{observed}, so {rule} {limit} cannot be checked",
    DenyCode.CONFIRMATION_REQUIRED: "a person must confirm this order first: {rule} is {limit}, and this is {observed}",
    DenyCode.LIQUIDITY_STALE: "the book is {observed} ms old, {rule} is {limit} ms",
    DenyCode.DRY_RUN_ORDER_UNKNOWN: "order {observed} is not {limit}, and this instance sends nothing",
}
"""How a check's two figures read as one sentence; a code that is not here reads as its meaning in the catalogue. The
`figure` is what was observed with its unit."""

TOGETHER = "too much with other clients'"
"""What stands in a report for a figure that other clients' orders are in."""
_PAST = "with what other clients use, this would be past {rule} {limit}"


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
    more: Mapping[str, object] | None = None,
) -> Reply:
    """The answer to a request that we refuse, or cannot answer: the status and the default words are the code's own.

    Without a `message` the first reason becomes one; `details` repeats what to do and the decision's id, because some
    clients show no other field. `retryable` is what the codes say unless `more` knows better: fields of this one
    answer, in texts of ours.
    """
    info = CODES[code]
    text = plain(message or _summary(code, reasons), MAX_TEXT)
    advice = plain(hint or info.hint, MAX_TEXT)
    decision = plain(decision_id, _MAX_FIGURE)
    error = error_fields(code, text, f"{advice} (decision {decision})")
    body = error | {
        "error": error,
        "decision_id": decision,
        "retryable": all(CODES[each.code or code].is_retryable for each in reasons) if reasons else info.is_retryable,
        "reasons": [_reason(check) for check in reasons[:MAX_REASONS]],
    }
    if len(reasons) > MAX_REASONS:
        body["reasons_left_off"] = len(reasons) - MAX_REASONS
    return Reply(info.status, to_json(body | dict(more or {}) | {"hint": advice}))


def _summary(code: DenyCode, reasons: Sequence[Check]) -> str:
    if not reasons:
        return CODES[code].meaning
    others = sorted({str(check.code or code) for check in reasons[1:]} - {str(reasons[0].code or code)})
    more = f" (also {', '.join(others)})" if others else ""
    return plain(_sentence(reasons[0], code), MAX_TEXT - len(more)) + more


def _sentence(check: Check, code: DenyCode) -> str:
    leg = "" if check.leg is None else f"orders[{check.leg}]: "
    own_code = check.code or code
    form = _PAST if check.observed == TOGETHER else _SENTENCES.get(own_code)
    if form is None:
        return leg + CODES[own_code].meaning
    figure = check.observed if check.observed.startswith("$") else f"{check.observed} {check.unit}"
    return leg + form.format(rule=check.rule, observed=check.observed, limit=check.limit, figure=figure)


def _reason(check: Check) -> dict[str, object]:
    return {
        "code": check.code,
        "rule": plain(check.rule, _MAX_FIGURE),
        "observed": plain(check.observed, _MAX_FIGURE),
        "limit": plain(check.limit, _MAX_FIGURE),
        "unit": check.unit,
        "leg": check.leg,
    }
