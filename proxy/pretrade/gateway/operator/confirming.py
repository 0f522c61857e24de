"""Confirmation: a denied order may be approved by a person, and then passes once when it comes again.

Rule of this file: an approval is on disk before it holds, and it never holds longer than the policy says; whoever
approves is who the kernel says it is, beside the name that is given.
"""

from collections.abc import Mapping

from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import printable
from pretrade.gateway.operator.admin import AdminError
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind
from pretrade.kalshi.wire import describe
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Denied
from pretrade.model.facts import Facts
from pretrade.model.orders import Write
from pretrade.risk.ledger.confirmations import Ticket

_NAMELESS = frozenset({"root", "nobody"})
"""Users who may be anybody: whoever became root without logging in, and whom the kernel has no name for here."""


def asked_under(instance: Instance) -> str:
    """The environment and the mode in which a ticket is asked for, approved and used, or not at all."""
    of = instance.policy.instance
    return f"{of.environment} {of.mode}"


def confirmed(instance: Instance, client: str, write: Write, now_ms: int) -> Ticket | None:
    """The ticket by which this very order was confirmed by as many people as the policy asks for."""
    if not instance.ledger.confirmations.tickets:
        return None
    rules = instance.policy.confirm
    ticket = instance.ledger.confirmations.find(client, write, now_ms, rules.within, asked_under(instance))
    return ticket if ticket is not None and len(ticket.approvals) >= rules.approvals else None


def ticket_for(instance: Instance, denied: Denied, facts: Facts, decision_id: str) -> Ticket | None:
    """What is to be confirmed for a denied order to pass: its own ticket, or the one that asked as much before.

    A rule that did not ask then asks by a new ticket, for all of it: a person has not said yes to what they were not
    asked. None where a confirmation would not help, because something else objects too.
    """
    if any(reason.code is not DenyCode.CONFIRMATION_REQUIRED for reason in denied.reasons):
        return None
    confirmations, within, under = instance.ledger.confirmations, instance.policy.confirm.within, asked_under(instance)
    asked = confirmations.find(facts.client, denied.write, facts.now_ms, within, under)
    questions = dict.fromkeys((*(asked.asked if asked else ()), *((each.leg, each.rule) for each in denied.reasons)))
    if asked is not None and len(questions) == len(asked.asked):
        return asked
    ticket = Ticket(decision_id, facts.client, denied.write, facts.now_ms, under, asked=tuple(questions))
    confirmations.ask(ticket)
    return ticket


def waiting(instance: Instance) -> list[dict[str, object]]:
    """What waits for a person or for its order to come again, oldest first, for people."""
    within, now_ms = instance.policy.confirm.within, instance.clock.now_ms()
    tickets, under = instance.ledger.confirmations.tickets.values(), asked_under(instance)
    standing = [one for one in tickets if one.stands(now_ms, within, under)]
    return [_shown(instance, ticket, now_ms) for ticket in standing]


def _shown(instance: Instance, ticket: Ticket, now_ms: int) -> dict[str, object]:
    rules = instance.policy.confirm
    return {
        "decision_id": ticket.decision_id,
        "client": ticket.client,
        "order": describe(ticket.write),
        "asked_by": list(dict.fromkeys(rule for _, rule in ticket.asked)),
        "approved_by": [who for who, _ in ticket.approvals],
        "needed": max(0, rules.approvals - len(ticket.approvals)),
        "stands_s": max(0, rules.within - (now_ms - ticket.latest_ms)) // 1000,
    }


class Confirmer:
    """Carries out `pretrade confirm`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def waiting(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Everything that waits."""
        return {"waiting": waiting(self._instance)}

    async def confirm(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Approve one order. Raises AdminError for what the person must put right, and where it cannot be recorded."""
        name, by, reason = (arguments.get(key, "").strip() for key in ("decision_id", "by", "reason"))
        if not (name and by and reason):
            raise AdminError("confirming needs the decision's id, a name (--by) and a reason (--reason)")
        approver, instance = approver_of(actor), self._instance
        now_ms, within = instance.clock.now_ms(), instance.policy.confirm.within
        ticket = instance.ledger.confirmations.tickets.get(name)
        if ticket is None or not ticket.stands(now_ms, within, asked_under(instance)):
            raise AdminError(
                f"nothing waits as {printable(name)}: it was not asked in this environment and mode, has passed, or "
                "has waited longer than confirm.within; `pretrade confirm` shows what waits"
            )
        if approver in {who for who, _ in ticket.approvals}:
            raise AdminError(f"{approver} has approved it already; another person must")
        await self._record(name, {"actor": actor, "approver": approver, "by": by, "reason": reason, "at_ms": now_ms})
        instance.ledger.confirmations.approve(name, approver, now_ms)
        found = instance.ledger.confirmations.tickets.get(name)
        if found is None:
            raise AdminError(f"{name} is gone: its client has asked for more, or for too many others, since")
        return _shown(instance, found, now_ms)

    async def _record(self, name: str, body: Mapping[str, object]) -> None:
        confirmations = self._instance.ledger.confirmations
        confirmations.under_way += 1
        try:
            await self._instance.journal.append(EventKind.CONFIRMATION, body, name)
        except JournalUnavailable as e:
            raise AdminError(
                f"the approval does not hold, for it could not be recorded: {e}. Its row may be on the disk all the "
                "same, and then it holds after a restart, for as long as confirm.within says"
            ) from e
        finally:
            confirmations.under_way -= 1


def approver_of(actor: str) -> str:
    """The person behind a user, as the admin socket tells it. Raises AdminError where nobody can be named."""
    person = actor.partition(" as ")[0]
    if person in _NAMELESS or person.startswith("uid "):
        raise AdminError(
            f"an approval must be a person's, and {actor} may be anybody: run it as your own user, or from it by "
            "`sudo -u` as the proxy's"
        )
    return person
