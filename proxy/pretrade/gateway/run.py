"""The life of a running proxy: start, serve, listen to operators and signals, drain, stop."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from importlib.metadata import version

import structlog

from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.account.snapshots import Snapshots
from pretrade.gateway.assemble import (
    Listening,
    Started,
    StartError,
    assemble,
    check_surroundings,
    leaf_path,
    stream_dialler,
)
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.front.doors import Doors, bind
from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import Watch
from pretrade.gateway.machine.hardening import settle_memory
from pretrade.gateway.machine.large_pages import use_large_pages
from pretrade.gateway.market.feed import Feed
from pretrade.gateway.operator.admin import SOCKET_NAME, AdminError, AdminServer
from pretrade.gateway.operator.confirming import Confirmer
from pretrade.gateway.operator.operators import Operators
from pretrade.gateway.operator.resolve import Resolver
from pretrade.gateway.operator.rotation import Rotation
from pretrade.gateway.operator.standing import reconciliation
from pretrade.gateway.operator.status import status
from pretrade.gateway.operator.sweep import Sweep
from pretrade.gateway.preflight.preflight import Preflight
from pretrade.gateway.questions.questions import Questions
from pretrade.gateway.relay.relay import Relay
from pretrade.gateway.stops.halt_file import KILL_SWITCH_VARIABLE, kill_switch_set
from pretrade.gateway.stops.loss_watch import LossWatch
from pretrade.gateway.stops.threshold_watch import ThresholdWatch
from pretrade.gateway.way.gate import Gate
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.model.instance import Mode, TradingState
from pretrade.policy.fields import Endpoint

log = structlog.get_logger()

DRAIN_S = 9.0
"""Longer than the exchange has to answer, so that an order in flight is answered before we go."""
HOUSEKEEPING_S = 1.0
_WHY_UNBOUND = {
    errno.EADDRINUSE: "; is another proxy running, or another program there?",
    errno.EADDRNOTAVAIL: "; this machine has no such address",
}


async def run(loaded: LoadedPolicy, announce: Callable[[Started], None], clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return. Raises StartError when it cannot start."""
    check_surroundings(loaded)
    with contextlib.ExitStack() as sockets:
        proxy = sockets.enter_context(_bound("listen.proxy", loaded.policy.listen.proxy))
        base_url = sockets.enter_context(_bound("listen.base_url", loaded.policy.listen.base_url))
        listening = Listening(Endpoint(*proxy.getsockname()[:2]), Endpoint(*base_url.getsockname()[:2]))
        instance = assemble(loaded, clock or Clock(), listening)
        proxy_process = _Proxy(instance, loaded, listening)
        await proxy_process.serve(proxy, base_url, announce)


def _bound(key: str, at: Endpoint) -> socket.socket:
    try:
        return bind(at.host, at.port)
    except OSError as e:
        raise StartError(f"{key}: cannot listen on {at}: {e.strerror}{_WHY_UNBOUND.get(e.errno or 0, '')}") from e


