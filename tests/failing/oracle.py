"""What clients were told, held against what the exchange saw and what the journal says: the three must agree.

Rule of this file: every order has a name of its own, so that each can be followed; nothing here looks at the proxy's
memory. A fault may delay what the journal says about an order's end, so `check` waits for that.
"""

import http.client
import itertools
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.clients import ORDERS, Answer, RawClient
from tests.e2e.harness import World, order
from tests.e2e.programs import eventually

_numbers = itertools.count(1)
NOT_SENT = 503
UNKNOWN = 504
_REFUSED_BY_EXCHANGE = "LIVE_KEY_REFUSED"


@dataclass(frozen=True, slots=True)
class Told:
    """One order and what its client was told: a status and code, or 0 where no answer came."""

    name: str
    status: int
    code: str = ""


@dataclass(slots=True)
class Teller:
    """Places orders by one client and remembers what it was told about each."""

    world: World
    raw: RawClient
    told: list[Told] = field(default_factory=list)

    def place(self, *, door: str = "base_url", **more: Any) -> Answer:
        """Place an order with a name of its own."""
        name = f"n-{next(_numbers)}"
        try:
            answer = self.raw.send("POST", ORDERS, order(client_order_id=name, **more), door=door)
        except (OSError, http.client.HTTPException):
            self.told.append(Told(name, 0))
            raise
        self.told.append(Told(name, answer.status, answer.code))
        return answer

    def cancel(self, order_id: str) -> Answer:
        return self.raw.send("DELETE", f"{ORDERS}/{order_id}")

    def check(self) -> None:
        """Hold everything told so far against the exchange and the journal."""
        seen = seen_orders(self.world)
        for told in self.told:
            with suppress(AssertionError):
                eventually("it agrees", lambda told=told: not wrong(told, seen, ends_of(self.world, told.name)), 5)
            assert not (problem := wrong(told, seen, ends_of(self.world, told.name))), f"{told}: {problem}"
        doubled = [name for name, count in seen.items() if count > 1]
        assert not doubled, f"sent twice: {doubled}"


def seen_orders(world: World) -> Counter[str]:
    """How often each named order reached the exchange, taken or not."""
    return Counter(
        name
        for request in world.exchange_requests()
        if request["method"] == "POST" and request["body"] and (name := _named(request["body"]))
    )


def _named(body: str) -> str | None:
    try:
        return json.loads(body).get("client_order_id")
    except ValueError:
        return None  # half a body, which a fault cut off


def ends_of(world: World, name: str) -> list[str]:
    """The verdict and the outcomes that the journal has for an order, in their order. A row that a fault left in doubt
    is handed in again, so the same one may come twice."""
    ends: list[str] = []
    ids: set[str | None] = set()
    for row in world.events("decision", "outcome"):
        if row.kind == "decision" and any(
            o.get("client_order_id") == name for o in row.body["request"].get("orders", ())
        ):
            ids.add(row.decision_id)
            ends.append(row.body["verdict"])
        elif row.kind == "outcome" and row.decision_id in ids:
            ends.append(row.body["state"])
    return list(dict.fromkeys(ends))


FOUND_OUT = {"accepted", "absent"}
"""What the exchange's own record may show later of an order of unknown fate."""


def wrong(told: Told, seen: Counter[str], ends: list[str]) -> str:
    """What does not fit together about one order; nothing when all does."""
    count = seen[told.name]
    if count and not ends:
        return "it was sent, and the journal does not know it"
    if told.status == 201:
        return "" if count == 1 and ends == ["approved", "accepted"] else f"accepted, but {count} sent and {ends}"
    if told.code == _REFUSED_BY_EXCHANGE or 400 <= told.status < 500:
        known = (["approved", "rejected"],) if count else ([], ["denied"], ["approved", "not_sent"])
        return "" if ends in known else f"refused, but {count} sent and {ends}"
    if told.status == NOT_SENT:
        return "" if count == 0 and ends in ([], ["approved", "not_sent"]) else f"not sent, but {count} and {ends}"
    if told.status == UNKNOWN:
        known = ends[:2] == ["approved", "unknown"] and set(ends[2:]) <= FOUND_OUT
        return "" if known else f"unknown, but {ends}"
    return "" if not count or len(ends) == 2 else f"nobody was told, and the journal has only {ends}"
