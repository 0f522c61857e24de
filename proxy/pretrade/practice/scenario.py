"""A scenario: all that a practice exchange starts from, before clock and seed are known.

Rule of this file: frozen values; `worldfile` makes them from a file, `assemble` makes an exchange from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.faults.plan import Fault
from pretrade.practice.stream.faults import StreamFault
from pretrade.practice.worlds.forms import When
from pretrade.practice.worlds.schema import WorldKeys

if TYPE_CHECKING:
    from pretrade.practice.assemble import Practice


type Extras = Mapping[str, list[dict[str, Any]]]
"""What a world brings along besides markets, by the names of `api.extras`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens over time: when, its name, and what to do. `act` raises ValueError for what cannot be."""

    at: When
    name: str
    act: Callable[["Practice"], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world, and what else was made of its file. `sha256` is that of the file and of the files that it names.

    `regions` says by account until when its region is attested.
    """

    world: WorldKeys
    source: str
    sha256: str
    keys: tuple[ApiKey, ...] = ()
    regions: Mapping[str, When] = field(default_factory=dict)
    lag: ReadLag = field(default_factory=ReadLag)
    faults: tuple[Fault, ...] = ()
    stream_faults: tuple[StreamFault, ...] = ()
    extras: Extras = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
