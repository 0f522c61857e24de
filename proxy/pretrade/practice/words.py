"""What was wrong with what a person or a test asked for, in words: where, what was expected, the nearest name.

Rule of this file: pydantic finds, this file explains; the explanation never needs the reader to know pydantic.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING = {"missing", "missing_argument"}
_OF_THE_WHOLE = {"value_error", "assertion_error"}


def read[**P, T](make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `make` (a pydantic model or dataclass) builds. Raises ValueError in words where it cannot."""
    try:
        return make(*args, **kwargs)
    except ValidationError as error:
        raise ValueError(complaints(error, _field_names(make))) from error


def complaints(error: ValidationError, known: Iterable[str] = ()) -> str:
    """Every problem that pydantic found, in its order, separated by semicolons."""
    names = list(known)
    return "; ".join(_complaint(detail, names) for detail in error.errors())


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that lead from a wrong name to the right ones."""
    names = list(known)
    close = [known for known in names if name and known.startswith(name)]
    close = close or get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    return (f"did you mean {close[0]}? " if close else "") + f"there are {', '.join(names)}"


def _complaint(detail: ErrorDetails, known: list[str]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] in _UNKNOWN:
        return f"unknown field {where}; {nearest(where, known)}"
    if detail["type"] in _MISSING:
        return f"{where} is missing"
    if detail["type"] == "enum":
        words = str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{where} cannot be {detail['input']!r}; {nearest(str(detail['input']), words)}"
    text = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in _OF_THE_WHOLE:
        return f"{where}: {text}" if where else text
    return f"{where} {text.removeprefix('Input ').removeprefix('String ')}, was {detail['input']!r}"


def _field_names(make: object) -> list[str]:
    return list(getattr(make, "__pydantic_fields__", ()))
