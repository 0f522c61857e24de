"""Every key of the schema as a list: what the reference page prints and where an error looks for the nearest name.

Rule of this file: nothing is written down twice; all of it is read from the fields of `schema.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo

from pretrade.policy.fields import Form
from pretrade.policy.rules import Where
from pretrade.policy.schema import Policy, Section

NAME = "NAME"
"""Stands for a name that the operator chooses."""
ITEM = "[]"
"""Stands for the place of an entry in a list."""

_VALUE = "one value"
_SHAPES = {(): "a group of keys", (NAME,): "names, each with a group of keys", (ITEM,): "a list of groups of keys"}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key: where it stands, its shape, how its value is written (None where it is no single value), its meaning."""

    where: tuple[str, ...]
    shape: str
    form: Form | None
    required: bool
    meaning: str
    example: str

    def __str__(self) -> str:
        return ".".join(self.where).replace(f".{ITEM}", ITEM)


@cache
def keys() -> tuple[KeyInfo, ...]:
    """Every key of a policy in the order of the file, a group before its keys."""
    return tuple(_keys_of(Policy, ()))


def known_keys(group: Where) -> tuple[str, ...]:
    """The names that may stand in the group at this place of a file; empty where no group may be."""
    return tuple(info.where[-1] for info in keys() if _stands_in(info.where[:-1], group) and info.where[-1] != NAME)


def key_at(where: Where) -> KeyInfo | None:
    """The key at this place of a file, None where the schema has none."""
    return next((info for info in keys() if _stands_in(info.where, where)), None)


def _stands_in(pattern: tuple[str, ...], where: Where) -> bool:
    if len(pattern) != len(where):
        return False
    return all(
        expected == ITEM if isinstance(part, int) else expected in (part, NAME)
        for expected, part in zip(pattern, where, strict=True)
    )


def _keys_of(section: type[Section], above: tuple[str, ...]) -> Iterator[KeyInfo]:
    for name, field in section.model_fields.items():
        where = (*above, name)
        group, step = _group(field.annotation)
        meaning = field.description or (group.__doc__ if group else "") or ""
        example = str(field.examples[0]) if field.examples else ""
        yield KeyInfo(where, _SHAPES[step] if group else _VALUE, _form(field), field.is_required(), meaning, example)
        if group:
            yield from _keys_of(group, where + step)


def _group(annotation: Any) -> tuple[type[Section] | None, tuple[str, ...]]:
    """The section behind an annotation and the step from the key to it."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, ()
    if get_origin(annotation) is Mapping:
        return _group(get_args(annotation)[1])[0], (NAME,)
    if get_origin(annotation) is tuple:
        return _group(get_args(annotation)[0])[0], (ITEM,)
    for part in get_args(annotation):
        group, step = _group(part)
        if group:
            return group, step
    return None, ()


def _form(field: FieldInfo) -> Form | None:
    # An optional field keeps its grammar inside the union with None.
    inner = [mark for part in get_args(field.annotation) if get_origin(part) is Annotated for mark in part.__metadata__]
    is_group = _group(field.annotation)[0] is not None
    return None if is_group else next((mark for mark in (*field.metadata, *inner) if isinstance(mark, Form)), None)
