"""Everything one running proxy is made of, handed from room to room as one value."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from pretrade.gateway.attempts import Attempts
from pretrade.gateway.clock import Clock
from pretrade.gateway.destination import Destinations
from pretrade.gateway.identity import Client
from pretrade.gateway.refusals import FloodGuard
from pretrade.gateway.replay import Replays
from pretrade.gateway.trading import Trading
from pretrade.journal.writer import Journal
from pretrade.kalshi.client import Upstream
from pretrade.kalshi.signing import Signer
from pretrade.policy.schema import Policy
from pretrade.risk.ledger import Ledger


@dataclass(slots=True)
class Instance:
    """The parts of a running proxy. Only `stopping` changes after the start; the rest are the parts' own business."""

    policy: Policy
    policy_hash: str
    zone: ZoneInfo
    clients: dict[str, Client]
    destinations: Destinations
    clock: Clock
    journal: Journal
    ledger: Ledger
    trading: Trading
    signer: Signer
    upstream: Upstream
    flood: FloodGuard
    started_ms: int
    attempts: Attempts = field(default_factory=Attempts)
    replays: Replays = field(default_factory=Replays)
    stopping: bool = False
