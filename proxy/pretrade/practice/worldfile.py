"""A world file from disk to a Scenario that can be assembled, or every reason why not.

Rule of this file: a file is taken whole or not at all. What it names (key files, extras) is read and judged here too,
so that nothing of a world can fail later but what the exchange itself refuses.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pretrade.kalshi.keys import KeyFormatError, load_public_key
from pretrade.practice import scripting
from pretrade.practice.api.extras import check_extras
from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.api.schemas import SCOPES
from pretrade.practice.scenario import Extras, Scenario, Step
from pretrade.practice.worlds.schema import ApiKeyKeys, FaultKeys, WorldKeys
from pretrade.yamltext.describe import KeyInfo, keys_of
from pretrade.yamltext.explain import schema_problems
from pretrade.yamltext.hidden import hidden
from pretrade.yamltext.places import Where, dotted
from pretrade.yamltext.problems import Problem, RefusedTextError
from pretrade.yamltext.tree import Tree, read_tree

MAX_BYTES = 4 * 1024 * 1024
_KIND = "world"
_PEM = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"


class WorldError(RefusedTextError):
    """A world file that was refused, with every problem found in it; its text is for people."""


def load_world(path: Path) -> Scenario:
    """Read and judge a world file. Raises WorldError with every problem found."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise WorldError(str(path), [_whole(f"cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        raise WorldError(str(path), [_whole(f"is not UTF-8 (byte {error.start + 1}); save it as UTF-8")]) from error
    if len(data) > MAX_BYTES:
        raise WorldError(str(path), [_whole(f"is larger than {MAX_BYTES // 1024 // 1024} MB")])
    return read_world(text, source=str(path), folder=path.absolute().parent)


def read_world(text: str, *, source: str, folder: Path) -> Scenario:
    """Judge the text of a world; `folder` is where its relative paths start. Raises WorldError."""
    problems = list(hidden(text))
    if problems:
        raise WorldError(source, problems, text)
    tree = read_tree(text, _KIND)
    if tree.problems or not tree.complete:
        raise WorldError(source, tree.problems, text)
    try:
        world = WorldKeys.model_validate(tree.value)
    except ValidationError as error:
        raise WorldError(source, list(schema_problems(error, tree, world_keys(), _KIND)), text) from error
    reading = _Reading(world, tree, folder)
    scenario = reading.scenario(source, text)
    if reading.problems:
        raise WorldError(source, reading.problems, text)
    return scenario


@cache
def default_scenario() -> Scenario:
    """The world of an exchange that was told nothing."""
    text = files("pretrade.practice.worlds").joinpath("default.yaml").read_text("utf-8")
    return read_world(text, source="the default world", folder=Path())


@cache
def world_keys() -> tuple[KeyInfo, ...]:
    """Every key of a world file in its order: what the reference is made of."""
    return tuple(keys_of(WorldKeys))


def _whole(message: str) -> Problem:
    return Problem(None, None, "", message)


@dataclass(slots=True)
class _Reading:
    """What is left to judge once the schema is content: whatever other rooms, or other files, know about."""

    world: WorldKeys
    tree: Tree
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)

    def scenario(self, source: str, text: str) -> Scenario:
        keys = tuple(key for index, one in enumerate(self.world.keys) for key in self._key(one, ("keys", index)))
        extras = self._extras()
        digest = hashlib.sha256(text.encode())
        for content in self.seen:
            digest.update(hashlib.sha256(content).digest())
        return Scenario(
            world=self.world,
            source=source,
            sha256=digest.hexdigest(),
            keys=keys,
            regions={one.account: one.region_until for one in self.world.keys if one.region_until is not None},
            lag=ReadLag(**{f"{part}_us": span for part, span in self.world.read_lag}),
            faults=tuple(self._faults("faults", self.world.faults, scripting.fault_of)),
            stream_faults=tuple(self._faults("stream_faults", self.world.stream_faults, scripting.stream_fault_of)),
            extras=extras,
            steps=tuple(self._steps()),
        )

    def _faults[F](
        self, group: str, faults: tuple[FaultKeys, ...], make: Callable[[Mapping[str, str]], F]
    ) -> Iterator[F]:
        for index, keys in enumerate(faults):
            arguments = {"kind": keys.kind} | (keys.model_extra or {})
            try:
                yield make(arguments)
            except scripting.ArgumentError as error:
                self._arguments((group, index), error)

    def _steps(self) -> Iterator[Step]:
        for index, keys in enumerate(self.world.script):
            try:
                yield Step(keys.at, keys.do, scripting.act_of(keys.do, keys.model_extra or {}))
            except scripting.ArgumentError as error:
                self._arguments(("script", index), error)

    def _arguments(self, where: Where, error: scripting.ArgumentError) -> None:
        for key, text in error.problems:
            self._problem((*where, key) if key else where, text)

    def _key(self, keys: ApiKeyKeys, where: Where) -> Iterator[ApiKey]:
        odd = [scope for scope in keys.scopes if scope not in SCOPES]
        if odd:
            self._problem((*where, "scopes"), f"no scope is called {odd[0]}; there are {', '.join(SCOPES)}")
        if not keys.scopes or ("write" in keys.scopes and "read" not in keys.scopes):
            self._problem((*where, "scopes"), "must not be empty, and must have read wherever it has write")
        try:
            public_key = load_public_key(self._pem(keys.public_key))
        except (OSError, KeyFormatError, binascii.Error) as error:
            self._problem(
                (*where, "public_key"), f"must be the path of a PEM file or one line of base64: {_why(error)}"
            )
            return
        yield ApiKey(
            keys.key_id, keys.account, public_key, tuple(keys.scopes), name=keys.name, subaccount=keys.subaccount
        )

    def _pem(self, text: str) -> bytes:
        path = self.folder / text
        if len(text) > 50 and not path.suffix:
            base64.b64decode(text, validate=True)
            return _PEM.format(text).encode()
        return self._file(text)

    def _extras(self) -> Extras:
        if not self.world.extras:
            return {}
        try:
            extras = json.loads(self._file(self.world.extras))
        except (OSError, ValueError) as error:
            self._problem(("extras",), f"must be the path of a JSON file: {_why(error)}")
            return {}
        if not _is_extras(extras):
            self._problem(("extras",), "the file must hold one JSON object with lists of objects")
            return {}
        for message in check_extras(extras):
            self._problem(("extras",), message)
        return dict(extras)

    def _file(self, name: str) -> bytes:
        content = (self.folder / name).read_bytes()
        self.seen.append(content)
        return content

    def _problem(self, where: Where, message: str) -> None:
        places = (where[:end] for end in range(len(where), 0, -1))
        spot = next((self.tree.values[place] for place in places if place in self.tree.values), (1, 1))
        self.problems.append(Problem(*spot, dotted(where), message))


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _is_extras(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(some, list) and all(isinstance(one, dict) for one in some) for some in value.values())
