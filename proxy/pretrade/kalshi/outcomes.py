"""From the exchange's answer to what became of a write.

Rule of this file: ACCEPTED only if the answer holds every order that it must, with our ids and readable figures;
REJECTED only by a status (or, in a batch, an entry) that the exchange defines as a refusal; everything else is UNKNOWN
(threats 1.3). New fields are ignored; a figure is text in plain decimals or it is unreadable.
"""

from dataclasses import replace
from typing import assert_never

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.connection import Answer
from pretrade.kalshi.errors import MAX_TEXT, plain, read_error
from pretrade.model.frozen import frozen
from pretrade.model.groups import ChangeGroup, CreateGroup, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    Withdraw,
    Write,
)
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count

_OK = range(200, 300)
_REFUSALS = frozenset([400, 401, 403, 404, 409, 410, 429])
"""What the exchange defines as a refusal; no other status says that nothing happened (threats 1.3)."""
_NO_CONTENT = 204
_EXISTS = "order_already_exists"
"""What it says of a new order under an id that it knows (orders.md 8)."""
_OPEN_CODES = frozenset(
    [
        "service_unavailable",
        "internal_error",
        "internal_server_error",
        "timeout",
        "request_timeout",
        "deadline_exceeded",
    ]
)
"""What a batch entry's error says where a single order would have been answered 408 or 5xx (orders.md 7)."""


@frozen
class _Reading:
    """One leg, and what was wrong with it in words."""

    leg: LegOutcome
    trouble: str = ""


def read_outcome(write: Write, answer: Answer) -> Outcome:
    """What became of a write that was answered. Never raises on any answer.

    One leg for each order that the write asked about (a new order group's has the group's id); none where the answer
    told nothing that can be trusted, and none for a cancel-all, a withdrawal or another group write.
    """
    if answer.status in _OK:
        return _read_success(write, answer)
    if answer.status in _REFUSALS:
        return _read_refusal(write, answer)
    return _unknown(answer, f"the exchange answered {answer.status}, which does not say what became of the write")


def in_doubt(outcome: Outcome, made: str) -> Outcome:
    """The same outcome, unknown where the exchange refused an order because it knows the order's id, and that begins
    with what was `made` for this very write: nobody else can have brought it. Whoever stands between us may have
    delivered the write twice and answered it with the second."""

    def is_ours(leg: LegOutcome) -> bool:
        return leg.code == _EXISTS and leg.client_order_id is not None and leg.client_order_id.startswith(made)

    if not any(is_ours(leg) for leg in outcome.legs):
        return outcome
    legs = tuple(replace(leg, state=OutcomeState.UNKNOWN) if is_ours(leg) else leg for leg in outcome.legs)
    detail = "the exchange knows an order under an id that was made for this one alone: it may be this one"
    return replace(outcome, state=OutcomeState.UNKNOWN, legs=legs, detail=detail)


def _read_success(write: Write, answer: Answer) -> Outcome:
    try:
        readings = _read_legs(write, answer)
    except AnswerError as e:
        return _unknown(answer, f"the exchange answered {answer.status}, but {e}")
    legs = tuple(reading.leg for reading in readings)
    troubles = [f"leg {number}: {reading.trouble}" for number, reading in enumerate(readings) if reading.trouble]
    return Outcome(_whole_state(legs), answer.status, legs, plain("; ".join(troubles), MAX_TEXT))


def _read_refusal(write: Write, answer: Answer) -> Outcome:
    try:
        error = read_error(read_object(answer.body).raw)
    except AnswerError:
        error = read_error({})
    legs = tuple(
        LegOutcome(OutcomeState.REJECTED, order_id, client_order_id, code=error.code)
        for order_id, client_order_id in _asked(write)
    )
    return Outcome(OutcomeState.REJECTED, answer.status, legs, error.text)


def _unknown(answer: Answer, detail: str) -> Outcome:
    return Outcome(OutcomeState.UNKNOWN, answer.status, detail=detail)


def _asked(write: Write) -> tuple[tuple[str | None, str | None], ...]:
    """(order id, client order id) of each order that a write is about, in its order."""
    match write:
        case CreateOrder(order):
            return ((None, order.client_order_id),)
        case CreateBatch(orders):
            return tuple((None, order.client_order_id) for order in orders)
        case AmendOrder():
            return ((write.order_id, write.client_order_id),)
        case DecreaseOrder() | CancelOrder():
            return ((write.order_id, None),)
        case CancelBatch(orders):
            return tuple((order.order_id, None) for order in orders)
        case CancelAll() | Withdraw() | CreateGroup() | LimitGroup() | ChangeGroup():
            return ()
        case _:
            assert_never(write)


def _read_legs(write: Write, answer: Answer) -> tuple[_Reading, ...]:
    match write:
        case CreateOrder(order):
            return (_Reading(_created(order, read_object(answer.body))),)
        case CreateBatch(orders):
            return _created_batch(orders, read_object(answer.body))
        case AmendOrder():
            return (_Reading(_amended(write, read_object(answer.body))),)
        case DecreaseOrder():
            return (_Reading(_decreased(write, read_object(answer.body))),)
        case CancelOrder():
            return (_Reading(_canceled(write.order_id, read_object(answer.body))),)
        case CancelBatch(orders):
            return _canceled_batch(orders, read_object(answer.body))
        case CancelAll():
            if answer.status != _NO_CONTENT:
                message = "a cancel-all is confirmed by 204 alone"
                raise AnswerError(message)
            return ()
        case Withdraw() | CreateGroup() | LimitGroup() | ChangeGroup():
            return _created_group(answer) if isinstance(write, CreateGroup) else ()
        case _:
            assert_never(write)


