"""The one spelling of a body, and the text of a moment."""

import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.journal.events import canonical, require_plain, utc_text

PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
BODIES = st.dictionaries(
    st.text(),
    st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
)


class Word(StrEnum):
    BID = "bid"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": "x"}, '{"a":"x","b":1}'),
        ({"a": [True, None, ("t",)]}, '{"a":[true,null,["t"]]}'),
        ({"a": "\n\x1b[31m"}, '{"a":"\\n\\u001b[31m"}'),
        ({"a": "é\U0001f600"}, '{"a":"\\u00e9\\ud83d\\ude00"}'),
        ({"side": Word.BID}, '{"side":"bid"}'),
        ({"a": 2**63 - 1}, '{"a":9223372036854775807}'),
    ],
)
def test_canonical_text(body: dict[str, Any], text: str) -> None:
    """Catches: another spelling of the same body, and control characters that could forge a line of a log."""
    assert canonical(body) == text


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ({"price": 0.56}, TypeError, "float 0.56"),
        ({"legs": [{"price": (1, 2.0)}]}, TypeError, "float 2.0"),
        ({"price": float("nan")}, TypeError, "float nan"),
        ({"checks": [["a", None], ["b", 1.5]]}, TypeError, "float 1.5"),
        ({"checks": [["a", None], ["b", float("nan")]]}, TypeError, "float nan"),
        ({"checks": [["a", None], {"b": 2.5}]}, TypeError, "float 2.5"),
        ({"checks": [["a", None], (3.5,)]}, TypeError, "float 3.5"),
        ({"checks": [["a", None], 4.5]}, TypeError, "float 4.5"),
        ({"checks": [["a", None], ["b", [5.5]]]}, TypeError, "float 5.5"),
        ({"checks": [["a", None], ["b", 2**63]]}, ValueError, "beyond 64 bits"),
        ({"price": float("-inf")}, TypeError, "float -inf"),
        ({"a": {1: "x"}}, TypeError, "keys that are not text"),
        ({"a": 2**63}, ValueError, "beyond 64 bits"),
        ({"a": [-(2**63) - 1]}, ValueError, "beyond 64 bits"),
        ({"a": b"x"}, TypeError, "bytes"),
        ({"a": {"x"}}, TypeError, "set"),
    ],
)
def test_canonical_refuses(body: dict[str, Any], error: type[Exception], message: str) -> None:
    """Catches: a figure recorded as a float, or as an integer that SQLite would round."""
    with pytest.raises(error, match=message):
        canonical(body)


def test_canonical_refuses_a_body_inside_itself() -> None:
    body: dict[str, Any] = {}
    body["again"] = body
    with pytest.raises(ValueError, match="Circular"):
        canonical(body)


@given(BODIES)
def test_canonical_is_the_spelling_of_the_standard_library(body: dict[str, Any]) -> None:
    """Catches a row that is spelled by a faster encoder in another way: it would not be found again by its hash, and
    an auditor's own program would spell it differently."""
    assert canonical(body) == json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@pytest.mark.parametrize("number", [*range(0x20), 0x22, 0x2F, 0x5C, 0x7F, 0x80, 0xFF, 0x2028, 0xD800, 0xFFFF, 0x1F600])
def test_every_odd_character_has_one_spelling(number: int) -> None:
    """Catches control characters, quotes, DEL and lone surrogates that a faster encoder spells in its own way."""
    body = {f"key {chr(number)}": f"a {chr(number)} b"}
    assert canonical(body) == json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@given(BODIES)
def test_canonical_says_the_same_thing_again(body: dict[str, Any]) -> None:
    text = canonical(body)
    assert text.isascii()
    assert json.loads(text) == body
    assert canonical(json.loads(text)) == text


@pytest.mark.parametrize(
    ("utc_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_767_225_599_999_999_999, "2025-12-31T23:59:59.999999Z"),
        (1_767_225_600_000_001_000, "2026-01-01T00:00:00.000001Z"),
    ],
)
def test_utc_text_is_cut_not_rounded(utc_ns: int, text: str) -> None:
    assert utc_text(utc_ns) == text


@pytest.mark.parametrize("text", ["", "a\n", "é", "\x00"])
def test_names_are_plain_text(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        require_plain(text, "the decision id")
