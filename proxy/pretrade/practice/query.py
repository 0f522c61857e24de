"""Query parameters and pages of lists.

Rule of this file: a parameter outside its rule is the exchange's `{"msg": ...}` 400; a cursor that is not ours starts
at the first page, as on the exchange (market_data.md 3).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pretrade.practice.errors import bad_parameter

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of one call to the named operation, in their order, repeated ones kept."""

    operation: str
    pairs: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str | None:
        """The first value of a parameter; an empty one counts as absent."""
        return next((value for key, value in self.pairs if key == name and value), None)

    def texts(self, name: str) -> list[str]:
        """All values of a parameter, repeated or separated by commas."""
        return [part for key, value in self.pairs if key == name for part in value.split(",") if part]

    def flag(self, name: str) -> bool:
        """A switch, off when absent."""
        return self.text(name) in {"true", "True", "1"}

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number between two bounds, None when absent. Raises 400."""
        text = self.text(name)
        if text is None:
            return None
        field = "".join(part.capitalize() for part in name.split("_"))
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise bad_parameter(self.operation, field, "numeric")
        if not low <= int(text) <= high:
            raise bad_parameter(self.operation, field, "gte" if int(text) < low else "lte")
        return int(text)

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """One of some words, None when absent. Raises 400."""
        text = self.text(name)
        if text is not None and text not in words:
            raise bad_parameter(self.operation, name.capitalize(), "oneof")
        return text


def page[T](
    query: Query, rows: Sequence[T], name: str, view: Callable[[T], Any], most: int = MAX_LIMIT
) -> dict[str, Any]:
    """One page of a list as `{name: [...], "cursor": ...}`; the cursor is empty on the last page."""
    limit = query.integer("limit", 0, most) or min(DEFAULT_LIMIT, most)
    start = _offset(query.text("cursor"))
    end = start + limit
    cursor = _cursor(end) if end < len(rows) else ""
    return {name: [view(row) for row in rows[start:end]], "cursor": cursor}


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    try:
        text = base64.urlsafe_b64decode((cursor or "").encode()).decode()
    except (binascii.Error, ValueError):
        return 0
    kind, _, number = text.partition(":")
    return int(number) if kind == "offset" and number.isascii() and number.isdigit() and len(number) < 10 else 0
