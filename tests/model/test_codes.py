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
