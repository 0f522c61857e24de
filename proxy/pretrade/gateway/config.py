"""policy.yaml from disk to a Policy that can be trusted, or every reason why not.

Rule of this file: a file is taken whole or not at all. It is read once, as bytes of a regular file; the text that was
judged is the text that is hashed and kept. Nothing that it names (keys, folders) is looked at here.
"""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from pretrade.gateway.problems import PolicyError, Problem
from pretrade.gateway.schema_problems import schema_problems
from pretrade.gateway.yaml_tree import Tree, read_tree
from pretrade.policy.rules import dotted
from pretrade.policy.schema import Policy

MAX_BYTES = 256 * 1024
LAST_LINE = "end: policy"

_TIMEZONE = ("limits", "day", "timezone")
_HIDDEN_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy together with the exact text it was read from; `sha256` is that text's, in hex."""

    policy: Policy
    text: str
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class PolicyPaths:
    """Where the files and folders that a policy names are, absolute. None looked at yet."""

    signing_key: Path
    passphrase: Path | None
    state: Path
    certs: Path
    practice_ca: Path | None
    client_keys: dict[str, Path]


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
    problems = list(_hidden(text)) or list(_too_large(text))
    if problems:
        raise PolicyError(source, problems, text)
    problems = list(_cut_short(text))
    tree = read_tree(text)
    problems += tree.problems
    policy = _judge(tree, problems) if tree.complete else None
    if problems or policy is None:
        raise PolicyError(source, problems, text)
    return LoadedPolicy(policy, text, hashlib.sha256(text.encode()).hexdigest(), Path(source))


def paths(loaded: LoadedPolicy) -> PolicyPaths:
    """Resolve what the policy names against the folder of its file, symbolic links left as they are."""
    folder, policy = loaded.path.absolute().parent, loaded.policy
    practice, passphrase = policy.exchange.practice, policy.signing.passphrase_file
    return PolicyPaths(
        signing_key=folder / policy.signing.key_file,
        passphrase=folder / passphrase if passphrase else None,
        state=folder / policy.state_dir,
        certs=folder / policy.certs_dir,
        practice_ca=folder / practice.ca if practice else None,
        client_keys={name: folder / client.public_key for name, client in policy.clients.items()},
    )


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
        found = schema_problems(error, tree)
        problems += [problem for problem in found if not (cut and problem.where == "end")]
    problems += _timezone(tree, {problem.where for problem in problems})
    return policy


def _whole(message: str) -> Problem:
    return Problem(None, None, "", message)


def _too_large(text: str) -> Iterator[Problem]:
    if len(text.encode()) > MAX_BYTES:
        yield _whole(f"is larger than {MAX_BYTES // 1024} KB; no policy needs that")


def _hidden(text: str) -> Iterator[Problem]:
    """Characters that do not show: an editor and YAML may take them for different things (tabs, other line breaks)."""
    found = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for column, char in enumerate(line.removesuffix("\r"), start=1):
            if char.isprintable():
                continue
            yield Problem(number, column, "", _hidden_message(char))
            found += 1
            if found == _HIDDEN_SHOWN:
                return


def _hidden_message(char: str) -> str:
    if char == "\t":
        return "a tab; indent and align with spaces"
    if char == "\ufeff":
        return "a byte order mark; save the file as UTF-8 without one"
    return f"a character that does not show ({unicodedata.name(char, f'U+{ord(char):04X}')}); remove it"


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
