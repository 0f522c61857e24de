"""A whole world of a seed: exchange, proxy, clients, crowd, disk, network, clock and misfortune.

Rule of this file: everything that happens follows from the seed; each part draws from a randomness of its own, so that
a change to one leaves the others alone. First everybody acts and things go wrong; then faults stop and time passes.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from structlog.testing import capture_logs
from tests.simulation.clients import SimClient
from tests.simulation.counted import Sums, excesses, shortfalls, sums_of
from tests.simulation.crowd import Crowd
from tests.simulation.disk import Disk
from tests.simulation.ending import unknown, unlike_its_rows, untrue
from tests.simulation.exchange import Wire
from tests.simulation.loop import StuckError, VirtualLoop, run
from tests.simulation.misfortune import Misfortune
from tests.simulation.plan import MARKETS, SHARERS, Plan, key, policy_of, scenario
from tests.simulation.process import Process, task_factory
from tests.simulation.trace import Trace
from tests.simulation.watch import ACCOUNT, Asked, BrokenError, Watch

from pretrade.gateway.account import reconcile, snapshots
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.way import refusals
from pretrade.gateway.way.identity import Client
from pretrade.journal.errors import JournalError
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.simulation import Simulation
from pretrade.risk.ledger.ledger import Ledger

ACTIVE_S = 10.0
QUIET_S = 150.0
"""How long after the last fault everything must be known; it takes no longer than it has to. Where our clock was ahead
it takes as much longer: an order is proven absent once the clock has passed the time it was signed at."""
_LIVE_KEY = 9


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `broken` says what was, and is None where everything held."""

    seed: int
    trace: Trace
    broken: str | None
    steps: int


