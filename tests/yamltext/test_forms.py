"""The general forms of values: read exactly, or refused in words."""

import pytest

from pretrade.yamltext.forms import duration

GOOD = [
    ("1ms", 1),
    ("500ms", 500),
    ("15s", 15_000),
    ("5m", 300_000),
    ("1h", 3_600_000),
    ("2h", 7_200_000),
    ("120m", 7_200_000),
    ("7200000ms", 7_200_000),
]


@pytest.mark.parametrize(("text", "ms"), GOOD)
def test_a_duration_is_read_in_milliseconds(text, ms):
    """Catches seconds taken for minutes, and a figure that is not an exact integer."""
    span = duration("1ms", "2h")(text)
    assert span == ms
    assert type(span) is int


BAD = ["", "s", "15", "15 s", " 15s", "15s ", "15S", "15sec", "1.5s", "-1s", "+1s", "015s", "1e3ms", "1_000ms", "15s\n"]
BAD += ["\u0661s", "1m30s", "1d", "00:15", "9" * 10 + "ms", "9" * 400 + "h"]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_duration_is_refused_in_words(text):
    """Catches a span that is guessed: 15 of what, 1.5 rounded, 015 as octal."""
    with pytest.raises(ValueError, match="must be a whole number and ms, s, m or h") as refused:
        duration("1ms", "2h")(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["0s", "0ms", "999ms", "601s", "11m", "1h"])
def test_a_duration_keeps_its_ends(text):
    with pytest.raises(ValueError, match="must be a duration from 1s to 10m, was") as refused:
        duration("1s", "10m")(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["1s", "1000ms", "10m", "600s"])
def test_both_ends_of_a_duration_are_taken(text):
    """Catches an end that is left out."""
    duration("1s", "10m")(text)
