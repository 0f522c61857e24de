import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.practice.api import gojson
from pretrade.practice.api.gojson import Number

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc_", max_size=3), inner),
    max_leaves=20,
)


@given(JSON)
def test_plain_json_is_read_as_it_is(value):
    assert gojson.read(json.dumps(value).encode()) == value


@given(st.binary(max_size=40) | st.text('{}[]",:0123456789.eE+-nulltrefasNI\\u ').map(str.encode))
def test_no_bytes_raise_anything_but_a_value_error(raw):
    try:
        gojson.read(raw)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"count":"1","count":"100"}', {"count": "100"}),
        ('{"count":"1","COUNT":"100"}', {"count": "100"}),
        ('{"COUNT":"1","Count":"2","count":"3"}', {"count": "3"}),
        ('{"a":1} {"a":2}', {"a": 1}),
        (' \t\r\n{"a":1}garbage', {"a": 1}),
        ('{"a":9223372036854775807}', {"a": 2**63 - 1}),
        ('{"a":9223372036854775808}', {"a": Number("9223372036854775808")}),
        ('{"a":' + "9" * 5000 + "}", {"a": Number("9" * 5000)}),
        ('{"a":1.5}', {"a": Number("1.5")}),
        ('{"a":1e400}', {"a": Number("1e400")}),
        ('{"a":"\\ud83d"}', {"a": "\ufffd"}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    ],
)
def test_odd_json_is_read_as_go_would(text, value):
    """Catches a reader that takes the first of two names, or one that a proxy would see and the exchange would not."""
    got = gojson.read(text.encode())
    assert got == value
    assert [type(v) for v in got.values()] == [type(v) for v in value.values()]


def test_bytes_that_are_no_utf_8_become_the_replacement_character():
    assert gojson.read(b'{"a":"\xff"}') == {"a": "\ufffd"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "EOF"),
        ("  \n", "EOF"),
        ("{", "unexpected EOF"),
        ('{"a"', "unexpected EOF"),
        ('{"a":', "unexpected EOF"),
        ('{"a":"b', "unexpected EOF"),
        ('{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        ('{"a":Infinity}', "invalid character 'I' looking for beginning of value"),
        ('{"a":-Infinity}', "invalid character 'I' in numeric literal"),
        ("hello", "invalid character 'h' looking for beginning of value"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":"b" "c"}', "invalid character '\"' after value"),
        ('{"a":"\n"}', "invalid character '\\n' in string literal"),
        ("[" * 200_000, "exceeded max depth"),
    ],
)
def test_broken_json_is_told_in_gos_words(text, says):
    with pytest.raises(ValueError, match="^" + __import__("re").escape(says) + "$"):
        gojson.read(text.encode())
