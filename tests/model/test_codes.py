"""The list of refusals: whole, answerable by every client, and readable by people."""

import re

import pytest

from pretrade.model.codes import CODES, DenyCode, Step

STATUSES = {400, 403, 413, 503, 504}
BY_STEP = {
    Step.DESTINATION: {400, 403, 413},
    Step.ENDPOINT: {403},
    Step.CLIENT: {403},
    Step.DECODE: {400},
    Step.DECIDE: {403},
    Step.JOURNAL: {503},
    Step.SEND: {503, 504},
    Step.FAULT: {503},
}
NOT_NOW = {
    # what is not known at the moment
    DenyCode.ORDER_NOT_KNOWN,
    DenyCode.ORDER_GROUP_LIMIT_MISSING,
    DenyCode.ORDER_GROUP_MISSING,
    DenyCode.LEDGER_NOT_RECONCILED,
    DenyCode.MARKET_FACTS_MISSING,
    DenyCode.EXCHANGE_STATUS_MISSING,
    DenyCode.REFERENCE_MISSING,
    DenyCode.REFERENCE_STALE,
    DenyCode.DAY_LOSS_MISSING,
    DenyCode.DAY_LOSS_STALE,
    DenyCode.LIQUIDITY_MISSING,
    DenyCode.LIQUIDITY_STALE,
    # a market, the exchange or a book as it is at the moment
    DenyCode.MARKET_NOT_OPEN,
    DenyCode.EXCHANGE_NOT_TRADING,
    DenyCode.DEPTH_TOO_LOW,
    DenyCode.LIQUIDITY_GRADE_TOO_LOW,
    # a day, a bucket or a window that is full
    DenyCode.DAY_ORDERS_EXCEED_MAXIMUM,
    DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM,
    DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM,
    DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM,
    DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM,
    DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM,
    DenyCode.QUESTIONS_EXCEED_MAXIMUM,
    DenyCode.STREAMS_EXCEED_MAXIMUM,
    DenyCode.STREAM_COMMANDS_EXCEED_MAXIMUM,
    DenyCode.TUNNELS_EXCEED_MAXIMUM,
    # a fault of ours or of the way to the exchange, with nothing sent, or with a read
    DenyCode.JOURNAL_UNAVAILABLE,
    DenyCode.EXCHANGE_UNREACHABLE,
    DenyCode.EXCHANGE_SILENT,
    DenyCode.STREAM_NOT_OPENED,
    DenyCode.SHUTTING_DOWN,
    DenyCode.INTERNAL_FAULT,
}
"""What may pass later though nobody does anything."""
NOT_SO = {
    # the request is wrong or not for us
    DenyCode.DESTINATION_NOT_ALLOWED,
    DenyCode.ENVIRONMENT_MISMATCH,
    DenyCode.REQUEST_MALFORMED,
    DenyCode.BODY_TOO_LARGE,
    DenyCode.ENDPOINT_UNKNOWN,
    DenyCode.ENDPOINT_BELOW_POLICY,
    DenyCode.ENDPOINT_NOT_ALLOWED,
    DenyCode.ORDER_FAMILY_REMOVED,
    DenyCode.WEBSOCKET_NOT_AVAILABLE,
    DenyCode.QUERY_NOT_ALLOWED,
    DenyCode.CONTENT_TYPE_NOT_JSON,
    DenyCode.BODY_UNDECODABLE,
    DenyCode.FIELD_UNKNOWN,
    DenyCode.FIELD_MISSING,
    DenyCode.FIELD_INVALID,
    DenyCode.HANDSHAKE_MALFORMED,
    DenyCode.STREAM_COMMAND_NOT_ALLOWED,
    # whoever sends it may not, or must sign it anew
    DenyCode.SIGNATURE_MISSING,
    DenyCode.CLIENT_UNKNOWN,
    DenyCode.CLIENT_USER_NOT_ALLOWED,
    DenyCode.SIGNATURE_INVALID,
    DenyCode.SIGNATURE_STALE,
    DenyCode.SIGNATURE_REPLAYED,
    DenyCode.ROLE_READ_ONLY,
    DenyCode.SUBACCOUNT_NOT_OWNED,
    DenyCode.ORDER_NOT_OWNED,
    DenyCode.ORDER_GROUP_NOT_OWNED,
    DenyCode.CHANNEL_NOT_ALLOWED,
    DenyCode.DRY_RUN_ORDER_UNKNOWN,
    # a person must do something
    DenyCode.TRADING_HALTED,
    DenyCode.TRADING_REDUCING,
    DenyCode.CLIENT_HALTED,
    DenyCode.CLIENT_REDUCING,
    DenyCode.MARKET_NOT_ALLOWED,
    DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING,
    DenyCode.LIMIT_WAIVER_EXPIRED,
    DenyCode.CONFIRMATION_REQUIRED,
    DenyCode.ORDER_REPEATED,
    DenyCode.LIVE_KEY_REFUSED,
    # the order's own price, size, flags or time
    DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM,
    DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM,
    DenyCode.PRICE_OUTSIDE_BAND,
    DenyCode.PRICE_OFF_TICK,
    DenyCode.PRICE_OUTSIDE_COLLAR,
    DenyCode.FLAG_REQUIRED,
    DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM,
    DenyCode.DEPTH_SHARE_EXCEEDS_MAXIMUM,
    DenyCode.MARKET_CLOSES_SOON,
    DenyCode.ORDER_GROUP_LOOSENED,
    DenyCode.ORDER_GROUP_DIFFERS,
    # the client must make room
    DenyCode.POSITION_EXCEEDS_MAXIMUM,
    DenyCode.MARKET_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.SERIES_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM,
    DenyCode.OPEN_ORDERS_EXCEED_MAXIMUM,
    # it would trade, or may have traded, twice
    DenyCode.DUPLICATE_IN_FLIGHT,
    DenyCode.OUTCOME_UNKNOWN,
}
"""What waiting alone does not cure, or what must not come again."""
EVERY_CODE = pytest.mark.parametrize("code", DenyCode)


