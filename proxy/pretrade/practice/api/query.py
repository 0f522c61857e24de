"""Query parameters and pages of lists.

Rule of this file: a parameter outside its rule is the exchange's `{"msg": ...}` 400; a cursor that is not ours, or that
another operation gave out, starts at the first page, as on the exchange (market_data.md 3). A cursor is a place in a
list that only grows at its end, so that pages stay whole while rows arrive.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pretrade.practice.core import routing
from pretrade.practice.core.errors import ExchangeError, bad_parameter

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_TS = 10**12
_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of one call to the named operation, in their order, repeated ones kept."""

    operation: str
    pairs: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str | None:
        """The first value of a parameter; an empty one counts as absent."""
        return next((value for key, value in self.pairs if key == name and value), None)

    def texts(self, name: str, most: int | None = None) -> list[str]:
        """All values of a parameter, repeated or separated by commas. Raises 400 for more than `most`."""
        found = [part for key, value in self.pairs if key == name for part in value.split(",") if part]
        if most is not None and len(found) > most:
            raise self.bad(name, "max")
        return found

    def flag(self, name: str) -> bool:
        """A switch, off when absent."""
        return self.text(name) in {"true", "True", "1"}

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number between two bounds, None when absent. Raises 400."""
        text = self.text(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise self.bad(name, "numeric")
        if not low <= int(text) <= high:
            raise self.bad(name, "gte" if int(text) < low else "lte")
        return int(text)

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """One of some words, None when absent. Raises 400."""
        text = self.text(name)
        if text is not None and text not in words:
            raise self.bad(name, "oneof")
        return text

    def shard(self) -> int | None:
        """The `exchange_index` to filter by, None for all shards."""
        return self.integer("exchange_index", 0, routing.LAST)

    def period(self) -> Callable[[int], bool]:
        """Whether a moment (microseconds) lies between `min_ts` and `max_ts` (seconds, both included)."""
        low, high = self.integer("min_ts", 0, MAX_TS), self.integer("max_ts", 0, MAX_TS)
        first = 0 if low is None else low * _MICROS
        last = MAX_TS * _MICROS if high is None else high * _MICROS
        return lambda at_us: first <= at_us <= last

    def bad(self, name: str, rule: str) -> ExchangeError:
        """What to raise for a parameter outside a rule of the exchange's validator."""
        return bad_parameter(self.operation, name, rule)


def page[T](
    query: Query,
    rows: Sequence[T],
    name: str,
    view: Callable[[T], Any],
    most: int = MAX_LIMIT,
    wanted: Callable[[T], bool] = lambda _: True,
) -> dict[str, Any]:
    """The wanted rows of one page as `{name: [...], "cursor": ...}`, in their order; the last page's cursor is ""."""
    return _page(query, rows, range(_place(query, 0), len(rows)), name, view, most, wanted)


def newest_first[T](
    query: Query,
    rows: Sequence[T],
    name: str,
    view: Callable[[T], Any],
    most: int = MAX_LIMIT,
    wanted: Callable[[T], bool] = lambda _: True,
) -> dict[str, Any]:
    """The same from the end of the rows to their beginning: what arrives later is on no page of this reading."""
    last = min(_place(query, len(rows)), len(rows))
    return _page(query, rows, range(last - 1, -1, -1), name, view, most, wanted)


def _page[T](
    query: Query,
    rows: Sequence[T],
    places: range,
    name: str,
    view: Callable[[T], Any],
    most: int,
    wanted: Callable[[T], bool],
) -> dict[str, Any]:
    limit = query.integer("limit", 0, most) or min(DEFAULT_LIMIT, most)
    found: list[Any] = []
    for place in places:
        if not wanted(rows[place]):
            continue
        if len(found) == limit:
            # going down, the cursor is one above the row that comes next
            return {name: found, "cursor": _cursor(query, place if places.step > 0 else place + 1)}
        found.append(view(rows[place]))
    return {name: found, "cursor": ""}


def _cursor(query: Query, place: int) -> str:
    return base64.urlsafe_b64encode(f"{query.operation}:{place}".encode()).decode()


def _place(query: Query, first: int) -> int:
    try:
        text = base64.urlsafe_b64decode((query.text("cursor") or "").encode()).decode()
    except (binascii.Error, ValueError):
        return first
    operation, _, number = text.rpartition(":")
    is_ours = operation == query.operation and number.isascii() and number.isdigit() and len(number) < 10
    return int(number) if is_ours else first
