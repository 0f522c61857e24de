"""A scenario made into an exchange that answers: the one place where all its parts are put together.

Rule of this file: wiring only, no HTTP and no I/O; clock, seed and keys are given. The server and the in-process
simulation stand on the same `assemble`.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from pretrade.practice.api.dispatch import Dispatcher
from pretrade.practice.api.keystore import KeyStore
from pretrade.practice.api.ratelimit import RateLimiter
from pretrade.practice.core import transfers
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.state import Clock
from pretrade.practice.faults.plan import FaultPlan
from pretrade.practice.keeping.moment import Moment
from pretrade.practice.keeping.recording import Member, RecordedDispatcher, Recorder, members
from pretrade.practice.requestlog import RequestLog
from pretrade.practice.scenario import Scenario, Step
from pretrade.practice.stream.hub import Hub
from pretrade.practice.worlds.instruments import instruments
from pretrade.practice.worlds.maker import Makers
from pretrade.practice.worlds.opening import open_accounts, rest_orders
from pretrade.practice.worlds.strangers import Strangers


@dataclass(frozen=True, slots=True)
class Told:
    """A step of the script that was taken: when, its name, and what came of it; `failed` says it could not be done."""

    at_us: int
    name: str
    result: object
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Practice:
    """A whole practice exchange in this process, without HTTP."""

    scenario: Scenario
    moment: Moment
    exchange: Exchange
    dispatcher: Dispatcher
    makers: Makers
    faults: FaultPlan
    log: RequestLog
    hub: Hub
    recorder: Recorder
    told: list[Told] = field(default_factory=list)
    conditions: dict[str, object] = field(default_factory=dict)
    """Who set each condition last: the end of an earlier setting does not end a later one."""

    def tick(self) -> None:
        """Do everything that is due by the clock. How often this is called changes nothing but when it is noticed."""
        with self.moment.held():
            self.exchange.advance()


def assemble(
    scenario: Scenario,
    *,
    clock: Clock,
    seed: int,
    keys: KeyStore | None = None,
    tier: str = "prestige",
    start_us: int | None = None,
    newcomers: Iterable[Member] = (),
) -> Practice:
    """Build the exchange of a scenario: same scenario, seed, clock readings and calls, same exchange to the byte.

    `keys` are known beside those of the scenario. Accounts that only they or `newcomers` name are opened with the
    world's `newcomer_cash`. It starts now, or at `start_us` when it is built once more. Raises OpeningError for a
    world that the exchange itself refuses.
    """
    moment, keys = Moment(clock), KeyStore() if keys is None else keys
    with moment.held(start_us) as started_us:
        exchange = Exchange(instruments(scenario.world, started_us), moment, random.Random(seed))  # noqa: S311
        makers, strangers = _people(scenario, exchange, seed)
        limiter = RateLimiter(tier)
        recorder = Recorder(moment)
        dispatcher = RecordedDispatcher(exchange, makers.react, keys, limiter, scenario.extras)
        dispatcher.recorder = recorder
        practice = Practice(
            scenario=scenario,
            moment=moment,
            exchange=exchange,
            dispatcher=dispatcher,
            makers=makers,
            faults=FaultPlan(random.Random(f"faults-{seed}")),  # noqa: S311
            log=RequestLog(),
            hub=Hub(exchange),
            recorder=recorder,
        )
        _populate(practice, keys, limiter, [*members(keys.values()), *newcomers])
        makers.start()
        strangers.start()
        for step in scenario.steps:
            exchange.schedule(step.at.at(started_us), partial(_take, practice, step))
        return practice


def welcome(practice: Practice, those: Iterable[Member]) -> None:
    """Open accounts that are not open yet, with the world's `newcomer_cash`, and the subaccounts that are named."""
    for name, subaccount in those:
        account = practice.exchange.open_account(name, practice.scenario.world.newcomer_cash)
        if subaccount and subaccount not in account.subaccounts:
            transfers.open_subaccount(practice.exchange, account, subaccount)


def go_wrong(practice: Practice) -> None:
    """Let the faults wait that the world has from its start, and no others."""
    practice.faults.clear()
    practice.hub.faults.clear()
    for fault in practice.scenario.faults:
        practice.faults.add(fault)
    for stream_fault in practice.scenario.stream_faults:
        practice.hub.faults.add(stream_fault)


def _take(practice: Practice, step: Step) -> None:
    """Take one step of the script. One that cannot be done is told and the others go on."""
    now = practice.exchange.clock()
    try:
        practice.told.append(Told(now, step.name, step.act(practice)))
    except ExchangeError as error:
        practice.told.append(Told(now, step.name, f"the exchange refuses it: {error.message}", failed=True))
    except ValueError as error:
        practice.told.append(Told(now, step.name, str(error), failed=True))
    practice.makers.react()


def _people(scenario: Scenario, exchange: Exchange, seed: int) -> tuple[Makers, Strangers]:
    world = scenario.world
    manners = {market.ticker: world.maker_of(market) for market in world.markets}
    habits = {market.ticker: habit for market in world.markets if (habit := market.noise or world.noise) is not None}
    makers = Makers(exchange, random.Random(f"maker-{seed}"), manners)  # noqa: S311
    return makers, Strangers(exchange, random.Random(f"noise-{seed}"), habits, makers.react)  # noqa: S311


def _populate(practice: Practice, keys: KeyStore, limiter: RateLimiter, newcomers: list[Member]) -> None:
    """Accounts, keys and their tiers, resting orders, and what goes wrong from the start."""
    scenario, world, start_us = practice.scenario, practice.scenario.world, practice.moment()
    for key in scenario.keys:
        keys.lend(key)
    those = sorted({*newcomers, *members(scenario.keys)}, key=lambda one: (one[0], one[1] or 0))
    open_accounts(practice.exchange, world, {name for name, _ in those} - set(world.accounts))
    welcome(practice, those)
    for name, account in world.accounts.items():
        if account.tier is not None:
            limiter.set_tier(name, account.tier)
    for name, until in scenario.regions.items():
        keys.attest_region(name, until.at(start_us) // 1_000_000)
    rest_orders(practice.exchange, world)
    practice.dispatcher.portfolio.lag = scenario.lag
    go_wrong(practice)
