"""The state file: what was asked of an exchange, kept in SQLite, so that a restart gives the same exchange again.

Rule of this file: the exchange itself is never stored, only what it starts from and the commands it was given; it is
rebuilt by carrying them out again with the same seed at the same moments. So there is one implementation of every
change, and a file cannot hold a state that the exchange could not have come to. A command is on disk before it is
answered: a killed process loses nothing that anybody was told (a lost power supply may lose the last moments).

Not kept, by choice: reads and how much of the read budgets they took, streams, the log of requests, and faults (after a
restart those of the world stand again).
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pysqlite3 as sqlite

from pretrade.practice.keeping.recording import Command, Member

_FORMAT = 1
_APPLICATION_ID = 0x50524143
_SCHEMA = """
create table start (id integer primary key check (id = 1), at_us integer not null, seed integer not null,
    world text not null, tier text not null, program text not null, members text not null) strict;
create table commands (number integer primary key, at_us integer not null, kind text not null, payload text not null)
    strict;
"""


class StateError(Exception):
    """A state file that cannot be used; the message names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Start:
    """What an exchange was built from: when, and from which seed, world (its digest), tier, program and members."""

    at_us: int
    seed: int
    world: str
    tier: str
    program: str
    members: tuple[Member, ...]


class Store:
    """One state file, held by this process alone until `close`. It is the notebook of a Recorder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = sqlite.connect(path, isolation_level=None, timeout=0.25)
        except sqlite.Error as error:
            raise StateError(f"{path} cannot be opened: {error}") from error
        try:
            self._prepare()
        except sqlite.Error as error:
            self._connection.close()
            why = "another practice exchange has it open" if "locked" in str(error) else f"it is no state file: {error}"
            raise StateError(f"{path} cannot be used: {why}") from error
        except StateError:
            self._connection.close()
            raise

    def start(self) -> Start | None:
        """What the exchange was built from, None for a new file."""
        row = self._connection.execute("select at_us, seed, world, tier, program, members from start").fetchone()
        if row is None:
            return None
        at_us, seed, world, tier, program, members = row
        named = tuple((name, subaccount) for name, subaccount in json.loads(members))
        return Start(at_us, seed, world, tier, program, named)

    def begin(self, start: Start) -> None:
        """Note what a new exchange is built from."""
        values = (start.at_us, start.seed, start.world, start.tier, start.program, json.dumps(start.members))
        self._connection.execute("insert into start values (1, ?, ?, ?, ?, ?, ?)", values)

    def require(self, *, seed: int, world: str, tier: str, program: str) -> None:
        """Raise StateError when the file belongs to another world, seed, tier or version of the program."""
        start = self.start()
        if start is None:
            return
        told = {"seed": (start.seed, seed), "tier": (start.tier, tier), "version": (start.program, program)}
        for what, (was, is_now) in told.items():
            if was != is_now:
                raise StateError(f"{self._path} was made with {what} {was}, not {is_now}; use that, or another file")
        if start.world != world:
            text = "was made with another world file, or this one has changed since"
            raise StateError(f"{self._path} {text}; take the former one, or another state file")

    def note(self, command: Command) -> None:
        """Keep a command for good before this returns."""
        row = (command.at_us, command.kind, json.dumps(command.payload, separators=(",", ":")))
        self._connection.execute("insert into commands (at_us, kind, payload) values (?, ?, ?)", row)

    def commands(self) -> Iterator[Command]:
        """All commands in their order."""
        with closing(self._connection.execute("select at_us, kind, payload from commands order by number")) as rows:
            for at_us, kind, payload in rows:
                yield Command(at_us, kind, json.loads(payload))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _prepare(self) -> None:
        # exclusive: two exchanges on one file would each note half of what happened
        self._connection.execute("pragma locking_mode = exclusive")
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        (form,) = self._connection.execute("pragma user_version").fetchone()
        (tables,) = self._connection.execute("select count(*) from sqlite_schema").fetchone()
        (application,) = self._connection.execute("pragma application_id").fetchone()
        if tables == 0:
            pragmas = f"pragma application_id = {_APPLICATION_ID}; pragma user_version = {_FORMAT};"
            self._connection.executescript(f"begin immediate; {_SCHEMA} {pragmas} commit;")
        elif application != _APPLICATION_ID:
            raise StateError(f"{self._path} is no state file of a practice exchange; name another")
        elif form != _FORMAT:
            raise StateError(f"{self._path} has format {form}, this program reads format {_FORMAT}; name another")
