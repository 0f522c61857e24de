"""Error bodies: the four shapes read right, and nothing that is read can hurt a log."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.errors import MAX_CODE, MAX_TEXT, ErrorText, nested, plain, read_error

SHAPES = [
    # nested (captured on the demo exchange)
    (
        {"error": {"code": "authentication_error", "message": "authentication_error", "details": "NOT_FOUND"}},
        ErrorText("authentication_error", "authentication_error: NOT_FOUND"),
    ),
    ({"error": {"code": "not_found", "message": "not found", "service": "x"}}, ErrorText("not_found", "not found")),
    # flat
    (
        {"code": "bad_request", "message": "bad request", "details": "json: cannot unmarshal number"},
        ErrorText("bad_request", "bad request: json: cannot unmarshal number"),
    ),
    # msg
    ({"msg": "limit too large"}, ErrorText("limit_too_large", "limit too large")),
    # text
    ({"error": "too many requests"}, ErrorText("too_many_requests", "too many requests")),
    # hybrid, ours and one of the exchange's
    ({"code": "a", "message": "m", "error": {"code": "a", "message": "m"}}, ErrorText("a", "m")),
    # none of them
    ({}, ErrorText(None, "")),
    ({"error": None}, ErrorText(None, "")),
    ({"error": {}}, ErrorText(None, "")),
    ({"error": ""}, ErrorText(None, "")),
    ({"error": {"code": 7, "message": "seven"}}, ErrorText(None, "seven")),
    ({"error": {"code": ""}}, ErrorText(None, "")),
    ({"msg": 3}, ErrorText(None, "")),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES)
def test_every_shape_is_read(value, expected):
    assert read_error(value) == expected


def test_what_we_nest_we_read():
    assert read_error(json.loads(nested("not_found", "not found"))) == ErrorText("not_found", "not found")


NAMES = st.sampled_from(["error", "code", "message", "details", "msg"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(value=st.dictionaries(NAMES, JSON))
def test_whatever_is_read_is_short_and_printable(value):
    """Catches log injection through an error body: escape characters, newlines, endless text."""
    error = read_error(value)
    for text, limit in ((error.code or "", MAX_CODE), (error.text, MAX_TEXT)):
        assert len(text) <= limit
        assert text.isprintable()
        assert text.isascii()


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "..."), ("abcdef", 5, "ab..."), ("a\nb\x1b[1m\u20ac", 20, "a?b?[1m?"), ("", 5, "")],
)
def test_plain(text, limit, expected):
    assert plain(text, limit) == expected
