"""What the schema refused, as problems with a place in the file and the nearest right name.

Rule of this file: pydantic finds, this file explains; no sentence of pydantic's reaches the person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pretrade.yamltext.describe import ITEM, NAME, KeyInfo, key_at, known_keys
from pretrade.yamltext.forms import FORM, RULES
from pretrade.yamltext.places import Spot, Where, dotted
from pretrade.yamltext.problems import Problem
from pretrade.yamltext.tree import Plain, Tree

_CUTOFF = 0.5
"""How alike two names must be; one of the two letters of `ca` may be wrong."""
_SLIP = 0.8
"""How alike they must be for a slip of the finger to be likelier than a key that belongs elsewhere."""

_SHAPES = {
    "model_type": "must be a group of keys",
    "dict_type": "must be a group of keys",
    "mapping_type": "must be a group of keys",
    "tuple_type": "must be a list of entries, each beginning with '- '",
    "too_short": "must have at least one entry",
}


def schema_problems(error: ValidationError, tree: Tree, keys: Sequence[KeyInfo], kind: str) -> Iterator[Problem]:
    """Every problem of a file that the schema refused, in no order. `keys` are all keys there are, `kind` its name."""
    yield from _Explanation(tree, keys, kind).problems(error)


@dataclass(frozen=True, slots=True)
class _Explanation:
    tree: Tree
    keys: Sequence[KeyInfo]
    kind: str

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        found = [(self._place(detail["loc"]), detail) for detail in error.errors()]
        told = [(where, detail) for where, detail in found if not self._is_told(where, detail)]
        unknown = {where: self._suggest(where) for where, detail in told if detail["type"] == "extra_forbidden"}
        meant = {(*where[:-1], name) for where, name in unknown.items()}
        for where, name in unknown.items():
            yield _at(self.tree.keys, where, "unknown key", name)
        for where, detail in told:
            if detail["type"] == "extra_forbidden" or (detail["type"] == "missing" and where in meant):
                continue
            yield from self._explain(where, detail)

    def _is_told(self, where: Where, detail: ErrorDetails) -> bool:
        """Whether a problem is told already, by the reader or by the entries of a list (pydantic counts the good)."""
        if detail["type"] == "too_short" and _value_at(self.tree.value, where):
            return True
        return any(where[: len(place)] == place for place in self.tree.unread)

    def _place(self, where: Where) -> Where:
        """The place in the file: pydantic puts the tag of a union's member into the way, the file has no such key."""
        value: Any = self.tree.value
        kept: list[str | int] = []
        for number, part in enumerate(where, start=1):
            if number < len(where) and isinstance(value, dict) and part not in value and part in value.values():
                continue
            kept.append(part)
            value = value[part] if _has(value, part) else None
        return tuple(kept)

    def _explain(self, where: Where, detail: ErrorDetails) -> Iterator[Problem]:
        spots = self.tree
        if detail["type"] == RULES:
            for violation in detail["ctx"]["violations"]:
                yield _at(spots.values, violation.where, violation.message)
        elif detail["type"] == "missing":
            yield self._missing(where)
        elif detail["type"] == "union_tag_not_found":
            yield self._missing((*where, detail["ctx"]["discriminator"].strip("'")))
        elif detail["type"] == "union_tag_invalid":
            yield self._wrong_tag(where, detail["ctx"])
        elif where[-1:] == ("[key]",):
            yield _at(spots.keys, where[:-1], detail["msg"])
        elif detail["type"] == FORM:
            yield _at(spots.values, where, detail["msg"])
        else:
            yield _at(spots.values, where, _SHAPES.get(detail["type"], detail["msg"]))

    def _wrong_tag(self, where: Where, context: dict[str, Any]) -> Problem:
        known = context["expected_tags"].replace("'", "").split(", ")
        close = get_close_matches(context["tag"].casefold(), known, n=1, cutoff=_CUTOFF)
        message = f"must be one of {', '.join(known)}; was {context['tag']!r}"
        key = (*where, context["discriminator"].strip("'"))
        return _at(self.tree.values, key, message, close[0] if close else "")

    def _missing(self, where: Where) -> Problem:
        info = key_at(self.keys, where)
        example = f", as in {where[-1]}: {info.example}" if info and info.example else ""
        line, column = self.tree.keys.get(where[:-1], (1, 1))
        return Problem(line, column, dotted(where), f"missing; a {self.kind} must state it{example}")

    def _suggest(self, where: Where) -> str:
        name, group = str(where[-1]), where[:-1]
        present = _value_at(self.tree.value, group)
        known = known_keys(self.keys, group)
        # A name that stands there already is not the one that was meant, unless nothing else can be.
        absent = [key for key in known if key not in present and key != name]
        elsewhere = "" if name in known else self._elsewhere(name, group)
        return _nearest(name, absent, _SLIP) or elsewhere or _nearest(name, absent) or _nearest(name, known)

    def _elsewhere(self, name: str, group: Where) -> str:
        """The keys of this very name in the groups that share most of the way with this one."""
        named = [info for info in self.keys if info.where[-1] == name]
        most = max((_shared(info.where, group) for info in named), default=0)
        return " or ".join(dict.fromkeys(str(info) for info in named if _shared(info.where, group) == most))


def _nearest(name: str, candidates: Sequence[str], cutoff: float = _CUTOFF) -> str:
    return next(iter(get_close_matches(name.casefold(), candidates, n=1, cutoff=cutoff)), "")


def _shared(pattern: tuple[str, ...], group: Where) -> int:
    """How many steps from the top two ways have in common."""
    steps = zip(pattern, group, strict=False)
    return sum(1 for _ in takewhile(lambda step: step[0] in (step[1], NAME, ITEM), steps))


def _at(spots: dict[Where, Spot], where: Where, message: str, suggestion: str = "") -> Problem:
    # What is not there has no spot of its own; then the group that it belongs in is shown.
    line, column = spots.get(where) or spots.get(where[:-1], (1, 1))
    return Problem(line, column, dotted(where), message, suggestion)


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _value_at(value: Plain, where: Where) -> Any:
    found: Any = value
    for part in where:
        found = found[part]
    return found
