"""The practice exchange as a program: its folder, its HTTPS server, start and stop.

Rule of this file: wiring only. Nothing is printed. Sources of time and randomness enter here and nowhere else.
"""

import asyncio
import datetime as dt
import random
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from pretrade.practice.certs import CA_FILE, ensure_certificates, write_private
from pretrade.practice.control import Control
from pretrade.practice.dispatch import Dispatcher
from pretrade.practice.exchange import Exchange
from pretrade.practice.faults import FaultPlan
from pretrade.practice.front import Front
from pretrade.practice.keys import load_keys
from pretrade.practice.maker import MarketMaker
from pretrade.practice.ratelimit import RateLimiter
from pretrade.practice.requestlog import RequestLog
from pretrade.practice.state import Clock
from pretrade.practice.world import MAIN_ACCOUNT, MAIN_CASH, default_world

TOKEN_FILE = "control.token"  # noqa: S105  (a file's name)
_SHUTDOWN_SECONDS = 2.0


def wall_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Config:
    """Where the exchange keeps its files and listens; port 0 takes a free one. `tier` sets the rate limits."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 9443
    seed: int = 1
    tier: str = "prestige"
    clock: Clock = field(default=wall_clock)


@dataclass(frozen=True, slots=True)
class RunningPractice:
    """A started exchange, with what tests and people in the same process need of it."""

    host: str
    port: int
    ca_file: Path
    control_token: str
    exchange: Exchange
    maker: MarketMaker
    faults: FaultPlan
    log: RequestLog
    _runner: web.AppRunner
    _stopping: asyncio.Event

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return f"{self.origin}/trade-api/v2"

    async def stop(self) -> None:
        """Stop listening, let running requests end (held answers go out at once) and close all connections."""
        self._stopping.set()
        server = self._runner.server
        transports = [c.transport for c in server.connections if c.transport is not None] if server is not None else []
        await self._runner.cleanup()
        for transport in transports:
            # a peer that never answers the TLS goodbye would keep its socket open longer than the loop lives
            transport.abort()
        await asyncio.sleep(0)


async def start(config: Config) -> RunningPractice:
    """Start an exchange with fresh books and cash. Raises KeyFileError for a bad key file, OSError for a taken port."""
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, server_file = ensure_certificates(config.folder, dt.datetime.now(dt.UTC))
    token = secrets.token_urlsafe(32)
    write_private(config.folder / TOKEN_FILE, token.encode())
    dispatcher = _dispatcher(config)
    faults, log, stopping = FaultPlan(), RequestLog(), asyncio.Event()
    control = Control(dispatcher, faults, log, token)
    front = Front(dispatcher, control, faults, log, stopping)
    runner, port = await _listen(config, front, server_file)
    return RunningPractice(
        host=config.host,
        port=port,
        ca_file=config.folder / CA_FILE,
        control_token=token,
        exchange=dispatcher.exchange,
        maker=dispatcher.maker,
        faults=faults,
        log=log,
        _runner=runner,
        _stopping=stopping,
    )


async def serve(config: Config, ready: Callable[[RunningPractice], None] | None = None) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called once it listens, so that the caller can say so."""
    running = await start(config)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        if ready is not None:
            ready(running)
        await stop.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        await running.stop()


def _dispatcher(config: Config) -> Dispatcher:
    keys = load_keys(config.folder)
    exchange = Exchange(default_world(config.clock()), config.clock, random.Random(config.seed))  # noqa: S311
    for account in sorted({MAIN_ACCOUNT} | {key.account for key in keys.values()}):
        exchange.open_account(account, MAIN_CASH)
    maker = MarketMaker(exchange, random.Random(f"maker-{config.seed}"))  # noqa: S311
    maker.start()
    return Dispatcher(exchange, maker, keys, RateLimiter(config.tier))


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
    return socket.create_server((host, port), family=family)


async def _hide_server(request: web.Request, response: web.StreamResponse) -> None:
    """The exchange does not say that it is aiohttp, so neither do we."""
    response.headers.pop("Server", None)
