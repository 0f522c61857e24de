"""Reading the exchange's answers field by field: tolerant of fields we do not know, strict on every one that we use."""

import datetime as dt
import json
import re

from pretrade.kalshi.errors import plain
from pretrade.model.frozen import frozen
from pretrade.model.units import UnitError, parse_decimal

_MAX_ID = 200
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


class AnswerError(ValueError):
    """An answer that does not say what it must; the message goes on after "the exchange answered 201, but"."""


@frozen
class JsonDecimal:
    """A JSON number with a fraction or an exponent, as it was written: it never becomes a float."""

    text: str


@frozen
class Figure:
    """A count as the exchange wrote it, and as an integer of 0.01 contract."""

    text: str
    value: int


@frozen
class Fields:
    """One JSON object of an answer. A null is read like an absent field; every method raises AnswerError."""

    raw: dict[str, object]

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.raw.get(name) is not None

    def optional_text(self, name: str) -> str | None:
        """The field's text, None where it is absent or empty."""
        value = self.raw.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > _MAX_ID or plain(value, _MAX_ID) != value:
            message = f"its {name} is not a plain text"
            raise AnswerError(message)
        return value

    def text(self, name: str) -> str:
        """The field's text, which must be there."""
        value = self.optional_text(name)
        if value is None:
            message = f"it has no {name}"
            raise AnswerError(message)
        return value

    def same_text(self, name: str, ours: str | None) -> str | None:
        """Our own id, checked against the one in the answer where there is one."""
        theirs = self.optional_text(name)
        if theirs is not None and ours is not None and theirs != ours:
            message = f"its {name} is {theirs}, not ours"
            raise AnswerError(message)
        return ours if theirs is None else theirs

    def required_same_text(self, name: str, ours: str) -> str:
        """The id that we asked about, which the answer must repeat."""
        self.text(name)
        self.same_text(name, ours)
        return ours

    def optional_count(self, name: str) -> Figure | None:
        """A count in text with at most 2 decimals, None where it is absent."""
        if not self.has(name):
            return None
        return Figure(self.text(name), self._decimal(name, 2))

    def count(self, name: str) -> Figure:
        """A count that must be there."""
        figure = self.optional_count(name)
        if figure is None:
            message = f"it has no {name}"
            raise AnswerError(message)
        return figure

    def optional_price(self, name: str) -> str | None:
        """A price in text with at most 6 decimals (what the exchange prints), None where it is absent."""
        if not self.has(name):
            return None
        self._decimal(name, 6)
        return self.text(name)

    def optional_number(self, name: str, places: int) -> int | None:
        """A JSON number of at least zero as an integer of 10**-places, exact or not at all; None where it is absent."""
        value = self.raw.get(name)
        if value is None:
            return None
        if type(value) is int:
            return _figure(str(value), places, name)
        if not isinstance(value, JsonDecimal):
            message = f"its {name} is not a number"
            raise AnswerError(message)
        has_fraction = "." in value.text
        return _figure(value.text.rstrip("0").rstrip(".") if has_fraction else value.text, places, name)

    def optional_moment_ms(self, name: str) -> int | None:
        """A moment (RFC 3339) in milliseconds since 1970, rounded down; None where it is absent."""
        text = self.optional_text(name)
        if text is None:
            return None
        try:
            if not _MOMENT.fullmatch(text):
                raise ValueError
            return (dt.datetime.fromisoformat(text) - _EPOCH) // dt.timedelta(milliseconds=1)
        except ValueError as e:
            message = f"its {name} is not a moment"
            raise AnswerError(message) from e

    def object(self, name: str) -> "Fields":
        """An object that must be there."""
        value = self.raw.get(name)
        if not isinstance(value, dict):
            message = f"it has no {name}"
            raise AnswerError(message)
        return Fields(value)

    def objects(self, name: str) -> tuple["Fields", ...]:
        """A list of objects that must be there."""
        value = self.raw.get(name)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            message = f"it has no list of {name}"
            raise AnswerError(message)
        return tuple(Fields(entry) for entry in value)

    def _decimal(self, name: str, places: int) -> int:
        return _figure(self.text(name), places, name)


def _figure(text: str, places: int, name: str) -> int:
    try:
        return parse_decimal(text, places, f"its {name}")
    except UnitError as e:
        raise AnswerError(plain(str(e), _MAX_ID)) from e


def read_object(body: bytes) -> Fields:
    """Parse a body that must be one JSON object, no key twice in any object of it. Raises AnswerError.

    Numbers are int or JsonDecimal; only NaN and Infinity, which no method of Fields takes, become floats.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as e:
        message = "its body is not readable JSON"
        raise AnswerError(message) from e
    if not isinstance(value, dict):
        message = "its body is not a JSON object"
        raise AnswerError(message)
    return Fields(value)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key occurs twice"
        raise ValueError(message)
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_float=JsonDecimal)
