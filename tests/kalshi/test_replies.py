"""Our refusals: the hybrid body, sentences that a person reads in a bot's log, nothing long or unprintable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.replies import MAX_REASONS, refusal
from pretrade.model.codes import CODES, DenyCode
from pretrade.model.decisions import Check

COUNT = Check("limits.order.max_count", "500.00", "100.00", DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM)
RISK = Check("limits.order.max_risk", "$281.77", "$50.00", DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM)


def body_of(code: DenyCode, **more) -> dict:
    return json.loads(refusal(code, decision_id="d-1", **more).body)


def test_the_whole_body():
    reply = refusal(DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, decision_id="d-1", reasons=(COUNT,))
    error = {
        "code": "ORDER_COUNT_EXCEEDS_MAXIMUM",
        "message": "order count 500.00 is above limits.order.max_count 100.00",
        "details": "Send a smaller order. (decision d-1)",
    }
    assert reply.status == 403
    assert json.loads(reply.body) == error | {
        "error": error,
        "decision_id": "d-1",
        "reasons": [
            {
                "code": "ORDER_COUNT_EXCEEDS_MAXIMUM",
                "rule": "limits.order.max_count",
                "observed": "500.00",
                "limit": "100.00",
                "leg": None,
            }
        ],
        "hint": "Send a smaller order.",
    }


SENTENCES = [
    (RISK, "order risk $281.77, worst-case fee included, is above limits.order.max_risk $50.00"),
    (
        Check("price.band", "0.9950", "0.0200 to 0.9800", DenyCode.PRICE_OUTSIDE_BAND, 2),
        "orders[2]: price 0.9950 is outside price.band 0.0200 to 0.9800",
    ),
    (
        Check("limits.day.max_orders", "201", "200", DenyCode.DAY_ORDERS_EXCEED_MAXIMUM),
        "this would be order 201 of the day, limits.day.max_orders is 200",
    ),
    (
        Check('markets["*"]', "KXBTC-1", "allow: true", DenyCode.MARKET_NOT_ALLOWED),
        'market KXBTC-1 is not allowed by markets["*"]',
    ),
    (
        Check("clients.subaccount", "3", "1", DenyCode.SUBACCOUNT_NOT_OWNED),
        "subaccount 3 is not the client's own, which is 1",
    ),
    (
        Check("instance.mode", "o1", "an order of this client's dry run", DenyCode.DRY_RUN_ORDER_UNKNOWN),
        "order o1 is not an order of this client's dry run, and this instance sends nothing",
    ),
    (
        Check("trading_state", "HALTED", "exits only", DenyCode.TRADING_HALTED),
        "Trading is HALTED: only cancels and decreases pass.",
    ),
]


@pytest.mark.parametrize(("check", "sentence"), SENTENCES)
def test_the_first_reason_is_the_message(check, sentence):
    assert body_of(check.code, reasons=(check,))["message"] == sentence


def test_further_codes_are_named_in_the_message_and_the_reasons_listed():
    body = body_of(DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, reasons=(COUNT, RISK))
    assert body["message"].endswith("100.00 (also ORDER_RISK_EXCEEDS_MAXIMUM)")
    assert [reason["code"] for reason in body["reasons"]] == [COUNT.code, RISK.code]
    assert body_of(COUNT.code, reasons=(COUNT, RISK, RISK))["message"].endswith("(also ORDER_RISK_EXCEEDS_MAXIMUM)")


@pytest.mark.parametrize("code", DenyCode)
def test_every_code_has_its_own_status_and_words(code):
    """Catches a refusal with a status that clients retry by themselves (clients.md 4)."""
    reply = refusal(code, decision_id="d-1")
    body = json.loads(reply.body)
    assert reply.status == CODES[code].status
    assert reply.status not in (401, 408, 429)
    assert (body["code"], body["message"], body["hint"]) == (code, CODES[code].meaning, CODES[code].hint)


def test_a_message_and_a_hint_of_the_callers_go_first():
    body = body_of(DenyCode.FIELD_UNKNOWN, message="field `cuont`; did you mean `count`?", hint="Rename it.")
    assert body["message"] == body["error"]["message"] == "field `cuont`; did you mean `count`?"
    assert body["hint"] == "Rename it."
    assert body["details"] == "Rename it. (decision d-1)"


def test_a_long_list_of_reasons_is_cut_and_counted():
    reply = refusal(COUNT.code, decision_id="d-1", reasons=(COUNT,) * 1000)
    body = json.loads(reply.body)
    assert (len(body["reasons"]), body["reasons_left_off"]) == (MAX_REASONS, 1000 - MAX_REASONS)
    assert "(also" not in body["message"], "all of them say the same"


TEXTS = st.text(max_size=2000)


@given(
    code=st.sampled_from(DenyCode),
    texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    has_message=st.booleans(),
    legs=st.integers(0, 200),
)
def test_a_refusal_is_short_and_printable_whatever_it_quotes(code, texts, has_message, legs):
    """Catches terminal escapes, newlines or a megabyte of a client's own text in the answer and so in its log."""
    rule, observed, limit, message, hint = texts
    checks = [Check(rule, observed, limit, code, leg) for leg in range(legs)]
    reply = refusal(code, decision_id="d-1", message=message if has_message else None, reasons=checks, hint=hint)
    assert len(reply.body) < 32_000

    def strings(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [text for entry in value for text in strings(entry)]
        return [value] if isinstance(value, str) else []

    for text in strings(json.loads(reply.body)):
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= 500
