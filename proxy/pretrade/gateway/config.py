"""policy.yaml from disk to a Policy that can be trusted, or every reason why not.

Rule of this file: a file is taken whole or not at all. It is read once, as bytes of a regular file; the text that was
judged is the text that is hashed and kept. Nothing that it names (keys, folders) is looked at here.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from pretrade.gateway.machine.clock import Clock
from pretrade.policy.describe import keys
from pretrade.policy.schema import LiveKey, Policy
from pretrade.policy.waivers import past_observations, past_waivers
from pretrade.yamltext.explain import schema_problems
from pretrade.yamltext.hidden import hidden
from pretrade.yamltext.places import dotted
from pretrade.yamltext.problems import Problem, RefusedTextError
from pretrade.yamltext.tree import Tree, read_tree

MAX_BYTES = 256 * 1024
LAST_LINE = "end: policy"

_TIMEZONE = ("limits", "day", "timezone")


class PolicyError(RefusedTextError):
    """A policy that was refused, with every problem found in it."""


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy together with the exact text it was read from; `sha256` is that text's, in hex."""

    policy: Policy
    text: str
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class KeyPaths:
    """A live key's file and, where that is encrypted, the one with its passphrase."""

    key: Path
    passphrase: Path | None


@dataclass(frozen=True, slots=True)
class PolicyPaths:
    """Where the files and folders that a policy names are, absolute. None looked at yet."""

    live_key: KeyPaths
    named_keys: dict[str, KeyPaths]
    state: Path
    certs: Path
    practice_ca: Path | None
    client_keys: dict[str, Path]

    @property
    def journal(self) -> Path:
        """The database of every decision, in the state folder."""
        return self.state / "journal.db"


def load(path: Path) -> LoadedPolicy:
    """Read and judge a policy file. Raises PolicyError with every problem found."""
    try:
        data = _read(path)
    except OSError as error:
        raise PolicyError(str(path), [_whole(f"cannot be read: {error.strerror or error}")]) from error
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start + 1} of the file is not UTF-8; save it as UTF-8"
        raise PolicyError(str(path), [Problem(line, 1, "", message)]) from error
    return loads(text, source=str(path))


def loads(text: str, *, source: str) -> LoadedPolicy:
    """Judge the text of a policy; `source` is the file it belongs to, which relative paths start from.

    Raises PolicyError with every problem found. Rules between keys are judged once every key by itself can be read.
    """
    problems = list(hidden(text)) or list(_too_large(text))
    if problems:
        raise PolicyError(source, problems, text)
    problems = list(_cut_short(text))
    tree = read_tree(text, "policy")
    problems += tree.problems
    policy = _judge(tree, problems) if tree.complete else None
    if problems or policy is None:
        raise PolicyError(source, problems, text)
    return LoadedPolicy(policy, text, hashlib.sha256(text.encode()).hexdigest(), Path(source))


def refuse_ended(loaded: LoadedPolicy, clock: Clock) -> None:
    """Refuse a policy with a waiver or an observation that has ended, by the day in its own time zone. Raises
    PolicyError with every such date. A start is not refused for one: exits must pass, and orders are denied."""
    policy = loaded.policy
    day = clock.day(ZoneInfo(policy.limits.day.timezone))
    ended = [*past_waivers(policy, day), *past_observations(policy, day)]
    if not ended:
        return
    spots = read_tree(loaded.text, "policy").values
    problems = [Problem(*spots[told.where], dotted(told.where), told.message) for told in ended]
    raise PolicyError(str(loaded.path), problems, loaded.text)


def paths(loaded: LoadedPolicy) -> PolicyPaths:
    """Resolve what the policy names against the folder of its file, symbolic links left as they are."""
    folder, policy = loaded.path.absolute().parent, loaded.policy
    practice = policy.exchange.practice
    return PolicyPaths(
        live_key=_key_paths(folder, policy.signing),
        named_keys={name: _key_paths(folder, key) for name, key in policy.signing.keys.items()},
        state=folder / policy.state_dir,
        certs=folder / policy.certs_dir,
        practice_ca=folder / practice.ca if practice else None,
        client_keys={name: folder / client.public_key for name, client in policy.clients.items()},
    )


def _key_paths(folder: Path, key: LiveKey) -> KeyPaths:
    return KeyPaths(folder / key.key_file, folder / key.passphrase_file if key.passphrase_file else None)


def _read(path: Path) -> bytes:
    # O_NONBLOCK: opening a pipe that nobody writes to must not hang the start.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(MAX_BYTES + 1)


def _judge(tree: Tree, problems: list[Problem]) -> Policy | None:
    policy = None
    try:
        policy = Policy.model_validate(tree.value)
    except ValidationError as error:
        cut = any(problem.where == "end" for problem in problems)
        found = schema_problems(error, tree, keys(), "policy")
        problems += [problem for problem in found if not (cut and problem.where == "end")]
    problems += _timezone(tree, {problem.where for problem in problems})
    return policy


def _whole(message: str) -> Problem:
    return Problem(None, None, "", message)


def _too_large(text: str) -> Iterator[Problem]:
    if len(text.encode()) > MAX_BYTES:
        yield _whole(f"is larger than {MAX_BYTES // 1024} KB; no policy needs that")


def _cut_short(text: str) -> Iterator[Problem]:
    lines = text.replace("\r\n", "\n").split("\n")
    last = next((index for index in range(len(lines) - 1, -1, -1) if lines[index].strip()), 0)
    if lines[last] != LAST_LINE:
        yield Problem(
            last + 1, 1, "end", f"the last line must be exactly {LAST_LINE!r}; the file may have been cut short"
        )


def _timezone(tree: Tree, told: set[str]) -> Iterator[Problem]:
    value = tree.value
    for part in _TIMEZONE:
        value = value.get(part, "") if isinstance(value, dict) else ""
    if not isinstance(value, str) or not value or dotted(_TIMEZONE) in told or value in _time_zones():
        return
    line, column = tree.values[_TIMEZONE]
    close = get_close_matches(value, _time_zones(), n=1)
    yield Problem(line, column, dotted(_TIMEZONE), f"no time zone is called {value!r}", close[0] if close else "")


@cache
def _time_zones() -> tuple[str, ...]:
    # The package's own list, so that every machine knows the same names.
    return tuple(files("tzdata").joinpath("zones").read_text().split())
