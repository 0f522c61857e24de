"""What kinds of world there are: who trades under which limits, how late reads are, and what goes wrong how often.

Rule of this file: drawn from the seed before anything happens; nothing here acts.
"""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.builders import policy

from pretrade.policy.schema import Policy
from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.scenario import Scenario
from pretrade.practice.simulation import START_US
from pretrade.practice.worldfile import read_world

MARKETS = ("KXBTC-S-A", "KXBTC-S-B")
SHARERS = ("momentum-bot", "gamma")
"""The clients that share a subaccount in the worlds where somebody does."""
_MIDNIGHT_US = START_US + 5 * 3_600 * 1_000_000
"""The next midnight in New York after a simulation's usual start."""

LIMITS = {
    "wide": [("max_orders: 25", "max_orders: 1000"), ('max_notional: "$200"', 'max_notional: "$1000"')],
    "tight": [
        ("max_orders: 25", "max_orders: 60"),
        ('max_notional: "$200"', 'max_notional: "$15"'),
        ('max_position: "100"', 'max_position: "9"'),
        ('max_exposure: "$200"', 'max_exposure: "$5"'),
        ('max_exposure: "$400"', 'max_exposure: "$8"'),
        ('max_exposure: "$600"', 'max_exposure: "$8"'),
        ('max_exposure: "$1000"', 'max_exposure: "$8"'),
        ("max_open_orders: 50", "max_open_orders: 6"),
    ],
    "few a day": [("max_orders: 25", "max_orders: 20")],
}
"""Limits that hardly ever bind, that bind all the time, and of which only the day's does."""

_WORLD = """version: 1
series: [{ticker: KXBTC, title: S}]
events: [{ticker: KXBTC-S, series: KXBTC, title: E}]
maker: {kind: none}
accounts:
  main: {purses: [{cash: $2000}, {subaccount: 1, cash: $2000}]}
  crowd: {cash: $100000}
markets:
  - {ticker: KXBTC-S-A, event: KXBTC-S, yes_sub_title: A, closes: +30d, mid: $0.50}
  - {ticker: KXBTC-S-B, event: KXBTC-S, yes_sub_title: B, closes: +30d, mid: $0.50}
"""


@cache
def scenario() -> Scenario:
    """The exchange that all worlds have."""
    return read_world(_WORLD, source="simulation", folder=Path("/nonexistent"))


@cache
def policy_of(limits: str, *, sharing: bool) -> Policy:
    """The policy of a plan: a third client shares the first one's subaccount, or there is none."""
    shares = "    shares_subaccount: true\n" if sharing else ""
    others = "  beta:\n    key_id: beta-key\n    public_key: keys/beta.pem\n    subaccount: 1\n"
    third = (
        f"  gamma:\n    key_id: gamma-key\n    public_key: keys/gamma.pem\n    subaccount: 0\n{shares}"
        if sharing
        else ""
    )
    changes = [
        ("mode: dry_run", "mode: live"),
        ("every: 15s", "every: 3s"),
        ("    subaccount: 0\n", f"    subaccount: 0\n{shares}{others}{third}"),
    ]
    return policy(*changes, *LIMITS[limits])


@cache
def key(number: int) -> Ed25519PrivateKey:
    """A key for every number, always the same."""
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


@dataclass(frozen=True)
class Plan:
    """What kind of world a seed makes."""

    outsider: bool
    midnight: bool
    clock_steps: bool
    sharing: bool
    halts: bool
    crashes: int
    stops: int
    limits: str
    lag: ReadLag

    @property
    def start_us(self) -> int:
        """Where the exchange's clock stands at first."""
        return _MIDNIGHT_US - 8_000_000 if self.midnight else START_US

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Draw it."""
        chance = random.Random(f"plan-{seed}")
        return cls(
            outsider=chance.random() < 0.25,
            midnight=chance.random() < 0.3,
            clock_steps=chance.random() < 0.3,
            sharing=chance.random() < 0.4,
            halts=chance.random() < 0.3,
            crashes=chance.choice((0, 0, 1, 2, 3)),
            stops=chance.choice((0, 0, 1)),
            limits=chance.choice(("tight", "tight", "wide", "few a day")),
            lag=chance.choice((ReadLag(), ReadLag.typical(), ReadLag(orders_us=2_000_000, fills_us=900_000))),
        )