class World:
    """All parts of one seed's world."""

    def __init__(self, seed: int, loop: VirtualLoop, state_dir: Path) -> None:
        self.loop, self.plan, self._seed = loop, Plan.of(seed), seed
        self.policy = policy_of(self.plan.limits, sharing=self.plan.sharing)
        self.clock = Clock(self._utc_ns, lambda: 10**12 + self._passed_us() * 1_000)
        self.trace = Trace(self._passed_us)
        self.watch = Watch(self.trace, SHARERS if self.plan.sharing else ())
        keys = KeyStore([ApiKey("live-key", ACCOUNT, key(_LIVE_KEY).public_key(), ("read", "write"))])
        self.simulation = Simulation(scenario(), seed, start_us=self.plan.start_us, keys=keys)
        self.simulation.practice.dispatcher.portfolio.lag = self.plan.lag
        self.disk, self._state_dir = Disk(self._chance("disk")), state_dir
        self.wire = Wire(self.simulation, self._chance("wire"), self.watch, self._exchange_us, self._look)
        moving = (self._exchange_us, self._look)
        self.crowd = Crowd(
            self.simulation, self._chance("crowd"), MARKETS, self.trace, *moving, has_outsider=self.plan.outsider
        )
        self.registered = {
            one.key_id: Client(
                name, one.key_id, one.subaccount, key(number).public_key(), shares_subaccount=one.shares_subaccount
            )
            for number, (name, one) in enumerate(self.policy.clients.items())
        }
        self.clients = [self._client(number, one) for number, one in enumerate(self.registered.values())]
        for client, other in zip(self.clients, [*self.clients[1:], self.clients[0]], strict=True):
            client.of_others = other.known
        self.fate = Misfortune(seed, self.plan, self.watch, self.disk, self._process)
        self._true: Sums | None = None

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{what}-{self._seed}")

    def _passed_us(self) -> int:
        return round(self.loop.time() * 1_000_000)

    def _exchange_us(self) -> int:
        return self.plan.start_us + self._passed_us()

    def _utc_ns(self) -> int:
        return (self._exchange_us() + self.fate.clock_offset_us) * 1_000

    def _client(self, number: int, who: Client) -> SimClient:
        chance = self._chance(who.name)
        return SimClient(who.name, who.key_id, key(number), MARKETS, chance, self.clock, self.watch, self._serve)

    def _process(self, number: int) -> Process:
        return Process(
            number,
            disk=self.disk,
            state_dir=self._state_dir,
            wire=self.wire,
            watch=self.watch,
            clock=self.clock,
            policy=self.policy,
            clients=self.registered,
            live_key=key(_LIVE_KEY),
            chance=self._chance(f"process-{number}"),
        )

    def _serve(self, raw: RawRequest, asked: Asked) -> asyncio.Future[Answer]:
        if self.fate.process is not None:
            return self.fate.process.serve(raw, asked)
        nobody: asyncio.Future[Answer] = self.loop.create_future()
        nobody.set_exception(ConnectionRefusedError())
        return nobody

    def _look(self) -> None:
        """The exchange may have changed."""
        self.watch.orders(self.simulation.practice.exchange)
        self.watch.dirty, self._true = True, None

    async def play(self) -> None:
        """Let everybody act, then let everything come to rest."""
        for _ in range(12):
            self.crowd.act()
        self.fate.start()
        lives = [client.live(self._is_over) for client in self.clients for _ in range(2)]
        lives += [self.crowd.live(self._is_over), self.fate.live(ACTIVE_S)]
        for task in [asyncio.create_task(life) for life in lives]:
            await task
        self.wire.faulty = self.disk.faulty = False
        ahead_s = self.fate.most_ahead_us / 1_000_000
        self.fate.clock_offset_us = 0
        self.trace.note("world", "faults stop")
        process = await self.fate.require_running()
        await self._come_to_rest(process, QUIET_S + ahead_s)
        await process.journal.settled()
        self.watch.at_the_end()
        for what in (*self.watch.rows.changed(self.policy), *unlike_its_rows(process)):
            self.watch.breach(what)
        self.watch.require_whole()

    def _is_over(self) -> bool:
        return self.loop.time() >= ACTIVE_S

    async def _come_to_rest(self, process: Process, within_s: float) -> None:
        """Wait until no end is unknown any more and the ledger has what the exchange has."""
        too_late = self.loop.time() + within_s
        await asyncio.sleep(3)
        while wrong := tuple(self._wrong(process.instance.ledger)):
            if self.loop.time() > too_late:
                self.watch.breach(f"{within_s:g} s after the last fault: {'; '.join(wrong)}")
                self.watch.require_whole()
            await asyncio.sleep(1)

    def _wrong(self, ledger: Ledger) -> Iterator[str]:
        """What must come right by itself. Where somebody trades past the proxy, more than the truth may be counted."""
        exchange = self.simulation.account(ACCOUNT)
        yield from unknown(ledger)
        yield from shortfalls(ledger.live, sums_of(exchange)) if self.plan.outsider else untrue(ledger, exchange)

    def after_step(self) -> None:
        """What holds at every step: what is counted is no less than the truth and no more than the limits.

        What came past the proxy is counted once it was read: of worlds with an outsider only the end is looked at.
        """
        self.watch.require_whole()
        if not self.watch.dirty or self.fate.process is None or self.plan.outsider:
            return
        self.watch.dirty = False
        if self._true is None:
            self._true = sums_of(self.simulation.account(ACCOUNT))
        ledger = self.fate.process.instance.ledger.live
        exempt = self.watch.rows.exempt
        for what in (*shortfalls(ledger, self._true), *excesses(ledger, self.policy, MARKETS, exempt)):
            self.watch.breach(what)
        self.watch.require_whole()


def play(seed: int) -> Outcome:
    """Run the world of a seed to its end, or to the first breach."""
    loop = VirtualLoop(seed)
    loop.set_task_factory(task_factory)  # type: ignore[arg-type]
    broken = None
    with TemporaryDirectory() as folder, _adapted(seed), capture_logs():
        world = World(seed, loop, Path(folder))
        loop.after_step = world.after_step
        loop.set_exception_handler(lambda _, told: world.watch.breach(f"nobody caught {told.get('exception') or told}"))
        try:
            run(loop, world.play())
        except (BrokenError, StuckError, JournalError) as e:  # the last: a start that cannot read its own rows
            broken = str(e)
    return Outcome(seed, world.trace, broken, loop.steps)


@contextmanager
def _adapted(seed: int) -> Iterator[None]:
    """Decision ids come from the seed too; snapshots are taken often; rounds that wait for time to pass are fewer."""
    with (
        patch.object(refusals, "secrets", _Secrets(random.Random(f"ids-{seed}"))),
        patch.object(snapshots, "EVERY_ROWS", 30),
        patch.object(reconcile, "SOON_S", 4.0),
    ):
        yield


class _Secrets:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def token_hex(self, count: int) -> str:
        return self._chance.randbytes(count).hex()