def _created_group(answer: Answer) -> tuple[_Reading, ...]:
    group_id = read_object(answer.body).text("order_group_id")
    return (_Reading(LegOutcome(OutcomeState.ACCEPTED, group_id)),)


def _created(order: NewOrder, fields: Fields) -> LegOutcome:
    order_id = fields.text("order_id")
    own_id = fields.same_text("client_order_id", order.client_order_id)
    filled, remaining = fields.count("fill_count"), fields.count("remaining_count")
    _at_most(filled.value + remaining.value, order.count, "the order")
    price = fields.optional_price("average_fill_price")
    return LegOutcome(OutcomeState.ACCEPTED, order_id, own_id, filled.text, remaining.text, price)


def _amended(write: AmendOrder, fields: Fields) -> LegOutcome:
    order_id = fields.required_same_text("order_id", write.order_id)
    own_id = fields.optional_text("client_order_id")
    filled, remaining = fields.optional_count("fill_count"), fields.optional_count("remaining_count")
    _at_most(0 if remaining is None else remaining.value, write.count, "the amended order")
    price = fields.optional_price("average_fill_price")
    return LegOutcome(
        OutcomeState.ACCEPTED,
        order_id,
        own_id,
        None if filled is None else filled.text,
        None if remaining is None else remaining.text,
        price,
    )


def _decreased(write: DecreaseOrder, fields: Fields) -> LegOutcome:
    order_id = fields.required_same_text("order_id", write.order_id)
    remaining = fields.count("remaining_count")
    if write.reduce_to is not None:
        _at_most(remaining.value, write.reduce_to, "what it was to be reduced to")
    own_id = fields.optional_text("client_order_id")
    return LegOutcome(OutcomeState.ACCEPTED, order_id, own_id, remaining_count=remaining.text)


def _canceled(order_id: str, fields: Fields) -> LegOutcome:
    fields.required_same_text("order_id", order_id)
    reduced_by = fields.count("reduced_by")
    own_id = fields.optional_text("client_order_id")
    return LegOutcome(OutcomeState.ACCEPTED, order_id, own_id, reduced_by=reduced_by.text)


def _created_batch(orders: tuple[NewOrder, ...], fields: Fields) -> tuple[_Reading, ...]:
    """Entries come back in the order they were sent (orders.md 3)."""
    entries = fields.objects("orders")
    if len(entries) != len(orders):
        message = f"it tells about {len(entries)} orders where {len(orders)} were sent"
        raise AnswerError(message)
    return tuple(_created_entry(order, entry) for order, entry in zip(orders, entries, strict=True))


def _created_entry(order: NewOrder, entry: Fields) -> _Reading:
    asked = LegOutcome(OutcomeState.UNKNOWN, client_order_id=order.client_order_id)
    try:
        if not entry.has("error"):
            return _Reading(_created(order, entry))
        entry.same_text("client_order_id", order.client_order_id)
    except AnswerError as e:
        return _Reading(asked, str(e))
    if entry.has("order_id"):
        return _Reading(asked, "it has both an order and an error")
    return _refused_entry(asked, entry)


def _canceled_batch(orders: tuple[CancelOrder, ...], fields: Fields) -> tuple[_Reading, ...]:
    """Entries carry the order's id even beside an error, so each order finds its own, in whatever order they come."""
    named: dict[str, list[Fields]] = {}
    for entry in fields.objects("orders"):
        if isinstance(order_id := entry.raw.get("order_id"), str):
            named.setdefault(order_id, []).append(entry)
    return tuple(_canceled_entry(order.order_id, named.get(order.order_id, [])) for order in orders)


def _canceled_entry(order_id: str, own: list[Fields]) -> _Reading:
    asked = LegOutcome(OutcomeState.UNKNOWN, order_id)
    if len(own) != 1:
        return _Reading(asked, f"the answer has {len(own)} entries for it")
    if own[0].has("error"):
        return _refused_entry(asked, own[0])
    try:
        return _Reading(_canceled(order_id, own[0]))
    except AnswerError as e:
        return _Reading(asked, str(e))


def _refused_entry(asked: LegOutcome, entry: Fields) -> _Reading:
    """A batch entry with an error: refused, unless its code is missing or is one of those that leave it open."""
    error = read_error(entry.raw)
    is_open = error.code is None or error.code.lower() in _OPEN_CODES
    state = OutcomeState.UNKNOWN if is_open else OutcomeState.REJECTED
    return _Reading(replace(asked, state=state, code=error.code), f"{state}: {error.text or error.code}")


def _at_most(seen: int, asked: Count, what: str) -> None:
    if seen > asked:
        message = f"its counts are larger than {what}"
        raise AnswerError(message)


def _whole_state(legs: tuple[LegOutcome, ...]) -> OutcomeState:
    states = {leg.state for leg in legs}
    if OutcomeState.UNKNOWN in states:
        return OutcomeState.UNKNOWN
    return OutcomeState.REJECTED if states == {OutcomeState.REJECTED} else OutcomeState.ACCEPTED
