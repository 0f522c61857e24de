"""The steps and faults of a world file: texts made into the same actions and faults that people ask for by hand.

Rule of this file: nothing is done here and no action is defined here; a step that cannot be right is refused when the
file is read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pretrade.practice.faults.plan import Fault
from pretrade.practice.play.actions import FORMS
from pretrade.practice.stream.faults import StreamFault
from pretrade.practice.words import nearest

if TYPE_CHECKING:
    from pretrade.practice.assemble import Practice

type Act = Callable[["Practice"], object]
type Texts = Mapping[str, Any]

_FAULT, _STREAM_FAULT = TypeAdapter(Fault), TypeAdapter(StreamFault)
NAMES = (*FORMS, "fault", "stream_fault", "clear_faults")
"""What a step of a script can do."""


class ArgumentError(ValueError):
    """Arguments that make no sense: for each problem the key that it is about ("" for all of them) and the problem."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {text}" if key else text for key, text in problems))
        self.problems = problems


def act_of(name: str, arguments: Texts) -> Act:
    """What a step does. Raises ArgumentError."""
    if name == "clear_faults":
        _require_known(arguments, ())
        return _clear_faults
    if name == "fault":
        fault = fault_of(arguments)
        return lambda practice: practice.faults.add(fault)
    if name == "stream_fault":
        stream_fault = stream_fault_of(arguments)
        return lambda practice: practice.hub.faults.add(stream_fault)
    form = FORMS.get(name)
    if form is None:
        raise ArgumentError([("do", f"there is no action {name!r}; {nearest(name, NAMES)}")])
    _require_known(arguments, form.model_fields)
    with _explained():
        return form.model_validate_strings(arguments).do


def fault_of(arguments: Texts) -> Fault:
    """A fault. Raises ArgumentError."""
    _require_known(arguments, [one.name for one in fields(Fault)])
    with _explained():
        return _FAULT.validate_strings(arguments)


def stream_fault_of(arguments: Texts) -> StreamFault:
    """A stream fault. Raises ArgumentError."""
    _require_known(arguments, [one.name for one in fields(StreamFault)])
    with _explained():
        return _STREAM_FAULT.validate_strings(arguments)


def _clear_faults(practice: "Practice") -> None:
    practice.faults.clear()
    practice.hub.faults.clear()


def _require_known(arguments: Texts, known: Iterable[str]) -> None:
    names = list(known)
    odd = [name for name in arguments if name not in names]
    if odd:
        raise ArgumentError(
            [(name, f"unknown key; {nearest(name, names) if names else 'none is taken'}") for name in odd]
        )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ArgumentError([_explain(detail) for detail in error.errors()]) from error


def _explain(detail: ErrorDetails) -> tuple[str, str]:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    if detail["type"] == "missing":
        return key, "missing; this must be said"
    if detail["type"] == "enum":
        words = str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return key, f"cannot be {detail['input']!r}; {nearest(str(detail['input']), words)}"
    text = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return key, f"{text}, was {detail['input']!r}" if key else text
