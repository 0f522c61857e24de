"""The practice exchange as a program: its folder, its HTTPS server, start and stop.

Rule of this file: wiring only. Nothing is printed. Sources of time and randomness enter here and nowhere else.
"""

import asyncio
import contextlib
import datetime as dt
import errno
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiohttp import web

from pretrade.practice.api.keys import load_keys
from pretrade.practice.assemble import Practice, assemble
from pretrade.practice.certs import CA_FILE, LOOPBACK, ensure_certificates, write_private
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.state import Clock
from pretrade.practice.faults.plan import FaultPlan
from pretrade.practice.folder import ADDRESS_FILE, TOKEN_FILE
from pretrade.practice.front import Front
from pretrade.practice.keeping.restore import open_stored
from pretrade.practice.play.control import Control
from pretrade.practice.requestlog import RequestLog
from pretrade.practice.scenario import Scenario
from pretrade.practice.stream.wire import StreamServer
from pretrade.practice.streaming import admission
from pretrade.practice.worldfile import default_scenario

_SHUTDOWN_SECONDS = 2.0
_TICK_SECONDS = 0.05


def wall_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Config:
    """Where the exchange keeps its files and listens (an IP address; port 0 takes a free one). `tier`: the rate limits.

    `state` is the file that its state is kept in over restarts; None keeps it in memory.
    """

    folder: Path
    host: str = LOOPBACK
    port: int = 9443
    seed: int = 1
    tier: str = "prestige"
    clock: Clock = field(default=wall_clock)
    scenario: Scenario = field(default_factory=default_scenario)
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class RunningPractice:
    """A started exchange, with what tests and people in the same process need of it. `ticking` goes on until it stops,
    or until something that is due by the clock fails."""

    host: str
    port: int
    ca_file: Path
    control_token: str
    practice: Practice
    ticking: asyncio.Task[None]
    _stream: StreamServer
    _runner: web.AppRunner
    _stopping: asyncio.Event
    _kept: ExitStack

    @property
    def exchange(self) -> Exchange:
        """The exchange itself."""
        return self.practice.exchange

    @property
    def faults(self) -> FaultPlan:
        """The faults that wait for requests."""
        return self.practice.faults

    @property
    def log(self) -> RequestLog:
        """The write requests that arrived."""
        return self.practice.log

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return f"{self.origin}/trade-api/v2"

    async def stop(self) -> None:
        """Stop listening, let running requests end (held answers go out at once) and close all connections. Raises what
        has ended the clock, where something did."""
        self._stopping.set()
        await asyncio.wait({self.ticking})
        await self._stream.stop()
        server = self._runner.server
        transports = [c.transport for c in server.connections if c.transport is not None] if server is not None else []
        await self._runner.cleanup()
        for transport in transports:
            # a peer that never answers the TLS goodbye would keep its socket open longer than the loop lives
            transport.abort()
        self._kept.close()
        await asyncio.sleep(0)
        self.ticking.result()


async def start(config: Config, reset: Callable[[], None] | None = None) -> RunningPractice:
    """Start an exchange: a new one, or the one of the state file. `reset` is called when an operator wants a fresh one.

    Raises KeyFileError for a bad key file, StateError for a state file that cannot be used, OpeningError for a world
    that the exchange refuses, OSError for a taken port.
    """
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, server_file = ensure_certificates(config.folder, dt.datetime.now(dt.UTC), config.host)
    token = secrets.token_urlsafe(32)
    stopping = asyncio.Event()
    with ExitStack() as undo:
        practice = _open(config, undo)
        control = Control(practice, token, reset)
        stream = StreamServer(practice.hub, admission(practice.dispatcher))
        front = Front(practice, control, stopping, stream)
        runner, port = await _listen(config, front, server_file)
        running = RunningPractice(
            host=config.host,
            port=port,
            ca_file=config.folder / CA_FILE,
            control_token=token,
            practice=practice,
            _stream=stream,
            _runner=runner,
            _stopping=stopping,
            ticking=asyncio.create_task(_tick(practice, stopping)),
            _kept=undo.pop_all(),
        )
    # Last of all: a start that fails must not take the folder from an exchange that runs there.
    write_private(config.folder / TOKEN_FILE, token.encode())
    write_private(config.folder / ADDRESS_FILE, running.origin.encode())
    return running


def _open(config: Config, undo: ExitStack) -> Practice:
    """The exchange, new or from its state file, which `undo` lets go of."""
    keys = load_keys(config.folder)
    if config.state is None:
        return assemble(config.scenario, clock=config.clock, seed=config.seed, keys=keys, tier=config.tier)
    practice, store = open_stored(
        config.state, config.scenario, clock=config.clock, seed=config.seed, keys=keys, tier=config.tier
    )
    undo.callback(store.close)
    return practice


async def serve(config: Config, ready: Callable[[RunningPractice], None] | None = None) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called once it listens, so that the caller can say so.

    A reset ends the exchange, its connections and its state file, and starts it anew on the same port.
    """
    stop, reset, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    running = await start(config, reset.set)
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        if ready is not None:
            ready(running)
        while await _first(running, reset, stop) is reset:
            reset.clear()
            await running.stop()
            _forget_state(config)
            running = await start(replace(config, port=running.port), reset.set)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        await running.stop()


async def _first(running: RunningPractice, *events: asyncio.Event) -> asyncio.Event | None:
    """The first of some events that is set; None where a fault has ended the exchange's clock, which `stop` raises."""
    waiting = {asyncio.create_task(event.wait()): event for event in events}
    done, _ = await asyncio.wait({*waiting, running.ticking}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting.keys() - done:
        task.cancel()
    return next((event for task, event in waiting.items() if task in done), None)


def _forget_state(config: Config) -> None:
    if config.state is not None:
        for ending in ("", "-wal", "-shm"):
            config.state.with_name(config.state.name + ending).unlink(missing_ok=True)


async def _tick(practice: Practice, stopping: asyncio.Event) -> None:
    """Let things happen at their time although nobody asks, until the server stops."""
    while not stopping.is_set():
        practice.tick()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _TICK_SECONDS)


async def _listen(config: Config, front: Front, server_file: Path) -> tuple[web.AppRunner, int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server_file)
    context.set_alpn_protocols(["http/1.1"])
    application = web.Application()
    application.on_response_prepare.append(_hide_server)
    application.router.add_route("*", "/{tail:.*}", front.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    listener = _bind(config.host, config.port)
    await web.SockSite(runner, listener, ssl_context=context).start()
    return runner, int(listener.getsockname()[1])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as e:
        if e.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            e.errno, f"something listens on {host}:{port} already; use another port, or 0 for a free one"
        ) from e


async def _hide_server(request: web.Request, response: web.StreamResponse) -> None:
    """The exchange does not say that it is aiohttp, so neither do we."""
    response.headers.pop("Server", None)
