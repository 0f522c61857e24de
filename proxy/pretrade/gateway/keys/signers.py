"""The live keys of one instance, and which of them signs for whom.

Rule of this file: a client's requests are signed by its own key or not at all. There is no falling back from a client's
key to the general one: who is not known here has none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from pretrade.kalshi.signing import Signer
from pretrade.policy.schema import Policy

GENERAL = "signing"
"""What the general key is called, by its place in the policy."""


def place_of(name: str) -> str:
    """A named key by its place in the policy."""
    return f"{GENERAL}.keys.{name}"


@dataclass(frozen=True, slots=True)
class Signers:
    """The general key, which signs our own reads and for the clients that name no other, and the named ones."""

    general: Signer
    named: Mapping[str, Signer] = field(default_factory=dict)
    _by_client: Mapping[str, Signer] = field(default_factory=dict)

    @classmethod
    def of_policy(cls, policy: Policy, general: Signer, named: Mapping[str, Signer] | None = None) -> Self:
        """The keys that were loaded for a policy, by name. Raises KeyError where one that a client names is missing."""
        held = named or {}
        return cls(
            general,
            held,
            {
                name: general if client.signing is None else held[client.signing]
                for name, client in policy.clients.items()
            },
        )

    def of(self, client: str) -> Signer:
        """The key that signs for a client. Raises KeyError for one that the policy does not name."""
        return self._by_client[client]

    def all(self) -> Iterator[tuple[str, Signer]]:
        """Every key by its place in the policy, the general one first."""
        yield GENERAL, self.general
        yield from ((place_of(name), signer) for name, signer in self.named.items())

    def replacing(self, place: str, signer: Signer) -> "Signers":
        """The keys with another at one place, to be proven: they sign for no client. Nothing of this one changes."""
        others = {name: signer if place_of(name) == place else old for name, old in self.named.items()}
        return Signers(signer if place == GENERAL else self.general, others)

    def close(self) -> None:
        """Let every key's threads end."""
        for _, signer in self.all():
            signer.close()
