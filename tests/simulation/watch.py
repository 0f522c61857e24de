"""The watcher: it sees what clients are told, what leaves, what the exchange does and what the disk has, and holds the
product to its invariants.

Rule of this file: it shares no line with the product's own bookkeeping, and a breach is never repaired or forgotten:
the first one ends the run.
"""

import json
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.rows import Rows
from tests.simulation.trace import Trace

from pretrade.gateway.messages import Answer
from pretrade.journal.events import Draft, EventKind
from pretrade.kalshi.signing import SignedRequest
from pretrade.practice.api.call import Reply
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.faults.sending import json_bytes

ACCOUNT = "main"
"""The account that the live key belongs to."""
OUTSIDER = "outsider-"
"""How the client_order_ids of who trades past the proxy begin."""
_NOT_ABOUT_US = ("OUTCOME_UNKNOWN", "LIVE_KEY_REFUSED")
"""Our own answers to writes that did leave us."""


class BrokenError(AssertionError):
    """An invariant does not hold; the message says which and how."""


@dataclass(eq=False)
class Asked:
    """One request of a client: what it was told, what left us for it, and what the exchange did."""

    number: int
    client: str
    what: str
    run: int
    same_bytes_as: "Asked | None" = None
    same_order_as: "Asked | None" = None
    decision_id: str | None = None
    left: int = 0
    done: list[Reply] = field(default_factory=list)
    told: list[Answer] = field(default_factory=list)
    settled: bool = False


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)
"""The request on whose behalf something happens; tasks that it starts inherit it."""


