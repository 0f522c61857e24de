"""Every key of a schema as a list: what reference pages print and where an error looks for the nearest name.

Rule of this file: nothing is written down twice; all of it is read from the fields of the schema's sections.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from pretrade.yamltext.forms import Form, Section
from pretrade.yamltext.places import Where

NAME = "NAME"
"""Stands for a name that whoever writes the file chooses."""
ITEM = "[]"
"""Stands for the place of an entry in a list."""

_VALUE = "one value"
_LIST = "a list of values"
_SHAPES = {(): "a group of keys", (NAME,): "names, each with a group of keys", (ITEM,): "a list of groups of keys"}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key: where it stands, its shape, how its value is written (None where it is no single value), its meaning.

    `only` is the kind of entry that it belongs to, where the entries of a list are of several kinds.
    """

    where: tuple[str, ...]
    shape: str
    form: Form | None
    required: bool
    meaning: str
    example: str
    only: str = ""

    def __str__(self) -> str:
        return ".".join(self.where).replace(f".{ITEM}", ITEM)


def keys_of(section: type[Section], above: tuple[str, ...] = (), only: str = "") -> Iterator[KeyInfo]:
    """Every key of a section and of those within it in the order of the file, a group before its keys."""
    for name, field in section.model_fields.items():
        where = (*above, name)
        groups, step = _groups(field.annotation)
        meaning = field.description or (groups[0].__doc__ if len(groups) == 1 else "") or ""
        example = str(field.examples[0]) if field.examples else ""
        shape = _SHAPES[step] if groups else _LIST if _origin(field.annotation) is tuple else _VALUE
        form = None if groups else _form(field)
        yield KeyInfo(where, shape, form, field.is_required(), meaning, example, only)
        for group in groups:
            yield from keys_of(group, where + step, _tag(group) if len(groups) > 1 else only)


def known_keys(keys: Sequence[KeyInfo], group: Where) -> tuple[str, ...]:
    """The names that may stand in the group at this place of a file; empty where no group may be."""
    return tuple(info.where[-1] for info in keys if _stands_in(info.where[:-1], group) and info.where[-1] != NAME)


def key_at(keys: Sequence[KeyInfo], where: Where) -> KeyInfo | None:
    """The key at this place of a file, None where the schema has none."""
    return next((info for info in keys if _stands_in(info.where, where)), None)


def _stands_in(pattern: tuple[str, ...], where: Where) -> bool:
    if len(pattern) != len(where):
        return False
    return all(
        expected == ITEM if isinstance(part, int) else expected in (part, NAME)
        for expected, part in zip(pattern, where, strict=True)
    )


def _tag(section: type[Section]) -> str:
    """The word by which a kind of entry is known: the only word its first key takes."""
    first = next(iter(section.model_fields.values()))
    return str(next(iter(_words(first.annotation)), ""))


def _words(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((words for part in get_args(annotation) if (words := _words(part))), ())


def _origin(annotation: Any) -> Any:
    return _origin(get_args(annotation)[0]) if get_origin(annotation) is Annotated else get_origin(annotation)


def _groups(annotation: Any) -> tuple[tuple[type[Section], ...], tuple[str, ...]]:
    """The sections behind an annotation (several where a tag decides) and the step from the key to them."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return (annotation,), ()
    if get_origin(annotation) is Mapping:
        return _step(get_args(annotation)[1], NAME)
    if get_origin(annotation) is tuple:
        return _step(get_args(annotation)[0], ITEM)
    found = [_groups(part) for part in get_args(annotation)]
    groups = tuple(group for groups, _ in found for group in groups)
    return groups, next((step for groups, step in found if groups), ())


def _step(annotation: Any, step: str) -> tuple[tuple[type[Section], ...], tuple[str, ...]]:
    groups = _groups(annotation)[0]
    return groups, (step,) if groups else ()


def _form(field: FieldInfo) -> Form | None:
    # An optional field keeps its grammar inside the union with None, a list inside its entry.
    return next((mark for mark in (*field.metadata, *_marks(field.annotation)) if isinstance(mark, Form)), None)


def _marks(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for part in get_args(annotation):
        yield from _marks(part)
