"""The exchange's API keys: a YAML file with one entry a key, read once at the start.

Rule of this file: public halves only; no private key ever comes here. `add_key` is how other programs write an entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pretrade.kalshi.keys import KeyFormatError, PublicKey, load_public_key
from pretrade.practice.certs import write_private

FILE_NAME = "keys.yaml"
SCOPES = (
    "read",
    "write",
    "read::block_trade_accept",
    "read::portfolio_balance",
    "write::trade",
    "write::transfer",
    "write::block_trade_accept",
    "write::fcm_risk",
)
_FIELDS = {"key_id", "account", "public_key", "scopes", "subaccount"}


class KeyFileError(ValueError):
    """A key file that cannot be used; the message names the file, the entry and what was expected."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One registered key; with a subaccount it may see and trade that one only (auth.md 3)."""

    key_id: str
    account: str
    public_key: PublicKey
    scopes: tuple[str, ...]
    subaccount: int | None = None

    def allows(self, *needed: str) -> bool:
        """Whether any of the needed scopes is granted; a parent scope implies its children (auth.md 3)."""
        return any(n == scope or n.startswith(scope + "::") for n in needed for scope in self.scopes)


def load_keys(folder: Path) -> dict[str, ApiKey]:
    """The keys of a folder by id; none when there is no key file yet. Raises KeyFileError."""
    path = folder / FILE_NAME
    if not path.exists():
        return {}
    keys: dict[str, ApiKey] = {}
    for number, entry in enumerate(_read_entries(path), start=1):
        key = _key(entry, folder, f"{path}, entry {number}")
        if key.key_id in keys:
            raise KeyFileError(f"{path}, entry {number}: key_id {key.key_id!r} is listed twice")
        keys[key.key_id] = key
    return keys


def add_key(
    folder: Path,
    key_id: str,
    public_pem: bytes | str,
    scopes: Iterable[str],
    account: str = "main",
    subaccount: int | None = None,
) -> None:
    """Write a key's entry, replacing one of the same id; the folder is made (0700) if it is not there.

    A running exchange takes it in at its next start. Raises KeyFileError for a key or scope that cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE_NAME
    pem = public_pem.decode("ascii") if isinstance(public_pem, bytes) else public_pem
    entry: dict[str, Any] = {"key_id": key_id, "account": account, "public_key": pem, "scopes": list(scopes)}
    if subaccount is not None:
        entry["subaccount"] = subaccount
    _key(entry, folder, f"key {key_id!r}")
    others = [e for e in _read_entries(path) if e.get("key_id") != key_id] if path.exists() else []
    fresh = path.with_suffix(".new")
    write_private(fresh, yaml.safe_dump([*others, entry], sort_keys=False).encode())
    fresh.replace(path)


def _read_entries(path: Path) -> list[dict[str, Any]]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise KeyFileError(f"{path} is not YAML: {error}") from error
    entries = [] if loaded is None else loaded
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeyFileError(f"{path} must be a list of entries with key_id, account, public_key and scopes")
    return entries


def _key(entry: dict[str, Any], folder: Path, where: str) -> ApiKey:
    if odd := set(entry) - _FIELDS:
        raise KeyFileError(f"{where}: unknown field {min(map(str, odd))!r}; there are {', '.join(sorted(_FIELDS))}")
    for name in ("key_id", "account", "public_key"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            raise KeyFileError(f"{where}: {name} must be a text")
    return ApiKey(
        key_id=entry["key_id"],
        account=entry["account"],
        public_key=_public_key(entry["public_key"], folder, where),
        scopes=_scopes(entry.get("scopes"), where),
        subaccount=_subaccount(entry.get("subaccount"), where),
    )


def _public_key(text: str, folder: Path, where: str) -> PublicKey:
    try:
        pem = text.encode() if "-----BEGIN" in text else (folder / text).read_bytes()
        return load_public_key(pem)
    except (OSError, KeyFormatError) as error:
        raise KeyFileError(f"{where}: public_key must be a PEM text or the path of one: {error}") from error


def _scopes(scopes: object, where: str) -> tuple[str, ...]:
    if not isinstance(scopes, list) or not scopes or any(scope not in SCOPES for scope in scopes):
        raise KeyFileError(f"{where}: scopes must be a list of {', '.join(SCOPES)}; was {scopes!r}")
    if "write" in scopes and "read" not in scopes:
        raise KeyFileError(f"{where}: the exchange grants write only together with read")
    return tuple(scopes)


def _subaccount(number: object, where: str) -> int | None:
    if number is None or (type(number) is int and 0 <= number <= 63):
        return number if isinstance(number, int) else None
    raise KeyFileError(f"{where}: subaccount must be a number from 0 to 63, was {number!r}")
