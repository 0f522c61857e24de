"""Which entry of `markets` decides for a market: the first one of which everything that it states fits.

Rule of this file: the answer is what reading the list from the top gives, and it is found without reading it. A market
whose event and series nobody knows has no answer as soon as an entry might decide by them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretrade.policy.schema import Market

ANY = "*"


class MarketList:
    """The entries of a policy, filed by the first glob that each of them states."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self._globs = [(_stated(entry.match), _stated(entry.event), _stated(entry.series)) for entry in markets]
        self._files = (_File(), _File(), _File())
        for index, globs in enumerate(self._globs):
            number = next((number for number, glob in enumerate(globs) if glob != ANY), 0)
            self._files[number].add(globs[number], index)
        self._by_place = [
            index for index, (_, event, series) in enumerate(self._globs) if (event, series) != (ANY, ANY)
        ]
        self.needs_place = bool(self._by_place)

    def first_fit(self, ticker: str, event: str | None, series: str | None) -> int | None:
        """The number of the entry that decides, None where there is none or, with an event or series that nobody knows
        (None), where it cannot be told."""
        if event is None or series is None:
            return self._without_place(ticker)
        told = (ticker, event, series)
        found = {index for file, name in zip(self._files, told, strict=True) for index in file.find(name)}
        return next((index for index in sorted(found) if self._fits(index, told)), None)

    def _without_place(self, ticker: str) -> int | None:
        found = sorted({*self._files[0].find(ticker), *self._by_place})
        first = next((index for index in found if fnmatchcase(ticker, self._globs[index][0])), None)
        return None if first is None or self._globs[first][1:] != (ANY, ANY) else first

    def _fits(self, index: int, told: tuple[str, str, str]) -> bool:
        return all(glob == ANY or fnmatchcase(name, glob) for glob, name in zip(self._globs[index], told, strict=True))


def _stated(glob: str | None) -> str:
    return ANY if glob is None else glob


@dataclass(slots=True)
class _File:
    """Globs of one kind by what can be looked up: whole names, beginnings, and the rest, which are tried."""

    exact: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    begins: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lengths: set[int] = field(default_factory=set)
    others: list[tuple[re.Pattern[str], int]] = field(default_factory=list)

    def add(self, glob: str, index: int) -> None:
        """File the entry of this number under its glob."""
        if ANY not in glob:
            self.exact[glob].append(index)
        elif ANY not in glob[:-1]:
            self.begins[glob[:-1]].append(index)
            self.lengths.add(len(glob) - 1)
        else:
            self.others.append((re.compile(translate(glob)), index))

    def find(self, name: str) -> Iterator[int]:
        """The entries whose glob fits, in no order."""
        yield from self.exact.get(name, ())
        for length in self.lengths:
            if length <= len(name):
                yield from self.begins.get(name[:length], ())
        yield from (index for pattern, index in self.others if pattern.match(name))
