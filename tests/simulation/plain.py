"""Two ledgers are alike if everything in them is: their parts as plain values, and where two of them differ.

Rule of this file: nothing is known of the parts but that they are made of dataclasses, slots and containers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

_OF_THE_RUN = {"state", "touched_ms", "latest_ms", "places", "version"}
"""What only the run itself knows: whether an order was about to be sent or is given up for unknown, and when a book was
last touched or a write last counted, be it by a decision whose row was lost and that was taken back. Where a market
belongs is read again after a row that told it was lost. A version counts changes, for whoever remembers what it made of
them."""


def plain(value: Any) -> Any:
    """A value as dicts, lists and simple values; empty counters are left out, and so is a day that counts nothing: one
    whose only order was taken back because its row was lost."""
    if isinstance(value, Enum) or value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Mapping):
        entries = {repr(plain(key)): plain(one) for key, one in value.items() if one != 0}
        return {key: one for key, one in entries.items() if not _says_nothing(one)}
    if isinstance(value, set | frozenset):
        return sorted(repr(plain(one)) for one in value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return {name: plain(one) for name, one in _parts(value) if name not in _OF_THE_RUN}


def _says_nothing(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(entry) and all(one == {} for one in entry.values())


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        names = [*getattr(value, "__dict__", {}), *slots]
    return ((name, getattr(value, name)) for name in names)


@dataclass(frozen=True)
class Difference:
    """A place where the ledger in memory is another than that of the rows."""

    where: str
    memory: Any
    rows: Any

    def __str__(self) -> str:
        return f"{self.where} is {self.memory} in memory, and {self.rows} from the rows"


def differences(one: Any, other: Any, where: str = "ledger") -> Iterator[Difference]:
    """Every place where two plain values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{where}.{key}")
    elif one != other:
        yield Difference(where, one, other)
