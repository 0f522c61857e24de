"""The load: asks the same thing over a number of kept connections, one at a time on each, and keeps time.

Run as `python load.py`: one job a line on standard input (JSON), one result a line on standard output, until the input
ends. Each connection is a client with an Ed25519 key of its own, so that signing is cheap and no signature repeats.
With `fresh`, each request has a connection of its own, and the time of a request includes making it.
"""

import asyncio
import base64
import functools
import json
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from origin import content_length

from pretrade.kalshi.keys import load_private_key, signing_text

GRACE_S = 30.0
"""What a window may take beyond its time before it is given up."""

PATHS = {
    "markets": ("GET", "/trade-api/v2/markets", "?limit=1"),
    "balance": ("GET", "/trade-api/v2/portfolio/balance", ""),
    "order": ("POST", "/trade-api/v2/portfolio/events/orders", ""),
    "large-order": ("POST", "/trade-api/v2/portfolio/events/orders", ""),
}
_COUNTS = {"order": "10.00", "large-order": "500.00"}
"""Contracts of an order: within the limits of the benchmark's policy, and beyond one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, through which tunnel, and the process whose CPU time is read, with its children (0: none).
    Without a CA there is no TLS; `server_name` is what the Host header says as well."""

    name: str
    port: int
    tunnel: str
    server_name: str
    ca: str
    pid: int


@dataclass(frozen=True, slots=True)
class Job:
    """One window of load. `status` is the answer that is expected; `tag` begins every client_order_id, so that the
    journal's rows can be told apart."""

    target: Target
    what: str
    fresh: bool
    status: int
    concurrency: int
    seconds: float
    tag: str
    keys: str
    origin_pid: int


@dataclass(frozen=True, slots=True)
class Window:
    """What was measured: times in milliseconds, CPU in milliseconds a request."""

    requests: int
    failed: int
    failure: str
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    load_cpu_ms: float
    origin_cpu_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def key_file(folder: Path, number: int) -> Path:
    """Where the private key of one client lies."""
    return folder / f"bot-{number}.pem"


@dataclass(slots=True)
class _Bot:
    """One client, on one connection at a time."""

    number: int
    job: Job
    key: Ed25519PrivateKey
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    _stamp: int = 0
    _orders: int = 0

    async def ask(self, tag: str) -> None:
        """Ask once and wait for the whole answer."""
        message = self._message(tag)
        began = time.perf_counter()
        if self._connection is None:
            self._connection = await _connect(self.job.target)
        reader, writer = self._connection
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(content_length(head))
        self.times.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 %d " % self.job.status):
            self.failures.append(f"{head.split(b'\r\n', 1)[0].decode()}: {body[:300].decode()}")
        if self.job.fresh:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

    async def ask_until(self, end: float) -> None:
        """Ask again and again until the time is over."""
        while time.perf_counter() < end:
            await self.ask(self.job.tag)

    def _message(self, tag: str) -> bytes:
        method, path, query = PATHS[self.job.what]
        self._stamp = max(time.time_ns() // 1_000_000, self._stamp + 1)
        signature = base64.b64encode(self.key.sign(signing_text(self._stamp, method, path))).decode()
        body = self._order(tag) if method == "POST" else b""
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = (
            f"{method} {path}{query} HTTP/1.1\r\nHost: {self.job.target.server_name}\r\nAccept: application/json\r\n"
            f"User-Agent: bench\r\nKALSHI-ACCESS-KEY: bot-{self.number}\r\nKALSHI-ACCESS-TIMESTAMP: {self._stamp}\r\n"
            f"KALSHI-ACCESS-SIGNATURE: {signature}\r\n{content}\r\n"
        )
        return head.encode() + body

    def _order(self, tag: str) -> bytes:
        self._orders += 1
        order = {
            "ticker": "KXBTC-26DEC31-T100000",
            "client_order_id": f"{tag}-{self.number}-{self._stamp}-{self._orders}",
            "side": "bid",
            "count": _COUNTS[self.job.what],
            "price": "0.5600",
            "time_in_force": "immediate_or_cancel",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return json.dumps(order).encode()


async def measure(job: Job) -> Window:
    """Connect, ask once on each connection unmeasured, then load for the job's time. Raises OSError or TimeoutError."""
    async with asyncio.timeout(job.seconds + GRACE_S):
        keys = [_key(key_file(Path(job.keys), number)) for number in range(job.concurrency)]
        bots = [_Bot(number, job, key) for number, key in enumerate(keys)]
        await asyncio.gather(*(bot.ask("warm") for bot in bots))
        for bot in bots:
            bot.times.clear()
        used, began = _cpu_times(job), time.perf_counter()
        await asyncio.gather(*(bot.ask_until(began + job.seconds) for bot in bots))
        seconds, now_used = time.perf_counter() - began, _cpu_times(job)
        for bot in bots:
            bot.hang_up()
    times = sorted(moment for bot in bots for moment in bot.times)
    failures = [failure for bot in bots for failure in bot.failures]
    cpu = [1000 * (after - before) / len(times) for before, after in zip(used, now_used, strict=True)]
    p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.50, 0.99))
    return Window(len(times), len(failures), next(iter(failures), ""), seconds, p50, p99, *cpu)


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    if target.tunnel:
        writer.write(f"CONNECT {target.tunnel} HTTP/1.1\r\nHost: {target.tunnel}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200" not in head.split(b"\r\n", 1)[0]:
            raise OSError(f"{target.name} refused the tunnel: {head!r}")
    if target.ca:
        await writer.start_tls(_tls_context(target.ca), server_hostname=target.server_name)
    return reader, writer


@functools.cache
def _tls_context(ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    return context


@functools.cache
def _key(path: Path) -> Ed25519PrivateKey:
    key = load_private_key(path.read_bytes())
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path} must be an Ed25519 key")
    return key


def _cpu_times(job: Job) -> tuple[float, float, float]:
    """Seconds of CPU used so far by the proxy, by us, and by the origin."""
    return _cpu_time(job.target.pid), time.process_time(), _cpu_time(job.origin_pid)


def _cpu_time(pid: int) -> float:
    if not pid:
        return 0.0
    own = psutil.Process(pid)
    used = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in used))


def job_of(fields: dict[str, Any]) -> Job:
    """A job from its JSON form."""
    return Job(**{**fields, "target": Target(**fields["target"])})


def main() -> None:
    """Work on jobs until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(asdict(asyncio.run(measure(job_of(json.loads(line)))))), flush=True)


if __name__ == "__main__":
    main()
