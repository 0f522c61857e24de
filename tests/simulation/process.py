"""One run of the proxy: the real gate, ledger, signer and identities on a virtual disk and a virtual network, from the
rows that the runs before have left to the crash that ends it.

Rule of this file: it is put together as `gateway.assemble` does it; what is not the product's own stands in for a
device or for mitmproxy.
"""

import asyncio
import random
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from tests.simulation.disk import Disk, SimJournal
from tests.simulation.exchange import SimUpstream, Wire
from tests.simulation.watch import ASKED, Asked, Watch

from pretrade.gateway import assemble
from pretrade.gateway.account import snapshots
from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.account.snapshots import Snapshots
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import DiskRoom
from pretrade.gateway.market.market_facts import MarketFactsCache
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.attempts import Attempts, Ticket
from pretrade.gateway.way.destination import Destinations
from pretrade.gateway.way.gate import Gate
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.refusals import FloodGuard, answer_of, new_decision_id
from pretrade.gateway.way.replay import Replays
from pretrade.journal.events import EventKind
from pretrade.kalshi.keys import PrivateKey
from pretrade.kalshi.replies import refusal
from pretrade.kalshi.signing import ReadRequest, SignedRequest, Signer
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved
from pretrade.model.instance import Environment, Mode
from pretrade.policy.schema import Policy
from pretrade.risk.ledger.ledger import Ledger

HOOK_DEADLINE_S = 9.5
"""How long mitmproxy's hook waits for the gate (`gateway.front.failclosed`)."""
HOUSEKEEPING_S = 1.0
DRAIN_S = 12.0
PROCESS: ContextVar["Process | None"] = ContextVar("process", default=None)
"""The process that a task belongs to: it ends with it."""


class SimSigner:
    """The real signer, which tells the watcher of each write that it signs."""

    def __init__(self, key: PrivateKey, key_id: str, watch: Watch) -> None:
        self._signer = Signer(key, key_id)
        self._watch = watch
        self.key_id = key_id

    async def sign(self, approved: Approved, now_ms: int) -> SignedRequest:
        """As the real one."""
        self._watch.signed()
        return await self._signer.sign(approved, now_ms)

    async def sign_read(self, read: ReadRequest, now_ms: int) -> SignedRequest:
        """As the real one."""
        return await self._signer.sign_read(read, now_ms)


