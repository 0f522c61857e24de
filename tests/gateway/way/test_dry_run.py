"""A dry-run answer for every result of the book, in the shape of the exchange's own."""

import json

import pytest
from tests.builders import amend, order

from pretrade.gateway.way.dry_run import dry_run_outcome, dry_run_reply
from pretrade.kalshi.connection import Answer
from pretrade.kalshi.outcomes import read_outcome
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
)
from pretrade.model.outcomes import OutcomeState
from pretrade.model.units import Count
from pretrade.risk.ledger.dry_run import DryRunLeg, Result

NOW = 1_795_226_000_000
CREATE = CreateOrder(order(client_order_id="c-1"))
BATCH = CreateBatch((order(client_order_id="c-1"), order(client_order_id="c-2")))
DECREASE = DecreaseOrder("dry-1", reduce_by=Count(400))
CANCEL, CANCELS = CancelOrder("dry-1"), CancelBatch((CancelOrder("dry-1"), CancelOrder("dry-2")))
WITHDRAWAL = Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("quote-1",))
NAMED = {"order_id": "dry-1", "client_order_id": "c-1"}


def leg(result: Result, remaining: int = 0, reduced_by: int = 0, number: int = 1) -> DryRunLeg:
    return DryRunLeg(result, f"dry-{number}", f"c-{number}", Count(remaining), Count(reduced_by))


RESTS, ENDED = leg(Result.RESTING, 1_000), leg(Result.CANCELED)


@pytest.mark.parametrize(
    ("write", "legs", "status", "body"),
    [
        (CREATE, [RESTS], 201, {**NAMED, "fill_count": "0.00", "remaining_count": "10.00", "ts_ms": NOW}),
        (CREATE, [ENDED], 201, {**NAMED, "fill_count": "0.00", "remaining_count": "0.00", "ts_ms": NOW}),
        (amend(), [RESTS], 200, {**NAMED, "fill_count": "0.00", "remaining_count": "10.00", "ts_ms": NOW}),
        (DECREASE, [leg(Result.RESTING, 600, 400)], 200, {**NAMED, "remaining_count": "6.00", "ts_ms": NOW}),
        (DECREASE, [leg(Result.CANCELED, 0, 1_000)], 200, {**NAMED, "remaining_count": "0.00", "ts_ms": NOW}),
        (CANCEL, [leg(Result.CANCELED, 0, 1_000)], 200, {**NAMED, "reduced_by": "10.00", "ts_ms": NOW}),
    ],
)
def test_what_took_effect_is_answered_with_the_order(
    write: Write, legs: list[DryRunLeg], status: int, body: dict[str, object]
) -> None:
    """Catches a fill that never was, and figures that are no text of two decimals."""
    reply = dry_run_reply(write, tuple(legs), NOW)
    assert (reply.status, json.loads(reply.body)) == (status, body)


@pytest.mark.parametrize(
    ("write", "result", "status", "code"),
    [
        (CREATE, Result.DUPLICATE, 409, "order_already_exists"),
        (CREATE, Result.NOT_FILLED, 409, "fill_or_kill_insufficient_resting_volume"),
        (amend(), Result.NOT_FOUND, 404, "not_found"),
        (amend(), Result.TICKER_MISMATCH, 400, "order_ticker_mismatch"),
        (amend(), Result.SIDE_MISMATCH, 400, "order_side_mismatch"),
        (DECREASE, Result.NOT_FOUND, 404, "not_found"),
        (CANCEL, Result.NOT_FOUND, 404, "not_found"),
        (WITHDRAWAL, Result.NOT_FOUND, 404, "not_found"),
    ],
)
def test_what_the_exchange_would_refuse_is_refused_in_its_words(
    write: Write, result: Result, status: int, code: str
) -> None:
    """Catches a success for an order that is not there, and a code that no client knows."""
    reply = dry_run_reply(write, (leg(result),), NOW)
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (status, code)


def test_every_result_can_be_answered() -> None:
    """Catches a result of the book that ends in an exception: the order was counted and its client told of a fault."""
    for result in Result:
        for write in (CREATE, amend(), DECREASE, CANCEL):
            assert dry_run_reply(write, (leg(result),), NOW).status in {200, 201, 400, 404, 409}
        for batch in (BATCH, CANCELS):
            entries = json.loads(dry_run_reply(batch, (leg(result), leg(result, number=2)), NOW).body)["orders"]
            assert len(entries) == 2


def test_a_batch_is_answered_leg_by_leg_in_its_order() -> None:
    """Catches one refused leg that hides the other's order id."""
    mixed = (leg(Result.DUPLICATE), leg(Result.RESTING, 1_000, number=2))
    created = dry_run_reply(BATCH, mixed, NOW)
    first, second = json.loads(created.body)["orders"]
    assert created.status == 201
    assert (first["error"]["code"], first["client_order_id"]) == ("order_already_exists", "c-1")
    assert "order_id" not in first
    assert (second["order_id"], second["remaining_count"]) == ("dry-2", "10.00")
    canceled = dry_run_reply(CANCELS, (leg(Result.CANCELED, 0, 1_000), leg(Result.NOT_FOUND, number=2)), NOW)
    first, second = json.loads(canceled.body)["orders"]
    assert canceled.status == 200
    assert (first["reduced_by"], second["reduced_by"], second["error"]["code"]) == ("10.00", "0.00", "not_found")


@pytest.mark.parametrize("legs", [(), (ENDED,), (ENDED, leg(Result.CANCELED, 0, 5, number=2))])
def test_a_cancel_all_is_204_however_much_there_was(legs: tuple[DryRunLeg, ...]) -> None:
    """Catches a cancel-all of nothing that ends in an exception."""
    reply = dry_run_reply(CancelAll(0), legs, NOW)
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize(
    ("write", "legs"),
    [
        (CREATE, (RESTS,)),
        (CREATE, (ENDED,)),
        (BATCH, (RESTS, leg(Result.CANCELED, number=2))),
        (DECREASE, (leg(Result.RESTING, 600, 400),)),
        (CANCEL, (leg(Result.CANCELED, 0, 1_000),)),
        (CANCELS, (leg(Result.CANCELED, 0, 1_000), leg(Result.CANCELED, 0, 5, number=2))),
        (CancelAll(0), ()),
    ],
)
def test_a_dry_run_answer_reads_like_the_exchanges(write: Write, legs: tuple[DryRunLeg, ...]) -> None:
    """Catches a dry run that says something else than a live run would: our own reader takes it for accepted."""
    reply = dry_run_reply(write, legs, NOW)
    outcome = read_outcome(write, Answer(reply.status, "application/json", reply.body))
    assert outcome.state is OutcomeState.ACCEPTED, outcome.detail


def test_the_log_says_that_nothing_was_sent() -> None:
    """Catches a dry-run order recorded as accepted by the exchange."""
    outcome = dry_run_outcome((RESTS, leg(Result.DUPLICATE, number=2)))
    assert (outcome.state, outcome.status) == (OutcomeState.DRY_RUN, None)
    first, second = outcome.legs
    assert (first.state, first.order_id, first.fill_count, first.remaining_count) == (
        OutcomeState.DRY_RUN,
        "dry-1",
        "0.00",
        "10.00",
    )
    assert (second.state, second.code) == (OutcomeState.REJECTED, "order_already_exists")
