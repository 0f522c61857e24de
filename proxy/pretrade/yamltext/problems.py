"""What is wrong with a file, said to the person who edits it.

Rule of this file: every problem has a place, what was expected and, where there is one, the nearest right name; the
line itself is shown with a caret under the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pretrade.yamltext.places import Where, dotted

_SHOWN = 50
_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `line` and `column` count from 1, both None where the file as a whole is meant; `where` is the
    key (`limits.order.max_count`), empty where no key is meant."""

    line: int | None
    column: int | None
    where: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        said = f"{self.where}: {self.message}" if self.where else self.message
        return f"{said}; did you mean {self.suggestion}?" if self.suggestion else said


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule between keys: the key to look at, as the way there from the top of the file, and what is wrong."""

    where: Where
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.where)}: {self.message}"


class RefusedTextError(Exception):
    """A file that was refused, with every problem found in it; its text is for people."""

    def __init__(self, source: str, problems: Sequence[Problem], text: str = "") -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
        self._lines = text.split("\n")
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        shown = [self._render(problem) for problem in self.problems[:_SHOWN]]
        left = len(self.problems) - _SHOWN
        return "\n".join([*shown, f"and {left} more"] if left > 0 else shown)

    def _render(self, problem: Problem) -> str:
        if problem.line is None or problem.column is None:
            return f"{self.source}: {problem}"
        head = f"{self.source}:{problem.line}:{problem.column}: {problem}"
        if problem.line > len(self._lines):
            return head
        return f"{head}\n{self._excerpt(problem.line, problem.column)}"

    def _excerpt(self, line: int, column: int) -> str:
        # A control character in the line must not reach the terminal, and must not move the caret.
        clean = "".join(char if char.isprintable() else " " for char in self._lines[line - 1].rstrip("\r"))
        start = max(0, column - _WIDTH // 2)
        return f"    {clean[start : start + _WIDTH]}\n    {' ' * (column - 1 - start)}^"