class _Proxy:
    def __init__(self, instance: Instance, loaded: LoadedPolicy, listening: Listening) -> None:
        self._instance = instance
        self._loaded = loaded
        self._listening = listening
        self._gate = Gate(instance)
        self._preflight = Preflight(instance, paths(loaded).certs)
        self._reconciler = Reconciler(instance)
        self._relay = Relay(instance, stream_dialler(loaded))
        self._feed = Feed(instance, stream_dialler(loaded))
        self._doors = Doors(self._gate, leaf_path(loaded))
        operators, questions, confirmer = (
            Operators(instance, self._gate.begin),
            Questions(instance),
            Confirmer(instance),
        )
        handlers = {
            "status": self._status,
            "halt": operators.halt,
            "resume": operators.resume,
            "sweep": Sweep(instance, self._reconciler, self._gate.begin).sweep,
            "reconcile": self._reconcile,
            "resolve": Resolver(instance, self._reconciler).resolve,
            "headroom": questions.headroom,
            "headroom_together": questions.headroom_together,
            "market": questions.market,
            "confirm": confirmer.confirm,
            "confirmations": confirmer.waiting,
            "rotate": Rotation(instance, self._preflight, loaded).rotate,
        }
        self._admin = AdminServer(paths(loaded).state / SOCKET_NAME, handlers)
        self._stop = asyncio.Event()
        self._reason = "asked to"

    async def serve(self, proxy: socket.socket, base_url: socket.socket, announce: Callable[[Started], None]) -> None:
        await record_start(self._instance, self._loaded, self._listening)
        self._watch_signals()
        await self._prove_key()
        await self._admin.start()
        await self._relay.start()
        await asyncio.gather(self._reconciler.first(), self._instance.exchange_status.first())
        settle_memory()
        use_large_pages()
        await self._doors.open(proxy, base_url)
        announce(Started(self._instance, self._loaded, self._listening))
        tasks = (
            _start(self._keep_house(), "housekeeping"),
            _start(self._reconciler.run(), "reconciliation"),
            _start(self._keep_markets(), "market facts"),
            _start(LossWatch(self._instance).run(), "day loss"),
            _start(self._preflight.run(), "preflight"),
            _start(ThresholdWatch(self._instance).run(), "thresholds"),
            _start(self._feed.run(), "feed"),
            _start(self._instance.exchange_status.run(), "exchange status"),
        )
        await self._stop.wait()
        await self._drain()
        for task in tasks:
            task.cancel()
        await self._close()

    async def _prove_key(self) -> None:
        """Leave the log in order where the key is not what the role says. Raises StartError."""
        try:
            await self._preflight.first()
        except StartError:
            self._instance.journal.record(EventKind.STOP, {"reason": "preflight"})
            await self._instance.journal.close()
            await self._instance.upstream.close()
            self._instance.signers.close()
            raise

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGUSR1, self._halt_by_signal)

    def _ask_to_stop(self, name: str) -> None:
        self._reason = name
        self._stop.set()

    def _halt_by_signal(self) -> None:
        self._instance.trading.stop(TradingState.HALTED, cause="signal", actor="", reason="SIGUSR1")

    async def _keep_house(self) -> None:
        watch = Watch(self._instance.journal, self._instance.disk)
        snapshots = Snapshots(self._instance)
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._gate.flush()
            watch.look()
            snapshots.look()

    async def _keep_markets(self) -> None:
        """Keep the facts of the markets in use fresh, so that no order waits for them."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            await self._instance.markets.refresh_used()

    async def _drain(self) -> None:
        """Refuse what is new, wait for what is under way."""
        self._doors.stop_listening()
        self._instance.stopping = True
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        if unanswered := self._instance.attempts.unanswered:
            await asyncio.wait(unanswered, timeout=DRAIN_S)
        while self._doors.enforcer.in_flight and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    async def _close(self) -> None:
        await self._relay.close()  # first: its goodbyes go out by the doors
        await self._doors.close()
        await self._admin.close()
        self._instance.notices.hook.close()
        self._gate.flush(everything=True)
        await record_stop(self._instance, self._reason)

    async def _status(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        return status(self._instance, self._listening)

    async def _reconcile(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        if self._instance.policy.instance.mode is not Mode.LIVE:
            raise AdminError("this proxy runs in dry_run: nothing is sent, so there is nothing to reconcile")
        await self._reconciler.round()
        return reconciliation(self._instance)


def _start(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    """Start what goes on as long as the proxy runs; should it end by a fault of ours, that is told at once."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell_fault)
    return task


def _tell_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error(
            "task_failed", task=task.get_name(), detail=repr(fault), effect="it does not go on: restart the proxy"
        )


async def record_stop(instance: Instance, reason: str) -> None:
    """Put the last snapshot and the stop on record, and close what an instance holds: nothing goes on after this."""
    await Snapshots(instance).take_last()
    instance.journal.record(EventKind.STOP, {"reason": reason})
    await instance.journal.close()
    await instance.upstream.close()
    instance.signers.close()


async def record_start(instance: Instance, loaded: LoadedPolicy, listening: Listening | None) -> None:
    """Put the policy and the start on record; until they are on disk nothing may be judged. `listening` is None where
    no door opens. Raises StartError."""
    policy = instance.policy
    if kill_switch_set(os.environ.get(KILL_SWITCH_VARIABLE)):
        reason = f"{KILL_SWITCH_VARIABLE} is set"
        instance.trading.stop(TradingState.HALTED, cause="environment", actor="", reason=reason)
    text = {"hash": loaded.sha256, "text": loaded.text, "source": str(loaded.path)}
    start = {
        "version": version("pretrade"),
        "role": str(policy.instance.role),
        "mode": str(policy.instance.mode),
        "environment": str(policy.instance.environment),
        "policy": loaded.sha256,
        "trading_state": str(instance.trading.state()),
        "listen": None if listening is None else {"proxy": str(listening.proxy), "base_url": str(listening.base_url)},
    }
    try:
        await instance.journal.append(EventKind.POLICY, text)
        await instance.journal.append(EventKind.START, start)
    except JournalError as e:
        raise StartError(f"the journal cannot be written: {e}") from e
