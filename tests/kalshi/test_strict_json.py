"""Strict JSON: nothing that two parsers could read in two ways comes through."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.strict_json import MAX_BYTES, MAX_DEPTH, MAX_INTEGER, loads
from pretrade.kalshi.wire_error import WireError
from pretrade.model.codes import DenyCode

HOSTILE: list[tuple[bytes, str]] = [
    (b"", "not JSON at character 0"),
    (b" ", "not JSON"),
    (b"null", "one JSON object"),
    (b"[]", "one JSON object"),
    (b'"a"', "one JSON object"),
    (b"1", "one JSON object"),
    (b"true", "one JSON object"),
    (b"{} {}", "not JSON at character 3: Extra data"),
    (b"{}x", "Extra data"),
    (b"{}\x00", "NUL"),
    (b'{"a":"\x00"}', "NUL"),
    (b"\xef\xbb\xbf{}", "byte order mark"),
    ("{}".encode("utf-16"), "not UTF-8"),
    ("{}".encode("utf-16-le"), "NUL"),
    ("{}".encode("utf-32-be"), "NUL"),
    (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
    (b'{"a":"\xc0\xaf"}', "not UTF-8"),
    (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
    (b'{"a":1,"a":1}', "'a' stands twice"),
    (b'{"a":1,"\\u0061":2}', "'a' stands twice"),
    (b'{"b":[{"a":1,"a":2}]}', "'a' stands twice"),
    (b'{"a":1,"A":2}', "key 'A' has other characters"),
    (b'{"Count":1}', "key 'Count' has other characters"),
    (b'{"":1}', "key '' has other characters"),
    (b'{"a ":1}', "key 'a ' has other characters"),
    (b'{"a-b":1}', "other characters"),
    ('{"ſ":1}'.encode(), "other characters"),
    ('{"а":1}'.encode(), "other characters"),
    (b'{"__proto__\\u0000":1}', "other characters"),
    (b'{"a":1.0}', "'1.0' is not an integer"),
    (b'{"a":1e2}', "'1e2' is not an integer"),
    (b'{"a":1E400}', "'1E400' is not an integer"),
    (b'{"a":-0}', "'-0' is not a plain integer"),
    (b'{"a":-0.0}', "not an integer"),
    (b'{"a":01}', "not JSON"),
    (b'{"a":+1}', "not JSON"),
    (b'{"a":0x10}', "not JSON"),
    (b'{"a":1_0}', "not JSON"),
    (b'{"a":.5}', "not JSON"),
    ('{"a":１}'.encode(), "not JSON"),
    ('{"a":1٢}'.encode(), "not JSON"),
    (b'{"a":NaN}', "NaN is not JSON"),
    (b'{"a":Infinity}', "Infinity is not JSON"),
    (b'{"a":-Infinity}', "-Infinity is not JSON"),
    (b'{"a":9007199254740993}', "within 2**53"),
    (b'{"a":-9007199254740993}', "within 2**53"),
    (b'{"a":' + b"9" * 5000 + b"}", "within 2**53"),
    (b'{"a":True}', "not JSON"),
    (b"{'a':1}", "not JSON"),
    (b'{"a":1,}', "not JSON"),
    (b'{"a":[1,]}', "not JSON"),
    (b'{"a":1}//x', "Extra data"),
    (b'{/**/"a":1}', "not JSON"),
    (b'{"a":"\t"}', "not JSON"),
    (b'{"a":"\\x41"}', "not JSON"),
    (b'{"a":"\\u00e9"}', "outside printable ASCII"),
    (b'{"a":"\\n"}', "outside printable ASCII"),
    (b'{"a":"\\u0000"}', "outside printable ASCII"),
    (b'{"a":"\\ud800"}', "outside printable ASCII"),
    (b'{"a":"\\u007f"}', "outside printable ASCII"),
    ('{"a":["é"]}'.encode(), "outside printable ASCII"),
    ('{"a":"１"}'.encode(), "outside printable ASCII"),
    (b'{"a":[[[[[[[[1]]]]]]]]}', "nested more than 8"),
    (b'{"a":' * 9 + b"1" + b"}" * 9, "nested more than 8"),
    (b"[" * 60_000, "nested more than 8"),
    (b'{"a":"' + b"x" * 70_000 + b'"}', "at most 65536"),
    (b'{"a":"\\', "not JSON"),
    (b'{"a', "not JSON"),
]


@pytest.mark.parametrize(("body", "message"), HOSTILE, ids=lambda value: repr(value)[:40])
def test_hostile_bodies_are_refused(body: bytes, message: str) -> None:
    """Catches each way in which parsers are known to differ (threats 17 and 18)."""
    with pytest.raises(WireError) as caught:
        loads(body)
    assert message in str(caught.value)
    too_large = len(body) > MAX_BYTES
    assert caught.value.code is (DenyCode.BODY_TOO_LARGE if too_large else DenyCode.BODY_UNDECODABLE)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"{}", {}),
        (b' \t\r\n{"a" : 1 }\n', {"a": 1}),
        (b'{"a":0,"b":-1,"c":9007199254740992}', {"a": 0, "b": -1, "c": MAX_INTEGER}),
        (b'{"a":"[[[[[[[[[[{{{{{{{{{{"}', {"a": "[[[[[[[[[[{{{{{{{{{{"}),
        (b'{"a":"\\"[[[[[[[[[[\\\\"}', {"a": '"[[[[[[[[[[\\'}),
        (b'{"a":"\\u0041\\/"}', {"a": "A/"}),
        (b'{"a":[[[[[[[1]]]]]]]}', {"a": [[[[[[[1]]]]]]]}),
        (b'{"a":[true,false,null,{"a":" ~"}]}', {"a": [True, False, None, {"a": " ~"}]}),
    ],
)
def test_plain_bodies_are_read(body: bytes, document: dict[str, object]) -> None:
    assert loads(body) == document


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z0-9_]+", fullmatch=True), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), VALUES, max_size=4))
def test_what_is_read_is_what_the_standard_library_reads(document: dict[str, Any]) -> None:
    """Catches a hook that changes a value."""
    body = json.dumps(document).encode()
    try:
        read = loads(body)
    except WireError as error:
        assert error.code is DenyCode.BODY_UNDECODABLE
    else:
        assert read == document
        assert json.dumps(read) == json.dumps(document)


@given(st.binary(max_size=200) | st.text('{}[]",:0123456789abeE+-.\\u \n', max_size=80).map(str.encode))
def test_any_bytes_give_an_object_or_a_wire_error(body: bytes) -> None:
    """Catches an exception of another kind, which would be our fault and not the client's."""
    try:
        document = loads(body)
    except WireError as error:
        assert error.code is DenyCode.BODY_UNDECODABLE
    else:
        assert document == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 32_000,
        b'{"a":"' + b'\\"' * 32_000,
        b'"' + b"\\\\" * 32_000,
        b'"a' * 21_000,
        b"[]" * 32_000,
        b'{"a":[' + b"1," * 32_000,
        b'{"a":"' + b"\\u0041" * 10_000 + b'"}',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_no_body_takes_long(body: bytes) -> None:
    """Catches a depth check that scans the body again from every quote: 32 000 escaped quotes then took 16 s."""
    started = time.process_time()
    with contextlib.suppress(WireError):
        loads(body)
    assert time.process_time() - started < 0.5


def test_depth_counts_the_object_itself() -> None:
    deepest = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert loads(deepest)
