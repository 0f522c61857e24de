"""Everything one running proxy is made of, handed from room to room as one value."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from pretrade.gateway.account.reconciled import Reconciled
from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import DiskRoom
from pretrade.gateway.market.books import Books, keep_ms
from pretrade.gateway.market.exchange_status import ExchangeStatus
from pretrade.gateway.market.feed_state import FeedState
from pretrade.gateway.market.losses import Losses
from pretrade.gateway.market.market_facts import MarketFactsCache
from pretrade.gateway.preflight.findings import Preflighted
from pretrade.gateway.relay.streams import Streams
from pretrade.gateway.stops.auto_halt import AutoHalt
from pretrade.gateway.stops.notices import Notices
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.attempts import Attempts
from pretrade.gateway.way.destination import Destinations
from pretrade.gateway.way.endings import Endings
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.pace import PaceClock
from pretrade.gateway.way.refusals import FloodGuard
from pretrade.gateway.way.replay import Replays
from pretrade.journal.writer import Journal
from pretrade.kalshi.client import Upstream
from pretrade.model.instance import Mode
from pretrade.policy.schema import Policy
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.own_orders import standing_of


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
    signers: Signers
    upstream: Upstream
    flood: FloodGuard
    started_ms: int
    disk: DiskRoom
    markets: MarketFactsCache
    attempts: Attempts = field(default_factory=Attempts)
    replays: Replays = field(default_factory=Replays)
    preflight: Preflighted = field(default_factory=Preflighted)
    streams: Streams = field(init=False)
    endings: Endings = field(init=False)
    reconciled: Reconciled = field(init=False)
    pace_clock: PaceClock = field(init=False)
    books: Books = field(init=False)
    exchange_status: ExchangeStatus = field(init=False)
    losses: Losses = field(init=False)
    auto_halt: AutoHalt = field(init=False)
    notices: Notices = field(init=False)
    feed: FeedState = field(default_factory=FeedState)
    stopping: bool = False

    def __post_init__(self) -> None:
        self.streams = Streams(self.clock)
        self.endings = Endings(self.journal, self.ledger)
        self.reconciled = Reconciled(self.clock)
        latest_ms = max(self.ledger.account(mode).pace.latest_ms for mode in Mode)
        self.pace_clock = PaceClock(self.clock, latest_ms)
        self.books = Books(
            self.signers.general, self.upstream, self.clock, keep_ms=keep_ms(self.policy),
            standing=lambda ticker: standing_of(self.ledger.live.orders_in(ticker)),
        )  # fmt: skip
        self.exchange_status = ExchangeStatus(self.upstream, self.clock)
        self.losses = Losses(self)
        self.auto_halt = AutoHalt(self.policy.halts, self.trading, self.clock)
        self.notices = Notices(self.policy, self.journal, self.clock)
        self.trading.on_resuming, self.trading.on_change = self.auto_halt.forget, self.notices.state_changed
        self.flood.on_write, self.upstream.on_dated = self.auto_halt.refused, self.auto_halt.dated
