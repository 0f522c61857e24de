"""The key file: YAML with one entry a key, read at the start and written when keys come and go.

Rule of this file: public halves only; no private key ever comes here. `add_key` is how other programs write an entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pretrade.kalshi.keys import KeyFormatError, PublicKey, load_public_key, public_pem_of
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.api.schemas import SCOPES
from pretrade.practice.certs import write_private
from pretrade.practice.core.accounts import LAST_SUBACCOUNT

FILE_NAME = "keys.yaml"
_FIELDS = {"key_id", "account", "public_key", "scopes", "name", "subaccount", "fcm_subtrader_id"}


class KeyFileError(ValueError):
    """A key file that cannot be used; the message names the file, the entry and what was expected."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key file of a folder, as the place where a running exchange keeps its changes."""

    folder: Path

    def save(self, key: ApiKey) -> None:
        """Write one key, replacing an entry of the same id."""
        optional = {"name": key.name or None, "subaccount": key.subaccount, "fcm_subtrader_id": key.fcm_subtrader_id}
        entry = {
            "key_id": key.key_id,
            "account": key.account,
            "public_key": public_pem_of(key.public_key).decode("ascii"),
            "scopes": list(key.scopes),
        } | {name: value for name, value in optional.items() if value is not None}
        self._write([*self._others(key.key_id), entry])

    def remove(self, key_id: str) -> None:
        """Take a key's entry out."""
        self._write(self._others(key_id))

    def _others(self, key_id: str) -> list[dict[str, Any]]:
        path = self.folder / FILE_NAME
        return [e for e in _read_entries(path) if e.get("key_id") != key_id] if path.exists() else []

    def _write(self, entries: list[dict[str, Any]]) -> None:
        path = self.folder / FILE_NAME
        fresh = path.with_suffix(".new")
        write_private(fresh, yaml.safe_dump(entries, sort_keys=False).encode())
        fresh.replace(path)


def load_keys(folder: Path) -> KeyStore:
    """The keys of a folder's file (none when there is none yet), which also takes the changes. Raises KeyFileError."""
    path = folder / FILE_NAME
    keys: dict[str, ApiKey] = {}
    for number, entry in enumerate(_read_entries(path) if path.exists() else [], start=1):
        key = _key(entry, folder, f"{path}, entry {number}")
        if key.key_id in keys:
            raise KeyFileError(f"{path}, entry {number}: key_id {key.key_id!r} is listed twice")
        keys[key.key_id] = key
    return KeyStore(keys.values(), KeyFile(folder))


def add_key(
    folder: Path,
    key_id: str,
    public_pem: bytes | str,
    scopes: Iterable[str],
    account: str = "main",
    subaccount: int | None = None,
    name: str | None = None,
) -> None:
    """Write a key's entry, replacing one of the same id; the folder is made (0700) if it is not there.

    A running exchange takes it in at its next start. Raises KeyFileError for a key or scope that cannot be used.
    """
    pem = public_pem.decode("ascii") if isinstance(public_pem, bytes) else public_pem
    entry: dict[str, Any] = {"key_id": key_id, "account": account, "public_key": pem, "scopes": list(scopes)}
    entry |= {field: value for field, value in (("subaccount", subaccount), ("name", name)) if value is not None}
    key = _key(entry, folder, f"key {key_id!r}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    KeyFile(folder).save(key)


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
        name=_text(entry.get("name"), "name", where) or "",
        subaccount=_subaccount(entry.get("subaccount"), where),
        fcm_subtrader_id=_text(entry.get("fcm_subtrader_id"), "fcm_subtrader_id", where),
    )


def _text(value: object, name: str, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise KeyFileError(f"{where}: {name} must be a text, was {value!r}")
    return value


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
    if number is None or (type(number) is int and 0 <= number <= LAST_SUBACCOUNT):
        return number if isinstance(number, int) else None
    raise KeyFileError(f"{where}: subaccount must be a number from 0 to {LAST_SUBACCOUNT}, was {number!r}")
