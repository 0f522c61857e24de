"""YAML text to a plain tree of texts, lists and groups, with the place of everything.

Rule of this file: YAML gives the shape and nothing else. Every scalar stays the text that was written (no `no` that
becomes false, no `010` that becomes 8), and whatever makes one text mean another is a problem: anchors, aliases, merge
keys, tags, several documents, values over several lines, duplicate keys, characters that do not show. It works on the
parser's events, so an alias is never followed and a bomb never explodes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from pretrade.yamltext.places import Spot, Where, dotted
from pretrade.yamltext.problems import Problem

type Plain = str | list[Plain] | dict[str, Plain]

MAX_DEPTH = 10
"""Groups within groups: no schema needs more than 6."""

_NULLS = ("", "~", "null", "Null", "NULL")
_NO_COLON = "could not find expected ':'"
_PLAIN_WORDS = {
    "mapping values are not allowed here": "a second ': ' on one line; quote the value or indent by spaces alone",
    _NO_COLON: "a key without ': ' after it",
    "found unexpected end of stream": "the file ends inside a quoted value",
    "expected <block end>, but found '<block mapping start>'": "this line is indented differently from its neighbours",
    "expected ',' or '}', but got '<stream end>'": "a { that is never closed",
    "expected ',' or ']', but got '<stream end>'": "a [ that is never closed",
}


@dataclass(slots=True)
class Tree:
    """What was read: the value, where each key and each value stands (from 1), and what is wrong with the text.

    `unread` holds the places whose value is not there or could not be taken; their problem is already told.
    """

    value: Plain = ""
    keys: dict[Where, Spot] = field(default_factory=dict)
    values: dict[Where, Spot] = field(default_factory=dict)
    unread: set[Where] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = False
    """Whether the text could be read to its end; else `value` means nothing."""


def read_tree(text: str, kind: str) -> Tree:
    """Read one YAML document, called `kind` in messages. Never raises: what is wrong is in the tree's problems."""
    builder = _Builder(text, kind)
    try:
        builder.document()
    except _StoppedError:
        pass
    except yaml.MarkedYAMLError as error:
        builder.stop(_error_spot(error), _plain_words(error))
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML lets ValueError and OverflowError escape for numbers in escapes and directives that are out of range.
        builder.stop(builder.last, "after this place comes something that is no character, or a number far too large")
    return builder.tree


class _Mark(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class _StoppedError(Exception):
    """Reading further makes no sense; the problem is already told."""


class _Builder:
    def __init__(self, text: str, kind: str) -> None:
        self.tree = Tree()
        self._kind = kind
        self.last: Spot = (1, 1)
        self._text = text
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def document(self) -> None:
        self._next()
        start = self._next()
        if not isinstance(start, yaml.DocumentStartEvent):
            self.stop(self.last, "the file is empty")
            return
        if start.version or start.tags:
            self._problem(self.last, (), "YAML directives (%) are not allowed")
        self.tree.value = self._node(self._next(), ())
        self._next()
        end = self._next()
        if not isinstance(end, yaml.StreamEndEvent):
            self.stop(self.last, f"a second document starts here; a {self._kind} is one document")
            return
        self.tree.complete = True

    def stop(self, spot: Spot, message: str) -> None:
        """Tell a problem after which the tree is not to be used."""
        self._problem(spot, (), message)
        self.tree.complete = False

    def _next(self) -> yaml.Event:
        event = next(self._events)
        self.last = _spot(event.start_mark)
        return event

    def _node(self, event: yaml.Event, where: Where) -> Plain:
        spot = self.tree.values[where] = _spot(event.start_mark)
        if len(where) > MAX_DEPTH:
            self._problem(spot, (), f"groups more than {MAX_DEPTH} deep; no key of a {self._kind} is there")
            raise _StoppedError
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_marks(event, where)
            return self._group(where)
        if isinstance(event, yaml.SequenceStartEvent):
            self._refuse_marks(event, where)
            return self._list(where)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_marks(event, where)
            return self._scalar(event, where)
        return self._untaken(where, "aliases (*) are not allowed; write the value out")

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, where: Where) -> None:
        spot = _spot(event.start_mark)
        if event.anchor is not None:
            self._problem(spot, where, f"anchors (&{event.anchor}) are not allowed")
        if event.tag is not None:
            self._problem(spot, where, f"tags ({event.tag}) are not allowed; a value is only its text")
        if isinstance(event, yaml.ScalarEvent) and event.style == '"' and "\\" in self._written(event):
            self._problem(spot, where, "escapes (\\) are not allowed in quotes; write the character itself")

    def _written(self, event: yaml.ScalarEvent) -> str:
        """The text as it stands in the file, quotes included."""
        if event.start_mark is None or event.end_mark is None:
            return "\\"
        return self._text[event.start_mark.index : event.end_mark.index]

    def _scalar(self, event: yaml.ScalarEvent, where: Where) -> str:
        if not event.style and event.value in _NULLS:
            return self._untaken(where, "has no value; write one, in quotes if this is meant as text")
        if _spot(event.start_mark)[0] != _spot(event.end_mark)[0]:
            return self._untaken(where, "goes over several lines; write it on one")
        return event.value

    def _untaken(self, where: Where, message: str) -> str:
        self._problem(self.tree.values[where], where, message)
        self.tree.unread.add(where)
        return ""

    def _list(self, where: Where) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            place = (*where, len(items))
            self.tree.keys[place] = self.last
            items.append(self._node(event, place))
        return items

    def _group(self, where: Where) -> dict[str, Plain]:
        group: dict[str, Plain] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name, spot = self._key(event, where), self.last
            place = (*where, name)
            if name not in group:
                self.tree.keys[place] = spot
                group[name] = self._node(self._next(), place)
                continue
            line, column = self.tree.keys[place]
            self._problem(spot, place, f"is set twice, here and on line {line} column {column}")
            self._node(self._next(), (*where, f"{name} (second)"))
        return group

    def _key(self, event: yaml.Event, where: Where) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._problem(self.last, where, "a key must be a plain word")
            raise _StoppedError
        self._refuse_marks(event, where)
        if event.value == "<<" and not event.style:
            self._problem(self.last, where, "merge keys (<<) are not allowed; write the keys out")
        return event.value

    def _problem(self, spot: Spot, where: Where, message: str) -> None:
        self.tree.problems.append(Problem(*spot, dotted(where), message))


def _spot(mark: _Mark | None) -> Spot:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _error_spot(error: yaml.MarkedYAMLError) -> Spot:
    # The scanner sees a missing ': ' only on the next line; the key itself is where the context begins.
    mark = error.context_mark if error.problem == _NO_COLON else error.problem_mark
    return _spot(mark or error.context_mark)


def _plain_words(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(part for part in (error.context, error.problem) if part)
    plain = _PLAIN_WORDS.get(error.problem or "")
    return f"{plain} (YAML: {said})" if plain else f"this cannot be read as YAML: {said}"
