"""Our refusals: the hybrid body, sentences that a person reads in a bot's log, nothing long or unprintable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.replies import MAX_REASONS, refusal
from pretrade.model.codes import CODES, DenyCode
from pretrade.model.decide_codes import DECIDE_CODES
from pretrade.model.decisions import Check

COUNT = Check("limits.order.max_count", "500.00", "100.00", DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, unit="contracts")
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
        "retryable": False,
        "reasons": [
            {
                "code": "ORDER_COUNT_EXCEEDS_MAXIMUM",
                "rule": "limits.order.max_count",
                "observed": "500.00",
                "limit": "100.00",
                "unit": "contracts",
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
        Check("price.collar.passive", "0.4000", "at least 0.4600", DenyCode.PRICE_OUTSIDE_COLLAR),
        "price 0.4000 is outside price.collar.passive: at least 0.4600",
    ),
    (
        Check("market.price_ranges", "0.5050", "steps of 0.0100", DenyCode.PRICE_OFF_TICK),
        "price 0.5050 is off the market's grid, which has steps of 0.0100",
    ),
    (
        Check("require.post_only", "post_only: false", "post_only: true", DenyCode.FLAG_REQUIRED),
        "require.post_only asks for post_only: true, and the order has post_only: false",
    ),
    (
        Check("market.status", "inactive", "active", DenyCode.MARKET_NOT_OPEN),
        "the market is inactive, not active",
    ),
    (
        Check("limits.throttle.place", "too much with other clients'", "20", DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM),
        "with what other clients use, this would be past limits.throttle.place 20",
    ),
    (
        Check("limits.day.max_orders", "too much with other clients'", "25", DenyCode.DAY_ORDERS_EXCEED_MAXIMUM, 1),
        "orders[1]: with what other clients use, this would be past limits.day.max_orders 25",
    ),
    (
        Check(
            "liquidity.max_slippage",
            "$0.05",
            "$0.03 (62.50 contracts pass)",
            DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM,
            unit="dollars",
        ),
        "it would trade $0.05 worse than the best price, liquidity.max_slippage is $0.03 (62.50 contracts pass)",
    ),
    (
        Check("liquidity.max_slippage_percent", "6.00", "5.00", DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM, unit="percent"),
        "it would trade 6.00 percent worse than the best price, liquidity.max_slippage_percent is 5.00",
    ),
    (
        Check("confirm.above_risk", "$120.00", "$100.00", DenyCode.CONFIRMATION_REQUIRED, unit="dollars"),
        "a person must confirm this order first: confirm.above_risk is $100.00, and this is $120.00",
    ),
    (
        Check("price.collar.when_missing", "no book was seen", "a reference price", DenyCode.REFERENCE_MISSING),
        "no book was seen, and price.collar.when_missing asks for a reference price",
    ),
    (
        Check("trading_state", "HALTED", "exits only", DenyCode.TRADING_HALTED),
        "Trading is HALTED: only cancels and decreases pass.",
    ),
]


STATES = {
    DenyCode.ROLE_READ_ONLY,
    DenyCode.TRADING_HALTED,
    DenyCode.TRADING_REDUCING,
    DenyCode.CLIENT_HALTED,
    DenyCode.CLIENT_REDUCING,
    DenyCode.EXCHANGE_STATUS_MISSING,
}
"""Denials without a figure: the meaning says all."""
NOT_JUDGED = {
    DenyCode.QUESTIONS_EXCEED_MAXIMUM,
    DenyCode.STREAMS_EXCEED_MAXIMUM,
    DenyCode.STREAM_COMMAND_NOT_ALLOWED,
    DenyCode.STREAM_COMMANDS_EXCEED_MAXIMUM,
    DenyCode.CHANNEL_NOT_ALLOWED,
}
"""No check reports these: they come with a message of their own."""
OF_NO_KEY = {
    DenyCode.PRICE_OFF_TICK,
    DenyCode.MARKET_FACTS_MISSING,
    DenyCode.MARKET_NOT_OPEN,
    DenyCode.EXCHANGE_NOT_TRADING,
    DenyCode.SUBACCOUNT_NOT_OWNED,
    DenyCode.ORDER_NOT_OWNED,
    DenyCode.ORDER_NOT_KNOWN,
    DenyCode.ORDER_GROUP_NOT_OWNED,
    DenyCode.DRY_RUN_ORDER_UNKNOWN,
}
"""What the exchange or another order is, and no key of the policy says."""
ALWAYS_ONE = {code: {"MOST"} for code in (DenyCode.MARKET_NOT_ALLOWED, DenyCode.DUPLICATE_IN_FLIGHT)}
"""What would be in order is always the same there, and in the words."""


@pytest.mark.parametrize("code", sorted(set(DECIDE_CODES) - STATES - NOT_JUDGED))
def test_a_denial_says_what_was_seen_what_may_be_and_by_which_key(code):
    """Catches a code whose denials read alike whatever was wrong: its figures would be in the log alone."""
    message = body_of(code, reasons=(Check("some.key", "SEEN", "MOST", code, unit="contracts"),))["message"]
    seen = {word for word in ("SEEN", "MOST", "some.key") if word in message}
    assert seen >= {"SEEN"} | ({"MOST"} - ALWAYS_ONE.get(code, set())) | (set() if code in OF_NO_KEY else {"some.key"})


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


@pytest.mark.parametrize("code", DenyCode)
def test_every_answer_says_whether_it_may_come_again(code):
    """With several reasons all of them must. Catches `any` for `all`: a bot that sends a wrong order for ever, because
    the throttle was full as well."""
    reason, other = Check("a", "1", "2", code), Check("b", "1", "2", DenyCode.REFERENCE_STALE)
    assert body_of(code)["retryable"] is CODES[code].is_retryable
    assert body_of(code, reasons=(reason, other))["retryable"] is CODES[code].is_retryable
    assert body_of(code, reasons=(reason, other, COUNT))["retryable"] is False


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
