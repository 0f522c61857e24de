"""A ledger and a real journal without a network: writes are judged, counted, recorded and settled as the gate does it.

Rule of this file: the rows are the product's own, made by its own functions; only identities and bytes are made up.
"""

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from types import SimpleNamespace

from tests.builders import EXCHANGE, facts, markets_for, policy
from tests.roomy import ROOMY

from pretrade.gateway.account.snapshots import Snapshots
from pretrade.gateway.machine.clock import Clock, Stopwatch
from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.records import Judged, WriteRequest, approval_of, decision_body, outcome_body
from pretrade.journal.events import EventKind
from pretrade.journal.writer import Journal
from pretrade.kalshi.endpoints import Found, find
from pretrade.kalshi.keys import generate_private_key
from pretrade.model.decisions import Approved
from pretrade.model.facts import Place
from pretrade.model.orders import Write, orders_of, tickers_of
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import format_count
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.standing_checks import named_orders
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.preview import Asked, preview

_PATH = "/trade-api/v2/portfolio/events/orders"
MULTIPLIER = 10_000
POLICY = policy(("mode: dry_run", "mode: live"), *ROOMY)
_CLIENT = Client("momentum-bot", "momentum-bot-key", 0, generate_private_key("ed25519").public_key())
_FOUND = find("POST", _PATH)


@dataclass
class Desk:
    """Trades on a ledger and a journal. `day` is the day that all of it counts on."""

    ledger: Ledger
    journal: Journal
    day: str = "2026-11-21"
    _snapshots: Snapshots = field(init=False)

    def __post_init__(self) -> None:
        whole = SimpleNamespace(
            ledger=self.ledger, journal=self.journal, attempts=SimpleNamespace(unread=set()), withdrawn=set()
        )
        self._snapshots = Snapshots(whole)

    def approve(self, decision_id: str, write: Write, now_ms: int) -> asyncio.Future[int]:
        """Judge a write, which must pass, hold it and hand its row in."""
        places = tuple(Place(ticker, f"{ticker}-E", f"{ticker}-S", MULTIPLIER) for ticker in tickers_of(write))
        named = (self.ledger.named(name, _CLIENT.name, 0, shares=False) for _, name in named_orders(write))
        seen = preview(self.ledger.live, Asked(write, 0, self.day, MULTIPLIER, places, own=False))
        read = facts(
            now_ms=now_ms,
            day=self.day,
            usages=seen.usages,
            reduces=seen.reduces,
            places=places,
            orders=tuple(named),
            markets=markets_for(write, now_ms),
            exchange=EXCHANGE,
        )
        decision = decide(write, read, POLICY)
        assert isinstance(decision, Approved), decision
        judged = Judged(decision, read, ("client_order_id",), "ab" * 32, MULTIPLIER)
        self.ledger.approve(approval_of(judged, decision_id))
        return self.journal.append(
            EventKind.DECISION, decision_body(judged, self._request(decision_id, write)), decision_id
        )

    def _request(self, decision_id: str, write: Write) -> WriteRequest:
        raw = RawRequest(Door.BASE_URL, "POST", _PATH, "HTTP/1.1", (), b"")
        assert isinstance(_FOUND, Found)
        watch = Stopwatch(Clock())
        return WriteRequest(
            decision_id, _CLIENT, raw, _FOUND.endpoint, write, watch, signature=sha256(decision_id.encode()).hexdigest()
        )

    def settle(self, decision_id: str, outcome: Outcome, at_ms: int) -> asyncio.Future[int]:
        """Note how a write ended and hand its row in."""
        self.ledger.settle(decision_id, outcome, at_ms)
        laps = {"decode": 40, "decide": 120, "identify": 90, "journal": 900, "send": 2_100, "sign": 60, "total": 3_300}
        return self.journal.append(EventKind.OUTCOME, outcome_body(outcome, at_ms, laps), decision_id)

    def snapshot(self) -> asyncio.Future[int]:
        """Take a snapshot as the product does."""
        return self._snapshots.take()


def accepted(write: Write, name: str, filled: int = 0) -> Outcome:
    """An exchange's yes to a create or a batch: each order gets the id `name.leg`, `filled` of it at once."""
    legs = tuple(
        LegOutcome(
            OutcomeState.ACCEPTED,
            order_id=f"{name}.{leg}",
            client_order_id=new.client_order_id,
            fill_count=format_count(min(filled, new.count)),
            remaining_count=format_count(max(0, new.count - filled)),
        )
        for leg, new in enumerate(orders_of(write))
    )
    return Outcome(OutcomeState.ACCEPTED, status=201, legs=legs)
