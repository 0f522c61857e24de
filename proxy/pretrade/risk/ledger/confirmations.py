"""Orders that wait for a person: what was asked, who approved it, and which approvals are left to use.

Rule of this file: a fold over the journal, like the ledger that it belongs to. An approval is for one order, to the
last field but the client's own id for it, by the same client, in the environment and the mode in which it was asked
for, and for the rules that asked; it is used up by the decision that it let pass. What is too old is not taken away by
a timer: it is just not found any more.
"""

from dataclasses import dataclass, replace

from pretrade.model.facts import Question
from pretrade.model.orders import AmendOrder, CreateBatch, CreateOrder, Write

MOST_WAITING = 20
"""Questions of one client that wait for an answer; a client that asks more loses the oldest of its own."""
KEEP_MS = 7_200_000
"""Longer than any policy lets a ticket stand: what is older is let go when the next question comes."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order that waits for a person, under the id of the decision that asked; `approvals` are (who, when), each
    approver once. `under` is the environment and the mode in which it was asked for, as the gateway spells them.
    `asked` is what a yes to it is good for; it is empty in what an earlier version kept, which is good for nothing."""

    decision_id: str
    client: str
    write: Write
    asked_ms: int
    under: str
    approvals: tuple[tuple[str, int], ...] = ()
    asked: tuple[Question, ...] = ()

    @property
    def latest_ms(self) -> int:
        """When anything was last said about it."""
        return max((at_ms for _, at_ms in self.approvals), default=self.asked_ms)

    def stands(self, now_ms: int, within_ms: int, under: str) -> bool:
        """Whether it is of this environment and mode, and neither too old nor, by a clock that was set back, from a
        time to come. What was confirmed for a dry run was not confirmed for money."""
        return bool(self.asked) and self.under == under and 0 <= now_ms - self.latest_ms <= within_ms


def anonymous(write: Write) -> Write:
    """A write without the client's own ids: what it means, apart from what it is called."""
    match write:
        case CreateOrder():
            return CreateOrder(replace(write.order, client_order_id=None))
        case CreateBatch():
            return CreateBatch(tuple(replace(order, client_order_id=None) for order in write.orders))
        case AmendOrder():
            return replace(write, client_order_id=None, updated_client_order_id=None)
        case _:
            return write


class Confirmations:
    """The tickets that have not been used, oldest question first."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.under_way = 0
        """Approvals whose rows are on their way to the disk; no part of the fold."""

    def find(self, client: str, write: Write, now_ms: int, within_ms: int, under: str) -> Ticket | None:
        """The latest ticket that stands for this order of this client."""
        mine = [ticket for ticket in reversed(self.tickets.values()) if ticket.client == client]
        if not mine:
            return None
        meant = anonymous(write)
        return next((one for one in mine if one.write == meant and one.stands(now_ms, within_ms, under)), None)

    def ask(self, ticket: Ticket) -> None:
        """Note a question. It takes the place of an earlier one about the same order, approved or not: two yeses to one
        order, of which it uses up one, would leave the other for an order that nobody meant."""
        ticket = replace(ticket, write=anonymous(ticket.write))
        meant = (ticket.client, ticket.write, ticket.under)
        for old in [one for one in self.tickets.values() if (one.client, one.write, one.under) == meant]:
            del self.tickets[old.decision_id]
        self.tickets[ticket.decision_id] = ticket
        waiting = [one for one in self.tickets.values() if one.client == ticket.client and not one.approvals]
        aged = [one for one in self.tickets.values() if ticket.asked_ms - one.latest_ms > KEEP_MS]
        for old in (*waiting[:-MOST_WAITING], *aged):
            self.tickets.pop(old.decision_id, None)

    def approve(self, decision_id: str, approver: str, at_ms: int) -> None:
        """Note an approval; a second one by the same person changes nothing, and one of what is gone is nothing."""
        ticket = self.tickets.get(decision_id)
        if ticket is not None and approver not in {who for who, _ in ticket.approvals}:
            self.tickets[decision_id] = replace(ticket, approvals=(*ticket.approvals, (approver, at_ms)))

    def use(self, decision_id: str) -> None:
        """Note that an order has passed by it."""
        self.tickets.pop(decision_id, None)

    def forget(self, decision_id: str) -> None:
        """Let go of a question that could not be recorded: nobody is to approve what no row asks."""
        self.tickets.pop(decision_id, None)
