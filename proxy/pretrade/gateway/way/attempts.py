"""The writes under way and those whose end is not known, so that the same order is never sent twice.

One known SDK posts an order again after ten seconds, with a new signature and no id (clients.md 4). An identical
create without an id, from the same client, while an earlier one is unanswered, undelivered or unknown, is therefore
the same order.
"""

import asyncio
from dataclasses import dataclass

from pretrade.gateway.messages import Answer
from pretrade.gateway.way.normalise import write_out
from pretrade.journal.events import canonical
from pretrade.kalshi.wire import describe
from pretrade.model.orders import Write, orders_of

type Meaning = tuple[str, str]


def meaning(client: str, subaccount: int, write: Write) -> Meaning | None:
    """What an order means apart from its id; None for anything but a create whose every order came without one."""
    orders = orders_of(write)
    if not orders or any(order.client_order_id is not None for order in orders):
        return None
    stated, _ = write_out(write, subaccount=subaccount, decision_id="any")
    return client, canonical(describe(stated))


class Attempt:
    """One write from its decision on: its answer, sooner or later, and whether anything of it may have left us."""

    __slots__ = ("_waiters", "abandoned", "answer", "decision_id", "meaning", "sent", "took_effect", "was_unread")

    def __init__(self, decision_id: str, what: Meaning | None, answer: asyncio.Future[Answer]) -> None:
        self.decision_id = decision_id
        self.meaning = what
        self.answer = answer
        self.sent = False
        self.took_effect = False
        self.was_unread = False
        self.abandoned = False
        self._waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> Answer:
        """The answer, or the fault that stands for it. Whoever waits may be cancelled without harm to the write."""
        if not self.answer.done():  # not `asyncio.shield`, which takes two turns of the event loop more
            waiter = self.answer.get_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self.answer.result()

    def let_go(self) -> None:
        """Wake all who wait: the answer is there."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():  # cancelled, most likely
                waiter.set_result(None)

    def abandon(self) -> bool:
        """Make sure that nothing of it is sent any more; False when that is too late."""
        if not self.sent:
            self.abandoned = True
        return self.abandoned

    @property
    def unknown(self) -> bool:
        """Whether it was sent and nobody knows what became of it."""
        if not self.answer.done():
            return False
        failed = self.answer.cancelled() or self.answer.exception() is not None
        return self.sent if failed else self.answer.result().outcome_unknown

    @property
    def came_to_nothing(self) -> bool:
        """Whether it ended in a fault of ours, or was given up, with nothing sent."""
        failed = self.answer.done() and (self.answer.cancelled() or self.answer.exception() is not None)
        return not self.sent and (self.abandoned or failed)


@dataclass(slots=True)
class Ticket:
    """What the front door keeps of a request while the gate works on it, so that a fault can be answered truly."""

    attempt: Attempt | None = None

    @property
    def minds_delivery(self) -> bool:
        """Whether it matters if the answer is read: an order that came without an id may come again as the same."""
        return self.attempt is not None and self.attempt.meaning is not None


class Attempts:
    """The attempts that are under way, and the creates without an id about which something is still open."""

    def __init__(self) -> None:
        self._under_way: set[Attempt] = set()
        self._by_meaning: dict[Meaning, Attempt] = {}

    def same_order(self, what: Meaning | None) -> Attempt | None:
        """The open attempt with this meaning; one that failed or was given up before it was sent is no such order."""
        attempt = None if what is None else self._by_meaning.get(what)
        return None if attempt is None or attempt.came_to_nothing else attempt

    def open(self, attempt: Attempt) -> None:
        """Note an attempt from the moment it is begun, or one whose end a former run never learned."""
        if attempt.meaning is not None:
            self._by_meaning[attempt.meaning] = attempt
        if not attempt.answer.done():
            self._under_way.add(attempt)

    def end(self, attempt: Attempt) -> None:
        """Note that an attempt under way has its answer, and let those go on who wait for it."""
        self._under_way.discard(attempt)
        attempt.let_go()

    def close(self, attempt: Attempt, *, delivered: bool) -> None:
        """Note that an answer went to its client or could not. What is unknown, or took effect and was never read by
        its client, stays open: the same order may come again. A denial that nobody read is judged anew."""
        if attempt.meaning is None or attempt.unknown or (attempt.took_effect and not delivered):
            return
        if self._by_meaning.get(attempt.meaning) is attempt:
            del self._by_meaning[attempt.meaning]

    def replace(self, attempt: Attempt) -> bool:
        """Put an answered attempt in the place of the unknown one of the same write, so that the same order gets the
        answer; False where nobody can come again with it."""
        known = None if attempt.meaning is None else self._by_meaning.get(attempt.meaning)
        if known is None or known.decision_id != attempt.decision_id:
            return False
        self.open(attempt)
        return True

    def forget(self, decision_id: str) -> None:
        """Note that a write whose end was unknown is known not to be: the same order may come again as a new one."""
        for what, attempt in tuple(self._by_meaning.items()):
            if attempt.decision_id == decision_id:
                del self._by_meaning[what]

    @property
    def unread(self) -> set[str]:
        """The decision ids of writes that took effect and whose answers no client has read."""
        return {attempt.decision_id for attempt in self._by_meaning.values() if attempt.was_unread}

    @property
    def unanswered(self) -> tuple[asyncio.Future[Answer], ...]:
        """The answers still being worked on: what a stop waits for."""
        return tuple(attempt.answer for attempt in self._under_way if not attempt.answer.done())

    @property
    def under_way(self) -> set[str]:
        """The decision ids of those answers."""
        return {attempt.decision_id for attempt in self._under_way if not attempt.answer.done()}
