"""API keys, and those that a running exchange knows: what its key file held, and what was added or revoked since.

Rule of this file: a change is in memory at once and with its keeper before the caller is answered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pretrade.kalshi.keys import PublicKey


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One registered key; with a subaccount it may see and trade that one only (auth.md 3).

    A key of an FCM subtrader is refused by the whole REST API: it is for FIX and streams that are not practised here.
    """

    key_id: str
    account: str
    public_key: PublicKey
    scopes: tuple[str, ...]
    name: str = ""
    subaccount: int | None = None
    fcm_subtrader_id: str | None = None

    def allows(self, *needed: str) -> bool:
        """Whether any of the needed scopes is granted; a parent scope implies its children (auth.md 3)."""
        return any(n == scope or n.startswith(scope + "::") for n in needed for scope in self.scopes)


class Keeper(Protocol):
    """Where changes are kept over a restart."""

    def save(self, key: ApiKey) -> None:
        """Keep a key, in place of one with the same id."""

    def remove(self, key_id: str) -> None:
        """Keep a key no longer."""


class KeyStore(Mapping[str, ApiKey]):
    """Keys by id. Without a keeper, changes are in memory only."""

    def __init__(self, keys: Iterable[ApiKey] = (), keeper: Keeper | None = None) -> None:
        self._keys = {key.key_id: key for key in keys}
        self._keeper = keeper
        self._region_expirations: dict[str, int] = {}

    def __getitem__(self, key_id: str) -> ApiKey:
        return self._keys[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, account: str) -> list[ApiKey]:
        """The keys of one account, oldest first."""
        return [key for key in self._keys.values() if key.account == account]

    def add(self, key: ApiKey) -> None:
        """Take a key in, in place of one with the same id."""
        self._keys[key.key_id] = key
        if self._keeper is not None:
            self._keeper.save(key)

    def lend(self, key: ApiKey) -> None:
        """Take a key in for this run only, in place of one with the same id: a world's key, which has its own file."""
        self._keys[key.key_id] = key

    def remove(self, key_id: str) -> None:
        """Revoke a key; it signs nothing from now on. Raises KeyError for an unknown one."""
        del self._keys[key_id]
        if self._keeper is not None:
            self._keeper.remove(key_id)

    def attest_region(self, account: str, expires_s: int | None) -> None:
        """Set until when (Unix seconds) an account's region is attested; None for never attested (auth.md 3)."""
        if expires_s is None:
            self._region_expirations.pop(account, None)
        else:
            self._region_expirations[account] = expires_s

    def region_expiration(self, account: str) -> int | None:
        """Until when an account's region is attested, in Unix seconds; None when it never was."""
        return self._region_expirations.get(account)
