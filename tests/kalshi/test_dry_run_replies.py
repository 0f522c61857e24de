"""The exchange's answers made here: byte for byte its shapes, and read back as what they say."""

import json

import pytest

from pretrade.kalshi import dry_run_replies as dry
from pretrade.kalshi.client import Answer
from pretrade.kalshi.outcomes import read_outcome
from pretrade.kalshi.replies import Reply
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from pretrade.model.outcomes import OutcomeState
from pretrade.model.units import Count, Price

NOW_MS = 1_781_159_360_866
TERMS = ("T", Side.BID, Count(100), Price(100), TimeInForce.GOOD_TILL_CANCELED, SelfTradePrevention.MAKER)
CREATE = CreateOrder(NewOrder(*TERMS, client_order_id="c1"))
BATCH = CreateBatch((NewOrder(*TERMS, client_order_id="c1"), NewOrder(*TERMS, client_order_id="c2")))
CANCELS = CancelBatch((CancelOrder("o1"), CancelOrder("o2")))
RESTING = dry.order_entry("o1", "c1", Count(100), NOW_MS)


def read(write, reply: Reply):
    return read_outcome(write, Answer(reply.status, "application/json", reply.body))


def test_a_resting_create_is_the_recorded_body():
    reply = dry.created(RESTING)
    assert reply.status == 201
    assert json.loads(reply.body) == {
        "client_order_id": "c1",
        "fill_count": "0.00",
        "order_id": "o1",
        "remaining_count": "1.00",
        "ts_ms": 1781159360866,
    }


def test_an_order_that_does_not_rest_has_nothing_left():
    entry = dry.order_entry("o1", None, Count(0), NOW_MS)
    assert (entry["fill_count"], entry["remaining_count"]) == ("0.00", "0.00")
    assert "client_order_id" not in entry


ROUND_TRIPS = {
    "create": (CREATE, dry.created(RESTING), [OutcomeState.ACCEPTED]),
    "batch": (
        BATCH,
        dry.created_batch([RESTING, dry.refused_create_entry("c2", dry.NOT_FILLED)]),
        [OutcomeState.ACCEPTED, OutcomeState.REJECTED],
    ),
    "amend": (AmendOrder("o1", "T", Side.BID, Price(1), Count(100)), dry.changed(RESTING), [OutcomeState.ACCEPTED]),
    "decrease": (
        DecreaseOrder("o1", reduce_to=Count(50)),
        dry.changed(dry.decrease_entry("o1", "c1", Count(50), NOW_MS)),
        [OutcomeState.ACCEPTED],
    ),
    "cancel": (
        CancelOrder("o1"),
        dry.changed(dry.cancel_entry("o1", "c1", Count(100), NOW_MS)),
        [OutcomeState.ACCEPTED],
    ),
    "batch cancel": (
        CANCELS,
        dry.canceled_batch(
            [dry.cancel_entry("o1", None, Count(100), NOW_MS), dry.refused_cancel_entry("o2", dry.NOT_FOUND)]
        ),
        [OutcomeState.ACCEPTED, OutcomeState.REJECTED],
    ),
    "cancel all": (CancelAll(0), dry.canceled_all(), []),
}


@pytest.mark.parametrize("case", ROUND_TRIPS)
def test_what_we_answer_reads_back_as_the_exchange_would_mean_it(case):
    write, reply, states = ROUND_TRIPS[case]
    outcome = read(write, reply)
    assert outcome.state is OutcomeState.ACCEPTED
    assert [leg.state for leg in outcome.legs] == states


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("order_already_exists", 409),
        ("fill_or_kill_insufficient_resting_volume", 409),
        ("not_found", 404),
        ("order_ticker_mismatch", 400),
        ("order_side_mismatch", 400),
    ],
)
def test_refusals_have_the_exchanges_status_and_nested_shape(code, status):
    reply = dry.refused(code)
    assert reply.status == status
    assert json.loads(reply.body) == {"error": {"code": code, "message": code.replace("_", " ")}}
    outcome = read(CREATE, reply)
    assert (outcome.state, outcome.legs[0].code) == (OutcomeState.REJECTED, code)


def test_cancel_all_has_no_body():
    assert dry.canceled_all() == Reply(204, b"")
