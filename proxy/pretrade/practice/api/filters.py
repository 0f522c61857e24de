"""Filters that several lists of market data share: spans of time and words about markets.

Rule of this file: pure functions of a query; what does not follow a rule is the exchange's `{"msg": ...}` 400.
"""

import datetime as dt
from dataclasses import dataclass

from pretrade.practice.api.query import Query

_MOST_SECONDS = 10**12
_SECOND_US = 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in microseconds, both ends included; None is open."""

    first_us: int | None = None
    last_us: int | None = None

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return self.first_us is not None or self.last_us is not None

    def holds(self, at_us: int | None) -> bool:
        """Whether a moment lies in it; what has no moment lies only in the open span."""
        if at_us is None:
            return not self
        late_enough = self.first_us is None or at_us >= self.first_us
        return late_enough and (self.last_us is None or at_us <= self.last_us)


def span(query: Query, what: str = "") -> Span:
    """The span of `min_ts` and `max_ts`, or of `min_<what>_ts` and `max_<what>_ts`, in whole seconds (documented
    choice: both moments belong to it)."""
    middle = f"{what}_" if what else ""
    first, last = (query.integer(f"{end}_{middle}ts", 0, _MOST_SECONDS) for end in ("min", "max"))
    return Span(None if first is None else first * _SECOND_US, None if last is None else last * _SECOND_US)


def required_integer(query: Query, name: str, low: int, high: int) -> int:
    """A whole number that must be there. Raises 400."""
    value = query.integer(name, low, high)
    if value is None:
        raise query.bad(name, "required")
    return value


def required_texts(query: Query, name: str, most: int) -> list[str]:
    """One to `most` texts, repeated or separated by commas. Raises 400."""
    values = query.texts(name)
    if not 0 < len(values) <= most:
        raise query.bad(name, "lte" if values else "required")
    return values


def optional_flag(query: Query, name: str) -> bool | None:
    """A switch that may be absent. Raises 400 for what is neither true nor false."""
    text = query.word(name, ("true", "True", "1", "false", "False", "0"))
    return None if text is None else text in {"true", "True", "1"}


def moment(query: Query, name: str) -> dt.datetime | None:
    """A moment in RFC 3339, None when absent. Raises 400 for anything else."""
    text = query.text(name)
    found = None if text is None else parse_moment(text)
    if text is not None and found is None:
        raise query.bad(name, "datetime")
    return found


def parse_moment(text: str) -> dt.datetime | None:
    """A text of RFC 3339 as a moment, in UTC where it names no zone; None for any other text."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def sized(query: Query, default: int, most: int, size: str = "limit") -> Query:
    """The query of a list whose page size has another default, or another name, than lists usually have. Raises 400."""
    asked = query.integer(size, 0, most) or default
    pairs = tuple(pair for pair in query.pairs if pair[0] not in {size, "limit"})
    return Query(query.operation, (*pairs, ("limit", str(asked))))


def as_moment(at_us: int) -> dt.datetime:
    """A moment in microseconds since 1970 as one that can be compared with those of texts."""
    return _EPOCH + dt.timedelta(microseconds=at_us)
