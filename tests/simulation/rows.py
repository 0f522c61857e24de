"""What the decisions' rows say, as an auditor reads them: which orders they approve, whose those are, and what they
must never say.

Rule of this file: rows only; neither the ledger nor the exchange is looked at.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pretrade.gateway.way.records import checks_body, read_facts
from pretrade.journal.events import Draft
from pretrade.kalshi.wire import restore
from pretrade.model.decisions import Approved
from pretrade.policy.schema import Policy
from pretrade.risk.checks.engine import decide

EXITS = ("cancel_order", "cancel_batch", "cancel_all", "decrease_order")
_MAY_STOP_EXITS = {"ORDER_NOT_OWNED"}


@dataclass
class Exempt:
    """What was approved of orders that can only close, which count on the day's limits and are not held by them."""

    orders: int = 0
    notional: int = 0

    def add(self, decision: Mapping[str, Any]) -> None:
        """Take a decision in."""
        reduces = decision["facts"]["reduces"]
        if decision["verdict"] != "approved" or not reduces or not all(reduces):
            return
        request = decision["request"]
        for order in request.get("orders", [request]):
            price, count = Decimal(order["price"]), Decimal(order["count"])
            leg = price if order["side"] == "bid" else 1 - price
            self.orders += 1
            self.notional += int(leg * count * 1_000_000)


class Rows:
    """The decisions so far, in memory and on the disk."""

    def __init__(self) -> None:
        self.exempt = Exempt()
        self.durable: set[str] = set()
        self._decided: dict[str, Mapping[str, Any]] = {}
        self._decision_of: dict[str, str] = {}

    def decided(self, draft: Draft) -> Mapping[str, Any]:
        """A decision was handed in; its body."""
        body: dict[str, Any] = json.loads(draft.body)
        self._decided[str(draft.decision_id)] = body
        self.exempt.add(body)
        return body

    def wrote(self, draft: Draft) -> None:
        """A decision is on the disk."""
        body = self._decided[str(draft.decision_id)]
        if body["verdict"] != "approved":
            return
        self.durable.add(str(draft.decision_id))
        for name in _own_ids(body["request"]):
            self._decision_of.setdefault(name, str(draft.decision_id))

    def decision_of(self, client_order_id: str) -> str | None:
        """The decision on the disk that an order with this id may come from."""
        return self._decision_of.get(client_order_id)

    def owner_of(self, client_order_id: str) -> str | None:
        """The client that an order is of."""
        decision = self._decision_of.get(client_order_id)
        return None if decision is None else self._decided[decision]["client"]

    def is_exit(self, decision_id: str) -> bool:
        """Whether a decision is about a cancel or a decrease."""
        return self._decided[decision_id]["request"]["type"] in EXITS

    def trapped(self, decision_id: str) -> str | None:
        """Why a decision that keeps somebody from getting out is wrong; None for all others."""
        body = self._decided[decision_id]
        codes = set(body["codes"]) - _MAY_STOP_EXITS
        return f"{body['request']['type']} was denied: {codes}" if self.is_exit(decision_id) and codes else None

    def changed(self, policy: Policy) -> Iterator[str]:
        """Every decision that would not be made again from its own row, in words."""
        for decision_id, body in self._decided.items():
            again = decide(restore(body["request"]), read_facts(body["facts"]), policy)
            verdict = "approved" if isinstance(again, Approved) else "denied"
            if (verdict, checks_body(again.checks)) != (body["verdict"], body["checks"]):
                yield f"{decision_id} was {body['verdict']} and would be {verdict} from its own row"


def _own_ids(request: Mapping[str, Any]) -> Iterable[str]:
    """The client_order_ids that a write may put onto orders."""
    for entry in [request, *request.get("orders", [])]:
        for key in ("client_order_id", "updated_client_order_id"):
            if key in entry:
                yield entry[key]