class Watch:
    """Notes everything and raises BrokenError at the first breach."""

    def __init__(self, trace: Trace, sharing: Collection[str] = ()) -> None:
        self.trace = trace
        self.sharing = sharing
        self.run = 0
        self.asked: list[Asked] = []
        self.dirty = True
        self._by_decision: dict[str, Asked] = {}
        self.rows = Rows()
        self.halted = False
        self._known_orders: dict[str, str] = {}
        self._breach: str | None = None

    def begin(self, client: str, what: str, **same: Asked | None) -> Asked:
        """A client asks. `same_bytes_as` and `same_order_as` name the request that this one repeats."""
        asked = Asked(len(self.asked), client, what, self.run, **same)
        self.asked.append(asked)
        self.trace.note(client, f"#{asked.number} asks: {what}")
        return asked

    def appended(self, draft: Draft) -> None:
        """A row was handed in."""
        self.dirty = True
        if draft.kind is EventKind.DECISION and draft.decision_id is not None:
            asked = ASKED.get()
            if asked is None:
                self.breach(f"the decision {draft.decision_id} was made for nobody")
                return
            asked.decision_id = draft.decision_id
            self._by_decision[draft.decision_id] = asked
            body = self.rows.decided(draft)
            trapped = self.rows.trapped(draft.decision_id)
            if trapped is not None:
                self.breach(f"#{asked.number} {asked.what}: {trapped}")
            codes = body["codes"]
            self.trace.note("decided", f"#{asked.number} {draft.decision_id} {codes or 'approved'}")

    def durable(self, draft: Draft) -> None:
        """A row is on the disk."""
        self.dirty = True
        if draft.kind is EventKind.OUTCOME:
            body = json.loads(draft.body)
            self.trace.note("disk", f"outcome of {draft.decision_id}: {body['state']} {body['detail'][:60]}")
        if draft.kind is EventKind.DECISION and draft.decision_id is not None:
            self.rows.wrote(draft)

    def signed(self) -> None:
        """A signature for a write came to be. Its row must be on the disk."""
        self._require_recorded("signed")

    def left(self, request: SignedRequest, fault: object) -> None:
        """A write's first byte leaves us: once for each decision, and never after its client was told otherwise."""
        self.dirty = True
        asked = self._require_recorded("sent")
        if asked is None:
            return
        asked.left += 1
        self.trace.note("sent", f"#{asked.number} {asked.decision_id} {request.method}{f' ({fault})' if fault else ''}")
        if asked.left > 1:
            self.breach(f"#{asked.number} {asked.what}: sent {asked.left} times")
        if self.halted and not self.rows.is_exit(str(asked.decision_id)):
            self.breach(f"#{asked.number} {asked.what}: sent while trading was HALTED")
        self._check_repeated(asked)
        for answer in asked.told:
            if _says_nothing_was_sent(answer):
                self.breach(f"#{asked.number} {asked.what}: sent after its client was told {_shown(answer)}")

    def _check_repeated(self, asked: Asked) -> None:
        first = asked.same_bytes_as
        if first is not None and first.left:
            self.breach(f"#{asked.number} {asked.what}: the bytes of #{first.number} were sent once more")
        first = asked.same_order_as
        while first is not None and not first.left:
            first = first.same_order_as
        if first is not None and not first.settled:
            self.breach(f"#{asked.number} {asked.what}: #{first.number} was sent, and its client does not know its end")

    def _require_recorded(self, verb: str) -> Asked | None:
        asked = ASKED.get()
        if asked is None or asked.decision_id is None:
            self.breach(f"a write was {verb} that nobody asked for or decided")
            return None
        if asked.decision_id not in self.rows.durable:
            self.breach(f"#{asked.number} {asked.what}: {verb} before its row was on the disk")
        return asked

    def done(self, request: SignedRequest, asked: Asked | None, reply: Reply) -> None:
        """The exchange has carried a write out or refused it."""
        self.dirty = True
        if asked is None:
            self.breach(f"the exchange was sent {request.method} {request.target} by nobody")
            return
        asked.done.append(reply)
        self.trace.note("exchange", f"#{asked.number} answers {reply.status} {_brief(reply.body)}")
        if len(asked.done) > 1:
            self.breach(f"#{asked.number} {asked.what}: delivered {len(asked.done)} times")
        self._check_owner(request, asked, reply)

    def _check_owner(self, request: SignedRequest, asked: Asked, reply: Reply) -> None:
        """Nobody changes an order of another client's, not even where they share a subaccount."""
        if asked.client in self.sharing and request.method == "DELETE" and "/orders/" not in request.target:
            self.breach(f"#{asked.number} {asked.what}: would cancel the orders of everybody in the subaccount")
        body = reply.body or {}
        for entry in body.get("orders", [body]):
            name = entry.get("client_order_id")
            owner = None if name is None or "error" in entry else self.rows.owner_of(name)
            if owner not in (None, asked.client):
                self.breach(f"#{asked.number} {asked.what}: changed the order {name} of {owner}")

    def told(self, asked: Asked, answer: Answer) -> None:
        """A client has its answer, which must be the truth."""
        self.dirty = True
        asked.told.append(answer)
        if _body(answer).get("code") != "OUTCOME_UNKNOWN":  # then the same order once more is another order
            asked.settled = self._by_decision.get(answer.decision_id, asked).settled = True
        self.trace.note(asked.client, f"#{asked.number} is told {_shown(answer)}")
        self._check_told(asked, answer)

    def _check_told(self, asked: Asked, answer: Answer) -> None:
        first = self._by_decision.get(answer.decision_id, asked)
        who = f"#{asked.number} {asked.what} (decided as #{first.number})"
        if _says_nothing_was_sent(answer):
            if first.left:
                self.breach(f"{who}: told {_shown(answer)} although it was sent")
        elif _is_ours(answer):
            # A cancel-all of its own orders alone is not sent where the exchange has told no ids: then they may rest.
            is_of_own = first.client in self.sharing and "cancel_all" in first.what
            if not first.left and first.run == self.run and not is_of_own:
                self.breach(f"{who}: told {_shown(answer)} although nothing was sent")
        elif not self._is_true(first, answer):
            self.breach(f"{who}: told {_shown(answer)}, where the exchange said {[r.status for r in first.done]}")

    def _is_true(self, first: Asked, answer: Answer) -> bool:
        """Whether the exchange did say this; an answer made anew, from rows or reads, must name orders that exist."""
        if any(reply.status == answer.status and _bytes(reply) == answer.body for reply in first.done):
            return True
        if answer.status == 204 and first.client in self.sharing:  # a cancel-all that went out as cancels of its own
            return all(reply.status == 200 for reply in first.done)
        entries = json.loads(answer.body)
        entries = entries.get("orders", [entries])
        said = {(entry.get("order_id"), entry.get("client_order_id")) for entry in entries if "order_id" in entry}
        return bool(said) and said <= set(self._known_orders.items())

    def orders(self, exchange: Exchange) -> None:
        """Look at the orders that the exchange has: each is on our disk, and each of ours is there once."""
        account = exchange.accounts[ACCOUNT]
        for order in account.orders.values():
            name = order.client_order_id
            if name.startswith(OUTSIDER) or self._known_orders.get(order.order_id) == name:
                continue
            if self.rows.decision_of(name) is None:
                self.breach(f"the exchange has an order {name} that no row on the disk has approved")
            if name in self._known_orders.values() and order.order_id not in self._known_orders:
                self.breach(f"the exchange has two orders {name}")
            self._known_orders[order.order_id] = name

    def at_the_end(self) -> None:
        """Everything once more: what was told must be true now as well."""
        for asked in self.asked:
            if asked.left > 1 or len(asked.done) > 1:
                self.breach(f"#{asked.number} {asked.what}: left {asked.left} times, done {len(asked.done)} times")
            for answer in asked.told:
                first = self._by_decision.get(answer.decision_id, asked)
                if _says_nothing_was_sent(answer) and first.left:
                    self.breach(f"#{asked.number} {asked.what}: told {_shown(answer)}, but it was sent")

    def breach(self, what: str) -> None:
        """An invariant is broken: kept, because the product may catch what is raised inside it."""
        if self._breach is None:
            self._breach = what
            self.trace.note("BROKEN", what)

    def require_whole(self) -> None:
        """Raise BrokenError if something was."""
        if self._breach is not None:
            raise BrokenError(self._breach)


def _bytes(reply: Reply) -> bytes:
    return b"" if reply.body is None else json_bytes(reply.body)


def _body(answer: Answer) -> dict[str, Any]:
    body = json.loads(answer.body) if answer.body else {}
    return body if isinstance(body, dict) else {}


def _is_ours(answer: Answer) -> bool:
    return "decision_id" in _body(answer)


def _says_nothing_was_sent(answer: Answer) -> bool:
    return _is_ours(answer) and _body(answer).get("code") not in _NOT_ABOUT_US


def _shown(answer: Answer) -> str:
    body = _body(answer)
    return f"{answer.status} {body.get('code') or _brief(body)}"


def _brief(body: Mapping[str, Any] | None) -> str:
    if not body:
        return ""
    entries = body.get("orders", [body])
    names = ("order_id", "client_order_id", "fill_count", "remaining_count", "reduced_by", "error", "code")
    return "; ".join(" ".join(str(entry[key])[:40] for key in names if key in entry) for entry in entries)
