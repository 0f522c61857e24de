"""How one value of a file is written: a form has a grammar, a unit and a sentence that says so.

Rule of this file: a value arrives as the text that was written and leaves as an exact value or an error. Nothing is
coerced, rounded or guessed; the message says what was expected and what was there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pretrade.yamltext.problems import Violation

FORM = "form"
"""The type of pydantic error that a value in no right form is."""
RULES = "rules"
"""The type of pydantic error that broken rules between keys are."""
MAX_LENGTH = 512
"""Characters in one value: more than any path or name needs, and short enough to be shown in an error."""

_INTEGER = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_DURATION = re.compile(r"(0|[1-9][0-9]{0,8})(ms|s|m|h)", re.ASCII)
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys that it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a value: its unit (empty where it has none), the form in words, and what reads it.

    `parse` takes the written text and raises ValueError with the sentence that people read. `source` says whose rule
    the form is, where it is not our own.
    """

    unit: str
    form: str
    parse: Callable[[str], object]
    source: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Put this grammar in the place of everything pydantic would do with the field."""
        return core_schema.no_info_plain_validator_function(self._read)

    def _read(self, value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError(FORM, "must be one value, was a list or a group of keys")
        if len(value) > MAX_LENGTH:
            raise PydanticCustomError(FORM, "is far too long for any value here")
        try:
            return self.parse(value)
        except ValueError as error:
            raise PydanticCustomError(FORM, "{why}", {"why": str(error)}) from error


def refuse_broken(broken: Sequence[Violation]) -> None:
    """Refuse a file whose keys break rules between them, for use in its model validator."""
    if broken:
        raise PydanticCustomError(RULES, "{summary}", {"summary": str(broken[0]), "violations": tuple(broken)})


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader of one of these words."""

    def parse(text: str) -> str:
        if text in allowed:
            return text
        listed = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if len(allowed) > 1 else allowed[0]
        raise ValueError(f"must be {listed}, was {text!r}")

    return parse


def member[E: StrEnum](enum: type[E]) -> Callable[[str], E]:
    """A reader of a member of an enum by its value."""
    check = one_of(*enum)
    return lambda text: enum(check(text))


def boolean(text: str) -> bool:
    """Read true or false."""
    return one_of("true", "false")(text) == "true"


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A reader of texts of a pattern; `expected` says what they are."""
    compiled = re.compile(pattern, re.ASCII)

    def parse(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"must be {expected}, was {text!r}")
        return text

    return parse


def integer(what: str, maximum: int) -> Callable[[str], int]:
    """A reader of whole numbers from 0 to `maximum`."""

    def parse(text: str) -> int:
        if _INTEGER.fullmatch(text) is None:
            raise ValueError(f"{what} must be a plain whole number like 25, was {text!r}")
        return at_most(int(text), maximum, f"{what} may be at most {maximum:,}, was {text!r}")

    return parse


def duration(least: str, most: str) -> Callable[[str], int]:
    """A reader of durations like 500ms, 15s, 5m or 1h, in milliseconds, from `least` to `most`, both written so."""
    low, high = _milliseconds(least), _milliseconds(most)

    def parse(text: str) -> int:
        span = _milliseconds(text)
        if not low <= span <= high:
            raise ValueError(f"must be a duration from {least} to {most}, was {text!r}")
        return span

    return parse


def _milliseconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a whole number and ms, s, m or h, as in 500ms, 15s, 5m or 1h, was {text!r}")
    return int(match.group(1)) * _UNIT_MS[match.group(2)]


def at_most(value: int, maximum: int, message: str) -> int:
    """The value, refused with this message where it is larger than the maximum."""
    if value > maximum:
        raise ValueError(message)
    return value


def dollars(text: str, example: str) -> str:
    """The figure of an amount that carries its unit."""
    if not text.startswith("$"):
        raise ValueError(f'must carry its unit, as in "{example}", was {text!r}')
    return text[1:]
