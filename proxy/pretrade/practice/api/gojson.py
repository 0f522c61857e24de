"""JSON as the exchange's own decoder reads it, which is Go's (its error texts are quoted in orders.md 7).

Rule of this file: bytes in, plain values or a ValueError in Go's words out. Choices that follow from Go's decoder:
names are matched without regard to case and the last one wins; null counts as absent; what follows the first value is
ignored; NaN and Infinity are errors; a number that is no 64-bit integer is kept as it was written, for the error that
it causes; bytes that are no UTF-8 and halves of a surrogate pair become U+FFFD.
"""

import json
import re
from typing import Any, NoReturn

_INT64 = range(-(2**63), 2**63)
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_AFTER = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}


class Number(str):
    """A number that is no 64-bit integer, as it was written."""

    __slots__ = ()


def read(raw: bytes) -> Any:
    """The first JSON value in some bytes. Raises ValueError with the text that Go's decoder would give."""
    text = raw.decode("utf-8", "replace")
    start = _SPACE.match(text)
    if start is None or start.end() == len(text):
        raise ValueError("EOF")
    try:
        value, _ = _DECODER.raw_decode(text, start.end())
    except json.JSONDecodeError as error:
        raise ValueError(_in_gos_words(error)) from error
    except RecursionError as error:
        raise ValueError("exceeded max depth") from error
    return value


def type_of(value: object) -> str:
    """The kind of a JSON value, as Go's decoder names it."""
    match value:
        case bool():
            return "bool"
        case int() | Number():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "null"


def _in_gos_words(error: json.JSONDecodeError) -> str:
    what = next((words for begin, words in _AFTER.items() if error.msg.startswith(begin)), None)
    if what is None or error.pos >= len(error.doc):
        return "unexpected EOF"
    return f"invalid character {_quoted(error.doc[error.pos])} {what}"


def _quoted(character: str) -> str:
    return {"'": "'\\''", '"': "'\"'"}.get(character, f"'{character}'" if character.isprintable() else repr(character))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name.lower(): _whole(value) for name, value in pairs}


def _whole(value: Any) -> Any:
    if type(value) is str and _SURROGATE.search(value):
        return _SURROGATE.sub("\ufffd", value)
    return value


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= 20 and int(text) in _INT64 else Number(text)


def _no_number(name: str) -> NoReturn:
    where = "in numeric literal" if name.startswith("-") else "looking for beginning of value"
    raise ValueError(f"invalid character '{name.lstrip('-')[0]}' {where}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=_integer, parse_constant=_no_number
)
