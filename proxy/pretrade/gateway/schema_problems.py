"""What the schema refused, as problems with a place in the file and the nearest right name.

Rule of this file: pydantic finds, this file explains; no sentence of pydantic's reaches the operator.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pretrade.gateway.problems import Problem
from pretrade.gateway.yaml_tree import Plain, Spot, Tree
from pretrade.policy.describe import key_at, keys, known_keys
from pretrade.policy.rules import Where, dotted

_CUTOFF = 0.5
"""How alike two names must be; one of the two letters of `ca` may be wrong."""

_SHAPES = {
    "model_type": "must be a group of keys",
    "dict_type": "must be a group of keys",
    "mapping_type": "must be a group of keys",
    "tuple_type": "must be a list of entries, each beginning with '- '",
    "too_short": "must have at least one entry",
}


def schema_problems(error: ValidationError, tree: Tree) -> Iterator[Problem]:
    """Every problem of a policy that the schema refused, in no order."""
    details = [detail for detail in error.errors() if not _told_already(detail["loc"], tree)]
    unknown = {
        detail["loc"]: _suggest(detail["loc"], tree) for detail in details if detail["type"] == "extra_forbidden"
    }
    meant = {(*where[:-1], name) for where, name in unknown.items()}
    for where, name in unknown.items():
        yield _at(tree.keys, where, "unknown key", name)
    for detail in details:
        if detail["type"] == "extra_forbidden" or (detail["type"] == "missing" and detail["loc"] in meant):
            continue
        yield from _explain(detail, tree)


def _explain(detail: ErrorDetails, tree: Tree) -> Iterator[Problem]:
    where = detail["loc"]
    if detail["type"] == "policy_rules":
        for violation in detail["ctx"]["violations"]:
            yield _at(tree.values, violation.where, violation.message)
    elif detail["type"] == "missing":
        yield _missing(where, tree)
    elif where[-1:] == ("[key]",):
        yield _at(tree.keys, where[:-1], detail["msg"])
    elif detail["type"] == "policy_form":
        yield _at(tree.values, where, detail["msg"])
    else:
        yield _at(tree.values, where, _SHAPES.get(detail["type"], detail["msg"]))


def _missing(where: Where, tree: Tree) -> Problem:
    info = key_at(where)
    example = f", as in {where[-1]}: {info.example}" if info and info.example else ""
    line, column = tree.keys.get(where[:-1], (1, 1))
    return Problem(line, column, dotted(where), f"missing; a policy must state it{example}")


def _at(spots: dict[Where, Spot], where: Where, message: str, suggestion: str = "") -> Problem:
    # What is not there has no spot of its own; then the group that it belongs in is shown.
    line, column = spots.get(where) or spots.get(where[:-1], (1, 1))
    return Problem(line, column, dotted(where), message, suggestion)


def _suggest(where: Where, tree: Tree) -> str:
    name, group = str(where[-1]), where[:-1]
    elsewhere = [str(info) for info in keys() if info.where[-1] == name]
    if elsewhere:
        return " or ".join(elsewhere)
    present = _value_at(tree.value, group)
    known = known_keys(group)
    # A name that stands there already is not the one that was meant, unless nothing else can be.
    for candidates in ([key for key in known if key not in present], known):
        close = get_close_matches(name.casefold(), candidates, n=1, cutoff=_CUTOFF)
        if close:
            return close[0]
    return ""


def _value_at(value: Plain, where: Where) -> Any:
    found: Any = value
    for part in where:
        found = found[part]
    return found


def _told_already(where: Where, tree: Tree) -> bool:
    return any(where[: len(place)] == place for place in tree.unread)
