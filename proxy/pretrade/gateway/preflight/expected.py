"""What the policy says of each live key: what the preflight's answers are held against.

Rule of this file: values only, and in doubt the stricter one.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pretrade.gateway.keys.signers import GENERAL, place_of
from pretrade.model.instance import Environment, Mode, Role
from pretrade.policy.schema import NamedKey, Policy

UNLISTED = "unlisted"
"""The word in `signing.acknowledge` for: somebody has seen at the exchange's own page what the key may do."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the policy says of one key, which stands at `place`. `subaccounts` (and whose each is) are what it must
    see, `client_keys` whose each client's own key is, `bound` the subaccount that it is said to be bound to.

    `signs` says whether any client's requests are signed by it. `named` are the further keys, of the general one's.
    """

    environment: Environment
    role: Role
    mode: Mode
    key_id: str
    acknowledged: frozenset[str]
    subaccounts: Mapping[int, str]
    client_keys: Mapping[str, str]
    place: str = GENERAL
    signs: bool = True
    bound: int | None = None
    named: Mapping[str, "Expected"] = field(default_factory=dict)

    @property
    def is_of_several(self) -> bool:
        """Whether the instance has more than one live key, so that each must be named."""
        return bool(self.named) or self.place != GENERAL

    @property
    def is_live(self) -> bool:
        """Whether approved writes are sent."""
        return self.mode is Mode.LIVE

    @property
    def is_production(self) -> bool:
        """Whether it is real money."""
        return self.environment is Environment.PRODUCTION

    @property
    def must_be_listed(self) -> bool:
        """Whether the list of keys alone counts as proof: for real money. That a probe answered 403 shows a key that
        cannot trade, and what a key that may not list can do besides, nobody has seen at the real exchange. W's may be
        bound to a subaccount, and then cannot list: its dry run sends nothing, and live a person must have looked."""
        has_looked = self.role is Role.W and (not self.is_live or UNLISTED in self.acknowledged)
        return self.is_production and not has_looked

    @property
    def is_trading(self) -> bool:
        """Whether the instance trades: W, and ABH where it is live, which the policy allows outside production only."""
        return self.role is Role.W or (self.role is Role.ABH and self.is_live)

    @property
    def must_trade(self) -> bool:
        """Whether the key is for trading. Any other must be one that cannot trade."""
        return self.signs and self.is_trading

    @property
    def may_probe(self) -> bool:
        """Whether the probe may be sent: not by a dry run for its own sake, but to show that a key can not trade."""
        return self.is_live or not self.must_trade

    @property
    def best_key(self) -> str:
        """What to do where the key cannot do what it is for."""
        return f"Make a key with the scopes read and write::trade and nothing else, and name it in `{self.place}`"

    @property
    def reading_key(self) -> str:
        """What to do where it can do more than read, and is for reading."""
        if self.is_trading:
            return f"No client signs with it: name a key with the scope read and nothing else in `{self.place}`"
        return f"Role {self.role} must hold a key that cannot: one with the scope read and nothing else"


def expected_of(policy: Policy) -> Expected:
    """What this policy says of its keys. An instance without clients is asked about subaccount 0."""
    signing = policy.signing
    every = Expected(
        environment=policy.instance.environment,
        role=policy.instance.role,
        mode=policy.instance.mode,
        key_id=signing.key_id,
        acknowledged=frozenset(signing.acknowledge),
        subaccounts=_owners(policy, tuple(policy.clients)) or {0: ""},
        client_keys={client.key_id: name for name, client in policy.clients.items()},
        signs=not policy.clients or any(client.signing is None for client in policy.clients.values()),
    )
    named = {name: _expected(every, name, key, policy) for name, key in signing.keys.items()}
    return replace(every, named=named)


def _expected(every: Expected, name: str, key: NamedKey, policy: Policy) -> Expected:
    own = tuple(client for client, entry in policy.clients.items() if entry.signing == name)
    return replace(
        every,
        key_id=key.key_id,
        acknowledged=frozenset(key.acknowledge),
        subaccounts=_owners(policy, own),
        place=place_of(name),
        signs=True,
        bound=key.subaccount,
    )


def _owners(policy: Policy, clients: tuple[str, ...]) -> dict[int, str]:
    owners: dict[int, list[str]] = defaultdict(list)
    for name in clients:
        owners[policy.clients[name].subaccount].append(name)
    return {number: ", ".join(names) for number, names in owners.items()}
