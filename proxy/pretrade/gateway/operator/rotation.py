"""`pretrade keys rotate`: another live key for a running proxy, without a restart and without a dropped order.

Rule of this file: the new key passes the same preflight as at a start, and the change is on record, before anything is
signed with it; where any of that fails, the old key goes on. Nothing but one live key may have changed in the policy.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from pretrade.gateway.assemble import StartError, live_signers
from pretrade.gateway.config import LoadedPolicy, PolicyError, load
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys.signers import GENERAL, place_of
from pretrade.gateway.messages import printable
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.preflight.expected import expected_of
from pretrade.gateway.preflight.findings import Report
from pretrade.gateway.preflight.preflight import Patience, Preflight, preflight
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.kalshi.keys import public_pem_of
from pretrade.kalshi.signing import Signer
from pretrade.policy.schema import LiveKey, NamedKey, Policy

log = structlog.get_logger()

PATIENCE = Patience(whole=5.0)
"""This and `UNDER_WAY_S` are together shorter than the command waits for its answer."""
UNDER_WAY_S = 9.0
"""How long writes that the old key signed are waited for: longer than the exchange has to answer."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The key that is to sign from now on, the signer whose key it replaces, and their place in the policy."""

    place: str
    new: Signer
    old: Signer


class Rotation:
    """Changes a live key of one running instance."""

    def __init__(self, instance: Instance, preflight: Preflight, loaded: LoadedPolicy) -> None:
        """`loaded` is the policy that the instance was started with."""
        self._instance = instance
        self._preflight = preflight
        self._path = loaded.path
        self._busy = asyncio.Lock()

    async def rotate(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Read the live keys of the policy's file anew and sign with the one that changed from now on. Returns once
        what the old one may have signed is answered, so that it can be removed at the exchange at once. Raises
        AdminError, and then the key of before goes on."""
        async with self._busy:
            loaded = self._read()
            change = self._open(loaded)
            previous = change.old.key_id
            try:
                report = await self._prove(loaded, change)
                told = {"key": change.place, "key_id": change.new.key_id, "previous": previous}
                await self._record(loaded, told | {"actor": actor})
            except AdminError:
                change.new.close()
                raise
            self._take_over(loaded, change, report)
            log.warning("key_rotated", previous=previous, key_id=told["key_id"], actor=printable(actor))
            if under_way := self._instance.attempts.unanswered:
                await asyncio.wait(under_way, timeout=UNDER_WAY_S)
            return dict(told)

    def _read(self) -> LoadedPolicy:
        try:
            loaded = load(self._path)
        except PolicyError as e:
            raise AdminError(f"{self._path} is refused ({e.problems[0].message}); see `pretrade check`") from e
        before = self._instance.policy
        is_same = loaded.policy.model_copy(update={"signing": before.signing}) == before
        if not is_same or _bindings(loaded.policy) != _bindings(before):
            raise AdminError(
                "the policy differs from the running one in more than `signing`, or in whose keys there are: restart "
                "the proxy for that"
            )
        return loaded

    def _open(self, loaded: LoadedPolicy) -> _Change:
        """The one key that is another now. The others that were read are let go again."""
        try:
            signers = live_signers(loaded)
        except StartError as e:
            raise AdminError(str(e)) from e
        running = dict(self._instance.signers.all())
        pairs = [_Change(place, signer, running[place]) for place, signer in signers.all()]
        changed = [pair for pair in pairs if _identity(pair.new) != _identity(pair.old)]
        problem = self._problem(loaded.policy, changed)
        for pair in pairs:
            if problem or pair is not changed[0]:
                pair.new.close()
        if problem:
            raise AdminError(problem)
        return changed[0]

    def _problem(self, policy: Policy, changed: Sequence[_Change]) -> str:
        """What is wrong with what changed, apart from what the exchange says; empty where nothing is."""
        if not changed:
            return (
                "`signing` names the key that is in use already, and so does each entry of `signing.keys`: name the "
                "new key in one of them first"
            )
        if len(changed) > 1:
            return f"{' and '.join(one.place for one in changed)} are others now: change one key at a time"
        place = changed[0].place
        if _others(policy, place) != _others(self._instance.policy, place):
            return f"`signing` differs from the running policy's in more than {place}: restart the proxy for the rest"
        pem = changed[0].new.public_pem()
        twin = next((one.name for one in self._instance.clients.values() if public_pem_of(one.public_key) == pem), None)
        if twin is not None:
            return f"{place}.key_file has the key of clients.{twin}: a live key must be nobody else's"
        return ""

    async def _prove(self, loaded: LoadedPolicy, change: _Change) -> Report:
        instance = self._instance
        signers = instance.signers.replacing(change.place, change.new)
        report = await preflight(signers, instance.upstream, instance.clock, expected_of(loaded.policy), PATIENCE)
        if report.obstacles:
            raise AdminError(f"preflight of the new key: {'; '.join(map(str, report.obstacles))}")
        return report

    async def _record(self, loaded: LoadedPolicy, rotation: dict[str, str]) -> None:
        text = {"hash": loaded.sha256, "text": loaded.text, "source": str(loaded.path)}
        journal = self._instance.journal
        try:
            await journal.append(EventKind.POLICY, text)
            await journal.append(EventKind.ROTATION, rotation | {"policy": loaded.sha256})
        except JournalError as e:
            raise AdminError(f"the journal cannot be written: {e}") from e

    def _take_over(self, loaded: LoadedPolicy, change: _Change, report: Report) -> None:
        instance = self._instance
        change.old.rotate(change.new)
        instance.policy, instance.policy_hash = loaded.policy, loaded.sha256
        self._preflight.proven(loaded.policy, report)


def _identity(signer: Signer) -> tuple[str, bytes]:
    return signer.key_id, signer.public_pem()


def _bindings(policy: Policy) -> dict[str, int | None]:
    """Which keys there are beside the general one, and what each is bound to."""
    return {name: key.subaccount for name, key in policy.signing.keys.items()}


def _others(policy: Policy, place: str) -> tuple[LiveKey | None, dict[str, NamedKey]]:
    """What the policy says of every live key but the one at this place: the general one, and those beside it."""
    signing = policy.signing
    general = None if place == GENERAL else signing.model_copy(update={"keys": {}})
    return general, {name: key for name, key in signing.keys.items() if place_of(name) != place}
