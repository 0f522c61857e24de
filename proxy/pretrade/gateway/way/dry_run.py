"""A dry-run write's answer: what the dry-run book says, in the exchange's own words. Nothing was sent."""

from pretrade.kalshi import dry_run_replies as words
from pretrade.kalshi.replies import Reply
from pretrade.model.groups import ChangeGroup, CreateGroup, LimitGroup
from pretrade.model.orders import AmendOrder, CancelAll, CancelBatch, CreateBatch, CreateOrder, DecreaseOrder, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import format_count
from pretrade.risk.ledger.dry_run import NONE, DryRunLeg, Result

_REFUSED = {
    Result.DUPLICATE: words.ALREADY_EXISTS,
    Result.NOT_FILLED: words.NOT_FILLED,
    Result.NOT_FOUND: words.NOT_FOUND,
    Result.TICKER_MISMATCH: words.TICKER_MISMATCH,
    Result.SIDE_MISMATCH: words.SIDE_MISMATCH,
    Result.GROUP_TRIGGERED: words.GROUP_TRIGGERED,
}


def dry_run_outcome(legs: tuple[DryRunLeg, ...]) -> Outcome:
    """How a dry-run write ended: recorded like any other, marked as never sent."""
    return Outcome(OutcomeState.DRY_RUN, legs=tuple(_leg_outcome(leg) for leg in legs))


def _leg_outcome(leg: DryRunLeg) -> LegOutcome:
    code = _REFUSED.get(leg.result)
    return LegOutcome(
        state=OutcomeState.DRY_RUN if code is None else OutcomeState.REJECTED,
        order_id=leg.order_id,
        client_order_id=leg.client_order_id,
        fill_count=format_count(NONE),
        remaining_count=format_count(leg.remaining),
        reduced_by=format_count(leg.reduced_by),
        code=code,
    )


def dry_run_reply(write: Write, legs: tuple[DryRunLeg, ...], now_ms: int) -> Reply:
    """The exchange's answer to the write, had it been sent and met nobody."""
    if isinstance(write, CancelAll):
        return words.canceled_all()
    if isinstance(write, CreateBatch):
        return words.created_batch([_created(leg, now_ms) for leg in legs])
    if isinstance(write, CancelBatch):
        return words.canceled_batch([_canceled(leg, now_ms) for leg in legs])
    if isinstance(write, CreateGroup):
        return words.created_group(legs[0].order_id, write.subaccount or 0, write.exchange_index or 0)
    if isinstance(write, LimitGroup | ChangeGroup):
        return words.changed_group()
    (leg,) = legs
    if code := _REFUSED.get(leg.result):
        return words.refused(code)
    if isinstance(write, CreateOrder):
        return words.created(_created(leg, now_ms))
    if isinstance(write, AmendOrder):
        return words.changed(words.order_entry(leg.order_id, leg.client_order_id, leg.remaining, now_ms))
    if isinstance(write, DecreaseOrder):
        return words.changed(words.decrease_entry(leg.order_id, leg.client_order_id, leg.remaining, now_ms))
    return words.changed(_canceled(leg, now_ms))


def _created(leg: DryRunLeg, now_ms: int) -> words.Entry:
    if code := _REFUSED.get(leg.result):
        return words.refused_create_entry(leg.client_order_id, code)
    return words.order_entry(leg.order_id, leg.client_order_id, leg.remaining, now_ms)


def _canceled(leg: DryRunLeg, now_ms: int) -> words.Entry:
    if code := _REFUSED.get(leg.result):
        return words.refused_cancel_entry(leg.order_id, code)
    return words.cancel_entry(leg.order_id, leg.client_order_id, leg.reduced_by, now_ms)