def test_every_code_has_its_entry() -> None:
    """Catches a code without an entry: its refusal would be a KeyError, and the client would see a fault of ours."""
    assert set(CODES) == set(DenyCode)


def test_every_step_has_a_code() -> None:
    """Catches a step of the way whose refusals nobody can name."""
    assert {info.step for info in CODES.values()} == set(Step)


@EVERY_CODE
def test_a_status_is_one_that_no_client_retries(code: DenyCode) -> None:
    """Catches 401 and 429, which the known clients retry by themselves, and 409, which means the exchange's own."""
    info = CODES[code]
    assert info.status in STATUSES & BY_STEP[info.step]


@EVERY_CODE
def test_unknown_and_not_sent_have_different_statuses(code: DenyCode) -> None:
    """Catches a 503, which says that nothing was sent, for a write whose outcome nobody knows."""
    open_ended = {DenyCode.OUTCOME_UNKNOWN, DenyCode.EXCHANGE_SILENT}
    assert (CODES[code].status == 504) == (code in open_ended)


@EVERY_CODE
def test_each_code_says_whether_waiting_helps(code: DenyCode) -> None:
    """Catches a code that nobody has decided this for, and a program that sends what may be live a second time."""
    assert (code in NOT_NOW) != (code in NOT_SO), "decide it here"
    assert CODES[code].is_retryable == (code in NOT_NOW)


@EVERY_CODE
def test_what_is_our_fault_with_nothing_sent_may_come_again(code: DenyCode) -> None:
    """But for a key that the exchange refuses: a person must put that right."""
    if CODES[code].status == 503:
        assert CODES[code].is_retryable == (code is not DenyCode.LIVE_KEY_REFUSED)


@EVERY_CODE
def test_people_read_whole_sentences(code: DenyCode) -> None:
    """Catches a hint that is missing, cut short or not in ASCII (clients show it as it is)."""
    for text in (CODES[code].meaning, CODES[code].hint):
        assert text.endswith(".")
        assert text == text.strip()
        assert text[0].isupper()
        assert text.isascii()
        assert text.isprintable()
        assert 10 <= len(text) <= 200


@EVERY_CODE
def test_a_code_is_spelled_like_its_name(code: DenyCode) -> None:
    """Catches a code whose text in the log differs from the one in the program and the docs."""
    assert code.value == code.name
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", code)
