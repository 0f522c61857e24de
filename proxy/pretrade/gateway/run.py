"""The life of a running proxy: start, serve, listen to operators and signals, drain, stop."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version

import structlog

from pretrade.gateway.admin import SOCKET_NAME, AdminError, AdminServer
from pretrade.gateway.assemble import Listening, Started, StartError, assemble, check_surroundings, leaf_path
from pretrade.gateway.clock import Clock
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.doors import Doors, bind
from pretrade.gateway.gate import Gate
from pretrade.gateway.instance import Instance
from pretrade.gateway.status import status
from pretrade.gateway.trading import KILL_SWITCH_VARIABLE, kill_switch_set
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState
from pretrade.policy.fields import Endpoint

log = structlog.get_logger()

DRAIN_S = 9.0
"""Longer than the exchange has to answer, so that an order in flight is answered before we go."""
HOUSEKEEPING_S = 1.0


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
        reason = f"{e.strerror}; is another proxy running, or another program there?"
        raise StartError(f"{key}: cannot listen on {at}: {reason}") from e


class _Proxy:
    def __init__(self, instance: Instance, loaded: LoadedPolicy, listening: Listening) -> None:
        self._instance = instance
        self._loaded = loaded
        self._listening = listening
        self._gate = Gate(instance)
        self._doors = Doors(self._gate, leaf_path(loaded))
        handlers = {"status": self._status, "halt": self._halt, "resume": self._resume}
        self._admin = AdminServer(paths(loaded).state / SOCKET_NAME, handlers)
        self._stop = asyncio.Event()
        self._reason = "asked to"

    async def serve(self, proxy: socket.socket, base_url: socket.socket, announce: Callable[[Started], None]) -> None:
        await record_start(self._instance, self._loaded, self._listening)
        self._watch_signals()
        await self._admin.start()
        await self._doors.open(proxy, base_url)
        announce(Started(self._instance, self._loaded, self._listening))
        housekeeping = asyncio.create_task(self._keep_house(), name="housekeeping")
        await self._stop.wait()
        await self._drain()
        housekeeping.cancel()
        await self._close()

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
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._gate.flush()

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
        await self._doors.close()
        await self._admin.close()
        self._gate.flush(everything=True)
        self._instance.journal.record(EventKind.STOP, {"reason": self._reason})
        await self._instance.journal.close()
        await self._instance.upstream.close()
        self._instance.signer.close()

    async def _status(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        return status(self._instance, self._listening)

    async def _halt(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        wanted, reason = arguments.get("state", TradingState.HALTED), arguments.get("reason", "")
        if not reason or wanted not in (TradingState.HALTED, TradingState.REDUCING):
            raise AdminError("a halt needs a reason, and HALTED or REDUCING")
        state = TradingState(wanted)
        trading = self._instance.trading
        row = trading.stop(state, cause="operator", actor=actor, by=arguments.get("by", ""), reason=reason)
        with contextlib.suppress(JournalError):
            await row
        return {"trading_state": str(trading.state()), "recorded": row.done() and row.exception() is None}

    async def _resume(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        by, reason = arguments.get("by", ""), arguments.get("reason", "")
        if not by or not reason:
            raise AdminError("resuming needs a name (--by) and a reason (--reason)")
        await self._instance.trading.resume(actor=actor, by=by, reason=reason)
        return {"trading_state": str(self._instance.trading.state())}


async def record_start(instance: Instance, loaded: LoadedPolicy, listening: Listening) -> None:
    """Put the policy and the start on record; until they are on disk nothing may be judged. Raises StartError."""
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
        "listen": {"proxy": str(listening.proxy), "base_url": str(listening.base_url)},
    }
    try:
        await instance.journal.append(EventKind.POLICY, text)
        await instance.journal.append(EventKind.START, start)
    except JournalError as e:
        raise StartError(f"the journal cannot be written: {e}") from e