class Process:
    """A running proxy. `serve` takes a request as mitmproxy's hook would; `crash` ends it without a word."""

    def __init__(
        self,
        number: int,
        *,
        disk: Disk,
        state_dir: Path,
        wire: Wire,
        watch: Watch,
        clock: Clock,
        policy: Policy,
        clients: dict[str, Client],
        live_key: PrivateKey,
        chance: random.Random,
    ) -> None:
        self.dead = False
        self.disk, self._state_dir = disk, state_dir / f"of-run-{number}"
        self._state_dir.symlink_to(state_dir)  # gone with the process: what ends of it later finds no folder
        self._watch = watch
        self._chance = chance
        self._tasks: list[asyncio.Task[Any]] = []
        self._callers: list[asyncio.Future[Answer]] = []
        self.journal = SimJournal(disk, f"boot-{number}", clock, watch.appended, watch.durable)
        self.upstream = SimUpstream(wire)
        self.instance = self._instance(disk, clock, policy, clients, SimSigner(live_key, "live-key", watch))
        self.gate = Gate(self.instance)
        self.reconciler = Reconciler(self.instance)
        self.is_open = False
        self.start(self._boot())

    def _instance(
        self, disk: Disk, clock: Clock, policy: Policy, clients: dict[str, Client], signer: SimSigner
    ) -> Instance:
        ledger, attempts, replays = remember(disk, clock)
        return Instance(
            policy=policy,
            policy_hash="00" * 32,
            zone=ZoneInfo(policy.limits.day.timezone),
            clients=clients,
            destinations=Destinations(Environment.PRACTICE, frozenset({"127.0.0.1:8081"})),
            clock=clock,
            journal=self.journal,  # type: ignore[arg-type]
            ledger=ledger,
            trading=Trading(ledger, self.journal, self._state_dir, clock),  # type: ignore[arg-type]
            signers=Signers.of_policy(policy, signer),  # type: ignore[arg-type]
            upstream=self.upstream,  # type: ignore[arg-type]
            flood=FloodGuard(self.journal, clock),  # type: ignore[arg-type]
            started_ms=clock.now_ms(),
            disk=DiskRoom(Path("/"), clock, floor=0),
            markets=MarketFactsCache(self.upstream, clock),  # type: ignore[arg-type]
            attempts=attempts,
            replays=replays,
        )

    def start(self, coroutine: Coroutine[Any, Any, Any], context: Context | None = None) -> asyncio.Task[Any]:
        """Start a task that ends with this process, and so do those that it starts."""
        context = context or copy_context()
        context.run(PROCESS.set, self)
        return asyncio.get_running_loop().create_task(coroutine, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """A task of this process has been made."""
        self._tasks.append(task)

    def serve(self, raw: RawRequest, asked: Asked) -> asyncio.Future[Answer]:
        """Answer a request. The future raises ConnectionResetError if the process dies first; cancel it to hang up."""
        caller: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.dead or not self.is_open:
            caller.set_exception(ConnectionRefusedError())
            return caller
        self._callers.append(caller)
        context = copy_context()
        context.run(ASKED.set, asked)
        self.start(self._serve(raw, caller), context)
        return caller

    async def _serve(self, raw: RawRequest, caller: asyncio.Future[Answer]) -> None:
        """What the hook, our layer and the fail-closed manager do with a request: see `gateway.front.enforcer`."""
        ticket = Ticket()
        try:
            async with asyncio.timeout(HOOK_DEADLINE_S):
                answer = await self.gate.handle(raw, ticket)
        except TimeoutError:
            answer = _fault_answer(ticket)
            self.gate.note_fault(answer.decision_id, "pretrade_request")
        except Exception as e:  # what mitmproxy would be given to handle: a fault of ours in any case
            self._watch.breach(f"the gate raised {e!r}")
            raise
        delivered = not caller.done()
        if delivered:
            caller.set_result(answer)
        if not answer.outcome_unknown:
            asyncio.get_running_loop().call_soon(lambda: self.gate.answered(ticket, delivered=delivered))

    async def _boot(self) -> None:
        """What `gateway.run` does from here on."""
        status = self.instance.exchange_status
        await asyncio.gather(self.reconciler.first(), status.first())
        self.is_open = True
        for task in (self._keep_house(), self.reconciler.run(), status.run(), self._keep_markets()):
            self.start(task)

    async def _keep_house(self) -> None:
        taking = Snapshots(self.instance)
        await asyncio.sleep(self._chance.uniform(0, HOUSEKEEPING_S))
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.gate.flush()
            taking.look()

    async def _keep_markets(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            await self.instance.markets.refresh_used()

    async def stop(self) -> None:
        """End as `gateway.run` does when it is asked to: refuse what is new, wait for what is under way, write."""
        self.instance.stopping = True
        if unanswered := self.instance.attempts.unanswered:
            await asyncio.wait(unanswered, timeout=DRAIN_S)
        self.gate.flush(everything=True)
        await Snapshots(self.instance).take_last()
        self.journal.record(EventKind.STOP, {"reason": "asked to"})
        await self.journal.close()
        self.crash()

    def crash(self) -> None:
        """End as a killed process does: nothing of it runs any more, and of its last rows some may have stayed."""
        self.dead = True
        self._state_dir.unlink(missing_ok=True)
        self.journal.crash()
        self.upstream.dead = True
        for task in self._tasks:
            task.cancel()
        for caller in self._callers:
            if not caller.done():
                caller.set_exception(ConnectionResetError())
                caller.exception()


def remember(disk: Disk, clock: Clock) -> tuple[Ledger, Attempts, Replays]:
    """What the runs before have left: `gateway.assemble` reads it, with the virtual disk in the path's place."""
    readers = {"read_events": Disk.read, "find": Disk.find, "back_from_the_end": Disk.back_from_the_end}
    with patch.multiple(assemble, **readers), patch.object(snapshots, "tail", Disk.tail):
        return assemble._remember(disk, clock, Mode.LIVE)  # type: ignore[arg-type]


def _fault_answer(ticket: Ticket) -> Answer:
    """As `gateway.front.enforcer` words it."""
    attempt = ticket.attempt
    if attempt is not None and not attempt.abandon():
        reply = refusal(DenyCode.OUTCOME_UNKNOWN, decision_id=attempt.decision_id, message=None)
        return answer_of(reply, attempt.decision_id, outcome_unknown=True)
    decision_id = attempt.decision_id if attempt is not None else new_decision_id()
    return answer_of(refusal(DenyCode.INTERNAL_FAULT, decision_id=decision_id, message=None), decision_id)


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
    """Make a task and let its process know it."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
    process = task.get_context().get(PROCESS)
    if process is not None:
        process.adopt(task)
    return task
