"""Strict JSON: one plain object, read the same way by every parser there is, or refused (threats 17 and 18).

Rule of this file: the standard library parses, its hooks refuse. What passes has no second reading: no duplicate
keys, no float, no number past 2**53, no character outside printable ASCII, no depth.
"""

import json
import re
from typing import Never

from pretrade.kalshi.wire_error import WireError, shown
from pretrade.model.codes import DenyCode

MAX_BYTES = 65_536
"""Far more than 100 orders of ordinary length."""
MAX_DEPTH = 8
MAX_INTEGER = 2**53
"""Integers up to here are exact in every parser, the ones that read all numbers as doubles too."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string, or an unclosed one to the end: matching always succeeds, so the time is linear in the body."""
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")
_KEY = re.compile(r"[a-z0-9_]+", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII)


def loads(body: bytes) -> dict[str, object]:
    """The one JSON object that the bytes are: UTF-8, at most 64 KiB and 8 levels deep, keys of a-z, 0-9 and _ without
    repetition, numbers plain integers within +-2**53, strings of printable ASCII. Raises WireError."""
    if len(body) > MAX_BYTES:
        raise WireError(DenyCode.BODY_TOO_LARGE, f"the body has {len(body)} bytes, at most {MAX_BYTES} are read")
    text = _text(body)
    if _depth(text) > MAX_DEPTH:
        raise _undecodable(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _undecodable(f"the body is not JSON at character {error.pos}: {error.msg}") from error
    if not isinstance(document, dict):
        raise _undecodable("the body must be one JSON object, like {...}")
    if "\\" in text or not (text.isascii() and text.isprintable()):  # else there is no other character to be found
        _check_strings(document)
    return document


def _undecodable(message: str) -> WireError:
    return WireError(DenyCode.BODY_UNDECODABLE, message)


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _undecodable(f"the body is not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise _undecodable("the body starts with a byte order mark")
    if "\x00" in text:
        raise _undecodable("the body has a NUL character")
    return text


def _depth(text: str) -> int:
    """How deep brackets nest outside strings, at most. Up to the first error, the parser sees the same strings as we do
    here."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return MAX_DEPTH  # they cannot nest deeper than that, wherever they stand
    depth = deepest = 0
    for bracket in _NOT_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if _KEY.fullmatch(key) is None:
            raise _undecodable(f"the key {shown(key)} has other characters than a-z, 0-9 and _")
        if key in result:
            raise _undecodable(f"the key {shown(key)} stands twice in one object")
        result[key] = value
    return result


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or abs(int(text)) > MAX_INTEGER:
        raise _undecodable(f"the number {shown(text)} is not a plain integer within 2**53")
    return int(text)


def _no_float(text: str) -> Never:
    raise _undecodable(f'the number {shown(text)} is not an integer; prices and counts are strings, like "0.56"')


def _no_constant(text: str) -> Never:
    raise _undecodable(f"{text} is not JSON")


def _check_strings(value: object) -> None:
    if isinstance(value, str):
        if _PRINTABLE.fullmatch(value) is None:
            raise _undecodable(f"the string {shown(value)} has characters outside printable ASCII")
    elif isinstance(value, dict):
        for item in value.values():
            _check_strings(item)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_no_float, parse_constant=_no_constant
)
