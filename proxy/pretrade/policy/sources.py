"""Where the limits of one client in one market come from: what holds for all, what the client states, what the entry of
`markets` that decides states.

Rule of this file: of values of one key the tightest wins and is named, the more general place where they are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from pretrade.policy.figures import Key
from pretrade.policy.schema import Market, Policy

type Stated[T] = tuple[T, str]
"""A value and the policy key that sets it."""


@dataclass(frozen=True, slots=True)
class One[T]:
    """What one order is held to and the policy key that sets it; the value is None where the policy waives it."""

    value: T | None
    rule: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The policy, the client's name, and the number of the entry that decides (None where none does)."""

    policy: Policy
    client: str
    index: int | None

    @property
    def entry(self) -> Market | None:
        """The entry that decides."""
        return None if self.index is None else self.policy.markets[self.index]

    def entry_rule(self, rule: str) -> str:
        """How the entry's own key is called."""
        return f"markets[{self.index}].{rule}"

    def by_all[T](self, key: Key[T]) -> tuple[Stated[T], ...]:
        """What holds for everybody; nothing where the policy waives it."""
        value = key.stated(self.policy)
        return () if value is None else ((value, str(key)),)

    def by_client[T](self, key: Key[T]) -> tuple[Stated[T], ...]:
        """What the client states itself, if it does."""
        value = key.stated(self.policy.clients[self.client])
        return () if value is None else ((value, f"clients.{self.client}.{key}"),)

    def by_entry[T](self, key: Key[T]) -> tuple[Stated[T], ...]:
        """What the entry states itself, if it does."""
        value = key.stated(self.entry)
        return () if value is None else ((value, self.entry_rule(str(key))),)

    def one[T](self, key: Key[T]) -> One[T]:
        """The tightest that anybody states of what every order is held to by itself."""
        stated = (*self.by_all(key), *self.by_client(key), *self.by_entry(key))
        return One(*min(stated, key=lambda told: key.rank(told[0]))) if stated else One(None, str(key))


def tightest(*stated: Stated[int]) -> Sequence[Stated[int]]:
    """The least of maxima, the first where they are equal; none of none."""
    return (min(stated, key=itemgetter(0)),) if stated else ()
