"""A person settles what the record cannot: by name and reason, on record.

Rule of this file: the exchange is read first, and a person's word is never taken against it; no round of the
reconciliation runs meanwhile.
"""

from collections.abc import Mapping

from pretrade.gateway.account.drop_copy import DropCopyError
from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.account.record_wants import ask
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import printable
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.way.records import outcome_body
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.model.instance import Mode
from pretrade.model.orders import orders_of
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.ledger.changes import CHANGES, Change
from pretrade.risk.ledger.learning import learn
from pretrade.risk.reconciling.resolution import ResolutionError, Verdict, ghosts_of, resolution


class Resolver:
    """Carries out `pretrade resolve`."""

    def __init__(self, instance: Instance, reconciler: Reconciler) -> None:
        self._instance = instance
        self._reconciler = reconciler

    async def resolve(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Settle one thing as a person says. Raises AdminError where the record says otherwise, or nothing can be."""
        name, by, reason = (arguments.get(key, "").strip() for key in ("name", "by", "reason"))
        if not (name and by and reason):
            raise AdminError("resolving needs what it is about, a name (--by) and a reason (--reason)")
        try:
            verdict = Verdict(arguments.get("as", ""))
        except ValueError:
            raise AdminError("--as must be absent or done") from None
        if self._instance.policy.instance.mode is not Mode.LIVE:
            raise AdminError("this proxy runs in dry_run: nothing is sent, so nothing is unknown")
        async with self._reconciler.alone():
            changes = await self._changes(name, verdict)
            body: dict[str, object] = {"name": name, "as": str(verdict), "actor": actor, "by": by, "reason": reason}
            await self._carry_out(name, changes, body)
        self._instance.reconciled.want()
        return {"name": name, "as": str(verdict), "changes": len(changes)}

    async def _changes(self, name: str, verdict: Verdict) -> tuple[Change, ...]:
        """What is to be learned, by the exchange's record of now."""
        instance = self._instance
        if name in instance.attempts.under_way | instance.endings.withdrawn:
            raise AdminError(f"{name} is in flight: its answer is still waited for")
        try:
            copy = await self._reconciler.reader.read(ask(instance, self._reconciler.as_of_ms).wanted)
            return resolution(instance.ledger, name, verdict, copy)
        except DropCopyError as e:
            raise AdminError(f"the exchange's record, which might say otherwise, cannot be read: {e}") from e
        except ResolutionError as e:
            raise AdminError(printable(str(e), 500)) from e

    async def _carry_out(self, name: str, changes: tuple[Change, ...], body: dict[str, object]) -> None:
        """Hand the row in and apply it, without an await; where it cannot be written, orders wait (see `reconcile`)."""
        instance, ledger = self._instance, self._instance.ledger
        pending, ghosts = ledger.pending.get(name), ghosts_of(ledger, name)
        decision_id = name if pending is not None else ghosts[0].key.rpartition("/")[0] if ghosts else None
        plain = CHANGES.dump_python(changes, mode="json")
        row = instance.journal.append(EventKind.RESOLUTION, body | {"changes": plain}, decision_id)
        for change in changes:
            learn(ledger, change)
        if pending is not None and orders_of(pending.write):
            state = OutcomeState.ABSENT if body["as"] == Verdict.ABSENT else OutcomeState.ACCEPTED
            outcome = Outcome(state, detail=f"resolved by {body['by']}: {body['reason']}")
            instance.journal.record(EventKind.OUTCOME, outcome_body(outcome, instance.clock.now_ms(), {}), name)
            instance.attempts.forget(name)
        try:
            await self._reconciler.durable(row)
        except JournalError as e:
            raise AdminError(f"it could not be recorded, so orders wait: {e}") from e
